/* The list is in canonical order, so that what lies below a name stands right behind it: one walk over the owners
 * sees every zone cut and every DNAME before what they hide.  A second one, when all owners are known, judges the names
 * that RRs point to. */
#include "zones/check_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"

#define ANSWER_MAX (65535 - 12 - 4 - 11 - DNAME_MAX)	/* what an RRset has in a message with its question and OPT */
#define RR_FIXED 12			/* a compressed owner, type, class, TTL, RDLENGTH: RFC 1035, section 3.2.1 */

void
check_say(struct checking *c, enum check_level level, const struct rr *rr, const struct rr *other, const char *format,
    ...)
{
	char text[2 * DNAME_TEXT_MAX + 256];
	struct check_finding finding = { .level = level, .rr = rr, .other = other, .text = text };
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (level == CHECK_ERROR)
		c->refused = true;
	c->report(c->ctx, &finding);
}

static bool
strictly_below(const uint8_t *name, const uint8_t *ancestor)
{
	return dname_is_below(name, ancestor) && !dname_equal(name, ancestor);
}

/* The first RR at or behind (owner, type). */
static const struct rr *
lower_bound(const struct rr_list *list, const uint8_t *owner, uint16_t type)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct rr *rr = &list->v[middle];
		int d = dname_compare(rr->owner, owner);

		if (d < 0 || (d == 0 && rr->type < type))
			low = middle + 1;
		else
			high = middle;
	}
	return list->v + low;
}

/* The end of the names at and below apex, which stand together from first on. */
static const struct rr *
end_below(const struct rr_list *list, const struct rr *first, const uint8_t *apex)
{
	size_t low = (size_t)(first - list->v), high = list->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (dname_is_below(list->v[middle].owner, apex))
			low = middle + 1;
		else
			high = middle;
	}
	return list->v + low;
}

const struct rr *
check_find_type(const struct checking *c, const uint8_t *owner, uint16_t type)
{
	const struct rr *rr = lower_bound(c->list, owner, type), *end = c->list->v + c->list->n;

	return rr < end && rr->type == type && dname_equal(rr->owner, owner) ? rr : NULL;
}

bool
check_has_name(const struct checking *c, const uint8_t *name)
{
	const struct rr *rr = lower_bound(c->list, name, 0);

	return rr < c->list->v + c->list->n && dname_equal(rr->owner, name);
}

static const struct rr *
group_find(const struct check_group *g, uint16_t type)
{
	for (const struct rr *rr = g->first; rr < g->end && rr->type <= type; rr++) {
		if (rr->type == type)
			return rr;
	}
	return NULL;
}

bool
zone_check_is_apex_server(const uint8_t *apex, const struct rr_list *sorted, const uint8_t *name)
{
	struct checking c = { .apex = apex, .list = sorted };
	const struct rr *rr = sorted->n == 0 ? NULL : check_find_type(&c, apex, TYPE_NS), *end = rr;

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
	const struct rr *soa = NULL;
	char apex[DNAME_TEXT_MAX];

	for (const struct rr *rr = c->inside; rr < c->outside; rr++) {
		if (rr->type != TYPE_SOA)
			continue;
		if (!dname_equal(rr->owner, c->apex))
			check_say(c, CHECK_ERROR, rr, soa, "SOA below the apex %s", dname_print(c->apex, apex));
		else if (soa != NULL && !rr_same(soa, rr))
			check_say(c, CHECK_ERROR, rr, soa, "a second SOA: a zone has one");
		else
			soa = rr;
	}
	if (soa == NULL)
		check_say(c, CHECK_ERROR, NULL, NULL, "no SOA at the apex %s", dname_print(c->apex, apex));
	if (check_find_type(c, c->apex, TYPE_NS) == NULL)
		check_say(c, CHECK_ERROR, soa, NULL, "no NS at the apex %s", dname_print(c->apex, apex));
}

static void
check_outside(struct checking *c, const struct check_group *g)
{
	bool server = zone_check_is_apex_server(c->apex, c->list, g->owner);
	char owner[DNAME_TEXT_MAX], apex[DNAME_TEXT_MAX];

	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		if (!server || !check_is_address(rr->type))
			check_say(c, CHECK_ERROR, rr, NULL, "%s lies outside of the zone %s, and this is no address of "
			    "one of the zone's name servers", dname_print(g->owner, owner), dname_print(c->apex, apex));
	}
}

/* Nothing but NSEC3: then the owner is no name of the zone, and may lie below a DNAME at the apex. */
static bool
is_hashed(const struct check_group *g)
{
	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		if (rr->type != TYPE_NSEC3 && rr_covered(rr) != TYPE_NSEC3)
			return false;
	}
	return true;
}

/* RFC 1034, section 3.6.2; RFC 2181, section 10.1. */
static void
check_cname(struct checking *c, const struct check_group *g, const struct rr *cname)
{
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		if (rr->type == TYPE_CNAME && !rr_same(rr, cname))
			check_say(c, CHECK_ERROR, rr, cname, "a second CNAME at %s", dname_print(g->owner, owner));
		else if (rr->type != TYPE_CNAME && !rrtype_is_dnssec_meta(rr->type) && !rrtype_is_meta(rr->type)) {
			check_say(c, CHECK_ERROR, cname, rr, "CNAME beside %s at %s", rrtype_print(rr->type, type),
			    dname_print(g->owner, owner));
			return;
		}
	}
}

/* RFC 6672, section 2.4. */
static void
check_dname(struct checking *c, const struct check_group *g, const struct rr *dname)
{
	const struct rr *ns = group_find(g, TYPE_NS);
	char owner[DNAME_TEXT_MAX];

	for (const struct rr *rr = dname + 1; rr < g->end && rr->type == TYPE_DNAME; rr++) {
		if (!rr_same(rr, dname))
			check_say(c, CHECK_ERROR, rr, dname, "a second DNAME at %s", dname_print(g->owner, owner));
	}
	if (ns != NULL && !dname_equal(g->owner, c->apex))
		check_say(c, CHECK_ERROR, dname, ns, "DNAME beside NS at %s", dname_print(g->owner, owner));
	if (c->dname == NULL)
		c->dname = dname;
}

static void
check_below_dname(struct checking *c, const struct check_group *g)
{
	char owner[DNAME_TEXT_MAX], dname[DNAME_TEXT_MAX];

	if (!strictly_below(g->owner, c->dname->owner))
		c->dname = NULL;
	else if (!is_hashed(g))
		check_say(c, CHECK_ERROR, g->first, c->dname, "%s lies below a DNAME, that of %s",
		    dname_print(g->owner, owner), dname_print(c->dname->owner, dname));
}

/* What a parent may hold at a delegation: RFC 4035, section 2.6, and glue. */
static bool
belongs_at_cut(const struct rr *rr)
{
	return rr->type == TYPE_NS || rr->type == TYPE_DS || rr->type == TYPE_DNAME || rr->type == TYPE_CNAME ||
	    rrtype_is_dnssec_meta(rr->type) || rrtype_is_meta(rr->type);
}

/* Glue and what a parent may hold are fine at and below a cut; the rest is never served from here. */
static void
check_hidden(struct checking *c, const struct check_group *g, bool below)
{
	const struct check_target *target = check_target_find(c, g->owner);
	bool glue = target != NULL && target->is_ns;
	char owner[DNAME_TEXT_MAX], cut[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		if ((rr > g->first && rr[-1].type == rr->type) || (glue && check_is_address(rr->type)) ||
		    (!below && belongs_at_cut(rr)))
			continue;
		check_say(c, CHECK_WARNING, rr, c->cut, "%s %s is hidden by the delegation of %s and is no glue",
		    dname_print(g->owner, owner), rrtype_print(rr->type, type), dname_print(c->cut->owner, cut));
	}
}

static void
check_cut(struct checking *c, const struct check_group *g)
{
	bool below = c->cut != NULL && strictly_below(g->owner, c->cut->owner);

	if (!below)
		c->cut = dname_equal(g->owner, c->apex) ? NULL : group_find(g, TYPE_NS);
	if (c->cut != NULL)
		check_hidden(c, g, below);
}

/* RFC 4592, section 4.2; RFC 4035, section 2.4. */
static void
check_delegation(struct checking *c, const struct check_group *g, const struct rr *ns, const struct rr *ds)
{
	char owner[DNAME_TEXT_MAX];

	if (ns != NULL && dname_is_wildcard(g->owner))
		check_say(c, CHECK_WARNING, ns, NULL, "NS at the wildcard %s: what that delegates is not defined",
		    dname_print(g->owner, owner));
	if (ds != NULL && dname_equal(g->owner, c->apex))
		check_say(c, CHECK_WARNING, ds, NULL, "DS at the apex: it belongs into the zone above");
	else if (ns == NULL && ds != NULL)
		check_say(c, CHECK_WARNING, ds, NULL, "DS at %s, where no NS delegates anything",
		    dname_print(g->owner, owner));
}

/* One RR behind another of its type. */
static void
check_second(struct checking *c, const struct check_group *g, const struct rr *rr, uint16_t *told)
{
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	if (rr[-1].rdlen == rr->rdlen && rdata_equal(rr->type, rr[-1].rdata, rr[-1].rdlen, rr->rdata, rr->rdlen))
		check_say(c, CHECK_WARNING, rr, rr - 1, "%s %s is there twice", dname_print(g->owner, owner),
		    rrtype_print(rr->type, type));
	/* Signatures have the TTL of what they cover: RFC 4034, section 3. */
	if (rr[-1].ttl != rr->ttl && rr->type != TYPE_RRSIG && rr->type != *told) {
		check_say(c, CHECK_WARNING, rr, rr - 1, "the TTLs of %s %s differ (%u and %u): the smallest is served",
		    dname_print(g->owner, owner), rrtype_print(rr->type, type), rr[-1].ttl, rr->ttl);
		*told = rr->type;
	}
}

static void
check_set(struct checking *c, const struct check_group *g, const struct rr *first, const struct rr *end)
{
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	uint16_t told = 0;
	size_t octets = first->rdlen + RR_FIXED;

	if (rrtype_is_meta(first->type)) {
		for (const struct rr *rr = first; rr < end; rr++)
			check_say(c, CHECK_ERROR, rr, NULL, "%s is no type of a zone's data",
			    rrtype_print(rr->type, type));
		return;
	}
	for (const struct rr *rr = first + 1; rr < end; rr++) {
		octets += rr->rdlen + RR_FIXED;
		check_second(c, g, rr, &told);
	}
	if (octets > ANSWER_MAX && first->type != TYPE_RRSIG)
		check_say(c, CHECK_WARNING, first, NULL, "%s %s has %zu octets: no answer can hold it",
		    dname_print(g->owner, owner), rrtype_print(first->type, type), octets);
	if (first->type == TYPE_SVCB || first->type == TYPE_HTTPS)
		check_svcb_set(c, first, end);
}

/* Nobody asks for UTF-8 in the name of a host: internationalized names are asked for as RFC 5891 has them.  Below a label
 * with an underscore it is right: DNS-SD, RFC 6763, section 4.1.1. */
static void
check_letters(struct checking *c, const struct check_group *g)
{
	bool beyond = false;
	char owner[DNAME_TEXT_MAX];

	for (const uint8_t *label = g->owner; *label != 0; label += *label + 1) {
		if (label[1] == '_')
			return;
		for (unsigned i = 1; i <= *label; i++)
			beyond |= label[i] >= 0x80;
	}
	if (beyond)
		check_say(c, CHECK_WARNING, g->first, NULL, "%s has letters beyond ASCII: an internationalized name "
		    "stands here in its form xn--...", dname_print(g->owner, owner));
}

static void
check_group(struct checking *c, const struct check_group *g)
{
	const struct rr *cname = NULL, *dname = NULL, *ns = NULL, *ds = NULL;

	for (const struct rr *rr = g->first, *end; rr < g->end; rr = end) {
		for (end = rr + 1; end < g->end && end->type == rr->type; end++)
			;
		switch (rr->type) {
		case TYPE_CNAME:	cname = rr; break;
		case TYPE_DNAME:	dname = rr; break;
		case TYPE_NS:		ns = rr; break;
		case TYPE_DS:		ds = rr; break;
		}
		check_set(c, g, rr, end);
	}
	if (g->first < c->inside || g->first >= c->outside) {
		check_outside(c, g);
		return;
	}
	check_letters(c, g);
	c->has_cut |= ns != NULL && g->first > c->inside;
	c->has_dname |= dname != NULL;
	c->has_wildcard |= dname_is_wildcard(g->owner);
	if (c->dname != NULL)
		check_below_dname(c, g);
	if (cname != NULL)
		check_cname(c, g, cname);
	if (dname != NULL)
		check_dname(c, g, dname);
	if (c->cut != NULL || ns != NULL)
		check_cut(c, g);
	if (ns != NULL || ds != NULL)
		check_delegation(c, g, ns, ds);
}

static void
walk(struct checking *c)
{
	const struct rr *end = c->list->v + c->list->n;

	for (struct check_group g = { .first = c->list->v }; g.first < end; g.first = g.end) {
		g.owner = g.first->owner;
		for (g.end = g.first + 1; g.end < end && dname_equal(g.end->owner, g.owner); g.end++)
			;
		check_target_seen(c, &g);
		check_group(c, &g);
	}
	for (const struct rr *rr = c->inside; rr < c->outside; rr++) {
		check_target_judge(c, rr);
		check_content(c, rr);
	}
}

enum err
zone_check(const uint8_t *apex, const struct rr_list *sorted, check_report *report, void *ctx)
{
	struct checking c = { .apex = apex, .apex_len = dname_len(apex), .list = sorted, .report = report, .ctx = ctx };
	enum err err;

	if (sorted->n == 0) {
		check_say(&c, CHECK_ERROR, NULL, NULL, "no records at all");
		return ERR_REFUSED;
	}
	c.inside = lower_bound(sorted, apex, 0);
	c.outside = end_below(sorted, c.inside, apex);
	if ((err = check_targets_collect(&c)) == ERR_OK) {
		check_apex(&c);
		walk(&c);
	}
	check_targets_clear(&c);
	return err != ERR_OK ? err : c.refused ? ERR_REFUSED : ERR_OK;
}
