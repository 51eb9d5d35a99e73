#include "server/keeper_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "server/secondary.h"
#include "wire/rrtype.h"

#define QUEUE_SIZE 8192
#define HELPERS 2
#define GROUP_MAX 1024			/* updates that share a sync: whoever waits is answered, however many come */
#define SWEEP_S 5
#define TOUR_ZONES 100			/* whose secondaries are told between other things */
#define TOUR_LOOKS 10000		/* zones that are looked at for that */
#define TOUR_NOTICES 1000		/* more than these do not wait */
#define TOUR_QUESTIONS 200		/* nor these for answers: each has a socket */
#define TOUR_WAIT_MS 50

/* --- the open group --- */

enum err
keeper_wait(struct keeper *k, void (*done)(void *arg, enum err err, const char *words), void *arg)
{
	struct waiter *w = malloc(sizeof *w);

	if (w == NULL)
		return ERR_NOMEM;
	*w = (struct waiter){ .next = k->group, .done = done, .arg = arg };
	k->group = w;
	return ERR_OK;
}

static void
flush_group(struct keeper *k)
{
	struct waiter *in_order = NULL;
	struct fault f = { 0 };
	enum err err = keeper_sync(k, &f);

	/* Before the subscriber is told: what it stages, and who waits for that, is of the next group. */
	for (struct waiter *w = k->group, *next; w != NULL; w = next) {
		next = w->next;
		w->next = in_order;
		in_order = w;
	}
	k->group = NULL;
	commits_tell(k->commits);
	for (struct waiter *w = in_order, *next; w != NULL; w = next) {
		next = w->next;
		w->done(w->arg, err, err == ERR_OK ? "" : fault_str(&f, err));
		free(w);
	}
}

/* A subscriber may have staged something (a CSR is gone, and so its challenge goes), and whoever flushes wants nothing left. */
void
keeper_flush(struct keeper *k)
{
	do
		flush_group(k);
	while (commits_are_staged(k->commits));
}

void
keeper_flush_soon(struct keeper *k)
{
	event_active(k->flush, EV_TIMEOUT, 1);
}

/* For the next commit's message, if the change will be part of it. */
static void
add_note(struct zone *z, const struct commit_request *q, const struct changeset *changes)
{
	if (pending_count(&z->pending) == 0 && !z->pending.writing)
		notes_clear(&z->notes);		/* it was all undone, or only passed */
	if (pending_count(&z->pending) > 0)
		notes_add(&z->notes, q->now_s, q->origin == ORIGIN_ACME, q->by, changes);
}

/* --- the tour --- */

static bool
tour_may_go_on(const struct keeper *k)
{
	return notifier_waiting(k->notifier) <= TOUR_NOTICES && k->ncatchups <= TOUR_QUESTIONS;
}

/* A backup holds a moment of the past: secondaries may be ahead of it, as they may be of a zone that is new here. */
static void
ask_after_restore(struct keeper *k)
{
	for (size_t i = 0; i < k->zones.n && journal_is_unmarked(k->journal); i++)
		k->zones.v[i]->new_here |= k->zones.v[i]->secondary == NULL;
}

void
keeper_tour(struct keeper *k)
{
	k->toured = 0;
	event_active(k->tour, EV_TIMEOUT, 1);
}

/* The secondaries of zones that were loaded are asked and told, a few zones at a time, for queries and updates do not
 * wait; and no faster than they answer, where they are many. */
static void
on_tour(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;
	size_t end = k->toured + TOUR_LOOKS < k->zones.n ? k->toured + TOUR_LOOKS : k->zones.n;

	(void)fd;
	(void)what;
	for (size_t n = 0; n < TOUR_ZONES && k->toured < end && tour_may_go_on(k); k->toured++) {
		struct zone *z = k->zones.v[k->toured];

		if (!z->untold || zone_newest(z) == NULL || z->retired)
			continue;
		z->untold = false;
		catchup_look(k, z);
		peers_notify(k, z);
		n++;
	}
	if (k->toured < k->zones.n)
		event_add(k->tour, &(struct timeval){ 0, tour_may_go_on(k) ? 0 : TOUR_WAIT_MS * 1000 });
}

/* --- what follows from a change --- */

static void
on_commit(void *ctx, const struct commit_request *q, const struct changeset *changes)
{
	struct keeper *k = ctx;
	struct zone *z = q->zone;
	struct source *s = source_of(z);

	if (q->origin == ORIGIN_UPDATE || q->origin == ORIGIN_ACME)
		add_note(z, q, changes);
	if (s != NULL && writeback_note(s, z) != ERR_OK)
		log_error("zone %s: out of memory: its changes are written back after a restart", z->name);
	z->untold |= q->origin == ORIGIN_LOAD;
	if (!k->started)
		return;				/* at start everything is looked at once, later */
	if (z->secondary != NULL && config_zone_for(k->view->config, z->apex.octets)->catalog_role == CATALOG_INTERPRET)
		catalogs_changed(k);
	if (q->origin == ORIGIN_LOAD) {
		keeper_tour(k);
		certs_scan(k, z);
	} else {
		peers_notify(k, z);
		certs_changed(k, changes);
	}
	if (s != NULL && pending_count(&z->pending) > 0)
		source_write(s, false);
	if (s != NULL && z->held && q->origin != ORIGIN_GIT && q->origin != ORIGIN_LOAD)
		source_again(s);		/* what was in the way of the new text may be gone */
}

/* --- the thread --- */

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	keeper_flush(arg);
}

/* After a reload: whoever asked for it hears how it went. */
static void
keeper_take(struct keeper *k, struct job *j)
{
	struct reloaded done = { .needs_restart = false };
	struct fault f = { 0 };
	enum err err = ERR_FORMAT;

	if (j->config != NULL)
		err = views_reload(k, j->config, &done, &f);
	j->config = NULL;
	control_reloaded(k, &done, err == ERR_OK ? NULL : j->reason[0] != '\0' ? j->reason : fault_str(&f, err));
}

static void
on_jobs(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;
	struct job *j = NULL;
	int n;

	(void)fd;
	(void)what;
	queue_rearm(k->shared->to_keeper);
	for (n = 0; n < GROUP_MAX && (j = queue_pop(k->shared->to_keeper)) != NULL; n++) {
		switch (j->kind) {
		case JOB_UPDATE:
			keeper_update(k, j);
			break;
		case JOB_LISTEN:
			keeper_listen(k, j);
			break;
		case JOB_GONE:
			keeper_gone(k, j);
			break;
		case JOB_SEND:
			job_free(j);
			break;
		case JOB_FORWARD:
			keeper_forward(k, j);
			break;
		case JOB_IXFR:
			keeper_history(k, j);
			break;
		case JOB_NOTIFY:
			if (!secondary_notified(k, j))
				for (size_t i = 0; i < k->nsources; i++)
					source_pull(k->sources[i]);
			job_free(j);
			break;
		case JOB_RELOAD:
			keeper_take(k, j);
			job_free(j);
			break;
		case JOB_STOP:
			k->stopping = true;
			event_base_loopbreak(k->base);
			job_free(j);
			break;
		}
	}
	keeper_flush(k);
	if (n == GROUP_MAX)
		event_active(k->jobs, EV_READ, 1);	/* the queue was not seen empty, so it will not wake us */
}

static void
on_results(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;

	(void)fd;
	(void)what;
	pool_deliver(k->pool);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;

	(void)fd;
	(void)what;
	keeper_sweep(k);
	for (size_t i = 0; i < k->zones.n; i++) {
		struct zone *z = k->zones.v[i];

		if (z->garbage)
			z->garbage = !zone_store_reclaim(z->store);
	}
	resend_expire(k->resend, clock_now_s());
	history_sweep(k);
	event_add(k->sweep, &(struct timeval){ SWEEP_S, 0 });
}

static void
on_files_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	filezones_go_on(arg);
}

static void *
keeper_thread(void *arg)
{
	struct keeper *k = arg;
	enum err err;

	if ((err = awake_new(&k->awake)) != ERR_OK)
		log_debug("CPUs are not kept awake for updates in a row: %s", err_str(err));
	rcu_register_thread();
	rcu_thread_offline();		/* the keeper is the writer: it reads without RCU */
	event_base_dispatch(k->base);
	keeper_flush(k);
	awake_free(k->awake);
	k->awake = NULL;
	rcu_unregister_thread();
	return NULL;
}

static enum err
make_events(struct keeper *k)
{
	k->flush = event_new(k->base, -1, 0, on_flush, k);
	k->jobs = event_new(k->base, queue_fd(k->shared->to_keeper), EV_READ | EV_PERSIST, on_jobs, k);
	k->results = event_new(k->base, pool_fd(k->pool), EV_READ | EV_PERSIST, on_results, k);
	k->sweep = event_new(k->base, -1, 0, on_sweep, k);
	k->tour = event_new(k->base, -1, 0, on_tour, k);
	k->files_due = event_new(k->base, -1, 0, on_files_due, k);
	if (k->tour == NULL || k->files_due == NULL || k->flush == NULL || k->jobs == NULL || k->results == NULL ||
	    k->sweep == NULL ||
	    event_add(k->jobs, NULL) != 0 || event_add(k->results, NULL) != 0 ||
	    event_add(k->sweep, &(struct timeval){ SWEEP_S, 0 }) != 0)
		return ERR_NOMEM;
	return ERR_OK;
}

static void
remember_answer(void *ctx, const struct journal_answer *a)
{
	struct keeper *k = ctx;

	if (resend_add(k->resend, a->digest, a->rcode, a->time_s) != ERR_OK)
		log_warning("out of memory: a resent update may be taken for a new one");
}

static enum err
open_state(struct keeper *k, const char *directory, struct fault *f)
{
	char path[PATH_MAX];
	enum err err;

	if ((err = file_mkdir(directory, 0700, f)) != ERR_OK)
		return err;
	snprintf(path, sizeof path, "%s/state.db", directory);
	umask(077);			/* what is made from here on is ours alone */
	if ((err = journal_open(path, &k->journal, f)) != ERR_OK ||
	    (err = resend_new(&k->resend)) != ERR_OK ||
	    (err = commits_new(k->journal, on_commit, k, &k->commits)) != ERR_OK)
		return err;
	return journal_each_answer(k->journal, clock_now_s() - RESEND_WINDOW_S, remember_answer, k, f);
}

static enum err
build(struct keeper *k, struct fault *f)
{
	enum err err;

	if ((k->base = event_base_new()) == NULL)
		return ERR_NOMEM;
	if ((err = zoneset_new(&k->shared->zones)) != ERR_OK ||
	    (err = queue_new(QUEUE_SIZE, &k->shared->to_keeper)) != ERR_OK ||
	    (err = open_state(k, k->boot_view->config->state_directory, f)) != ERR_OK ||
	    (err = pool_new(HELPERS, &k->pool)) != ERR_OK ||
	    (err = notifier_new(k->base, &k->notifier)) != ERR_OK ||
	    (err = make_events(k)) != ERR_OK ||
	    (err = secondaries_open(k, f)) != ERR_OK ||
	    (err = sources_open(k, f)) != ERR_OK)
		return err;
	return view_rebuild(k, NULL);
}

static void
keeper_free(struct keeper *k)
{
	k->stopping = true;
	sources_give_up(k);
	backup_stop(k);
	control_reloaded(k, NULL, "the server is stopping");
	if (k->control != NULL)
		control_free(k->control);
	for (size_t i = 0; i < k->nsources; i++)
		if (k->sources[i]->git != NULL)
			git_source_cancel(k->sources[i]->git);
	if (k->pool != NULL)
		pool_free(k->pool);
	certs_stop(k);
	catchup_stop(k);
	catalogs_stop(k);
	remote_edits_stop(k);
	forwards_stop(k);
	links_stop(k);
	secondaries_stop(k);
	if (k->notifier != NULL)
		notifier_free(k->notifier);
	sources_close(k);
	secondaries_close(k);
	commits_free(k->commits);
	journal_close(k->journal);
	resend_free(k->resend);
	history_cache_free(k->history_cache);
	listeners_free(k);
	if (k->shared->zones != NULL)
		zoneset_free(k->shared->zones);
	zonetable_clear(&k->zones);
	for (struct event **e = (struct event *[]){ k->flush, k->jobs, k->results, k->sweep, k->tour,
	    k->files_due, (void *)-1 };
	    *e != (void *)-1; e++)
		if (*e != NULL)
			event_free(*e);
	if (k->base != NULL)
		event_base_free(k->base);
	if (k->shared->to_keeper != NULL) {
		for (struct job *j; (j = queue_pop(k->shared->to_keeper)) != NULL; )
			job_free(j);
		queue_free(k->shared->to_keeper);
	}
	view_unref(atomic_exchange(&k->shared->view, NULL));
	view_unref(k->boot_view);
	free(k);
}

enum err
keeper_new(struct config *config, struct shared *shared, struct keeper **out, struct fault *f)
{
	struct keeper *k = calloc(1, sizeof *k);
	struct tsig_keyring *ring = NULL;
	enum err err = ERR_NOMEM;

	if (k == NULL || (err = tsig_keyring_new(&ring)) != ERR_OK ||
	    (err = view_complete(config, config->state_directory, f)) != ERR_OK ||
	    (k->view = view_new(config, ring)) == NULL) {
		tsig_keyring_unref(ring);
		config_free(config);
		free(k);
		return err != ERR_OK ? err : ERR_NOMEM;
	}
	k->shared = shared;
	k->last_answer = &k->answers;
	k->started_s = clock_now_s();
	k->boot_view = view_ref(k->view);
	atomic_store(&shared->view, k->view);
	if ((err = build(k, f)) != ERR_OK) {
		keeper_free(k);
		return err;
	}
	*out = k;
	return ERR_OK;
}

enum err
keeper_start(struct keeper *k, struct workers *workers, struct fault *f)
{
	sigset_t all, old;
	enum err err;
	int error;

	k->workers = workers;
	if ((err = status_start(k, f)) != ERR_OK || (err = certs_start(k, f)) != ERR_OK ||
	    (err = catalogs_start(k)) != ERR_OK)
		return err;
	k->started = true;
	sources_start(k);
	secondaries_start(k);
	links_configure(k);
	ask_after_restore(k);
	keeper_tour(k);
	sigfillset(&all);			/* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&k->thread, NULL, keeper_thread, k);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error != 0) {
		k->started = false;
		return fault_set(f, err_from_errno(error), "cannot start a thread: %s", strerror(error));
	}
	return ERR_OK;
}

static bool
send_job(struct keeper *k, enum job_kind kind, struct config *config, const char *reason)
{
	struct job *j = calloc(1, sizeof *j);

	if (j == NULL)
		return false;
	j->kind = kind;
	j->config = config;
	snprintf(j->reason, sizeof j->reason, "%s", reason);
	if (queue_push(k->shared->to_keeper, j))
		return true;
	j->config = NULL;
	job_free(j);
	return false;
}

void
keeper_reload(struct keeper *k, struct config *config, const char *problem)
{
	if (!send_job(k, JOB_RELOAD, config, config == NULL ? problem : "")) {
		log_error("too busy to reload; try again");
		config_free(config);
	}
}

void
keeper_stop(struct keeper *k)
{
	if (k == NULL)
		return;
	if (k->started) {
		/* The queue may be full of updates for a moment: the keeper is emptying it. */
		while (!send_job(k, JOB_STOP, NULL, ""))
			sched_yield();
		pthread_join(k->thread, NULL);
		k->started = false;
	}
	keeper_free(k);
}
