/* server/cert_record.h -- what the engine says of a host, as the rdata of a TXT record: one string for each thing,
 * KEY=VALUE, as certns.yaml(5) tells under "status". */
#ifndef SERVER_CERT_RECORD_H
#define SERVER_CERT_RECORD_H

#include "acme/acme.h"
#include "base/buf.h"
#include "zones/rr.h"

/* Adds it to out, which is failed when there is no memory. */
void cert_record_write(const struct acme_status *s, struct buf *out);

/* Was this TXT record made by the above?  Whoever else put some there keeps it. */
bool cert_record_is_ours(const struct rr *rr);

#endif
