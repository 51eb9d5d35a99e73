/* UPDATE and NOTIFY at the door: what can be judged without the keeper is judged here. */
#include "server/inbound.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/update_policy.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/zone.h"

static bool
is_served(const struct inbound *in)
{
	const struct question *q = &in->q.question;

	return q->qclass == CLASS_IN && zoneset_exact(in->handler->shared->zones, q->qname.octets) != NULL;
}

static bool
key_may(const struct inbound *in, enum tsig_right right)
{
	return in->q.tsig.status == TSIG_VALID && tsig_key_may(in->q.tsig.key, right, in->q.question.qname.octets);
}

static struct job *
job_new(const struct inbound *in, enum job_kind kind)
{
	const struct client *c = in->client;
	struct job *j = calloc(1, sizeof *j + in->n);

	if (j == NULL)
		return NULL;
	j->kind = kind;
	j->worker = in->handler->worker;
	j->reply_to = in->handler->replies;
	j->view = view_ref(in->view);
	j->connection = c->connection;
	j->generation = c->generation;
	j->socket = c->socket;
	j->interface = c->interface;
	memcpy(&j->peer, c->peer, c->peer_len);
	j->peer_len = c->peer_len;
	if (c->local != NULL) {
		memcpy(&j->local, c->local, c->local_len);
		j->local_len = c->local_len;
	}
	j->received_ns = dnstap_is_on(in->handler->tap) ? in->handler->tap->received_ns : 0;
	j->request = in->q;
	j->request.tsig.digest = NULL;		/* only clients use it */
	memcpy(j->digest, in->digest, sizeof j->digest);
	j->n = in->n;
	memcpy(j->msg, in->msg, in->n);
	return j;
}

bool
inbound_ask_history(struct inbound *in, uint32_t serial)
{
	struct job *j = job_new(in, JOB_IXFR);

	if (j == NULL)
		return false;
	j->serial = serial;
	if (queue_push(in->handler->shared->to_keeper, j))
		return true;
	job_free(j);
	return false;
}

static bool
send_to_keeper(struct inbound *in, enum job_kind kind)
{
	struct job *j = job_new(in, kind);

	if (j != NULL && queue_push(in->handler->shared->to_keeper, j))
		return true;
	in->q.ede = j == NULL ? &ede_no_memory : &ede_queue_full;
	job_free(j);
	inbound_complain(in, "answered SERVFAIL: %s", in->q.ede->text);
	return false;
}

void
inbound_listen(struct inbound *in, struct outcome *o)
{
	struct job *j;

	if (!in->client->tcp || !key_may(in, TSIG_RIGHT_TRANSFER) || (j = job_new(in, JOB_LISTEN)) == NULL)
		return;
	o->listens = queue_push(in->handler->shared->to_keeper, j);
	if (!o->listens)
		job_free(j);
}

void
inbound_expire(struct inbound *in)
{
	struct request *q = &in->q;
	const struct zone_store *store = zoneset_exact(in->handler->shared->zones, q->question.qname.octets);
	const struct zone_version *version = store == NULL ? NULL : zone_store_current(store);
	struct rr rr;
	struct soa soa;

	if (version == NULL || !zone_version_soa(version, &rr))
		return;
	soa_read(rr.rdata, rr.rdlen, &soa);
	q->tells_expire = true;
	if (!zone_store_expiry(store, in->now_s, &q->expire_s))
		q->expire_s = soa.expire;
}

bool
inbound_forwards(const struct inbound *in)
{
	const struct config_zone *z;
	uint32_t left_s;

	if (msg_opcode(&in->q.header) != OPCODE_UPDATE || !in->q.has_question || in->q.question.qtype != TYPE_SOA)
		return false;
	z = config_zone_for(in->view->config, in->q.question.qname.octets);
	if (!z->forward_updates || !is_served(in))
		return false;
	/* What a catalog lists and what names of keys make has no primaries in the configuration, but it expires. */
	return z->nprimaries > 0 || zone_store_expiry(zoneset_exact(in->handler->shared->zones,
	    in->q.question.qname.octets), in->now_s, &left_s);
}

void
inbound_forward(struct inbound *in, struct outcome *o)
{
	size_t bare = in->n;
	struct job *j;

	/* TSIG goes on with it: the record is there, but not counted. */
	in->n = in->whole;
	j = job_new(in, JOB_FORWARD);
	in->n = bare;
	if (j != NULL)
		store_u16(j->msg + 10, (uint16_t)(load_u16(j->msg + 10) + 1));
	if (j != NULL && queue_push(in->handler->shared->to_keeper, j)) {
		o->what = HANDLED_LATER;
		return;
	}
	in->q.ede = j == NULL ? &ede_no_memory : &ede_queue_full;
	job_free(j);
	inbound_complain(in, "answered SERVFAIL: %s", in->q.ede->text);
	inbound_rcode(in, RCODE_SERVFAIL, o);
}

int
inbound_update(struct inbound *in)
{
	char key[INBOUND_KEY_TEXT];

	if (in->q.question.qtype != TYPE_SOA)
		return RCODE_FORMERR;			/* RFC 2136, section 3.1.1 */
	if (!is_served(in)) {
		inbound_complain(in, "answered NOTAUTH: not a zone of this server (%s)", inbound_key_print(in, key));
		in->q.ede = &ede_not_served;
		return RCODE_NOTAUTH;
	}
	if (in->q.tsig.status != TSIG_VALID ||
	    !update_policy_admits(in->view->config, in->q.tsig.key, in->q.question.qname.octets)) {
		counter_add(&in->handler->counters.updates_refused, 1);
		inbound_complain(in, "refused: an update must be signed with a key that may update the zone (%s)",
		    inbound_key_print(in, key));
		in->q.ede = &ede_update_refused;
		return RCODE_REFUSED;
	}
	return send_to_keeper(in, JOB_UPDATE) ? INBOUND_LATER : RCODE_SERVFAIL;
}

/* Is the peer a primary of the zone, by its address?  Then what it says unsigned is a reason to ask (RFC 1996, section
 * 3.10). */
static bool
is_from_primary(const struct inbound *in)
{
	const struct config *c = in->view->config;
	const struct config_zone *z = config_zone_for(c, in->q.question.qname.octets);
	const struct sockaddr *peer = (const struct sockaddr *)in->client->peer;

	for (size_t i = 0; i < z->nprimaries; i++)
		if (config_same_host((const struct sockaddr *)&z->primaries[i].address.address, peer))
			return true;
	for (size_t i = 0; i < c->ncatalogs; i++)	/* it may be a member of a catalog, and has its primaries */
		for (size_t n = 0; n < c->catalogs[i]->nprimaries; n++)
			if (config_same_host((const struct sockaddr *)&c->catalogs[i]->primaries[n].address.address, peer))
				return true;
	for (size_t i = 0; c->secondary && i < c->nkeys; i++) {
		struct config_address primary;

		if (!c->keys[i]->has_primary)
			continue;
		config_address_make(AF_INET, c->keys[i]->primary, 0, &primary);
		if (config_same_host((const struct sockaddr *)&primary.address, peer) &&
		    tsig_key_may(c->keys[i], TSIG_RIGHT_TRANSFER, in->q.question.qname.octets))
			return true;
	}
	return false;
}

static int
notify_signed(struct inbound *in)
{
	char key[INBOUND_KEY_TEXT];

	/* Good also for a name that is no zone yet: it may become one by the pull that this triggers. */
	if (!key_may(in, TSIG_RIGHT_NOTIFY)) {
		inbound_complain(in, "refused: the key may not notify here (%s)", inbound_key_print(in, key));
		in->q.ede = &ede_notify_refused;
		return RCODE_REFUSED;
	}
	return send_to_keeper(in, JOB_NOTIFY) ? RCODE_NOERROR : RCODE_SERVFAIL;
}

int
inbound_notify(struct inbound *in)
{
	char zone[DNAME_TEXT_MAX], peer[CONFIG_ADDRESS_TEXT];

	if (in->q.question.qtype != TYPE_SOA)
		return RCODE_FORMERR;
	if (in->q.tsig.status == TSIG_VALID)
		return notify_signed(in);
	if (!is_served(in)) {
		in->q.ede = &ede_not_served;
		return RCODE_NOTAUTH;
	}
	if (is_from_primary(in))
		return send_to_keeper(in, JOB_NOTIFY) ? RCODE_NOERROR : RCODE_SERVFAIL;
	/* Acknowledged, so that the sender stops, and nothing else: anybody may have sent it. */
	if (log_wants(LOG_LEVEL_DEBUG))
		log_debug("NOTIFY of %s from %s is unsigned: acknowledged and ignored",
		    dname_print_host(in->q.question.qname.octets, zone),
		    config_address_print((const struct sockaddr *)in->client->peer, peer));
	return RCODE_NOERROR;
}
