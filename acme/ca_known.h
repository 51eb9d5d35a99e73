/* acme/ca_known.h -- what is known of certain CAs without asking them: those that browsers trust all refuse what the
 * Baseline Requirements of the CA/Browser Forum do not allow. */
#ifndef ACME_CA_KNOWN_H
#define ACME_CA_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

struct acme_ca_known {
	const char *const *identities;	/* issuer domain names for CAA; NULL-terminated; NULL: not known */
	unsigned names_max;		/* in one certificate */
	bool is_public;
	bool is_letsencrypt;
};

/* Of the CA with this directory (URL) and, where that matters, under this profile (may be NULL). */
struct acme_ca_known acme_ca_known(const char *directory, const char *profile);

#endif
