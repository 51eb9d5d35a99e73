/* acme/reply.h -- what an ACME server says (RFC 8555, section 7.1), from JSON into plain structs; strings become enums
 * here and nowhere else.  Unknown members and values are passed over (section 7.1: clients must ignore them); a
 * missing or wrong one that we need is ERR_PEER with words that name it.
 *
 * Every struct keeps its JSON and borrows the strings from it: acme_..._clear() ends both.  A failed _read leaves
 * nothing to clear. */
#ifndef ACME_REPLY_H
#define ACME_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/problem.h"
#include "base/buf.h"
#include "base/err.h"

/* One answer of the server, as the engines see it.  Borrowed for the duration of a call. */
struct acme_reply {
	enum err err;			/* no answer at all: ERR_NETWORK, ERR_TIMEOUT, ERR_PEER, ... */
	const char *words;		/* why, when err is not ERR_OK */
	const char *problem;		/* likewise: the type of the problem document behind it; NULL: there is none */
	long status;			/* of HTTP */
	const char *url;		/* that answered, after redirects; NULL: not known */
	const char *nonce, *location, *content_type;	/* NULL where absent */
	int64_t date_s;			/* by the clock of the server; 0: it did not say */
	const char *const *links;	/* the values of its Link fields: acme/link.h */
	size_t nlinks;
	int64_t retry_after_s;		/* from now; -1: the server said nothing */
	const char *body;		/* NUL-terminated, n octets without it */
	size_t n;
};

/* Of the length and the characters of a URL that begins with https://; NULL is not.  Everything we send is signed or
 * secret to the CA, so nothing else will do (RFC 8555, section 6.1). */
bool acme_is_https(const char *url);

/* Retry-After (RFC 9110, section 10.2.3), seconds or a date, as seconds from now_s, a date until its second is over;
 * -1: absent or malformed.  Never more than ACME_RETRY_AFTER_MAX_S. */
#define ACME_RETRY_AFTER_MAX_S 86400
int64_t acme_retry_after(const char *field, int64_t now_s);

struct acme_directory {			/* section 7.1.1 */
	json_t *json;
	const char *new_nonce, *new_account, *new_order;
	/* NULL where absent: */
	const char *revoke_cert, *key_change;
	const char *renewal_info;	/* RFC 9773, section 4.1 */
	const char *terms, *website;	/* meta: */
	const json_t *caa_identities;	/* an array of strings */
	const json_t *profiles;		/* an object: name -> words or a URL (draft-ietf-acme-profiles) */
	const json_t *issuer_domain_names;	/* an array of strings (draft-ietf-acme-dns-persist-02) */
	const char *account_hash_prefix;
	bool external_account_required;
};
enum err acme_directory_read(const char *json, size_t n, struct acme_directory *out, struct fault *f);
void acme_directory_clear(struct acme_directory *d);

enum acme_account_status { ACCOUNT_VALID, ACCOUNT_DEACTIVATED, ACCOUNT_REVOKED };
struct acme_account_object {		/* section 7.1.2 */
	json_t *json;
	enum acme_account_status status;
	const json_t *contact;		/* an array of strings; NULL where absent */
};
enum err acme_account_read(const char *json, size_t n, struct acme_account_object *out, struct fault *f);
void acme_account_object_clear(struct acme_account_object *a);

enum acme_order_status { ORDER_PENDING, ORDER_READY, ORDER_PROCESSING, ORDER_VALID, ORDER_INVALID };
struct acme_order_object {		/* section 7.1.3 */
	json_t *json;
	enum acme_order_status status;
	const json_t *identifiers;	/* as the CA sent them; NULL where absent */
	const json_t *authorizations;	/* an array of strings, all https */
	const char *finalize;
	const char *certificate;	/* NULL until valid */
	const json_t *error;		/* a problem, or NULL */
};
enum err acme_order_object_read(const char *json, size_t n, struct acme_order_object *out, struct fault *f);
void acme_order_object_clear(struct acme_order_object *o);

enum acme_authorization_status {
	AUTHORIZATION_PENDING, AUTHORIZATION_VALID, AUTHORIZATION_INVALID, AUTHORIZATION_DEACTIVATED,
	AUTHORIZATION_EXPIRED, AUTHORIZATION_REVOKED
};
enum acme_challenge_status { CHALLENGE_PENDING, CHALLENGE_PROCESSING, CHALLENGE_VALID, CHALLENGE_INVALID };
struct acme_challenge {			/* section 7.1.5 and 8 */
	enum acme_challenge_status status;
	const char *url, *token;
	const json_t *error;		/* a problem, or NULL */
};
struct acme_authorization {		/* section 7.1.4 */
	json_t *json;
	enum acme_authorization_status status;
	const char *name;		/* a dns identifier, without "*." */
	bool wildcard;
	const json_t *challenges;	/* whatever the CA sent; NULL where absent */
	const json_t *error;		/* of the challenge that failed, whatever its type; or NULL */
};
/* What all types of challenges have.  False: it lacks a status that we know, or an https URL.  token may be NULL. */
bool acme_challenge_read(const json_t *object, struct acme_challenge *out);

enum err acme_authorization_read(const char *json, size_t n, struct acme_authorization *out, struct fault *f);
void acme_authorization_clear(struct acme_authorization *a);

#endif
