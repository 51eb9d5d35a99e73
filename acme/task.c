#include "acme/task.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/preflight.h"
#include "acme/propagation.h"
#include "acme/publication.h"
#include "base/clock.h"
#include "base/log.h"

#define ORDER_LIFE_S (7 * 86400)	/* a CA that is not through by then starts anew */
#define CA_TIME_S 900		/* for the CA's part of an order */

struct acme_task {
	struct acme_task_setup setup;
	char *host, *replaces;
	struct acme_csr *csr;
	struct acme_order *order;		/* NULL until directory and account are there */
	struct acme_call *call;
	struct acme_delegation_search *search;	/* before that, where challenges may lead to */
	struct acme_preflight *preflight;	/* while it looks, before the order is placed */
	enum acme_challenge_type preferred[ACME_CHALLENGE_TYPES];
	const char *objection;			/* that it had: "caa"; NULL: none */
	struct acme_propagation *propagation;
	struct event *timer;
	struct acme_publication *publication;
	struct acme_records_edit *edit;		/* of its records */
	struct acme_memory memory;		/* for the store; its records are all that may be published */
	struct acme_ticket *remembering;
	size_t nremembered;			/* of those records, before that */
	bool publishing, removing;
	const char *aborted;			/* why: to be done when they are put */
};

static void task_step(struct acme_task *t, enum acme_want want);

static unsigned
limit_ms(const struct acme_task *t)
{
	return (CA_TIME_S + t->setup.propagation_timeout_s) * 1000;
}

static bool
is_possible(void *ctx, const struct acme_choice *c)
{
	const struct acme_task *t = ctx;

	return acme_publication_possible(acme_port_outside(t->setup.port), c);
}

/* The preference begins with another challenge where proofs by those before it were not accepted. */
static struct acme_challenge_means
means_of(struct acme_task *t)
{
	struct acme_challenge_means m = acme_client_means(t->setup.client);

	m.possible = is_possible;
	m.ctx = t;
	if (m.npreferred < 2 || t->setup.failed_proofs % m.npreferred == 0)
		return m;
	for (size_t i = 0; i < m.npreferred; i++)
		t->preferred[i] = m.preferred[(t->setup.failed_proofs + i) % m.npreferred];
	m.preferred = t->preferred;
	return m;
}

/* ---- memory ---- */

/* What an earlier life has left: the order, if it is for this CSR at this authority, and records in any case. */
static enum err
memory_take(struct acme_task *t, const char *directory)
{
	struct acme_memory *m = &t->memory;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	enum err err = acme_csr_digest(t->csr, digest);

	if (err != ERR_OK)
		return err;
	if (m->order != NULL && (memcmp(digest, m->csr_digest, sizeof digest) != 0 ||
	    strcmp(directory, m->directory) != 0 || (!m->issued && clock_now_s() - m->since_s > ORDER_LIFE_S))) {
		free(m->order);
		m->order = NULL;
	}
	memcpy(m->csr_digest, digest, sizeof digest);
	free(m->directory);
	return (m->directory = strdup(directory)) != NULL ? ERR_OK : ERR_NOMEM;
}

static void
memory_put(struct acme_task *t)
{
	if (acme_store_put(t->setup.store, t->setup.owner, &t->memory, NULL, NULL, NULL) != ERR_OK)
		log_error("acme: %s: out of memory; after a restart the order would be placed again", t->host);
}

/* The CA may have given the order its URL just now. */
static void
memory_note_order(struct acme_task *t)
{
	const char *url = acme_order_location(t->order);

	if (url == NULL || (t->memory.order != NULL && strcmp(t->memory.order, url) == 0))
		return;
	if (t->memory.order != NULL)
		log_info("acme: %s: the CA does not have the order of before any more, and another one was placed",
		    t->host);
	free(t->memory.order);
	t->memory.order = strdup(url);
	t->memory.since_s = clock_now_s();
	t->memory.issued = false;
	memory_put(t);
}

/* The end: what is still of use after it stays, and what cannot be removed now is removed later. */
static void
memory_settle(struct acme_task *t, const struct acme_order_result *r)
{
	struct acme_store *store = t->setup.store;

	if (t->order == NULL) {
		acme_store_tidy(store, t->setup.owner);
		return;
	}
	t->memory.issued = r->err == ERR_OK;
	if (t->memory.order != NULL || t->memory.records.n > 0)
		memory_put(t);
	if (r->err == ERR_OK || r->resumable)
		acme_store_tidy(store, t->setup.owner);
	else
		acme_store_drop(store, t->setup.owner);
}

/* Frees t. */
static void
task_finish(struct acme_task *t, const struct acme_order_result *r)
{
	memory_settle(t, r);
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

/* There is no account to order with.  Whoever is to change that, nobody can have a certificate from this authority
 * until then; another one may be had instead. */
static void
task_fail_reply(struct acme_task *t, const struct acme_reply *r)
{
	struct acme_chain none = { 0 };
	struct acme_cause cause = r->problem != NULL ? acme_cause_of_problem(r->problem, r->status, false) :
	    acme_cause_of_err(r->err);

	if (r->problem != NULL ? cause.blame != BLAME_LIMIT : r->err == ERR_REFUSED || r->err == ERR_UNSUPPORTED)
		cause = (struct acme_cause){ BLAME_CA, cause.again == AGAIN_NEVER ? AGAIN_LATER : cause.again };
	task_finish(t, &(struct acme_order_result){ .err = r->err, .words = r->words, .retry_after_s = r->retry_after_s,
		.cause = cause, .problem = r->problem != NULL ? acme_problem_short(r->problem) : "", .chain = &none });
}

/* ---- the CA ---- */

static void
on_reply(void *arg, const struct acme_reply *r)
{
	struct acme_task *t = arg;
	enum acme_want want;

	acme_order_use(t->order, means_of(t));
	want = acme_order_reply(t->order, r, clock_mono_ms());

	t->call = NULL;
	memory_note_order(t);
	task_step(t, want);
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

static enum err
make_order(struct acme_task *t)
{
	const struct acme_directory *directory = acme_client_directory(t->setup.client);
	struct acme_order_setup setup = { .csr = t->csr, .new_order = acme_client_new_order(t->setup.client),
		.means = means_of(t), .profile = t->setup.profile,
		.profiles = directory != NULL ? directory->profiles : NULL, .replaces = t->replaces,
		.preferred_chain = t->setup.preferred_chain, .now_s = clock_now_s(), .now_ms = clock_mono_ms(),
		.limit_ms = limit_ms(t) };
	enum err err = memory_take(t, setup.means.directory);

	if (err != ERR_OK)
		return err;
	setup.resume = t->memory.order;
	setup.leftovers = t->memory.records.n > 0;
	return acme_order_new(&setup, &t->order);
}

static void
on_looked(void *arg, enum err err, const char *problem, const char *words)
{
	struct acme_task *t = arg;
	struct fault f = { 0 };

	fault_set(&f, err, "%s", words);	/* words are the preflight's own */
	acme_preflight_free(t->preflight);
	t->preflight = NULL;
	if (err == ERR_REFUSED)
		t->objection = problem;
	task_step(t, err == ERR_OK ? acme_order_start(t->order) : acme_order_abort(t->order, err, f.text));
}

/* What would make the CA refuse is better found before it counts the attempt. */
static void
look_for_objections(struct acme_task *t)
{
	const struct acme_directory *directory = acme_client_directory(t->setup.client);
	struct acme_challenge_means means = means_of(t);
	struct acme_preflight_setup setup = { .outside = acme_port_outside(t->setup.port), .resolve = t->setup.resolve,
		.base = t->setup.base, .names = acme_csr_names(t->csr), .host = t->host, .directory = means.directory,
		.identities = directory != NULL ? directory->caa_identities : NULL, .account = means.account,
		.methods = means.preferred, .nmethods = means.npreferred };

	if (acme_preflight_start(&setup, on_looked, t, &t->preflight) != ERR_OK)
		task_step(t, acme_order_abort(t->order, ERR_NOMEM, err_str(ERR_NOMEM)));
}

static void
on_ways(void *arg, enum err err, struct acme_delegation *found, const char *words)
{
	struct acme_task *t = arg;
	struct fault f = { 0 };

	(void)found;
	if (err != ERR_OK)
		fault_set(&f, ERR_REFUSED, "the challenge has no place: %.900s", words);
	acme_delegation_search_free(t->search);
	t->search = NULL;
	if (err == ERR_OK) {
		look_for_objections(t);
		return;
	}
	t->objection = "dns";
	task_step(t, acme_order_abort(t->order, f.err, f.text));
}

/* Do the names that are not ours lead to us?  Only resolvers can tell. */
static void
look_first(struct acme_task *t)
{
	const struct acme_outside *outside = acme_port_outside(t->setup.port);
	struct acme_challenge_means means = means_of(t);
	bool standing = means.npreferred == 1 && means.preferred[0] == ACME_DNS_PERSIST_01;
	struct dname *elsewhere;
	size_t n;
	enum err err = acme_delegation_elsewhere(outside, &means, acme_csr_names(t->csr), &elsewhere, &n);

	if (err == ERR_OK && n > 0)
		err = acme_delegation_start(outside, t->setup.resolve, t->setup.base, elsewhere, n, standing ? 0 : n,
		    on_ways, t, &t->search);
	free(elsewhere);
	if (err != ERR_OK)
		task_step(t, acme_order_abort(t->order, err, err_str(err)));
	else if (n == 0)
		look_for_objections(t);
}

static void
on_prepared(void *arg, const struct acme_reply *r)
{
	struct acme_task *t = arg;
	enum err err;

	t->call = NULL;
	if (r->err != ERR_OK) {
		task_fail_reply(t, r);
	} else if ((err = make_order(t)) != ERR_OK) {
		task_fail(t, err, err_str(err), -1);
	} else {
		acme_client_hold(t->setup.client);
		if (t->memory.order == NULL) {
			look_first(t);
			return;
		}
		log_info("acme: %s: going on with the order %s", t->host, t->memory.order);
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
edit_records(struct acme_task *t, bool add, const struct acme_records *records, acme_records_done *done)
{
	char why[300];

	snprintf(why, sizeof why, "challenge for %.253s%s", t->host, add ? "" : " removed");
	return acme_records_edit(&(struct acme_records_setup){ .port = t->setup.port, .records = records, .add = add,
	    .ttl_s = t->setup.challenge_ttl_s, .until_s = clock_now_s() + limit_ms(t) / 1000, .why = why,
	    .done = done, .arg = t }, &t->edit);
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

/* Only now: what may be published is known to whoever comes after us. */
static void
on_remembered(void *arg, enum err err, const char *words)
{
	struct acme_task *t = arg;
	struct fault f = { 0 };

	t->remembering = NULL;
	if (err != ERR_OK) {
		fault_set(&f, err, "the challenge is not published, for it cannot be remembered: %.900s", words);
		t->memory.records.n = t->nremembered;
	} else if (t->aborted == NULL)
		err = edit_records(t, true, acme_publication_records(t->publication), on_put);
	if (err != ERR_OK || t->aborted != NULL)
		published(t, err, fault_str(&f, err));
}

static void
on_places(void *arg, enum err err, const char *words)
{
	struct acme_task *t = arg;
	const struct acme_records *found = acme_publication_records(t->publication);

	if (err != ERR_OK || t->aborted != NULL || found->n == 0) {
		published(t, err, words);
		return;
	}
	t->nremembered = t->memory.records.n;
	for (size_t i = 0; err == ERR_OK && i < found->n; i++)
		err = acme_records_add(&t->memory.records, &found->v[i]);
	if (err == ERR_OK)
		err = acme_store_put(t->setup.store, t->setup.owner, &t->memory, on_remembered, t, &t->remembering);
	if (err != ERR_OK)
		published(t, err, err_str(err));
}

/* What failed stays in memory, and is tried again. */
static void
on_removed(void *arg, enum err err, const char *words, const struct acme_records *failed)
{
	struct acme_task *t = arg;

	t->edit = NULL;
	if (err != ERR_OK)
		log_warning("acme: %s: the challenge could not be removed: %s", t->host, words);
	memcpy(t->memory.records.v, failed->v, failed->n * sizeof *failed->v);
	t->memory.records.n = failed->n;
	task_step(t, acme_order_unpublished(t->order));
}

static void
task_unpublish(struct acme_task *t)
{
	struct acme_records *records = &t->memory.records;

	t->removing = true;
	acme_store_spare(t->setup.store, t->setup.owner, records);
	if (records->n == 0 || edit_records(t, false, records, on_removed) != ERR_OK)
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
	struct acme_propagation_setup setup = { .port = t->setup.port, .resolve = t->setup.resolve,
	    .base = t->setup.base,
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
		if (t->objection != NULL) {
			r.cause = (struct acme_cause){ BLAME_HOST, AGAIN_SOON };
			r.problem = t->objection;
		}
		task_finish(t, &r);
		return;
	}
}

enum err
acme_task_start(const struct acme_task_setup *setup, struct acme_csr *csr, struct acme_task **out)
{
	struct acme_task *t = calloc(1, sizeof *t);
	const struct acme_memory *memory;

	if (t == NULL)
		return ERR_NOMEM;
	t->setup = *setup;
	memory = acme_store_claim(setup->store, setup->owner);
	t->host = strdup(setup->host);
	t->replaces = setup->replaces != NULL ? strdup(setup->replaces) : NULL;
	t->timer = event_new(setup->base, -1, 0, on_timer, t);
	acme_publication_new(&(struct acme_publication_setup){ .port = setup->port, .resolve = setup->resolve,
	    .base = setup->base, .persist = setup->persist, .authority = setup->authority, .csr = setup->owner },
	    &t->publication);
	if ((memory != NULL && acme_memory_copy(&t->memory, memory) != ERR_OK) || t->publication == NULL ||
	    t->host == NULL || t->timer == NULL || (setup->replaces != NULL && t->replaces == NULL) ||
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
	acme_delegation_search_free(t->search);
	t->search = NULL;
	acme_preflight_free(t->preflight);
	t->preflight = NULL;
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
	acme_delegation_search_free(t->search);
	acme_preflight_free(t->preflight);
	acme_propagation_free(t->propagation);
	if (t->timer != NULL)
		event_free(t->timer);
	if (t->order != NULL)
		acme_client_release(t->setup.client);
	acme_order_free(t->order);
	acme_csr_free(t->csr);
	acme_records_cancel(t->edit);
	acme_port_cancel(t->remembering);
	acme_memory_clear(&t->memory);
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
	if (t->search != NULL)
		return "looking where the challenges of names elsewhere lead to";
	if (t->preflight != NULL)
		return "looking for what the CA would refuse";
	return t->propagation != NULL ? acme_propagation_step(t->propagation) : acme_order_step(t->order);
}
