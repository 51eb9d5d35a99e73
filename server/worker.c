#include "server/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/listen.h"
#include "server/steer.h"
#include "server/tcp.h"
#include "server/udp.h"
#include "zones/rcu.h"

#define REPLIES 4096			/* jobs that may wait to go back out */
#define CONNECTIONS_MIN 16
#define FILES_FOR_OTHERS 128		/* descriptors that are not connections: database, git, ACME, logs */

struct worker {
	unsigned index;
	int *udp_fds, *tcp_fds;		/* one per listening address; -1: not open */
	struct queue *replies;
	struct event_base *base;
	struct event *reply_event;
	struct udp *udp;
	struct tcp *tcp;
	struct handler handler;
	pthread_t thread;
	bool running;
	unsigned steered_among;		/* 0: its CPU is the system's choice */
};

struct workers {
	unsigned n;
	struct config_address *addresses;	/* those that are listened on */
	size_t naddresses;
	struct ratelimit *limits;		/* of all of them: a victim's forger spreads over all */
	struct worker *v;

	pthread_mutex_t answering;		/* held while the keeper sends, and while its sockets are closed */
	bool running;				/* there are sockets to send on; under answering */
	struct handler keeper;			/* its answers are counted here */
};

/* All but what others may still look at: the queue and the counters. */
static void
worker_close(struct worker *w, size_t naddresses)
{
	tcp_free(w->tcp);
	udp_free(w->udp);
	if (w->reply_event != NULL)
		event_free(w->reply_event);
	if (w->base != NULL)
		event_base_free(w->base);
	for (size_t i = 0; i < naddresses; i++) {
		if (w->udp_fds != NULL && w->udp_fds[i] >= 0)
			close(w->udp_fds[i]);
		if (w->tcp_fds != NULL && w->tcp_fds[i] >= 0)
			close(w->tcp_fds[i]);
	}
	free(w->udp_fds);
	free(w->tcp_fds);
	w->handler.limits = NULL;
	w->tcp = NULL;
	w->udp = NULL;
	w->reply_event = NULL;
	w->base = NULL;
	w->udp_fds = w->tcp_fds = NULL;
}

/* Which of the configured addresses can be had.  A host without IPv6 still serves 0.0.0.0 when :: was asked for too. */
static enum err
choose_addresses(struct workers *ws, const struct config *c, struct fault *f)
{
	if ((ws->addresses = calloc(c->nlisten + 1, sizeof *ws->addresses)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->nlisten; i++) {
		enum err err = listen_probe(&c->listen[i], c->free_bind, f);

		if (err == ERR_UNSUPPORTED && listen_is_any(&c->listen[i]) && c->nlisten > 1)
			log_warning("%s; going on without", fault_str(f, err));
		else if (err != ERR_OK)
			return err;
		else
			ws->addresses[ws->naddresses++] = c->listen[i];
	}
	if (ws->naddresses == 0)
		return fault_set(f, ERR_NOT_FOUND, "there is no address to listen on");
	return ERR_OK;
}

static enum err
open_sockets(struct worker *w, const struct workers *ws, bool free_bind, struct fault *f)
{
	enum err err;

	w->udp_fds = malloc(ws->naddresses * sizeof *w->udp_fds);
	w->tcp_fds = malloc(ws->naddresses * sizeof *w->tcp_fds);
	if (w->udp_fds == NULL || w->tcp_fds == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < ws->naddresses; i++)
		w->udp_fds[i] = w->tcp_fds[i] = -1;
	for (size_t i = 0; i < ws->naddresses; i++) {
		if ((err = listen_udp(&ws->addresses[i], free_bind, &w->udp_fds[i], f)) != ERR_OK ||
		    (err = listen_tcp(&ws->addresses[i], free_bind, &w->tcp_fds[i], f)) != ERR_OK)
			return err;
	}
	return queue_new(REPLIES, &w->replies);
}

/* As asked for, workers get CPUs of their own.  Where that cannot be, all is as without. */
static void
steer(struct workers *ws)
{
	unsigned cpus = steer_cpus();
	enum err err = ERR_OK;

	if (cpus < ws->n) {
		log_warning("cpu-affinity has no effect: there are %u workers for %u CPUs", ws->n, cpus);
		return;
	}
	for (size_t i = 0; i < ws->naddresses && err == ERR_OK; i++)
		if ((err = steer_sockets(ws->v[0].udp_fds[i], ws->n)) == ERR_OK)
			err = steer_sockets(ws->v[0].tcp_fds[i], ws->n);
	if (err != ERR_OK) {
		log_warning("cpu-affinity has no effect: the system does not spread packets by CPU: %s", err_str(err));
		return;
	}
	for (unsigned i = 0; i < ws->n; i++)
		ws->v[i].steered_among = ws->n;
}

enum err
workers_open(const struct config *c, struct workers **out, struct fault *f)
{
	struct workers *ws = calloc(1, sizeof *ws);
	enum err err = ERR_NOMEM;

	if (ws == NULL)
		return fault_set(f, err, "no memory for the workers");
	pthread_mutex_init(&ws->answering, NULL);
	if ((ws->v = calloc(c->workers, sizeof *ws->v)) == NULL)
		goto fail;
	ws->n = c->workers;			/* only now: workers_free() looks at v */
	if ((err = choose_addresses(ws, c, f)) != ERR_OK)
		goto fail;
	for (unsigned i = 0; i < ws->n; i++) {
		ws->v[i].index = i;
		if ((err = open_sockets(&ws->v[i], ws, c->free_bind, f)) != ERR_OK)
			goto fail;
	}
	if (c->cpu_affinity)
		steer(ws);
	*out = ws;
	return ERR_OK;
fail:
	workers_free(ws);
	return err == ERR_NOMEM ? fault_set(f, err, "no memory for the workers") : err;
}

static void
send_reply(struct worker *w, struct job *j)
{
	static _Thread_local uint8_t msg[HANDLE_ROOM_MIN];
	struct outcome o = { .what = HANDLED_ANSWER };
	int64_t now_s = clock_now_s();

	if (j->kind == JOB_IXFR)
		handle_history(&w->handler, j, now_s, msg, sizeof msg, &o);
	else
		o.n = handle_reply(&w->handler, j, now_s, msg, sizeof msg);
	if (o.what == HANDLED_TRANSFER)
		tcp_transfer(w->tcp, j, o.transfer);
	else if (j->request.tcp)
		tcp_reply(w->tcp, j, msg, o.n);
	else if (o.n > 0 && !udp_reply(w->udp, w->handler.tap, j, msg, o.n))
		counter_add(&w->handler.counters.unsent, 1);
}

/* NULL: the keeper gets the job back, to know that nobody listens there any more. */
static struct job *
send_notify(struct worker *w, struct job *j)
{
	if (tcp_send(w->tcp, j))
		return j;
	j->kind = JOB_GONE;
	return queue_push(w->handler.shared->to_keeper, j) ? NULL : j;
}

/* The keeper's answers go out. */
static void
on_replies(evutil_socket_t fd, short events, void *arg)
{
	struct worker *w = arg;
	struct job *j;

	(void)fd;
	(void)events;
	rcu_thread_online();
	queue_rearm(w->replies);
	while ((j = queue_pop(w->replies)) != NULL) {
		if (j->kind == JOB_STOP) {
			event_base_loopbreak(w->base);
		} else if (j->kind == JOB_SEND) {
			j = send_notify(w, j);
		} else {
			send_reply(w, j);
		}
		job_free(j);
	}
	rcu_thread_offline();
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	char name[16];

	snprintf(name, sizeof name, "worker/%u", w->index);
	pthread_setname_np(pthread_self(), name);
	log_never_wait();
	if (w->steered_among > 0)
		steer_thread(w->index, w->steered_among);
	rcu_register_thread();
	rcu_thread_offline();
	if (event_base_dispatch(w->base) < 0)
		log_error("worker %u: the event loop failed", w->index);
	rcu_thread_online();
	rcu_unregister_thread();
	return NULL;
}

/* Connections that each worker may have: as configured, and within the limit on open files. */
static struct tcp_limits
connection_limits(const struct workers *ws, const struct config *c)
{
	size_t others = FILES_FOR_OTHERS + (size_t)ws->n * (2 * ws->naddresses + 4), each = CONNECTIONS_MIN;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > others + CONNECTIONS_MIN * ws->n)
		each = ((size_t)limit.rlim_cur - others) / ws->n;
	return (struct tcp_limits){
		.connections = each < c->tcp_connections ? (unsigned)each : c->tcp_connections,
		.per_address = c->tcp_connections_per_address,
	};
}

static enum err
worker_prepare(struct worker *w, const struct workers *ws, struct shared *shared, struct tcp_limits limits)
{
	enum err err;

	w->handler.shared = shared;
	w->handler.replies = w->replies;
	w->handler.worker = w->index;
	w->handler.limits = ws->limits;
	w->handler.tap = dnstap_tap(shared->dnstap, w->index);
	if ((w->base = event_base_new()) == NULL)
		return ERR_NOMEM;
	w->reply_event = event_new(w->base, queue_fd(w->replies), EV_READ | EV_PERSIST, on_replies, w);
	if (w->reply_event == NULL || event_add(w->reply_event, NULL) != 0)
		return ERR_NOMEM;
	if ((err = udp_new(w->base, &w->handler, &w->udp)) != ERR_OK ||
	    (err = tcp_new(w->base, &w->handler, limits, &w->tcp)) != ERR_OK)
		return err;
	for (size_t i = 0; i < ws->naddresses; i++) {
		if ((err = udp_listen(w->udp, w->udp_fds[i], &ws->addresses[i])) != ERR_OK ||
		    (err = tcp_listen(w->tcp, w->tcp_fds[i])) != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static enum err
worker_start(struct worker *w)
{
	sigset_t all, before;
	int error;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		return err_from_errno(error);
	w->running = true;
	return ERR_OK;
}

static void
log_addresses(const struct workers *ws)
{
	char address[CONFIG_ADDRESS_TEXT];
	struct buf text = { 0 };

	for (size_t i = 0; i < ws->naddresses; i++)
		buf_printf(&text, "%s%s", i > 0 ? ", " : "",
		    config_address_print((const struct sockaddr *)&ws->addresses[i].address, address));
	if (buf_str(&text) != NULL)
		log_info("listening on %s, with %u worker%s", buf_str(&text), ws->n, ws->n == 1 ? "" : "s");
	buf_clear(&text);
}

enum err
workers_start(struct workers *ws, struct shared *shared, struct fault *f)
{
	const struct config *config = atomic_load(&shared->view)->config;
	struct tcp_limits limits = connection_limits(ws, config);
	enum err err;

	if ((err = ratelimit_new(&ws->limits)) != ERR_OK)
		return fault_set(f, err, "no memory for the rate limit");
	if (limits.connections < config->tcp_connections)
		log_info("each worker takes %u TCP connections and not %u: the limit on open files leaves no more",
		    limits.connections, config->tcp_connections);
	for (unsigned i = 0; i < ws->n; i++)
		if ((err = worker_prepare(&ws->v[i], ws, shared, limits)) != ERR_OK)
			return fault_set(f, err, "worker %u cannot be set up: %s", i, err_str(err));
	pthread_mutex_lock(&ws->answering);
	ws->keeper.tap = dnstap_tap(shared->dnstap, ws->n);
	ws->running = true;
	pthread_mutex_unlock(&ws->answering);
	for (unsigned i = 0; i < ws->n; i++)
		if ((err = worker_start(&ws->v[i])) != ERR_OK)
			return fault_set(f, err, "worker %u cannot be started: %s", i, err_str(err));
	log_addresses(ws);
	return ERR_OK;
}

static void
worker_stop(struct worker *w)
{
	struct job *j;

	if (!w->running)
		return;
	/* The worker empties its queue: room and memory come back. */
	while ((j = calloc(1, sizeof *j)) == NULL)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	j->kind = JOB_STOP;
	while (!queue_push(w->replies, j))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	pthread_join(w->thread, NULL);
	w->running = false;
}

void
workers_stop(struct workers *ws)
{
	if (ws == NULL)
		return;
	for (unsigned i = 0; i < ws->n; i++)
		worker_stop(&ws->v[i]);
	pthread_mutex_lock(&ws->answering);
	ws->running = false;
	for (unsigned i = 0; i < ws->n; i++)
		worker_close(&ws->v[i], ws->naddresses);
	pthread_mutex_unlock(&ws->answering);
}

bool
workers_answer(struct workers *ws, struct job *j)
{
	uint8_t msg[HANDLE_ROOM_MIN];
	bool ours = !j->request.tcp && j->reply == NULL;
	size_t n;

	if (!ours)
		return false;
	pthread_mutex_lock(&ws->answering);
	if ((ours = ws->running) && (n = handle_reply(&ws->keeper, j, clock_now_s(), msg, sizeof msg)) > 0 &&
	    !udp_reply(ws->v[j->worker].udp, ws->keeper.tap, j, msg, n))
		counter_add(&ws->keeper.counters.unsent, 1);
	pthread_mutex_unlock(&ws->answering);
	return ours;
}

void
workers_free(struct workers *ws)
{
	struct job *j;

	if (ws == NULL)
		return;
	workers_stop(ws);
	for (unsigned i = 0; i < ws->n; i++) {
		while (ws->v[i].replies != NULL && (j = queue_pop(ws->v[i].replies)) != NULL)
			job_free(j);
		queue_free(ws->v[i].replies);
	}
	ratelimit_free(ws->limits);
	pthread_mutex_destroy(&ws->answering);
	free(ws->v);
	free(ws->addresses);
	free(ws);
}

void
workers_count(const struct workers *ws, struct worker_counters *out)
{
	*out = (struct worker_counters){ 0 };
	for (unsigned i = 0; i <= ws->n; i++) {
		const struct counters *c = i < ws->n ? &ws->v[i].handler.counters : &ws->keeper.counters;

		out->udp_queries += counter_get(&c->udp_queries);
		out->tcp_queries += counter_get(&c->tcp_queries);
		out->updates += counter_get(&c->updates);
		out->notifies += counter_get(&c->notifies);
		out->transfers += counter_get(&c->transfers);
		out->dropped += counter_get(&c->dropped);
		out->tcp_shed += counter_get(&c->tcp_shed);
		out->updates_refused += counter_get(&c->updates_refused);
		out->limited_dropped += counter_get(&c->limited_dropped);
		out->limited_slipped += counter_get(&c->limited_slipped);
		out->tcp_connections += counter_get(&c->tcp_connections);
		out->unsent += counter_get(&c->unsent);
		out->truncated += counter_get(&c->truncated);
		out->tcp_refused += counter_get(&c->tcp_refused);
		for (unsigned r = 0; r < COUNTERS_RCODES; r++)
			out->rcodes[r] += counter_get(&c->rcodes[r]);
		for (unsigned t = 0; t < COUNTERS_TYPES; t++)
			out->types[t] += counter_get(&c->types[t]);
	}
}
