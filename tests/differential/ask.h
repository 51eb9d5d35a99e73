/* tests/differential/ask.h -- one name server on loopback, asked many things at once. */
#ifndef TESTS_DIFFERENTIAL_ASK_H
#define TESTS_DIFFERENTIAL_ASK_H

#include "base/buf.h"
#include "tests/differential/query.h"

#define BATCH 64			/* queries in flight */

struct answer {
	uint8_t *octets;
	size_t n;			/* 0: none came */
};

struct server {
	const char *name;
	uint16_t port;			/* on 127.0.0.1 */
	bool by_tcp;			/* everything, also what is meant for UDP; and class ANY as IN */
	int udp, tcp;			/* -1: not open */
	struct buf in;			/* from TCP */
	struct answer answers[BATCH];
	size_t missing;
};

void server_open(struct server *s, const char *name, uint16_t port, bool by_tcp);
void server_close(struct server *s);

/* Ask all servers all n <= BATCH queries and wait for the answers; what is lost is asked again, a few times.  The
 * message ID of query i is base + i. */
void ask_all(struct server *servers, size_t nservers, const struct query *queries, size_t n, uint16_t base);

#endif
