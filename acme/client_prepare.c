/* Directory and account, once for all who wait; and the jobs that are done to the account in between. */
#include "acme/client_internal.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define DIRECTORY_AGE_MAX_MS (3600 * 1000)
#define DIRECTORY_STALE_MAX_MS (24 * 3600 * 1000)	/* as long as it is used when no new one is to be had */
#define PATIENCE_MS (120 * 1000)	/* of a key change with the orders under way */

static void step(struct acme_client *c);

void
client_wake(struct acme_client *c)
{
	event_active(c->wake, EV_TIMEOUT, 0);
}

/* ---- the end of a round ---- */

/* Orders that were to go out with an account that cannot be had. */
static void
fail_to_place(struct acme_client *c, const struct acme_reply *r)
{
	struct acme_call *last = TAILQ_LAST(&c->to_place, call_list), *call;

	while ((call = TAILQ_FIRST(&c->to_place)) != NULL) {
		bool is_last = call == last;

		client_call_finish(call, r);
		if (is_last)
			return;
	}
}

/* Tell those who waited for this round.  Who joins from within waits for the next. */
void
client_prepare_end(struct acme_client *c, const struct acme_reply *r)
{
	uint64_t round = c->round++;
	struct acme_call *call;
	bool for_job = c->job != NULL;

	c->preparing = false;
	client_refresh(c);
	if (!for_job) {
		free(c->trouble);
		c->trouble = r->err != ERR_OK ? strdup(r->words) : NULL;
	}
	if (for_job)
		client_call_finish(c->job, r);
	else
		while ((call = TAILQ_FIRST(&c->waiting)) != NULL && call->round <= round)
			client_call_finish(call, r);
	if (!for_job && r->err != ERR_OK && acme_account_location(c->account) == NULL)
		fail_to_place(c, r);
	client_wake(c);
}

void
client_prepare_fail(struct acme_client *c, enum err err, const char *words, int64_t retry_after_s)
{
	client_prepare_end(c, &(struct acme_reply){ .err = err, .words = words, .retry_after_s = retry_after_s,
		.body = "" });
}

/* ---- the directory ---- */

static void
directory_fail(struct acme_client *c, enum err err, const char *words, int64_t retry_after_s)
{
	if (c->directory.json != NULL && clock_mono_ms() - c->directory_at_ms < DIRECTORY_STALE_MAX_MS) {
		log_warning("acme: %s; the one from before is used", words);
		client_account_round(c);
	} else
		client_prepare_fail(c, err, words, retry_after_s);
}

static void
on_directory(void *arg, const struct acme_reply *r)
{
	struct acme_client *c = arg;
	struct acme_directory d;
	struct fault f = { 0 };
	struct buf words = { 0 };
	enum err err;

	c->fetching = NULL;
	err = r->err != ERR_OK ? r->err : r->status != 200 ? ERR_PEER : acme_directory_read(r->body, r->n, &d, &f);
	if (err == ERR_OK) {
		if (c->orders > 0 && c->directory.json != NULL)
			json_array_append(c->retired, c->directory.json);
		acme_directory_clear(&c->directory);
		c->directory = d;
		c->directory_at_ms = clock_mono_ms();
		step(c);
		return;
	}
	buf_add_str(&words, "the CA's directory cannot be fetched: ");
	if (r->err != ERR_OK)
		buf_add_str(&words, r->words);
	else if (r->status != 200)
		acme_problem_read(r, &words);
	else
		buf_printf(&words, "%s: %s", c->authority->directory, f.text);
	directory_fail(c, err, buf_str(&words) != NULL ? buf_str(&words) : err_str(err), r->retry_after_s);
	buf_clear(&words);
}

static void
step(struct acme_client *c)
{
	if (c->directory.json != NULL && clock_mono_ms() - c->directory_at_ms <= DIRECTORY_AGE_MAX_MS) {
		client_account_round(c);
		return;
	}
	c->fetching = acme_http_start(c->http, ACME_HTTP_GET, c->authority->directory, NULL, 0, on_directory, c);
	if (c->fetching == NULL)
		client_prepare_fail(c, ERR_NOMEM, err_str(ERR_NOMEM), -1);
}

/* ---- who is next ---- */

static bool
is_needed(const struct acme_client *c)
{
	return !TAILQ_EMPTY(&c->waiting) || (!TAILQ_EMPTY(&c->to_place) && acme_account_location(c->account) == NULL);
}

/* Orders rest on the key until the CA has looked at their challenges, so a key change waits for their end; true: it
 * still does. */
static bool
must_wait(struct acme_client *c, struct acme_call *job)
{
	int64_t left_ms = job->until_ms - clock_mono_ms();
	struct timeval tv = { (time_t)(left_ms / 1000), (suseconds_t)(left_ms % 1000 * 1000) };
	struct buf words = { 0 };

	if (job->job != ACME_ACCOUNT_ROLL || c->orders == 0)
		return false;
	if (left_ms > 0) {
		event_add(c->wake, &tv);
		return true;
	}
	buf_printf(&words, "%u orders with this key are still under way; the key is not changed", c->orders);
	client_call_finish(job, &(struct acme_reply){ .err = ERR_BUSY, .retry_after_s = -1, .body = "",
		.words = buf_str(&words) != NULL ? buf_str(&words) : err_str(ERR_BUSY) });
	buf_clear(&words);
	client_wake(c);
	return true;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct acme_client *c = arg;
	struct acme_call *job = TAILQ_FIRST(&c->jobs);

	(void)fd, (void)what;
	client_place_next(c);
	if (c->preparing || (job != NULL && must_wait(c, job)) || (job == NULL && !is_needed(c)))
		return;
	c->job = job;
	c->preparing = true;
	step(c);
}

void
client_prepare_init(struct acme_client *c)
{
	TAILQ_INIT(&c->waiting);
	TAILQ_INIT(&c->jobs);
	TAILQ_INIT(&c->posting);
	TAILQ_INIT(&c->to_place);
	c->wake = event_new(c->base, -1, 0, on_wake, c);
}

struct acme_call *
acme_client_prepare(struct acme_client *c, acme_client_done *done, void *arg)
{
	struct acme_call *call = client_call_new(c, &c->waiting, done, arg);

	if (call != NULL) {
		call->round = c->round;
		client_wake(c);
	}
	return call;
}

static struct acme_call *
job_new(struct acme_client *c, enum acme_account_job job, acme_client_done *done, void *arg)
{
	struct acme_call *call = client_call_new(c, &c->jobs, done, arg);

	if (call != NULL) {
		call->job = job;
		call->until_ms = clock_mono_ms() + PATIENCE_MS;
		client_wake(c);
	}
	return call;
}

struct acme_call *
acme_client_roll(struct acme_client *c, acme_client_done *done, void *arg)
{
	return job_new(c, ACME_ACCOUNT_ROLL, done, arg);
}

struct acme_call *
acme_client_deactivate(struct acme_client *c, acme_client_done *done, void *arg)
{
	return job_new(c, ACME_ACCOUNT_DEACTIVATE, done, arg);
}

void
acme_client_hold(struct acme_client *c)
{
	c->orders++;
}

void
acme_client_release(struct acme_client *c)
{
	if (--c->orders > 0)
		return;
	json_array_clear(c->retired);
	if (!TAILQ_EMPTY(&c->jobs))
		client_wake(c);
}
