/* acme/client.h -- one account at one CA: what all orders there share (RFC 8555, sections 7.1.1, 7.2 and 7.3).
 *
 * It fetches the directory and sees to the account once, however many wait for that; keeps every Replay-Nonce that
 * comes; signs; and repeats what was refused only for its nonce, or because the CA has lost the account.  The orders
 * see none of this.  Several clients live beside each other and share nothing. */
#ifndef ACME_CLIENT_H
#define ACME_CLIENT_H

#include "acme/acme.h"
#include "acme/challenge.h"
#include "acme/reply.h"

struct acme_client;
struct acme_call;
struct acme_port;

/* Reads or makes the account key; contacts nobody.  config's strings are borrowed.  *out is the caller's:
 * acme_client_free(), which ends running calls without calling back. */
enum err acme_client_new(const struct acme_config *config, const struct acme_authority_config *authority,
    struct event_base *base, struct acme_client **out, struct fault *f);
void acme_client_free(struct acme_client *c);

/* What is known of the account from before a restart; from now on it is remembered there. */
void acme_client_recall(struct acme_client *c, struct acme_port *port);

/* Called exactly once unless cancelled, never before the call that asked for it returns. */
typedef void acme_client_done(void *arg, const struct acme_reply *reply);

/* Directory and account are there when done comes with ERR_OK; else the reply says why not.  NULL: no memory. */
struct acme_call *acme_client_prepare(struct acme_client *c, acme_client_done *done, void *arg);

/* An order is under way that depends on the account's key, until acme_client_release(): the key is not changed
 * meanwhile. */
void acme_client_hold(struct acme_client *c);
void acme_client_release(struct acme_client *c);

/* A signed POST; payload NULL is POST-as-GET.  Only after acme_client_prepare().  NULL: no memory. */
struct acme_call *acme_client_post(struct acme_client *c, const char *url, const char *payload, acme_client_done *done,
    void *arg);

/* An unsigned GET, such as renewalInfo takes (RFC 9773, section 4).  NULL: no memory. */
struct acme_call *acme_client_get(struct acme_client *c, const char *url, acme_client_done *done, void *arg);
void acme_call_cancel(struct acme_call *call);	/* takes NULL */

/* Change over to a new key of the configured kind (section 7.3.5), once no order is under way; new ones wait meanwhile.
 * Deactivate the account for good (section 7.3.6).  NULL: no memory. */
struct acme_call *acme_client_roll(struct acme_client *c, acme_client_done *done, void *arg);
struct acme_call *acme_client_deactivate(struct acme_client *c, acme_client_done *done, void *arg);

/* False: nothing can be ordered until the configuration or the key changes, with words. */
bool acme_client_usable(const struct acme_client *c, struct fault *f);

/* Strings live as long as the client. */
const char *acme_client_new_order(const struct acme_client *c);	/* URL; after acme_client_prepare() */
const char *acme_client_renewal_info(const struct acme_client *c);	/* URL; likewise; NULL: the CA has none */
const char *acme_client_revoke_cert(const struct acme_client *c);	/* likewise */
const char *acme_client_account(const struct acme_client *c);	/* URL; NULL before registration */
struct acme_challenge_means acme_client_means(const struct acme_client *c);	/* after acme_client_prepare() */

/* NULL: none yet.  The struct is borrowed until the loop turns, what it points to for as long as the caller holds an
 * order. */
const struct acme_directory *acme_client_directory(const struct acme_client *c);

struct acme_account_view {		/* borrowed until the loop turns */
	const char *directory, *url, *status, *terms;	/* url, terms: NULL where not known */
	const char *const *contact;	/* as configured; NULL: none */
	const char *key, *thumbprint, *key_file;	/* key: "es256" */
	const char *complaint;		/* what the CA does not like, or why it cannot be used; NULL: nothing */
	bool changing;			/* a key change is not known to be over */
	unsigned orders;		/* under way */
	/* The authority's health, by acme_accounts_each(). */
	int64_t failing_since_s;	/* 0: it works */
	const char *failure;		/* the last; "": none */
	int64_t held_until_s;		/* it wants no orders until then; 0: it takes them */
};
struct acme_account_view acme_client_view(const struct acme_client *c);

#endif
