#include "server/records.h"

#include <string.h>

#include "wire/rrtype.h"

/* A name of the SOA: what is its own, and a pointer to the rest.  apex, mname: where those stand in the message. */
static uint8_t *
put_soa_name(uint8_t *p, const uint8_t *name, const struct zone_soa_name *n, size_t apex, size_t mname)
{
	memcpy(p, name, n->own);
	p += n->own;
	if (n->own == n->len)
		return p;
	store_u16(p, (uint16_t)(0xc000 | ((n->in_mname ? mname : apex) + n->at)));
	return p + 2;
}

static size_t
soa_name_size(const struct zone_soa_name *n)
{
	return n->own == n->len ? n->len : n->own + 2u;
}

size_t
records_soa_size(const struct zone_negative *soa)
{
	return 12 + soa_name_size(&soa->mname) + soa_name_size(&soa->rname) + SOA_NUMBERS;
}

uint8_t *
records_soa_put(uint8_t *base, uint8_t *p, size_t apex, const struct zone_negative *soa)
{
	uint8_t *rdata = p + 12, *end;

	store_u16(p, (uint16_t)(0xc000 | apex));
	store_u16(p + 2, TYPE_SOA);
	store_u16(p + 4, CLASS_IN);
	store_u32(p + 6, soa->ttl);
	end = put_soa_name(rdata, soa->rdata, &soa->mname, apex, 0);
	end = put_soa_name(end, soa->rdata + soa->mname.len, &soa->rname, apex, (size_t)(rdata - base));
	memcpy(end, soa->rdata + soa->mname.len + soa->rname.len, SOA_NUMBERS);
	end += SOA_NUMBERS;
	store_u16(p + 10, (uint16_t)(end - rdata));
	return end;
}
