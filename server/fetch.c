#include "server/fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire/message.h"

#define BUFFER_SIZE (2 * (2 + MSG_MAX))
#define REQUEST_MAX 2048

struct fetch {
	const struct fetch_place *place;
	int fd;
	int64_t end_ms;
	uint8_t *buffer;		/* BUFFER_SIZE: whole messages and the beginning of one */
	size_t n;
};

static enum err
failed(struct fault *f, const char *what)
{
	return fault_set(f, ERR_NETWORK, "%s: %s", what, strerror(errno));
}

/* Until the socket is ready for events, or somebody's patience is over. */
static enum err
wait_for(const struct fetch *x, short events, struct fault *f)
{
	struct pollfd fds[] = { { .fd = x->fd, .events = events }, { .fd = x->place->stop_fd, .events = POLLIN } };
	int64_t left_ms = x->end_ms - clock_mono_ms();
	int timeout_ms = left_ms < x->place->idle_ms ? (int)left_ms : (int)x->place->idle_ms;
	int ready;

	if (left_ms <= 0)
		return fault_set(f, ERR_TIMEOUT, "the transfer took longer than %u s", x->place->total_ms / 1000);
	if ((ready = poll(fds, 2, timeout_ms)) < 0)
		return errno == EINTR ? ERR_OK : failed(f, "poll");
	if (fds[1].revents != 0)
		return ERR_CANCELLED;
	if (ready == 0 && left_ms > x->place->idle_ms)
		return fault_set(f, ERR_TIMEOUT, "the primary said nothing for %u s", x->place->idle_ms / 1000);
	return ERR_OK;
}

static enum err
connect_to(struct fetch *x, struct fault *f)
{
	const struct fetch_place *place = x->place;
	enum err err;
	int error;
	socklen_t len = sizeof error;

	x->fd = socket(place->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (x->fd < 0)
		return failed(f, "socket");
	if (place->from_len > 0 && bind(x->fd, (const struct sockaddr *)&place->from, place->from_len) != 0)
		return failed(f, "cannot use the source address");
	if (connect(x->fd, (const struct sockaddr *)&place->to, place->to_len) == 0)
		return ERR_OK;
	if (errno != EINPROGRESS)
		return failed(f, "cannot connect");
	if ((err = wait_for(x, POLLOUT, f)) != ERR_OK)
		return err;
	if (getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0) {
		errno = error;
		return failed(f, "cannot connect");
	}
	return ERR_OK;
}

static enum err
send_request(struct fetch *x, struct xfrin *transfer, struct fault *f)
{
	uint8_t request[2 + REQUEST_MAX];
	size_t sent = 0, n;
	uint16_t id;

	random_fill(&id, sizeof id);
	if ((n = xfrin_ask(transfer, id, request + 2, REQUEST_MAX, clock_now_s())) == 0)
		return fault_set(f, ERR_CRYPTO, "the request cannot be made or signed");
	store_u16(request, (uint16_t)n);
	while (sent < n + 2) {
		ssize_t done = send(x->fd, request + sent, n + 2 - sent, MSG_NOSIGNAL);
		enum err err;

		if (done >= 0)
			sent += (size_t)done;
		else if (errno != EAGAIN && errno != EINTR)
			return failed(f, "the request cannot be sent");
		else if ((err = wait_for(x, POLLOUT, f)) != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* Hand over the whole messages of the buffer; what is behind them moves to the front. */
static enum err
take_messages(struct fetch *x, struct xfrin *transfer, struct fault *f)
{
	uint8_t *p = x->buffer, *end = x->buffer + x->n;
	enum err err = ERR_OK;

	while (err == ERR_OK && !xfrin_is_done(transfer) && end - p >= 2 && (size_t)(end - p) >= 2u + load_u16(p)) {
		size_t n = load_u16(p);

		err = xfrin_take(transfer, p + 2, n, clock_now_s(), f);
		p += 2 + n;
	}
	x->n = (size_t)(end - p);
	memmove(x->buffer, p, x->n);
	return err;
}

static enum err
receive(struct fetch *x, struct xfrin *transfer, struct fault *f)
{
	while (!xfrin_is_done(transfer)) {
		ssize_t n = recv(x->fd, x->buffer + x->n, BUFFER_SIZE - x->n, 0);
		enum err err = ERR_OK;

		if (n == 0)
			return fault_set(f, ERR_NETWORK, "the primary closed the connection %s",
			    xfrin_octets(transfer) == 0 ? "without an answer" : "in the middle of the transfer");
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return failed(f, "the connection broke");
		if (n > 0) {
			x->n += (size_t)n;
			err = take_messages(x, transfer, f);
		}
		/* Also when there is more to come: a primary that never pauses is asked for its time as well. */
		if (err == ERR_OK && !xfrin_is_done(transfer))
			err = wait_for(x, POLLIN, f);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err
fetch_run(const struct fetch_place *place, struct xfrin *transfer, struct fault *f)
{
	struct fetch x = { .place = place, .fd = -1, .end_ms = clock_mono_ms() + place->total_ms };
	enum err err = ERR_NOMEM;

	if ((x.buffer = malloc(BUFFER_SIZE)) != NULL && (err = connect_to(&x, f)) == ERR_OK &&
	    (err = send_request(&x, transfer, f)) == ERR_OK)
		err = receive(&x, transfer, f);
	if (x.fd >= 0)
		close(x.fd);
	free(x.buffer);
	return err;
}
