/* Who is hung up on, and when: connections in one thread with a clock that can be turned. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/listen.h"
#include "server/tcp.h"
#include "tests/unit/server/served.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

#define CONNECTIONS 3
#define PER_ADDRESS 2			/* tests that need more come from several addresses */

int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);

static struct served served;
static struct handler handler;
static struct event_base *base;
static struct tcp *tcp;
static struct sockaddr_in server;
static int64_t turned_ms;

int64_t
__wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() + turned_ms;
}

static void
run_for(unsigned ms)
{
	event_base_loopexit(base, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
	event_base_dispatch(base);
}

/* From 127.0.0.FROM. */
static int
open_from(unsigned from, int receive_buffer)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + from) };

	if (receive_buffer > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
	check(bind(fd, (struct sockaddr *)&own, sizeof own) == 0, "address");
	check(fd >= 0 && connect(fd, (struct sockaddr *)&server, sizeof server) == 0, "connection");
	run_for(20);
	return fd;
}

static int
open_client(int receive_buffer)
{
	return open_from(1, receive_buffer);
}

/* An update if key is given, else a query or a transfer. */
static void
ask(int fd, const char *qname, uint16_t qtype, const char *key)
{
	struct question q = { .qtype = qtype, .qclass = CLASS_IN };
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	uint8_t msg[1024];
	struct wr w;
	size_t n;

	check(dname_from_str(qname, &q.qname) == ERR_OK, "%s", qname);
	wr_init(&w, msg + 2, sizeof msg - 2);
	msg_header_write(&w, &(struct msg_header){ 1, qtype == TYPE_SOA ? OPCODE_UPDATE << 11 : 0, 1, 0, 0, 0 });
	question_write(&w, &q);
	n = wr_len(&w);
	if (key != NULL)
		n = tsig_sign_request(served_key(key), msg + 2, n, sizeof msg - 2, clock_now_s(), &x);
	tsig_exchange_clear(&x);
	msg[0] = (uint8_t)(n >> 8);
	msg[1] = (uint8_t)n;
	check(send(fd, msg, n + 2, MSG_NOSIGNAL) == (ssize_t)n + 2, "the request is sent");
	run_for(20);
}

/* Has the server hung up?  What it sent before is read and dropped. */
static bool
is_closed(int fd)
{
	uint8_t octets[65536];
	ssize_t n;

	while ((n = recv(fd, octets, sizeof octets, MSG_DONTWAIT)) > 0)
		continue;
	return n == 0 || errno == ECONNRESET;
}

static void
turn_clock(unsigned s)
{
	turned_ms += (int64_t)s * 1000;
	run_for(1100);			/* the sweep comes every second */
}

static void
test_idle(void **state)
{
	int idle = open_client(0), waiting = open_client(0);
	struct job *j;

	(void)state;
	ask(waiting, "example.", TYPE_SOA, "u._update.example.");
	turn_clock(5);
	check(!is_closed(idle), "not yet");
	ask(idle, "www.example.", TYPE_A, NULL);
	turn_clock(5);
	check(!is_closed(idle), "a request counts as life");
	turn_clock(6);
	check(is_closed(idle), "ten seconds without one do not");
	check(!is_closed(waiting), "who waits for the keeper may be silent");
	check((j = queue_pop(served.shared.to_keeper)) != NULL, "the keeper's job");
	tcp_reply(tcp, j, (const uint8_t *)"answer", 6);
	check(!is_closed(waiting), "the answer is sent");
	turn_clock(11);
	check(is_closed(waiting), "afterwards the same holds for all");
	tcp_reply(tcp, j, (const uint8_t *)"answer", 6);	/* too late: no harm */
	job_free(j);
	close(idle);
	close(waiting);
}

static void
test_the_idlest_makes_room(void **state)
{
	int fds[CONNECTIONS + 1];

	(void)state;
	for (int i = 0; i < CONNECTIONS; i++)
		fds[i] = open_from((unsigned)i + 1, 0);
	ask(fds[0], "www.example.", TYPE_A, NULL);
	fds[CONNECTIONS] = open_from(9, 0);
	check(!is_closed(fds[0]) && is_closed(fds[1]) && !is_closed(fds[2]) && !is_closed(fds[3]),
	    "the one that asked for nothing for the longest time goes");
	check(counter_get(&handler.counters.tcp_connections) == CONNECTIONS, "as many as allowed are open");
	for (int i = 0; i <= CONNECTIONS; i++)
		close(fds[i]);
	run_for(20);
	check(counter_get(&handler.counters.tcp_connections) == 0, "all are gone");
}

static void
test_one_address(void **state)
{
	int fds[4], other;
	struct job *j;

	(void)state;
	other = open_from(2, 0);
	fds[0] = open_from(1, 0);
	fds[1] = open_from(1, 0);
	ask(fds[0], "www.example.", TYPE_A, NULL);
	fds[2] = open_from(1, 0);
	check(!is_closed(fds[0]) && is_closed(fds[1]) && !is_closed(fds[2]), "the idlest of the same address goes");
	check(!is_closed(other), "another address's stays, though it is idler");
	ask(fds[0], "example.", TYPE_SOA, "u._update.example.");
	ask(fds[2], "example.", TYPE_SOA, "u._update.example.");
	fds[3] = open_from(1, 0);
	check(is_closed(fds[3]) && !is_closed(fds[0]) && !is_closed(fds[2]),
	    "who waits for an answer is not hung up on");
	while ((j = queue_pop(served.shared.to_keeper)) != NULL) {
		tcp_reply(tcp, j, (const uint8_t *)"answer", 6);
		job_free(j);
	}
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close(other);
	run_for(20);
	check(counter_get(&handler.counters.tcp_connections) == 0, "all are gone");
}

static void
test_fast_open(void **state)
{
	struct config_address any;
	int fd = -1, waiting = 0;
	socklen_t n = sizeof waiting;

	(void)state;
	config_address_parse("127.0.0.1", 0, &any);
	check(listen_tcp(&any, false, &fd, NULL) == ERR_OK, "socket");
	check(getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &waiting, &n) == 0 && waiting > 0,
	    "the listening socket offers it");
	close(fd);
}

static void
test_a_client_that_does_not_read(void **state)
{
	int fd = open_client(4096);

	(void)state;
	ask(fd, "big.example.", TYPE_AXFR, "t._transfer.example.");
	turn_clock(11);
	check(counter_get(&handler.counters.tcp_connections) == 1, "a transfer is not idle");
	turn_clock(20);				/* the window that began with the transfer, which moved something */
	turn_clock(31);
	check(counter_get(&handler.counters.tcp_connections) == 0, "but it has to move");
	check(is_closed(fd), "the end is seen");
	close(fd);
}

static void
test_a_broken_transfer_is_let_go(void **state)
{
	int fd = open_client(4096);

	(void)state;
	ask(fd, "big.example.", TYPE_AXFR, "t._transfer.example.");
	close(fd);
	run_for(50);
	check(counter_get(&handler.counters.tcp_connections) == 0, "the client went away");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle), cmocka_unit_test(test_the_idlest_makes_room),
		cmocka_unit_test(test_one_address), cmocka_unit_test(test_fast_open),
		cmocka_unit_test(test_a_client_that_does_not_read), cmocka_unit_test(test_a_broken_transfer_is_let_go)
	};
	struct config_address any;
	socklen_t n = sizeof server;
	int fd = -1, failed;

	log_set_level(LOG_LEVEL_ERROR);
	rcu_register_thread();
	served_start(&served, "[127.0.0.1@5353]", 1);
	rcu_thread_offline();
	handler.shared = &served.shared;
	base = event_base_new();
	config_address_parse("127.0.0.1", 0, &any);
	if (listen_tcp(&any, false, &fd, NULL) != ERR_OK || getsockname(fd, (struct sockaddr *)&server, &n) != 0 ||
	    tcp_new(base, &handler, (struct tcp_limits){ CONNECTIONS, PER_ADDRESS }, &tcp) != ERR_OK ||
	    tcp_listen(tcp, fd) != ERR_OK)
		return 1;
	/* Accepted sockets inherit it: the system's buffers must not swallow a whole transfer. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ 4096 }, sizeof(int));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tcp_free(tcp);
	event_base_free(base);
	close(fd);
	rcu_thread_online();
	served_stop(&served);
	rcu_unregister_thread();
	return failed;
}
