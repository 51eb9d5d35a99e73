/* server/config_acme.h -- the acme: section of certns.yaml.  Part of server/config.h. */
#ifndef SERVER_CONFIG_ACME_H
#define SERVER_CONFIG_ACME_H

#include <openssl/sha.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_authority {
	char *directory;		/* URL; "letsencrypt" and "letsencrypt-staging" are resolved already */
	char *ca_certificates;		/* or NULL */
	char **contact;			/* NULL-terminated, or NULL */
	bool terms_agreed;
	char *name;
	unsigned failover_after_s;
};

struct config_label {			/* of CSRs, in front of a host's name */
	char *label, *authority, *profile;	/* authority, profile: or NULL */
};

struct config_hooks {			/* commands for /bin/sh; NULL: none */
	char *issued, *renewed, *failed, *expiring;
	unsigned timeout_s;
};

struct config_acme {
	struct config_authority *authorities;
	size_t nauthorities;		/* 0: no ACME */
	struct config_label *labels;
	size_t nlabels;
	uint32_t challenge_ttl;
	char *proxy;			/* or NULL */
	bool self_check;		/* authoritative; false: none */
	bool status;			/* TXT at _status.<label>.<host> */
	struct config_hooks hooks;
	uint8_t digest[SHA256_DIGEST_LENGTH];	/* of the section as it is written: has it changed? */
};

void config_acme_clear(struct config_acme *c);

#endif
