/* A staged change holds its sealed, unpublished version inside the zone's store and the changes that took effect.  Those
 * are found by comparing, RRset by RRset, the versions before and after: whatever the request said, the journal and the
 * secondaries get the true difference, TTLs of a whole RRset included. */
#include "zones/commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

struct staged {
	struct staged *next;
	struct commit_request request;	/* changes points to ours below */
	char *by;
	uint8_t digest[32];
	struct changeset effective;
	uint32_t serial_from, serial_to;
	unsigned rcode;
	bool published_version;		/* a version waits in the store */
	bool noted;			/* pending_mark() was called on its zone */
};

struct commits {
	struct journal *journal;
	commit_subscriber *subscriber;
	void *ctx;
	struct staged *first, **last;
	char *problem;
};

enum err
commits_new(struct journal *journal, commit_subscriber *subscriber, void *ctx, struct commits **out)
{
	struct commits *c = calloc(1, sizeof *c);

	if (c == NULL)
		return ERR_NOMEM;
	c->journal = journal;
	c->subscriber = subscriber;
	c->ctx = ctx;
	c->last = &c->first;
	*out = c;
	return ERR_OK;
}

static void
staged_free(struct staged *s)
{
	changeset_clear(&s->effective);
	free(s->by);
	free(s);
}

/* Undo from the newest on: a zone's versions are stacked. */
static void
undo_from(struct staged *s)
{
	if (s == NULL)
		return;
	undo_from(s->next);
	if (s->published_version)
		zone_store_abort(s->request.zone->store);
	if (s->noted)
		pending_undo(&s->request.zone->pending);
	staged_free(s);
}

static void
undo_all(struct commits *c)
{
	undo_from(c->first);
	c->first = NULL;
	c->last = &c->first;
}

void
commits_free(struct commits *c)
{
	if (c == NULL)
		return;
	undo_all(c);
	free(c->problem);
	free(c);
}

const char *
commits_problem(const struct commits *c)
{
	return c->problem;
}

/* --- what changed --- */

static bool
find_rrset(const struct zone_version *v, const struct rr *rr, struct zone_rrset *out)
{
	const struct zone_node *node = v == NULL ? NULL : zone_version_find(v, rr->owner);

	return node != NULL && zone_node_rrset_of(node, rr, out);
}

static bool
rrset_has(const struct zone_rrset *set, const uint8_t *rdata, uint16_t n)
{
	const uint8_t *other;
	uint16_t other_n;

	for (const uint8_t *at = NULL; zone_rrset_next(set, &at, &other, &other_n); )
		if (rdata_equal(set->type, rdata, n, other, other_n))
			return true;
	return false;
}

/* Between its callbacks the keeper is offline for RCU, so that it never holds a grace period up. */
static void
publish(struct zone *z)
{
	rcu_thread_online();
	zone_store_publish(z->store);
	rcu_thread_offline();
	z->garbage = true;
}

/* The class that the request, or what is known already, gives to an RR that is in the zone now. */
static void
classify(const struct commit_request *q, struct change *c)
{
	const struct rrmap_value *passing = rrmap_find(&q->zone->pending.passing, &c->rr);

	c->class = CHANGE_LASTING;
	for (size_t i = q->changes->n; i-- > 0; ) {
		const struct change *wanted = &q->changes->v[i];

		if (wanted->add && rr_same(&wanted->rr, &c->rr)) {
			c->class = wanted->class;
			c->until_s = wanted->until_s;
			return;
		}
	}
	if (passing != NULL) {
		c->class = CHANGE_PASSING;
		c->until_s = passing->until_s;
	}
}

/* One side of one RRset's difference. */
static enum err
diff_rrset(const struct commit_request *q, const uint8_t *owner, const struct zone_rrset *has, const struct zone_rrset *other,
    bool add, struct changeset *out)
{
	struct change c = { .rr = { owner, NULL, has->ttl, has->type, 0 }, .add = add };
	enum err err = ERR_OK;

	for (const uint8_t *at = NULL; err == ERR_OK && zone_rrset_next(has, &at, &c.rr.rdata, &c.rr.rdlen); ) {
		if (other != NULL && other->ttl == has->ttl && rrset_has(other, c.rr.rdata, c.rr.rdlen))
			continue;
		if (add)
			classify(q, &c);
		err = changeset_add(out, &c);
	}
	return err;
}

/* Removals of all touched RRsets when add is false, additions when it is true. */
static enum err
diff_touched(const struct commit_request *q, const struct zone_version *before, const struct zone_version *after, bool add,
    struct changeset *out)
{
	struct rrmap seen = { 0 };
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < q->changes->n; i++) {
		const struct rr *rr = &q->changes->v[i].rr;
		uint16_t covered = rr_covered(rr);
		const uint8_t rrset[] = { (uint8_t)(rr->type >> 8), (uint8_t)rr->type, (uint8_t)(covered >> 8),
		    (uint8_t)covered };
		struct rr key = { rr->owner, rrset, 0, 0, sizeof rrset };	/* of no type, so any octets will do */
		struct zone_rrset old, new;

		if (rr->type == TYPE_SOA || rrmap_find(&seen, &key) != NULL)
			continue;
		if ((err = rrmap_set(&seen, &key, &(struct rrmap_value){ 0 })) != ERR_OK)
			break;
		bool had = find_rrset(before, rr, &old), has = find_rrset(after, rr, &new);
		if (!add && had)
			err = diff_rrset(q, rr->owner, &old, has ? &new : NULL, false, out);
		if (add && has)
			err = diff_rrset(q, rr->owner, &new, had ? &old : NULL, true, out);
	}
	rrmap_clear(&seen);
	return err;
}

static enum err
diff_soa(const struct zone_version *v, bool add, struct changeset *out)
{
	struct change c = { .add = add, .class = CHANGE_LASTING };

	return zone_version_soa(v, &c.rr) ? changeset_add(out, &c) : ERR_OK;
}

/* Additions that change no content but a class or an expiry: they belong in the journal all the same. */
static enum err
note_present(const struct commit_request *q, struct changeset *out)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < q->changes->n; i++) {
		struct change c = q->changes->v[i];
		bool effective = false;

		if (!c.add || c.rr.type == TYPE_SOA || (c.class == CHANGE_LASTING && q->zone->pending.passing.n == 0))
			continue;
		for (size_t k = 0; k < out->n && !effective; k++)
			effective = out->v[k].add && rr_same(&out->v[k].rr, &c.rr);
		if (effective)
			continue;
		c.present = true;
		err = changeset_add(out, &c);
	}
	return err;
}

/* --- is the result sound? --- */

static enum err
check_owner(const struct zone_version *v, const uint8_t *owner, struct fault *f)
{
	const struct zone_node *node = zone_version_find(v, owner);
	struct zone_lookup found;
	struct zone_rrset set;
	char name[DNAME_TEXT_MAX];
	size_t others = 0;

	if (node == NULL || zone_node_count(node) == 0)
		return ERR_OK;
	dname_print(owner, name);
	for (size_t i = 0; i < zone_node_count(node); i++) {
		zone_node_at(node, i, &set);
		others += set.type != TYPE_CNAME && !rrtype_is_dnssec_meta(set.type);
	}
	if (zone_node_rrset(node, TYPE_CNAME, &set) && (others > 0 || set.count > 1))
		return fault_set(f, ERR_REFUSED, others > 0 ? "%s would have a CNAME beside other data" :
		    "%s would have several CNAMEs", name);
	if (zone_node_rrset(node, TYPE_DNAME, &set) && set.count > 1)
		return fault_set(f, ERR_REFUSED, "%s would have several DNAMEs", name);
	if (dname_is_below(owner, zone_version_apex_name(v))) {
		zone_version_lookup(v, owner, &found);
		if (found.dname != NULL)
			return fault_set(f, ERR_REFUSED, "%s would lie below the DNAME at %s", name,
			    dname_print(zone_node_owner(found.dname), (char[DNAME_TEXT_MAX]){ 0 }));
	}
	return ERR_OK;
}

static enum err
check_result(const struct commit_request *q, const struct zone_version *v, struct fault *f)
{
	const struct zone_node *apex = zone_version_apex(v);
	const uint8_t *last = NULL;
	struct zone_rrset set;
	enum err err = ERR_OK;

	if (apex == NULL || !zone_node_rrset(apex, TYPE_SOA, &set) || set.count != 1)
		return fault_set(f, ERR_REFUSED, "zone %s would not have exactly one SOA", q->zone->name);
	if (!zone_node_rrset(apex, TYPE_NS, &set))
		return fault_set(f, ERR_REFUSED, "zone %s would have no NS", q->zone->name);
	for (size_t i = 0; err == ERR_OK && i < q->changes->n; i++) {
		const struct change *c = &q->changes->v[i];

		if (c->add && (last == NULL || !dname_equal(last, c->rr.owner)))
			err = check_owner(v, c->rr.owner, f);
		last = c->rr.owner;
	}
	return err;
}

/* --- staging --- */

/* The SOA that the request wants: the last one it adds, else the present one. */
static bool
wanted_soa(const struct commit_request *q, const struct zone_version *before, struct rr *soa)
{
	for (size_t i = q->changes->n; i-- > 0; ) {
		if (q->changes->v[i].add && q->changes->v[i].rr.type == TYPE_SOA) {
			*soa = q->changes->v[i].rr;
			return true;
		}
	}
	return zone_version_soa(before, soa);
}

static uint32_t
soa_serial(const struct rr *soa)
{
	struct soa fields;

	soa_read(soa->rdata, soa->rdlen, &fields);
	return fields.serial;
}

static uint32_t
choose_serial(const struct commit_request *q, const struct rr *soa, uint32_t served)
{
	if (q->force_serial)
		return q->serial;
	if (serial_lt(served, soa_serial(soa)))
		return soa_serial(soa);
	return serial_next(q->zone->serial_policy, served, q->now_s);
}

/* The edits of q in the open transaction; *changed: did any have an effect? */
static enum err
apply_changes(const struct commit_request *q, bool *changed)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < q->changes->n; i++) {
		const struct change *c = &q->changes->v[i];
		bool effect = false;

		if (c->rr.type == TYPE_SOA)
			continue;
		err = c->add ? zone_store_add(q->zone->store, &c->rr, &effect) :
		    zone_store_remove(q->zone->store, &c->rr, &effect);
		*changed |= effect;
	}
	return err;
}

static enum err
replace_soa(const struct commit_request *q, const struct rr *old, const struct rr *wanted, uint32_t serial)
{
	uint8_t rdata[2 * DNAME_MAX + 20];
	struct rr soa = *wanted;
	enum err err;

	if (soa.rdlen > sizeof rdata)
		return ERR_RANGE;
	memcpy(rdata, wanted->rdata, wanted->rdlen);
	soa_set_serial(rdata, wanted->rdlen, serial);
	soa.owner = q->zone->apex.octets;
	soa.rdata = rdata;
	if ((err = zone_store_remove(q->zone->store, old, NULL)) == ERR_OK)
		err = zone_store_add(q->zone->store, &soa, NULL);
	return err;
}

static bool
same_but_serial(const struct rr *a, const struct rr *b)
{
	return a->ttl == b->ttl && a->rdlen == b->rdlen &&
	    memcmp(a->rdata, b->rdata, a->rdlen - 20u) == 0 &&
	    memcmp(a->rdata + a->rdlen - 16, b->rdata + b->rdlen - 16, 16) == 0;
}

/* Build, check and seal the version; s->published_version tells whether there is one. */
static enum err
build(struct staged *s, struct fault *f)
{
	const struct commit_request *q = &s->request;
	struct zone_version *before = zone_newest(q->zone), *after;
	struct rr old_soa, soa;
	bool changed = false;
	enum err err;

	if (before == NULL || !zone_version_soa(before, &old_soa) || !wanted_soa(q, before, &soa))
		return fault_set(f, ERR_REFUSED, "zone %s is not loaded", q->zone->name);
	s->serial_from = s->serial_to = zone_version_serial(before);
	if ((err = zone_store_begin(q->zone->store)) != ERR_OK)
		return err;
	err = apply_changes(q, &changed);
	if (err == ERR_OK && !changed && !q->force_serial && same_but_serial(&old_soa, &soa) &&
	    !serial_lt(s->serial_from, soa_serial(&soa))) {
		zone_store_abort(q->zone->store);
		return note_present(q, &s->effective);
	}
	s->serial_to = choose_serial(q, &soa, s->serial_from);
	if (err == ERR_OK)
		err = replace_soa(q, &old_soa, &soa, s->serial_to);
	if (err == ERR_OK)
		err = zone_store_seal(q->zone->store, &after);
	if (err != ERR_OK) {
		zone_store_abort(q->zone->store);
		return err;
	}
	s->published_version = true;
	if ((err = check_result(q, after, f)) == ERR_OK &&
	    (err = diff_soa(before, false, &s->effective)) == ERR_OK &&
	    (err = diff_touched(q, before, after, false, &s->effective)) == ERR_OK &&
	    (err = diff_soa(after, true, &s->effective)) == ERR_OK &&
	    (err = diff_touched(q, before, after, true, &s->effective)) == ERR_OK)
		err = note_present(q, &s->effective);
	if (err != ERR_OK) {
		zone_store_abort(q->zone->store);
		s->published_version = false;
	}
	return err;
}

static struct staged *
staged_new(const struct commit_request *q)
{
	struct staged *s = calloc(1, sizeof *s);

	if (s == NULL || (s->by = strdup(q->by)) == NULL) {
		free(s);
		return NULL;
	}
	s->request = *q;
	s->request.by = s->by;
	if (q->digest != NULL) {
		memcpy(s->digest, q->digest, sizeof s->digest);
		s->request.digest = s->digest;
	}
	return s;
}

static void
append(struct commits *c, struct staged *s)
{
	*c->last = s;
	c->last = &s->next;
}

enum err
commits_stage(struct commits *c, const struct commit_request *request, bool *changed, struct fault *f)
{
	struct staged *s = staged_new(request);
	enum err err = s == NULL ? ERR_NOMEM : build(s, f);

	if (err != ERR_OK) {
		if (s != NULL)
			staged_free(s);
		return err;
	}
	if (changed != NULL)
		*changed = s->published_version;
	if (request->base == NULL)
		s->request.changes = NULL;	/* the caller's, and maybe gone by the time we finish */
	append(c, s);
	return ERR_OK;
}

enum err
commits_answered(struct commits *c, const struct zone *zone, const uint8_t *digest, unsigned rcode, int64_t now_s,
    struct fault *f)
{
	static const struct changeset nothing;
	struct commit_request q = { .zone = (struct zone *)(uintptr_t)zone, .changes = &nothing, .origin = ORIGIN_UPDATE,
	    .by = "", .digest = digest, .now_s = now_s };
	struct staged *s = staged_new(&q);

	(void)f;
	if (s == NULL)
		return ERR_NOMEM;
	s->rcode = rcode;
	s->serial_from = s->serial_to = zone_newest(zone) == NULL ? 0 : zone_version_serial(zone_newest(zone));
	append(c, s);
	return ERR_OK;
}

/* --- the journal --- */

static const char *
origin_str(enum commit_origin origin)
{
	switch (origin) {
	case ORIGIN_UPDATE:	return "update";
	case ORIGIN_GIT:	return "git";
	case ORIGIN_ACME:	return "acme";
	case ORIGIN_SWEEP:	return "sweep";
	case ORIGIN_LOAD:	return "load";
	}
	return "?";
}

static enum err
put_row(struct commits *c, const struct zone *z, const struct zone_base *base, uint32_t serial, struct fault *f)
{
	struct changeset image = { 0 };
	struct buf octets = { 0 }, text = { 0 };
	struct journal_zone row = { .apex = z->apex, .source = z->source, .base_serial = base->serial, .serial = serial,
	    .retired = z->retired };
	enum err err = pending_image(&z->pending, &image);

	changeset_write(&image, &octets);
	zone_base_print(base, &text);
	row.base = (char *)(uintptr_t)buf_str(&text);
	row.image = octets.p;
	row.image_n = octets.len;
	if (octets.failed || row.base == NULL)
		err = ERR_NOMEM;
	if (err == ERR_OK)
		err = journal_put_zone(c->journal, &row, true, f);
	changeset_clear(&image);
	buf_clear(&octets);
	buf_clear(&text);
	return err;
}

static bool
served_has(void *ctx, const struct rr *rr, uint32_t *ttl)
{
	return zone_version_has(ctx, rr, ttl);
}

/* Take the change into the zone's pending set and write it down. */
static enum err
write_staged(struct commits *c, struct staged *s, struct fault *f)
{
	const struct commit_request *q = &s->request;
	struct pending *p = &q->zone->pending;
	struct buf octets = { 0 };
	char origin[1400];
	enum err err;

	snprintf(origin, sizeof origin, "%s %s", origin_str(q->origin), q->by);
	changeset_write(&s->effective, &octets);
	err = octets.failed ? ERR_NOMEM : journal_append(c->journal, &(struct journal_record){ q->zone->apex.octets,
	    s->serial_from, s->serial_to, q->now_s, origin, q->digest, s->rcode, octets.p, octets.len }, f);
	buf_clear(&octets);
	if (err != ERR_OK)
		return err;
	if (!p->logging) {
		pending_mark(p);
		s->noted = true;
	}
	if ((err = pending_note(p, &s->effective)) != ERR_OK)
		return err;
	if (q->base == NULL)
		return journal_put_zone(c->journal, &(struct journal_zone){ .apex = q->zone->apex, .serial = s->serial_to,
		    .retired = q->zone->retired }, false, f);
	if ((err = pending_rebase(p, q->base_rrs, q->changes, served_has, zone_newest(q->zone))) != ERR_OK)
		return err;
	for (size_t i = 0; i < q->base_rrs->n; i++)
		if (q->base_rrs->v[i].type == TYPE_SOA && (err = pending_set_base_soa(p, &q->base_rrs->v[i])) != ERR_OK)
			return err;
	return put_row(c, q->zone, q->base, s->serial_to, f);
}

static enum err
write_all(struct commits *c, struct fault *f)
{
	enum err err = journal_begin(c->journal, f);

	for (struct staged *s = c->first; err == ERR_OK && s != NULL; s = s->next)
		err = write_staged(c, s, f);
	if (err == ERR_OK)
		err = journal_commit(c->journal, f);
	if (err != ERR_OK)
		journal_rollback(c->journal);
	return err;
}

/* The database's state, said once when it changes. */
static void
remember_problem(struct commits *c, enum err err, const struct fault *f)
{
	if (err == ERR_OK) {
		if (c->problem != NULL)
			log_info("the state database takes writes again");
		free(c->problem);
		c->problem = NULL;
		return;
	}
	if (c->problem == NULL)
		log_error("%s: changes are refused with SERVFAIL until it is writable", fault_str(f, err));
	free(c->problem);
	c->problem = strdup(fault_str(f, err));
}

enum err
commits_finish(struct commits *c, struct fault *f)
{
	struct fault mine = { 0 };
	enum err err;

	if (c->first == NULL)
		return ERR_OK;
	if (f == NULL)
		f = &mine;
	err = write_all(c, f);
	remember_problem(c, err, f);
	if (err != ERR_OK) {
		undo_all(c);
		return err;
	}
	/* All published before anybody is told: a subscriber that looks sees the whole group. */
	for (struct staged *s = c->first; s != NULL; s = s->next) {
		struct zone *z = s->request.zone;

		if (s->noted)
			pending_keep(&z->pending);
		if (s->request.base != NULL && zone_base_copy(&z->base, s->request.base) != ERR_OK)
			log_error("zone %s: out of memory; restart to go on from its new base", z->name);
		if (s->published_version)
			publish(z);
	}
	for (struct staged *s = c->first, *next; s != NULL; s = next) {
		next = s->next;
		c->first = next;
		if (next == NULL)
			c->last = &c->first;
		if (s->published_version || s->request.base != NULL)
			c->subscriber(c->ctx, &s->request, &s->effective);
		staged_free(s);
	}
	return ERR_OK;
}

enum err
commits_batch_begin(struct commits *c, struct fault *f)
{
	return journal_begin(c->journal, f);
}

enum err
commits_batch_end(struct commits *c, enum err err, struct fault *f)
{
	if (err == ERR_OK)
		err = journal_commit(c->journal, f);
	if (err != ERR_OK)
		journal_rollback(c->journal);
	remember_problem(c, err, f);
	return err;
}

enum err
commits_load(struct commits *c, struct zone *zone, const struct zone_base *base, const struct rr_list *base_rrs,
    uint32_t serial, bool put, int64_t now_s, struct fault *f)
{
	static const struct changeset nothing;
	struct commit_request q = { .zone = zone, .changes = &nothing, .origin = ORIGIN_LOAD, .by = base->commit,
	    .now_s = now_s };
	struct zone_version *v;
	struct rr_list all = { 0 };
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < base_rrs->n; i++)
		if (base_rrs->v[i].type == TYPE_SOA)
			err = pending_set_base_soa(&zone->pending, &base_rrs->v[i]);
	if (err == ERR_OK)
		err = pending_apply(&zone->pending, base_rrs, serial, &all);
	if (err == ERR_OK && (err = zone_store_begin(zone->store)) == ERR_OK) {
		err = zone_store_fill(zone->store, &all);
		if (err == ERR_OK)
			err = zone_store_seal(zone->store, &v);
		if (err == ERR_OK && put)
			err = put_row(c, zone, base, serial, f);
		if (err != ERR_OK)
			zone_store_abort(zone->store);
	}
	rr_list_clear(&all);
	if (err != ERR_OK)
		return err;
	if ((err = zone_base_copy(&zone->base, base)) != ERR_OK)
		return err;
	publish(zone);
	c->subscriber(c->ctx, &q, &nothing);
	return ERR_OK;
}

enum err
commits_put(struct commits *c, const struct zone *zone, struct fault *f)
{
	struct zone_version *v = zone_newest(zone);

	return put_row(c, zone, &zone->base, v == NULL ? zone->base.serial : zone_version_serial(v), f);
}
