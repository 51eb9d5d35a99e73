/* The OPT record of a response (RFC 6891) and its options. */
#include "server/response.h"

#define COOKIE_SIZE (4 + COOKIE_CLIENT + COOKIE_SERVER)
#define KEEPALIVE_SIZE 6
#define ERROR_SIZE 6			/* without words */

static size_t
nsid_size(const struct request *q, const struct answer_settings *settings)
{
	return q->edns.nsid && settings->nsid != NULL ? 4 + strlen(settings->nsid) : 0;
}

static bool
tells_idle(const struct request *q, const struct answer_settings *settings)
{
	return q->edns.keepalive && q->tcp && settings->tcp_idle_s > 0;
}

size_t
response_opt_size(const struct request *q, const struct answer_settings *settings)
{
	return EDNS_SIZE + nsid_size(q, settings) + (q->with_cookie ? COOKIE_SIZE : 0) +
	    (tells_idle(q, settings) ? KEEPALIVE_SIZE : 0) + (q->tells_expire ? EDNS_EXPIRE_SIZE : 0);
}

static void
put_option(struct wr *w, uint16_t code, const void *octets, size_t n)
{
	wr_u16(w, code);
	wr_u16(w, (uint16_t)n);
	wr_octets(w, octets, n);
}

static void
put_cookie(struct wr *w, const struct request *q)
{
	uint8_t cookie[COOKIE_CLIENT + COOKIE_SERVER];

	memcpy(cookie, q->edns.cookie, COOKIE_CLIENT);
	memcpy(cookie + COOKIE_CLIENT, q->server_cookie, COOKIE_SERVER);
	put_option(w, EDNS_COOKIE, cookie, sizeof cookie);
}

static void
put_keepalive(struct wr *w, unsigned idle_s)
{
	unsigned tenths = idle_s < UINT16_MAX / 10 ? idle_s * 10 : UINT16_MAX;	/* RFC 7828, section 3.1 */
	const uint8_t octets[2] = { (uint8_t)(tenths >> 8), (uint8_t)tenths };

	put_option(w, EDNS_KEEPALIVE, octets, sizeof octets);
}

static void
put_expire(struct wr *w, uint32_t left_s)
{
	uint8_t octets[4];

	store_u32(octets, left_s);
	put_option(w, EDNS_EXPIRE, octets, sizeof octets);
}

/* A failure to report a failure is nothing to report, so of the agent's own names there is no word. */
static const uint8_t *
report_agent(const struct request *q, const struct answer_settings *settings)
{
	const uint8_t *agent = settings->report_agent;

	if (agent == NULL || (q->has_question && dname_is_below(q->question.qname.octets, agent)))
		return NULL;
	return agent;
}

/* Gives the octets that it took of room.  Rather no words than no code. */
static size_t
put_error(struct wr *w, const struct ede *ede, size_t room)
{
	size_t n = strlen(ede->text);

	if (room < ERROR_SIZE)
		return 0;
	if (n > room - ERROR_SIZE)
		n = 0;
	wr_u16(w, EDNS_ERROR);
	wr_u16(w, (uint16_t)(2 + n));
	wr_u16(w, (uint16_t)ede->code);
	wr_octets(w, ede->text, n);
	return ERROR_SIZE + n;
}

void
response_opt(struct response *r, size_t room)
{
	const struct request *q = r->q;
	const uint8_t *agent = report_agent(q, r->settings);
	struct wr *w = &r->w;
	size_t at;

	edns_write(w, r->settings->udp_size, r->rcode, q->edns.do_bit);	/* DO is copied: RFC 3225, section 3 */
	at = wr_len(w);
	if (nsid_size(q, r->settings) > 0 && !r->cramped)
		put_option(w, EDNS_NSID, r->settings->nsid, strlen(r->settings->nsid));
	if (q->with_cookie)
		put_cookie(w, q);
	if (tells_idle(q, r->settings))
		put_keepalive(w, r->settings->tcp_idle_s);
	if (q->tells_expire && r->rcode == RCODE_NOERROR)
		put_expire(w, q->expire_s);
	if (r->ede != NULL)
		room -= put_error(w, r->ede, room);
	if (agent != NULL && room >= 4 + dname_len(agent))
		put_option(w, EDNS_REPORT, agent, dname_len(agent));
	if (wr_len(w) > at && !w->full)
		wr_patch_u16(w, at - 2, (uint16_t)(wr_len(w) - at));
	r->counts[SECTION_ADDITIONAL]++;
}
