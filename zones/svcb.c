/* SvcParams of SVCB and HTTPS records (RFC 9460, sections 2.1, 7 and appendix A).
 *
 * In text a value is escaped twice where it is a list: once as every string is, and within that once more so that
 * a comma may be part of an item.  In wire form the keys ascend, so each parameter is inserted where it belongs. */
#include <arpa/inet.h>
#include <string.h>

#include "base/encoding.h"
#include "wire/rdata.h"
#include "zones/forms.h"

enum { KEY_MANDATORY, KEY_ALPN, KEY_NO_DEFAULT_ALPN, KEY_PORT, KEY_IPV4HINT, KEY_ECH, KEY_IPV6HINT, KEY_DOHPATH,
	KEY_OHTTP, KEYS_KNOWN };

static const char *const key_names[KEYS_KNOWN] = { "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech",
	"ipv6hint", "dohpath", "ohttp" };

static bool
key_parse(const char *p, size_t n, uint16_t *key)
{
	struct token t = { .p = p, .n = n };
	uint64_t v;

	for (uint16_t i = 0; i < KEYS_KNOWN; i++) {
		if (strlen(key_names[i]) == n && memcmp(key_names[i], p, n) == 0) {
			*key = i;
			return true;
		}
	}
	if (n < 4 || memcmp(p, "key", 3) != 0 || (p[3] == '0' && n > 4))
		return false;
	t.p += 3;
	t.n -= 3;
	if (!token_number(&t, UINT16_MAX, &v))
		return false;
	*key = (uint16_t)v;
	return true;
}

static void
key_print(uint16_t key, struct buf *out)
{
	if (key < KEYS_KNOWN)
		buf_add_str(out, key_names[key]);
	else
		buf_printf(out, "key%u", key);
}

static bool
alpn_valid(const uint8_t *octets, size_t n)	/* RFC 9460, section 7.1.1 */
{
	struct rd r = rd_over(octets, n);

	while (!r.bad && rd_left(&r) > 0) {
		uint8_t length = rd_u8(&r);

		if (length == 0)
			return false;
		rd_take(&r, length);
	}
	return !r.bad;
}

static bool
mandatory_valid(const uint8_t *octets, size_t n)	/* RFC 9460, section 8 */
{
	struct rd r = rd_over(octets, n);
	int last = KEY_MANDATORY;	/* itself must not be named */

	if (n % 2 != 0)
		return false;
	while (rd_left(&r) > 0) {
		int key = rd_u16(&r);

		if (key <= last)
			return false;
		last = key;
	}
	return true;
}

static bool
value_valid(uint16_t key, const uint8_t *octets, size_t n)
{
	if (n == 0)			/* no value at all */
		return key == KEY_NO_DEFAULT_ALPN || key == KEY_OHTTP || key >= KEYS_KNOWN;
	switch (key) {
	case KEY_MANDATORY:		return mandatory_valid(octets, n);
	case KEY_ALPN:			return alpn_valid(octets, n);
	case KEY_NO_DEFAULT_ALPN:
	case KEY_OHTTP:			return false;
	case KEY_PORT:			return n == 2;
	case KEY_IPV4HINT:		return n % 4 == 0;
	case KEY_IPV6HINT:		return n % 16 == 0;
	case KEY_DOHPATH:		return octets[0] == '/' && memmem(octets, n, "{?dns", 5) != NULL;
	default:			return true;
	}
}

/* Where the parameter is, or would be, among those already in out. */
static size_t
find_param(const struct field_in *in, size_t start, uint16_t key, bool *there)
{
	size_t at = start;

	*there = false;
	while (at < in->used) {
		unsigned k = (unsigned)in->out[at] << 8 | in->out[at + 1];

		if (k >= key) {
			*there = k == key;
			break;
		}
		at += 4 + ((size_t)in->out[at + 2] << 8 | in->out[at + 3]);
	}
	return at;
}

static bool
insert_param(struct field_in *in, size_t start, uint16_t key, const struct buf *value)
{
	uint8_t head[4] = { (uint8_t)(key >> 8), (uint8_t)key, (uint8_t)(value->len >> 8), (uint8_t)value->len };
	bool there;
	size_t at = find_param(in, start, key, &there), behind = in->used - at;

	if (there)
		return field_fail(in, "each parameter once");
	if (value->len > UINT16_MAX || in->used + sizeof head + value->len > RDATA_MAX)
		return field_fail(in, "at most 65535 octets of rdata");
	memmove(in->out + at + sizeof head + value->len, in->out + at, behind);
	memcpy(in->out + at, head, sizeof head);
	if (value->len > 0)
		memcpy(in->out + at + sizeof head, value->p, value->len);
	in->used += sizeof head + value->len;
	return true;
}

/* Cut one item off a list of octets, the inner escapes undone.  False: the end, an empty item or a bad escape. */
static bool
next_item(struct rd *list, uint8_t item[256], size_t *n)
{
	*n = 0;
	if (rd_left(list) == 0)
		return false;
	while (rd_left(list) > 0) {
		uint8_t c = rd_u8(list);

		if (c == ',')
			return *n > 0 && rd_left(list) > 0;
		if (c == '\\')
			c = rd_u8(list);
		if (*n == 255)
			list->bad = true;
		if (list->bad)
			return false;
		item[(*n)++] = c;
	}
	return true;
}

static bool
add_item(uint16_t key, const uint8_t *item, size_t n, struct buf *out)
{
	char text[256];
	uint8_t address[16];
	uint16_t other;

	if (memchr(item, '\0', n) != NULL && key != KEY_ALPN)
		return false;
	memcpy(text, item, n);
	text[n] = '\0';
	switch (key) {
	case KEY_ALPN:
		buf_u8(out, (uint8_t)n);
		buf_add(out, item, n);
		return true;
	case KEY_MANDATORY:
		if (!key_parse(text, n, &other))
			return false;
		buf_u16(out, other);
		return true;
	case KEY_IPV4HINT:
		if (inet_pton(AF_INET, text, address) != 1)
			return false;
		buf_add(out, address, 4);
		return true;
	default:
		if (inet_pton(AF_INET6, text, address) != 1)
			return false;
		buf_add(out, address, 16);
		return true;
	}
}

static bool
list_value(uint16_t key, const struct buf *text, struct buf *out)
{
	struct rd list;
	uint8_t item[256];
	size_t n;

	if (text->len == 0)
		return false;
	list = rd_over(text->p, text->len);
	do {
		if (!next_item(&list, item, &n) || !add_item(key, item, n, out))
			return false;
	} while (rd_left(&list) > 0);
	return !list.bad;
}

static void
sort_keys(struct buf *keys)			/* few: by insertion */
{
	for (size_t i = 2; i + 1 < keys->len; i += 2) {
		for (size_t j = i; j > 0 && memcmp(keys->p + j - 2, keys->p + j, 2) > 0; j -= 2) {
			uint8_t swap[2];

			memcpy(swap, keys->p + j, 2);
			memcpy(keys->p + j, keys->p + j - 2, 2);
			memcpy(keys->p + j - 2, swap, 2);
		}
	}
}

static bool
make_value(uint16_t key, bool by_number, const struct buf *text, struct buf *out)
{
	struct token t = { .p = (const char *)text->p, .n = text->len };
	uint64_t port;

	if (by_number || key >= KEYS_KNOWN || key == KEY_DOHPATH || key == KEY_NO_DEFAULT_ALPN || key == KEY_OHTTP) {
		buf_add(out, text->p, text->len);
		return true;
	}
	if (key == KEY_PORT) {
		if (!token_number(&t, UINT16_MAX, &port))
			return false;
		buf_u16(out, (uint16_t)port);
		return true;
	}
	if (key == KEY_ECH)
		return base64_decode(t.p, t.n, out);
	if (!list_value(key, text, out))
		return false;
	if (key == KEY_MANDATORY)
		sort_keys(out);
	return true;
}

static const char *
value_expected(uint16_t key)
{
	static const char *const texts[KEYS_KNOWN] = {
		"mandatory= with a list of other keys, each once",
		"alpn= with a list of protocol ids of 1 to 255 octets",
		"no-default-alpn without a value",
		"port= with a number from 0 to 65535",
		"ipv4hint= with a list of IPv4 addresses",
		"ech= with base64",
		"ipv6hint= with a list of IPv6 addresses",
		"dohpath= with a URI template like /dns-query{?dns}",
		"ohttp without a value",
	};

	return key < KEYS_KNOWN ? texts[key] : "a value with \\DDD from 000 to 255";
}

static bool
unescape(const struct token *t, struct buf *out)
{
	size_t at = 0;
	uint8_t c;
	bool bad;

	while (token_octet(t, &at, &c, &bad))
		buf_u8(out, c);
	return !bad;
}

/* One parameter: key, key=value, or key= with a quoted token glued to it. */
static bool
take_param(struct field_in *in, size_t start)
{
	const char *expected = "a parameter like alpn=h2 or key65280=text";
	const struct token *t = field_token(in, expected), *more = NULL;
	struct buf text = { 0 }, value = { 0 };
	struct token v = { 0 };
	const char *equals;
	uint16_t key;
	bool ok;

	if (t == NULL)
		return false;
	equals = memchr(t->p, '=', t->n);
	if (!key_parse(t->p, equals == NULL ? t->n : (size_t)(equals - t->p), &key))
		return field_fail(in, expected);
	if (equals != NULL)
		v = (struct token){ .p = equals + 1, .n = (size_t)(t->p + t->n - equals - 1) };
	if (equals != NULL && v.n == 0 && in->i + 1 < in->n && in->v[in->i + 1].quoted && in->v[in->i + 1].glued)
		v = *(more = &in->v[in->i + 1]);
	ok = (unescape(&v, &text) && make_value(key, memcmp(t->p, "key", 3) == 0, &text, &value) &&
	    value_valid(key, value.p, value.len)) || field_fail(in, value_expected(key));
	ok = ok && insert_param(in, start, key, &value);
	if (text.failed || value.failed)
		ok = field_nomem(in);
	buf_clear(&text);
	buf_clear(&value);
	in->i += ok ? more != NULL ? 2 : 1 : 0;
	return ok;
}

/* RFC 9460: mandatory keys are there (section 8), no-default-alpn stands beside alpn (section 7.1.1). */
static bool
check_together(struct field_in *in, size_t start)
{
	bool there;
	size_t at = find_param(in, start, KEY_MANDATORY, &there);
	struct rd keys = { 0 };

	if (there)
		keys = rd_over(in->out + at + 4, (size_t)in->out[at + 2] << 8 | in->out[at + 3]);
	while (rd_left(&keys) > 0) {
		find_param(in, start, rd_u16(&keys), &there);
		if (!there)
			return field_fail(in, "every key that mandatory= names");
	}
	find_param(in, start, KEY_NO_DEFAULT_ALPN, &there);
	if (!there)
		return true;
	find_param(in, start, KEY_ALPN, &there);
	return there || field_fail(in, "alpn= beside no-default-alpn");
}

bool
svcparams_in(struct field_in *in)
{
	size_t start = in->used;

	while (in->i < in->n) {
		if (!take_param(in, start))
			return false;
	}
	return check_together(in, start);
}

static void
list_out(uint16_t key, struct rd *value, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	switch (key) {
	case KEY_MANDATORY:
		key_print(rd_u16(value), out);
		break;
	case KEY_IPV4HINT:
		buf_add_str(out, inet_ntop(AF_INET, rd_take(value, 4), text, sizeof text));
		break;
	case KEY_IPV6HINT:
		buf_add_str(out, inet_ntop(AF_INET6, rd_take(value, 16), text, sizeof text));
		break;
	default:
		for (uint8_t n = rd_u8(value); n > 0; n--) {
			uint8_t c = rd_u8(value);

			if (c == ',' || c == '\\')
				buf_u8(out, '\\');
			buf_u8(out, c);
		}
		break;
	}
}

static void
value_out(struct field_out *out, uint16_t key, const uint8_t *octets, size_t n)
{
	struct rd value;
	struct buf list = { 0 };

	if (n == 0)
		return;
	value = rd_over(octets, n);
	buf_u8(out->text, '=');
	switch (key) {
	case KEY_PORT:
		buf_printf(out->text, "%u", rd_u16(&value));
		break;
	case KEY_ECH:
		base64_encode(octets, n, out->text);
		break;
	case KEY_MANDATORY:
	case KEY_ALPN:
	case KEY_IPV4HINT:
	case KEY_IPV6HINT:
		while (rd_left(&value) > 0) {
			list_out(key, &value, &list);
			if (rd_left(&value) > 0)
				buf_u8(&list, ',');
		}
		if (key == KEY_ALPN)
			field_quoted_out(out, list.p, list.len);
		else
			buf_add(out->text, list.p, list.len);
		if (list.failed)
			out->text->failed = true;
		buf_clear(&list);
		break;
	default:
		field_quoted_out(out, octets, n);
		break;
	}
}

void
svcparams_out(struct field_out *out)
{
	while (rd_left(&out->r) > 0 && !out->odd) {
		uint16_t key = rd_u16(&out->r);
		size_t n = rd_u16(&out->r);
		const uint8_t *value = rd_take(&out->r, n);

		if (value == NULL || !value_valid(key, value, n)) {
			out->odd = true;
			return;
		}
		field_blank(out);
		key_print(key, out->text);
		value_out(out, key, value, n);
	}
}
