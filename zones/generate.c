#include "zones/generate.h"

#include <string.h>

#include "base/buf.h"
#include "wire/rrtype.h"

struct range {
	uint64_t start, stop, step;
};

static bool
take_number(const char **p, const char *end, uint64_t *out)
{
	struct token digits = { .p = *p };

	while (*p < end && **p >= '0' && **p <= '9')
		++*p;
	digits.n = (size_t)(*p - digits.p);
	return token_number(&digits, INT32_MAX, out);
}

static bool
parse_range(const struct token *t, struct range *r)	/* START-STOP[/STEP] */
{
	const char *p = t->p, *end = t->p + t->n;

	r->step = 1;
	if (t->quoted || !take_number(&p, end, &r->start) || p == end || *p++ != '-' ||
	    !take_number(&p, end, &r->stop) || r->stop < r->start)
		return false;
	if (p < end && (*p++ != '/' || !take_number(&p, end, &r->step) || r->step == 0))
		return false;
	return p == end && (r->stop - r->start) / r->step < GENERATE_MAX;
}

struct shape {				/* ${OFFSET,WIDTH,BASE} */
	bool minus;
	uint64_t offset, width;
	char base;
};

/* From behind the opening brace to behind the closing one. */
static bool
parse_shape(const char **p, const char *end, struct shape *s)
{
	if (*p < end && **p == '-') {
		s->minus = true;
		++*p;
	}
	if (!take_number(p, end, &s->offset))
		return false;
	if (*p < end && **p == ',') {
		++*p;
		if (!take_number(p, end, &s->width) || s->width > 128)
			return false;
	}
	if (*p < end && **p == ',') {
		++*p;
		if (*p == end || memchr("doxXnN", **p, 6) == NULL)
			return false;
		s->base = *(*p)++;
	}
	return *p < end && *(*p)++ == '}';
}

/* Hexadecimal digits as labels, the last first: for names under ip6.arpa. */
static void
add_nibbles(uint64_t v, const struct shape *s, struct buf *out)
{
	const char *digits = s->base == 'n' ? "0123456789abcdef" : "0123456789ABCDEF";
	size_t width = 0;

	do {
		buf_u8(out, (uint8_t)digits[v & 15]);
		v >>= 4;
		width++;
		if (width < s->width || v > 0) {
			buf_u8(out, '.');
			width++;
		}
	} while (width < s->width || v > 0);
}

static bool
add_value(uint64_t i, const struct shape *s, struct buf *out)
{
	uint64_t v = s->minus ? i - s->offset : i + s->offset;
	int width = (int)s->width;

	if ((s->minus && s->offset > i) || v > UINT32_MAX)
		return false;
	switch (s->base) {
	case 'n':
	case 'N':
		add_nibbles(v, s, out);
		break;
	case 'o':
		buf_printf(out, "%0*llo", width, (unsigned long long)v);
		break;
	case 'x':
		buf_printf(out, "%0*llx", width, (unsigned long long)v);
		break;
	case 'X':
		buf_printf(out, "%0*llX", width, (unsigned long long)v);
		break;
	default:
		buf_printf(out, "%0*llu", width, (unsigned long long)v);
		break;
	}
	return true;
}

/* in_quotes: the token was, and stays a string. */
static bool
add_token(const struct token *t, bool in_quotes, uint64_t i, struct buf *out)
{
	const char *p = t->p, *end = t->p + t->n;

	if (in_quotes)
		buf_u8(out, '"');
	while (p < end) {
		struct shape shape = { .base = 'd' };
		char c = *p++;

		if (c == '\\' && p < end) {
			if (*p != '$' && (*p != '"' || in_quotes || !t->quoted))
				buf_u8(out, '\\');
			buf_u8(out, (uint8_t)*p++);
		} else if (c != '$')
			buf_u8(out, (uint8_t)c);
		else if (p < end && *p == '$') {
			buf_u8(out, '$');
			p++;
		} else {
			if (p < end && *p == '{') {
				p++;
				if (!parse_shape(&p, end, &shape))
					return false;
			}
			if (!add_value(i, &shape, out))
				return false;
		}
	}
	if (in_quotes)
		buf_u8(out, '"');
	return true;
}

/* The rdata as one string: its quotes only keep it together, as in BIND, whose $GENERATE has one word there. */
static bool
is_whole_rdata(const struct token *v, size_t n, size_t k)
{
	size_t type = 3;
	uint16_t number;

	while (type < n && (v[type].quoted || !rrtype_parse(v[type].p, v[type].n, &number)))
		type++;
	return k == type + 1 && k == n - 1 && v[k].quoted;
}

static enum err
blame(struct fault *f, const struct token *v, size_t n, size_t i, const char *expected, size_t *bad)
{
	char found[TOKEN_TEXT_MAX];

	*bad = i;
	return fault_set(f, ERR_FORMAT, "expected %s, found %s", expected,
	    i < n ? token_print(&v[i], found) : "the end of the line");
}

enum err
zone_generate(const struct token *v, size_t n,
    enum err (*line)(void *ctx, const char *text, size_t n, const struct token *where), void *ctx, size_t *bad,
    struct fault *f)
{
	struct buf text = { 0 };
	struct range range;
	enum err err = ERR_OK;

	if (n < 2 || !parse_range(&v[1], &range))
		return blame(f, v, n, 1, "a range like 1-254 or 0-100/2 of at most 65536 numbers", bad);
	if (n < 5)
		return blame(f, v, n, n, "owner, type and rdata behind the range", bad);
	for (uint64_t i = range.start; i <= range.stop && err == ERR_OK; i += range.step) {
		const char *s;

		text.len = 0;
		for (size_t k = 2; k < n && err == ERR_OK; k++) {
			if (k > 2 && !v[k].glued)
				buf_u8(&text, ' ');
			if (!add_token(&v[k], v[k].quoted && !is_whole_rdata(v, n, k), i, &text))
				err = blame(f, v, n, k, "$ or ${OFFSET,WIDTH,BASE} with BASE one of d, o, x, X, n, N",
				    bad);
		}
		if (err == ERR_OK)
			err = (s = buf_str(&text)) == NULL ? ERR_NOMEM : line(ctx, s, text.len, &v[0]);
	}
	buf_clear(&text);
	return err;
}
