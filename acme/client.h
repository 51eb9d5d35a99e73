/* acme/client.h -- one account at one CA: what all orders there share (RFC 8555, sections 7.1.1, 7.2 and 7.3).
 *
 * It fetches the directory and registers the account once, however many wait for that; keeps every Replay-Nonce that
 * comes; signs; and repeats what was refused only for its nonce.  The orders see none of this. */
#ifndef ACME_CLIENT_H
#define ACME_CLIENT_H

#include "acme/acme.h"
#include "acme/challenge.h"
#include "acme/reply.h"

struct acme_client;
struct acme_call;

/* Reads or makes the account key; contacts nobody.  config's strings are borrowed.  *out is the caller's:
 * acme_client_free(), which ends running calls without calling back. */
enum err acme_client_new(const struct acme_config *config, const struct acme_authority_config *authority,
    struct event_base *base, struct acme_client **out, struct fault *f);
void acme_client_free(struct acme_client *c);

/* Called exactly once unless cancelled, never before the call that asked for it returns. */
typedef void acme_client_done(void *arg, const struct acme_reply *reply);

/* Directory and account are there when done comes with ERR_OK; else the reply says why not.  NULL: no memory. */
struct acme_call *acme_client_prepare(struct acme_client *c, acme_client_done *done, void *arg);

/* A signed POST; payload NULL is POST-as-GET.  Only after acme_client_prepare().  NULL: no memory. */
struct acme_call *acme_client_post(struct acme_client *c, const char *url, const char *payload, acme_client_done *done,
    void *arg);

/* An unsigned GET, such as renewalInfo takes (RFC 9773, section 4).  NULL: no memory. */
struct acme_call *acme_client_get(struct acme_client *c, const char *url, acme_client_done *done, void *arg);
void acme_call_cancel(struct acme_call *call);	/* takes NULL */

const char *acme_client_new_order(const struct acme_client *c);	/* URL; after acme_client_prepare() */
const char *acme_client_renewal_info(const struct acme_client *c);	/* URL; likewise; NULL: the CA has none */
const char *acme_client_account(const struct acme_client *c);	/* URL; NULL before registration */
struct acme_challenge_means acme_client_means(const struct acme_client *c);	/* borrows; after acme_client_prepare() */
bool acme_client_terms_agreed(const struct acme_client *c);

#endif
