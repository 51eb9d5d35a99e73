/* Nonces (RFC 8555, section 6.5) and requests. */
#include "acme/client_internal.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "acme/jws.h"
#include "base/log.h"

#define NONCE_TRIES_MAX 20
#define NONCE_LEN_MAX 1000		/* each is sent back in a request */

static enum err post_send(struct acme_call *call);

/* ---- nonces ---- */

static void
nonce_keep(struct acme_client *c, const char *nonce)
{
	if (nonce == NULL || *nonce == '\0' || strlen(nonce) > NONCE_LEN_MAX || strspn(nonce,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(nonce))
		return;			/* section 6.5.1: clients must ignore what is not base64url */
	if (c->nnonces == NONCES_MAX) {
		free(c->nonces[0]);
		memmove(c->nonces, c->nonces + 1, (NONCES_MAX - 1) * sizeof c->nonces[0]);
		c->nnonces--;
	}
	if ((c->nonces[c->nnonces] = strdup(nonce)) != NULL)
		c->nnonces++;
}

static char *
nonce_take(struct acme_client *c)
{
	return c->nnonces == 0 ? NULL : c->nonces[--c->nnonces];
}

void
client_nonces_clear(struct acme_client *c)
{
	while (c->nnonces > 0)
		free(c->nonces[--c->nnonces]);
}

/* ---- calls ---- */

struct acme_call *
client_call_new(struct acme_client *c, struct call_list *list, acme_client_done *done, void *arg)
{
	struct acme_call *call = calloc(1, sizeof *call);

	if (call == NULL)
		return NULL;
	call->client = c;
	call->done = done;
	call->arg = arg;
	call->list = list;
	TAILQ_INSERT_TAIL(list, call, entry);
	return call;
}

static void
call_free(struct acme_call *call)
{
	struct acme_client *c = call->client;

	TAILQ_REMOVE(call->list, call, entry);
	if (c->placing == call) {
		c->placing = NULL;
		client_wake(c);
	}
	if (c->job == call)
		c->job = NULL;
	acme_http_cancel(call->http);
	free(call->url);
	free(call->payload);
	free(call);
}

void
client_calls_clear(struct call_list *list)
{
	while (!TAILQ_EMPTY(list))
		call_free(TAILQ_FIRST(list));
}

void
acme_call_cancel(struct acme_call *call)
{
	if (call != NULL)
		call_free(call);
}

void
client_call_finish(struct acme_call *call, const struct acme_reply *r)
{
	acme_client_done *done = call->done;
	void *arg = call->arg;

	call_free(call);
	done(arg, r);
}

static void
call_fail(struct acme_call *call, enum err err, const char *words)
{
	client_call_finish(call, &(struct acme_reply){ .err = err, .words = words, .retry_after_s = -1, .body = "" });
}

static void
move(struct acme_call *call, struct call_list *to)
{
	TAILQ_REMOVE(call->list, call, entry);
	call->list = to;
	TAILQ_INSERT_TAIL(to, call, entry);
}

static void
post_again(struct acme_call *call)
{
	enum err err = post_send(call);

	if (err != ERR_OK)
		call_fail(call, err, err == ERR_NOT_FOUND ? "the CA does not know our account any more" :
		    "a request to the CA could not be made");
}

/* ---- answers ---- */

static bool
is_new_order(const struct acme_call *call)
{
	return call->client->new_order != NULL && strcmp(call->url, call->client->new_order) == 0;
}

/* The CA has lost the account; what went out with it fails one by one, also when there is a new one already.  A new
 * order loses nothing by that: it goes out again with the new one. */
static bool
try_with_new_account(struct acme_call *call)
{
	struct acme_client *c = call->client;
	const char *current = acme_account_location(c->account);

	if (call->with_jwk || call->key != NULL)
		return false;
	if (current != NULL && strcmp(current, call->kid) == 0)
		client_account_gone(c);
	if (call->again || !is_new_order(call))
		return false;
	call->again = true;
	if (c->placing == call)
		c->placing = NULL;
	move(call, &c->to_place);
	client_wake(c);
	return true;
}

static void
on_posted(void *arg, const struct acme_reply *r)
{
	struct acme_call *call = arg;
	enum acme_problem_type type = PROBLEM_OTHER;
	struct buf words = { 0 };

	call->http = NULL;
	if (r->err == ERR_OK) {
		nonce_keep(call->client, r->nonce);
		if (r->status >= 400)
			type = acme_problem_read(r, &words);
	}
	buf_clear(&words);
	if (type == PROBLEM_BAD_NONCE && ++call->nonce_tries < NONCE_TRIES_MAX) {
		log_debug("acme: nonce refused for %s, trying again (%u)", call->url, call->nonce_tries);
		post_again(call);
		return;
	}
	if (r->err == ERR_OK && r->status == 404 && is_new_order(call))
		call->client->directory_at_ms = INT64_MIN / 2;	/* it may have moved */
	if ((type == PROBLEM_UNAUTHORIZED || type == PROBLEM_MALFORMED) && is_new_order(call))
		acme_account_doubt(call->client->account);
	if (type == PROBLEM_ACCOUNT_DOES_NOT_EXIST && try_with_new_account(call))
		return;
	client_call_finish(call, r);
}

static void
on_nonce(void *arg, const struct acme_reply *r)
{
	struct acme_call *call = arg;
	struct acme_client *c = call->client;
	struct acme_reply failed = *r;
	struct buf words = { 0 };

	call->http = NULL;
	if (r->err == ERR_OK && r->status < 400)
		nonce_keep(c, r->nonce);
	if (r->err == ERR_OK && r->status < 400 && c->nnonces > 0) {
		post_again(call);
		return;
	}
	if (r->err == ERR_OK && r->status >= 400)	/* what it means for the request, its own status tells */
		log_debug("acme: newNonce of %s gave HTTP status %ld", c->authority->directory, r->status);
	else if (r->err == ERR_OK) {
		failed.err = ERR_PEER;
		failed.words = "the CA's newNonce gave no usable Replay-Nonce";
	} else {
		buf_printf(&words, "no nonce from the CA: %s", r->words);
		failed.words = buf_str(&words) != NULL ? buf_str(&words) : r->words;
	}
	client_call_finish(call, &failed);
	buf_clear(&words);
}

/* ---- requests ---- */

/* ERR_OK: an HTTP call is running.  ERR_NOT_FOUND: the account was forgotten meanwhile. */
static enum err
post_send(struct acme_call *call)
{
	struct acme_client *c = call->client;
	const struct acme_key *key = call->key != NULL ? call->key : acme_account_key(c->account);
	const char *kid = call->with_jwk ? NULL : client_keep(c, acme_account_location(c->account));
	struct buf jws = { 0 };
	enum err err;
	char *nonce;

	if (!call->with_jwk && kid == NULL)
		return ERR_NOT_FOUND;
	if ((nonce = nonce_take(c)) == NULL) {
		call->http = acme_http_start(c->http, ACME_HTTP_HEAD, c->directory.new_nonce, NULL, 0, on_nonce, call);
		return call->http != NULL ? ERR_OK : ERR_NOMEM;
	}
	call->kid = kid;
	err = acme_jws_sign(key, call->url, nonce, kid, call->payload, &jws);
	free(nonce);
	if (err == ERR_OK) {
		call->http = acme_http_start(c->http, ACME_HTTP_POST, call->url, (const char *)jws.p, jws.len,
		    on_posted, call);
		err = call->http != NULL ? ERR_OK : ERR_NOMEM;
	}
	buf_clear(&jws);
	return err;
}

/* NULL: no memory. */
static struct acme_call *
post_new(struct acme_client *c, const char *url, const char *payload, acme_client_done *done, void *arg)
{
	struct acme_call *call = client_call_new(c, &c->posting, done, arg);

	if (call == NULL)
		return NULL;
	call->url = strdup(url);
	call->payload = payload != NULL ? strdup(payload) : NULL;
	if (call->url == NULL || (payload != NULL && call->payload == NULL)) {
		call_free(call);
		return NULL;
	}
	return call;
}

struct acme_call *
client_post_as(struct acme_client *c, const struct acme_account_request *q, acme_client_done *done, void *arg)
{
	struct acme_call *call = post_new(c, q->url, q->payload, done, arg);

	if (call == NULL)
		return NULL;
	call->key = q->key;
	call->with_jwk = q->with_jwk;
	if (post_send(call) != ERR_OK) {
		call_free(call);
		return NULL;
	}
	return call;
}

/* New orders go out one after the other: a burst of them is what CAs limit first, and two at the same time can lock
 * up Pebble 2.4 for good (it takes the locks of its store and of an authorization in both orders). */
void
client_place_next(struct acme_client *c)
{
	struct acme_call *call = TAILQ_FIRST(&c->to_place);

	if (c->placing != NULL || call == NULL || acme_account_location(c->account) == NULL)
		return;
	move(call, &c->posting);
	c->placing = call;
	post_again(call);
}

struct acme_call *
acme_client_post(struct acme_client *c, const char *url, const char *payload, acme_client_done *done, void *arg)
{
	struct acme_call *call = post_new(c, url, payload, done, arg);

	if (call != NULL && is_new_order(call)) {
		move(call, &c->to_place);
		client_wake(c);
		return call;
	}
	if (call != NULL && post_send(call) != ERR_OK) {
		call_free(call);
		call = NULL;
	}
	return call;
}

static void
on_got(void *arg, const struct acme_reply *r)
{
	struct acme_call *call = arg;

	call->http = NULL;
	client_call_finish(call, r);
}

struct acme_call *
acme_client_get(struct acme_client *c, const char *url, acme_client_done *done, void *arg)
{
	struct acme_call *call = client_call_new(c, &c->posting, done, arg);

	if (call == NULL)
		return NULL;
	if ((call->http = acme_http_start(c->http, ACME_HTTP_GET, url, NULL, 0, on_got, call)) == NULL) {
		call_free(call);
		call = NULL;
	}
	return call;
}
