/* tests/storm/packet.h -- what nobody should send to a name server: random octets, and real queries, updates and
 * NOTIFYs with something wrong in them.  The same seed gives the same packets, signatures apart. */
#ifndef TESTS_STORM_PACKET_H
#define TESTS_STORM_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tsig/key.h"
#include "wire/dname.h"

#define PACKET_MAX 4096

struct packets {
	const struct dname *names;	/* that are asked for, borrowed */
	size_t nnames;
	const struct tsig_key *key;	/* that some are signed with, borrowed; NULL: none */
	struct dname zone;		/* that updates are for */
	uint64_t state;			/* of the random numbers */
};

uint32_t packets_draw(struct packets *p, uint32_t limit);	/* below limit */

/* The next packet into out, which has room for PACKET_MAX octets.  Gives its length, which may be 0. */
size_t packets_next(struct packets *p, int64_t now_s, uint8_t *out);

#endif
