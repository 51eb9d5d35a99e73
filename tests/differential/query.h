/* tests/differential/query.h -- random queries about given zones.  The same seed and list give the same queries. */
#ifndef TESTS_DIFFERENTIAL_QUERY_H
#define TESTS_DIFFERENTIAL_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dname.h"

#define QUERY_MAX 512

struct reply;				/* tests/differential/reply.h */

struct subject {			/* a name worth asking for, with the types that it has */
	struct dname name;
	uint16_t types[32];
	unsigned ntypes;
};

struct origin {				/* one zone */
	struct dname apex;
	char *path;			/* of its file */
	struct subject *subjects;
	size_t nsubjects;
	bool nested;			/* another zone of the list is above or below it */
};

struct origins {
	struct origin *v;
	size_t n;
};

struct query {
	const struct origin *origin;	/* the zone that it was made for; the name may lie outside of it */
	const struct origin *home;	/* the zone that the name lies in; none: origin */
	struct dname qname;
	uint16_t qtype, qclass, flags;
	bool tcp, edns, do_bit;
	uint16_t udp_size;		/* with edns, as what follows */
	uint8_t version;
	bool nested;			/* the name lies in a zone that is nested */
	unsigned noptions;
	uint8_t wire[QUERY_MAX];	/* ID 0 */
	size_t n;
	const struct reply *whole;	/* the first server's over TCP, once it is there */
};

/* Lines "Z apex path" begin a zone, lines "N name type..." are its subjects.  Ends the program when they are not so. */
void origins_read(struct origins *o, const char *path);
void origins_clear(struct origins *o);

/* Query number i of this seed: does not depend on the ones before it. */
void query_make(struct query *q, const struct origins *o, uint64_t seed, uint64_t i);

void query_print(const struct query *q);	/* to standard output */

#endif
