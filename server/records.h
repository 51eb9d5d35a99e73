/* server/records.h -- the records of an RRset as they lie in a node, written one behind the other: each has two octets
 * of length before its rdata there, as in a message.  Private to the answering code. */
#ifndef SERVER_RECORDS_H
#define SERVER_RECORDS_H

#include "wire/message.h"
#include "zones/version.h"

/* Octets of all of them, where each owner is a pointer: two, and type, class and TTL. */
static inline size_t
records_size(const struct zone_rrset *set)
{
	return set->size + 10u * set->count;
}

/* owner: the pointer.  There is room.  Gives the end. */
static inline uint8_t *
records_put(uint8_t *p, uint16_t owner, const struct zone_rrset *set, uint32_t ttl)
{
	const uint8_t *at = NULL, *rdata;
	uint16_t n;

	while (zone_rrset_next(set, &at, &rdata, &n)) {
		store_u16(p, owner);
		store_u16(p + 2, set->type);
		store_u16(p + 4, CLASS_IN);
		store_u32(p + 6, ttl);
		if (n == 4)
			memcpy(p + 10, rdata - 2, 2 + 4);	/* the same, without a call */
		else
			memcpy(p + 10, rdata - 2, 2u + n);
		p += 12 + n;
	}
	return p;
}

/* The SOA of a negative answer, at p in the message that begins with base, whose octet apex is where the zone's name
 * stands; that is not the root.  There is room.  Gives the end. */
size_t records_soa_size(const struct zone_negative *soa);
uint8_t *records_soa_put(uint8_t *base, uint8_t *p, size_t apex, const struct zone_negative *soa);

#endif
