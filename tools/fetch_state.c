#include "tools/fetch_state.h"

#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/encoding.h"
#include "wire/message.h"

#define CSR_DIGEST_OCTETS 8

/* Append n octets to a text of size octets; what does not fit is cut off. */
static void
append(char *to, size_t size, const uint8_t *octets, size_t n)
{
	size_t at = strlen(to);

	for (; n > 0 && at + 1 < size; n--, octets++)
		to[at++] = *octets < 0x20 || *octets == 0x7f ? '?' : (char)*octets;
	to[at] = '\0';
}

/* Where the value of a key goes; NULL: not a key of ours. */
static char *
place(struct fetch_state *s, const uint8_t *key, size_t n, size_t *size)
{
	const struct { const char *key; char *to; size_t size; } places[] = {
		{ "state", s->state, sizeof s->state },
		{ "next", s->next, sizeof s->next },
		{ "expires", s->expires, sizeof s->expires },
		{ "authority", s->authority, sizeof s->authority },
		{ "csr", s->csr, sizeof s->csr },
		{ "problem", s->problem, sizeof s->problem },
		{ "step", s->step, sizeof s->step },
	};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (strlen(places[i].key) == n && memcmp(places[i].key, key, n) == 0) {
			*size = places[i].size;
			return places[i].to;
		}
	return NULL;
}

/* The strings of one record (RFC 1035, section 3.3.14), the first of which is the state: other TXT records may stand
 * beside it.  A value too long for one string goes on in the next one, with its key again. */
static void
read_record(struct fetch_state *s, struct rd r)
{
	static const char first[] = "state=";

	while (rd_left(&r) > 0) {
		size_t n = rd_u8(&r), size;
		const uint8_t *p = rd_take(&r, n), *equals;
		char *to;

		if (p == NULL || (!s->known && (n < sizeof first - 1 || memcmp(p, first, sizeof first - 1) != 0)))
			return;
		s->known = true;
		if ((equals = memchr(p, '=', n)) != NULL && (to = place(s, p, (size_t)(equals - p), &size)) != NULL)
			append(to, size, equals + 1, (size_t)(p + n - equals - 1));
	}
}

enum err
fetch_state_read(const uint8_t *msg, size_t n, const uint8_t *owner, struct fetch_state *out)
{
	struct msg_header header;
	struct msg_rr rr;
	struct rd r;

	*out = (struct fetch_state){ 0 };
	(void)msg_records_begin(&r, msg, n, &header);
	for (unsigned i = 0; i < header.ancount && msg_rr_read(&r, &rr); i++)
		if (!out->known && rr.class == CLASS_IN && rr.type == TYPE_TXT && dname_equal(rr.owner.octets, owner))
			read_record(out, rr.rdata);
	return r.bad ? ERR_FORMAT : ERR_OK;
}

bool
fetch_state_is_about(const struct fetch_state *s, const uint8_t *csr, size_t n)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct buf text = { 0 };
	bool same;

	if (s->csr[0] == '\0')
		return s->known;
	SHA256(csr, n, digest);
	hex_encode(digest, CSR_DIGEST_OCTETS, &text);
	const char *wanted = buf_str(&text);
	same = wanted != NULL && strcasecmp(wanted, s->csr) == 0;
	buf_clear(&text);
	return same;
}
