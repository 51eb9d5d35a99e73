#include "tests/unit/zones/model.h"

#include "tests/unit/check.h"
#include "tests/unit/zones/names.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

struct rr
model_view(const struct model_rr *m)
{
	return (struct rr){ m->owner.octets, m->rdata, m->ttl, m->type, m->rdlen };
}

static void
set_rdata(struct model_rr *rr, const void *octets, size_t n)
{
	memcpy(rr->rdata, octets, n);
	rr->rdlen = (uint16_t)n;
}

static void
random_rdata(struct model_rr *rr)
{
	static const char *const names[] = { "\2ns\7example\3com", "\2NS\7Example\3com", "\1a", "\1b\3org", "" };
	static const char soa[] = "\0\0\0\0\0\5\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";
	const char *name = names[pick(5)];
	uint8_t octets[8];

	for (unsigned i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)pick(2);
	switch (rr->type) {
	case TYPE_A:
		set_rdata(rr, octets, 4);
		break;
	case TYPE_SOA:
		set_rdata(rr, soa, sizeof soa - 1);
		rr->rdata[5] = (uint8_t)pick(4);
		break;
	case TYPE_NS: case TYPE_CNAME: case TYPE_DNAME:
		set_rdata(rr, name, strlen(name) + 1);
		break;
	case TYPE_RRSIG:		/* of A, TXT or DNSKEY: before, between and behind types that may be there */
		memset(rr->rdata, 0, 21);
		rr->rdata[1] = (uint8_t[]){ TYPE_A, TYPE_TXT, TYPE_DNSKEY }[pick(3)];
		rr->rdata[20] = octets[0];
		rr->rdlen = 21;
		break;
	case TYPE_TXT:
		octets[0] = 2;
		set_rdata(rr, octets, 3);
		break;
	default:
		set_rdata(rr, octets, pick(sizeof octets));
	}
}

struct model_rr
model_random_rr(void)
{
	static const uint16_t types[] = { TYPE_A, TYPE_A, TYPE_A, TYPE_A, TYPE_TXT, TYPE_TXT, TYPE_NS, TYPE_CNAME,
	    TYPE_DNAME, 65280, TYPE_RRSIG, TYPE_RRSIG };
	struct model_rr rr = { .ttl = 60 * (1 + pick(3)), .type = types[pick(12)] };
	unsigned where = pick(20);

	if (where == 0)
		rr.owner = random_name((const uint8_t *)(pick(2) ? "\3com" : "\7example\3net"), 2);
	else if (where == 1)
		dname_copy(&rr.owner, pick(2) ? MODEL_APEX : (const uint8_t *)"\7EXAMPLE\3com");
	else
		rr.owner = random_name(MODEL_APEX, 4);
	if (dname_equal(rr.owner.octets, MODEL_APEX) && pick(2))
		rr.type = pick(4) ? TYPE_SOA : TYPE_DNSKEY;
	random_rdata(&rr);
	return rr;
}

static bool
same(const struct model_rr *a, const struct model_rr *b)
{
	return a->type == b->type && dname_equal(a->owner.octets, b->owner.octets) &&
	    rdata_equal(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
}

bool
model_add(struct model *m, const struct model_rr *rr)
{
	bool there = false, ttl_differs = false;
	struct rr new = model_view(rr);

	for (size_t i = 0; i < m->n; i++) {
		struct rr old = model_view(&m->v[i]);

		if (!rr_same_rrset(&old, &new))
			continue;
		ttl_differs |= m->v[i].ttl != rr->ttl;
		there |= same(&m->v[i], rr);
		m->v[i].ttl = rr->ttl;
	}
	if (!there)
		m->v[m->n++] = *rr;
	return !there || ttl_differs;
}

bool
model_remove(struct model *m, const struct model_rr *rr)
{
	for (size_t i = 0; i < m->n; i++) {
		if (same(&m->v[i], rr)) {
			m->v[i] = m->v[--m->n];
			return true;
		}
	}
	return false;
}

void
model_edit(struct model *m, struct zone_store *s, unsigned edits)
{
	while (edits-- > 0) {
		struct model_rr rr = model_random_rr();
		bool add = pick(2) == 0, changed, expected;
		enum err err;
		struct rr view;

		if (m->n > 0 && pick(3) > 0) {
			rr = m->v[pick((unsigned)m->n)];
			rr.ttl = 60 * (1 + pick(3));
			if (pick(2) == 0)
				random_rdata(&rr);
		}
		if (m->n >= MODEL_MAX - 8)
			add = false;
		view = model_view(&rr);
		expected = add ? model_add(m, &rr) : model_remove(m, &rr);
		err = add ? zone_store_add(s, &view, &changed) : zone_store_remove(s, &view, &changed);
		assert_int_equal(err, ERR_OK);
		check(changed == expected, "%s says whether it changed something", add ? "adding" : "removing");
	}
}

static bool
inside(const uint8_t *name)
{
	return dname_is_below(name, MODEL_APEX);
}

/* The names that have nodes, in and out of the zone. */
static void
expected_names(const struct model *m, struct names *in, struct names *out)
{
	in->n = out->n = 0;
	for (size_t i = 0; i < m->n; i++) {
		struct dname name = m->v[i].owner;

		if (!inside(name.octets)) {
			names_add(out, &name);
			continue;
		}
		for (unsigned k = 0; k <= dname_labels(m->v[i].owner.octets) - 2; k++) {
			dname_copy(&name, dname_skip(m->v[i].owner.octets, k));
			names_add(in, &name);
		}
	}
}

static const struct model_rr *
find_rr(const struct model *m, const uint8_t *owner, uint16_t type, const uint8_t *rdata, size_t n)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].type == type && dname_equal(m->v[i].owner.octets, owner) &&
		    rdata_equal(type, m->v[i].rdata, m->v[i].rdlen, rdata, n))
			return &m->v[i];
	return NULL;
}

static bool
has_type(const struct model *m, const uint8_t *owner, uint16_t type)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].type == type && dname_equal(m->v[i].owner.octets, owner))
			return true;
	return false;
}

static unsigned
expected_flags(const struct model *m, const uint8_t *owner)
{
	bool apex = dname_equal(owner, MODEL_APEX);

	if (!inside(owner))
		return ZONE_NODE_OUTSIDE;
	return (has_type(m, owner, TYPE_NS) && !apex ? ZONE_NODE_CUT : 0) |
	    (has_type(m, owner, TYPE_DNAME) ? ZONE_NODE_DNAME : 0) |
	    (has_type(m, owner, TYPE_CNAME) ? ZONE_NODE_CNAME : 0) | (apex ? ZONE_NODE_APEX : 0u);
}

/* Returns the number of records. */
static size_t
check_set(const struct model *m, const uint8_t *owner, const struct zone_rrset *set)
{
	const uint8_t *at = NULL, *rdata, *last = NULL;
	uint16_t n, last_n = 0;
	size_t count = 0;

	for (; zone_rrset_next(set, &at, &rdata, &n); last = rdata, last_n = n, count++) {
		const struct model_rr *rr = find_rr(m, owner, set->type, rdata, n);

		check(rr != NULL, "a record of the node is in the model");
		check(rr->ttl == set->ttl, "with TTL %u, not %u", rr->ttl, set->ttl);
		check(last == NULL || rdata_compare(set->type, last, last_n, rdata, n) < 0, "records ascend");
	}
	check(count == set->count && count > 0, "the RRset's count is right");
	return count;
}

static void
check_node(const struct model *m, const struct zone_node *node)
{
	const uint8_t *owner = zone_node_owner(node);
	struct zone_rrset set, again;
	size_t count = 0, expected = 0;
	unsigned last = 0, rank;

	for (size_t i = 0; i < zone_node_count(node); i++, last = rank) {
		struct rr rr;

		zone_node_at(node, i, &set);
		rank = set.type == TYPE_RRSIG ? 2u * set.covered + 1 : 2u * set.type;
		check(rank > last, "types ascend, and signatures come behind what they cover");
		count += check_set(m, owner, &set);
		rr = (struct rr){ owner, set.records + 2, set.ttl, set.type, (uint16_t)(set.size - 2) };
		check(zone_node_rrset_of(node, &rr, &again) && again.records == set.records, "found by type too");
		check(zone_node_rrset(node, set.type, &again) && (set.type == TYPE_RRSIG ||
		    again.records == set.records), "and without the type covered");
	}
	for (size_t i = 0; i < m->n; i++)
		expected += dname_equal(m->v[i].owner.octets, owner);
	check(count == expected, "a node has %zu records, not %zu", expected, count);
	check(!zone_node_rrset(node, 99, &set), "a type that is not there is not found");
	check(zone_node_flags(node) == expected_flags(m, owner), "flags are right");
}

/* The highest node that is at or above name, with a flag, and below or at the apex. */
static const uint8_t *
highest(const struct model *m, const struct names *in, const uint8_t *name, unsigned flag)
{
	for (unsigned n = dname_labels(name), k = n - 2; ; k--) {
		const uint8_t *above = dname_skip(name, k);
		bool there;

		names_at(in, above, &there);
		if (there && (expected_flags(m, above) & flag) != 0)
			return above;
		if (k == 0)
			return NULL;
	}
}

static void
check_is(const struct zone_node *node, const uint8_t *name, const char *what)
{
	check((node == NULL) == (name == NULL), "%s: one, or none, as in the model", what);
	check(node == NULL || dname_equal(zone_node_owner(node), name), "%s is the right one", what);
}

static void
check_lookup(const struct model *m, const struct names *in, const struct zone_version *v, const uint8_t *name)
{
	const uint8_t *encloser = name, *cut, *dname;
	struct zone_lookup l;
	struct dname star;
	bool there = false;

	zone_version_lookup(v, name, &l);
	if (!inside(name) || in->n == 0) {
		check(l.node == NULL && l.encloser == NULL && l.cut == NULL && l.dname == NULL && l.wildcard == NULL,
		    "nothing is known of a name that is not in the zone");
		return;
	}
	while (names_at(in, encloser, &there), !there)
		encloser = dname_parent(encloser);
	check_is(l.encloser, encloser, "closest encloser");
	check_is(l.node, encloser == name ? name : NULL, "exact match");
	cut = highest(m, in, name, ZONE_NODE_CUT);
	dname = dname_equal(name, MODEL_APEX) ? NULL : highest(m, in, dname_parent(name), ZONE_NODE_DNAME);
	if (cut != NULL && dname != NULL && dname_is_below(dname, cut))
		dname = NULL;
	else if (cut != NULL && dname != NULL)
		cut = NULL;
	check_is(l.cut, cut, "cut");
	check_is(l.dname, dname, "DNAME");
	there = encloser != name && dname_join(&star, (const uint8_t *)"\1*", 1, encloser);
	if (there)
		names_at(in, star.octets, &there);
	check_is(l.wildcard, there ? star.octets : NULL, "wildcard");
}

static void
check_predecessor(const struct names *in, const struct zone_version *v, const uint8_t *name)
{
	bool there;
	size_t i = names_at(in, name, &there);
	const struct zone_node *node = zone_version_predecessor(v, name);

	if (!inside(name) || in->n == 0)
		assert_null(node);
	else
		check_is(node, in->v[(i + in->n - 1) % in->n].octets, "predecessor");
}

static void
check_walk(const struct model *m, const struct names *in, const struct names *out, const struct zone_version *v)
{
	struct zone_walk w;
	const struct zone_node *node;
	size_t i = 0;

	zone_walk_start(&w, v);
	for (; (node = zone_walk_next(&w)) != NULL; i++) {
		check(i < in->n + out->n, "the walk ends");
		check_is(node, i < in->n ? in->v[i].octets : out->v[i - in->n].octets, "next of the walk");
		assert_ptr_equal(zone_version_find(v, zone_node_owner(node)), node);
		check_node(m, node);
	}
	check(i == in->n + out->n, "the walk had %zu of %zu names", i, in->n + out->n);
	assert_null(zone_walk_next(&w));
}

void
model_check(const struct model *m, const struct zone_version *v)
{
	static _Thread_local struct names in, out;

	expected_names(m, &in, &out);
	check_walk(m, &in, &out, v);
	assert_int_equal(zone_version_rr_count(v), m->n);
	assert_int_equal(zone_version_is_signed(v), has_type(m, MODEL_APEX, TYPE_DNSKEY));
	assert_ptr_equal(zone_version_apex(v), zone_version_find(v, MODEL_APEX));
	for (size_t i = 0; i < in.n + 20; i++) {
		struct dname name = i < in.n ? in.v[i] : random_name(pick(9) ? MODEL_APEX : (const uint8_t *)"", 4);

		check_lookup(m, &in, v, name.octets);
		check_predecessor(&in, v, name.octets);
		name = random_name(name.octets, 2);
		check_lookup(m, &in, v, name.octets);
		check_predecessor(&in, v, name.octets);
	}
}
