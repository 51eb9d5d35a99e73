/* tests/differential/twin.h -- what the server under test says over UDP has to follow from what it says over TCP; and
 * what it says in class ANY, without authority, from what it says in class IN. */
#ifndef TESTS_DIFFERENTIAL_TWIN_H
#define TESTS_DIFFERENTIAL_TWIN_H

#include "tests/differential/reply.h"

/* What is wrong with reply beside q->whole; NULL: nothing. */
const char *twin_fault(const struct query *q, const struct reply *reply);

#endif
