/* server/cert_record.c -- the text of a status record: see server/cert_record.h. */
#include "server/cert_record.h"

#include <string.h>

#include "base/clock.h"
#include "base/encoding.h"

#define STATE_KEY "state="		/* the first, by which ours are known */
#define PROBLEM_MAX 700
#define STRING_MAX 255

static void
add_string(struct buf *out, const char *key, const char *value, size_t n)
{
	buf_u8(out, (uint8_t)(strlen(key) + n));
	buf_add_str(out, key);
	buf_add(out, value, n);
}

static void
add_time(struct buf *out, const char *key, int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];

	if (time_s == 0)
		return;
	clock_print(time_s, text);
	add_string(out, key, text, strlen(text));
}

/* One string holds little: what is longer goes on in the next one, with the same key. */
static void
add_words(struct buf *out, const char *key, const char *words)
{
	size_t room = STRING_MAX - strlen(key), left = strlen(words);

	if (left > PROBLEM_MAX)
		left = PROBLEM_MAX;
	while (left > 0) {
		size_t n = left < room ? left : room;

		add_string(out, key, words, n);
		words += n;
		left -= n;
	}
}

static const char *
state_word(enum acme_state state)
{
	switch (state) {
	case ACME_IDLE_VALID:		return "valid";
	case ACME_WORKING:		return "ordering";
	case ACME_WAITING_RETRY:	return "waiting";
	case ACME_REFUSED:		return "refused";
	}
	return "";
}

void
cert_record_write(const struct acme_status *s, struct buf *out)
{
	struct buf csr = { 0 };

	hex_encode(s->csr_digest, 8, &csr);
	add_string(out, STATE_KEY, state_word(s->state), strlen(state_word(s->state)));
	if (buf_str(&csr) != NULL)
		add_string(out, "csr=", (const char *)csr.p, csr.len);
	add_time(out, "next=", s->next_s);
	add_time(out, "expires=", s->expires_s);
	add_words(out, "authority=", s->authority);
	add_words(out, "step=", s->step);
	add_words(out, "problem=", s->problem);
	buf_clear(&csr);
}

bool
cert_record_is_ours(const struct rr *rr)
{
	return rr->rdlen > strlen(STATE_KEY) && memcmp(rr->rdata + 1, STATE_KEY, strlen(STATE_KEY)) == 0;
}
