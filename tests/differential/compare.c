/* Random queries to several name servers with the same zones, and their answers side by side.  The first server is the
 * one under test: it must agree with at least one of the others, and how these differ must be known.  It is also asked
 * everything over TCP, and what it says over UDP has to follow from that.
 *
 *	compare [-v] [-s seed] [-n queries] [-o one] names server=port...
 *
 * names: see query.h.  -o: ask query number one alone and show it.  -v: examples of what the others do not agree about.
 * Ends with "N queries, N differences", and with status 1 when there are any. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/differential/ask.h"
#include "tests/differential/classes.h"
#include "tests/differential/reply.h"
#include "tests/differential/twin.h"
#include "wire/message.h"

#define SERVERS_MAX 4
#define SHOWN_MAX 5			/* failures in full */
#define CLASSES_MAX 64
#define EXAMPLES 2			/* of each class, with -v */

static struct server servers[SERVERS_MAX + 1];		/* behind the others: the first over TCP */
static struct reply *replies[SERVERS_MAX + 1];
static size_t nservers;
static uint64_t explained[CLASSES_MAX][SERVERS_MAX];	/* how often which class explained which server */
static uint64_t seed, differences;
static bool verbose;

static void
show(const struct query *q, uint64_t number, const unsigned differ[SERVERS_MAX + 1], size_t n)
{
	printf("seed    %" PRIu64 ", query number %" PRIu64 "\n", seed, number);
	query_print(q);
	for (size_t i = 0; i < n; i++) {
		printf("%s", i == nservers ? "the first over TCP" : servers[i].name);
		if (differ[i] != 0) {
			printf(" (");
			differ_print(differ[i]);
			printf(")");
		}
		printf("\n");
		reply_print(replies[i]);
	}
	printf("\n");
}

static void
show_zone(const char *path)
{
	char line[1024];
	FILE *f = fopen(path, "re");

	printf("%s:\n", path);
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		fputs(line, stdout);
	if (f != NULL)
		fclose(f);
	printf("\n");
}

/* What is left of a server's differences when the known classes are taken off.  *chosen: when only those are taken off
 * that are a free choice. */
static unsigned
explain(const struct query *q, size_t server, unsigned differ, unsigned *chosen, bool *first)
{
	unsigned left = differ;
	const struct class *class;

	*chosen = differ;
	for (size_t i = 0; left != 0 && (class = class_by_index(i)) != NULL; i++) {
		if ((class->server != NULL && strcmp(class->server, servers[server].name) != 0) ||
		    (left & class->differ) == 0 || !class->holds(q, replies[0], replies[server]))
			continue;
		left &= ~class->differ;
		if (class->free)
			*chosen &= ~class->differ;
		*first = *first || explained[i][server] < EXAMPLES;
		explained[i][server]++;
	}
	return left;
}

/* In which parts agrees no other server?  Each part is judged for itself: the others are wrong, each in its own way.
 * Who truncates may be right about what is then missing. */
static unsigned
alone_in(const unsigned chosen[SERVERS_MAX])
{
	unsigned alone = ~0u;

	for (size_t i = 1; i < nservers; i++)
		alone &= replies[i]->fault != NULL ? ~0u : chosen[i];
	return alone;
}

static void
read_replies(struct query *q, size_t at)
{
	struct query by_tcp = *q;

	by_tcp.tcp = true;
	by_tcp.qclass = q->qclass == CLASS_ANY ? CLASS_IN : q->qclass;
	for (size_t i = 0; i <= nservers; i++)
		reply_read(replies[i], i == nservers ? &by_tcp : q, servers[i].answers[at].octets,
		    servers[i].answers[at].n);
	q->whole = replies[nservers];
}

static void
judge(struct query *q, uint64_t number, size_t at)
{
	unsigned differ[SERVERS_MAX + 1] = { 0 }, chosen[SERVERS_MAX] = { 0 }, left = 0;
	bool alone, first = false;
	const char *fault;

	read_replies(q, at);
	for (size_t i = 1; i < nservers; i++) {
		differ[i] = reply_compare(replies[0], replies[i]);
		left |= explain(q, i, differ[i], &chosen[i], &first);
	}
	fault = twin_fault(q, replies[0]);
	/* With fewer servers each difference has to be a known one, and nobody needs to agree. */
	alone = nservers == SERVERS_MAX && alone_in(chosen) != 0;
	if (alone || left != 0 || fault != NULL) {
		if (differences++ < SHOWN_MAX || verbose) {
			printf("--- %s\n", fault != NULL ? fault : alone ? "the first agrees with none of the others" :
			    "a difference that is not known");
			show(q, number, differ, nservers + (fault != NULL));
			if (!verbose)
				show_zone(q->home->path);
		}
	} else if (first && verbose) {
		printf("--- known differences\n");
		show(q, number, differ, nservers);
	}
}

static void
run(const struct origins *origins, uint64_t first, uint64_t end)
{
	static struct query queries[BATCH];

	for (uint64_t at = first; at < end; ) {
		size_t n = end - at < BATCH ? (size_t)(end - at) : BATCH;

		for (size_t i = 0; i < n; i++)
			query_make(&queries[i], origins, seed, at + i);
		ask_all(servers, nservers + 1, queries, n, (uint16_t)at);
		for (size_t i = 0; i < n; i++)
			judge(&queries[i], at + i, i);
		at += n;
	}
}

static void
print_classes(void)
{
	const struct class *class;

	for (size_t i = 0; (class = class_by_index(i)) != NULL; i++)
		for (size_t k = 1; k < nservers; k++)
			if (explained[i][k] > 0)
				printf("%10" PRIu64 "  %s: %s\n", explained[i][k], servers[k].name, class->name);
}

static uint64_t
number(const char *text)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text)
		errx(2, "not a number: %s", text);
	return v;
}

static void
open_server(size_t i, const char *name, uint16_t port, bool by_tcp)
{
	if ((replies[i] = malloc(sizeof **replies)) == NULL)
		err(2, "servers");
	server_open(&servers[i], name, port, by_tcp);
}

static void
add_server(char *argument)
{
	char *port = strchr(argument, '=');

	if (port == NULL || nservers == SERVERS_MAX)
		errx(2, "expected at most %d servers as name=port, found %s", SERVERS_MAX, argument);
	*port++ = '\0';
	open_server(nservers++, argument, (uint16_t)number(port), false);
}

int
main(int argc, char *argv[])
{
	uint64_t first = 0, n = 1000;
	struct origins origins;
	int c;

	while ((c = getopt(argc, argv, "n:o:s:v")) != -1) {
		switch (c) {
		case 'n':	n = number(optarg); break;
		case 'o':	first = number(optarg); n = 1; break;
		case 's':	seed = number(optarg); break;
		case 'v':	verbose = true; break;
		default:	return 2;
		}
	}
	if (argc - optind < 3)
		errx(2, "usage: compare [-v] [-s seed] [-n queries] [-o one] names server=port server=port...");
	origins_read(&origins, argv[optind]);
	for (int i = optind + 1; i < argc; i++)
		add_server(argv[i]);
	open_server(nservers, servers[0].name, servers[0].port, true);
	run(&origins, first, first + n);
	print_classes();
	printf("%" PRIu64 " queries, %" PRIu64 " differences\n", n, differences);
	for (size_t i = 0; i <= nservers; i++) {
		server_close(&servers[i]);
		free(replies[i]);
	}
	origins_clear(&origins);
	return differences != 0;
}
