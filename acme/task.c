#include "acme/task.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/propagation.h"
#include "acme/publication.h"
#include "base/clock.h"
#include "base/log.h"

#define CA_TIME_S 900		/* for the CA's part of an order */

struct acme_task {
	struct acme_task_setup setup;
	char *host, *replaces;
	struct acme_csr *csr;
	struct acme_order *order;		/* NULL until directory and account are there */
	struct acme_call *call;
	struct acme_propagation *propagation;
	struct event *timer;
	struct acme_publication *publication;
	struct acme_records_edit *edit;		/* of its records */
	bool publishing, removing;
	const char *aborted;			/* why: to be done when they are put */
};

static void task_step(struct acme_task *t, enum acme_want want);

static unsigned
limit_ms(const struct acme_task *t)
{
	return (CA_TIME_S + t->setup.propagation_timeout_s) * 1000;
}

/* Frees t. */
static void
task_finish(struct acme_task *t, const struct acme_order_result *r)
{
	t->setup.done(t->setup.arg, t, r);
	acme_task_free(t);
}

static void
task_fail(struct acme_task *t, enum err err, const char *words, int64_t retry_after_s)
{
	struct acme_chain none = { 0 };

	task_finish(t, &(struct acme_order_result){ .err = err, .words = words, .retry_after_s = retry_after_s,
		.cause = acme_cause_of_err(err), .problem = "", .chain = &none });
}

/* There is no account to order with. */
static void
task_fail_reply(struct acme_task *t, const struct acme_reply *r)
{
	struct acme_chain none = { 0 };

	task_finish(t, &(struct acme_order_result){ .err = r->err, .words = r->words, .retry_after_s = r->retry_after_s,
		.cause = r->problem != NULL ? acme_cause_of_problem(r->problem, r->status, false) : acme_cause_of_err(r->err),
		.problem = r->problem != NULL ? acme_problem_short(r->problem) : "", .chain = &none });
}

/* ---- the CA ---- */

static void
on_reply(void *arg, const struct acme_reply *r)
{
	struct acme_task *t = arg;

	t->call = NULL;
	task_step(t, acme_order_reply(t->order, r, clock_mono_ms()));
}

static void
task_post(struct acme_task *t)
{
	t->call = acme_client_post(t->setup.client, acme_order_url(t->order), acme_order_payload(t->order),
	    on_reply, t);
	if (t->call == NULL)
		task_step(t, acme_order_abort(t->order, ERR_NOMEM, "a request to the CA could not be made"));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct acme_task *t = arg;

	(void)fd, (void)what;
	task_step(t, acme_order_slept(t->order));
}

static void
task_sleep(struct acme_task *t)
{
	unsigned ms = acme_order_delay_ms(t->order);
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(t->timer, &tv);
}

static void
on_prepared(void *arg, const struct acme_reply *r)
{
	struct acme_task *t = arg;
	struct acme_order_setup setup = { .csr = t->csr, .new_order = acme_client_new_order(t->setup.client),
		.means = acme_client_means(t->setup.client), .profile = t->setup.profile,
		.replaces = t->replaces, .preferred_chain = t->setup.preferred_chain, .now_s = clock_now_s(),
		.now_ms = clock_mono_ms(),
		.limit_ms = limit_ms(t) };

	t->call = NULL;
	if (r->err != ERR_OK)
		task_fail_reply(t, r);
	else if (acme_order_new(&setup, &t->order) != ERR_OK)
		task_fail(t, ERR_NOMEM, err_str(ERR_NOMEM), -1);
	else {
		acme_client_hold(t->setup.client);
		task_step(t, acme_order_start(t->order));
	}
}

/* ---- the zones ---- */

/* What was begun in the zones is waited for, also when the task was given up meanwhile. */
static void
published(struct acme_task *t, enum err err, const char *words)
{
	t->publishing = false;
	if (t->aborted != NULL)
		task_step(t, acme_order_abort(t->order, ERR_CANCELLED, t->aborted));
	else
		task_step(t, acme_order_published(t->order, err, words));
}

static enum err
edit_records(struct acme_task *t, bool add, acme_records_done *done)
{
	char why[300];

	snprintf(why, sizeof why, "challenge for %.253s%s", t->host, add ? "" : " removed");
	return acme_records_edit(&(struct acme_records_setup){ .port = t->setup.port,
	    .records = acme_publication_records(t->publication), .add = add, .ttl_s = t->setup.challenge_ttl_s,
	    .until_s = clock_now_s() + limit_ms(t) / 1000, .why = why, .done = done, .arg = t }, &t->edit);
}

static void
on_put(void *arg, enum err err, const char *words, const struct acme_records *failed)
{
	struct acme_task *t = arg;
	struct fault f = { 0 };

	(void)failed;
	t->edit = NULL;
	if (err != ERR_OK)
		fault_set(&f, err, "the challenge cannot be published: %.900s", words);
	published(t, err, f.text);
}

static void
on_places(void *arg, enum err err, const char *words)
{
	struct acme_task *t = arg;

	if (err != ERR_OK || t->aborted != NULL || acme_publication_records(t->publication)->n == 0)
		published(t, err, words);
	else if ((err = edit_records(t, true, on_put)) != ERR_OK)
		published(t, err, err_str(err));
}

/* A record that stays is served until it expires, and harms nobody: only a warning. */
static void
on_removed(void *arg, enum err err, const char *words, const struct acme_records *failed)
{
	struct acme_task *t = arg;

	(void)failed;
	t->edit = NULL;
	if (err != ERR_OK)
		log_warning("acme: %s: the challenge could not be removed: %s", t->host, words);
	task_step(t, acme_order_unpublished(t->order));
}

static void
task_unpublish(struct acme_task *t)
{
	t->removing = true;
	if (acme_publication_records(t->publication)->n == 0 || edit_records(t, false, on_removed) != ERR_OK)
		task_step(t, acme_order_unpublished(t->order));
}

static void
on_propagated(void *arg, enum err err, const char *words)
{
	struct acme_task *t = arg;
	struct fault f = { 0 };

	fault_set(&f, err, "%s", words);	/* words may be the check's own */
	acme_propagation_free(t->propagation);
	t->propagation = NULL;
	task_step(t, acme_order_checked(t->order, err, f.text));
}

static void
task_check(struct acme_task *t)
{
	struct acme_propagation_setup setup = { .port = t->setup.port, .resolve = t->setup.resolve, .base = t->setup.base,
		.timeout_s = t->setup.propagation_timeout_s };
	enum err err;

	setup.proofs = acme_publication_proofs(t->publication, &setup.n);
	err = acme_propagation_start(&setup, on_propagated, t, &t->propagation);
	if (err != ERR_OK)
		task_step(t, acme_order_checked(t->order, err, err_str(err)));
}

/* Every callback ends here. */
static void
task_step(struct acme_task *t, enum acme_want want)
{
	struct acme_order_result r;

	switch (want) {
	case ACME_POST:		task_post(t); return;
	case ACME_PUBLISH:
		t->publishing = true;
		acme_publication_find(t->publication, t->order, on_places, t);
		return;
	case ACME_CHECK:	task_check(t); return;
	case ACME_SLEEP:	task_sleep(t); return;
	case ACME_UNPUBLISH:	task_unpublish(t); return;
	case ACME_FINISHED:
		r = acme_order_result(t->order);
		task_finish(t, &r);
		return;
	}
}

enum err
acme_task_start(const struct acme_task_setup *setup, struct acme_csr *csr, struct acme_task **out)
{
	struct acme_task *t = calloc(1, sizeof *t);

	if (t == NULL)
		return ERR_NOMEM;
	t->setup = *setup;
	t->host = strdup(setup->host);
	t->replaces = setup->replaces != NULL ? strdup(setup->replaces) : NULL;
	t->timer = event_new(setup->base, -1, 0, on_timer, t);
	acme_publication_new(&(struct acme_publication_setup){ .port = setup->port, .resolve = setup->resolve,
	    .base = setup->base }, &t->publication);
	if (t->publication == NULL || t->host == NULL || t->timer == NULL || (setup->replaces != NULL && t->replaces == NULL) ||
	    (t->call = acme_client_prepare(setup->client, on_prepared, t)) == NULL) {
		acme_task_free(t);
		return ERR_NOMEM;
	}
	t->csr = csr;
	*out = t;
	return ERR_OK;
}

void
acme_task_abort(struct acme_task *t, const char *words)
{
	if (t->aborted != NULL || t->removing)
		return;
	t->aborted = words;
	if (t->publishing)
		return;				/* published() goes on */
	acme_call_cancel(t->call);
	t->call = NULL;
	acme_propagation_free(t->propagation);
	t->propagation = NULL;
	event_del(t->timer);
	if (t->order == NULL)
		task_fail(t, ERR_CANCELLED, words, -1);
	else
		task_step(t, acme_order_abort(t->order, ERR_CANCELLED, words));
}

void
acme_task_free(struct acme_task *t)
{
	if (t == NULL)
		return;
	acme_call_cancel(t->call);
	acme_propagation_free(t->propagation);
	if (t->timer != NULL)
		event_free(t->timer);
	if (t->order != NULL)
		acme_client_release(t->setup.client);
	acme_order_free(t->order);
	acme_csr_free(t->csr);
	acme_records_cancel(t->edit);
	acme_publication_free(t->publication);
	free(t->host);
	free(t->replaces);
	free(t);
}

const struct acme_csr *
acme_task_csr(const struct acme_task *t)
{
	return t->csr;
}

const char *
acme_task_step(const struct acme_task *t)
{
	if (t->order == NULL)
		return "preparing the account";
	return t->propagation != NULL ? acme_propagation_step(t->propagation) : acme_order_step(t->order);
}
