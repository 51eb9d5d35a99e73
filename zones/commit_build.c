/* What changed is found by comparing, RRset by RRset, the versions before and after: whatever the request said, the
 * journal and the secondaries get the true difference, TTLs of a whole RRset included. */
#include "zones/commit_build.h"

#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"

struct build {
	const struct commit_request *q;
	const struct zone_version *before, *after;
	struct rrmap wanted;		/* RRs that q adds; kind: the last change that does */
	struct changeset *out;
};

/* --- what changed --- */

static enum err
index_wanted(struct build *b)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < b->q->changes->n; i++)
		if (b->q->changes->v[i].add)
			err = rrmap_set(&b->wanted, &b->q->changes->v[i].rr, &(struct rrmap_value){ .kind = (int)i });
	return err;
}

/* The class of an RR that is in the zone now, given what the request, or what is known already, says.  One that
 * was there as a lasting one stays so. */
static void
classify(const struct build *b, struct change *c, bool was_there)
{
	const struct rrmap_value *passing = rrmap_find(&b->q->zone->pending.passing, &c->rr);
	const struct rrmap_value *at = rrmap_find(&b->wanted, &c->rr);
	const struct change *wanted = at == NULL ? NULL : &b->q->changes->v[at->kind];

	c->class = CHANGE_LASTING;
	c->until_s = 0;
	if (passing != NULL && (wanted == NULL || wanted->class == CHANGE_PASSING)) {
		c->class = CHANGE_PASSING;
		c->until_s = passing->until_s;
	}
	if (wanted != NULL && wanted->class == CHANGE_PASSING && (passing != NULL || !was_there)) {
		c->class = CHANGE_PASSING;
		if (c->until_s < wanted->until_s)
			c->until_s = wanted->until_s;
	}
}

/* One side of one RRset's difference.  Both are in canonical order. */
static enum err
diff_rrset(const struct build *b, const uint8_t *owner, const struct zone_rrset *has, const struct zone_rrset *other,
    bool add)
{
	struct change c = { .rr = { owner, NULL, has->ttl, has->type, 0 }, .add = add };
	const uint8_t *rdata = NULL, *other_at = NULL;
	uint16_t n = 0;
	bool more = other != NULL && zone_rrset_next(other, &other_at, &rdata, &n);
	enum err err = ERR_OK;

	for (const uint8_t *at = NULL; err == ERR_OK && zone_rrset_next(has, &at, &c.rr.rdata, &c.rr.rdlen); ) {
		int d = -1;

		while (more && (d = rdata_compare(has->type, c.rr.rdata, c.rr.rdlen, rdata, n)) > 0)
			more = zone_rrset_next(other, &other_at, &rdata, &n);
		bool in_both = more && d == 0;

		if (in_both && other->ttl == has->ttl)
			continue;
		if (add)
			classify(b, &c, in_both);
		else if (pending_is_passing(&b->q->zone->pending, &c.rr))
			c.class = CHANGE_PASSING;
		else
			c.class = CHANGE_LASTING;
		err = changeset_add(b->out, &c);
	}
	return err;
}

/* Removals of all touched RRsets when add is false, additions when it is true. */
static enum err
diff_touched(const struct build *b, bool add)
{
	struct rrmap seen = { 0 };
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < b->q->changes->n; i++) {
		const struct rr *rr = &b->q->changes->v[i].rr;
		uint16_t covered = rr_covered(rr);
		const uint8_t rrset[] = { (uint8_t)(rr->type >> 8), (uint8_t)rr->type, (uint8_t)(covered >> 8),
		    (uint8_t)covered };
		struct rr key = { rr->owner, rrset, 0, 0, sizeof rrset };	/* of no type, so any octets will do */
		struct zone_rrset old, new;

		if (rr->type == TYPE_SOA || rrmap_find(&seen, &key) != NULL)
			continue;
		if ((err = rrmap_set(&seen, &key, &(struct rrmap_value){ 0 })) != ERR_OK)
			break;
		bool had = zone_version_rrset_of(b->before, rr, &old), has = zone_version_rrset_of(b->after, rr, &new);
		if (!add && had)
			err = diff_rrset(b, rr->owner, &old, has ? &new : NULL, false);
		if (add && has)
			err = diff_rrset(b, rr->owner, &new, had ? &old : NULL, true);
	}
	rrmap_clear(&seen);
	return err;
}

static enum err
diff_soa(const struct build *b, const struct zone_version *v, bool add)
{
	struct change c = { .add = add, .class = CHANGE_LASTING };

	return zone_version_soa(v, &c.rr) ? changeset_add(b->out, &c) : ERR_OK;
}

/* Passing RRs that are added and there already: no content changes, but their class or expiry does, and that belongs
 * in the journal.  If their TTL changed they are among the differences. */
static enum err
note_present(const struct build *b, const struct zone_version *v)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < b->q->changes->n; i++) {
		struct change c = b->q->changes->v[i];
		uint32_t old_ttl, ttl;

		if (!c.add || c.rr.type == TYPE_SOA || !pending_is_passing(&b->q->zone->pending, &c.rr) ||
		    (size_t)rrmap_find(&b->wanted, &c.rr)->kind != i)
			continue;
		if (!zone_version_has(v, &c.rr, &ttl) || !zone_version_has(b->before, &c.rr, &old_ttl) ||
		    ttl != old_ttl)
			continue;
		c.present = true;
		c.rr.ttl = ttl;
		err = changeset_add(b->out, &c);
	}
	return err;
}

/* --- is the result sound?  As zones/check.h has it, for what the request touches. --- */

/* Is name one of the apex's name servers? */
static bool
is_apex_server(const struct zone_version *v, const uint8_t *name)
{
	struct zone_rrset set;
	const uint8_t *host;
	uint16_t n;

	if (!zone_node_rrset(zone_version_apex(v), TYPE_NS, &set))
		return false;
	for (const uint8_t *at = NULL; zone_rrset_next(&set, &at, &host, &n); )
		if (dname_equal(host, name))
			return true;
	return false;
}

static enum err
check_outside(const struct zone_version *v, const struct zone_node *node, struct fault *f)
{
	char name[DNAME_TEXT_MAX];

	for (size_t i = 0; i < zone_node_count(node); i++) {
		struct zone_rrset set;

		zone_node_at(node, i, &set);
		if ((set.type != TYPE_A && set.type != TYPE_AAAA) || !is_apex_server(v, zone_node_owner(node)))
			return fault_set(f, ERR_REFUSED, "%s would lie outside of the zone, and be no address of one "
			    "of its name servers", dname_print(zone_node_owner(node), name));
	}
	return ERR_OK;
}

static enum err
check_aliases(const struct zone_version *v, const struct zone_node *node, struct fault *f)
{
	const uint8_t *owner = zone_node_owner(node);
	bool cname, dname;
	struct zone_rrset set;
	char name[DNAME_TEXT_MAX];
	size_t others = 0;

	dname_print(owner, name);
	for (size_t i = 0; i < zone_node_count(node); i++) {
		zone_node_at(node, i, &set);
		others += set.type != TYPE_CNAME && !rrtype_is_dnssec_meta(set.type);
	}
	cname = zone_node_rrset(node, TYPE_CNAME, &set);
	if (cname && (others > 0 || set.count > 1))
		return fault_set(f, ERR_REFUSED, others > 0 ? "%s would have a CNAME beside other data" :
		    "%s would have several CNAMEs", name);
	dname = zone_node_rrset(node, TYPE_DNAME, &set);
	if (!dname)
		return ERR_OK;
	if (set.count > 1)
		return fault_set(f, ERR_REFUSED, "%s would have several DNAMEs", name);
	if (!dname_equal(owner, zone_version_apex_name(v)) && zone_node_rrset(node, TYPE_NS, &set))
		return fault_set(f, ERR_REFUSED, "%s would have a DNAME beside NS", name);
	if (zone_version_has_below(v, owner))
		return fault_set(f, ERR_REFUSED, "there would be names below the DNAME at %s", name);
	return ERR_OK;
}

/* RFC 6672, section 2.4.  zone_version_lookup() sees no DNAME behind a zone cut; here each counts. */
static enum err
check_above(const struct zone_version *v, const uint8_t *owner, struct fault *f)
{
	const uint8_t *apex = zone_version_apex_name(v);
	char name[DNAME_TEXT_MAX], above[DNAME_TEXT_MAX];
	struct zone_rrset set;

	for (const uint8_t *up = owner; !dname_equal(up, apex); ) {
		const struct zone_node *node = zone_version_find(v, up = dname_parent(up));

		if (node != NULL && zone_node_rrset(node, TYPE_DNAME, &set))
			return fault_set(f, ERR_REFUSED, "%s would lie below the DNAME at %s", dname_print(owner, name),
			    dname_print(up, above));
	}
	return ERR_OK;
}

static enum err
check_change(const struct zone_version *v, const struct change *c, struct fault *f)
{
	const uint8_t *apex = zone_version_apex_name(v);
	const uint8_t *owner = c->rr.owner;
	const struct zone_node *node;
	enum err err;

	if (!c->add) {
		/* Addresses from outside of the zone go with the last NS that needs them. */
		if (c->rr.type != TYPE_NS || !dname_equal(owner, apex) || dname_is_below(c->rr.rdata, apex))
			return ERR_OK;
		owner = c->rr.rdata;
	}
	node = zone_version_find(v, owner);
	if (node == NULL || zone_node_count(node) == 0)
		return ERR_OK;
	if (!dname_is_below(owner, apex))
		return check_outside(v, node, f);
	err = check_aliases(v, node, f);
	return err == ERR_OK ? check_above(v, owner, f) : err;
}

enum err
commit_check(const struct zone_version *v, const struct changeset *touched, const char *zone, struct fault *f)
{
	const struct zone_node *apex = zone_version_apex(v);
	struct zone_rrset set;
	enum err err = ERR_OK;

	if (apex == NULL || !zone_node_rrset(apex, TYPE_SOA, &set) || set.count != 1)
		return fault_set(f, ERR_REFUSED, "zone %s would not have exactly one SOA", zone);
	if (!zone_node_rrset(apex, TYPE_NS, &set))
		return fault_set(f, ERR_REFUSED, "zone %s would have no NS", zone);
	for (size_t i = 0; err == ERR_OK && i < touched->n; i++)
		if (touched->v[i].rr.type != TYPE_SOA)
			err = check_change(v, &touched->v[i], f);
	return err;
}

static enum err
check_result(const struct build *b, struct fault *f)
{
	if (zone_version_is_signed(b->after) && !zone_version_is_signed(b->before) && b->q->origin != ORIGIN_GIT &&
	    b->q->origin != ORIGIN_TRANSFER)
		return fault_set(f, ERR_REFUSED, "zone %s would have a DNSKEY at its apex, and be taken for a signed "
		    "one that is never changed here", b->q->zone->name);
	return commit_check(b->after, b->q->changes, b->q->zone->name, f);
}

/* --- the version --- */

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
choose_serial(const struct commit_request *q, const struct rr *soa, uint32_t served)
{
	if (q->origin == ORIGIN_TRANSFER)
		return soa_serial(soa);
	if (q->force_serial && serial_lt(served, q->serial))
		return q->serial;
	if (serial_lt(served, soa_serial(soa)))
		return soa_serial(soa);
	return serial_next(q->zone->serial_policy, served, q->now_s);
}

/* The edits of q in the open transaction. */
static enum err
apply_changes(const struct commit_request *q)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < q->changes->n; i++) {
		const struct change *c = &q->changes->v[i];

		if (c->rr.type != TYPE_SOA)
			err = c->add ? zone_store_add(q->zone->store, &c->rr, NULL) :
			    zone_store_remove(q->zone->store, &c->rr, NULL);
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

/* The difference in the order of RFC 1995, section 4: the old SOA, what goes, the new SOA, what comes. */
static enum err
find_difference(struct build *b, bool *content)
{
	enum err err;

	if ((err = index_wanted(b)) == ERR_OK && (err = diff_soa(b, b->before, false)) == ERR_OK &&
	    (err = diff_touched(b, false)) == ERR_OK && (err = diff_soa(b, b->after, true)) == ERR_OK)
		err = diff_touched(b, true);
	*content = b->out->n > 2;
	return err;
}

/* The edits, sealed; on failure nothing is. */
static enum err
make_version(const struct commit_request *q, const struct rr *old_soa, const struct rr *soa, uint32_t serial,
    struct zone_version **after)
{
	enum err err = zone_store_begin(q->zone->store);

	if (err != ERR_OK)
		return err;
	if ((err = apply_changes(q)) == ERR_OK && (err = replace_soa(q, old_soa, soa, serial)) == ERR_OK)
		err = zone_store_seal(q->zone->store, after);
	if (err != ERR_OK)
		zone_store_abort(q->zone->store);
	return err;
}

enum err
commit_build(const struct commit_request *q, struct built *out, struct fault *f)
{
	struct zone_version *before = zone_newest(q->zone), *after;
	struct build b = { .q = q, .before = before, .out = &out->effective };
	struct rr old_soa, soa;
	bool content = false, new_soa;
	enum err err;

	*out = (struct built){ 0 };
	if (before == NULL || !zone_version_soa(before, &old_soa) || !wanted_soa(q, before, &soa))
		return fault_set(f, ERR_REFUSED, "zone %s is not loaded", q->zone->name);
	out->serial_from = zone_version_serial(before);
	out->serial_to = choose_serial(q, &soa, out->serial_from);
	new_soa = q->force_serial || !soa_same_but_serial(&old_soa, &soa) || (q->origin == ORIGIN_TRANSFER ?
	    out->serial_to != out->serial_from : serial_lt(out->serial_from, soa_serial(&soa)));
	if ((err = make_version(q, &old_soa, &soa, out->serial_to, &after)) != ERR_OK)
		return err;
	b.after = after;
	if ((err = find_difference(&b, &content)) == ERR_OK && (content || new_soa))
		err = check_result(&b, f);
	out->version = err == ERR_OK && (content || new_soa);
	if (!out->version) {
		/* Edits that cancel each other out are no change. */
		zone_store_abort(q->zone->store);
		changeset_clear(&out->effective);
		out->serial_to = out->serial_from;
	}
	if (err == ERR_OK)
		err = note_present(&b, out->version ? after : before);
	if (err != ERR_OK && out->version) {
		zone_store_abort(q->zone->store);
		out->version = false;
	}
	if (err != ERR_OK)
		changeset_clear(&out->effective);
	rrmap_clear(&b.wanted);
	return err;
}
