/* server/config_acme.h -- the acme: section of certns.yaml.  Part of server/config.h. */
#ifndef SERVER_CONFIG_ACME_H
#define SERVER_CONFIG_ACME_H

#include <openssl/sha.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/acme.h"
#include "acme/bucket.h"
#include "acme/key.h"
#include "base/buf.h"
#include "server/config_address.h"

struct config_eab {			/* external account binding */
	char *kid;			/* NULL: none */
	char *hmac, *hmac_file;		/* one of them, as it is written */
	struct buf secret;		/* the octets of it */
};

struct config_authority {
	char *directory;		/* URL; "letsencrypt" and "letsencrypt-staging" are resolved already */
	char *ca_certificates;		/* or NULL */
	char **contact;			/* NULL-terminated, or NULL */
	bool terms_agreed;
	enum acme_key_type key_type;
	char *key_file;			/* or NULL */
	char key_thumbprint[ACME_THUMBPRINT_LEN];	/* of the key in it */
	struct config_eab eab;
	char *name;
	char *profile, *preferred_chain;	/* or NULL */
	unsigned failover_after_s;
	enum acme_challenge_type challenges[ACME_CHALLENGE_TYPES];	/* best first */
	size_t nchallenges;
	unsigned persist_lifetime_s;	/* 0: standing records have no end */
	struct acme_limits limits;
	bool has_limits;		/* else those that we know of it */
};

struct config_label {			/* of CSRs, in front of a host's name */
	char *label, *authority, *profile;	/* authority, profile: or NULL */
};

struct config_hooks {			/* commands for /bin/sh; NULL: none */
	char *issued, *renewed, *failed, *expiring;
	unsigned timeout_s;
};

struct config_self_check {
	bool given;			/* of a zone: else as for all */
	unsigned ways;			/* ACME_CHECK_...; 0: none */
};

struct config_resolver {
	enum acme_resolver_kind kind;
	char *name;			/* as it is written */
	struct config_address address;	/* PLAIN */
	char *url;			/* else; without "json+" and "{?dns}" */
	bool get;
};

struct config_acme {
	struct config_authority *authorities;
	size_t nauthorities;		/* 0: no ACME */
	struct config_label *labels;
	size_t nlabels;
	uint32_t challenge_ttl;
	char *proxy;			/* or NULL */
	char *proxy_credentials_file, *proxy_credentials;	/* "user:password"; or NULL */
	char *proxy_certificates;	/* or NULL */
	bool closed;			/* nothing but the proxy is contacted */
	struct config_resolver *resolvers;
	size_t nresolvers;
	char *resolver_certificates;	/* or NULL */
	struct config_self_check self_check;
	enum config_silent { SILENT_FATAL, SILENT_WAIVE } silent;	/* servers that say nothing for silent_s */
	unsigned self_check_timeout_s, silent_s;
	unsigned request_timeout_s;
	bool accept_hopeless;		/* UPDATE takes CSRs of which no certificate can come */
	bool status;			/* TXT at _status.<label>.<host> */
	struct config_hooks hooks;
	uint8_t digest[SHA256_DIGEST_LENGTH];	/* of the section, and the files that it names: has it changed? */
};

void config_eab_clear(struct config_eab *e);
void config_acme_clear(struct config_acme *c);

#endif
