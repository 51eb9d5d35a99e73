/* wire/rrtype.h -- the RR types: numbers, mnemonics, and what their rdata is made of. */
#ifndef WIRE_RRTYPE_H
#define WIRE_RRTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rrtype {
	TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_NULL = 10, TYPE_PTR = 12, TYPE_HINFO = 13,
	TYPE_MX = 15, TYPE_TXT = 16, TYPE_SIG = 24, TYPE_KEY = 25, TYPE_AAAA = 28, TYPE_NXT = 30, TYPE_SRV = 33,
	TYPE_NAPTR = 35, TYPE_DNAME = 39, TYPE_OPT = 41, TYPE_DS = 43, TYPE_RRSIG = 46, TYPE_NSEC = 47,
	TYPE_DNSKEY = 48, TYPE_NSEC3 = 50, TYPE_NSEC3PARAM = 51, TYPE_TLSA = 52, TYPE_SMIMEA = 53, TYPE_CDS = 59,
	TYPE_CDNSKEY = 60, TYPE_ZONEMD = 63, TYPE_SVCB = 64, TYPE_HTTPS = 65, TYPE_TKEY = 249, TYPE_TSIG = 250,
	TYPE_IXFR = 251, TYPE_AXFR = 252, TYPE_MAILB = 253, TYPE_MAILA = 254, TYPE_ANY = 255, TYPE_URI = 256,
	TYPE_CAA = 257
};

enum rrclass { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };

/* The rdata's fields, one character each, in order:
 *   1 2 4 8   so many octets          a A      an IPv4, an IPv6 address
 *   N         a name that answers may compress (the types of RFC 1035)
 *   n         a name that is never compressed on sending (RFC 3597, section 4)
 *   s S       a character-string; one or more up to the end
 *   b B       octets up to the end, perhaps none; at least one
 *   t         type bitmaps (RFC 4034, section 4.1.2)
 *   h         octets behind a one-octet length (salt, hash)
 *   v         SvcParams (RFC 9460, section 2.2)
 *   g         IPSECKEY: precedence, gateway type, algorithm, gateway, key (RFC 4025)
 *   r         AMTRELAY: precedence, type, relay (RFC 8777)
 *   l         APL items (RFC 3123)    p        HIP (RFC 8005)     6       A6 (RFC 2874) */
struct rrtype_info {
	uint16_t type;
	const char *mnemonic;
	const char *fields;
};

/* NULL for a type we have no entry for. */
const struct rrtype_info *rrtype_info(uint16_t type);
const struct rrtype_info *rrtype_by_index(size_t i);	/* NULL behind the last */

/* "TLSA" or "TYPE52" (RFC 3597, section 5), in any letter case; false: neither. */
bool rrtype_parse(const char *text, size_t n, uint16_t *out);

#define RRTYPE_TEXT_MAX 16
char *rrtype_print(uint16_t type, char text[RRTYPE_TEXT_MAX]);

/* Meta-types and qtypes (RFC 6895, section 3.1): never data of a zone. */
static inline bool
rrtype_is_meta(uint16_t type)
{
	return type == 0 || type == TYPE_OPT || (type >= 128 && type <= 255);
}

/* Types that may stand beside a CNAME or are made by a signer (RFC 4034, RFC 4035 section 2.5). */
bool rrtype_is_dnssec_meta(uint16_t type);

#endif
