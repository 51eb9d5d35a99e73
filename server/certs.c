/* server/certs.c -- the ACME engine's outside: zones to look into and to change, other servers to ask. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

#define ACME_RETRY_FIRST_S 60
#define ACME_RETRY_MOST_S 86400
#define ACME_PROPAGATION_S 120
#define ASK_TRIES 2

/* --- the zone editor --- */

static enum err
fill_changes(const struct acme_edit *edit, struct changeset *out)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < edit->nremove; i++)
		err = changeset_remove_rr(out, &edit->remove[i]);
	for (size_t i = 0; err == ERR_OK && i < edit->nadd; i++) {
		struct change c = { .rr = edit->add[i], .add = true,
		    .class = edit->passing ? CHANGE_PASSING : CHANGE_LASTING, .until_s = edit->passing ? edit->until_s : 0 };

		err = changeset_add(out, &c);
	}
	return err;
}

static void
edit_zone(void *ctx, const struct acme_edit *edit, void (*done)(void *arg, enum err err, const char *words), void *arg)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find(&k->zones, edit->zone);
	struct changeset changes = { 0 };
	struct fault f = { 0 };
	const char *why = "the zone is not served here";
	enum err err;

	if (z == NULL || (z->secondary == NULL && !zone_may_change(z, &why))) {
		done(arg, ERR_REFUSED, why);
		return;
	}
	err = fill_changes(edit, &changes);
	if (err == ERR_OK && z->secondary != NULL) {
		remote_edit(k, z, &changes, done, arg);
		changeset_clear(&changes);
		return;
	}
	if (err == ERR_OK)
		err = commits_stage(k->commits, &(struct commit_request){ .zone = z, .changes = &changes,
		    .origin = ORIGIN_ACME, .by = edit->why, .now_s = clock_now_s() }, NULL, &f);
	changeset_clear(&changes);
	/* The sync is shared with whatever else this round of the loop brings. */
	if (err == ERR_OK && (err = keeper_wait(k, done, arg)) == ERR_OK)
		keeper_flush_soon(k);
	else
		done(arg, err, fault_str(&f, err));
}

static enum err
lookup(void *ctx, const uint8_t *name, uint16_t type, struct rr_list *out)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find_above(&k->zones, name);
	const struct zone_node *node;
	struct zone_rrset set;
	struct rr rr = { .owner = name, .type = type };
	enum err err = ERR_OK;

	if (z == NULL || zone_newest(z) == NULL)
		return ERR_NOT_FOUND;
	node = zone_version_find(zone_newest(z), name);
	if (node == NULL || !zone_node_rrset(node, type, &set))
		return ERR_OK;
	rr.ttl = set.ttl;
	for (const uint8_t *at = NULL; err == ERR_OK && zone_rrset_next(&set, &at, &rr.rdata, &rr.rdlen); )
		err = rr_list_add(out, &rr);
	return err;
}

static bool
zone_of(void *ctx, const uint8_t *name, struct dname *apex, bool *editable)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find_above(&k->zones, name);
	const char *why;

	if (z == NULL || zone_newest(z) == NULL)
		return false;
	dname_copy(apex, z->apex.octets);
	*editable = config_zone_for(k->view->config, z->apex.octets)->acme &&
	    (zone_may_change(z, &why) || remote_edit_key(k, z) != NULL);
	return true;
}

static void
servers(void *ctx, const uint8_t *zone, void (*found)(void *arg, const struct sockaddr *address, const char *server),
    void *arg)
{
	peers_servers(ctx, zone, found, arg);
}

/* --- questions to other servers --- */

/* A secondary that was just told of the change, and has not confirmed that, is asked a little later: it would say what it
 * said before. */
#define CONFIRM_MS 1000
#define CONFIRM_LOOK_MS 10

struct asking {
	struct asking *next, **link;
	struct keeper *keeper;
	struct sockaddr_storage to;
	struct dname qname;
	uint16_t qtype;
	unsigned timeout_ms;
	int64_t until_ms;		/* it is asked then, confirmed or not */
	struct event *turn;		/* time to ask, or to tell of words */
	struct exchange *exchange;
	void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words);
	void *arg;
	char words[128];		/* why it could not even be sent; "": it may be */
};

static void
asking_free(struct asking *a)
{
	*a->link = a->next;
	if (a->next != NULL)
		a->next->link = a->link;
	if (a->turn != NULL)
		event_free(a->turn);
	free(a);
}

static void
on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct asking *a = arg;
	void (*answered)(void *, const uint8_t *, size_t, const char *) = a->answered;
	void *their_arg = a->arg;
	char kept[sizeof a->words];

	if (words == a->words)
		words = memcpy(kept, words, sizeof kept);
	asking_free(a);
	answered(their_arg, msg, err == ERR_OK ? n : 0, words);
}

static size_t
write_question(const uint8_t *qname, uint16_t qtype, uint8_t *out, size_t room)
{
	struct question q = { .qtype = qtype, .qclass = CLASS_IN };
	struct wr w;

	dname_copy(&q.qname, qname);
	wr_init(&w, out, room);
	msg_header_write(&w, &(struct msg_header){ .qdcount = 1, .arcount = 1 });
	question_write(&w, &q);
	edns_write(&w, MSG_UDP_EDNS, 0, false);
	return wr_len(&w);
}

struct notice_search {
	const struct sockaddr *host;
	bool outstanding;
};

static void
look_for_notice(void *arg, const struct notify_status *s)
{
	struct notice_search *search = arg;

	search->outstanding |= !s->is_confirmed && s->tries <= 1 && config_same_host(s->address, search->host);
}

static bool
is_yet_to_confirm(const struct asking *a)
{
	const struct zone *z = zonetable_find_above(&a->keeper->zones, a->qname.octets);
	struct notice_search search = { (const struct sockaddr *)&a->to, false };

	if (z != NULL)
		notifier_each(a->keeper->notifier, z->apex.octets, look_for_notice, &search);
	return search.outstanding;
}

static void
send_question(struct asking *a)
{
	uint8_t msg[MSG_UDP_PLAIN];
	const struct sockaddr *to = (const struct sockaddr *)&a->to;
	const struct config_address *from = config_source_for(a->keeper->view->config, to->sa_family);
	struct exchange_request q = { .to = a->to, .msg = msg, .timeout_ms = a->timeout_ms, .tries = ASK_TRIES, .done = on_answer,
	    .arg = a, .from = from == NULL ? NULL : (const struct sockaddr *)&from->address };
	enum err err;

	q.n = write_question(a->qname.octets, a->qtype, msg, sizeof msg);
	q.to_len = to->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if ((err = exchange_start(a->keeper->base, &q, &a->exchange)) == ERR_OK)
		return;
	a->exchange = NULL;
	snprintf(a->words, sizeof a->words, "%s", err_str(err));
	event_active(a->turn, EV_TIMEOUT, 1);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct asking *a = arg;

	(void)fd;
	(void)what;
	if (a->words[0] != '\0')
		on_answer(a, ERR_NETWORK, NULL, 0, a->words);
	else if (clock_mono_ms() < a->until_ms && is_yet_to_confirm(a))
		event_add(a->turn, &(struct timeval){ 0, CONFIRM_LOOK_MS * 1000 });
	else
		send_question(a);
}

static void
ask(void *ctx, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype, unsigned timeout_ms,
    void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words), void *arg)
{
	struct keeper *k = ctx;
	struct asking *a = calloc(1, sizeof *a);

	if (a == NULL || (a->turn = evtimer_new(k->base, on_turn, a)) == NULL) {
		log_error("out of memory: a question to a name server is lost, and the order with it");
		free(a);
		return;
	}
	a->keeper = k;
	a->answered = answered;
	a->arg = arg;
	a->qtype = qtype;
	a->timeout_ms = timeout_ms;
	a->until_ms = clock_mono_ms() + CONFIRM_MS;
	dname_copy(&a->qname, qname);
	memcpy(&a->to, address, address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	a->link = &k->asking;
	if ((a->next = k->asking) != NULL)
		a->next->link = &a->next;
	k->asking = a;
	event_active(a->turn, EV_TIMEOUT, 1);
}

/* --- the engine --- */

enum err
certs_start(struct keeper *k, struct fault *f)
{
	const struct config *c = k->boot_view->config;
	struct acme_outside outside = { k, edit_zone, lookup, zone_of, servers, ask };
	struct acme_config config = { .nauthorities = c->nauthorities, .labels = (const char *const *)c->labels,
	    .challenge_ttl = c->challenge_ttl, .proxy = c->proxy, .state_directory = c->state_directory,
	    .retry_first_s = ACME_RETRY_FIRST_S, .retry_most_s = ACME_RETRY_MOST_S,
	    .propagation_timeout_s = ACME_PROPAGATION_S };

	if (c->nauthorities == 0) {
		log_info("no ACME authority is configured: CSRs are served, and no certificates are obtained");
		return ERR_OK;
	}
	if ((k->authorities = calloc(c->nauthorities, sizeof *k->authorities)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->nauthorities; i++)
		k->authorities[i] = (struct acme_authority_config){ c->authorities[i].directory,
		    c->authorities[i].ca_certificates, (const char *const *)c->authorities[i].contact,
		    c->authorities[i].terms_agreed };
	config.authorities = k->authorities;
	return acme_new(&config, &outside, k->base, &k->acme, f);
}

void
certs_stop(struct keeper *k)
{
	if (k->acme != NULL)
		acme_free(k->acme);
	k->acme = NULL;
	while (k->asking != NULL) {
		exchange_cancel(k->asking->exchange);
		asking_free(k->asking);
	}
	free(k->authorities);
}

void
certs_changed(struct keeper *k, const struct changeset *changes)
{
	for (size_t i = 0; k->acme != NULL && i < changes->n; i++)
		if (changes->v[i].rr.type == TYPE_TLSA && acme_is_label(k->acme, changes->v[i].rr.owner))
			acme_look(k->acme, changes->v[i].rr.owner);
}

void
certs_scan(struct keeper *k, const struct zone *z)
{
	const struct zone_node *node;
	struct zone_rrset set;
	struct zone_walk walk;

	if (k->acme == NULL || zone_newest(z) == NULL)
		return;
	zone_walk_start(&walk, zone_newest(z));
	while ((node = zone_walk_next(&walk)) != NULL)
		if (zone_node_rrset(node, TYPE_TLSA, &set) && acme_is_label(k->acme, zone_node_owner(node)))
			acme_look(k->acme, zone_node_owner(node));
}
