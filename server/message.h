/* server/message.h -- the message and the author of a commit that writes zones back.
 *
 *   example.com: 2024010101 -> 2024010105, +3 -1 (mail TLSA, www A)
 *
 *   2026-11-22T03:15:00Z client._update.example.com 192.0.2.7: +3 -1
 *
 *   Certns-Zone: example.com
 *   Certns-Serial: 2024010101 2024010105
 *   Certns-Records: +3 -1
 *   Certns-Updates: 1
 *   Certns-Key: client._update.example.com
 *   Certns-Client: 192.0.2.7
 *
 * The last paragraph is trailers, as git interpret-trailers reads them; Zone, Serial and Records come once for each
 * zone, in this order.  Whatever was gathered, the message stays below MESSAGE_MAX octets. */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include "base/buf.h"
#include "zones/notes.h"
#include "zones/pending.h"

#define MESSAGE_MAX 65536

struct message_zone {
	const char *name;		/* borrowed */
	uint32_t old_serial, serial;
	size_t added, removed;		/* RRs, between the two serials */
	struct buf what;		/* "mail TLSA, www A"; empty: too many to name */
	const struct note *notes;	/* borrowed */
	size_t nnotes, nmore;		/* listed, and changes beside them */
};

/* Count and name what waits.  A failed allocation shows in out->what.failed. */
void message_describe(const struct pending *p, const uint8_t *apex, struct message_zone *out);
void message_zone_clear(struct message_zone *z);

/* A failed allocation shows in out->failed. */
void message_write(const struct message_zone *v, size_t n, struct buf *out);

/* The key, when all changes are one key's, else "certns"; and an address for it at domain. */
void message_author(const struct message_zone *v, size_t n, const char *domain, struct buf *name, struct buf *email);

#endif
