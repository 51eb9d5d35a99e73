/* tests/unit/server/plain_ways.h -- one query, both ways: what server/plain.h gives beside what server/answer.h does. */
#ifndef TESTS_UNIT_SERVER_PLAIN_WAYS_H
#define TESTS_UNIT_SERVER_PLAIN_WAYS_H

#include "server/plain.h"

struct query {
	uint8_t msg[600];
	size_t n;
};

/* A question for an absolute name, in text; the letter case of its octets by the bits of a pattern. */
void query_make(struct query *q, const char *name, uint16_t qtype, uint16_t flags, uint32_t pattern);
void query_add_opt(struct query *q, uint16_t size, bool do_bit);

/* Fails unless both ways give the same, and the long way from where the short one left off, too.  p was read and looked
 * up.  Gives the length of the short way's answer, which *answer (may be NULL) points to until the next call. */
size_t ways_compare(const char *why, const struct query *q, const struct plain *p, const struct zoneset *zones,
    const struct answer_settings *settings, bool tcp, const uint8_t **answer);

#endif
