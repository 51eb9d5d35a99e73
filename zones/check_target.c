/* Names of the zone that NS, MX, SRV, SVCB and HTTPS point to, in a hash table: zones are seen where most RRs are such
 * (those of registries), and a search in the sorted list for each would be most of the time that the checks take. */
#include "zones/check_internal.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"

void
check_targets_clear(struct checking *c)
{
	free(c->targets.v);
	free(c->targets.slots);
	free(c->targets.filter);
	c->targets = (struct check_targets){ 0 };
}

static bool
is_service(uint16_t type)
{
	return type == TYPE_SVCB || type == TYPE_HTTPS;
}

static bool
is_alias_mode(const struct rr *rr)	/* RFC 9460, section 2.4.2 */
{
	return is_service(rr->type) && rr->rdata[0] == 0 && rr->rdata[1] == 0;
}

/* The name in the zone that rr points to; NULL: none, or one elsewhere. */
static const uint8_t *
target_of(const struct checking *c, const struct rr *rr)
{
	const uint8_t *target = rdata_has_target(rr->type) ? rdata_target(rr->type, rr->rdata) : NULL;

	if (target != NULL && dname_is_root(target))	/* "none"; but RFC 9460, section 2.5.2 */
		target = is_service(rr->type) && !is_alias_mode(rr) ? rr->owner : NULL;
	return target != NULL && dname_is_below(target, c->apex) ? target : NULL;
}

/* Other bits of the hash than those that choose the slot, as far as there are any. */
static uint64_t *
filter_word(const struct check_targets *t, uint32_t hash, uint64_t *bit)
{
	size_t at = (hash ^ hash >> 15) & (t->nslots * 4 - 1);

	*bit = (uint64_t)1 << at % 64;
	return &t->filter[at / 64];
}

static void
filter_add(struct check_targets *t, uint32_t hash)
{
	uint64_t bit, *word = filter_word(t, hash, &bit);

	*word |= bit;
}

/* The slot that has name, or the free one where it would be. */
static struct check_slot *
find_slot(const struct check_targets *t, const uint8_t *name, uint32_t hash)
{
	size_t at = hash & (t->nslots - 1);

	while (t->slots[at].at != 0 &&
	    (t->slots[at].hash != hash || !dname_equal(t->v[t->slots[at].at - 1].name, name)))
		at = (at + 1) & (t->nslots - 1);
	return &t->slots[at];
}

static bool
grow_slots(struct check_targets *t)
{
	struct check_targets bigger = { .nslots = t->nslots == 0 ? 64 : t->nslots * 2 };

	bigger.slots = calloc(bigger.nslots, sizeof *bigger.slots);
	bigger.filter = calloc(bigger.nslots * 4 / 64, sizeof *bigger.filter);
	if (bigger.slots == NULL || bigger.filter == NULL) {
		free(bigger.slots);
		free(bigger.filter);
		return false;
	}
	for (size_t i = 0; i < t->nslots; i++) {
		size_t at = t->slots[i].hash & (bigger.nslots - 1);

		if (t->slots[i].at == 0)
			continue;
		while (bigger.slots[at].at != 0)
			at = (at + 1) & (bigger.nslots - 1);
		bigger.slots[at] = t->slots[i];
		filter_add(&bigger, t->slots[i].hash);
	}
	free(t->slots);
	free(t->filter);
	t->slots = bigger.slots;
	t->filter = bigger.filter;
	t->nslots = bigger.nslots;
	return true;
}

static enum err
add_target(struct check_targets *t, const uint8_t *name, bool is_ns)
{
	uint32_t hash = dname_hash(name);
	struct check_slot *slot;

	if (t->n * 2 >= t->nslots && !grow_slots(t))
		return ERR_NOMEM;
	slot = find_slot(t, name, hash);
	if (slot->at == 0) {
		if (t->n == t->cap) {
			size_t cap = t->cap == 0 ? 32 : t->cap * 2;
			struct check_target *v = realloc(t->v, cap * sizeof *v);

			if (v == NULL)
				return ERR_NOMEM;
			t->v = v;
			t->cap = cap;
		}
		t->v[t->n] = (struct check_target){ .name = name };
		*slot = (struct check_slot){ .hash = hash, .at = (uint32_t)++t->n };
		filter_add(t, hash);
	}
	t->v[slot->at - 1].is_ns |= is_ns;
	return ERR_OK;
}

enum err
check_targets_collect(struct checking *c)
{
	enum err err = ERR_OK;

	for (const struct rr *rr = c->inside; err == ERR_OK && rr < c->outside; rr++) {
		const uint8_t *target = target_of(c, rr);

		if (target != NULL)
			err = add_target(&c->targets, target, rr->type == TYPE_NS);
	}
	return err;
}

struct check_target *
check_target_find(const struct checking *c, const uint8_t *name)
{
	const struct check_targets *t = &c->targets;
	uint32_t hash, at;
	uint64_t bit;

	if (t->n == 0)
		return NULL;
	hash = dname_hash(name);
	if ((*filter_word(t, hash, &bit) & bit) == 0)
		return NULL;
	at = find_slot(t, name, hash)->at;
	return at == 0 ? NULL : &t->v[at - 1];
}

void
check_target_seen(struct checking *c, const struct check_group *g)
{
	struct check_target *target = check_target_find(c, g->owner);

	if (target == NULL)
		return;
	target->at = g->first;
	for (const struct rr *rr = g->first; rr < g->end; rr++) {
		target->has_address |= check_is_address(rr->type);
		if (rr->type == TYPE_CNAME)
			target->alias = rr;
	}
}

/* --- judging --- */

static bool
has_address(const struct checking *c, const uint8_t *name)
{
	return check_find_type(c, name, TYPE_A) != NULL || check_find_type(c, name, TYPE_AAAA) != NULL;
}

/* May an address come from a wildcard or a delegation? */
static bool
may_have_address(const struct checking *c, const uint8_t *name, bool ns)
{
	struct dname wildcard;

	if (!c->has_wildcard && (ns || !c->has_cut))
		return false;
	for (const uint8_t *up = name; !dname_equal(up, c->apex); up = dname_parent(up)) {
		/* Addresses below a cut are known to the other zone; only a name server needs them here as glue. */
		if (!ns && c->has_cut && check_find_type(c, up, TYPE_NS) != NULL)
			return true;
		if (c->has_wildcard && dname_join(&wildcard, (const uint8_t *)"\1*", 1, dname_parent(up)) &&
		    (has_address(c, wildcard.octets) || check_find_type(c, wildcard.octets, TYPE_CNAME) != NULL))
			return true;
	}
	return false;
}

static const struct rr *
dname_above(const struct checking *c, const uint8_t *name)
{
	const struct rr *dname = NULL;

	for (const uint8_t *up = name; c->has_dname && dname == NULL && !dname_equal(up, c->apex); )
		dname = check_find_type(c, up = dname_parent(up), TYPE_DNAME);
	return dname;
}

/* "ns.example.com" without its dot has become ns.example.com.example.com; with one label nothing can be told. */
static bool
is_doubled(const struct checking *c, const uint8_t *name)
{
	unsigned labels = dname_labels(c->apex);
	struct dname doubled;

	return labels >= 2 && dname_labels(name) >= 2 * labels && dname_join(&doubled, c->apex, labels, c->apex) &&
	    dname_is_below(name, doubled.octets);
}

static bool
is_number(const uint8_t *label)
{
	for (uint8_t i = 1; i <= *label; i++)
		if (label[i] < '0' || label[i] > '9')
			return false;
	return *label >= 1 && *label <= 3;
}

/* "192.0.2.1" where a name belongs has become 192.0.2.1.example.com. */
static bool
is_address_text(const struct checking *c, const uint8_t *name)
{
	if (dname_labels(name) != dname_labels(c->apex) + 4)
		return false;
	for (int i = 0; i < 4; i++, name = dname_parent(name))
		if (!is_number(name))
			return false;
	return true;
}

static const char *
hint(const struct checking *c, const struct rr *rr, const uint8_t *target)
{
	if (is_doubled(c, target))
		return ": is its final dot missing?";
	if (is_address_text(c, target))
		return ": a name belongs there, not an address";
	if (rr->type == TYPE_NS && !dname_equal(rr->owner, c->apex) && dname_is_below(target, rr->owner))
		return ": the delegation needs it as glue";
	return "";
}

/* RFC 2181, section 10.3; RFC 2782; for glue RFC 9471; for SVCB RFC 9460, section 3. */
static void
judge_target(struct checking *c, const struct rr *rr, const uint8_t *name)
{
	const struct check_target *target = check_target_find(c, name);
	char target_text[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX], dname_text[DNAME_TEXT_MAX];
	const struct rr *dname;

	if (target->has_address)
		return;
	rrtype_print(rr->type, type);
	dname_print(name, target_text);
	if (target->alias != NULL && !is_service(rr->type))
		check_say(c, CHECK_WARNING, rr, target->alias, "%s points to %s, which is a CNAME", type, target_text);
	else if (target->alias != NULL || (is_alias_mode(rr) && target->at != NULL))
		return;
	else if ((dname = dname_above(c, name)) != NULL) {
		if (!is_service(rr->type))
			check_say(c, CHECK_WARNING, rr, dname, "%s points to %s, which is an alias by the DNAME at %s",
			    type, target_text, dname_print(dname->owner, dname_text));
	} else if (!may_have_address(c, name, rr->type == TYPE_NS))
		check_say(c, CHECK_WARNING, rr, target->at == rr ? NULL : target->at,
		    "%s points to %s, which has no address%s", type, target_text, hint(c, rr, name));
}

static bool
is_reverse(const uint8_t *name)
{
	return dname_is_below(name, (const uint8_t *)"\7in-addr\4arpa") ||
	    dname_is_below(name, (const uint8_t *)"\3ip6\4arpa");
}

/* Aliases and PTR may point to anything, but hardly to what a missing dot makes of them. */
static void
judge_dot(struct checking *c, const struct rr *rr)
{
	char target[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	if (rr->type == TYPE_PTR ? !is_reverse(rr->rdata) && !is_doubled(c, rr->rdata) : !is_doubled(c, rr->rdata))
		return;
	if (!check_has_name(c, rr->rdata) && !may_have_address(c, rr->rdata, false))
		check_say(c, CHECK_WARNING, rr, NULL, "%s points to %s, which does not exist: is its final dot "
		    "missing?", rrtype_print(rr->type, type), dname_print(rr->rdata, target));
}

void
check_target_judge(struct checking *c, const struct rr *rr)
{
	const uint8_t *target;

	if (rr->type == TYPE_CNAME || rr->type == TYPE_DNAME || rr->type == TYPE_PTR)
		judge_dot(c, rr);
	else if ((target = target_of(c, rr)) != NULL)
		judge_target(c, rr, target);
}
