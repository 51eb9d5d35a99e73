/* The types whose rdata is more than a row of simple fields. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "zones/forms.h"

/* One token's octets, escapes left alone, as a C string. */
static bool
token_text(const struct token *t, char *text, size_t size)
{
	if (t->n >= size || memchr(t->p, '\0', t->n) != NULL)
		return false;
	memcpy(text, t->p, t->n);
	text[t->n] = '\0';
	return true;
}

static bool
put_u8(struct field_in *in, uint8_t v)
{
	return field_put(in, &v, 1);
}

static bool
put_u16(struct field_in *in, uint16_t v)
{
	return put_u8(in, (uint8_t)(v >> 8)) && put_u8(in, (uint8_t)v);
}

bool
apl_in(struct field_in *in)
{
	const char *expected = "an address prefix like 1:192.0.2.0/24 or !2:2001:db8::/32";

	for (; in->i < in->n; in->i++) {
		const struct token *t = field_token(in, expected);
		char text[80], *p = text, *colon, *slash;
		uint8_t address[16];
		struct token prefix_text;
		uint64_t prefix;
		bool no = false, six;
		uint8_t n;

		if (t == NULL)
			return false;
		if (!token_text(t, text, sizeof text))
			return field_fail(in, expected);
		if (*p == '!') {
			no = true;
			p++;
		}
		if ((colon = strchr(p, ':')) == NULL || (slash = strchr(colon, '/')) == NULL || colon != p + 1 ||
		    (*p != '1' && *p != '2'))
			return field_fail(in, expected);
		six = *p == '2';
		*slash = '\0';
		prefix_text = (struct token){ .p = slash + 1, .n = strlen(slash + 1) };
		if (inet_pton(six ? AF_INET6 : AF_INET, colon + 1, address) != 1 ||
		    !token_number(&prefix_text, six ? 128 : 32, &prefix))
			return field_fail(in, expected);
		for (n = six ? 16 : 4; n > 0 && address[n - 1] == 0; n--)
			;
		if (!put_u16(in, six ? 2 : 1) || !put_u8(in, (uint8_t)prefix) ||
		    !put_u8(in, (uint8_t)((no ? 0x80 : 0) | n)) || !field_put(in, address, n))
			return false;
	}
	return true;
}

void
apl_out(struct field_out *out)
{
	while (rd_left(&out->r) > 0 && !out->odd) {
		unsigned family = rd_u16(&out->r), prefix = rd_u8(&out->r), length = rd_u8(&out->r);
		const uint8_t *p = rd_take(&out->r, length & 0x7f);
		uint8_t address[16] = { 0 };
		char text[INET6_ADDRSTRLEN];

		if (p == NULL || (family != 1 && family != 2) || (length & 0x7f) > (family == 1 ? 4 : 16) ||
		    ((length & 0x7f) > 0 && p[(length & 0x7f) - 1] == 0)) {
			out->odd = true;
			return;
		}
		memcpy(address, p, length & 0x7f);
		field_blank(out);
		buf_printf(out->text, "%s%u:%s/%u", (length & 0x80) != 0 ? "!" : "", family,
		    inet_ntop(family == 1 ? AF_INET : AF_INET6, address, text, sizeof text), prefix);
	}
}

static bool
protocol_number(const char *text, uint64_t *out)
{
	struct protoent entry, *found = NULL;
	char room[1024];
	struct token t = { .p = text, .n = strlen(text) };

	if (token_number(&t, 255, out))
		return true;
	if (token_is(&t, "tcp") || token_is(&t, "udp")) {
		*out = token_is(&t, "tcp") ? 6 : 17;
		return true;
	}
	if (getprotobyname_r(text, &entry, room, sizeof room, &found) != 0 || found == NULL)
		return false;
	*out = (uint64_t)found->p_proto;
	return *out <= 255;
}

static bool
service_number(const char *text, uint64_t protocol, uint64_t *out)
{
	struct servent entry, *found = NULL;
	char room[1024];
	struct token t = { .p = text, .n = strlen(text) };

	if (token_number(&t, UINT16_MAX, out))
		return true;
	if (getservbyname_r(text, protocol == 6 ? "tcp" : protocol == 17 ? "udp" : NULL, &entry, room, sizeof room,
	    &found) != 0 || found == NULL)
		return false;
	*out = ntohs((uint16_t)found->s_port);
	return true;
}

bool
wks_in(struct field_in *in)
{
	const struct token *t;
	uint8_t bits[8192] = { 0 };
	uint64_t protocol, port;
	char text[64];
	size_t n = 0;

	if (!field_ipv4_in(in) || (t = field_token(in, "a protocol, by number or name")) == NULL)
		return false;
	if (!token_text(t, text, sizeof text) || !protocol_number(text, &protocol))
		return field_fail(in, "a protocol, by number or name");
	for (in->i++; in->i < in->n; in->i++) {
		if ((t = field_token(in, "a service, by number or name")) == NULL)
			return false;
		if (!token_text(t, text, sizeof text) || !service_number(text, protocol, &port))
			return field_fail(in, "a service, by number or name");
		bits[port / 8] |= (uint8_t)(0x80 >> port % 8);
		if (n < port / 8 + 1)
			n = port / 8 + 1;
	}
	return put_u8(in, (uint8_t)protocol) && field_put(in, bits, n);
}

void
wks_out(struct field_out *out)
{
	size_t n;
	const uint8_t *bits;

	field_ipv4_out(out);
	field_number_out(out, 1);
	n = rd_left(&out->r);
	bits = rd_take(&out->r, n);
	if (n > 8192 || (n > 0 && bits[n - 1] == 0)) {
		out->odd = true;
		return;
	}
	for (size_t port = 0; port < n * 8; port++) {
		if ((bits[port / 8] & 0x80 >> port % 8) != 0)
			buf_printf(out->text, " %zu", port);
	}
}

/* Hexadecimal digits, dots between them passed over. */
static bool
put_dotted_hex(struct field_in *in, const char *p, size_t n, const char *expected)
{
	struct buf digits = { 0 }, octets = { 0 };
	bool ok;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '.')
			buf_u8(&digits, (uint8_t)p[i]);
	}
	if (digits.failed || digits.len == 0 || !hex_decode((const char *)digits.p, digits.len, &octets))
		ok = digits.failed || octets.failed ? field_nomem(in) : field_fail(in, expected);
	else {
		in->i++;
		ok = field_put(in, octets.p, octets.len);
	}
	buf_clear(&digits);
	buf_clear(&octets);
	return ok;
}

bool
nsap_in(struct field_in *in)
{
	const char *expected = "an NSAP address, 0x and hexadecimal digits with dots";
	const struct token *t = field_token(in, expected);

	if (t == NULL)
		return false;
	if (t->n < 2 || t->p[0] != '0' || (t->p[1] != 'x' && t->p[1] != 'X'))
		return field_fail(in, expected);
	return put_dotted_hex(in, t->p + 2, t->n - 2, expected);
}

void
nsap_out(struct field_out *out)
{
	size_t n = rd_left(&out->r);

	field_blank(out);
	buf_add_str(out->text, "0x");
	hex_encode(rd_take(&out->r, n), n, out->text);
}

bool
atma_in(struct field_in *in)
{
	const char *expected = "an ATM address, hexadecimal digits with dots or + and decimal digits";
	const struct token *t = field_token(in, expected);
	size_t digits = 0;

	if (t == NULL)
		return false;
	if (t->p[0] != '+')
		return put_u8(in, 0) && put_dotted_hex(in, t->p, t->n, expected);
	if (!put_u8(in, 1))
		return false;
	for (size_t i = 1; i < t->n; i++) {
		if (t->p[i] == '.')
			continue;
		if (t->p[i] < '0' || t->p[i] > '9')
			return field_fail(in, expected);
		if (!put_u8(in, (uint8_t)t->p[i]))
			return false;
		digits++;
	}
	if (digits == 0)
		return field_fail(in, expected);
	in->i++;
	return true;
}

void
atma_out(struct field_out *out)
{
	uint8_t format = rd_u8(&out->r);
	size_t n = rd_left(&out->r);
	const uint8_t *p = rd_take(&out->r, n);

	field_blank(out);
	if (format == 0) {
		hex_encode(p, n, out->text);
		return;
	}
	buf_u8(out->text, '+');
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			out->odd = true;
		buf_u8(out->text, p[i]);
	}
	if (format != 1)
		out->odd = true;
}

bool
a6_in(struct field_in *in)
{
	const char *expected = "a prefix length from 0 to 128";
	const struct token *t = field_token(in, expected);
	struct field_in address = { 0 };
	uint8_t octets[16];
	uint64_t prefix;

	if (t == NULL)
		return false;
	if (!token_number(t, 128, &prefix))
		return field_fail(in, expected);
	in->i++;
	if (!put_u8(in, (uint8_t)prefix))
		return false;
	if (prefix < 128) {
		address = *in;
		address.out = octets;
		address.used = 0;
		if (!field_ipv6_in(&address)) {
			in->err = address.err;
			in->bad = address.bad;
			return false;
		}
		in->i++;
		/* RFC 2874, section 3.1.1: the leading bits are 0. */
		octets[prefix / 8] &= (uint8_t)(0xff >> prefix % 8);
		if (!field_put(in, octets + prefix / 8, (size_t)(16 - prefix / 8)))
			return false;
	}
	return prefix == 0 || field_dname_in(in);
}

void
a6_out(struct field_out *out)
{
	uint8_t prefix = rd_u8(&out->r), address[16] = { 0 };
	const uint8_t *p;
	char text[INET6_ADDRSTRLEN];

	field_blank(out);
	buf_printf(out->text, "%u", prefix);
	if (prefix < 128) {
		size_t n = (size_t)(16 - prefix / 8);

		if ((p = rd_take(&out->r, n)) == NULL || (p[0] & ~(0xff >> prefix % 8) & 0xff) != 0) {
			out->odd = true;
			return;
		}
		memcpy(address + prefix / 8, p, n);
		buf_printf(out->text, " %s", inet_ntop(AF_INET6, address, text, sizeof text));
	}
	if (prefix > 0)
		field_dname_out(out);
}

/* One token of base64 or hex, into octets. */
static bool
take_blob(struct field_in *in, bool (*decode)(const char *, size_t, struct buf *), size_t max, const char *expected,
    struct buf *octets)
{
	const struct token *t = field_token(in, expected);

	if (t == NULL)
		return false;
	if (t->n == 0 || !decode(t->p, t->n, octets) || octets->len > max || octets->len == 0)
		return octets->failed ? field_nomem(in) : field_fail(in, expected);
	in->i++;
	return true;
}

bool
hip_in(struct field_in *in)
{
	const char *expected = "a public key algorithm from 0 to 255";
	const struct token *t = field_token(in, expected);
	struct buf hit = { 0 }, key = { 0 };
	uint64_t algorithm;
	bool ok;

	if (t == NULL)
		return false;
	if (!token_number(t, 255, &algorithm))
		return field_fail(in, expected);
	in->i++;
	ok = take_blob(in, hex_decode, 255, "a host identity tag of 1 to 255 octets as hexadecimal digits", &hit) &&
	    take_blob(in, base64_decode, UINT16_MAX, "a public key as base64 without blanks", &key) &&
	    put_u8(in, (uint8_t)hit.len) && put_u8(in, (uint8_t)algorithm) && put_u16(in, (uint16_t)key.len) &&
	    field_put(in, hit.p, hit.len) && field_put(in, key.p, key.len);
	buf_clear(&hit);
	buf_clear(&key);
	while (ok && in->i < in->n)
		ok = field_dname_in(in);
	return ok;
}

void
hip_out(struct field_out *out)
{
	size_t hit = rd_u8(&out->r), key;
	unsigned algorithm = rd_u8(&out->r);
	const uint8_t *p;

	key = rd_u16(&out->r);
	field_blank(out);
	buf_printf(out->text, "%u ", algorithm);
	if ((p = rd_take(&out->r, hit)) != NULL)
		hex_encode(p, hit, out->text);
	buf_u8(out->text, ' ');
	if ((p = rd_take(&out->r, key)) != NULL)
		base64_encode(p, key, out->text);
	while (rd_left(&out->r) > 0)
		field_dname_out(out);
}

/* Gateway (IPSECKEY) or relay (AMTRELAY): what stands there depends on kind. */
static bool
gateway_in(struct field_in *in, uint8_t kind)
{
	switch (kind) {
	case 0:
		if (in->i == in->n || !token_is(&in->v[in->i], "."))
			return field_fail(in, "\".\", for there is none by its type 0");
		in->i++;
		return true;
	case 1:
		return field_ipv4_in(in);
	case 2:
		return field_ipv6_in(in);
	case 3:
		return field_dname_in(in);
	default:
		in->i--;
		return field_fail(in, "a type from 0 to 3");
	}
}

static void
gateway_out(struct field_out *out, uint8_t kind)
{
	switch (kind) {
	case 0:
		field_blank(out);
		buf_u8(out->text, '.');
		break;
	case 1:
		field_ipv4_out(out);
		break;
	case 2:
		field_ipv6_out(out);
		break;
	case 3:
		field_dname_out(out);
		break;
	default:
		out->odd = true;
		break;
	}
}

bool
ipseckey_in(struct field_in *in)
{
	size_t start = in->used;
	uint8_t kind;

	if (!field_number_in(in, 1) || !field_number_in(in, 1))
		return false;
	kind = in->out[start + 1];
	if (kind > 3)
		return gateway_in(in, kind);
	/* RFC 4025, section 2.4: algorithm 0 says that there is no key. */
	return field_number_in(in, 1) && gateway_in(in, kind) && field_base64_in(in, in->out[start + 2] == 0);
}

void
ipseckey_out(struct field_out *out)
{
	uint8_t kind = out->r.p[1], algorithm = out->r.p[2];

	field_number_out(out, 1);
	field_number_out(out, 1);
	field_number_out(out, 1);
	gateway_out(out, kind);
	if (rd_left(&out->r) == 0 && algorithm != 0)
		out->odd = true;
	field_base64_out(out);
}

bool
amtrelay_in(struct field_in *in)
{
	const struct token *t;
	uint64_t discovery, kind;

	if (!field_number_in(in, 1) || (t = field_token(in, "0 or 1, the discovery bit")) == NULL)
		return false;
	if (!token_number(t, 1, &discovery))
		return field_fail(in, "0 or 1, the discovery bit");
	in->i++;
	if ((t = field_token(in, "a relay type from 0 to 3")) == NULL)
		return false;
	if (!token_number(t, 3, &kind))
		return field_fail(in, "a relay type from 0 to 3");
	in->i++;
	return put_u8(in, (uint8_t)(discovery << 7 | kind)) && gateway_in(in, (uint8_t)kind);
}

void
amtrelay_out(struct field_out *out)
{
	uint8_t kind;

	field_number_out(out, 1);
	kind = rd_u8(&out->r);
	buf_printf(out->text, " %u %u", kind >> 7, kind & 0x7f);
	gateway_out(out, kind & 0x7f);
}

bool
locator_in(struct field_in *in)
{
	const char *expected = "64 bits as four groups of one to four hexadecimal digits, like 2001:db8:1140:1000";
	const struct token *t = field_token(in, expected);
	unsigned groups[4] = { 0 };
	char text[24], rest;

	if (t == NULL)
		return false;
	if (!token_text(t, text, sizeof text) || strspn(text, "0123456789abcdefABCDEF:") != t->n ||
	    sscanf(text, "%4x:%4x:%4x:%4x%c", &groups[0], &groups[1], &groups[2], &groups[3], &rest) != 4)
		return field_fail(in, expected);
	in->i++;
	for (size_t i = 0; i < 4; i++) {
		if (!put_u16(in, (uint16_t)groups[i]))
			return false;
	}
	return true;
}

void
locator_out(struct field_out *out)
{
	field_blank(out);
	for (int i = 0; i < 4; i++)
		buf_printf(out->text, "%s%x", i > 0 ? ":" : "", rd_u16(&out->r));
}

bool
eui_in(struct field_in *in, unsigned size)
{
	const char *expected = size == 6 ? "six octets like 00-00-5e-00-53-2a" :
	    "eight octets like 00-00-5e-ef-10-00-00-2a";
	const struct token *t = field_token(in, expected);
	struct buf octets = { 0 };
	bool ok = t != NULL;

	if (!ok)
		return false;
	ok = t->n == 3 * size - 1;
	for (unsigned i = 0; ok && i < size; i++)
		ok = hex_decode(t->p + 3 * i, 2, &octets) && (i == size - 1 || t->p[3 * i + 2] == '-');
	if (ok) {
		in->i++;
		ok = field_put(in, octets.p, octets.len);
	} else if (octets.failed)
		field_nomem(in);
	else
		field_fail(in, expected);
	buf_clear(&octets);
	return ok;
}

void
eui_out(struct field_out *out, unsigned size)
{
	field_blank(out);
	for (unsigned i = 0; i < size; i++)
		buf_printf(out->text, "%s%02x", i > 0 ? "-" : "", rd_u8(&out->r));
}

bool
doa_in(struct field_in *in)
{
	if (in->n == in->i + 1 && token_is(&in->v[in->i], "-")) {
		in->i++;
		return true;
	}
	return field_base64_in(in, false);
}

void
doa_out(struct field_out *out)
{
	if (rd_left(&out->r) > 0)
		field_base64_out(out);
	else {
		field_blank(out);
		buf_u8(out->text, '-');
	}
}
