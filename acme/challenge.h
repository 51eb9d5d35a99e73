/* acme/challenge.h -- which of the challenges that a CA offers is used, and the record that answers it: dns-01 (RFC
 * 8555, section 8.4), dns-account-01 (draft-ietf-acme-dns-account-label-02) and dns-persist-01
 * (draft-ietf-acme-dns-persist, as of -00 and -01 with the account in clear, and as of -02 with a hash of it).
 *
 * What a CA says here decides what is published in somebody's zone.  So a record says only what is ours: the hash of
 * our own key, or our own account, and that only where it is plainly an account at this CA. */
#ifndef ACME_CHALLENGE_H
#define ACME_CHALLENGE_H

#include "acme/acme.h"
#include "acme/jws.h"
#include "acme/reply.h"
#include "wire/dname.h"

bool acme_challenge_type_parse(const char *text, enum acme_challenge_type *out);	/* false: none that we know */
const char *acme_challenge_type_str(enum acme_challenge_type type);

struct acme_choice;

/* What is the same for all authorizations of an order.  Borrowed. */
struct acme_challenge_means {
	const enum acme_challenge_type *preferred;	/* best first */
	size_t npreferred;				/* 0: dns-01 alone */
	const char *directory;				/* URL */
	const char *account;				/* URL */
	const char *thumbprint;				/* of the account key */
	const char *hash_prefix;	/* accountHashPrefix of the directory's meta; NULL: it has none */

	/* Is there a place for its record?  Where there is none for any, the best is chosen all the same.  May be
	 * NULL. */
	bool (*possible)(void *ctx, const struct acme_choice *c);
	void *ctx;
};

/* What a standing record has to say. */
struct acme_standing {
	struct dname owner;		/* _validation-persist.<name> */
	char *issuers;			/* what the CA calls itself, comma separated, in lower case; any one will do */
	char *account;			/* accounturi */
	char *fleet;			/* another one that will do as well: a hash for any name; or NULL */
	bool wildcard;			/* policy=wildcard is needed */
};
enum err acme_standing_copy(struct acme_standing *to, const struct acme_standing *from);
void acme_standing_clear(struct acme_standing *s);

struct acme_choice {
	enum acme_challenge_type type;
	struct acme_challenge challenge;		/* borrows from the JSON; token may be NULL */
	struct dname owner;				/* of the TXT record */
	char value[ACME_TXT_VALUE_LEN + 1];		/* of a passing one; "" for ACME_DNS_PERSIST_01 */
	struct acme_standing standing;			/* for ACME_DNS_PERSIST_01; else empty */
};

/* The best of challenges (the member of an authorization; may be NULL or anything) for name, without "*.".  *out is the
 * caller's: acme_choice_clear().  ERR_PEER: none can be used; f says what is offered and why that will not do.
 * ERR_RANGE: the name is too long for a record.  ERR_NOMEM. */
enum err acme_challenge_choose(const struct acme_challenge_means *m, const json_t *challenges, const char *name,
    bool wildcard, struct acme_choice *out, struct fault *f);
void acme_choice_clear(struct acme_choice *c);

/* The owner of the record for name, which may begin with "*.".  account: URL; for ACME_DNS_ACCOUNT_01 only.
 * ERR_RANGE: too long. */
enum err acme_challenge_record(enum acme_challenge_type type, const char *name, const char *account, struct dname *out);

/* The label of an account: "_" and 16 characters (draft-ietf-acme-dns-account-label-02, section 3.2). */
#define ACME_ACCOUNT_LABEL_LEN 17
enum err acme_account_label(const char *account, char label[ACME_ACCOUNT_LABEL_LEN + 1]);

/* The accounturi of -02: prefix, "sha-256/", hash of domain (lower case; "*": any), thumbprint and account.  NULL: no
 * memory, or domain is too long; else free() it. */
char *acme_account_hash(const char *prefix, const char *domain, const char *thumbprint, const char *account);

#endif
