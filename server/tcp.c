/* Each connection has a slot in an array that lives as long as the worker, so that an answer that comes late from the
 * keeper can ask the slot whether its connection is still there: each use of a slot has another generation.
 *
 * Memory per connection is bounded: requests are read only while little output waits and nothing is transferred.  A
 * transfer makes its messages when the socket has taken the ones before. */
#include "server/tcp_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "zones/rcu.h"

#define STALLED_MS 30000		/* and the client does not even read what waits for it */
#define PENDING_MS 120000		/* the keeper has forgotten us */
#define TRANSFER_MS 3600000		/* a transfer that takes longer pins its version no more */
#define WINDOW_MS 30000			/* in which a transfer must move at least WINDOW_OCTETS */
#define WINDOW_OCTETS 32768
#define OUTPUT_MAX 65536		/* output that may wait before requests are left unread */
#define PENDING_MAX 32			/* requests at the keeper, per connection */
#define ROUNDS_MAX 16			/* of work for one connection, then others have their turn */

static size_t
output_waiting(const struct connection *c)
{
	return c->out.len - c->sent;
}

/* Has the connection enough on its hands?  Then its next request has to wait. */
static bool
is_busy(const struct connection *c)
{
	return c->transfer != NULL || c->awaits_transfer || output_waiting(c) > OUTPUT_MAX || c->pending >= PENDING_MAX;
}

static void
touch(struct connection *c)
{
	c->active_ms = clock_mono_ms();
	TAILQ_REMOVE(&c->tcp->open, c, link);
	TAILQ_INSERT_TAIL(&c->tcp->open, c, link);
}

static void
log_transfer_end(const struct connection *c, const char *how)
{
	char what[AXFR_TEXT], peer[CONFIG_ADDRESS_TEXT];

	log_info("%s to %s %s: %llu records, %llu octets", axfr_describe(c->transfer, what),
	    config_address_print((const struct sockaddr *)&c->peer, peer), how,
	    (unsigned long long)axfr_records(c->transfer), (unsigned long long)c->transfer_octets);
}

void
tcp_close_connection(struct connection *c, const char *why)
{
	struct tcp *t = c->tcp;

	if (c->transfer != NULL)
		log_transfer_end(c, why);
	event_del(&c->read_event);
	event_del(&c->write_event);
	close(c->fd);
	axfr_free(c->transfer);
	frame_clear(&c->in);
	buf_clear(&c->out);
	c->generation++;
	LIST_REMOVE(c, neighbour);
	TAILQ_REMOVE(&t->open, c, link);
	TAILQ_INSERT_HEAD(&t->unused, c, link);
	counter_add(&t->handler->counters.tcp_connections, (uint64_t)-1);
}

/* Queue the message of n octets that stands behind the first two of scratch. */
static void
queue_message(struct connection *c, uint8_t *scratch, size_t n)
{
	scratch[0] = (uint8_t)(n >> 8);
	scratch[1] = (uint8_t)n;
	buf_add(&c->out, scratch, n + 2);
	if (c->out.failed)
		c->broken = true;
}

static void
start_transfer(struct connection *c, struct axfr *transfer)
{
	c->transfer = transfer;
	c->transfer_ms = c->window_ms = clock_mono_ms();
	c->transfer_octets = c->window_octets = 0;
}

static struct dnstap_ends
ends_of(const struct connection *c)
{
	return (struct dnstap_ends){ .peer = (const struct sockaddr *)&c->peer,
		.local = c->local_len > 0 ? (const struct sockaddr *)&c->local : NULL, .tcp = true };
}

static void
tap_request(const struct connection *c, const uint8_t *msg, size_t n)
{
	struct dnstap_tap *tap = c->tcp->handler->tap;
	const struct dnstap_ends ends = ends_of(c);

	dnstap_begin(tap);
	dnstap_request(tap, &ends, msg, n);
}

/* zones: as of dnstap_response(). */
static void
tap_answer(const struct connection *c, int64_t received_ns, const struct zoneset *zones, const uint8_t *msg, size_t n)
{
	const struct dnstap_ends ends = ends_of(c);

	dnstap_response(c->tcp->handler->tap, &ends, received_ns, zones, msg, n);
}

static void
serve(struct connection *c, uint8_t *msg, size_t n)
{
	struct tcp *t = c->tcp;
	struct client client = { .peer = &c->peer, .local = &c->local, .peer_len = c->peer_len,
		.local_len = c->local_len, .tcp = true, .connection = c, .generation = c->generation };
	struct outcome o = { .what = HANDLED_NOTHING };

	if (c->listens && n > 2 && (msg[2] & 0x80) != 0)
		return;			/* the answer to a NOTIFY */
	if (dnstap_is_on(t->handler->tap))
		tap_request(c, msg, n);
	handle_request(t->handler, &client, msg, n, clock_now_s(), t->scratch + 2, MSG_MAX, &o);
	c->listens |= o.listens;
	switch (o.what) {
	case HANDLED_NOTHING:
		c->broken = true;	/* no DNS request, so who knows what comes next */
		break;
	case HANDLED_ANSWER:
		if (dnstap_is_on(t->handler->tap))
			tap_answer(c, t->handler->tap->received_ns, t->handler->shared->zones, t->scratch + 2, o.n);
		queue_message(c, t->scratch, o.n);
		break;
	case HANDLED_TRANSFER_LATER:
		c->awaits_transfer = true;
		/* fallthrough */
	case HANDLED_LATER:
		c->pending++;
		break;
	case HANDLED_TRANSFER:
		start_transfer(c, o.transfer);
		break;
	}
	touch(c);
}

static void
fill_from_transfer(struct connection *c)
{
	uint8_t *scratch = c->tcp->scratch;

	while (c->transfer != NULL && output_waiting(c) < OUTPUT_MAX && !c->broken) {
		size_t n = axfr_next(c->transfer, scratch + 2, clock_now_s());

		if (n > 0) {
			queue_message(c, scratch, n);
			c->transfer_octets += n + 2;
			continue;
		}
		if (axfr_is_complete(c->transfer)) {
			log_transfer_end(c, "done");
			axfr_free(c->transfer);
			c->transfer = NULL;
			touch(c);
		} else {
			c->broken = true;
		}
	}
}

static void
flush(struct connection *c)
{
	while (output_waiting(c) > 0) {
		ssize_t n = send(c->fd, c->out.p + c->sent, output_waiting(c), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			c->sent += (size_t)n;
			c->window_octets += (uint64_t)n;
		} else if (errno == EAGAIN || errno == EINTR) {
			break;
		} else {
			c->broken = true;
			return;
		}
	}
	if (output_waiting(c) == 0) {
		c->sent = c->out.len = 0;
		if (c->out.cap > 4096 && c->transfer == NULL)
			buf_clear(&c->out);	/* idle connections hold no memory */
	} else if (c->sent > OUTPUT_MAX) {
		buf_consume(&c->out, c->sent);
		c->sent = 0;
	}
}

/* All that can be done now: requests that are here, the transfer, output.  Every callback ends here; c may be closed
 * by it. */
static void
run(struct connection *c)
{
	bool more = true;
	uint8_t *msg;
	size_t n;

	for (unsigned round = 0; more && round < ROUNDS_MAX && !c->broken; round++) {
		more = false;
		while (!c->broken && !is_busy(c) && frame_next(&c->in, &msg, &n))
			serve(c, msg, n);
		fill_from_transfer(c);
		flush(c);
		/* Where the socket took all, there may be room for more. */
		more = output_waiting(c) == 0 && (c->transfer != NULL || (!is_busy(c) && frame_has_next(&c->in)));
	}
	if (c->broken || (c->ended && c->transfer == NULL && c->pending == 0 && output_waiting(c) == 0 && !more)) {
		tcp_close_connection(c, "broken off");
		return;
	}
	if (c->ended || is_busy(c))
		event_del(&c->read_event);
	else
		event_add(&c->read_event, NULL);
	if (more || output_waiting(c) > 0)
		event_add(&c->write_event, NULL);
	else
		event_del(&c->write_event);
}

static void
on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct connection *c = arg;
	size_t room;
	uint8_t *p = frame_room(&c->in, &room);
	ssize_t n = p == NULL ? -1 : recv(fd, p, room, MSG_DONTWAIT);

	(void)events;
	if (n > 0)
		frame_filled(&c->in, (size_t)n);
	else if (n == 0)
		c->ended = true;
	else if (p == NULL || (errno != EAGAIN && errno != EINTR))
		c->broken = true;
	rcu_thread_online();
	run(c);
	rcu_thread_offline();
}

static void
on_writable(evutil_socket_t fd, short events, void *arg)
{
	(void)fd;
	(void)events;
	rcu_thread_online();
	run(arg);
	rcu_thread_offline();
}

void
tcp_begin(struct connection *c, int fd)
{
	c->fd = fd;
	c->local_len = sizeof c->local;
	if (getsockname(fd, (struct sockaddr *)&c->local, &c->local_len) != 0)
		c->local_len = 0;
	c->sent = 0;
	c->ended = c->broken = false;
	c->pending = 0;
	c->transfer = NULL;
	c->awaits_transfer = c->listens = false;
	c->active_ms = clock_mono_ms();
	event_assign(&c->read_event, c->tcp->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->write_event, c->tcp->base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (event_add(&c->read_event, NULL) != 0)
		tcp_close_connection(c, "");
}

/* Why the connection has to go now; NULL: it may stay.  idle_ms: nothing asked for so long (RFC 7766, section
 * 6.2.3). */
static const char *
overdue(struct connection *c, int64_t now_ms, int64_t idle_ms)
{
	int64_t limit;

	if (c->transfer != NULL) {
		if (now_ms - c->transfer_ms > TRANSFER_MS)
			return "given up, it took too long";
		if (now_ms - c->window_ms < WINDOW_MS)
			return NULL;
		if (c->window_octets < WINDOW_OCTETS)
			return "given up, the client reads too slowly";
		c->window_ms = now_ms;
		c->window_octets = 0;
		return NULL;
	}
	if (c->listens && c->pending == 0 && output_waiting(c) == 0)
		return NULL;
	limit = c->pending > 0 ? PENDING_MS : output_waiting(c) > 0 ? STALLED_MS : idle_ms;
	return now_ms - c->active_ms > limit ? "" : NULL;
}

static void
on_sweep(evutil_socket_t fd, short events, void *arg)
{
	struct tcp *t = arg;
	int64_t now_ms = clock_mono_ms(), idle_ms;
	struct connection *c, *next;

	(void)fd;
	(void)events;
	rcu_thread_online();
	idle_ms = (int64_t)atomic_load_explicit(&t->handler->shared->view,
	    memory_order_acquire)->settings.tcp_idle_s * 1000;
	rcu_thread_offline();
	for (c = TAILQ_FIRST(&t->open); c != NULL; c = next) {
		const char *why = overdue(c, now_ms, idle_ms);

		next = TAILQ_NEXT(c, link);
		if (why != NULL)
			tcp_close_connection(c, why);
		else if (frame_is_empty(&c->in))
			frame_clear(&c->in);	/* who is idle holds no memory */
	}
	for (struct tcp_listener *l = t->listeners; l != NULL; l = l->next)
		if (l->paused)
			l->paused = event_add(l->event, NULL) != 0;
}

enum err
tcp_new(struct event_base *base, struct handler *handler, struct tcp_limits limits, struct tcp **out)
{
	struct tcp *t = calloc(1, sizeof *t);

	if (t == NULL || (t->slots = calloc(limits.connections, sizeof *t->slots)) == NULL ||
	    (t->sweep = event_new(base, -1, EV_PERSIST, on_sweep, t)) == NULL ||
	    event_add(t->sweep, &(struct timeval){ 1, 0 }) != 0) {
		if (t != NULL && t->sweep != NULL)
			event_free(t->sweep);
		if (t != NULL)
			free(t->slots);
		free(t);
		return ERR_NOMEM;
	}
	t->base = base;
	t->handler = handler;
	t->per_address = limits.per_address;
	random_fill(t->hash_key, sizeof t->hash_key);
	TAILQ_INIT(&t->open);
	TAILQ_INIT(&t->unused);
	for (unsigned i = 0; i < limits.connections; i++) {
		t->slots[i].tcp = t;
		TAILQ_INSERT_TAIL(&t->unused, &t->slots[i], link);
	}
	*out = t;
	return ERR_OK;
}

enum err
tcp_listen(struct tcp *t, int fd)
{
	struct tcp_listener *l = calloc(1, sizeof *l);

	if (l == NULL || (l->event = event_new(t->base, fd, EV_READ | EV_PERSIST, tcp_on_acceptable, l)) == NULL) {
		free(l);
		return ERR_NOMEM;
	}
	l->tcp = t;
	l->next = t->listeners;
	t->listeners = l;
	return event_add(l->event, NULL) == 0 ? ERR_OK : ERR_IO;
}

void
tcp_reply(struct tcp *t, const struct job *job, const uint8_t *msg, size_t n)
{
	struct connection *c = job->connection;

	if (c->generation != job->generation)
		return;			/* the client did not wait */
	c->pending--;
	if (job->kind == JOB_IXFR)
		c->awaits_transfer = false;
	memcpy(t->scratch + 2, msg, n);
	if (n > 0 && dnstap_is_on(t->handler->tap))
		tap_answer(c, job->received_ns, NULL, msg, n);
	if (n > 0)
		queue_message(c, t->scratch, n);
	else
		c->broken = true;
	touch(c);
	run(c);
}

bool
tcp_send(struct tcp *t, const struct job *job)
{
	struct connection *c = job->connection;

	if (c->generation != job->generation)
		return false;
	/* Nothing comes between the messages of a transfer; and who does not read is not sent more. */
	if (is_busy(c))
		return true;
	memcpy(t->scratch + 2, job->reply, job->nreply);
	queue_message(c, t->scratch, job->nreply);
	run(c);
	return true;
}

void
tcp_transfer(struct tcp *t, const struct job *job, struct axfr *transfer)
{
	struct connection *c = job->connection;

	(void)t;
	if (c->generation != job->generation) {
		axfr_free(transfer);
		return;
	}
	c->pending--;
	c->awaits_transfer = false;
	start_transfer(c, transfer);
	touch(c);
	run(c);
}

void
tcp_free(struct tcp *t)
{
	if (t == NULL)
		return;
	while (!TAILQ_EMPTY(&t->open))
		tcp_close_connection(TAILQ_FIRST(&t->open), "broken off, the server stops");
	for (struct tcp_listener *l = t->listeners, *next; l != NULL; l = next) {
		next = l->next;
		event_free(l->event);
		free(l);
	}
	event_free(t->sweep);
	free(t->slots);
	free(t);
}
