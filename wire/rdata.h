/* wire/rdata.h -- rdata in wire form, names in it uncompressed: the one form that everything else here keeps. */
#ifndef WIRE_RDATA_H
#define WIRE_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/reader.h"
#include "wire/writer.h"

#define RDATA_MAX 65535

/* Does rdata have the form of its type?  Types without an entry may hold anything (RFC 3597). */
bool rdata_valid(uint16_t type, const uint8_t *rdata, size_t n);

/* Take n octets of rdata from r, undo name compression, check the form.  *out has room for RDATA_MAX octets.
 * False sets r->bad: malformed, or too long without compression.  *out_n is the length. */
bool rdata_read(struct rd *r, uint16_t type, size_t n, uint8_t *out, size_t *out_n);

/* May names in rdata of this type be compressed?  In those of RFC 1035 alone: RFC 3597, section 4. */
static inline bool
rdata_compressible(uint16_t type)
{
	return type < 16 && (0xd3fcu >> type & 1) != 0;
}

/* RDLENGTH and rdata, names compressed where that is allowed.  rdata is valid. */
void rdata_write(struct wr *w, uint16_t type, const uint8_t *rdata, size_t n);

/* Total order of valid rdata of one type: names in it are compared without regard to letter case (RFC 2136,
 * section 1.1.1; RFC 4034, section 6.2), the rest octet by octet. */
int rdata_compare(uint16_t type, const uint8_t *a, size_t na, const uint8_t *b, size_t nb);
bool rdata_equal(uint16_t type, const uint8_t *a, size_t na, const uint8_t *b, size_t nb);

/* Does rdata_target() find something in rdata of this type? */
static inline bool
rdata_has_target(uint16_t type)
{
	return type <= 65 && (type == 2 || type == 15 || type == 33 || type >= 64);
}

/* The name that additional section processing looks up: NS, MX, SRV target and the like; NULL: none. */
const uint8_t *rdata_target(uint16_t type, const uint8_t *rdata);

#endif
