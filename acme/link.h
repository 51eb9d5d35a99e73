/* acme/link.h -- Link fields of an answer (RFC 8288, section 3), as ACME uses them: "alternate" chains (RFC 8555,
 * section 7.4.2), "terms-of-service" (section 7.3.3), "up", "index". */
#ifndef ACME_LINK_H
#define ACME_LINK_H

#include "acme/reply.h"

/* Append to url the target number nth (from 0) of relation rel, absolute by the answer's own URL.  False: there are not
 * so many, or no memory.  Malformed fields are passed over. */
bool acme_link_find(const struct acme_reply *r, const char *rel, size_t nth, struct buf *url);

#endif
