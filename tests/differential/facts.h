/* tests/differential/facts.h -- what can be said of a reply, or of two. */
#ifndef TESTS_DIFFERENTIAL_FACTS_H
#define TESTS_DIFFERENTIAL_FACTS_H

#include "tests/differential/reply.h"

bool is_truncated(const struct reply *r);
bool is_referral(const struct reply *r);

/* Nothing but SOA, NSEC and NSEC3 in the authority section, and something. */
bool has_only_proofs(const struct reply *r);

/* How many times has the answer a CNAME? */
size_t aliases(const struct reply *r);

/* Is every record of a in b? */
bool is_subset(const struct reply *a, const struct reply *b, int section);

/* The same, and each RRset of b is in a as a whole or not at all. */
bool is_subset_of_rrsets(const struct reply *a, const struct reply *b, int section);

/* Has a some address, of a name below its cut, that b has not? */
bool lacks_glue(const struct reply *a, const struct reply *b);

/* Has the zone such a record under this name, and not from a wildcard?  And then not as glue either? */
bool is_in_zone(const struct origin *zone, const struct record *record);
bool is_own_data(const struct origin *zone, const struct record *record);
bool is_no_own_data(const struct origin *zone, const struct record *record);

/* Has a some record in the additional section for which this holds, and b neither there nor in its answer? */
bool has_more(const struct query *q, const struct reply *a, const struct reply *b,
    bool (*holds)(const struct origin *zone, const struct record *record));

/* Octets that the client takes, and the servers send at most. */
size_t datagram_limit(const struct query *q);

/* Is it over UDP, and too much for a datagram as one of them has it? */
bool lacks_room(const struct query *q, const struct reply *ours, const struct reply *theirs);

#endif
