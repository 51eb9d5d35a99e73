/* acme/acme.h -- the certificate engine: CSRs in TLSA records in, certificates in TLSA records out.
 *
 * It lives in one thread (the keeper), on that thread's event base, and never blocks.  It knows nothing of how zones
 * are stored or served: everything it reads or changes goes through struct acme_outside. */
#ifndef ACME_ACME_H
#define ACME_ACME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/proxy.h"
#include "acme/key.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/dname.h"
#include "zones/rr.h"

struct event_base;
struct sockaddr;

enum acme_challenge_type { ACME_DNS_01, ACME_DNS_ACCOUNT_01, ACME_DNS_PERSIST_01 };
#define ACME_CHALLENGE_TYPES 3

/* Names in configuration: see certns.yaml(5).  Strings are borrowed for the life of the engine. */
struct acme_authority_config {
	const char *directory;		/* URL */
	const char *ca_certificates;	/* trust for the server's TLS; NULL: the system's */
	const char *const *contact;	/* NULL-terminated; may be NULL */
	bool terms_agreed;
	const char *profile;		/* draft-aaron-acme-profiles; NULL: the CA's default */
	const char *preferred_chain;	/* common name of the issuer at the chain's top; NULL: the CA's default */
	const enum acme_challenge_type *challenges;	/* best first */
	size_t nchallenges;		/* 0: dns-01 alone */
	unsigned persist_lifetime_s;	/* of standing records; 0: they have no end */
	const char *name;		/* for zones, logs and status; NULL: the host of the directory's URL */
	enum acme_key_type key_type;	/* of a key that is made */
	const char *key_file;		/* the account's key in PEM; NULL: in the state directory, and made there */
	const char *eab_kid;		/* external account binding; NULL: none */
	const uint8_t *eab_secret;	/* octets of the HMAC key */
	size_t eab_secret_n;
	unsigned failover_after_s;	/* of failure for its own reasons, until the next is asked; 0: 6 hours */
	const struct acme_limits *limits;	/* acme/bucket.h; NULL: none are known */
};
struct acme_label_config {
	const char *label;		/* "_letsencrypt._tcp" */
	const char *authority;		/* name; NULL: the zone's choice */
	const char *profile;		/* NULL: the authority's */
};
/* Where a challenge must be seen before the CA is told to look: a set. */
enum { ACME_CHECK_AUTHORITATIVE = 1, ACME_CHECK_RESOLVER = 2, ACME_CHECK_DOH = 4 };
struct acme_check {
	unsigned ways;			/* 0: only here */
	unsigned silent_s;		/* who says nothing for so long */
	bool waive;			/* does not count; false: ends the attempt */
};

enum acme_resolver_kind { ACME_RESOLVER_PLAIN, ACME_RESOLVER_DOH, ACME_RESOLVER_JSON };

struct acme_resolver {
	enum acme_resolver_kind kind;
	const char *name;		/* as in the configuration */
	const struct sockaddr *address;	/* PLAIN */
	const char *url;		/* DOH, JSON: https, without the name or message that is asked about */
	bool get;			/* DOH: by GET, else by POST (RFC 8484, section 4.1) */
};
struct acme_config {
	const struct acme_authority_config *authorities;
	size_t nauthorities;		/* the first is used; when it fails, the next */
	const struct acme_label_config *labels;
	size_t nlabels;
	uint32_t challenge_ttl;		/* seconds */
	struct acme_proxy proxy;
	const struct acme_resolver *resolvers;	/* in the order of preference */
	size_t nresolvers;
	const char *resolver_certificates;	/* trust for those over HTTPS; NULL: the system's */
	bool closed;			/* nothing but the proxy may be contacted for a certificate */
	const char *state_directory; /* account key: acme-account-<16 hex of SHA-256 of the directory URL>.pem, 0600 */
	unsigned retry_first_s, retry_most_s;	/* 60, 86400 */
	unsigned propagation_timeout_s;	/* 120 */
	unsigned request_timeout_s;	/* of one request to a CA; 0: 60 */
	unsigned orders_at_once;	/* 0: 100; the rest waits its turn */
};

/* One change of one zone through the commit door: RRs out, then RRs in, all or nothing. */
struct acme_edit {
	const uint8_t *zone;		/* apex */
	const struct rr *remove;
	size_t nremove;
	const struct rr *add;
	size_t nadd;
	bool passing;			/* challenge records: served and transferred, never in git */
	int64_t until_s;		/* when passing RRs are swept on their own */
	const char *why;		/* for journal and commit message: "certificate for host.example.com" */
};

enum acme_state { ACME_IDLE_VALID, ACME_WORKING, ACME_WAITING_RETRY, ACME_REFUSED };
const char *acme_state_str(enum acme_state state);	/* "valid", "working", "failed", "refused" */

struct acme_status {			/* borrowed for the duration of the call */
	const uint8_t *owner;		/* <label>.<host>, in lower case */
	const char *host;		/* without the label and final dot */
	const char *label;
	enum acme_state state;
	const char *names;		/* of the CSR, comma separated */
	const char *issuer;		/* of the certificate in place; "" without one */
	const char *step;	/* what is being done, in words: "waiting for ns2.example.com to show the challenge" */
	const char *problem;		/* last failure with the CA's words; "" without one */
	const char *problem_type;	/* as the CA calls it: "rateLimited"; "" without one */
	const char *authority;		/* that issued, or was asked last; "": not known yet */
	const uint8_t *csr_digest;	/* SHA-256 of the CSR's DER */
	int64_t expires_s;		/* certificate; 0: none */
	int64_t next_s;			/* next step (renewal, retry); 0: now running or none */
	unsigned attempts;		/* failures in a row */
};

/* What may interest others than the engine.  Each but GONE comes with the state as it is after it. */
enum acme_event {
	ACME_EVENT_STATE,		/* state, next step or problem is another one */
	ACME_EVENT_ISSUED,		/* the first certificate for a CSR is published */
	ACME_EVENT_RENEWED,		/* another one took the place of a certificate */
	ACME_EVENT_FAILED,		/* an attempt failed */
	ACME_EVENT_EXPIRING,		/* once per certificate: little is left of it, and no other one is there */
	ACME_EVENT_GONE			/* the CSR was removed: the host will not be heard of again */
};

/* What stands for a name in the zones here. */
enum acme_place_kind {
	ACME_PLACE_FOREIGN,		/* it is in none of our zones */
	ACME_PLACE_HERE,		/* whatever is added there is found there; also when nothing is there yet */
	ACME_PLACE_ALIAS,		/* name is what it is an alias of, by CNAME or DNAME */
	ACME_PLACE_CUT,			/* it is at or below name, which zone delegates to servers elsewhere */
	ACME_PLACE_NONE			/* a DNAME above it makes a name that is too long */
};
struct acme_place {
	enum acme_place_kind kind;
	struct dname zone;		/* apex of ours; not for FOREIGN */
	const char *why_not;		/* why the zone may not be changed for ACME; NULL: it may */
	struct dname name;
	bool wildcard;			/* nothing has the name: a wildcard speaks for it */
};

/* Whoever made the engine; all calls come on its thread. */
struct acme_outside {
	void *ctx;

	/* The zone_editor: done(arg, err, words) is called exactly once, later or before edit() returns; ERR_OK means
	 * durable and published.  Today the local commit, later an RFC 2136 update at a remote primary. */
	void (*edit)(void *ctx, const struct acme_edit *edit,
	    void (*done)(void *arg, enum err err, const char *words), void *arg);

	/* Append to out all RRs of (name, type) in our zones; TTL included.  ERR_NOT_FOUND: name is in no zone of
	 * ours. */
	enum err (*lookup)(void *ctx, const uint8_t *name, uint16_t type, struct rr_list *out);

	/* The zone that name is in (longest match) and whether we may change it for ACME; false: in none of ours. */
	bool (*zone_of)(void *ctx, const uint8_t *name, struct dname *apex, bool *editable);

	/* How it is seen that challenges of this zone are visible. */
	void (*check)(void *ctx, const uint8_t *zone, struct acme_check *out);

	/* The addresses that the CA may ask for names of zone, our own listeners left out: call found() for each,
	 * server is for messages.  (NS addresses, or check-servers.)  address NULL: server is the name of one whose
	 * addresses are not known here. */
	void (*servers)(void *ctx, const uint8_t *zone,
	    void (*found)(void *arg, const struct sockaddr *address, const char *server), void *arg);

	/* Is an address that an NS record leads to one of our own listeners? */
	bool (*is_ours)(void *ctx, const struct sockaddr *address);

	/* One unsigned DNS question to one server (UDP, TCP when truncated, with retries), with these header flags (0
	 * for an authoritative one; RD, AD, CD for a resolver): answered() is called exactly once, never before ask()
	 * returns, with the whole response message, or n 0 and words on failure. */
	void (*ask)(void *ctx, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype, uint16_t flags,
	    unsigned timeout_ms, void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words),
	    void *arg);

	/* The names of the authorities for zone, the best first, NULL-terminated; NULL: all, as they are configured.
	 * The function may be NULL. */
	const char *const *(*authorities)(void *ctx, const uint8_t *zone);

	/* Keep octets under key over restarts; n 0 forgets them.  They are copied, and written with the next group of
	 * commits: what an edit() that was called before or in the same turn does becomes durable with them.  done (may
	 * be NULL: nobody waits, a failure is logged) is called exactly once, later or before remember() returns;
	 * ERR_OK means durable.  Keys: "order/<owner>" (acme/store.h), "host/<owner>", "account/<digest>",
	 * "persist/<name>/<authority>", "limit/<authority>/<limit>/<key>", "health/<authority>".
	 * Values: JSON with a version; what cannot be read is logged and forgotten by its reader. */
	void (*remember)(void *ctx, const char *key, const void *octets, size_t n,
	    void (*done)(void *arg, enum err err, const char *words), void *arg);

	/* All that is remembered under keys that begin with prefix, sorted by key; borrowed for the call. */
	void (*recall)(void *ctx, const char *prefix,
	    void (*each)(void *arg, const char *key, const uint8_t *octets, size_t n), void *arg);

	/* Something happened to a host; may be NULL.  It must not call the engine back. */
	void (*event)(void *ctx, enum acme_event event, const struct acme_status *s);

	/* What stands for name in our zones, as a question for it would be answered there. */
	void (*place)(void *ctx, const uint8_t *name, struct acme_place *out);
};

struct acme;

/* Reads or makes the account key; contacts nobody yet.  *out is the caller's: acme_free(). */
enum err acme_new(const struct acme_config *config, const struct acme_outside *outside, struct event_base *base,
    struct acme **out, struct fault *f);

/* Cancels what runs (no done() or answered() is waited for: the caller frees those too). */
void acme_free(struct acme *a);

/* The TLSA RRset of <label>.<host> was added, changed or removed, or was found in a scan at start: look at it (soon,
 * not at once) and do what is needed.  Calling it too often does no harm. */
void acme_look(struct acme *a, const uint8_t *owner);

/* CAA records were changed: hosts that wait because of such ones look again. */
void acme_look_at_caa(struct acme *a);

/* The same for aliases and zone cuts, or a zone came: what was refused may have a place for its challenges now.  That
 * is found soon, and not more often than once a minute. */
void acme_look_at_ways(struct acme *a);

/* Is owner <label>.<host> for one of the labels? */
bool acme_is_label(const struct acme *a, const uint8_t *owner);

/* Who brings a CSR: may he have a certificate for name (which may begin with "*.")? */
struct acme_judge_client {
	bool (*covered)(void *ctx, const char *name);
	void *ctx;
};

/* Could a certificate ever come of this CSR at owner, <label>.<host>?  ERR_OK: yes, or no certificates are ordered
 * there.  Else f says why not. */
enum err acme_judge(struct acme *a, const uint8_t *owner, const uint8_t *der, size_t n,
    const struct acme_judge_client *client, struct fault *f);

/* Forget backoff and renewal time of host (its name without the label) and start now.  ERR_NOT_FOUND: no CSR there. */
enum err acme_renew(struct acme *a, const uint8_t *host);

void acme_each(const struct acme *a, void (*each)(void *arg, const struct acme_status *s), void *arg);

/* What certnsctl and metrics want to know of the account. */
const char *acme_account_url(const struct acme *a);	/* NULL before registration */

#endif
