#include "tests/unit/server/plain_ways.h"

#include "tests/unit/check.h"

void
query_make(struct query *q, const char *name, uint16_t qtype, uint16_t flags, uint32_t pattern)
{
	struct question question = { .qtype = qtype, .qclass = CLASS_IN };
	char text[DNAME_TEXT_MAX];
	struct wr w;

	snprintf(text, sizeof text, "%s", name);
	for (size_t i = 0; text[i] != '\0'; i++)
		if (text[i] >= 'a' && text[i] <= 'z' && (pattern >> (i % 32) & 1) != 0)
			text[i] = (char)(text[i] - 32);
	check(dname_from_str(text, &question.qname) == ERR_OK, "%s", text);
	wr_init(&w, q->msg, sizeof q->msg);
	msg_header_write(&w, &(struct msg_header){ 0x1234, flags, 1, 0, 0, 0 });
	question_write(&w, &question);
	q->n = wr_len(&w);
}

void
query_add_opt(struct query *q, uint16_t size, bool do_bit)
{
	edns_put(q->msg + q->n, size, 0, do_bit);
	q->n += EDNS_SIZE;
	q->msg[11] = 1;
}

static size_t
long_way(const struct query *q, const struct zoneset *zones, const struct answer_settings *settings, bool tcp,
    struct request *request, uint8_t *out)
{
	if (request_parse(request, q->msg, q->n, tcp) != RCODE_NOERROR)
		return 0;
	return answer_query(zones, settings, request, out, MSG_MAX);
}

static bool
same_request(const struct request *a, const struct request *b)
{
	return memcmp(&a->header, &b->header, sizeof a->header) == 0 && a->has_question == b->has_question &&
	    memcmp(a->question.qname.octets, b->question.qname.octets, a->qname_len) == 0 &&
	    a->question.qtype == b->question.qtype && a->question.qclass == b->question.qclass &&
	    a->qname_len == b->qname_len && a->edns.present == b->edns.present &&
	    (!a->edns.present || (a->edns.do_bit == b->edns.do_bit && a->edns.udp_size == b->edns.udp_size)) &&
	    a->after_question == b->after_question && a->tcp == b->tcp && a->cookie_only == b->cookie_only &&
	    a->has_tsig == b->has_tsig && a->tsig.status == b->tsig.status;
}

size_t
ways_compare(const char *why, const struct query *q, const struct plain *p, const struct zoneset *zones,
    const struct answer_settings *settings, bool tcp, const uint8_t **answer)
{
	static uint8_t by_long[MSG_MAX], by_short[MSG_MAX], by_both[MSG_MAX];
	struct request parsed, taken;
	size_t n = long_way(q, zones, settings, tcp, &parsed, by_long);
	size_t m = plain_write(p, settings, tcp, by_short, MSG_MAX);

	check(m == 0 || (m == n && memcmp(by_short, by_long, n) == 0), "%s: the short way gives the same", why);
	if (answer != NULL)
		*answer = by_short;
	if (!p->simple)
		return m;
	plain_request(p, tcp, &taken);
	check(same_request(&taken, &parsed), "%s: the query is read the same", why);
	check(answer_query(zones, settings, &taken, by_both, MSG_MAX) == n && memcmp(by_both, by_long, n) == 0,
	    "%s: the long way from half way gives the same", why);
	return m;
}
