/* acme/ari.h -- what the CA says about when to renew (RFC 9773): names of certificates and suggested windows.  Pure
 * functions; acme/renewal.h keeps the outcome, acme/host_ari.c asks. */
#ifndef ACME_ARI_H
#define ACME_ARI_H

#include "base/buf.h"
#include "base/err.h"

#define ACME_ARI_ID_SIZE 160
#define ACME_ARI_URL_SIZE 256

/* The CertID of a certificate (section 4.1): its issuer's key identifier and its serial number.  id stays "" for one
 * without the former, or with one that is too long: the CA is not asked about it. */
void acme_ari_id(const uint8_t *der, size_t n, char id[ACME_ARI_ID_SIZE]);

struct acme_ari_window {		/* section 4.2 */
	int64_t start_s, end_s;		/* both 0: none */
	char explanation[ACME_ARI_URL_SIZE];	/* URL, for people; "": none */
};

/* ERR_PEER with words: no window, or one that does not end after it starts. */
enum err acme_ari_read(const char *json, size_t n, struct acme_ari_window *out, struct fault *f);

/* "2026-11-22T10:00:00.25+01:00" (RFC 3339, section 5.6) to seconds since the epoch. */
bool acme_ari_time(const char *text, int64_t *out);

#endif
