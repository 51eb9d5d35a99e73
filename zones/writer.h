/* zones/writer.h -- a whole zone as a master file that people like to read (RFC 1035, section 5). */
#ifndef ZONES_WRITER_H
#define ZONES_WRITER_H

#include "base/buf.h"
#include "zones/rr.h"

/* Append the zone: $ORIGIN, $TTL, the SOA with a comment for each number, the NS of the apex, the rest in canonical
 * order with names relative to apex, and glue out of the zone last.  zone_read() of it gives the same RRs, letter
 * case and TTLs included.  sorted: by rr_list_sort().  A failed allocation shows in out->failed. */
void zone_write(const uint8_t *apex, const struct rr_list *sorted, struct buf *out);

#endif
