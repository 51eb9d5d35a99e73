/* server/rewritten.c -- somebody pushed another history (force-push) over commits of ours.
 *
 * The text that comes then lacks what those commits wrote, as if a person had removed it; but nobody meant that.  A
 * zone whose base lies in the old history gets a list of what our commits there did to it.  What still holds in the
 * served zone stays, and waits to be written back once more.  What people's commits in the old history did is theirs to
 * take back. */
#include "server/keeper_internal.h"

#include <string.h>

#include "base/log.h"
#include "wire/rrtype.h"
#include "zones/gitzone.h"
#include "zones/rrmap.h"

enum { OURS_ADDED, OURS_REMOVED };

/* One commit's doing, over what the earlier ones did. */
static enum err
add_step(struct pulled_zone *z, struct rrmap *ours, const struct changeset *changes)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < changes->n; i++) {
		const struct change *c = &changes->v[i];

		if (c->rr.type == TYPE_SOA) {
			changeset_clear(&z->our_soa);
			err = changeset_add_rr(&z->our_soa, &c->rr);
			continue;
		}
		err = rrmap_set(ours, &c->rr, &(struct rrmap_value){ c->add ? OURS_ADDED : OURS_REMOVED, c->rr.ttl, 0,
		    0 });
	}
	return err;
}

static enum err
read_step(struct pull *p, const struct git_step *step, struct pulled_zone *z, const char *path, struct rrmap *ours)
{
	struct rr_list before = { 0 }, after = { 0 };
	struct changeset changes = { 0 };
	struct fault f = { 0 };
	enum err err;

	if ((err = git_zone_read_at(p->git, step->before, path, z->apex.octets, &before, &f)) == ERR_OK &&
	    (err = git_zone_read_at(p->git, step->after, path, z->apex.octets, &after, &f)) == ERR_OK &&
	    (err = git_zone_diff(&before, &after, &changes)) == ERR_OK)
		err = add_step(z, ours, &changes);
	if (err != ERR_OK && err != ERR_NOMEM) {
		log_debug("commit %.12s: %s", step->after, fault_str(&f, err));
		err = ERR_OK;			/* the zone was not there then, or is named otherwise */
	}
	rr_list_clear(&before);
	rr_list_clear(&after);
	changeset_clear(&changes);
	return err;
}

static enum err
list_ours(const struct rrmap *ours, struct changeset *out)
{
	enum err err = ERR_OK;

	for (const struct rrmap_entry *e = NULL; err == ERR_OK && (e = rrmap_next(ours, e)) != NULL; ) {
		struct rr rr = e->rr;

		rr.ttl = e->value.ttl;
		err = e->value.kind == OURS_ADDED ? changeset_add_rr(out, &rr) : changeset_remove_rr(out, &rr);
	}
	return err;
}

enum err
rewritten_look(struct pull *p, struct pulled_zone *z, const struct zone_base *base)
{
	struct git_dropped dropped = { 0 };
	struct rrmap ours = { 0 };
	struct fault f = { 0 };
	char name[DNAME_TEXT_MAX];
	bool ancestor = true;
	enum err err;

	if (git_source_is_ancestor(p->git, base->commit, p->tip, &ancestor, &f) != ERR_OK || ancestor)
		return ERR_OK;
	if ((err = git_source_dropped(p->git, base->commit, p->tip, &dropped, &f)) != ERR_OK) {
		log_warning("zone %s: what the earlier history had is not known (%s)", dname_print_host(z->apex.octets,
		    name), fault_str(&f, err));
		return err == ERR_NOMEM ? err : ERR_OK;
	}
	for (size_t i = 0; err == ERR_OK && i < dropped.n; i++)
		err = read_step(p, &dropped.v[i], z, base->v[0].path, &ours);
	if (err == ERR_OK)
		err = list_ours(&ours, &z->ours);
	rrmap_clear(&ours);
	git_dropped_clear(&dropped);
	return err;
}

/* --- on the keeper --- */

/* Does the served zone still have what we did? */
static bool
still_holds(const struct zone *z, const struct change *c)
{
	uint32_t ttl;
	bool there = zone_version_has(zone_newest(z), &c->rr, &ttl) && !pending_is_passing(&z->pending, &c->rr);

	return c->add ? there && ttl == c->rr.ttl : !there;
}

/* changes without what would undo ours, and with ours once more: that changes nothing in the zone, and tells pending to
 * look. */
static enum err
keep_rrs(const struct zone *z, struct pulled_zone *p, size_t *kept)
{
	struct changeset wanted = { 0 };
	struct rrmap keep = { 0 };
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < p->ours.n; i++)
		if (still_holds(z, &p->ours.v[i]))
			err = rrmap_set(&keep, &p->ours.v[i].rr, &(struct rrmap_value){ .kind = p->ours.v[i].add });
	*kept = 0;
	for (size_t i = 0; err == ERR_OK && i < p->changes.n; i++) {
		if (rrmap_find(&keep, &p->changes.v[i].rr) == NULL)
			err = changeset_add(&wanted, &p->changes.v[i]);
		else
			++*kept;
	}
	for (size_t i = 0; err == ERR_OK && i < p->ours.n; i++)
		if (rrmap_find(&keep, &p->ours.v[i].rr) != NULL)
			err = changeset_add(&wanted, &p->ours.v[i]);
	rrmap_clear(&keep);
	if (err != ERR_OK) {
		changeset_clear(&wanted);
		return err;
	}
	changeset_clear(&p->changes);
	p->changes = wanted;
	return ERR_OK;
}

/* An SOA whose fields we changed, and nobody after us: the one that comes is left out. */
static void
keep_soa(const struct zone *z, struct pulled_zone *p)
{
	struct rr served;
	size_t n = 0;

	if (p->our_soa.n == 0 || !zone_version_soa(zone_newest(z), &served) ||
	    !soa_same_but_serial(&p->our_soa.v[0].rr, &served))
		return;
	for (size_t i = 0; i < p->changes.n; i++)
		if (p->changes.v[i].rr.type != TYPE_SOA)
			p->changes.v[n++] = p->changes.v[i];
	p->changes.n = n;
}

enum err
rewritten_keep(const struct zone *z, struct pulled_zone *p)
{
	size_t kept;
	enum err err;

	if (p->ours.n == 0 && p->our_soa.n == 0)
		return ERR_OK;
	keep_soa(z, p);
	if ((err = keep_rrs(z, p, &kept)) == ERR_OK && kept > 0)
		log_warning("zone %s: the new history lacks %zu changes that were made here and pushed: they stay, and "
		    "are pushed once more", z->name, kept);
	return err;
}
