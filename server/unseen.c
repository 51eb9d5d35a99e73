/* server/unseen.c -- a push succeeded and we did not see it: killed before the base moved, or the answer was lost.
 *
 * Then our own commit comes back with a pull.  What it did is not somebody's wish but the zone as it was when the
 * commit was made; since then it may have changed again, and the served zone is right.  The clone knows the commit
 * (git_source_made()).  What it did is left out of the changes, and what people did before and after it stays in.
 * Pending then learns for each RR of ours how the zone differs from the new text. */
#include "server/keeper_internal.h"

#include <string.h>

#include "base/log.h"
#include "wire/rrtype.h"
#include "zones/gitzone.h"
#include "zones/rrmap.h"

/* Is it news for this zone?  The commit is in the tip's history, and not yet in the base's. */
static bool
is_unseen(struct pull *p, const struct zone_base *base, git_oid_text made, git_oid_text parent)
{
	struct git_source *git = p->git;
	bool in_tip = false, in_base = true;

	return git_source_made(git, made, parent, NULL) == ERR_OK &&
	    git_source_is_ancestor(git, made, p->tip, &in_tip, NULL) == ERR_OK && in_tip &&
	    git_source_is_ancestor(git, made, base->commit, &in_base, NULL) == ERR_OK && !in_base;
}

/* Did the commit touch a file of the zone?  Comparing blobs spares parsing. */
static bool
has_touched(struct pull *p, const struct zone_base *base, const git_oid_text made, const git_oid_text parent)
{
	bool touched = false;

	for (size_t i = 0; !touched && i < base->n; i++) {
		struct buf before = { 0 }, after = { 0 };
		git_oid_text old = "", new = "";

		(void)git_source_read(p->git, parent, base->v[i].path, GIT_ZONE_FILE_MAX, &before, old, NULL);
		(void)git_source_read(p->git, made, base->v[i].path, GIT_ZONE_FILE_MAX, &after, new, NULL);
		touched = strcmp(old, new) != 0;
		buf_clear(&before);
		buf_clear(&after);
	}
	return touched;
}

static enum err
add_all(struct changeset *to, const struct changeset *from)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < from->n; i++)
		err = changeset_add(to, &from->v[i]);
	return err;
}

/* What people did since may be about the same RRs: theirs is later. */
static enum err
leave_to_people(struct pulled_zone *z, const struct changeset *ours, const struct changeset *later)
{
	struct rrmap theirs = { 0 };
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < later->n; i++)
		err = rrmap_set(&theirs, &later->v[i].rr, &(struct rrmap_value){ 0 });
	for (size_t i = 0; err == ERR_OK && i < ours->n; i++)
		if (ours->v[i].rr.type != TYPE_SOA && rrmap_find(&theirs, &ours->v[i].rr) == NULL)
			err = changeset_add(&z->unseen, &ours->v[i]);
	rrmap_clear(&theirs);
	return err;
}

static enum err
split(struct pulled_zone *z, const struct rr_list *old, const struct rr_list *before, const struct rr_list *after)
{
	struct changeset earlier = { 0 }, ours = { 0 }, later = { 0 };
	enum err err = git_zone_diff(old, before, &earlier);

	if (err == ERR_OK && (err = git_zone_diff(before, after, &ours)) == ERR_OK &&
	    (err = git_zone_diff(after, &z->rrs, &later)) == ERR_OK) {
		changeset_clear(&z->changes);
		if ((err = add_all(&z->changes, &earlier)) == ERR_OK && (err = add_all(&z->changes, &later)) == ERR_OK)
			err = leave_to_people(z, &ours, &later);
	}
	changeset_clear(&earlier);
	changeset_clear(&ours);
	changeset_clear(&later);
	return err;
}

enum err
unseen_look(struct pull *p, struct pulled_zone *z, const struct zone_base *base, const struct rr_list *old)
{
	struct rr_list before = { 0 }, after = { 0 };
	git_oid_text made, parent;
	struct fault f = { 0 };
	char name[DNAME_TEXT_MAX];
	enum err err;

	if (!is_unseen(p, base, made, parent) || !has_touched(p, base, made, parent))
		return ERR_OK;
	err = git_zone_read_at(p->git, parent, base->v[0].path, z->apex.octets, &before, &f);
	if (err == ERR_OK)
		err = git_zone_read_at(p->git, made, base->v[0].path, z->apex.octets, &after, &f);
	if (err == ERR_OK && (err = split(z, old, &before, &after)) == ERR_OK)
		log_info("zone %s: commit %.12s of ours was pushed, which was not known",
		    dname_print_host(z->apex.octets, name), made);
	if (err != ERR_OK && err != ERR_NOMEM) {
		log_warning("zone %s: commit %.12s of ours cannot be read (%s): it is taken for somebody else's",
		    dname_print_host(z->apex.octets, name), made, fault_str(&f, err));
		err = ERR_OK;
	}
	rr_list_clear(&before);
	rr_list_clear(&after);
	return err;
}

/* Changes nothing in the zone, and tells pending to compare it with the new text. */
enum err
unseen_keep(const struct zone *z, struct pulled_zone *p)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < p->unseen.n; i++) {
		struct rr rr = p->unseen.v[i].rr;

		if (zone_version_has(zone_newest(z), &rr, &rr.ttl))
			err = changeset_add_rr(&p->changes, &rr);
		else
			err = changeset_remove_rr(&p->changes, &rr);
	}
	return err;
}
