/* Who gets a zone, and in which form: AXFR (RFC 5936), and IXFR (RFC 1995) answered with the differences that the
 * journal has; with the SOA alone where the client has the zone already, or asks over UDP for more than fits; else with
 * the whole zone. */
#include <stdio.h>

#include "base/log.h"
#include "server/inbound.h"
#include "server/response.h"
#include "wire/rrtype.h"

static bool
is_allowed(const struct inbound *in)
{
	const uint8_t *zone = in->q.question.qname.octets;
	const struct tsig_key *key = in->q.tsig.status == TSIG_VALID ? in->q.tsig.key : NULL;
	const struct config_zone *config = config_zone_for(in->view->config, zone);

	return (key != NULL && tsig_key_may(key, TSIG_RIGHT_TRANSFER, zone)) ||
	    config_access_allows(config->allow_transfer, config->nallow_transfer,
	    (const struct sockaddr *)in->client->peer, key);
}

/* The client's serial: RFC 1995, section 3.  False: the authority section does not start with the zone's SOA. */
static bool
read_client_serial(const struct inbound *in, uint32_t *serial)
{
	struct rd r = rd_over(in->msg, in->n);
	struct msg_rr rr;
	struct dname name;

	rd_take(&r, in->q.after_question);
	for (unsigned i = 0; i <= in->q.header.ancount; i++)
		if (!msg_rr_read(&r, &rr))
			return false;
	if (in->q.header.nscount == 0 || rr.type != TYPE_SOA ||
	    !dname_equal(rr.owner.octets, in->q.question.qname.octets))
		return false;
	rd_dname(&rr.rdata, &name);
	rd_dname(&rr.rdata, &name);
	*serial = rd_u32(&rr.rdata);
	return !rr.rdata.bad;
}

static void
answer_soa(struct inbound *in, const struct zone_version *version, struct outcome *o)
{
	const struct zone_node *apex = zone_version_apex(version);
	struct zone_rrset set;
	struct response r;

	response_start(&r, &in->q, &in->view->settings, in->out, in->room);
	r.flags |= FLAG_AA;
	if (zone_node_rrset(apex, TYPE_SOA, &set) &&
	    !response_rrset(&r, SECTION_ANSWER, zone_node_owner(apex), &set, set.ttl))
		r.flags |= FLAG_TC;
	inbound_finish(in, response_finish(&r), RCODE_NOERROR, o);
}

/* err: of making the stream in o->transfer. */
static enum err
begin(struct handler *h, const struct sockaddr *peer, enum err err, struct outcome *o)
{
	char what[AXFR_TEXT], address[CONFIG_ADDRESS_TEXT];

	if (err != ERR_OK)
		return err;
	o->what = HANDLED_TRANSFER;
	counter_add(&h->counters.transfers, 1);
	counter_add(&h->counters.rcodes[RCODE_NOERROR], 1);
	if (log_wants(LOG_LEVEL_DEBUG))
		log_debug("%s to %s begins", axfr_describe(o->transfer, what), config_address_print(peer, address));
	return ERR_OK;
}

/* Each transfer holds memory, and perhaps a version of its zone, for as long as its client reads. */
static bool
is_full(const struct handler *h, const struct view *view)
{
	return atomic_load_explicit(&h->shared->transfers, memory_order_relaxed) >= view->config->transfers_out;
}

static void
answer_stream(struct inbound *in, struct zone_version *version, struct outcome *o)
{
	_Atomic unsigned *running = &in->handler->shared->transfers;

	if (is_full(in->handler, in->view)) {
		inbound_complain(in, "not now: %u transfers run (transfers-out)", in->view->config->transfers_out);
		inbound_error(in, RCODE_SERVFAIL, &ede_transfers_full, o);
	} else if (begin(in->handler, (const struct sockaddr *)in->client->peer,
	    axfr_new(version, in->view, &in->q, running, &o->transfer), o) != ERR_OK) {
		inbound_error(in, RCODE_SERVFAIL, &ede_no_memory, o);
	}
}

void
inbound_transfer(struct inbound *in, struct outcome *o)
{
	const struct question *q = &in->q.question;
	bool ixfr = q->qtype == TYPE_IXFR;
	char key[INBOUND_KEY_TEXT];
	struct zone_store *store = zoneset_exact(in->handler->shared->zones, q->qname.octets);
	struct zone_version *version;
	uint32_t serial = 0;

	if (store == NULL) {
		inbound_error(in, RCODE_NOTAUTH, &ede_not_served, o);	/* RFC 5936, section 2.2.1 */
	} else if (!is_allowed(in)) {
		inbound_complain(in, "refused: neither the right of a _transfer or _update key nor allow-transfer of "
		    "the zone covers it (%s)", inbound_key_print(in, key));
		inbound_error(in, RCODE_REFUSED, &ede_transfer_refused, o);
	} else if (!ixfr && !in->client->tcp) {
		inbound_complain(in, "not over UDP: transfers are made over TCP only");
		inbound_error(in, RCODE_NOTIMP, &ede_transfer_tcp, o);	/* RFC 5936, section 4.2: not defined */
	} else if (ixfr && !read_client_serial(in, &serial)) {
		inbound_rcode(in, RCODE_FORMERR, o);
	} else if ((version = zone_store_current(store)) == NULL) {
		inbound_error(in, RCODE_SERVFAIL, &ede_not_loaded, o);
	} else if (ixfr && !serial_lt(serial, zone_version_serial(version))) {
		answer_soa(in, version, o);
	} else if (ixfr && inbound_ask_history(in, serial)) {
		o->what = HANDLED_TRANSFER_LATER;
	} else if (!in->client->tcp) {
		answer_soa(in, version, o);
	} else {
		answer_stream(in, version, o);
	}
}

/* --- the keeper has looked for history --- */

/* One message: all of it where it fits, else the new SOA (RFC 1995, section 4). */
static size_t
write_message(struct job *j, uint8_t *out, size_t room)
{
	const struct rr_list *rrs = &j->ixfr->rrs;
	const struct rr *soa = &rrs->v[0];
	struct response r;
	bool fits;

	for (size_t i = 0; i < rrs->n; i++)
		if (rrs->v[i].type == TYPE_SOA)
			soa = &rrs->v[i];
	response_start(&r, &j->request, &j->view->settings, out, room);
	r.flags |= FLAG_AA;
	fits = response_rr(&r, SECTION_ANSWER, soa->owner, soa->type, CLASS_IN, soa->ttl, soa->rdata, soa->rdlen);
	if (rrs->n > 1) {
		for (size_t i = 0; fits && i <= rrs->n; i++) {
			const struct rr *rr = i < rrs->n ? &rrs->v[i] : soa;

			fits = response_rr(&r, SECTION_ANSWER, rr->owner, rr->type, CLASS_IN, rr->ttl, rr->rdata,
			    rr->rdlen);
		}
		if (!fits) {
			response_start(&r, &j->request, &j->view->settings, out, room);
			r.flags |= FLAG_AA;
			response_rr(&r, SECTION_ANSWER, soa->owner, soa->type, CLASS_IN, soa->ttl, soa->rdata,
			    soa->rdlen);
		}
	}
	return response_finish(&r);
}

/* Over TCP. */
static enum err
start_stream(struct handler *h, struct job *j, struct outcome *o)
{
	const struct sockaddr *peer = (const struct sockaddr *)&j->peer;
	_Atomic unsigned *running = &h->shared->transfers;
	struct zone_store *store;
	struct zone_version *version;

	if (is_full(h, j->view))
		return ERR_BUSY;
	if (j->ixfr != NULL)
		return begin(h, peer, axfr_new_ixfr(j->ixfr, j->view, &j->request, running, &o->transfer), o);
	store = zoneset_exact(h->shared->zones, j->request.question.qname.octets);
	if (store == NULL || (version = zone_store_current(store)) == NULL)
		return ERR_NOT_FOUND;
	return begin(h, peer, axfr_new(version, j->view, &j->request, running, &o->transfer), o);
}

void
handle_history(struct handler *h, struct job *j, int64_t now_s, uint8_t *out, size_t room, struct outcome *o)
{
	*o = (struct outcome){ .what = HANDLED_ANSWER };
	if (j->rcode == RCODE_NOERROR && j->request.tcp && (j->ixfr == NULL || j->ixfr->rrs.n > 1)) {
		enum err err = start_stream(h, j, o);

		if (err == ERR_OK)
			return;
		snprintf(j->reason, sizeof j->reason, "%s", err == ERR_BUSY ? ede_transfers_full.text : err_str(err));
		j->rcode = RCODE_SERVFAIL;
	}
	if (j->rcode != RCODE_NOERROR || j->ixfr == NULL) {
		o->n = handle_reply(h, j, now_s, out, room);
		return;
	}
	counter_add(&h->counters.rcodes[RCODE_NOERROR], 1);
	if ((o->n = write_message(j, out, room)) > 0)
		o->n = tsig_sign_response(&j->request.tsig, out, o->n, room, now_s);
}
