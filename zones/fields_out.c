#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/encoding.h"
#include "wire/rrtype.h"
#include "zones/fields.h"

void
field_blank(struct field_out *out)
{
	if (out->text->len > out->start)
		buf_u8(out->text, ' ');
}

static uint32_t
take_number(struct field_out *out, unsigned size)
{
	return size == 1 ? rd_u8(&out->r) : size == 2 ? rd_u16(&out->r) : rd_u32(&out->r);
}

void
field_number_out(struct field_out *out, unsigned size)
{
	field_blank(out);
	buf_printf(out->text, "%u", take_number(out, size));
}

void
field_time_out(struct field_out *out)
{
	time_t time = rd_u32(&out->r);
	char text[24];
	struct tm tm;

	gmtime_r(&time, &tm);
	strftime(text, sizeof text, "%Y%m%d%H%M%S", &tm);
	field_blank(out);
	buf_add_str(out->text, text);
}

static void
add_type(struct field_out *out, uint16_t type)
{
	char text[RRTYPE_TEXT_MAX];

	field_blank(out);
	buf_add_str(out->text, rrtype_print(type, text));
}

void
field_type_out(struct field_out *out)
{
	add_type(out, rd_u16(&out->r));
}

static void
add_bits(struct field_out *out, unsigned base, const uint8_t *bits, size_t n)
{
	for (unsigned i = 0; i < n * 8; i++) {
		if ((bits[i / 8] & 0x80 >> i % 8) != 0)
			add_type(out, (uint16_t)(base + i));
	}
}

void
field_types_out(struct field_out *out)
{
	while (rd_left(&out->r) > 0) {
		unsigned window = rd_u8(&out->r);
		size_t n = rd_u8(&out->r);
		const uint8_t *bits = rd_take(&out->r, n);

		if (bits != NULL)
			add_bits(out, window * 256, bits, n);
	}
}

void
field_old_types_out(struct field_out *out)
{
	size_t n = rd_left(&out->r);
	const uint8_t *bits = rd_take(&out->r, n);

	add_bits(out, 0, bits, n);
}

char *
field_dname_text(const uint8_t *name, const uint8_t *origin, char text[DNAME_TEXT_MAX])
{
	unsigned n = dname_labels(name), m = origin == NULL ? 0 : dname_labels(origin);
	struct dname prefix;
	const uint8_t *suffix;
	size_t len;

	if (m == 0 || n < m)
		return dname_print(name, text);
	suffix = dname_skip(name, n - m);
	if (dname_len(suffix) != dname_len(origin) || memcmp(suffix, origin, dname_len(origin)) != 0)
		return dname_print(name, text);
	if (n == m)
		return strcpy(text, "@");
	len = (size_t)(suffix - name);
	memcpy(prefix.octets, name, len);
	prefix.octets[len] = 0;
	return dname_print_host(prefix.octets, text);
}

void
field_dname_out(struct field_out *out)
{
	char text[DNAME_TEXT_MAX];
	struct dname name;

	out->r.start = out->r.p;		/* stored rdata holds no pointers */
	rd_dname(&out->r, &name);
	field_blank(out);
	buf_add_str(out->text, field_dname_text(name.octets, out->origin, text));
}

void
field_ipv4_out(struct field_out *out)
{
	const uint8_t *p = rd_take(&out->r, 4);
	char text[INET_ADDRSTRLEN];

	field_blank(out);
	if (p != NULL)
		buf_add_str(out->text, inet_ntop(AF_INET, p, text, sizeof text));
}

void
field_ipv6_out(struct field_out *out)
{
	const uint8_t *p = rd_take(&out->r, 16);
	char text[INET6_ADDRSTRLEN];

	field_blank(out);
	if (p != NULL)
		buf_add_str(out->text, inet_ntop(AF_INET6, p, text, sizeof text));
}

void
field_quoted_out(struct field_out *out, const uint8_t *octets, size_t n)
{
	buf_u8(out->text, '"');
	for (size_t i = 0; i < n; i++) {
		if (octets[i] < 0x20 || octets[i] >= 0x7f) {
			buf_printf(out->text, "\\%03u", octets[i]);
			continue;
		}
		if (octets[i] == '"' || octets[i] == '\\')
			buf_u8(out->text, '\\');
		buf_u8(out->text, octets[i]);
	}
	buf_u8(out->text, '"');
}

void
field_string_out(struct field_out *out)
{
	size_t n = rd_u8(&out->r);
	const uint8_t *p = rd_take(&out->r, n);

	field_blank(out);
	if (p != NULL)
		field_quoted_out(out, p, n);
}

void
field_strings_out(struct field_out *out)
{
	while (rd_left(&out->r) > 0)
		field_string_out(out);
}

void
field_long_string_out(struct field_out *out)
{
	size_t n = rd_left(&out->r);

	field_blank(out);
	field_quoted_out(out, rd_take(&out->r, n), n);
}

void
field_tag_out(struct field_out *out)
{
	size_t n = rd_u8(&out->r);
	const uint8_t *p = rd_take(&out->r, n);

	field_blank(out);
	for (size_t i = 0; i < n && p != NULL; i++) {
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z')))
			out->odd = true;
	}
	if (p == NULL || n == 0)
		out->odd = true;
	else
		buf_add(out->text, p, n);
}

void
field_hex_out(struct field_out *out)
{
	size_t n = rd_left(&out->r);

	if (n > 0) {
		field_blank(out);
		hex_encode(rd_take(&out->r, n), n, out->text);
	}
}

void
field_base64_out(struct field_out *out)
{
	size_t n = rd_left(&out->r);

	if (n > 0) {
		field_blank(out);
		base64_encode(rd_take(&out->r, n), n, out->text);
	}
}

void
field_salt_out(struct field_out *out)
{
	size_t n = rd_u8(&out->r);
	const uint8_t *p = rd_take(&out->r, n);

	field_blank(out);
	if (p == NULL || n == 0)
		buf_u8(out->text, '-');
	else
		hex_encode(p, n, out->text);
}

void
field_hash_out(struct field_out *out)
{
	size_t n = rd_u8(&out->r);
	const uint8_t *p = rd_take(&out->r, n);
	uint32_t v = 0;
	unsigned bits = 0;

	field_blank(out);
	if (n == 0)
		out->odd = true;
	for (size_t i = 0; p != NULL && i < n; i++) {
		v = v << 8 | p[i];
		for (bits += 8; bits >= 5; bits -= 5)
			buf_u8(out->text, (uint8_t)"0123456789abcdefghijklmnopqrstuv"[v >> (bits - 5) & 31]);
	}
	if (bits > 0)
		buf_u8(out->text, (uint8_t)"0123456789abcdefghijklmnopqrstuv"[v << (5 - bits) & 31]);
}
