/* zones/rr.h -- one RR of class IN, and lists of them that own their octets. */
#ifndef ZONES_RR_H
#define ZONES_RR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/dname.h"
#include "wire/rrtype.h"

struct rr {
	const uint8_t *owner;		/* uncompressed wire form */
	const uint8_t *rdata;		/* valid, names uncompressed */
	uint32_t ttl;
	uint16_t type, rdlen;
};					/* borrows what it points to */

/* Canonical order: owner, type, rdata; the TTL does not count. */
int rr_compare(const struct rr *a, const struct rr *b);
bool rr_same(const struct rr *a, const struct rr *b);	/* rr_compare() == 0 */

/* Signatures of one owner are as many RRsets as there are types that they cover, each with a TTL of its own (RFC 4034,
 * section 3).  Of RRSIG: the type covered; of all others 0. */
static inline uint16_t
rr_covered(const struct rr *rr)
{
	return rr->type == TYPE_RRSIG && rr->rdlen >= 2 ? (uint16_t)(rr->rdata[0] << 8 | rr->rdata[1]) : 0;
}

bool rr_same_rrset(const struct rr *a, const struct rr *b);

/* "owner ttl IN TYPE rdata", for logs and commit messages; cut to size. */
void rr_print(const struct rr *rr, char *text, size_t size);

struct rr_chunk;
struct rr_list {
	struct rr *v;
	size_t n, cap;
	struct rr_chunk *chunks;	/* the octets that v points into */
};					/* zero-initialise */

/* Append a copy.  ERR_NOMEM leaves the list as it was. */
enum err rr_list_add(struct rr_list *list, const struct rr *rr);
void rr_list_sort(struct rr_list *list);		/* by rr_compare(), then TTL */
const struct rr *rr_list_find(const struct rr_list *sorted, const struct rr *rr);	/* or NULL */
bool rr_list_equal(const struct rr_list *a, const struct rr_list *b);	/* in the same order, with the same TTLs */
bool rr_list_has(const struct rr_list *list, const struct rr *rr);	/* sorted or not; by rr_same() */
const struct rr *rr_list_soa(const struct rr_list *sorted, const uint8_t *apex);	/* or NULL */
void rr_list_clear(struct rr_list *list);

/* A copy of n octets that lives as long as the list; NULL: no memory. */
const uint8_t *rr_list_keep(struct rr_list *list, const uint8_t *octets, size_t n);

/* What from keeps is to's now; from is empty after.  Allocates nothing. */
void rr_list_take_octets(struct rr_list *to, struct rr_list *from);

/* SOA rdata (RFC 1035, section 3.3.13); all take valid rdata. */
struct soa {
	const uint8_t *mname, *rname;
	uint32_t serial, refresh, retry, expire, minimum;
};
void soa_read(const uint8_t *rdata, size_t n, struct soa *soa);
uint32_t soa_serial(const struct rr *soa);
bool soa_same_but_serial(const struct rr *a, const struct rr *b);	/* octet by octet, and the TTL */
void soa_set_serial(uint8_t *rdata, size_t n, uint32_t serial);	/* in place */

/* RFC 1982: is a older than b? */
static inline bool
serial_lt(uint32_t a, uint32_t b)
{
	return a != b && (uint32_t)(b - a) < 0x80000000u;
}

#endif
