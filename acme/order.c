#include "acme/order.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/order_internal.h"
#include "base/encoding.h"

#define FAILURES_MAX 6			/* answers missing or 5xx in a row */
#define RATE_LIMIT_WAIT_MAX_S 60	/* longer ones are left to the schedule */
#define PROFILES_SHOWN 20

static on_reply_fn on_new_order, on_finalize;

/* ---- the order object ---- */

static char *
order_payload(const struct acme_order_setup *setup)
{
	const struct acme_names *names = acme_csr_names(setup->csr);
	json_t *list = json_array(), *json;
	char *text;

	for (size_t i = 0; i < names->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "type", "dns", "value", names->v[i]));
	json = json_pack("{s:o, s:s*, s:s*}", "identifiers", list, "profile", setup->profile, "replaces",
	    setup->replaces);
	text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text;
}

static enum acme_want
place(struct acme_order *o)
{
	char *payload = order_payload(&o->setup);
	enum acme_want want;

	order_step(o, "placing the order");
	want = payload != NULL ? order_post(o, o->setup.new_order, payload, on_new_order) : order_fail_nomem(o);
	free(payload);
	return want;
}

static void
authorizations_clear(struct acme_order *o)
{
	for (size_t i = 0; i < o->nauthorizations; i++) {
		free(o->authorizations[i].url);
		free(o->authorizations[i].challenge);
		free(o->authorizations[i].name);
	}
	free(o->authorizations);
	o->authorizations = NULL;
	o->nauthorizations = 0;
}

/* The order is no longer there: one of an earlier life, or one that went with the account. */
static enum acme_want
place_anew(struct acme_order *o)
{
	authorizations_clear(o);
	o->placed_anew = true;
	free(o->order_url);
	o->order_url = NULL;
	o->resuming = o->finalized = false;
	o->failures = o->polls = o->stale = 0;
	return place(o);
}

static void
add_profiles(const struct acme_order *o, struct buf *words)
{
	const char *name, *comma = " ";
	json_t *value;
	unsigned n = 0;

	if (json_object_size(o->setup.profiles) == 0) {
		buf_add_str(words, "the CA offers no profiles");
		return;
	}
	buf_add_str(words, "it has");
	json_object_foreach((json_t *)(uintptr_t)o->setup.profiles, name, value) {
		if (n++ == PROFILES_SHOWN) {
			buf_add_str(words, " and more");
			break;
		}
		buf_printf(words, "%s\"%.100s\"", comma, name);
		comma = ", ";
	}
}

/* draft-aaron-acme-profiles, section 4: "Clients MUST NOT request a profile that is not listed". */
static enum acme_want
fail_profile(struct acme_order *o)
{
	struct buf words = { 0 };
	enum acme_want want;

	buf_printf(&words, "the CA has no profile \"%s\": ", o->setup.profile);
	add_profiles(o, &words);
	const char *s = buf_str(&words);
	order_note_problem(o, "invalidProfile");
	want = order_fail_because(o, (struct acme_cause){ BLAME_LOCAL, AGAIN_NEVER }, ERR_UNSUPPORTED,
	    s != NULL ? s : "the CA does not have the profile");
	buf_clear(&words);
	return want;
}

enum acme_want
acme_order_start(struct acme_order *o)
{
	if (o->setup.resume != NULL) {
		order_step(o, "going on with the order of before");
		o->resuming = true;
		if ((o->order_url = strdup(o->setup.resume)) == NULL)
			return order_fail_nomem(o);
		return order_get(o, o->order_url, order_on_order);
	}
	if (o->setup.profile != NULL && json_object_get(o->setup.profiles, o->setup.profile) == NULL)
		return fail_profile(o);
	return place(o);
}

static enum acme_want
on_new_order(struct acme_order *o, const struct acme_reply *r)
{
	if (!acme_is_https(r->location))
		return order_fail(o, ERR_PEER, "the CA's newOrder gave no https URL of the order");
	if ((o->order_url = strdup(r->location)) == NULL)
		return order_fail_nomem(o);
	return order_on_order(o, r);
}

static enum acme_want
finalize(struct acme_order *o, const char *url)
{
	size_t n;
	const uint8_t *der = acme_csr_der(o->setup.csr, &n);
	struct buf payload = { 0 };
	enum acme_want want;

	order_step(o, "sending the CSR");
	buf_add_str(&payload, "{\"csr\":\"");
	base64url_encode(der, n, &payload);
	buf_add_str(&payload, "\"}");
	want = buf_str(&payload) != NULL ? order_post(o, url, buf_str(&payload), on_finalize) : order_fail_nomem(o);
	buf_clear(&payload);
	return want;
}

/* What was ordered, and nothing else: a CA that changed it would only refuse the CSR in the end. */
static enum err
identifiers_check(const struct acme_order *o, const json_t *identifiers, struct fault *f)
{
	const struct acme_names *names = acme_csr_names(o->setup.csr);
	size_t n = json_array_size(identifiers);

	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_object_get(json_array_get(identifiers, i), "value"));
		size_t k = 0;

		while (name != NULL && k < names->n && strcasecmp(names->v[k], name) != 0)
			k++;
		if (name == NULL || k == names->n)
			return fault_set(f, ERR_PEER, "the CA's order is for a name that was not ordered: %.253s",
			    name != NULL ? name : "(none)");
	}
	if (identifiers != NULL && n != names->n)
		return fault_set(f, ERR_PEER, "the CA's order has %zu identifiers; %zu were ordered", n, names->n);
	return ERR_OK;
}

enum acme_want
order_on_order(struct acme_order *o, const struct acme_reply *r)		/* RFC 8555, section 7.1.6 */
{
	struct acme_order_object object;
	struct fault f = { 0 };
	enum acme_want want = ACME_FINISHED;
	enum err err = acme_order_object_read(r->body, r->n, &object, &f);
	bool resuming = o->resuming;

	if (err != ERR_OK)
		return order_fail(o, err, f.text);
	if ((err = identifiers_check(o, object.identifiers, &f)) != ERR_OK) {
		acme_order_object_clear(&object);
		return order_fail(o, err, f.text);
	}
	o->resuming = false;
	switch (object.status) {
	case ORDER_PENDING:
		if (o->polls == 0)
			want = order_prove(o, &object);
		else			/* all are valid; the order has not noticed yet */
			want = order_sleep_then_get(o, o->order_url, order_on_order, o->polls++, r->retry_after_s);
		break;
	case ORDER_READY:
		if (!o->finalized)
			want = finalize(o, object.finalize);
		else if (++o->stale < FAILURES_MAX)	/* not yet so where this was read from */
			want = order_sleep_then_get(o, o->order_url, order_on_order, 3 + o->stale, r->retry_after_s);
		else
			want = order_fail(o, ERR_PEER, "the CA takes the CSR, but the order stays ready");
		break;
	case ORDER_PROCESSING:
		order_step(o, "waiting for the CA to issue");
		want = order_sleep_then_get(o, o->order_url, order_on_order, o->polls > 0 ? o->polls - 1 : 0,
		    r->retry_after_s);
		o->polls++;
		break;
	case ORDER_VALID:
		order_step(o, "fetching the certificate");
		want = order_get(o, object.certificate, order_on_certificate);
		break;
	case ORDER_INVALID:
		if (resuming)		/* it ended while we were away */
			want = place_anew(o);
		else
			want = order_fail_problem(o, "the CA has given up the order", NULL, object.error);
		break;
	}
	acme_order_object_clear(&object);
	return want;
}

static enum acme_want
on_finalize(struct acme_order *o, const struct acme_reply *r)
{
	o->finalized = true;
	return order_on_order(o, r);
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
refused(struct acme_order *o, const struct acme_reply *r, const char *words)
{
	json_t *problem = json_loadb(r->body, r->n, 0, NULL);
	const char *type = json_string_value(json_object_get(problem, "type"));
	enum acme_want want;

	order_note_problem(o, type);
	want = order_fail_because(o, acme_cause_of_problem(type, r->status, false), ERR_PEER, words);
	json_decref(problem);
	return want;
}

/* Does the CA not have the order of an earlier life?  Whatever the words: it is not ours to have any more.  And when it
 * has lost the account, the orders went with it; the client makes another one, for a new order. */
static bool
is_gone(const struct acme_order *o, const struct acme_reply *r, enum acme_problem_type type)
{
	return (type == PROBLEM_ACCOUNT_DOES_NOT_EXIST && o->order_url != NULL && !o->placed_anew) ||
	    (o->resuming && r->err == ERR_OK && r->status >= 400 && r->status < 500 && r->status != 408 &&
	    r->status != 429 && type != PROBLEM_BAD_NONCE && type != PROBLEM_RATE_LIMITED &&
	    type != PROBLEM_USER_ACTION_REQUIRED);
}

/* RFC 9773, section 5: what is to be replaced was replaced, or is not known there.  The order is as good without. */
static bool
is_about_replaces(const struct acme_order *o, const struct acme_reply *r, enum acme_problem_type type)
{
	return o->on_reply == on_new_order && o->setup.replaces != NULL && r->err == ERR_OK &&
	    (type == PROBLEM_ALREADY_REPLACED || type == PROBLEM_MALFORMED || type == PROBLEM_UNAUTHORIZED ||
	    (type == PROBLEM_OTHER && (r->status == 404 || r->status == 409)));
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
		if (type == PROBLEM_INVALID_PROFILE) {
			buf_add_str(&words, "; ");
			add_profiles(o, &words);
		}
		if (o->on_reply == on_finalize && !acme_csr_san_complete(o->setup.csr))
			buf_add_str(&words,
			    "; the CSR's common name is not among its subjectAltNames, and some CAs want it there");
	} else
		buf_add_str(&words, r->words);
	const char *s = buf_str(&words);
	if (is_gone(o, r, type)) {
		want = place_anew(o);
	} else if (is_about_replaces(o, r, type)) {
		o->setup.replaces = NULL;
		want = place(o);
	} else if (o->on_reply == order_on_alternate) {
		want = order_pass_alternate(o);
	} else if (may_pass(o, r) || (type == PROBLEM_ORDER_NOT_READY && o->order_url != NULL &&
	    o->failures < FAILURES_MAX)) {
		want = order_sleep_then_get(o, o->order_url, order_on_order, 3 + o->failures, r->retry_after_s);
		o->failures++;
		o->polls = 0;
	} else {
		o->retry_after_s = r->retry_after_s;
		s = s != NULL ? s : "the CA refuses";
		want = r->err != ERR_OK ? order_fail(o, r->err, s) : refused(o, r, s);
	}
	buf_clear(&words);
	return want;
}

enum acme_want
acme_order_reply(struct acme_order *o, const struct acme_reply *r, int64_t now_ms)
{
	assert(!o->unpublishing);
	o->now_ms = now_ms;
	if (now_ms >= o->deadline_ms && o->on_reply != order_on_certificate && o->on_reply != order_on_alternate) {
		char words[600];

		snprintf(words, sizeof words, "the order took longer than %u s; last: %s", o->setup.limit_ms / 1000,
		    acme_order_step(o));
		return order_fail(o, ERR_TIMEOUT, words);
	}
	if (r->err != ERR_OK || r->status < 200 || r->status >= 300)
		return on_failure(o, r);
	if (o->on_reply != order_on_order)
		o->failures = 0;
	return o->on_reply(o, r);
}

void
acme_order_use(struct acme_order *o, struct acme_challenge_means means)
{
	o->setup.means = means;
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
	return order_fail(o, err, words);
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
	authorizations_clear(o);
	free(o->url);
	free(o->payload);
	free(o->order_url);
	free(o->txts);
	for (size_t i = 0; i < o->nstanding; i++)
		acme_standing_clear(&o->standing[i]);
	free(o->standing);
	free(o->problem);
	for (size_t i = 0; i < o->nalternates; i++)
		free(o->alternates[i]);
	free(o->alternates);
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

const struct acme_standing *
acme_order_standing(const struct acme_order *o, size_t *n)
{
	*n = o->nstanding;
	return o->standing;
}

const char *
acme_order_location(const struct acme_order *o)
{
	return o->order_url;
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

	return (struct acme_order_result){ o->err, s != NULL ? s : err_str(o->err), o->retry_after_s, o->cause,
		o->problem != NULL ? o->problem : "", o->resumable, &o->chain };
}
