/* The list is in canonical order, so that what lies below a name stands right behind it: one walk over the owners
 * sees every zone cut and every DNAME before what they hide. */
#include "zones/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"

struct checking {
	const uint8_t *apex;
	const struct rr_list *list;
	check_report *report;
	void *ctx;
	bool refused;
	const uint8_t **targets;	/* of all NS RRs, sorted */
	size_t ntargets;
	const uint8_t *cut, *dname;	/* that the walk is at or below; NULL: none */
};

struct group {				/* the RRs of one owner: [first, end) */
	const struct rr *first, *end;
	const uint8_t *owner;
};

static void say(struct checking *c, enum check_level level, const struct rr *rr, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void
say(struct checking *c, enum check_level level, const struct rr *rr, const char *format, ...)
{
	char text[2 * DNAME_TEXT_MAX + 256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (level == CHECK_ERROR)
		c->refused = true;
	c->report(c->ctx, level, rr, text);
}

static bool
in_zone(const struct checking *c, const uint8_t *name)
{
	return dname_is_below(name, c->apex);
}

static bool
strictly_below(const uint8_t *name, const uint8_t *ancestor)
{
	return ancestor != NULL && dname_is_below(name, ancestor) && !dname_equal(name, ancestor);
}

static bool
is_address(uint16_t type)
{
	return type == TYPE_A || type == TYPE_AAAA;
}

/* The first RR at or behind (owner, type). */
static const struct rr *
lower_bound(const struct checking *c, const uint8_t *owner, uint16_t type)
{
	size_t low = 0, high = c->list->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct rr *rr = &c->list->v[middle];
		int d = dname_compare(rr->owner, owner);

		if (d < 0 || (d == 0 && rr->type < type))
			low = middle + 1;
		else
			high = middle;
	}
	return c->list->v + low;
}

static const struct rr *
find_type(const struct checking *c, const uint8_t *owner, uint16_t type)
{
	const struct rr *rr = lower_bound(c, owner, type), *end = c->list->v + c->list->n;

	return rr < end && rr->type == type && dname_equal(rr->owner, owner) ? rr : NULL;
}

static const struct rr *
group_find(const struct group *g, uint16_t type)
{
	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		if (rr->type == type)
			return rr;
	}
	return NULL;
}

static int
compare_targets(const void *a, const void *b)
{
	return dname_compare(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

static enum err
collect_targets(struct checking *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->list->n; i++)
		n += c->list->v[i].type == TYPE_NS;
	if (n == 0)
		return ERR_OK;
	if ((c->targets = malloc(n * sizeof *c->targets)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->list->n; i++) {
		if (c->list->v[i].type == TYPE_NS)
			c->targets[c->ntargets++] = c->list->v[i].rdata;
	}
	qsort(c->targets, n, sizeof *c->targets, compare_targets);
	return ERR_OK;
}

static bool
is_ns_target(const struct checking *c, const uint8_t *name)
{
	return c->ntargets > 0 &&
	    bsearch(&name, c->targets, c->ntargets, sizeof *c->targets, compare_targets) != NULL;
}

bool
zone_check_is_apex_server(const uint8_t *apex, const struct rr_list *sorted, const uint8_t *name)
{
	struct checking c = { .apex = apex, .list = sorted };
	const struct rr *rr = sorted->n == 0 ? NULL : find_type(&c, apex, TYPE_NS), *end = rr;

	if (rr != NULL)
		end = sorted->v + sorted->n;
	for (; rr != NULL && rr < end && rr->type == TYPE_NS && dname_equal(rr->owner, apex); rr++) {
		if (dname_equal(rr->rdata, name))
			return true;
	}
	return false;
}

static void
check_apex(struct checking *c)
{
	const struct rr *soa = NULL, *end = c->list->v + c->list->n;
	char apex[DNAME_TEXT_MAX];

	for (const struct rr *rr = c->list->v; rr < end; rr++) {
		if (rr->type != TYPE_SOA || !in_zone(c, rr->owner))
			continue;
		if (!dname_equal(rr->owner, c->apex))
			say(c, CHECK_ERROR, rr, "SOA below the apex %s", dname_print(c->apex, apex));
		else if (soa != NULL && !rr_same(soa, rr))
			say(c, CHECK_ERROR, rr, "a second SOA: a zone has one");
		else
			soa = rr;
	}
	if (soa == NULL)
		say(c, CHECK_ERROR, NULL, "no SOA at the apex %s", dname_print(c->apex, apex));
	if (find_type(c, c->apex, TYPE_NS) == NULL)
		say(c, CHECK_ERROR, soa, "no NS at the apex %s", dname_print(c->apex, apex));
}

static void
check_outside(struct checking *c, const struct group *g)
{
	bool server = zone_check_is_apex_server(c->apex, c->list, g->owner);
	char owner[DNAME_TEXT_MAX], apex[DNAME_TEXT_MAX];

	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		if (!server || !is_address(rr->type))
			say(c, CHECK_ERROR, rr, "%s lies outside of the zone %s, and this is no address of one of the "
			    "zone's name servers", dname_print(g->owner, owner), dname_print(c->apex, apex));
	}
}

/* Nothing but NSEC3: then the owner is no name of the zone, and may lie below a DNAME at the apex. */
static bool
is_hashed(const struct group *g)
{
	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		if (rr->type != TYPE_NSEC3 && rr_covered(rr) != TYPE_NSEC3)
			return false;
	}
	return true;
}

/* RFC 1034, section 3.6.2; RFC 2181, section 10.1; RFC 6672, section 2.4. */
static void
check_aliases(struct checking *c, const struct group *g)
{
	const struct rr *cname = group_find(g, TYPE_CNAME), *dname = group_find(g, TYPE_DNAME);
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	for (const struct rr *rr = g->first; rr < g->end && cname != NULL; rr++) {
		if (rr->type == TYPE_CNAME && !rr_same(rr, cname))
			say(c, CHECK_ERROR, rr, "a second CNAME at %s", dname_print(g->owner, owner));
		else if (rr->type != TYPE_CNAME && !rrtype_is_dnssec_meta(rr->type) && !rrtype_is_meta(rr->type)) {
			say(c, CHECK_ERROR, cname, "CNAME beside %s at %s", rrtype_print(rr->type, type),
			    dname_print(g->owner, owner));
			break;
		}
	}
	for (const struct rr *rr = g->first; rr < g->end && dname != NULL; rr++) {
		if (rr->type == TYPE_DNAME && !rr_same(rr, dname))
			say(c, CHECK_ERROR, rr, "a second DNAME at %s", dname_print(g->owner, owner));
	}
	if (dname != NULL && group_find(g, TYPE_NS) != NULL && !dname_equal(g->owner, c->apex))
		say(c, CHECK_ERROR, dname, "DNAME beside NS at %s", dname_print(g->owner, owner));
	if (strictly_below(g->owner, c->dname) && !is_hashed(g))
		say(c, CHECK_ERROR, g->first, "%s lies below a DNAME", dname_print(g->owner, owner));
	else if (dname != NULL)
		c->dname = g->owner;
}

/* Glue and what a parent may hold are fine at and below a cut; the rest is never served from here. */
static void
check_cut(struct checking *c, const struct group *g)
{
	bool below = strictly_below(g->owner, c->cut);
	char owner[DNAME_TEXT_MAX], cut[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	if (!below) {
		c->cut = NULL;
		if (group_find(g, TYPE_NS) == NULL || dname_equal(g->owner, c->apex))
			return;
		c->cut = g->owner;
	}
	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		if (rr > g->first && rr[-1].type == rr->type)
			continue;
		if (is_address(rr->type) && is_ns_target(c, g->owner))
			continue;
		if (!below && (rr->type == TYPE_NS || rr->type == TYPE_DS || rrtype_is_dnssec_meta(rr->type) ||
		    rrtype_is_meta(rr->type) || rr->type == TYPE_DNAME || rr->type == TYPE_CNAME))
			continue;
		say(c, CHECK_WARNING, rr, "%s %s is hidden by the delegation of %s and is no glue",
		    dname_print(g->owner, owner), rrtype_print(rr->type, type), dname_print(c->cut, cut));
	}
}

static void
check_rrsets(struct checking *c, const struct group *g)
{
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	uint16_t told = 0;

	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		if (rrtype_is_meta(rr->type))
			say(c, CHECK_ERROR, rr, "%s is no type of a zone's data", rrtype_print(rr->type, type));
		if (rr == g->first || rr[-1].type != rr->type)
			continue;
		if (rr_same(rr - 1, rr))
			say(c, CHECK_WARNING, rr, "%s %s is there twice", dname_print(g->owner, owner),
			    rrtype_print(rr->type, type));
		/* Signatures have the TTL of what they cover: RFC 4034, section 3. */
		if (rr[-1].ttl != rr->ttl && rr->type != TYPE_RRSIG && rr->type != told) {
			say(c, CHECK_WARNING, rr, "the TTLs of %s %s differ (%u and %u): the smallest is served",
			    dname_print(g->owner, owner), rrtype_print(rr->type, type), rr[-1].ttl, rr->ttl);
			told = rr->type;
		}
	}
}

static bool
has_address(const struct checking *c, const uint8_t *name)
{
	return find_type(c, name, TYPE_A) != NULL || find_type(c, name, TYPE_AAAA) != NULL;
}

/* Does anything else than an address stand at name, or may it come from a wildcard, a DNAME or a delegation? */
static bool
may_have_address(const struct checking *c, const uint8_t *name, bool ns)
{
	struct dname wildcard;

	for (const uint8_t *up = name; !dname_equal(up, c->apex); up = dname_parent(up)) {
		/* Addresses below a cut are known to the other zone; only a name server needs them here as glue. */
		if (!ns && find_type(c, up, TYPE_NS) != NULL)
			return true;
		if (up != name && find_type(c, up, TYPE_DNAME) != NULL)
			return true;
		if (dname_join(&wildcard, (const uint8_t *)"\1*", 1, dname_parent(up)) &&
		    has_address(c, wildcard.octets))
			return true;
	}
	return false;
}

/* RFC 2181, section 10.3, and for glue RFC 9471. */
static void
check_target(struct checking *c, const struct rr *rr)
{
	char target_text[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	const uint8_t *target;

	if (rr->type != TYPE_NS && rr->type != TYPE_MX)
		return;
	target = rdata_target(rr->type, rr->rdata);
	if (dname_is_root(target) || !in_zone(c, target) || has_address(c, target))
		return;
	rrtype_print(rr->type, type);
	dname_print(target, target_text);
	if (find_type(c, target, TYPE_CNAME) != NULL)
		say(c, CHECK_WARNING, rr, "%s points to %s, which is a CNAME", type, target_text);
	else if (!may_have_address(c, target, rr->type == TYPE_NS))
		say(c, CHECK_WARNING, rr, "%s points to %s, which has no address", type, target_text);
}

static void
check_group(struct checking *c, const struct group *g)
{
	check_rrsets(c, g);
	if (!in_zone(c, g->owner)) {
		check_outside(c, g);
		return;
	}
	check_aliases(c, g);
	check_cut(c, g);
	for (const struct rr *rr = g->first; rr < g->end; rr++)
		check_target(c, rr);
}

enum err
zone_check(const uint8_t *apex, const struct rr_list *sorted, check_report *report, void *ctx)
{
	struct checking c = { .apex = apex, .list = sorted, .report = report, .ctx = ctx };
	const struct rr *end;
	enum err err = collect_targets(&c);

	if (err != ERR_OK)
		return err;
	if (sorted->n == 0) {
		say(&c, CHECK_ERROR, NULL, "no records at all");
		return ERR_REFUSED;
	}
	end = sorted->v + sorted->n;
	check_apex(&c);
	for (struct group g = { .first = sorted->v }; g.first < end; g.first = g.end) {
		g.owner = g.first->owner;
		for (g.end = g.first + 1; g.end < end && dname_equal(g.end->owner, g.owner); g.end++)
			;
		check_group(&c, &g);
	}
	free(c.targets);
	return c.refused ? ERR_REFUSED : ERR_OK;
}
