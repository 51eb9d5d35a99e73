/* zones/nsec3.h -- the hashed names of NSEC3 (RFC 5155, section 5).  Nothing here allocates. */
#ifndef ZONES_NSEC3_H
#define ZONES_NSEC3_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "wire/dname.h"

/* What hashing costs is chosen by whoever signs the zone, and paid with each answer.  Resolvers take a zone with more
 * iterations as unsigned (RFC 9276, section 3.2), so nobody would look at what the work gives. */
#define NSEC3_ITERATIONS_MAX 150

/* From the rdata of an NSEC3PARAM or NSEC3 record, whose first fields are the same. */
struct nsec3_params {
	uint8_t algorithm, flags, salt_len;
	uint16_t iterations;
	const uint8_t *salt;		/* borrowed */
};
static inline void
nsec3_params_read(const uint8_t *rdata, struct nsec3_params *p)
{
	p->algorithm = rdata[0];
	p->flags = rdata[1];
	p->iterations = (uint16_t)(rdata[2] << 8 | rdata[3]);
	p->salt_len = rdata[4];
	p->salt = rdata + 5;
}

/* Do both hash alike?  Flags do not matter. */
static inline bool
nsec3_params_equal(const struct nsec3_params *a, const struct nsec3_params *b)
{
	return a->algorithm == b->algorithm && a->iterations == b->iterations && a->salt_len == b->salt_len &&
	    (a->salt_len == 0 || memcmp(a->salt, b->salt, a->salt_len) == 0);
}

enum { NSEC3_SHA1 = 1 };

#define NSEC3_HASH 20			/* octets */
#define NSEC3_LABEL 32			/* the same in base32hex */

/* Of a name of so many octets. */
void nsec3_hash(const struct nsec3_params *p, const uint8_t *name, size_t name_len, uint8_t hash[NSEC3_HASH]);

/* The first label of the owner of the NSEC3 of this hash: base32hex, in lower case. */
void nsec3_label(const uint8_t hash[NSEC3_HASH], uint8_t label[NSEC3_LABEL]);

#endif
