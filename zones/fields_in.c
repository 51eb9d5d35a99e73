#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/encoding.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/fields.h"

const struct field_name field_algorithms[] = {	/* RFC 4034, appendix A.1, and its registry */
	{ "RSAMD5", 1 }, { "DH", 2 }, { "DSA", 3 }, { "ECC", 4 }, { "RSASHA1", 5 }, { "DSA-NSEC3-SHA1", 6 },
	{ "NSEC3DSA", 6 }, { "RSASHA1-NSEC3-SHA1", 7 }, { "NSEC3RSASHA1", 7 }, { "RSASHA256", 8 }, { "RSASHA512", 10 },
	{ "ECC-GOST", 12 }, { "ECCGOST", 12 }, { "ECDSAP256SHA256", 13 }, { "ECDSAP384SHA384", 14 }, { "ED25519", 15 },
	{ "ED448", 16 }, { "INDIRECT", 252 }, { "PRIVATEDNS", 253 }, { "PRIVATEOID", 254 }, { NULL, 0 }
};
const struct field_name field_digests[] = {
	{ "SHA-1", 1 }, { "SHA1", 1 }, { "SHA-256", 2 }, { "SHA256", 2 }, { "GOST", 3 }, { "SHA-384", 4 },
	{ "SHA384", 4 }, { NULL, 0 }
};
const struct field_name field_cert_types[] = {	/* RFC 4398, section 2.1 */
	{ "PKIX", 1 }, { "SPKI", 2 }, { "PGP", 3 }, { "IPKIX", 4 }, { "ISPKI", 5 }, { "IPGP", 6 }, { "ACPKIX", 7 },
	{ "IACPKIX", 8 }, { "URI", 253 }, { "OID", 254 }, { NULL, 0 }
};
const struct field_name field_schemes[] = { { "NOTIFY", 1 }, { NULL, 0 } };	/* RFC 9859, section 2.1 */

bool
field_fail(struct field_in *in, const char *expected)
{
	char found[TOKEN_TEXT_MAX];

	in->bad = in->i;
	in->err = ERR_FORMAT;
	fault_set(in->f, in->err, "expected %s, found %s", expected,
	    in->i < in->n ? token_print(&in->v[in->i], found) : "the end of the line");
	return false;
}

bool
field_nomem(struct field_in *in)
{
	in->err = fault_set(in->f, ERR_NOMEM, "out of memory");
	return false;
}

const struct token *
field_token(struct field_in *in, const char *expected)
{
	if (in->i < in->n && !in->v[in->i].quoted)
		return &in->v[in->i];
	field_fail(in, expected);
	return NULL;
}

bool
field_put(struct field_in *in, const void *octets, size_t n)
{
	if (n > RDATA_MAX - in->used) {
		field_fail(in, "at most 65535 octets of rdata");
		in->err = ERR_RANGE;
		return false;
	}
	if (n > 0)
		memcpy(in->out + in->used, octets, n);
	in->used += n;
	return true;
}

static bool
put_number(struct field_in *in, uint64_t v, unsigned size)
{
	uint8_t octets[8];

	for (unsigned i = 0; i < size; i++)
		octets[i] = (uint8_t)(v >> 8 * (size - 1 - i));
	return field_put(in, octets, size);
}

static uint64_t
number_max(unsigned size)
{
	return (UINT64_C(1) << 8 * size) - 1;
}

bool
field_number_in(struct field_in *in, unsigned size)
{
	const char *expected = size == 1 ? "a number from 0 to 255" : size == 2 ? "a number from 0 to 65535" :
	    "a number from 0 to 4294967295";
	const struct token *t = field_token(in, expected);
	uint64_t v;

	if (t == NULL)
		return false;
	if (!token_number(t, number_max(size), &v))
		return field_fail(in, expected);
	in->i++;
	return put_number(in, v, size);
}

bool
field_named_in(struct field_in *in, unsigned size, const struct field_name *names, const char *expected)
{
	const struct token *t = field_token(in, expected);
	uint64_t v;

	if (t == NULL)
		return false;
	if (!token_number(t, number_max(size), &v)) {
		while (names->name != NULL && !token_is(t, names->name))
			names++;
		if (names->name == NULL)
			return field_fail(in, expected);
		v = names->value;
	}
	in->i++;
	return put_number(in, v, size);
}

bool
field_period_in(struct field_in *in)
{
	const char *expected = "a time in seconds, or with units like 1h30m";
	const struct token *t = field_token(in, expected);
	uint32_t v;

	if (t == NULL)
		return false;
	if (!token_period(t, &v))
		return field_fail(in, expected);
	in->i++;
	return put_number(in, v, 4);
}

static bool
parse_date(const struct token *t, uint64_t *out)
{
	unsigned part[6];
	struct tm tm = { 0 };
	time_t time;

	for (size_t i = 0, at = 0; i < 6; i++) {
		struct token digits = { .p = t->p + at, .n = i == 0 ? 4 : 2 };
		uint64_t v;

		if (!token_number(&digits, 9999, &v))
			return false;
		part[i] = (unsigned)v;
		at += digits.n;
	}
	if (part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 || part[3] > 23 ||
	    part[4] > 59 || part[5] > 60)
		return false;
	tm.tm_year = (int)part[0] - 1900;
	tm.tm_mon = (int)part[1] - 1;
	tm.tm_mday = (int)part[2];
	tm.tm_hour = (int)part[3];
	tm.tm_min = (int)part[4];
	tm.tm_sec = (int)part[5];
	time = timegm(&tm);
	*out = (uint64_t)time & UINT32_MAX;	/* serial arithmetic: RFC 4034, section 3.1.5 */
	return true;
}

bool
field_time_in(struct field_in *in)
{
	const char *expected = "a time as YYYYMMDDHHmmSS or in seconds since 1970";
	const struct token *t = field_token(in, expected);
	uint64_t v;

	if (t == NULL)
		return false;
	if (t->n == 14 ? !parse_date(t, &v) : !token_number(t, UINT32_MAX, &v))
		return field_fail(in, expected);
	in->i++;
	return put_number(in, v, 4);
}

static bool
take_type(struct field_in *in, uint16_t *type)
{
	const struct token *t = field_token(in, "an RR type");

	if (t == NULL)
		return false;
	if (!rrtype_parse(t->p, t->n, type))
		return field_fail(in, "an RR type");
	in->i++;
	return true;
}

bool
field_type_in(struct field_in *in)
{
	uint16_t type;

	return take_type(in, &type) && put_number(in, type, 2);
}

bool
field_types_in(struct field_in *in)
{
	uint8_t bits[8192] = { 0 };

	while (in->i < in->n) {
		uint16_t type;

		if (!take_type(in, &type))
			return false;
		bits[type / 8] |= (uint8_t)(0x80 >> type % 8);
	}
	for (unsigned window = 0; window < 256; window++) {
		uint8_t n = 32, head[2];

		while (n > 0 && bits[window * 32 + n - 1] == 0)
			n--;
		head[0] = (uint8_t)window;
		head[1] = n;
		if (n > 0 && (!field_put(in, head, 2) || !field_put(in, bits + window * 32, n)))
			return false;
	}
	return true;
}

bool
field_old_types_in(struct field_in *in)
{
	uint8_t bits[16] = { 0 };
	size_t n = 0;

	while (in->i < in->n) {
		uint16_t type;

		if (!take_type(in, &type))
			return false;
		if (type == 0 || type > 127) {
			in->i--;
			return field_fail(in, "a type from 1 to 127, which is all that NXT can name");
		}
		bits[type / 8] |= (uint8_t)(0x80 >> type % 8);
		if (n < type / 8u + 1)
			n = type / 8u + 1;
	}
	return field_put(in, bits, n);
}

bool
field_dname_in(struct field_in *in)
{
	const struct token *t = field_token(in, "a domain name");
	struct dname name;
	enum err err;

	if (t == NULL)
		return false;
	if ((err = dname_parse(t->p, t->n, in->origin, &name)) != ERR_OK) {
		field_fail(in, err == ERR_RANGE ?
		    "a domain name of at most 255 octets with labels of at most 63" : "a domain name");
		in->err = err;
		return false;
	}
	in->i++;
	return field_put(in, name.octets, dname_len(name.octets));
}

static bool
take_address(struct field_in *in, int family, size_t size, const char *expected)
{
	const struct token *t = field_token(in, expected);
	uint8_t octets[16];
	char text[64];

	if (t == NULL)
		return false;
	if (t->n >= sizeof text)
		return field_fail(in, expected);
	memcpy(text, t->p, t->n);
	text[t->n] = '\0';
	if (inet_pton(family, text, octets) != 1)
		return field_fail(in, expected);
	in->i++;
	return field_put(in, octets, size);
}

bool
field_ipv4_in(struct field_in *in)
{
	return take_address(in, AF_INET, 4, "an IPv4 address");
}

bool
field_ipv6_in(struct field_in *in)
{
	return take_address(in, AF_INET6, 16, "an IPv6 address");
}

/* The octets of the next token, at most max of them. */
static bool
put_text(struct field_in *in, size_t max, const char *too_long)
{
	const struct token *t = &in->v[in->i];
	size_t at = 0, used = in->used;
	uint8_t c;
	bool bad;

	while (token_octet(t, &at, &c, &bad)) {
		if (in->used - used == max)
			return field_fail(in, too_long);
		if (!field_put(in, &c, 1))
			return false;
	}
	if (bad)
		return field_fail(in, "\\DDD with DDD from 000 to 255, or \\ before a character that is no digit");
	in->i++;
	return true;
}

bool
field_string_in(struct field_in *in)
{
	size_t at = in->used;
	uint8_t length = 0;

	if (in->i == in->n)
		return field_fail(in, "a string");
	if (!field_put(in, &length, 1) || !put_text(in, 255, "a string of at most 255 octets"))
		return false;
	in->out[at] = (uint8_t)(in->used - at - 1);
	return true;
}

bool
field_strings_in(struct field_in *in)
{
	do {
		if (!field_string_in(in))
			return false;
	} while (in->i < in->n);
	return true;
}

bool
field_long_string_in(struct field_in *in)
{
	if (in->i == in->n)
		return field_fail(in, "a string");
	return put_text(in, RDATA_MAX, "at most 65535 octets of rdata");
}

bool
field_tag_in(struct field_in *in)
{
	const char *expected = "a tag of 1 to 255 letters and digits";
	const struct token *t = field_token(in, expected);
	uint8_t length;

	if (t == NULL)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		char c = t->p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			return field_fail(in, expected);
	}
	if (t->n > 255)
		return field_fail(in, expected);
	length = (uint8_t)t->n;
	in->i++;
	return field_put(in, &length, 1) && field_put(in, t->p, t->n);
}

/* What is left of the line, decoded as one text: RFC 4034, section 2.2, allows blanks anywhere in it. */
static bool
take_encoded(struct field_in *in, bool (*decode)(const char *, size_t, struct buf *), bool may_be_empty,
    const char *expected)
{
	struct buf text = { 0 }, octets = { 0 };
	size_t first = in->i;
	bool ok = first < in->n || may_be_empty || field_fail(in, expected);

	for (; ok && in->i < in->n; in->i++) {
		const struct token *t = field_token(in, expected);

		if (t == NULL)
			ok = false;
		else
			buf_add(&text, t->p, t->n);
	}
	if (ok && first < in->n && !decode((const char *)text.p, text.len, &octets)) {
		in->i = first;
		ok = field_fail(in, expected);
	}
	ok = ok && field_put(in, octets.p, octets.len);
	if (text.failed || octets.failed)
		ok = field_nomem(in);
	buf_clear(&text);
	buf_clear(&octets);
	return ok;
}

bool
field_hex_in(struct field_in *in, bool may_be_empty)
{
	return take_encoded(in, hex_decode, may_be_empty, "an even number of hexadecimal digits");
}

bool
field_base64_in(struct field_in *in, bool may_be_empty)
{
	return take_encoded(in, base64_decode, may_be_empty, "base64 with its padding");
}

bool
field_salt_in(struct field_in *in)
{
	const char *expected = "a salt: \"-\", or at most 255 octets as hexadecimal digits";
	const struct token *t = field_token(in, expected);
	struct buf octets = { 0 };
	uint8_t length = 0;
	bool ok;

	if (t == NULL)
		return false;
	if (token_is(t, "-")) {
		in->i++;
		return field_put(in, &length, 1);
	}
	if (!hex_decode(t->p, t->n, &octets) || octets.len > 255)
		ok = octets.failed ? field_nomem(in) : field_fail(in, expected);
	else {
		length = (uint8_t)octets.len;
		ok = field_put(in, &length, 1) && field_put(in, octets.p, octets.len);
		in->i++;
	}
	buf_clear(&octets);
	return ok;
}

static int
value32(char c)				/* RFC 4648, section 7 */
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'v')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'V' ? c - 'A' + 10 : -1;
}

bool
field_hash_in(struct field_in *in)
{
	const char *expected = "a hash in base32 with extended hex alphabet, without padding";
	const struct token *t = field_token(in, expected);
	uint8_t octets[256];
	uint32_t v = 0;
	unsigned bits = 0;
	size_t used = 1;

	if (t == NULL)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		int digit = value32(t->p[i]);

		if (digit < 0 || used == sizeof octets)
			return field_fail(in, expected);
		v = v << 5 | (uint32_t)digit;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			octets[used++] = (uint8_t)(v >> bits);
		}
	}
	if (bits >= 5 || (v & ((1u << bits) - 1)) != 0)
		return field_fail(in, expected);
	octets[0] = (uint8_t)(used - 1);
	in->i++;
	return field_put(in, octets, used);
}
