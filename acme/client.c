#include "acme/client.h"

#include <event2/event.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "acme/http.h"
#include "acme/jws.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"

#define NONCES_MAX 64			/* more than run at once are of no use, and they age */
#define NONCE_TRIES_MAX 20
#define DIRECTORY_AGE_MAX_MS (3600 * 1000)
#define CONNECT_TIMEOUT_S 20
#define TIMEOUT_S 60

struct acme_call;
TAILQ_HEAD(call_list, acme_call);

struct acme_call {
	TAILQ_ENTRY(acme_call) entry;
	struct call_list *list;			/* it is in one of the client's */
	struct acme_client *client;
	acme_client_done *done;
	void *arg;
	uint64_t round;				/* of the preparation that it waits for */
	char *url, *payload;			/* of a POST */
	bool with_jwk;				/* newAccount: no account URL yet */
	unsigned nonce_tries;
	struct acme_http_call *http;
};
struct acme_client {
	const struct acme_authority_config *authority;
	struct acme_http *http;
	struct acme_key *key;
	char *nonces[NONCES_MAX];		/* the last is the freshest */
	size_t nnonces;

	struct acme_directory directory;	/* json NULL: none */
	int64_t directory_at_ms;
	char *account;
	bool preparing;
	uint64_t round;
	struct event *wake;
	struct acme_http_call *fetching;	/* the directory */
	struct acme_call *registering;
	struct call_list waiting, posting;	/* for directory and account; for the CA's answer */
	struct call_list to_place;		/* new orders, which go out one after the other: */
	struct acme_call *placing;
};

static void prepare_step(struct acme_client *c);
static enum err post_send(struct acme_call *call);
static void call_fail(struct acme_call *call, enum err err, const char *words);

/* ---- nonces (RFC 8555, section 6.5) ---- */

static void
nonce_keep(struct acme_client *c, const char *nonce)
{
	if (nonce == NULL || *nonce == '\0' || strspn(nonce,
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

/* ---- signed requests ---- */

static void
call_free(struct acme_call *call)
{
	struct acme_client *c = call->client;

	TAILQ_REMOVE(call->list, call, entry);
	if (c->placing == call) {
		c->placing = NULL;
		event_active(c->wake, EV_TIMEOUT, 0);
	}
	acme_http_cancel(call->http);
	free(call->url);
	free(call->payload);
	free(call);
}

void
acme_call_cancel(struct acme_call *call)
{
	if (call != NULL)
		call_free(call);
}

static void
call_finish(struct acme_call *call, const struct acme_reply *r)
{
	acme_client_done *done = call->done;
	void *arg = call->arg;

	call_free(call);
	done(arg, r);
}

static void
call_fail(struct acme_call *call, enum err err, const char *words)
{
	call_finish(call, &(struct acme_reply){ .err = err, .words = words, .retry_after_s = -1, .body = "" });
}

/* The account is gone (a CA restored from an old backup, a test CA started anew): register again before the
 * next order. */
static void
account_forget(struct acme_client *c)
{
	if (c->account != NULL)
		log_warning("acme: the CA does not know account %s any more", c->account);
	free(c->account);
	c->account = NULL;
	c->directory_at_ms = clock_mono_ms() - DIRECTORY_AGE_MAX_MS - 1;
}

static void on_nonce(void *arg, const struct acme_reply *r);
static void post_again(struct acme_call *call);

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
	if (type == PROBLEM_ACCOUNT_DOES_NOT_EXIST && !call->with_jwk)
		account_forget(call->client);
	call_finish(call, r);
}

static void
on_nonce(void *arg, const struct acme_reply *r)
{
	struct acme_call *call = arg;
	struct acme_client *c = call->client;

	call->http = NULL;
	if (r->err != ERR_OK || r->status >= 400) {
		call_finish(call, r);
		return;
	}
	nonce_keep(c, r->nonce);
	if (c->nnonces == 0)
		call_fail(call, ERR_PEER, "the CA's newNonce gave no usable Replay-Nonce");
	else
		post_again(call);
}

/* ERR_OK: an HTTP call is running.  ERR_NOT_FOUND: the account was forgotten meanwhile. */
static enum err
post_send(struct acme_call *call)
{
	struct acme_client *c = call->client;
	struct buf jws = { 0 };
	enum err err;
	char *nonce;

	if (!call->with_jwk && c->account == NULL)
		return ERR_NOT_FOUND;
	if ((nonce = nonce_take(c)) == NULL) {
		call->http = acme_http_start(c->http, ACME_HTTP_HEAD, c->directory.new_nonce, NULL, 0, on_nonce, call);
		return call->http != NULL ? ERR_OK : ERR_NOMEM;
	}
	err = acme_jws_sign(c->key, call->url, nonce, call->with_jwk ? NULL : c->account, call->payload, &jws);
	free(nonce);
	if (err == ERR_OK) {
		call->http = acme_http_start(c->http, ACME_HTTP_POST, call->url, (const char *)jws.p, jws.len,
		    on_posted, call);
		err = call->http != NULL ? ERR_OK : ERR_NOMEM;
	}
	buf_clear(&jws);
	return err;
}

static void
post_again(struct acme_call *call)
{
	enum err err = post_send(call);

	if (err != ERR_OK)
		call_fail(call, err, "a request to the CA could not be made");
}

static struct acme_call *
call_new(struct acme_client *c, struct call_list *list, acme_client_done *done, void *arg)
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

/* NULL: no memory. */
static struct acme_call *
post_new(struct acme_client *c, const char *url, const char *payload, bool with_jwk, acme_client_done *done, void *arg)
{
	struct acme_call *call = call_new(c, &c->posting, done, arg);

	if (call == NULL)
		return NULL;
	call->with_jwk = with_jwk;
	call->url = strdup(url);
	call->payload = payload != NULL ? strdup(payload) : NULL;
	if (call->url == NULL || (payload != NULL && call->payload == NULL)) {
		call_free(call);
		return NULL;
	}
	return call;
}

static void
move(struct acme_call *call, struct call_list *to)
{
	TAILQ_REMOVE(call->list, call, entry);
	call->list = to;
	TAILQ_INSERT_TAIL(to, call, entry);
}

/* New orders go out one after the other: a burst of them is what CAs limit first, and two at the same time can lock
 * up Pebble 2.4 for good (it takes the locks of its store and of an authorization in both orders). */
static void
place_next(struct acme_client *c)
{
	struct acme_call *call = TAILQ_FIRST(&c->to_place);

	if (c->placing != NULL || call == NULL)
		return;
	move(call, &c->posting);
	c->placing = call;
	post_again(call);
}

struct acme_call *
acme_client_post(struct acme_client *c, const char *url, const char *payload, acme_client_done *done, void *arg)
{
	struct acme_call *call = post_new(c, url, payload, false, done, arg);

	if (call != NULL && strcmp(url, c->directory.new_order) == 0) {
		move(call, &c->to_place);
		event_active(c->wake, EV_TIMEOUT, 0);
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
	call_finish(call, r);
}

struct acme_call *
acme_client_get(struct acme_client *c, const char *url, acme_client_done *done, void *arg)
{
	struct acme_call *call = call_new(c, &c->posting, done, arg);

	if (call != NULL && (call->http = acme_http_start(c->http, ACME_HTTP_GET, url, NULL, 0, on_got, call)) == NULL) {
		call_free(call);
		call = NULL;
	}
	return call;
}

/* ---- directory and account, once for all who wait ---- */

/* One preparation is over: tell those who waited for it.  Who joins from within waits for the next. */
static void
prepare_end(struct acme_client *c, const struct acme_reply *r)
{
	uint64_t round = c->round++;
	struct acme_call *call;

	c->preparing = false;
	while ((call = TAILQ_FIRST(&c->waiting)) != NULL && call->round <= round)
		call_finish(call, r);
	if (!TAILQ_EMPTY(&c->waiting))
		event_active(c->wake, EV_TIMEOUT, 0);
}

/* what: "the CA's directory cannot be fetched" */
static void
prepare_fail(struct acme_client *c, enum err err, const struct acme_reply *cause, const char *what)
{
	struct acme_reply r = { .err = err, .retry_after_s = cause->retry_after_s, .body = "" };
	struct buf words = { 0 };

	buf_printf(&words, "%s: ", what);
	if (cause->err != ERR_OK)
		buf_add_str(&words, cause->words);
	else
		acme_problem_read(cause, &words);
	r.words = buf_str(&words);
	if (r.words == NULL)
		r.words = what;
	prepare_end(c, &r);
	buf_clear(&words);
}

static void
prepare_fail_words(struct acme_client *c, enum err err, const char *words)
{
	prepare_end(c, &(struct acme_reply){ .err = err, .words = words, .retry_after_s = -1, .body = "" });
}

static void
on_directory(void *arg, const struct acme_reply *r)
{
	struct acme_client *c = arg;
	struct acme_directory d;
	struct fault f = { 0 };
	enum err err;

	c->fetching = NULL;
	if (r->err != ERR_OK || r->status != 200) {
		prepare_fail(c, r->err != ERR_OK ? r->err : ERR_PEER, r, "the CA's directory cannot be fetched");
		return;
	}
	if ((err = acme_directory_read(r->body, r->n, &d, &f)) != ERR_OK) {
		prepare_fail_words(c, err, f.text);
		return;
	}
	acme_directory_clear(&c->directory);
	c->directory = d;
	c->directory_at_ms = clock_mono_ms();
	prepare_step(c);
}

/* RFC 8555, section 7.3: 201 for a new account, 200 for the one that this key has already. */
static void
on_account(void *arg, const struct acme_reply *r)
{
	struct acme_client *c = arg;
	enum acme_account_status status;
	struct fault f = { 0 };
	enum err err;

	c->registering = NULL;
	if (r->err != ERR_OK || (r->status != 200 && r->status != 201)) {
		prepare_fail(c, r->err != ERR_OK ? r->err : ERR_PEER, r, "the CA gives no account");
		return;
	}
	if ((err = acme_account_read(r->body, r->n, &status, &f)) != ERR_OK)
		prepare_fail_words(c, err, f.text);
	else if (status != ACCOUNT_VALID)
		prepare_fail_words(c, ERR_REFUSED, "the CA has deactivated or revoked our account");
	else if (r->location == NULL || strncasecmp(r->location, "https://", 8) != 0)
		prepare_fail_words(c, ERR_PEER, "the CA's newAccount gave no https URL of the account");
	else if ((c->account = strdup(r->location)) == NULL)
		prepare_fail_words(c, ERR_NOMEM, err_str(ERR_NOMEM));
	else {
		log_info("acme: account %s %s%s%s", c->account, r->status == 201 ? "registered" : "found",
		    c->directory.terms != NULL ? ", agreeing to " : "",
		    c->directory.terms != NULL ? c->directory.terms : "");
		prepare_step(c);
	}
}

static char *
account_payload(const struct acme_authority_config *authority)
{
	json_t *json = json_pack("{s:b}", "termsOfServiceAgreed", authority->terms_agreed);
	const char *const *contact = authority->contact;
	char *text;

	if (contact != NULL && *contact != NULL) {
		json_t *list = json_array();

		for (; *contact != NULL; contact++)
			json_array_append_new(list, json_string(*contact));
		json_object_set_new(json, "contact", list);
	}
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static void
account_register(struct acme_client *c)
{
	char *payload;

	if (c->directory.external_account_required) {
		prepare_fail_words(c, ERR_UNSUPPORTED,
		    "the CA requires an external account binding, which certns does not do yet");
		return;
	}
	payload = account_payload(c->authority);
	if (payload != NULL)
		c->registering = post_new(c, c->directory.new_account, payload, true, on_account, c);
	free(payload);
	if (c->registering != NULL && post_send(c->registering) != ERR_OK) {
		call_free(c->registering);
		c->registering = NULL;
	}
	if (c->registering == NULL)
		prepare_fail_words(c, ERR_NOMEM, "the request for an account could not be made");
}

static void
prepare_step(struct acme_client *c)
{
	if (c->directory.json == NULL || clock_mono_ms() - c->directory_at_ms > DIRECTORY_AGE_MAX_MS) {
		c->fetching = acme_http_start(c->http, ACME_HTTP_GET, c->authority->directory, NULL, 0,
		    on_directory, c);
		if (c->fetching == NULL)
			prepare_fail_words(c, ERR_NOMEM, err_str(ERR_NOMEM));
	} else if (c->account == NULL)
		account_register(c);
	else
		prepare_end(c, &(struct acme_reply){ .err = ERR_OK, .status = 200, .retry_after_s = -1, .body = "" });
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct acme_client *c = arg;

	(void)fd, (void)what;
	place_next(c);
	if (c->preparing || TAILQ_EMPTY(&c->waiting))
		return;
	c->preparing = true;
	prepare_step(c);
}

struct acme_call *
acme_client_prepare(struct acme_client *c, acme_client_done *done, void *arg)
{
	struct acme_call *call = call_new(c, &c->waiting, done, arg);

	if (call != NULL) {
		call->round = c->round;
		event_active(c->wake, EV_TIMEOUT, 0);
	}
	return call;
}

/* ---- making and ending ---- */

/* acme-account-<16 hex of SHA-256 of the directory URL>.pem in the state directory: one key per CA. */
static enum err
key_path(const struct acme_config *config, const struct acme_authority_config *authority, struct buf *path)
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(authority->directory, strlen(authority->directory), digest, NULL, EVP_sha256(), NULL) != 1)
		return ERR_CRYPTO;
	buf_printf(path, "%s/acme-account-", config->state_directory);
	hex_encode(digest, 8, path);
	buf_add_str(path, ".pem");
	return buf_str(path) != NULL ? ERR_OK : ERR_NOMEM;
}

enum err
acme_client_new(const struct acme_config *config, const struct acme_authority_config *authority,
    struct event_base *base, struct acme_client **out, struct fault *f)
{
	struct acme_http_config http = { authority->ca_certificates, config->proxy, CONNECT_TIMEOUT_S, TIMEOUT_S };
	struct acme_client *c = calloc(1, sizeof *c);
	struct buf path = { 0 };
	enum err err;

	if (c == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	c->authority = authority;
	TAILQ_INIT(&c->waiting);
	TAILQ_INIT(&c->posting);
	TAILQ_INIT(&c->to_place);
	if (strncasecmp(authority->directory, "https://", 8) != 0)
		err = fault_set(f, ERR_RANGE, "%s: the directory of an ACME server must be an https URL",
		    authority->directory);
	else if ((c->wake = event_new(base, -1, 0, on_wake, c)) == NULL)
		err = fault_set(f, ERR_NOMEM, "out of memory");
	else if ((err = acme_http_new(&http, base, &c->http)) != ERR_OK ||
	    (err = key_path(config, authority, &path)) != ERR_OK)
		fault_set(f, err, "%s", err_str(err));
	else
		err = acme_key_load(buf_str(&path), ACME_KEY_ES256, &c->key, f);
	buf_clear(&path);
	if (err == ERR_OK)
		*out = c;
	else
		acme_client_free(c);
	return err;
}

void
acme_client_free(struct acme_client *c)
{
	if (c == NULL)
		return;
	while (!TAILQ_EMPTY(&c->waiting))
		call_free(TAILQ_FIRST(&c->waiting));
	while (!TAILQ_EMPTY(&c->posting))
		call_free(TAILQ_FIRST(&c->posting));
	while (!TAILQ_EMPTY(&c->to_place))
		call_free(TAILQ_FIRST(&c->to_place));
	acme_http_cancel(c->fetching);
	acme_http_free(c->http);
	acme_key_free(c->key);
	acme_directory_clear(&c->directory);
	for (size_t i = 0; i < c->nnonces; i++)
		free(c->nonces[i]);
	if (c->wake != NULL)
		event_free(c->wake);
	free(c->account);
	free(c);
}

const char *
acme_client_new_order(const struct acme_client *c)
{
	return c->directory.new_order;
}

const char *
acme_client_renewal_info(const struct acme_client *c)
{
	return c->directory.renewal_info;
}

const char *
acme_client_account(const struct acme_client *c)
{
	return c->account;
}

struct acme_challenge_means
acme_client_means(const struct acme_client *c)
{
	return (struct acme_challenge_means){ c->authority->challenges, c->authority->nchallenges, c->authority->directory,
		c->account, acme_key_thumbprint(c->key), c->directory.account_hash_prefix };
}

bool
acme_client_terms_agreed(const struct acme_client *c)
{
	return c->authority->terms_agreed;
}
