#include "tests/storm/packet.h"

#include <string.h>

#include "tsig/tsig.h"
#include "wire/message.h"
#include "wire/rrtype.h"

uint32_t
packets_draw(struct packets *p, uint32_t limit)		/* splitmix64 */
{
	uint64_t z = p->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % limit);
}

static bool
percent(struct packets *p, unsigned n)
{
	return packets_draw(p, 100) < n;
}

static size_t
put_random(struct packets *p, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)packets_draw(p, 256);
	return n;
}

/* --- messages as they should be --- */

static void
draw_name(struct packets *p, struct dname *name)
{
	static const char *const labels[] = { "\1a", "\3www", "\1*", "\4deep", "\2ns" };
	struct dname old = p->names[packets_draw(p, (uint32_t)p->nnames)];

	*name = old;
	if (percent(p, 30))
		dname_join(name, (const uint8_t *)labels[packets_draw(p, 5)], 1, old.octets);
}

static uint16_t
draw_type(struct packets *p)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA, TYPE_NS, TYPE_SOA, TYPE_MX, TYPE_TXT, TYPE_SRV, TYPE_CNAME,
		TYPE_DNAME, TYPE_DS, TYPE_ANY, TYPE_RRSIG, TYPE_NSEC, TYPE_DNSKEY, TYPE_TLSA, TYPE_HTTPS, TYPE_AXFR,
		TYPE_IXFR, TYPE_OPT, TYPE_TSIG, TYPE_TKEY, 0, 65280 };

	return types[packets_draw(p, sizeof types / sizeof types[0])];
}

static void
put_options(struct packets *p, struct wr *w)
{
	size_t at = wr_len(w);

	for (unsigned n = packets_draw(p, 4); n > 0; n--) {
		uint8_t octets[40];
		uint16_t size = (uint16_t)packets_draw(p, sizeof octets);

		wr_u16(w, (uint16_t)packets_draw(p, percent(p, 90) ? 20 : 65536));
		wr_u16(w, size);
		wr_octets(w, octets, put_random(p, octets, size));
	}
	wr_patch_u16(w, at - 2, (uint16_t)(wr_len(w) - at));
}

static void
put_opt(struct packets *p, struct wr *w)
{
	wr_u8(w, 0);
	wr_u16(w, TYPE_OPT);
	wr_u16(w, (uint16_t)packets_draw(p, percent(p, 50) ? 4096 : 65536));
	wr_u32(w, (percent(p, 50) ? 0x8000 : 0) | (percent(p, 5) ? packets_draw(p, 256) << 16 : 0));
	wr_u16(w, 0);
	put_options(p, w);
}

static size_t
put_query(struct packets *p, uint8_t *out)
{
	struct question q = { .qtype = draw_type(p), .qclass = percent(p, 97) ? CLASS_IN : CLASS_CH };
	bool edns = percent(p, 60);
	struct wr w;

	draw_name(p, &q.qname);
	wr_init(&w, out, PACKET_MAX);
	msg_header_write(&w, &(struct msg_header){ (uint16_t)packets_draw(p, 65536),
	    percent(p, 95) ? 0 : OPCODE_NOTIFY << 11 | FLAG_AA, 1, 0, 0, edns });
	question_write(&w, &q);
	if (edns)
		put_opt(p, &w);
	return wr_len(&w);
}

/* Prerequisites and updates, some of which can be done. */
static size_t
put_update(struct packets *p, uint8_t *out)
{
	static const uint16_t types[] = { TYPE_A, TYPE_TXT, TYPE_ANY, TYPE_CNAME, TYPE_SOA, TYPE_NS, TYPE_TLSA,
	    TYPE_OPT };
	static const uint16_t classes[] = { CLASS_IN, CLASS_IN, CLASS_IN, CLASS_ANY, CLASS_NONE };
	unsigned prerequisites = packets_draw(p, 3), updates = packets_draw(p, 5);
	struct question zone = { .qname = p->zone, .qtype = TYPE_SOA, .qclass = CLASS_IN };
	struct wr w;

	wr_init(&w, out, PACKET_MAX);
	msg_header_write(&w, &(struct msg_header){ (uint16_t)packets_draw(p, 65536), OPCODE_UPDATE << 11, 1,
	    (uint16_t)prerequisites, (uint16_t)updates, 0 });
	question_write(&w, &zone);
	for (unsigned i = prerequisites + updates; i > 0; i--) {
		uint8_t label[] = { 1, (uint8_t)('a' + packets_draw(p, 8)), 0 }, rdata[64];
		uint16_t n = percent(p, 60) ? 4 : (uint16_t)packets_draw(p, sizeof rdata);
		struct dname owner;

		dname_join(&owner, label, 1, p->zone.octets);
		wr_dname(&w, owner.octets);
		wr_u16(&w, types[packets_draw(p, 8)]);
		wr_u16(&w, classes[packets_draw(p, 5)]);
		wr_u32(&w, percent(p, 50) ? 0 : packets_draw(p, 86400));
		wr_u16(&w, n);
		wr_octets(&w, rdata, put_random(p, rdata, n));
	}
	return wr_len(&w);
}

static size_t
sign(struct packets *p, int64_t now_s, uint8_t *out, size_t n)
{
	struct tsig_exchange x;
	size_t signed_n = tsig_sign_request(p->key, out, n, PACKET_MAX, now_s, &x);

	tsig_exchange_clear(&x);
	return signed_n > 0 ? signed_n : n;
}

/* --- and as they should not be --- */

static void
change_octets(struct packets *p, uint8_t *out, size_t n)
{
	for (unsigned i = 1 + packets_draw(p, 4); i > 0 && n > 0; i--) {
		uint8_t *octet = &out[packets_draw(p, (uint32_t)n)];

		switch (packets_draw(p, 4)) {
		case 0:		*octet ^= (uint8_t)(1 << packets_draw(p, 8)); break;
		case 1:		*octet = 0xc0; break;	/* a pointer where none was */
		case 2:		*octet = 0xff; break;
		default:	*octet = (uint8_t)packets_draw(p, 256); break;
		}
	}
}

static size_t
mutate(struct packets *p, uint8_t *out, size_t n)
{
	size_t from, to;

	switch (packets_draw(p, 7)) {
	case 0:					/* cut */
		return packets_draw(p, (uint32_t)n + 1);
	case 1:					/* more behind it */
		return n + put_random(p, out + n, packets_draw(p, 1 + (uint32_t)(PACKET_MAX - n) / 8));
	case 2:					/* other counts */
		out[4 + packets_draw(p, 8)] = (uint8_t)packets_draw(p, percent(p, 50) ? 3 : 256);
		return n;
	case 3:					/* a piece goes elsewhere */
		from = packets_draw(p, (uint32_t)n);
		to = packets_draw(p, (uint32_t)n);
		memmove(out + to, out + from, n - (from > to ? from : to));
		return n;
	case 4:					/* other flags, another opcode */
		out[2 + packets_draw(p, 2)] = (uint8_t)packets_draw(p, 256);
		return n;
	default:
		change_octets(p, out, n);
		return n;
	}
}

size_t
packets_next(struct packets *p, int64_t now_s, uint8_t *out)
{
	unsigned what = packets_draw(p, 1000);
	size_t n;

	if (what < 100)
		return put_random(p, out, packets_draw(p, percent(p, 90) ? 64 : PACKET_MAX));
	n = what < 800 ? put_query(p, out) : put_update(p, out);
	if (percent(p, 80))
		n = mutate(p, out, n);
	/* Signed as it is, it goes the whole way; changed behind the signature, it does not. */
	if (p->key != NULL && n >= MSG_HEADER_SIZE && percent(p, 10)) {
		n = sign(p, now_s, out, n);
		if (percent(p, 70))
			n = mutate(p, out, n);
	}
	return n;
}
