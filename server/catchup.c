/* server/catchup.c -- a zone that this host serves for the first time, or from a backup: its secondaries may have a newer serial than its
 * file, from the host that served it before.  They are asked, and the zone goes on above the highest. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#define ASK_MS 2000
#define ASK_TRIES 2

/* One question on its way. */
struct catchup {
	struct catchup *next, **link;
	struct keeper *keeper;
	struct zone *zone;		/* zones live as long as the keeper */
	struct exchange *exchange;
	struct view *view;		/* a reference: has the key */
};

static void
catchup_free(struct catchup *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	c->keeper->ncatchups--;
	view_unref(c->view);
	free(c);
}

bool
answer_serial(const uint8_t *msg, size_t n, const uint8_t *apex, uint32_t *serial, struct edns *edns)
{
	struct rd r = rd_over(msg, n);
	uint8_t rdata[2 * DNAME_MAX + 20];
	struct question q;
	struct msg_header h;
	struct msg_rr rr;
	struct soa soa;
	size_t len = 0;

	msg_header_read(&r, &h);
	if (r.bad || (h.flags & 15) != RCODE_NOERROR || (h.flags & FLAG_AA) == 0 || h.qdcount != 1 || h.ancount < 1 ||
	    !question_read(&r, &q) || !msg_rr_read(&r, &rr))
		return false;
	if (rr.type != TYPE_SOA || rr.class != CLASS_IN || !dname_equal(rr.owner.octets, apex) ||
	    rr.rdlen > sizeof rdata)
		return false;
	/* Undoing compression can only give two names and twenty octets. */
	if (!rdata_read(&rr.rdata, TYPE_SOA, rr.rdlen, rdata, &len))
		return false;
	soa_read(rdata, len, &soa);
	*serial = soa.serial;
	for (unsigned i = 1; edns != NULL && i < h.ancount; i++)
		(void)msg_rr_read(&r, &rr);
	if (edns != NULL)
		edns_find(&r, (unsigned)h.nscount + h.arcount, edns);
	return true;
}

/* All have answered, or will not. */
static void
catch_up(struct keeper *k, struct zone *z)
{
	static const struct changeset nothing;
	uint32_t served, highest = z->peers_serial;
	struct fault f = { 0 };
	const char *why;
	enum err err;

	if (!z->peers_known || zone_newest(z) == NULL || z->retired)
		return;
	served = zone_version_serial(zone_newest(z));
	if (!serial_lt(served, highest))
		return;
	if (!zone_may_change(z, &why)) {
		log_warning("zone %s: a secondary has serial %u, newer than %u here, and will take nothing from us "
		    "until that is raised in the file: %s", z->name, highest, served, why);
		return;
	}
	err = commits_stage(k->commits, &(struct commit_request){ .zone = z, .changes = &nothing,
	    .origin = ORIGIN_CATCHUP,
	    .by = "", .now_s = clock_now_s(), .force_serial = true, .serial = highest + 1 }, NULL, &f);
	if (err == ERR_OK) {
		log_info("zone %s: %s, and a secondary has serial %u: serial %u", z->name, z->restored ?
		    "from a backup" : "new here", highest, zone_version_serial(zone_newest(z)));
		keeper_flush_soon(k);
	} else {
		log_error("zone %s: a secondary has serial %u, and this one stays at %u: %s", z->name, highest, served,
		    fault_str(&f, err));
	}
}

static void
on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct catchup *c = arg;
	struct keeper *k = c->keeper;
	struct zone *z = c->zone;
	uint32_t serial;

	if (err != ERR_OK)
		log_debug("zone %s: a secondary was asked for its serial: %s", z->name, words);
	else if (answer_serial(msg, n, z->apex.octets, &serial, NULL) &&
	    (!z->peers_known || serial_lt(z->peers_serial, serial))) {
		z->peers_known = true;
		z->peers_serial = serial;
	}
	catchup_free(c);
	if (--z->peers_asked == 0)
		catch_up(k, z);
}

struct asking_zone {
	struct keeper *keeper;
	struct zone *zone;
	const uint8_t *msg;
	size_t n;
};

static void
ask_target(void *arg, const struct notify_target *target, const struct sockaddr *source)
{
	struct asking_zone *a = arg;
	struct catchup *c = calloc(1, sizeof *c);
	struct exchange_request q = { .to = target->address, .to_len = target->len, .from = source, .msg = a->msg,
	    .n = a->n, .key = target->key,
	    .timeout_ms = ASK_MS, .tries = ASK_TRIES, .done = on_answer, .arg = c };

	if (target->unknown_key != NULL || c == NULL || exchange_start(a->keeper->base, &q, &c->exchange) != ERR_OK) {
		free(c);
		log_debug("zone %s: a secondary could not be asked for its serial", a->zone->name);
		return;
	}
	c->keeper = a->keeper;
	c->zone = a->zone;
	c->view = view_ref(a->keeper->view);
	c->link = &a->keeper->catchups;
	if ((c->next = a->keeper->catchups) != NULL)
		c->next->link = &c->next;
	a->keeper->catchups = c;
	a->keeper->ncatchups++;
	a->zone->peers_asked++;
}

static void
ask_for(struct keeper *k, struct zone *z)
{
	struct question q = { .qtype = TYPE_SOA, .qclass = CLASS_IN };
	uint8_t msg[MSG_UDP_PLAIN];
	struct wr w;

	dname_copy(&q.qname, z->apex.octets);
	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &(struct msg_header){ .qdcount = 1 });
	question_write(&w, &q);
	peers_secondaries(k, z, ask_target, &(struct asking_zone){ k, z, msg, wr_len(&w) });
}

void
catchup_look(struct keeper *k, struct zone *z)
{
	if (z->new_here && zone_newest(z) != NULL)
		ask_for(k, z);
	z->new_here = false;
}

void
catchup_stop(struct keeper *k)
{
	while (k->catchups != NULL) {
		exchange_cancel(k->catchups->exchange);
		catchup_free(k->catchups);
	}
}
