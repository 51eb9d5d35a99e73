/* Who gets a zone, and in which form: AXFR (RFC 5936), and IXFR (RFC 1995) answered with the whole zone or, where the
 * client has it already or asks over UDP, with the SOA alone. */
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

static void
answer_stream(struct inbound *in, struct zone_version *version, struct outcome *o)
{
	_Atomic unsigned *running = &in->handler->shared->transfers;
	char what[AXFR_TEXT], peer[CONFIG_ADDRESS_TEXT];

	/* Each holds memory and a version of its zone for as long as its client reads. */
	if (atomic_load_explicit(running, memory_order_relaxed) >= in->view->config->transfers_out) {
		inbound_complain(in, "not now: %u transfers run (transfers-out)", in->view->config->transfers_out);
		inbound_error(in, RCODE_SERVFAIL, &ede_transfers_full, o);
		return;
	}
	if (axfr_new(version, in->view, &in->q, running, &o->transfer) != ERR_OK) {
		inbound_error(in, RCODE_SERVFAIL, &ede_no_memory, o);
		return;
	}
	o->what = HANDLED_TRANSFER;
	counter_add(&in->handler->counters.transfers, 1);
	counter_add(&in->handler->counters.rcodes[RCODE_NOERROR], 1);
	if (log_wants(LOG_LEVEL_DEBUG))
		log_debug("%s to %s begins", axfr_describe(o->transfer, what),
		    config_address_print((const struct sockaddr *)in->client->peer, peer));
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
		inbound_complain(in, "refused: neither the right of a _transfer or _update key nor allow-transfer of the "
		    "zone covers it (%s)", inbound_key_print(in, key));
		inbound_error(in, RCODE_REFUSED, &ede_transfer_refused, o);
	} else if (!ixfr && !in->client->tcp) {
		inbound_complain(in, "refused: transfers are made over TCP only");
		inbound_error(in, RCODE_REFUSED, &ede_transfer_tcp, o);
	} else if (ixfr && !read_client_serial(in, &serial)) {
		inbound_rcode(in, RCODE_FORMERR, o);
	} else if ((version = zone_store_current(store)) == NULL) {
		inbound_error(in, RCODE_SERVFAIL, &ede_not_loaded, o);
	} else if (ixfr && (!in->client->tcp || !serial_lt(serial, zone_version_serial(version)))) {
		answer_soa(in, version, o);
	} else {
		answer_stream(in, version, o);
	}
}
