/* Workers on real sockets of the loopback interface.  The keeper is played by the test. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/worker.h"
#include "tests/unit/port.h"
#include "tests/unit/server/served.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

static struct served served;
static struct workers *workers;
static uint16_t port, any_port;
static bool have_v6;

static struct sockaddr_storage
address(const char *text, uint16_t p)
{
	struct config_address a;

	check(config_address_parse(text, p, &a) == ERR_OK, "%s", text);
	return a.address;
}

static socklen_t
address_len(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static bool
can_bind(const char *text, uint16_t p, int type)
{
	struct sockaddr_storage a = address(text, p);
	int fd = socket(a.ss_family, type, 0);
	bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, address_len(&a)) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A socket that is connected to the server and gives up after some seconds. */
static int
open_client(const char *text, uint16_t p, int type)
{
	struct sockaddr_storage a = address(text, p);
	struct timeval limit = { 60, 0 };
	int fd = socket(a.ss_family, type | SOCK_CLOEXEC, 0);

	check(fd >= 0 && connect(fd, (struct sockaddr *)&a, address_len(&a)) == 0, "connection to %s", text);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	return fd;
}

static size_t
make_request(enum opcode opcode, uint16_t id, const char *qname, uint16_t qtype, uint8_t *msg)
{
	struct question q = { .qtype = qtype, .qclass = CLASS_IN };
	struct wr w;

	check(dname_from_str(qname, &q.qname) == ERR_OK, "%s", qname);
	wr_init(&w, msg, 512);
	msg_header_write(&w, &(struct msg_header){ id, (uint16_t)(opcode << 11), 1, 0, 0, 0 });
	question_write(&w, &q);
	return wr_len(&w);
}

static void
write_all(int fd, const uint8_t *octets, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, octets, n, MSG_NOSIGNAL);

		check(done > 0, "the server takes what we send");
		octets += done;
		n -= (size_t)done;
	}
}

static void
send_framed(int fd, const uint8_t *msg, size_t n)
{
	uint8_t framed[2 + 2048] = { (uint8_t)(n >> 8), (uint8_t)n };

	memcpy(framed + 2, msg, n);
	write_all(fd, framed, n + 2);
}

static bool
read_all(int fd, uint8_t *octets, size_t n)
{
	while (n > 0) {
		ssize_t done = recv(fd, octets, n, 0);

		if (done <= 0)
			return false;
		octets += done;
		n -= (size_t)done;
	}
	return true;
}

/* One message of a TCP stream; 0: the stream has ended. */
static size_t
receive_framed(int fd, uint8_t out[MSG_MAX])
{
	uint8_t length[2];
	size_t n;

	if (!read_all(fd, length, 2))
		return 0;
	n = (size_t)(length[0] << 8 | length[1]);
	check(read_all(fd, out, n), "a whole message");
	return n;
}

static uint16_t
id_of(const uint8_t *msg)
{
	return (uint16_t)(msg[0] << 8 | msg[1]);
}

static void
ask_udp(const char *server, uint16_t p)
{
	uint8_t msg[512], out[MSG_MAX];
	int fd = open_client(server, p, SOCK_DGRAM);
	size_t n = make_request(OPCODE_QUERY, 4711, "www.example.", TYPE_A, msg);

	write_all(fd, msg, n);
	check(recv(fd, out, sizeof out, 0) == (ssize_t)n + 16, "UDP to %s is answered from there", server);
	check(id_of(out) == 4711 && out[7] == 1 && memcmp(out + n + 12, "\300\0\2\2", 4) == 0, "with the address");
	close(fd);
}

static void
test_udp(void **state)
{
	(void)state;
	ask_udp("127.0.0.1", port);
	if (have_v6)
		ask_udp("::1", port);
	ask_udp("127.0.0.1", any_port);
	ask_udp("127.0.0.77", any_port);	/* an address that the system would not choose by itself */
}

/* More at once than a batch holds. */
static void
test_many_datagrams(void **state)
{
	uint8_t msg[512], out[MSG_MAX], seen[200] = { 0 };
	int fd = open_client("127.0.0.1", port, SOCK_DGRAM);

	(void)state;
	for (uint16_t i = 0; i < 200; i++)
		write_all(fd, msg, make_request(OPCODE_QUERY, i, "x.wild.example.", TYPE_MX, msg));
	for (int i = 0; i < 200; i++) {
		check(recv(fd, out, sizeof out, 0) > 12 && id_of(out) < 200, "answer %d", i);
		check(seen[id_of(out)]++ == 0, "each once");
	}
	/* What is no request gets no answer, and harms nobody behind it. */
	write_all(fd, (const uint8_t *)"x", 1);
	msg[2] |= 0x80;
	write_all(fd, msg, 40);
	write_all(fd, msg, make_request(OPCODE_QUERY, 4711, "www.example.", TYPE_TXT, msg));
	check(recv(fd, out, sizeof out, 0) > 12 && id_of(out) == 4711, "the next one");
	close(fd);
}

static void
ask_tcp(const char *server, uint16_t p)
{
	uint8_t msg[512], framed[2048], out[MSG_MAX];
	int fd = open_client(server, p, SOCK_STREAM);
	size_t n, total = 0;

	for (uint16_t i = 0; i < 5; i++) {
		n = make_request(OPCODE_QUERY, i, "www.example.", TYPE_TXT, msg);
		framed[total] = (uint8_t)(n >> 8);
		framed[total + 1] = (uint8_t)n;
		memcpy(framed + total + 2, msg, n);
		total += 2 + n;
	}
	write_all(fd, framed, total);		/* pipelined */
	for (uint16_t i = 0; i < 5; i++)
		check(receive_framed(fd, out) > 12 && id_of(out) == i, "answer %u", i);
	for (size_t i = 0; i < total; i++) {	/* in the smallest of pieces */
		write_all(fd, framed + i, 1);
		if (i % 50 == 0)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	for (uint16_t i = 0; i < 5; i++)
		check(receive_framed(fd, out) > 12 && id_of(out) == i, "answer %u", i);
	/* The client says that it sends no more, and still gets its answer. */
	write_all(fd, framed, 2 + n);
	shutdown(fd, SHUT_WR);
	check(receive_framed(fd, out) > 12, "the last answer");
	check(receive_framed(fd, out) == 0, "then the end");
	close(fd);
}

static void
test_tcp(void **state)
{
	(void)state;
	ask_tcp("127.0.0.1", port);
	if (have_v6)
		ask_tcp("::1", port);
	ask_tcp("127.0.0.77", any_port);
}

/* A client that asks and asks and does not read is left alone with its questions, and gets all answers once it
 * reads. */
static void
test_tcp_backpressure(void **state)
{
	enum { QUERIES = 20000 };
	uint8_t msg[512], framed[514], out[MSG_MAX];
	int fd = open_client("127.0.0.1", port, SOCK_STREAM);
	size_t n = make_request(OPCODE_QUERY, 1, "x.wild.example.", TYPE_MX, msg), sent = 0, received = 0, partial = 0;

	(void)state;
	framed[0] = 0;
	framed[1] = (uint8_t)n;
	memcpy(framed + 2, msg, n);
	n += 2;
	while (sent < QUERIES) {
		ssize_t done = send(fd, framed + partial, n - partial, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (done > 0) {
			partial += (size_t)done;
			if (partial == n) {
				partial = 0;
				sent++;
			}
			continue;
		}
		check(receive_framed(fd, out) > 12, "an answer while the server takes no more");
		received++;
	}
	while (received < QUERIES) {
		check(receive_framed(fd, out) > 12, "answer %zu of %u", received, QUERIES);
		received++;
	}
	close(fd);
}

static void
test_garbage_closes(void **state)
{
	static const struct { const char *why, *octets; size_t n; } rows[] = {
		{ "a message of length 0", "\0\0", 2 },
		{ "less than a header", "\0\3abc", 5 },
		{ "a response", "\0\14\0\1\200\0\0\0\0\0\0\0\0\0", 14 },
	};
	uint8_t out[MSG_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int fd = open_client("127.0.0.1", port, SOCK_STREAM);

		write_all(fd, (const uint8_t *)rows[i].octets, rows[i].n);
		check(receive_framed(fd, out) == 0, "%s closes the connection", rows[i].why);
		close(fd);
	}
}

/* A transfer, read slowly or not, with a query behind it on the same connection. */
static void
transfer(bool slow)
{
	uint8_t msg[1024], out[MSG_MAX];
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
	struct sockaddr_storage a = address("127.0.0.1", port);
	size_t records = 0, n = make_request(OPCODE_QUERY, 4711, "big.example.", TYPE_AXFR, msg);
	struct timeval limit = { 60, 0 };

	if (slow)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	check(connect(fd, (struct sockaddr *)&a, sizeof(struct sockaddr_in)) == 0, "connection");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	n = tsig_sign_request(served_key("t._transfer.example."), msg, n, sizeof msg, clock_now_s(), &x);
	send_framed(fd, msg, n);
	send_framed(fd, msg, make_request(OPCODE_QUERY, 4712, "www.example.", TYPE_A, msg));
	while (records < BIG_RECORDS + 4) {
		struct fault f = { 0 };

		check((n = receive_framed(fd, out)) > 12 && id_of(out) == 4711, "a message of the transfer");
		records += (size_t)(out[6] << 8 | out[7]);
		check(tsig_verify_response(&x, out, &n, records == BIG_RECORDS + 4, clock_now_s(), &f) == ERR_OK, "%s",
		    f.text);
		if (slow)
			nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	check(receive_framed(fd, out) > 12 && id_of(out) == 4712, "then the query's answer");
	tsig_exchange_clear(&x);
	close(fd);
}

static void
test_transfers(void **state)
{
	(void)state;
	transfer(false);
	transfer(true);
}

static struct job *
next_job(void)
{
	struct pollfd p = { queue_fd(served.shared.to_keeper), POLLIN, 0 };
	struct job *j;

	while ((j = queue_pop(served.shared.to_keeper)) == NULL) {
		check(poll(&p, 1, 60000) == 1, "a job comes to the keeper");
		queue_rearm(served.shared.to_keeper);
	}
	return j;
}

static size_t
make_update(uint16_t id, uint8_t *msg, struct tsig_exchange *x)
{
	size_t n = make_request(OPCODE_UPDATE, id, "example.", TYPE_SOA, msg);

	return tsig_sign_request(served_key("u._update.example."), msg, n, 1024, clock_now_s(), x);
}

static void
check_verdict(uint8_t *out, size_t n, struct tsig_exchange *x)
{
	struct fault f = { 0 };

	check(tsig_verify_response(x, out, &n, true, clock_now_s(), &f) == ERR_OK, "%s", f.text);
	check(out[3] == RCODE_YXRRSET, "the keeper's verdict");
	tsig_exchange_clear(x);
}

/* Through the worker's queue, or itself, which it can do over UDP. */
static void
keeper_answers(bool itself, bool tcp)
{
	struct job *j = next_job();
	bool done;

	j->rcode = RCODE_YXRRSET;
	done = itself && workers_answer(workers, j);
	check(done == (itself && !tcp), "the keeper answers over UDP, not over TCP");
	if (done)
		job_free(j);
	else
		check(queue_push(j->reply_to, j), "the worker's queue has room");
}

static void
test_updates(void **state)
{
	static const struct { const char *server; bool any, tcp; } rows[] = {
		{ "127.0.0.1", false, false }, { "127.0.0.1", false, true }, { "127.0.0.77", true, false },
		{ "::1", false, false }, { "::1", false, true },
	};
	size_t nrows = sizeof rows / sizeof rows[0];
	uint8_t msg[1024], out[MSG_MAX];

	(void)state;
	for (size_t k = 0; k < 2 * nrows; k++) {
		size_t i = k % nrows;
		struct tsig_exchange x = { .status = TSIG_ABSENT };
		int fd;
		ssize_t n;

		if (strchr(rows[i].server, ':') != NULL && !have_v6)
			continue;
		fd = open_client(rows[i].server, rows[i].any ? any_port : port, rows[i].tcp ? SOCK_STREAM : SOCK_DGRAM);
		n = (ssize_t)make_update(77, msg, &x);
		if (rows[i].tcp)
			send_framed(fd, msg, (size_t)n);
		else
			write_all(fd, msg, (size_t)n);
		keeper_answers(k >= nrows, rows[i].tcp);
		n = rows[i].tcp ? (ssize_t)receive_framed(fd, out) : recv(fd, out, sizeof out, 0);
		check(n > 12 && id_of(out) == 77, "%s: an answer", rows[i].server);
		check_verdict(out, (size_t)n, &x);
		close(fd);
	}
}

/* The keeper's answer comes when its connection is gone and another has its slot. */
static void
test_late_answer(void **state)
{
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	uint8_t msg[1024], out[MSG_MAX];
	struct linger reset = { 1, 0 };
	int fd = open_client("127.0.0.1", port, SOCK_STREAM);
	struct job *j;

	(void)state;
	send_framed(fd, msg, make_update(77, msg, &x));
	tsig_exchange_clear(&x);
	j = next_job();
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	for (int i = 0; i < 8; i++) {		/* both workers get connections in the slots that were left */
		fd = open_client("127.0.0.1", port, SOCK_STREAM);
		send_framed(fd, msg, make_request(OPCODE_QUERY, 1, "www.example.", TYPE_A, msg));
		check(receive_framed(fd, out) > 12 && id_of(out) == 1, "another client");
		if (j != NULL)
			check(queue_push(j->reply_to, j), "the worker's queue has room");
		j = NULL;
		send_framed(fd, msg, make_request(OPCODE_QUERY, 2, "www.example.", TYPE_A, msg));
		check(receive_framed(fd, out) > 12 && id_of(out) == 2, "gets its own answers only");
		close(fd);
	}
}

static void
test_a_port_in_use(void **state)
{
	struct workers *again;
	struct fault f = { 0 };

	(void)state;
	check(workers_open(served.config, &again, &f) == ERR_EXISTS || f.err != ERR_OK, "the port is taken");
	check(strstr(f.text, "another server has it") != NULL, "and the words say so: %s", f.text);
}

static void
test_counters(void **state)
{
	struct worker_counters c;

	(void)state;
	workers_count(workers, &c);
	check(c.udp_queries >= 200 && c.tcp_queries >= 20000 && c.updates >= 4 && c.transfers == 2, "requests");
	check(c.rcodes[RCODE_NOERROR] >= 20000 && c.rcodes[RCODE_YXRRSET] >= 4, "rcodes");
	check(c.dropped >= 2, "what was no request");
	check(c.tcp_connections <= 4, "connections were closed, but %llu", (unsigned long long)c.tcp_connections);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp), cmocka_unit_test(test_many_datagrams), cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_backpressure), cmocka_unit_test(test_garbage_closes),
		cmocka_unit_test(test_transfers), cmocka_unit_test(test_updates), cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_a_port_in_use), cmocka_unit_test(test_counters)
	};
	struct fault f = { 0 };
	char listen[128];
	int failed;

	have_v6 = can_bind("::1", 0, SOCK_DGRAM);
	port = port_choose();
	any_port = port_choose();
	snprintf(listen, sizeof listen, have_v6 ? "[127.0.0.1@%u, 0.0.0.0@%u, \"::1@%u\"]" :
	    "[127.0.0.1@%u, 0.0.0.0@%u]", port, any_port, port);
	log_set_level(LOG_LEVEL_ERROR);
	rcu_register_thread();
	served_start(&served, listen, 2);
	rcu_thread_offline();
	if (workers_open(served.config, &workers, &f) != ERR_OK || workers_start(workers, &served.shared,
	    &f) != ERR_OK) {
		fprintf(stderr, "%s\n", f.text);
		return 1;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	workers_stop(workers);
	if (workers_answer(workers, &(struct job){ .rcode = RCODE_NOERROR })) {
		fprintf(stderr, "an answer was sent on a socket that is closed\n");
		failed++;
	}
	workers_free(workers);
	rcu_thread_online();
	served_stop(&served);
	rcu_unregister_thread();
	return failed;
}
