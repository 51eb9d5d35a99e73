#include "acme/order.h"

#include <assert.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/jws.h"
#include "base/encoding.h"

/* The way of an order, one function per reply:
 *
 *   on_new_order -> on_order --pending--> on_authorization (each) -> PUBLISH -> CHECK -> on_challenge (each)
 *        ^             |  ^                                                                  |
 *        |           ready '------------------- on_poll (each authorization) <---------------'
 *        |             '--> on_finalize -> on_order ... valid -> on_certificate
 *
 * After a failure that may pass (no answer, HTTP 5xx) the order sleeps and goes on from its URL at on_order: whatever
 * had been done is then found done.  So an order can also be taken up again after a restart. */

#define FAILURES_MAX 6			/* answers missing or 5xx in a row */
#define RATE_LIMIT_WAIT_MAX_S 60	/* longer ones are left to the schedule */
#define DELAY_FIRST_MS 100
#define DELAY_LEAST_MS 100
#define DELAY_MOST_MS 15000
#define AUTHORIZATIONS_MAX 1000

struct authorization {
	char *url, *challenge;		/* challenge: URL; NULL: nothing to prove */
	char *name;
	bool respond;			/* the CA waits for our word */
};

typedef enum acme_want on_reply_fn(struct acme_order *o, const struct acme_reply *r);

struct acme_order {
	struct acme_order_setup setup;
	int64_t deadline_ms, now_ms;
	on_reply_fn *on_reply;			/* the state: what takes the next reply */
	char *url, *payload;			/* of the next POST */
	char *order_url;
	struct authorization *authorizations;
	size_t nauthorizations, at;
	struct acme_txt *txts;
	size_t ntxts;
	bool publish_tried, unpublishing;
	unsigned failures, polls;
	unsigned delay_ms;
	char step[512];			/* what is being done, in words */
	enum err err;
	struct buf words;
	int64_t retry_after_s;
	struct acme_chain chain;
};

static on_reply_fn on_new_order, on_order, on_authorization, on_challenge, on_poll, on_finalize, on_certificate;

static void __attribute__((format(printf, 2, 3)))
set_step(struct acme_order *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(o->step, sizeof o->step, format, args);
	va_end(args);
}

/* ---- endings ---- */

static enum acme_want
finish(struct acme_order *o)
{
	if (!o->publish_tried)
		return ACME_FINISHED;
	o->unpublishing = true;
	set_step(o, "removing the challenge");
	return ACME_UNPUBLISH;
}

/* The first failure is the reason. */
static enum acme_want
fail(struct acme_order *o, enum err err, const char *words)
{
	if (o->err == ERR_OK) {
		o->err = err;
		buf_add_str(&o->words, words);
	}
	return finish(o);
}

static enum acme_want
fail_nomem(struct acme_order *o)
{
	return fail(o, ERR_NOMEM, err_str(ERR_NOMEM));
}

/* what: "the CA refuses the order"; problem may be NULL. */
static enum acme_want
fail_problem(struct acme_order *o, const char *what, const char *name, const json_t *problem)
{
	struct buf words = { 0 };
	enum acme_want want;

	buf_printf(&words, "%s%s%s", what, name != NULL ? " " : "", name != NULL ? name : "");
	if (problem != NULL) {
		buf_add_str(&words, ": ");
		acme_problem_print(problem, &words);
	}
	const char *s = buf_str(&words);
	want = fail(o, ERR_PEER, s != NULL ? s : what);
	buf_clear(&words);
	return want;
}

/* ---- requests ---- */

static enum acme_want
post(struct acme_order *o, const char *url, const char *payload, on_reply_fn *next)
{
	char *u = strdup(url), *p = payload != NULL ? strdup(payload) : NULL;

	free(o->url);
	free(o->payload);
	o->url = u;
	o->payload = p;
	o->on_reply = next;
	if (u == NULL || (payload != NULL && p == NULL))
		return fail_nomem(o);
	return ACME_POST;
}

static enum acme_want
get(struct acme_order *o, const char *url, on_reply_fn *next)
{
	return post(o, url, NULL, next);
}

/* Ask the same again later: after what the CA says, else after longer and longer. */
static enum acme_want
sleep_then_get(struct acme_order *o, const char *url, on_reply_fn *next, unsigned nth, int64_t retry_after_s)
{
	int64_t delay = nth > 7 ? DELAY_MOST_MS : DELAY_FIRST_MS << nth;
	struct buf words = { 0 };
	enum acme_want want;

	if (retry_after_s >= 0)
		delay = retry_after_s * 1000;
	if (delay < DELAY_LEAST_MS)
		delay = DELAY_LEAST_MS;
	if (retry_after_s < 0 && delay > DELAY_MOST_MS)
		delay = DELAY_MOST_MS;
	if (o->now_ms + delay >= o->deadline_ms) {
		buf_printf(&words, "the CA did not finish within %u s; last: %s", o->setup.limit_ms / 1000,
		    acme_order_step(o));
		const char *s = buf_str(&words);
		if (retry_after_s >= 0)
			o->retry_after_s = retry_after_s;
		want = fail(o, ERR_TIMEOUT, s != NULL ? s : "the CA did not finish in time");
		buf_clear(&words);
		return want;
	}
	o->delay_ms = (unsigned)delay;
	want = get(o, url, next);
	return want == ACME_POST ? ACME_SLEEP : want;
}

/* ---- the names ---- */

enum err
acme_challenge_owner(const char *name, struct dname *out)
{
	static const char prefix[] = "_acme-challenge.";
	char text[DNAME_TEXT_MAX];

	if (strncmp(name, "*.", 2) == 0)
		name += 2;
	if (snprintf(text, sizeof text, "%s%s", prefix, name) >= (int)sizeof text)
		return ERR_RANGE;
	return dname_from_str(text, out);
}

static char *
order_payload(const struct acme_csr *csr)
{
	const struct acme_names *names = acme_csr_names(csr);
	json_t *list = json_array(), *json;
	char *text;

	for (size_t i = 0; i < names->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "type", "dns", "value", names->v[i]));
	json = json_pack("{s:o}", "identifiers", list);
	text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text;
}

/* Did we ask for this?  Else a CA could make us publish TXT records wherever it likes. */
static bool
is_ours(const struct acme_order *o, const struct acme_authorization *a)
{
	const struct acme_names *names = acme_csr_names(o->setup.csr);

	for (size_t i = 0; i < names->n; i++) {
		bool wildcard = strncmp(names->v[i], "*.", 2) == 0;

		if (wildcard == a->wildcard && strcasecmp(names->v[i] + (wildcard ? 2 : 0), a->name) == 0)
			return true;
	}
	return false;
}

/* ---- the order object ---- */

enum acme_want
acme_order_start(struct acme_order *o)
{
	char *payload = order_payload(o->setup.csr);
	enum acme_want want;

	set_step(o, "placing the order");
	want = payload != NULL ? post(o, o->setup.new_order, payload, on_new_order) : fail_nomem(o);
	free(payload);
	return want;
}

static enum acme_want
on_new_order(struct acme_order *o, const struct acme_reply *r)
{
	if (r->location == NULL || strncasecmp(r->location, "https://", 8) != 0)
		return fail(o, ERR_PEER, "the CA's newOrder gave no https URL of the order");
	if ((o->order_url = strdup(r->location)) == NULL)
		return fail_nomem(o);
	return on_order(o, r);
}

static enum acme_want
authorizations_start(struct acme_order *o, const struct acme_order_object *object)
{
	size_t n = json_array_size(object->authorizations);

	if (n > AUTHORIZATIONS_MAX)
		return fail(o, ERR_PEER, "the CA's order has too many authorizations");
	if (o->authorizations == NULL) {
		if ((o->authorizations = calloc(n, sizeof *o->authorizations)) == NULL)
			return fail_nomem(o);
		o->nauthorizations = n;
		for (size_t i = 0; i < n; i++) {
			const char *url = json_string_value(json_array_get(object->authorizations, i));

			if ((o->authorizations[i].url = strdup(url)) == NULL)
				return fail_nomem(o);
		}
	}
	o->at = 0;
	set_step(o, "reading what is to be proved");
	return get(o, o->authorizations[0].url, on_authorization);
}

static enum acme_want
finalize(struct acme_order *o, const char *url)
{
	size_t n;
	const uint8_t *der = acme_csr_der(o->setup.csr, &n);
	struct buf payload = { 0 };
	enum acme_want want;

	set_step(o, "sending the CSR");
	buf_add_str(&payload, "{\"csr\":\"");
	base64url_encode(der, n, &payload);
	buf_add_str(&payload, "\"}");
	want = buf_str(&payload) != NULL ? post(o, url, buf_str(&payload), on_finalize) : fail_nomem(o);
	buf_clear(&payload);
	return want;
}

static enum acme_want
on_order(struct acme_order *o, const struct acme_reply *r)		/* RFC 8555, section 7.1.6 */
{
	struct acme_order_object object;
	struct fault f = { 0 };
	enum acme_want want = ACME_FINISHED;
	enum err err = acme_order_object_read(r->body, r->n, &object, &f);

	if (err != ERR_OK)
		return fail(o, err, f.text);
	switch (object.status) {
	case ORDER_PENDING:
		if (o->polls == 0)
			want = authorizations_start(o, &object);
		else			/* all are valid; the order has not noticed yet */
			want = sleep_then_get(o, o->order_url, on_order, o->polls++, r->retry_after_s);
		break;
	case ORDER_READY:
		want = finalize(o, object.finalize);
		break;
	case ORDER_PROCESSING:
		set_step(o, "waiting for the CA to issue");
		want = sleep_then_get(o, o->order_url, on_order, o->polls++, r->retry_after_s);
		break;
	case ORDER_VALID:
		set_step(o, "fetching the certificate");
		want = get(o, object.certificate, on_certificate);
		break;
	case ORDER_INVALID:
		want = fail_problem(o, "the CA has given up the order", NULL, object.error);
		break;
	}
	acme_order_object_clear(&object);
	return want;
}

static enum acme_want
on_finalize(struct acme_order *o, const struct acme_reply *r)
{
	return on_order(o, r);
}

/* ---- authorizations and challenges ---- */

/* Remember what proves a pending authorization.  A record that is known from an earlier look is kept once. */
static enum err
txt_add(struct acme_order *o, const char *name, const char *token)
{
	struct acme_txt txt, *v;
	enum err err;

	if ((err = acme_challenge_owner(name, &txt.owner)) != ERR_OK ||
	    (err = acme_txt_value(o->setup.thumbprint, token, txt.value)) != ERR_OK)
		return err;
	for (size_t i = 0; i < o->ntxts; i++)
		if (strcmp(o->txts[i].value, txt.value) == 0 && dname_equal(o->txts[i].owner.octets, txt.owner.octets))
			return ERR_OK;
	if ((v = realloc(o->txts, (o->ntxts + 1) * sizeof *v)) == NULL)
		return ERR_NOMEM;
	o->txts = v;
	o->txts[o->ntxts++] = txt;
	return ERR_OK;
}

static enum acme_want
take_challenge(struct acme_order *o, const struct acme_authorization *a)
{
	struct authorization *mine = &o->authorizations[o->at];

	if (!a->has_dns01)
		return fail_problem(o, "the CA offers no dns-01 challenge for", a->name, NULL);
	if (txt_add(o, a->name, a->dns01.token) != ERR_OK)
		return fail_problem(o, "no challenge record can be made for", a->name, NULL);
	free(mine->challenge);
	free(mine->name);
	mine->name = strdup(a->name);
	mine->respond = a->dns01.status == CHALLENGE_PENDING;
	if ((mine->challenge = strdup(a->dns01.url)) == NULL || mine->name == NULL)
		return fail_nomem(o);
	return ACME_POST;
}

/* ACME_POST stands for "go on"; anything else is the end. */
static enum acme_want
judge_authorization(struct acme_order *o, const struct acme_authorization *a)
{
	struct authorization *mine = &o->authorizations[o->at];

	if (!is_ours(o, a))
		return fail_problem(o, "the CA wants proof for a name that was not ordered:", a->name, NULL);
	switch (a->status) {
	case AUTHORIZATION_PENDING:
		return take_challenge(o, a);
	case AUTHORIZATION_VALID:
		free(mine->challenge);
		mine->challenge = NULL;
		return ACME_POST;
	case AUTHORIZATION_INVALID:
		return fail_problem(o, "the CA does not accept the proof for", a->name, a->error);
	case AUTHORIZATION_DEACTIVATED:
	case AUTHORIZATION_EXPIRED:
	case AUTHORIZATION_REVOKED:
		break;
	}
	return fail_problem(o, "the CA has deactivated, revoked or let expire the authorization for", a->name,
	    a->error);
}

/* From o->at on, the next authorization that has something to prove; nauthorizations: none. */
static size_t
next_open(const struct acme_order *o)
{
	size_t i = o->at;

	while (i < o->nauthorizations && o->authorizations[i].challenge == NULL)
		i++;
	return i;
}

static enum acme_want
poll_next(struct acme_order *o)
{
	if ((o->at = next_open(o)) < o->nauthorizations) {
		set_step(o, "waiting for the CA to check %s", o->authorizations[o->at].name);
		return get(o, o->authorizations[o->at].url, on_poll);
	}
	o->polls = 1;
	set_step(o, "waiting for the order to be ready");
	return get(o, o->order_url, on_order);
}

static enum acme_want
respond_next(struct acme_order *o)
{
	for (; (o->at = next_open(o)) < o->nauthorizations; o->at++)
		if (o->authorizations[o->at].respond) {
			set_step(o, "asking the CA to check %s", o->authorizations[o->at].name);
			return post(o, o->authorizations[o->at].challenge, "{}", on_challenge);
		}
	o->at = 0;
	o->polls = 0;
	return poll_next(o);
}

static enum acme_want
on_authorization(struct acme_order *o, const struct acme_reply *r)
{
	struct acme_authorization a;
	struct fault f = { 0 };
	enum err err = acme_authorization_read(r->body, r->n, &a, &f);
	enum acme_want want;

	if (err != ERR_OK)
		return fail(o, err, f.text);
	want = judge_authorization(o, &a);
	acme_authorization_clear(&a);
	if (want != ACME_POST)
		return want;
	if (++o->at < o->nauthorizations)
		return get(o, o->authorizations[o->at].url, on_authorization);
	o->at = 0;
	if (next_open(o) == o->nauthorizations)
		return poll_next(o);
	o->publish_tried = true;
	set_step(o, "publishing the challenge");
	return ACME_PUBLISH;
}

enum acme_want
acme_order_published(struct acme_order *o, enum err err, const char *words)
{
	if (err != ERR_OK)
		return fail(o, err, words);
	set_step(o, "waiting for the name servers to show the challenge");
	return ACME_CHECK;
}

enum acme_want
acme_order_checked(struct acme_order *o, enum err err, const char *words)
{
	if (err != ERR_OK)
		return fail(o, err, words);
	o->at = 0;
	return respond_next(o);
}

static enum acme_want
on_challenge(struct acme_order *o, const struct acme_reply *r)
{
	(void)r;
	o->authorizations[o->at].respond = false;
	o->at++;
	return respond_next(o);
}

static enum acme_want
on_poll(struct acme_order *o, const struct acme_reply *r)
{
	struct acme_authorization a;
	struct fault f = { 0 };
	enum err err = acme_authorization_read(r->body, r->n, &a, &f);
	enum acme_want want;

	if (err != ERR_OK)
		return fail(o, err, f.text);
	if (a.status == AUTHORIZATION_PENDING)
		want = sleep_then_get(o, o->authorizations[o->at].url, on_poll, o->polls++, r->retry_after_s);
	else if ((want = judge_authorization(o, &a)) == ACME_POST) {
		o->polls = 0;
		want = poll_next(o);
	}
	acme_authorization_clear(&a);
	return want;
}

/* ---- the certificate ---- */

static enum err
chain_check(const struct acme_chain *chain, const struct acme_csr *csr, struct fault *f)
{
	struct acme_certificate leaf;
	struct fault inner = { 0 };
	enum err err;

	if ((err = acme_certificate_parse(chain->v[0].octets, chain->v[0].n, &leaf, &inner)) != ERR_OK)
		return fault_set(f, ERR_PEER, "the CA's certificate cannot be used: %.900s", inner.text);
	if ((err = acme_certificate_matches(&leaf, csr, &inner)) != ERR_OK)
		fault_set(f, ERR_PEER, "the CA's answer does not fit: %.900s", inner.text);
	acme_certificate_clear(&leaf);
	return err == ERR_OK ? ERR_OK : ERR_PEER;
}

static enum acme_want
on_certificate(struct acme_order *o, const struct acme_reply *r)
{
	static const char pem[] = "application/pem-certificate-chain";	/* RFC 8555, section 9.1 */
	struct fault f = { 0 };
	enum err err;

	if (r->content_type != NULL && strncasecmp(r->content_type, pem, strlen(pem)) != 0) {
		err = fault_set(&f, ERR_PEER, "the CA's certificate comes as %.100s; expected %s",
		    r->content_type, pem);
		return fail(o, err, f.text);
	}
	if ((err = acme_chain_parse(r->body, r->n, &o->chain, &f)) != ERR_OK ||
	    (err = chain_check(&o->chain, o->setup.csr, &f)) != ERR_OK) {
		acme_chain_clear(&o->chain);
		return fail(o, err, f.text);
	}
	return finish(o);
}

/* ---- replies in general ---- */

/* May it pass by itself?  Then wait and go on from the order's URL. */
static bool
may_pass(const struct acme_order *o, const struct acme_reply *r)
{
	if (o->order_url == NULL || o->failures >= FAILURES_MAX)
		return false;
	if (r->err != ERR_OK)
		return r->err == ERR_NETWORK || r->err == ERR_TIMEOUT;
	if (r->retry_after_s > RATE_LIMIT_WAIT_MAX_S)
		return false;
	return r->status >= 500 || (r->status == 429 && r->retry_after_s >= 0);
}

static enum acme_want
on_failure(struct acme_order *o, const struct acme_reply *r)
{
	struct buf words = { 0 };
	enum acme_problem_type type = PROBLEM_OTHER;
	enum acme_want want;

	if (r->err == ERR_OK) {
		buf_printf(&words, "the CA refuses (%s): ", acme_order_step(o));
		type = acme_problem_read(r, &words);
		if (o->on_reply == on_finalize && !acme_csr_san_complete(o->setup.csr))
			buf_add_str(&words,
			    "; the CSR's common name is not among its subjectAltNames, and some CAs want it there");
	} else
		buf_add_str(&words, r->words);
	const char *s = buf_str(&words);
	if (may_pass(o, r) || (type == PROBLEM_ORDER_NOT_READY && o->order_url != NULL && o->failures < FAILURES_MAX)) {
		want = sleep_then_get(o, o->order_url, on_order, 3 + o->failures, r->retry_after_s);
		o->failures++;
		o->polls = 0;
	} else {
		o->retry_after_s = r->retry_after_s;
		want = fail(o, r->err != ERR_OK ? r->err : ERR_PEER, s != NULL ? s : "the CA refuses");
	}
	buf_clear(&words);
	return want;
}

enum acme_want
acme_order_reply(struct acme_order *o, const struct acme_reply *r, int64_t now_ms)
{
	assert(!o->unpublishing);
	o->now_ms = now_ms;
	if (now_ms >= o->deadline_ms && o->on_reply != on_certificate) {
		char words[600];

		snprintf(words, sizeof words, "the order took longer than %u s; last: %s", o->setup.limit_ms / 1000,
		    acme_order_step(o));
		return fail(o, ERR_TIMEOUT, words);
	}
	if (r->err != ERR_OK || r->status < 200 || r->status >= 300)
		return on_failure(o, r);
	if (o->on_reply != on_order)
		o->failures = 0;
	return o->on_reply(o, r);
}

enum acme_want
acme_order_slept(struct acme_order *o)
{
	(void)o;
	return ACME_POST;
}

enum acme_want
acme_order_unpublished(struct acme_order *o)
{
	(void)o;
	return ACME_FINISHED;
}

enum acme_want
acme_order_abort(struct acme_order *o, enum err err, const char *words)
{
	return fail(o, err, words);
}

/* ---- plain parts ---- */

enum err
acme_order_new(const struct acme_order_setup *setup, struct acme_order **out)
{
	struct acme_order *o = calloc(1, sizeof *o);

	if (o == NULL)
		return ERR_NOMEM;
	o->setup = *setup;
	o->now_ms = setup->now_ms;
	o->deadline_ms = setup->now_ms + setup->limit_ms;
	o->retry_after_s = -1;
	*out = o;
	return ERR_OK;
}

void
acme_order_free(struct acme_order *o)
{
	if (o == NULL)
		return;
	for (size_t i = 0; i < o->nauthorizations; i++) {
		free(o->authorizations[i].url);
		free(o->authorizations[i].challenge);
		free(o->authorizations[i].name);
	}
	free(o->authorizations);
	free(o->url);
	free(o->payload);
	free(o->order_url);
	free(o->txts);
	buf_clear(&o->words);
	acme_chain_clear(&o->chain);
	free(o);
}

const char *
acme_order_url(const struct acme_order *o)
{
	return o->url;
}

const char *
acme_order_payload(const struct acme_order *o)
{
	return o->payload;
}

unsigned
acme_order_delay_ms(const struct acme_order *o)
{
	return o->delay_ms;
}

const struct acme_txt *
acme_order_txts(const struct acme_order *o, size_t *n)
{
	*n = o->ntxts;
	return o->txts;
}

const char *
acme_order_step(const struct acme_order *o)
{
	return o->step;
}

struct acme_order_result
acme_order_result(struct acme_order *o)
{
	const char *s = buf_str(&o->words);

	return (struct acme_order_result){ o->err, s != NULL ? s : err_str(o->err), o->retry_after_s, &o->chain };
}
