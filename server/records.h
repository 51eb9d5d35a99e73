/* server/records.h -- the records of an RRset as they lie in a node, written one behind the other: each has two octets
 * of length before its rdata there, as in a message.  Private to the answering code. */
#ifndef SERVER_RECORDS_H
#define SERVER_RECORDS_H

#include <string.h>

#include "wire/message.h"
#include "zones/version.h"

/* Octets of all of them, where each owner is a pointer: two, and type, class and TTL. */
static inline size_t
records_size(const struct zone_rrset *set)
{
	return set->size + 10u * set->count;
}

/* What stands between a record's owner and the length of its rdata. */
static inline void
records_put_head(uint8_t *p, const struct zone_rrset *set, uint32_t ttl)
{
	store_u64(p, (uint64_t)set->type << 48 | (uint64_t)CLASS_IN << 32 | ttl);
}

/* owner: the pointer.  There is room.  Gives the end. */
uint8_t *records_put_all(uint8_t *p, uint16_t owner, const struct zone_rrset *set, uint32_t ttl);

static inline uint8_t *
records_put(uint8_t *p, uint16_t owner, const struct zone_rrset *set, uint32_t ttl)
{
	if (set->count != 1)
		return records_put_all(p, owner, set, ttl);
	store_u16(p, owner);
	records_put_head(p + 2, set, ttl);
	if (set->size == 2 + 4)
		memcpy(p + 10, set->records, 2 + 4);	/* the same, without a call */
	else
		memcpy(p + 10, set->records, set->size);
	return p + 10 + set->size;
}

/* The SOA of a negative answer, at p in the message that begins with base, whose octet apex is where the zone's name
 * stands; that is not the root.  There is room for soa->size octets.  Gives the
 * end. */
uint8_t *records_soa_put(uint8_t *base, uint8_t *p, size_t apex, const struct zone_negative *soa);

#endif
