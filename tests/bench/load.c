/* tests/bench/load.c -- load [-t [-c CONNECTIONS]] [-d] [-p PORT] [-w WINDOW] [-n COUNT] [-s SECONDS] [-r RATE] FILE
 *
 * FILE has lines "NAME TYPE".  Each question carries an OPT record (1232 octets; -d: with DO).  One line of JSON says
 * what came of it.
 *
 * With a rate it is latencies that somebody wants to know, the server's and not ours: root gets them at real-time
 * priority, where we wait for no CPU. */
#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire/message.h"
#include "wire/rrtype.h"

#define MESSAGE_MAX 512
#define LOOK_EVERY_NS 50000000

static void
usage(void)
{
	fputs("usage: load [-t [-c CONNECTIONS]] [-d] [-p PORT] [-w WINDOW] [-n COUNT] [-s SECONDS] [-r RATE] FILE\n",
	    stderr);
	exit(2);
}

int64_t
load_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

bool
load_may_ask(const struct load *l, int64_t now_ns, int64_t *wait_ns)
{
	int64_t due_ns = l->start_ns;

	*wait_ns = -1;
	if (l->nfree == 0 || l->sent >= l->count || now_ns >= l->end_ns)
		return false;
	if (l->rate > 0)
		due_ns += (int64_t)(l->sent * 1000000000 / l->rate);
	if (due_ns <= now_ns)
		return true;
	*wait_ns = due_ns - now_ns;
	return false;
}

size_t
load_ask(struct load *l, int64_t now_ns, uint8_t *out)
{
	unsigned i = l->free[--l->nfree];
	struct load_slot *slot = &l->slots[i];
	size_t n = l->at[l->next + 1] - l->at[l->next];

	memcpy(out, l->octets + l->at[l->next], n);
	l->next = l->next + 1 == l->n ? 0 : l->next + 1;
	slot->id = (uint16_t)((slot->id + LOAD_WINDOW_MAX) / LOAD_WINDOW_MAX * LOAD_WINDOW_MAX + i);
	slot->sent_ns = now_ns;
	slot->busy = true;
	out[0] = (uint8_t)(slot->id >> 8);
	out[1] = (uint8_t)slot->id;
	l->sent++;
	return n;
}

static void
release(struct load *l, unsigned i)
{
	l->slots[i].busy = false;
	l->free[l->nfree++] = (uint16_t)i;
}

void
load_take(struct load *l, int64_t now_ns, const uint8_t *msg, size_t n)
{
	unsigned id = n < MSG_HEADER_SIZE ? 0 : (unsigned)msg[0] << 8 | msg[1], i = id % LOAD_WINDOW_MAX;
	struct load_slot *slot = &l->slots[i];
	int64_t us = (now_ns - slot->sent_ns) / 1000;

	if (n < MSG_HEADER_SIZE || !slot->busy || slot->id != id) {
		l->strange++;
		return;
	}
	l->answered++;
	l->octets_in += n;
	l->rcodes[msg[3] & 15]++;
	l->latency_us[us < LOAD_SLOWEST_US ? us : LOAD_SLOWEST_US]++;
	release(l, i);
}

void
load_look(struct load *l, int64_t now_ns)
{
	if (now_ns - l->looked_ns < LOOK_EVERY_NS)
		return;
	l->looked_ns = now_ns;
	for (unsigned i = 0; i < l->window; i++) {
		if (l->slots[i].busy && now_ns - l->slots[i].sent_ns > LOAD_PATIENCE_NS) {
			l->lost++;
			release(l, i);
		}
	}
}

bool
load_is_over(const struct load *l, int64_t now_ns)
{
	return l->nfree == l->window && (l->sent >= l->count || now_ns >= l->end_ns);
}

static size_t
write_question(uint8_t *to, size_t room, const char *name, const char *type, bool dnssec)
{
	struct msg_header h = { .qdcount = 1, .arcount = 1 };
	struct question q = { .qclass = CLASS_IN };
	struct wr w;

	if (dname_from_str(name, &q.qname) != ERR_OK || !rrtype_parse(type, strlen(type), &q.qtype)) {
		fprintf(stderr, "load: what is \"%s %s\"?\n", name, type);
		exit(1);
	}
	wr_init(&w, to, room);
	msg_header_write(&w, &h);
	question_write(&w, &q);
	edns_write(&w, MSG_UDP_EDNS, 0, dnssec);
	return wr_len(&w);
}

static void
read_questions(struct load *l, const char *path, bool dnssec)
{
	char name[300], type[20];
	size_t room = 0, used = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	while (fscanf(f, "%299s %19s", name, type) == 2) {
		if (room - used < MESSAGE_MAX && (l->octets = realloc(l->octets, room += 1 << 20)) == NULL)
			abort();
		if (l->n % 4096 == 0 && (l->at = realloc(l->at, (l->n + 4097) * sizeof *l->at)) == NULL)
			abort();
		l->at[l->n++] = used;
		used += write_question(l->octets + used, MESSAGE_MAX, name, type, dnssec);
	}
	fclose(f);
	if (l->n == 0) {
		fprintf(stderr, "load: %s holds no questions\n", path);
		exit(1);
	}
	l->at[l->n] = used;
}

/* The latency that this share of the answers did not exceed. */
static unsigned
latency_of(const struct load *l, double share)
{
	uint64_t below = 0, wanted = (uint64_t)(share * (double)l->answered);
	unsigned us = 0;

	while (us < LOAD_SLOWEST_US && (below += l->latency_us[us]) < wanted)
		us++;
	return us;
}

static void
report(const struct load *l, int64_t took_ns)
{
	printf("{\"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"strange\": %llu, \"seconds\": %.6f, "
	    "\"octets\": %llu, \"noerror\": %llu, \"nxdomain\": %llu, \"servfail\": %llu, \"refused\": %llu, "
	    "\"median_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"p9999_us\": %u, \"worst_us\": %u}\n",
	    (unsigned long long)l->sent, (unsigned long long)l->answered, (unsigned long long)l->lost,
	    (unsigned long long)l->strange, (double)took_ns / 1e9, (unsigned long long)l->octets_in,
	    (unsigned long long)l->rcodes[RCODE_NOERROR], (unsigned long long)l->rcodes[RCODE_NXDOMAIN],
	    (unsigned long long)l->rcodes[RCODE_SERVFAIL], (unsigned long long)l->rcodes[RCODE_REFUSED],
	    latency_of(l, 0.5), latency_of(l, 0.99), latency_of(l, 0.999), latency_of(l, 0.9999), latency_of(l, 1));
}

static unsigned
number(const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end != '\0' || v < min || v > max)
		usage();
	return (unsigned)v;
}

int
main(int argc, char **argv)
{
	static struct load l;
	bool tcp = false, dnssec = false;
	double seconds = 5;
	int c;

	l.window = 128;
	l.connections = 8;
	l.count = UINT64_MAX;
	l.server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(53) };
	l.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while ((c = getopt(argc, argv, "tc:dp:w:n:s:r:")) != -1) {
		switch (c) {
		case 't':	tcp = true; break;
		case 'c':	l.connections = number(optarg, 1, LOAD_WINDOW_MAX); break;
		case 'd':	dnssec = true; break;
		case 'p':	l.server.sin_port = htons((uint16_t)number(optarg, 1, 65535)); break;
		case 'w':	l.window = number(optarg, 1, LOAD_WINDOW_MAX); break;
		case 'n':	l.count = number(optarg, 1, UINT32_MAX); seconds = 3600; break;
		case 's':	seconds = strtod(optarg, NULL); break;
		case 'r':	l.rate = number(optarg, 1, 10000000); break;
		default:	usage();
		}
	}
	if (optind + 1 != argc)
		usage();
	read_questions(&l, argv[optind], dnssec);
	while (l.nfree < l.window) {
		l.free[l.nfree] = (uint16_t)l.nfree;
		l.nfree++;
	}
	if (l.rate > 0)
		(void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 });
	l.start_ns = load_now_ns();
	l.end_ns = l.start_ns + (int64_t)(seconds * 1e9);
	if (tcp)
		load_tcp(&l);
	else
		load_udp(&l);
	report(&l, load_now_ns() - l.start_ns);
	return l.answered > 0 ? 0 : 1;
}
