/* One request and its answer over TCP (RFC 7766): certificates do not fit into datagrams.  ldns connects; we read with
 * a deadline of our own, since a server that sends an octet a second must not hold us. */
#include <errno.h>
#include <ldns/ldns.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/fetch_dns.h"
#include "wire/message.h"

#define SILENT_MS 30000

static enum err
wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left_ms = deadline_ms - clock_mono_ms();
	int ready = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;

	if (ready > 0 || (ready < 0 && errno == EINTR))
		return ERR_OK;
	return ready == 0 ? ERR_TIMEOUT : err_from_errno(errno);
}

static enum err
send_all(int fd, const uint8_t *octets, size_t size, int64_t deadline_ms)
{
	enum err err;

	while (size > 0) {
		ssize_t sent;

		if ((err = wait_for(fd, POLLOUT, deadline_ms)) != ERR_OK)
			return err;
		if ((sent = send(fd, octets, size, MSG_NOSIGNAL | MSG_DONTWAIT)) >= 0) {
			octets += sent;
			size -= (size_t)sent;
		} else if (errno != EAGAIN && errno != EINTR)
			return err_from_errno(errno);
	}
	return ERR_OK;
}

static enum err
read_all(int fd, uint8_t *octets, size_t size, int64_t deadline_ms)
{
	enum err err;

	while (size > 0) {
		ssize_t got;

		if ((err = wait_for(fd, POLLIN, deadline_ms)) != ERR_OK)
			return err;
		if ((got = recv(fd, octets, size, MSG_DONTWAIT)) > 0) {
			octets += got;
			size -= (size_t)got;
		} else if (got == 0)
			return ERR_PEER;
		else if (errno != EAGAIN && errno != EINTR)
			return err_from_errno(errno);
	}
	return ERR_OK;
}

/* With the two octets of length before each message (RFC 1035, section 4.2.2). */
static enum err
talk(int fd, const uint8_t *request, size_t n, int64_t deadline_ms, struct buf *answer)
{
	uint8_t length[2];
	uint8_t *p;
	enum err err;

	store_u16(length, (uint16_t)n);
	if ((err = send_all(fd, length, sizeof length, deadline_ms)) != ERR_OK ||
	    (err = send_all(fd, request, n, deadline_ms)) != ERR_OK ||
	    (err = read_all(fd, length, sizeof length, deadline_ms)) != ERR_OK)
		return err;
	if (load_u16(length) == 0)
		return ERR_OK;				/* no message at all: the caller sees to that */
	if ((p = buf_reserve(answer, load_u16(length))) == NULL)
		return ERR_NOMEM;
	answer->len += load_u16(length);
	return read_all(fd, p, load_u16(length), deadline_ms);
}

/* Servers that said nothing lately.  Many hosts share one: each would wait for it anew, and the hosts of others would
 * wait with them. */
static struct {
	struct sockaddr_storage address;
	int64_t until_ms;
} silent[FETCH_SERVERS_MAX];

static bool
is_silent(const struct fetch_server *s)
{
	for (size_t i = 0; i < FETCH_SERVERS_MAX; i++)
		if (silent[i].until_ms > clock_mono_ms() &&
		    memcmp(&silent[i].address, &s->address, sizeof s->address) == 0)
			return true;
	return false;
}

static void
remember_silent(const struct fetch_server *s)
{
	static size_t next;

	silent[next].address = s->address;
	silent[next].until_ms = clock_mono_ms() + SILENT_MS;
	next = (next + 1) % FETCH_SERVERS_MAX;
}

static const char *
failure(enum err err)
{
	switch (err) {
	case ERR_TIMEOUT:	return "does not answer in time";
	case ERR_PEER:		return "closes the connection without an answer";
	default:		return err_str(err);
	}
}

enum fetch_status
fetch_exchange(const struct fetch_server *s, const uint8_t *request, size_t n, struct buf *answer, struct fault *f)
{
	struct timeval timeout = { .tv_sec = FETCH_EXCHANGE_MS / 1000 };
	int64_t deadline_ms = clock_mono_ms() + FETCH_EXCHANGE_MS;
	char text[FETCH_ADDRESS_TEXT];
	struct msg_header sent, got;
	struct rd r = rd_over(request, n);
	enum err err;
	int fd;

	if (is_silent(s))
		return fault_set(f, ERR_TIMEOUT, "%s does not answer", fetch_server_print(s, text)), FETCH_NETWORK;
	errno = 0;
	if (n > MSG_MAX || (fd = ldns_tcp_connect2(&s->address, s->len, timeout)) < 0) {
		int error = errno;

		if (clock_mono_ms() >= deadline_ms - FETCH_EXCHANGE_MS / 2)
			remember_silent(s);
		return fault_set(f, ERR_NETWORK, "%s cannot be reached over TCP%s%s", fetch_server_print(s, text),
		    error != 0 ? ": " : "", error != 0 ? strerror(error) : ""), FETCH_NETWORK;
	}
	err = talk(fd, request, n, deadline_ms, answer);
	close(fd);
	if (err == ERR_TIMEOUT)
		remember_silent(s);
	if (err == ERR_NOMEM)
		return fault_set(f, err, "out of memory"), FETCH_LOCAL;
	if (err != ERR_OK)
		return fault_set(f, err, "%s %s", fetch_server_print(s, text), failure(err)), FETCH_NETWORK;
	msg_header_read(&r, &sent);
	r = rd_over(answer->p, answer->len);
	msg_header_read(&r, &got);
	if (r.bad || got.id != sent.id || (got.flags & FLAG_QR) == 0 || msg_opcode(&got) != msg_opcode(&sent))
		return fault_set(f, ERR_PEER, "%s sends what is no answer to our request", fetch_server_print(s, text)),
		    FETCH_NETWORK;
	return FETCH_FINE;
}
