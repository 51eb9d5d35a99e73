/* zones/nsec3.h -- the hashed names of NSEC3 (RFC 5155, section 5).  Nothing here allocates. */
#ifndef ZONES_NSEC3_H
#define ZONES_NSEC3_H

#include <stdbool.h>
#include <stdint.h>

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
void nsec3_params_read(const uint8_t *rdata, struct nsec3_params *p);

/* Do both hash alike?  Flags do not matter. */
bool nsec3_params_equal(const struct nsec3_params *a, const struct nsec3_params *b);

enum { NSEC3_SHA1 = 1 };

#define NSEC3_HASH 20			/* octets */
#define NSEC3_LABEL 32			/* the same in base32hex */

void nsec3_hash(const struct nsec3_params *p, const uint8_t *name, uint8_t hash[NSEC3_HASH]);

/* The owner of the NSEC3 of this hash in a zone: in base32hex, in lower case, below apex, which has apex_len octets.
 * False: such a name would be too long. */
bool nsec3_owner(const uint8_t hash[NSEC3_HASH], const uint8_t *apex, size_t apex_len, struct dname *out);

#endif
