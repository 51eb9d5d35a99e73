/* zones/text.h -- presentation format of RRs (RFC 1035, section 5; RFC 3597, section 5). */
#ifndef ZONES_TEXT_H
#define ZONES_TEXT_H

#include "base/buf.h"
#include "zones/rr.h"

/* "owner ttl IN TYPE rdata", all names absolute, no newline.  Types that neither ldns nor we can print come as
 * \# LENGTH HEX.  A failed allocation shows in out->failed. */
void rr_text(const struct rr *rr, struct buf *out);

/* Only the rdata. */
void rdata_text(const struct rr *rr, struct buf *out);

/* Rdata from its presentation format: fields is the text behind the type, parentheses, comments and line ends
 * already gone.  Relative names are completed with origin.  Writes at most RDATA_MAX octets to out.
 * ERR_FORMAT or ERR_RANGE with words that say what was expected and what stood there. */
enum err rdata_from_text(uint16_t type, const char *fields, const uint8_t *origin, uint8_t *out, size_t *out_n,
    struct fault *f);

#endif
