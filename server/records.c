#include "server/records.h"

uint8_t *
records_put_all(uint8_t *p, uint16_t owner, const struct zone_rrset *set, uint32_t ttl)
{
	const uint8_t *at = NULL, *rdata;
	uint16_t n;

	while (zone_rrset_next(set, &at, &rdata, &n)) {
		store_u16(p, owner);
		records_put_head(p + 2, set, ttl);
		if (n == 4)
			memcpy(p + 10, rdata - 2, 2 + 4);	/* the same, without a call */
		else
			memcpy(p + 10, rdata - 2, 2u + n);
		p += 12 + n;
	}
	return p;
}

#define SHORT_NAME 16			/* and shorter than SOA_NUMBERS */

/* A name of the SOA: what is its own, and a pointer to the rest.  apex, mname: where those stand in the message. */
static inline uint8_t *
put_soa_name(uint8_t *p, const uint8_t *name, const struct zone_soa_name *n, size_t apex, size_t mname)
{
	/* Behind a name come the numbers, there as here: a bit more may be copied, without a call. */
	if (n->own <= SHORT_NAME)
		memcpy(p, name, SHORT_NAME);
	else
		memcpy(p, name, n->own);
	p += n->own;
	if (n->own == n->len)
		return p;
	store_u16(p, (uint16_t)(0xc000 | ((n->in_mname ? mname : apex) + n->at)));
	return p + 2;
}

uint8_t *
records_soa_put(uint8_t *base, uint8_t *p, size_t apex, const struct zone_negative *soa)
{
	uint8_t *rdata = p + 12, *end;

	store_u16(p, (uint16_t)(0xc000 | apex));
	records_put_head(p + 2, &soa->data.set, soa->ttl);
	end = put_soa_name(rdata, soa->rdata, &soa->mname, apex, 0);
	end = put_soa_name(end, soa->rdata + soa->mname.len, &soa->rname, apex, (size_t)(rdata - base));
	memcpy(end, soa->rdata + soa->mname.len + soa->rname.len, SOA_NUMBERS);
	end += SOA_NUMBERS;
	store_u16(p + 10, (uint16_t)(end - rdata));
	return end;
}
