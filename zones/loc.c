/* LOC (RFC 1876): angles in thousandths of a second around 2^31, altitude in centimetres above -100,000 m, and sizes
 * as one digit times a power of ten centimetres.  (ldns 1.8 has other defaults for the sizes than section 3 has.) */
#include <string.h>

#include "zones/forms.h"

#define MIDDLE (UINT32_C(1) << 31)
#define ALTITUDE_ZERO_CM INT64_C(10000000)
#define SIZE_MAX_CM INT64_C(9000000000)

/* DIGITS[.DIGITS] in units of 10^-decimals, at most max of them. */
static bool
parse_fixed(const char *p, size_t n, unsigned decimals, uint64_t max, uint64_t *out)
{
	const char *dot = memchr(p, '.', n);
	struct token whole = { .p = p, .n = dot == NULL ? n : (size_t)(dot - p) }, part = { .p = "0", .n = 1 };
	uint64_t v, fraction, scale = 1;

	if (dot != NULL)
		part = (struct token){ .p = dot + 1, .n = n - whole.n - 1 };
	if (!token_number(&whole, max, &v) || (dot != NULL && part.n > decimals) ||
	    !token_number(&part, 999, &fraction))
		return false;
	for (unsigned i = 0; i < decimals; i++) {
		scale *= 10;
		if (i >= part.n || dot == NULL)
			fraction *= 10;
	}
	*out = v * scale + fraction;
	return *out <= max;
}

/* D [M [S.sss]] and then one of the two letters. */
static bool
angle_in(struct field_in *in, unsigned degrees, const char *letters, const char *expected)
{
	static const uint64_t unit_ms[] = { 3600000, 60000, 1 };
	uint64_t most[] = { degrees, 59, 59999 }, sum = 0, v;
	uint32_t wire;
	uint8_t octets[4];

	for (int i = 0; i < 4; i++) {
		const struct token *t = field_token(in, expected);

		if (t == NULL)
			return false;
		if (i > 0 && t->n == 1 && (t->p[0] & ~0x20) == letters[0])
			break;
		if (i > 0 && t->n == 1 && (t->p[0] & ~0x20) == letters[1])
			break;
		if (i == 3 || !parse_fixed(t->p, t->n, i == 2 ? 3 : 0, most[i], &v))
			return field_fail(in, expected);
		sum += v * unit_ms[i];
		in->i++;
	}
	if (sum > degrees * unit_ms[0])
		return field_fail(in, expected);
	wire = (in->v[in->i].p[0] & ~0x20) == letters[0] ? MIDDLE + (uint32_t)sum : MIDDLE - (uint32_t)sum;
	in->i++;
	for (int i = 0; i < 4; i++)
		octets[i] = (uint8_t)(wire >> (24 - 8 * i));
	return field_put(in, octets, sizeof octets);
}

/* METRES[.CENTIMETRES][m] */
static bool
metres(const struct token *t, uint64_t max_cm, uint64_t *cm)
{
	size_t n = t->n;

	if (n > 1 && (t->p[n - 1] == 'm' || t->p[n - 1] == 'M'))
		n--;
	return parse_fixed(t->p, n, 2, max_cm, cm);
}

static bool
altitude_in(struct field_in *in)
{
	const char *expected = "an altitude in metres from -100000.00 to 42849672.95";
	const struct token *t = field_token(in, expected);
	struct token number;
	uint64_t cm;
	int64_t wire;
	uint8_t octets[4];

	if (t == NULL)
		return false;
	number = *t;
	if (t->p[0] == '-') {
		number.p++;
		number.n--;
	}
	if (!metres(&number, UINT32_MAX, &cm))
		return field_fail(in, expected);
	wire = ALTITUDE_ZERO_CM + (t->p[0] == '-' ? -(int64_t)cm : (int64_t)cm);
	if (wire < 0 || wire > UINT32_MAX)
		return field_fail(in, expected);
	in->i++;
	for (int i = 0; i < 4; i++)
		octets[i] = (uint8_t)(wire >> (24 - 8 * i));
	return field_put(in, octets, sizeof octets);
}

static bool
size_in(struct field_in *in, uint8_t *out)
{
	const char *expected = "a size in metres from 0 to 90000000.00";
	const struct token *t;
	uint64_t cm;
	uint8_t exponent = 0;

	if (in->i == in->n)
		return true;		/* the default stays */
	if ((t = field_token(in, expected)) == NULL)
		return false;
	if (!metres(t, SIZE_MAX_CM, &cm))
		return field_fail(in, expected);
	for (; cm >= 10; cm /= 10)
		exponent++;
	*out = (uint8_t)(cm << 4 | exponent);
	in->i++;
	return true;
}

bool
loc_in(struct field_in *in)
{
	size_t start = in->used;
	uint8_t head[4] = { 0, 0x12, 0x16, 0x13 };	/* version, size 1 m, precision 10000 m and 10 m */

	if (!field_put(in, head, sizeof head) ||
	    !angle_in(in, 90, "NS", "a latitude like 52 22 23.000 N") ||
	    !angle_in(in, 180, "EW", "a longitude like 4 53 32.000 E") ||
	    !altitude_in(in) || !size_in(in, &head[1]) || !size_in(in, &head[2]) || !size_in(in, &head[3]))
		return false;
	memcpy(in->out + start, head, sizeof head);
	return true;
}

static void
angle_out(struct field_out *out, uint32_t wire, uint32_t degrees, const char *letters)
{
	uint32_t v = wire >= MIDDLE ? wire - MIDDLE : MIDDLE - wire;

	if (v > degrees * 3600000)
		out->odd = true;
	buf_printf(out->text, "%u %u %u.%03u %c ", v / 3600000, v / 60000 % 60, v / 1000 % 60, v % 1000,
	    wire >= MIDDLE ? letters[0] : letters[1]);
}

static void
size_out(struct field_out *out, uint8_t size)
{
	uint64_t cm = size >> 4;

	if (size >> 4 > 9 || (size & 15) > 9 || (cm == 0 && size != 0))
		out->odd = true;
	for (int i = size & 15; i > 0; i--)
		cm *= 10;
	if (cm % 100 == 0)
		buf_printf(out->text, " %llum", (unsigned long long)cm / 100);
	else
		buf_printf(out->text, " %llu.%02llum", (unsigned long long)cm / 100, (unsigned long long)cm % 100);
}

void
loc_out(struct field_out *out)
{
	uint8_t sizes[3];
	int64_t altitude;
	uint32_t latitude, longitude;
	uint64_t cm;

	if (rd_u8(&out->r) != 0)
		out->odd = true;	/* another version: RFC 1876, section 2 */
	for (int i = 0; i < 3; i++)
		sizes[i] = rd_u8(&out->r);
	latitude = rd_u32(&out->r);
	longitude = rd_u32(&out->r);
	altitude = (int64_t)rd_u32(&out->r) - ALTITUDE_ZERO_CM;
	cm = (uint64_t)(altitude < 0 ? -altitude : altitude);
	field_blank(out);
	angle_out(out, latitude, 90, "NS");
	angle_out(out, longitude, 180, "EW");
	buf_printf(out->text, "%s%llu.%02llum", altitude < 0 ? "-" : "", (unsigned long long)cm / 100,
	    (unsigned long long)cm % 100);
	for (int i = 0; i < 3; i++)
		size_out(out, sizes[i]);
}
