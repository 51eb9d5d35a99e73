/* server/pull.c -- a pull, in four steps:
 *
 *   find     on a helper: fetch, and see which files differ from the commit that was taken last
 *   choose   on the keeper: which zones that concerns; their bases are copied
 *   (read)   on a helper: server/pull_read.c
 *   (merge)  on the keeper: server/merge.c
 *
 * So its cost follows what changed; only the first pull after a start looks at all files.  A helper sees what is in
 * struct pull and the clone, nothing of the keeper's. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "zones/git_files.h"
#include "zones/git_verify.h"
#include "zones/keyfile.h"

/* The commits that the zones came from: who checks signatures may need them, should the clone be a new one. */
static enum err
note_commits(struct pull *p)
{
	const struct zonetable *zones = &p->source->keeper->zones;

	if (p->signers == NULL || p->source->head[0] != '\0')
		return ERR_OK;
	if ((p->commits = calloc(zones->n + 1, sizeof *p->commits)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < zones->n; i++) {
		const struct zone *z = zones->v[i];

		if (z->owner == p->source && z->base.commit[0] != '\0' &&
		    (p->ncommits == 0 || strcmp(p->commits[p->ncommits - 1], z->base.commit) != 0))
			memcpy(p->commits[p->ncommits++], z->base.commit, GIT_OID_TEXT);
	}
	return ERR_OK;
}

enum err
pull_new(struct source *s, bool fetch, struct pull **out)
{
	struct pull *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->source = s;
	p->git = s->git;
	p->fetch = fetch;
	p->signers = signers_ref(s->signers);
	memcpy(p->head, s->head, sizeof p->head);
	p->no_keys = s->keys == NULL;
	if (note_commits(p) != ERR_OK) {
		pull_free(p);
		return ERR_NOMEM;
	}
	*out = p;
	return ERR_OK;
}

void
pulled_zone_clear(struct pulled_zone *z)
{
	zone_base_clear(&z->base);
	rr_list_clear(&z->rrs);
	changeset_clear(&z->changes);
	complaints_clear(&z->complaints);
	changeset_clear(&z->ours);
	changeset_clear(&z->our_soa);
	changeset_clear(&z->unseen);
	free(z->words);
}

static void
pull_base_clear(struct pull_base *b)
{
	zone_base_clear(&b->base);
	baseline_clear(&b->then);
	free(b->name);
}

void
pull_free(struct pull *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nbases; i++)
		pull_base_clear(&p->bases[i]);
	for (size_t i = 0; i < p->nzones; i++)
		pulled_zone_clear(&p->zones[i]);
	free(p->bases);
	free(p->zones);
	free(p->commits);
	git_listing_clear(&p->files);
	git_changes_clear(&p->changes);
	tsig_keyring_unref(p->keys);
	signers_unref(p->signers);
	free(p->held_words);
	free(p);
}

/* --- find --- */

/* Is what was taken last, maybe before a restart, no part of what comes? */
static void
look_for_rewriting(struct pull *p)
{
	struct git_source *git = p->source->git;
	git_oid_text before;
	struct fault f = { 0 };
	bool ancestor = true;

	memcpy(before, p->head, sizeof before);
	if (p->last || (before[0] == '\0' && git_source_accepted(git, before, NULL) != ERR_OK) ||
	    strcmp(before, p->tip) == 0 || git_source_is_ancestor(git, before, p->tip, &ancestor, NULL) != ERR_OK ||
	    ancestor)
		return;
	log_warning("%s: history was rewritten: %.12s is not in %.12s; what changed here is kept on top",
	    git_source_url(git), before, p->tip);
	if (git_source_keep(git, before, &f) != ERR_OK)
		log_warning("%s: %s", git_source_url(git), fault_str(&f, f.err));
}

void
pull_find(void *arg)
{
	struct pull *p = arg;
	struct git_source *git = p->source->git;
	int64_t start_ms = clock_mono_ms();

	p->err = p->fetch ? git_source_fetch(git, p->tip, &p->fault) :
	    p->last ? git_source_accepted(git, p->tip, &p->fault) : git_source_tip(git, p->tip, &p->fault);
	p->fetched_ms = clock_mono_ms() - start_ms;
	if (p->err != ERR_OK || (p->err = accept_commits(p)) != ERR_OK || p->held != HOLD_NONE)
		return;
	look_for_rewriting(p);
	if (p->head[0] == '\0')
		p->err = git_source_list(git, p->tip, &p->files, &p->fault);
	else if (strcmp(p->head, p->tip) != 0)
		p->err = git_source_changes(git, p->head, p->tip, &p->changes, &p->fault);
	p->found_ms = clock_mono_ms() - start_ms;
}

/* --- choose --- */

static struct pull_base *
add_base(struct pull *p, const uint8_t *apex, const char *name)
{
	struct pull_base *b;

	if (p->nbases == p->capbases) {
		size_t cap = p->capbases == 0 ? 8 : p->capbases * 2;
		struct pull_base *v = realloc(p->bases, cap * sizeof *v);

		if (v == NULL)
			return NULL;
		p->bases = v;
		p->capbases = cap;
	}
	b = &p->bases[p->nbases];
	*b = (struct pull_base){ .name = strdup(name) };
	if (b->name == NULL)
		return NULL;
	dname_copy(&b->apex, apex);
	p->nbases++;
	return b;
}

static const char *
file_of(const struct zone *z)
{
	return z->base.n > 0 ? z->base.v[0].path : z->file;
}

static bool
has_other_file(const struct zone *z, const char *name)
{
	const char *file = file_of(z);

	return file == NULL || strcmp(file, name) != 0;
}

/* Look at the zone's file.  name NULL: the one that it has. */
static void
choose_zone(struct pull *p, struct zone *z, const char *name)
{
	struct pull_base *b;

	if (name == NULL)
		name = file_of(z);
	if (p->err != ERR_OK || z->chosen || name == NULL)
		return;
	if ((b = add_base(p, z->apex.octets, name)) == NULL) {
		p->err = ERR_NOMEM;
		return;
	}
	b->known = true;
	b->held = z->held || z->retired || zone_newest(z) == NULL || has_other_file(z, name);
	b->rrs = z->retired || zone_newest(z) == NULL ? 0 : zone_version_rr_count(zone_newest(z));
	if ((p->err = zone_base_copy(&b->base, &z->base)) == ERR_OK)
		p->err = baseline_take(z, &b->then);
	z->chosen = true;
}

/* A file of the zones' directory that may be a zone's. */
static void
choose_file(struct pull *p, const char *name)
{
	struct dname apex;
	struct zone *z;

	if (!source_zone_of(p->source, name, &apex))
		return;
	if ((z = zonetable_find(&p->source->keeper->zones, apex.octets)) != NULL && z->owner == p->source)
		choose_zone(p, z, name);
	else if (add_base(p, apex.octets, name) == NULL)
		p->err = ERR_NOMEM;
}

static void
choose_includer(void *arg, struct zone *z)
{
	choose_zone(arg, z, NULL);
}

/* All files: zones whose file is as their base has it need no second look, unless they include others. */
static void
choose_from_listing(struct pull *p)
{
	struct zonetable *zones = &p->source->keeper->zones;
	struct dname apex;

	for (size_t i = 0; p->err == ERR_OK && i < p->files.n; i++) {
		const struct git_file *file = &p->files.v[i];
		struct zone *z;

		if (!file->regular || !source_zone_of(p->source, file->name, &apex))
			continue;
		z = zonetable_find(zones, apex.octets);
		if (z != NULL && z->owner == p->source && !z->held && !z->retired && zone_newest(z) != NULL &&
		    z->base.n == 1 && strcmp(z->base.v[0].blob, file->blob) == 0)
			z->chosen = true;
		else
			choose_file(p, file->name);
	}
	for (size_t i = 0; p->err == ERR_OK && i < zones->n; i++)	/* whose file is gone */
		if (zones->v[i]->owner == p->source)
			choose_zone(p, zones->v[i], NULL);
	for (size_t i = 0; i < zones->n; i++)
		zones->v[i]->chosen = false;
}

static void
choose_from_changes(struct pull *p)
{
	struct zonetable *zones = &p->source->keeper->zones;
	struct dname domain;

	for (size_t i = 0; p->err == ERR_OK && i < p->changes.n; i++) {
		const struct git_change *c = &p->changes.v[i];
		const char *name = git_source_zone_file(p->source->git, c->path);

		if (name != NULL)
			choose_file(p, name);
		if (name != NULL && keyfile_name(name, &domain))
			p->keys_changed = p->source->files == NULL;
		includes_each(p->source, c->path, choose_includer, p);
	}
	/* What was refused may be sound now: a file that it includes has come, or what changed here is out of its
	 * way. */
	for (size_t i = 0; p->source->nheld > 0 && (p->changes.n > 0 || p->again) && i < zones->n; i++)
		if (zones->v[i]->owner == p->source && zones->v[i]->held)
			choose_zone(p, zones->v[i], NULL);
}

/* Zone files are few, and their names are known: those that were not served until now, those that could not be read, and
 * those that a zone has in place of another one. */
static void
choose_files(struct pull *p)
{
	const struct file_zones *files = p->source->files;

	for (size_t i = 0; files != NULL && p->err == ERR_OK && i < files->n; i++) {
		const struct zone *z = zonetable_find(&p->source->keeper->zones, files->apexes[i].octets);

		if (z == NULL || z->owner != p->source || z->unread || z->retired ||
		    has_other_file(z, files->names[i]) || git_files_problem(p->source->git, i) != NULL)
			choose_file(p, files->names[i]);
	}
}

static int
compare_bases(const void *a, const void *b)
{
	const struct pull_base *x = a, *y = b;

	return dname_compare(x->apex.octets, y->apex.octets);
}

/* In order, each zone once. */
static void
sort_bases(struct pull *p)
{
	size_t kept = 0;

	if (p->nbases > 1)
		qsort(p->bases, p->nbases, sizeof *p->bases, compare_bases);
	for (size_t i = 0; i < p->nbases; i++) {
		if (kept == 0 || compare_bases(&p->bases[kept - 1], &p->bases[i]) != 0) {
			p->bases[kept++] = p->bases[i];
			continue;
		}
		pull_base_clear(&p->bases[i]);
	}
	p->nbases = kept;
}

void
pull_choose(struct pull *p)
{
	const struct zonetable *zones = &p->source->keeper->zones;
	bool gone = false;

	if (p->err != ERR_OK || p->held != HOLD_NONE)
		return;
	choose_files(p);
	if (p->head[0] == '\0')
		choose_from_listing(p);
	else
		choose_from_changes(p);
	p->keys_changed |= p->no_keys && p->source->files == NULL;
	sort_bases(p);
	for (size_t i = 0; i < p->nbases; i++) {
		struct zone *z = zonetable_find(zones, p->bases[i].apex.octets);

		if (z != NULL)
			z->chosen = false;
	}
	for (size_t i = 0; i < p->changes.n; i++)
		gone |= !p->changes.v[i].regular;
	/* How many there are matters only when some may go. */
	for (size_t i = 0; (gone || p->head[0] == '\0') && i < zones->n; i++)
		p->nserved += zones->v[i]->owner == p->source && !zones->v[i]->retired &&
		    zone_newest(zones->v[i]) != NULL;
}

const struct pull_base *
pull_find_base(const struct pull *p, const uint8_t *apex)
{
	struct pull_base key;

	dname_copy(&key.apex, apex);
	return p->nbases == 0 ? NULL : bsearch(&key, p->bases, p->nbases, sizeof *p->bases, compare_bases);
}

void
pull_whole(struct pull *p)
{
	pull_find(p);
	pull_choose(p);
	if (p->err == ERR_OK && p->held == HOLD_NONE)
		pull_read(p);
}
