#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/order_internal.h"

#define DELAY_FIRST_MS 100
#define DELAY_LEAST_MS 100
#define DELAY_MOST_MS 15000

void
order_step(struct acme_order *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(o->step, sizeof o->step, format, args);
	va_end(args);
}

/* ---- endings ---- */

enum acme_want
order_finish(struct acme_order *o)
{
	if (!o->publish_tried && !o->setup.leftovers)
		return ACME_FINISHED;
	o->unpublishing = true;
	order_step(o, "removing the challenge");
	return ACME_UNPUBLISH;
}

/* The first failure is the reason. */
enum acme_want
order_fail_because(struct acme_order *o, struct acme_cause cause, enum err err, const char *words)
{
	acme_chain_clear(&o->chain);
	if (o->err == ERR_OK) {
		o->err = err;
		o->cause = cause;
		o->resumable = o->order_url != NULL && !o->dead && (cause.again == AGAIN_SOON ||
		    cause.blame == BLAME_LIMIT) && cause.blame != BLAME_NONE;
		buf_add_str(&o->words, words);
	}
	return order_finish(o);
}

enum acme_want
order_fail(struct acme_order *o, enum err err, const char *words)
{
	return order_fail_because(o, acme_cause_of_err(err), err, words);
}

void
order_note_problem(struct acme_order *o, const char *type)
{
	if (o->err != ERR_OK)
		return;
	free(o->problem);
	o->problem = type != NULL ? strdup(acme_problem_short(type)) : NULL;
}

enum acme_want
order_fail_nomem(struct acme_order *o)
{
	return order_fail(o, ERR_NOMEM, err_str(ERR_NOMEM));
}

enum acme_want
order_fail_problem(struct acme_order *o, const char *what, const char *name, const json_t *problem)
{
	const char *type = json_string_value(json_object_get(problem, "type"));
	struct buf words = { 0 };
	enum acme_want want;

	buf_printf(&words, "%s%s%s", what, name != NULL ? " " : "", name != NULL ? name : "");
	if (problem != NULL) {
		buf_add_str(&words, ": ");
		acme_problem_print(problem, &words);
	}
	const char *s = buf_str(&words);
	order_note_problem(o, type);
	o->dead = true;
	want = order_fail_because(o, acme_cause_of_problem(type, 0, true), ERR_PEER, s != NULL ? s : what);
	buf_clear(&words);
	return want;
}

/* ---- requests ---- */

enum acme_want
order_post(struct acme_order *o, const char *url, const char *payload, on_reply_fn *next)
{
	char *u = strdup(url), *p = payload != NULL ? strdup(payload) : NULL;

	free(o->url);
	free(o->payload);
	o->url = u;
	o->payload = p;
	o->on_reply = next;
	if (u == NULL || (payload != NULL && p == NULL))
		return order_fail_nomem(o);
	return ACME_POST;
}

enum acme_want
order_get(struct acme_order *o, const char *url, on_reply_fn *next)
{
	return order_post(o, url, NULL, next);
}

/* The CA takes longer than we wait.  When it says when to ask again, that is how it works, and nobody's failure: the
 * order is gone on with then. */
static enum acme_want
fail_slow(struct acme_order *o, int64_t retry_after_s)
{
	struct acme_cause cause = acme_cause_of_err(ERR_TIMEOUT);
	struct buf words = { 0 };
	enum acme_want want;

	buf_printf(&words, "the CA did not finish within %u s; last: %s", o->setup.limit_ms / 1000, acme_order_step(o));
	if (retry_after_s >= 0) {
		buf_printf(&words, "; it wants to be asked again in %lld s", (long long)retry_after_s);
		o->retry_after_s = retry_after_s;
		cause.blame = BLAME_HOST;
	}
	const char *s = buf_str(&words);
	want = order_fail_because(o, cause, ERR_TIMEOUT, s != NULL ? s : "the CA did not finish in time");
	buf_clear(&words);
	return want;
}

enum acme_want
order_sleep_then_get(struct acme_order *o, const char *url, on_reply_fn *next, unsigned nth, int64_t retry_after_s)
{
	int64_t delay = nth > 7 ? DELAY_MOST_MS : DELAY_FIRST_MS << nth;
	enum acme_want want;

	if (retry_after_s >= 0)
		delay = retry_after_s * 1000;
	if (delay < DELAY_LEAST_MS)
		delay = DELAY_LEAST_MS;
	if (retry_after_s < 0 && delay > DELAY_MOST_MS)
		delay = DELAY_MOST_MS;
	if (o->now_ms + delay >= o->deadline_ms)
		return fail_slow(o, retry_after_s);
	o->delay_ms = (unsigned)delay;
	want = order_get(o, url, next);
	return want == ACME_POST ? ACME_SLEEP : want;
}
