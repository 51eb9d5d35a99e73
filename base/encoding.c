#include "base/encoding.h"

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
encode64(const uint8_t *p, size_t n, const char *alphabet, bool pad, struct buf *out)
{
	for (; n > 0; ) {
		size_t take = n < 3 ? n : 3;
		uint32_t v = (uint32_t)p[0] << 16 | (take > 1 ? (uint32_t)p[1] << 8 : 0) | (take > 2 ? p[2] : 0);

		for (size_t i = 0; i < 4; i++) {
			if (i <= take)
				buf_u8(out, (uint8_t)alphabet[v >> (18 - 6 * i) & 63]);
			else if (pad)
				buf_u8(out, '=');
		}
		p += take;
		n -= take;
	}
}

void
base64_encode(const uint8_t *octets, size_t n, struct buf *out)
{
	encode64(octets, n, plain, true, out);
}

void
base64url_encode(const uint8_t *octets, size_t n, struct buf *out)
{
	encode64(octets, n, url, false, out);
}

static int
value64(char c, const char *alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : -1;
}

static bool
decode64(const char *text, size_t n, const char *alphabet, struct buf *out)
{
	uint32_t v = 0;
	unsigned bits = 0;

	if (n % 4 == 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = value64(text[i], alphabet);

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_u8(out, (uint8_t)(v >> bits));
		}
	}
	return (v & ((1u << bits) - 1)) == 0 && !out->failed;
}

bool
base64_decode(const char *text, size_t n, struct buf *out)
{
	if (n % 4 != 0)
		return false;
	for (int pad = 0; pad < 2 && n > 0 && text[n - 1] == '='; pad++)
		n--;
	return decode64(text, n, plain, out);
}

bool
base64url_decode(const char *text, size_t n, struct buf *out)
{
	return decode64(text, n, url, out);
}

void
hex_encode(const uint8_t *octets, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_u8(out, (uint8_t)"0123456789abcdef"[octets[i] >> 4]);
		buf_u8(out, (uint8_t)"0123456789abcdef"[octets[i] & 15]);
	}
}

static int
value16(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
hex_decode(const char *text, size_t n, struct buf *out)
{
	if (n % 2 != 0)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int high = value16(text[i]), low = value16(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		buf_u8(out, (uint8_t)(high << 4 | low));
	}
	return !out->failed;
}
