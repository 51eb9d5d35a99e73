/* What a server answers to our UPDATE, in words that say what to do about it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tools/fetch_dns.h"
#include "tsig/record.h"
#include "tsig/tsig.h"
#include "wire/message.h"

#define EDE_TEXT 700

/* The text of the first extended error (RFC 8914, section 2), or "". */
static void
find_ede(const uint8_t *msg, size_t n, char text[EDE_TEXT])
{
	struct msg_header h;
	struct msg_rr rr;
	struct rd r;
	unsigned left;

	text[0] = '\0';
	(void)msg_records_begin(&r, msg, n, &h);
	left = (unsigned)h.ancount + h.nscount + h.arcount;
	while (left-- > 0 && msg_rr_read(&r, &rr)) {
		struct rd o = rr.rdata;

		while (rr.type == TYPE_OPT && rd_left(&o) > 0) {
			uint16_t code = rd_u16(&o), size = rd_u16(&o);
			const uint8_t *p = rd_take(&o, size);

			if (p == NULL || code != EDNS_ERROR || size <= 2)
				continue;
			for (unsigned k = 2; k < size && k < EDE_TEXT; k++)
				text[k - 2] = p[k] < 0x20 || p[k] == 0x7f ? '?' : (char)p[k];
			text[(size < EDE_TEXT ? size : EDE_TEXT) - 2] = '\0';
			return;
		}
	}
}

static enum fetch_status
clock_differs(int64_t theirs_s, int64_t now_s, struct fault *f)
{
	char theirs[CLOCK_TEXT_SIZE], ours[CLOCK_TEXT_SIZE];
	int64_t difference_s = theirs_s > now_s ? theirs_s - now_s : now_s - theirs_s;

	clock_print(theirs_s, theirs);
	clock_print(now_s, ours);
	fault_set(f, ERR_REFUSED,
	    "BADTIME: this machine's clock is %lld s %s the server's (here %s, there %s), and TSIG allows "
	    "%d s: set the clock that is wrong", (long long)difference_s, theirs_s > now_s ? "behind" : "ahead of",
	    ours, theirs, TSIG_FUDGE_S);
	return FETCH_REFUSED;
}

static int64_t
server_time(const struct tsig_record *rec)
{
	uint64_t s = rec->time_signed;

	if (rec->error == RCODE_BADTIME && rec->other_len == 6) {	/* RFC 8945, section 5.2.3 */
		s = 0;
		for (int i = 0; i < 6; i++)
			s = s << 8 | rec->other[i];
	}
	return (int64_t)s;
}

/* The TSIG record has an error, or is not right itself. */
static enum fetch_status
judge_signature(const struct tsig_exchange *x, const struct tsig_record *rec, int64_t now_s, struct fault *f)
{
	char key[DNAME_TEXT_MAX], server_words[sizeof f->text / 2];

	dname_print_host(x->key_name.octets, key);
	snprintf(server_words, sizeof server_words, "%.500s", f->text);
	switch (rec->error) {
	case RCODE_BADKEY:
		fault_set(f, ERR_REFUSED,
		    "BADKEY: the server does not know the key %.200s with %s: compare name and algorithm with "
		    "its operator's", key, tsig_algorithm_str(x->key->algorithm));
		return FETCH_REFUSED;
	case RCODE_BADSIG:
		fault_set(f, ERR_REFUSED, "BADSIG: the server has another secret for the key %.200s", key);
		return FETCH_REFUSED;
	case RCODE_BADTRUNC:
		fault_set(f, ERR_REFUSED, "BADTRUNC: the server wants longer signatures of the key %.200s", key);
		return FETCH_REFUSED;
	case RCODE_BADTIME:
		return clock_differs(server_time(rec), now_s, f);
	default:
		if (tsig_record_is_bad_time(rec, now_s))
			return clock_differs((int64_t)rec->time_signed, now_s, f);
		fault_set(f, ERR_PEER, "the server's answer cannot be believed: %s", server_words);
		return FETCH_REFUSED;
	}
}

static enum fetch_status
judge_rcode(const struct tsig_exchange *x, unsigned rcode, const char *zone, const char *ede, bool believed,
    struct fault *f)
{
	char key[DNAME_TEXT_MAX];
	const char *colon = *ede != '\0' ? ": " : "", *doubt = believed ? "" : " (unsigned)";

	dname_print_host(x->key_name.octets, key);
	switch (rcode) {
	case RCODE_REFUSED:
		fault_set(f, ERR_REFUSED, "REFUSED%s%s%s (with the key %.200s, in the zone %.200s)", doubt, colon,
		    *ede != '\0' ? ede : ": the key may not do this, or the server takes no updates", key, zone);
		return FETCH_REFUSED;
	case RCODE_NOTAUTH:
		fault_set(f, ERR_REFUSED,
		    "NOTAUTH%s%s%s: the server is no primary of %.200s: name the right one with --server", doubt,
		    colon, ede, zone);
		return FETCH_REFUSED;
	case RCODE_NOTZONE:
		fault_set(f, ERR_REFUSED, "NOTZONE%s%s%s: the name is not in %.200s, or in a zone below it", doubt,
		    colon, ede, zone);
		return FETCH_REFUSED;
	case RCODE_NOTIMP:
		fault_set(f, ERR_REFUSED,
		    "NOTIMP%s%s%s: this server takes no updates: name the right one with --server", doubt, colon, ede);
		return FETCH_REFUSED;
	case RCODE_FORMERR:
		fault_set(f, ERR_PEER, "FORMERR%s%s%s: the server does not understand the update", doubt, colon, ede);
		return FETCH_REFUSED;
	default:
		fault_set(f, ERR_PEER, "%s%s%s%s: the server cannot take the update now", rcode_str(rcode), doubt,
		    colon, ede);
		return FETCH_NETWORK;
	}
}

enum fetch_status
fetch_judge(const struct tsig_exchange *x, enum err verified, const uint8_t *msg, size_t n, const char *zone,
    int64_t now_s, struct fault *f)
{
	unsigned rcode = n >= MSG_HEADER_SIZE ? msg[3] & 15 : RCODE_FORMERR;
	struct tsig_record rec;
	char ede[EDE_TEXT];

	find_ede(msg, n, ede);
	if (verified != ERR_OK && tsig_record_find(msg, n, &rec) == TSIG_FOUND_ONE)
		return judge_signature(x, &rec, now_s, f);
	if (rcode != RCODE_NOERROR)
		return judge_rcode(x, rcode, zone, ede, verified == ERR_OK, f);
	if (verified != ERR_OK) {
		char words[sizeof f->text / 2];

		snprintf(words, sizeof words, "%.500s", f->text);
		fault_set(f, ERR_PEER, "the server's answer cannot be believed: %s", words);
		return FETCH_REFUSED;
	}
	return FETCH_FINE;
}
