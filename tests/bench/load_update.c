/* tests/bench/load_update.c -- load_update [-p PORT] [-w WINDOW] [-s SECONDS] [-n FIRST] NAME:ALGORITHM:SECRET ZONE
 *
 * Signed updates to 127.0.0.1 by UDP, each with one new A record: WINDOW of them are outstanding, and the next one
 * leaves as soon as an answer is there.  One line of JSON says what came of it.  What gets no answer is sent once more,
 * signed as it was.  The key is the benchmark's own, and no secret. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tsig/key.h"
#include "tsig/tsig.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#define WINDOW_MAX 256
#define MESSAGE_MAX 600
#define PATIENCE_NS 1000000000
#define OPCODE_UPDATE_FLAGS (5 << 11)

struct slot {
	uint8_t msg[MESSAGE_MAX];
	size_t n;
	int64_t sent_ns;		/* the first time */
	unsigned uses;
	bool busy, resent;
};

static struct slot slots[WINDOW_MAX];
static struct tsig_key *key;
static struct dname zone;
static unsigned long long number;
static uint64_t acknowledged, refused, lost;
static uint32_t *latencies;
static size_t nlatencies, room;

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void
die(const char *what)
{
	fprintf(stderr, "load_update: %s\n", what);
	exit(1);
}

/* RFC 2136: one addition to the zone. */
static void
compose(struct slot *s, unsigned i)
{
	struct question q = { .qname = zone, .qtype = TYPE_SOA, .qclass = CLASS_IN };
	struct tsig_exchange x = { 0 };
	char name[64], text[DNAME_TEXT_MAX];
	struct dname owner;
	struct wr w;

	snprintf(name, sizeof name, "update%llu", number);
	if (dname_parse(name, strlen(name), zone.octets, &owner) != ERR_OK)
		die(dname_print(zone.octets, text));
	wr_init(&w, s->msg, sizeof s->msg);
	msg_header_write(&w, &(struct msg_header){ .id = (uint16_t)(i + WINDOW_MAX * (s->uses++ & 255)),
	    .flags = OPCODE_UPDATE_FLAGS,
	    .qdcount = 1, .nscount = 1 });
	question_write(&w, &q);
	wr_octets(&w, owner.octets, dname_len(owner.octets));
	wr_u16(&w, TYPE_A);
	wr_u16(&w, CLASS_IN);
	wr_u32(&w, 300);
	wr_u16(&w, 4);
	wr_u32(&w, 0x0a000000 | (uint32_t)(number & 0xffffff));
	number++;
	if ((s->n = tsig_sign_request(key, s->msg, wr_len(&w), sizeof s->msg, time(NULL), &x)) == 0)
		die("cannot sign");
	tsig_exchange_clear(&x);
}

static void
start(int fd, unsigned i)
{
	struct slot *s = &slots[i];

	compose(s, i);
	s->busy = true;
	s->resent = false;
	s->sent_ns = now_ns();
	if (send(fd, s->msg, s->n, 0) < 0)
		die("cannot send");
}

static void
take(const uint8_t *msg, ssize_t n)
{
	struct slot *s;

	if (n < MSG_HEADER_SIZE)
		return;
	s = &slots[(msg[0] << 8 | msg[1]) % WINDOW_MAX];
	if (!s->busy || memcmp(s->msg, msg, 2) != 0)
		return;
	s->busy = false;
	if ((msg[3] & 15) == RCODE_NOERROR)
		acknowledged++;
	else
		refused++;
	if (nlatencies == room && (latencies = realloc(latencies, (room = room * 2 + 4096) * sizeof *latencies)) ==
	    NULL)
		die("no memory");
	latencies[nlatencies++] = (uint32_t)((now_ns() - s->sent_ns) / 1000);
}

static void
look_at_late_ones(int fd, unsigned window)
{
	for (unsigned i = 0; i < window; i++) {
		struct slot *s = &slots[i];

		if (!s->busy || now_ns() - s->sent_ns < PATIENCE_NS * (s->resent ? 2 : 1))
			continue;
		if (s->resent) {
			s->busy = false;
			lost++;
		} else {
			s->resent = true;
			(void)send(fd, s->msg, s->n, 0);
		}
	}
}

static double
run(int fd, unsigned window, double seconds)
{
	int64_t begun = now_ns(), end = begun + (int64_t)(seconds * 1e9);
	uint8_t msg[4096];
	bool waiting = true;

	while (waiting) {
		waiting = false;
		for (unsigned i = 0; i < window; i++) {
			if (!slots[i].busy && now_ns() < end)
				start(fd, i);
			waiting |= slots[i].busy;
		}
		if (waiting && poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 100) > 0)
			for (ssize_t n; (n = recv(fd, msg, sizeof msg, MSG_DONTWAIT)) > 0; )
				take(msg, n);
		look_at_late_ones(fd, window);
	}
	return (double)(now_ns() - begun) / 1e9;
}

static int
compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint32_t
latency(double share)
{
	return nlatencies == 0 ? 0 : latencies[(size_t)(share * (double)(nlatencies - 1))];
}

int
main(int argc, char **argv)
{
	struct sockaddr_in server = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(53) };
	unsigned window = 1;
	double seconds = 5;
	struct fault f = { 0 };
	int c, fd;

	while ((c = getopt(argc, argv, "n:p:s:w:")) != -1)
		switch (c) {
		case 'n':	number = strtoull(optarg, NULL, 10); break;
		case 'p':	server.sin_port = htons((uint16_t)atoi(optarg)); break;
		case 's':	seconds = atof(optarg); break;
		case 'w':	window = (unsigned)atoi(optarg); break;
		default:	die("usage: load_update [-p PORT] [-w WINDOW] [-s SECONDS] [-n FIRST] KEY ZONE");
		}
	if (argc - optind != 2 || window == 0 || window > WINDOW_MAX)
		die("usage: load_update [-p PORT] [-w WINDOW] [-s SECONDS] [-n FIRST] KEY ZONE");
	if (tsig_key_parse(argv[optind], &key, &f) != ERR_OK)
		die(f.text);
	if (dname_from_str(argv[optind + 1], &zone) != ERR_OK)
		die("that is no zone");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&server, sizeof server) != 0)
		die("no socket");
	double took = run(fd, window, seconds);
	qsort(latencies, nlatencies, sizeof *latencies, compare);
	printf("{\"acknowledged\": %llu, \"refused\": %llu, \"lost\": %llu, \"seconds\": %.6f, \"median_us\": %u, "
	    "\"p99_us\": %u, \"worst_us\": %u}\n", (unsigned long long)acknowledged, (unsigned long long)refused,
	    (unsigned long long)lost, took, latency(0.5), latency(0.99), latency(1));
	tsig_key_free(key);
	return 0;
}
