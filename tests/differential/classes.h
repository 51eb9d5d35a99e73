/* tests/differential/classes.h -- the known ways in which NSD, Knot DNS and BIND answer otherwise than certnsd.
 * docs/answers.md tells why each is as it is, under the same names. */
#ifndef TESTS_DIFFERENTIAL_CLASSES_H
#define TESTS_DIFFERENTIAL_CLASSES_H

#include "tests/differential/reply.h"

struct class {
	const char *name, *server;	/* server NULL: any of them */
	unsigned differ;		/* what it explains */
	bool free;			/* every server may choose: such a difference still counts as agreement */
	bool (*holds)(const struct query *q, const struct reply *ours, const struct reply *theirs);
};

const struct class *class_by_index(size_t i);		/* NULL behind the last */

#endif
