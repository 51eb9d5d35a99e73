/* server/pull.c -- the part of a pull that runs on a helper: fetch, find what changed, parse it, compare each zone with
 * the base it had.  It reads only what pull_new() copied, and the clone; nothing here touches the keeper's zones. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "zones/git_files.h"
#include "zones/git_verify.h"
#include "zones/keyfile.h"

static int
compare_bases(const void *a, const void *b)
{
	const struct pull_base *x = a, *y = b;

	return dname_compare(x->apex.octets, y->apex.octets);
}

enum err
pull_new(struct source *s, bool fetch, struct pull **out)
{
	struct zonetable *zones = &s->keeper->zones;
	struct pull *p = calloc(1, sizeof *p);
	enum err err = ERR_OK;

	if (p == NULL || (p->bases = calloc(zones->n + 1, sizeof *p->bases)) == NULL) {
		free(p);
		return ERR_NOMEM;
	}
	p->source = s;
	p->fetch = fetch;
	p->signers = signers_ref(s->signers);
	for (size_t i = 0; err == ERR_OK && i < zones->n; i++) {
		const struct zone *z = zones->v[i];

		if (z->owner != s)
			continue;
		p->bases[p->nbases].apex = z->apex;
		p->bases[p->nbases].held = z->held || z->retired || zone_newest(z) == NULL;
		p->bases[p->nbases].rrs = z->retired || zone_newest(z) == NULL ? 0 : zone_version_rr_count(zone_newest(z));
		err = zone_base_copy(&p->bases[p->nbases++].base, &z->base);
	}
	if (err != ERR_OK) {
		pull_free(p);
		return err;
	}
	if (p->nbases > 1)
		qsort(p->bases, p->nbases, sizeof *p->bases, compare_bases);
	*out = p;
	return ERR_OK;
}

static void
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

void
pull_free(struct pull *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nbases; i++)
		zone_base_clear(&p->bases[i].base);
	for (size_t i = 0; i < p->nzones; i++)
		pulled_zone_clear(&p->zones[i]);
	free(p->bases);
	free(p->zones);
	known_files_clear(&p->known);
	tsig_keyring_unref(p->keys);
	signers_unref(p->signers);
	free(p->held_words);
	free(p);
}

static struct pulled_zone *
add_result(struct pull *p, const uint8_t *apex)
{
	if (p->nzones == p->capzones) {
		size_t cap = p->capzones == 0 ? 8 : p->capzones * 2;
		struct pulled_zone *v = realloc(p->zones, cap * sizeof *v);

		if (v == NULL)
			return NULL;
		p->zones = v;
		p->capzones = cap;
	}
	p->zones[p->nzones] = (struct pulled_zone){ 0 };
	dname_copy(&p->zones[p->nzones].apex, apex);
	return &p->zones[p->nzones++];
}

/* --- reading one zone --- */

const struct pull_base *
pull_find_base(const struct pull *p, const uint8_t *apex)
{
	struct pull_base key;

	dname_copy(&key.apex, apex);
	return p->nbases == 0 ? NULL : bsearch(&key, p->bases, p->nbases, sizeof *p->bases, compare_bases);
}

/* What changed since the base. */
static enum err
compare_with_base(struct pull *p, struct pulled_zone *z, const struct pull_base *base, struct fault *f)
{
	struct rr_list old = { 0 };
	enum err err = git_zone_read_base(p->source->git, z->apex.octets, &base->base, &old, NULL, f);

	if (err == ERR_OK)
		err = git_zone_diff(&old, &z->rrs, &z->changes);
	if (err == ERR_OK)
		err = unseen_look(p, z, &base->base, &old);
	z->known = err == ERR_OK;
	rr_list_clear(&old);
	return err == ERR_OK ? rewritten_look(p, z, &base->base) : err;
}

/* What was read, into a result. */
static enum err
take_read(struct pull *p, struct git_zone *read, const struct pull_base *base, const uint8_t *apex)
{
	struct pulled_zone *z = add_result(p, apex);
	struct fault f = { 0 };
	char name[DNAME_TEXT_MAX];
	enum err err;

	if (z == NULL)
		return ERR_NOMEM;
	z->complaints = read->complaints;
	read->complaints = (struct complaints){ 0 };
	if (!read->sound) {
		z->kind = PULLED_BAD;
		return ERR_OK;
	}
	z->kind = PULLED_TEXT;
	z->base = read->base;
	z->rrs = read->rrs;
	read->base = (struct zone_base){ 0 };
	read->rrs = (struct rr_list){ 0 };
	if (base == NULL || base->base.n == 0 || (err = compare_with_base(p, z, base, &f)) == ERR_OK)
		return ERR_OK;
	if (err == ERR_NOMEM)
		return err;
	/* Merging without a base would undo what changed here.  What waits in the journal is put on top instead. */
	log_warning("zone %s: its base in commit %s cannot be read (%s): the new text becomes the base",
	    dname_print_host(apex, name), base->base.commit, fault_str(&f, err));
	return ERR_OK;
}

static enum err
read_zone(struct pull *p, const struct git_file *file, const uint8_t *apex)
{
	const struct pull_base *base = pull_find_base(p, apex);
	struct git_zone read = { 0 };
	char name[DNAME_TEXT_MAX];
	enum err err = git_zone_read(p->source->git, p->tip, file, apex, &read, &p->fault);

	if (err == ERR_OK && base == NULL && p->source->files == NULL && !read.has_soa)
		log_info("%s: %s is passed over: it has no SOA for %s", git_source_url(p->source->git), file->name,
		    dname_print_host(apex, name));
	else if (err == ERR_OK)
		err = take_read(p, &read, base, apex);
	git_zone_clear(&read);
	return err;
}

/* --- the directory --- */

static const struct known_file *
find_known(const struct known_files *known, const char *name)
{
	size_t low = 0, high = known->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int d = strcmp(known->v[middle].name, name);

		if (d == 0)
			return &known->v[middle];
		if (d < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int
compare_known(const void *a, const void *b)
{
	return strcmp(((const struct known_file *)a)->name, ((const struct known_file *)b)->name);
}

static enum err
remember_files(struct pull *p, const struct git_listing *files)
{
	if ((p->known.v = calloc(files->n + 1, sizeof *p->known.v)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < files->n; i++) {
		struct known_file *k = &p->known.v[p->known.n];

		if ((k->name = strdup(files->v[i].name)) == NULL)
			return ERR_NOMEM;
		memcpy(k->blob, files->v[i].blob, sizeof k->blob);
		k->regular = files->v[i].regular;
		p->known.n++;
	}
	qsort(p->known.v, p->known.n, sizeof *p->known.v, compare_known);
	return ERR_OK;
}

/* The file is as it was, and so is everything that it includes. */
static bool
is_unchanged(const struct pull *p, const struct git_file *file, const uint8_t *apex)
{
	const struct known_file *known = find_known(&p->source->known, file->name);
	const struct pull_base *base = pull_find_base(p, apex);

	if (base == NULL)
		return known != NULL && strcmp(known->blob, file->blob) == 0;
	return !base->held && git_zone_is_unchanged(p->source->git, p->tip, file, &base->base);
}

/* Lines of complaints into the log. */
static void
log_complaints(struct buf *complaints)
{
	const char *line = buf_str(complaints);

	while (line != NULL && *line != '\0') {
		int n = (int)strcspn(line, "\n");

		log_warning("keys: %.*s", n, line);
		line += n + (line[n] == '\n');
	}
}

static enum err
read_keys(struct pull *p, const struct git_listing *files)
{
	struct tsig_keyring *ring;
	struct dname domain;
	size_t nold = 0, nnew = 0;
	bool changed = p->source->keys == NULL;
	enum err err;

	for (size_t i = 0; i < p->source->known.n; i++)
		nold += p->source->known.v[i].regular && keyfile_name(p->source->known.v[i].name, &domain);
	for (size_t i = 0; i < files->n; i++) {
		const struct known_file *known = find_known(&p->source->known, files->v[i].name);

		if (!files->v[i].regular || !keyfile_name(files->v[i].name, &domain))
			continue;
		nnew++;
		changed |= known == NULL || strcmp(known->blob, files->v[i].blob) != 0;
	}
	if ((!changed && nold == nnew) || (err = tsig_keyring_new(&ring)) != ERR_OK)
		return !changed && nold == nnew ? ERR_OK : ERR_NOMEM;
	p->keys = ring;
	for (size_t i = 0; err == ERR_OK && i < files->n; i++) {
		struct buf text = { 0 }, complaints = { 0 };
		size_t nwarnings;

		if (!files->v[i].regular || !keyfile_name(files->v[i].name, &domain))
			continue;
		err = git_source_read_blob(p->source->git, files->v[i].blob, GIT_ZONE_FILE_MAX, &text, &p->fault);
		if (err == ERR_OK)
			err = zone_load_keys(files->v[i].name, (const char *)text.p, text.len, ring, &complaints, &nwarnings);
		log_complaints(&complaints);
		buf_wipe(&text);
		buf_clear(&complaints);
		/* A key file that cannot be read whole gives the keys that can. */
		if (err != ERR_NOMEM)
			err = ERR_OK;
	}
	return err;
}

/* A zone file whose last text stands for now. */
static bool
is_unreadable(const struct pull *p, const uint8_t *apex)
{
	const struct file_zones *files = p->source->files;

	for (size_t i = 0; p->fetch && files != NULL && i < files->n; i++)
		if (dname_equal(files->apexes[i].octets, apex))
			return git_files_problem(p->source->git, i) != NULL;
	return false;
}

static enum err
read_zones(struct pull *p, const struct git_listing *files)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < files->n; i++) {
		const struct git_file *file = &files->v[i];
		const struct known_file *known = find_known(&p->source->known, file->name);
		bool news = p->source->files == NULL && (known == NULL || strcmp(known->blob, file->blob) != 0);
		struct dname apex;

		if (p->source->files == NULL && keyfile_name(file->name, &apex))
			continue;
		if (!file->regular || !source_zone_of(p->source, file->name, &apex)) {
			if (news)
				log_info("%s: %s is passed over: %s", git_source_url(p->source->git), file->name,
				    file->regular ? "its name is no zone's" : "not a regular file");
			continue;
		}
		if (!is_unreadable(p, apex.octets) && !is_unchanged(p, file, apex.octets))
			err = read_zone(p, file, apex.octets);
	}
	return err;
}

/* Zones whose file is no longer there. */
static enum err
find_gone(struct pull *p, const struct git_listing *files)
{
	bool *there = calloc(p->nbases + 1, sizeof *there);

	if (there == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < files->n; i++) {
		const struct pull_base *base;
		struct dname apex;

		if (files->v[i].regular && source_zone_of(p->source, files->v[i].name, &apex) &&
		    (base = pull_find_base(p, apex.octets)) != NULL)
			there[base - p->bases] = true;
	}
	for (size_t i = 0; i < p->nbases; i++) {
		struct pulled_zone *z;

		if (there[i] || (z = add_result(p, p->bases[i].apex.octets)) == NULL)
			continue;
		z->kind = PULLED_GONE;
	}
	free(there);
	return ERR_OK;
}

/* Zone files that could not be read: their last texts stand. */
static enum err
find_unreadable(struct pull *p)
{
	const struct file_zones *files = p->source->files;

	for (size_t i = 0; p->fetch && files != NULL && i < files->n; i++) {
		const char *words = git_files_problem(p->source->git, i);
		struct pulled_zone *z;

		if (words == NULL)
			continue;
		if ((z = add_result(p, files->apexes[i].octets)) == NULL)
			return ERR_NOMEM;
		z->kind = PULLED_BAD;
		z->words = strdup(words);
	}
	return ERR_OK;
}

void
pull_run(void *arg)
{
	struct pull *p = arg;
	struct git_listing files = { 0 };
	bool ancestor = true;

	p->err = p->fetch ? git_source_fetch(p->source->git, p->tip, &p->fault) :
	    p->last ? git_source_accepted(p->source->git, p->tip, &p->fault) :
	    git_source_tip(p->source->git, p->tip, &p->fault);
	if (p->err != ERR_OK || (p->err = accept_commits(p)) != ERR_OK || p->held != HOLD_NONE)
		return;
	if (p->source->head[0] != '\0' && strcmp(p->source->head, p->tip) != 0 &&
	    git_source_is_ancestor(p->source->git, p->source->head, p->tip, &ancestor, NULL) == ERR_OK && !ancestor)
		log_warning("%s: history was rewritten: %.12s is not in %.12s; what changed here is kept on top",
		    git_source_url(p->source->git), p->source->head, p->tip);
	if ((p->err = git_source_list(p->source->git, p->tip, &files, &p->fault)) == ERR_OK &&
	    (p->err = remember_files(p, &files)) == ERR_OK &&
	    (p->source->files != NULL || (p->err = read_keys(p, &files)) == ERR_OK) &&
	    (p->err = read_zones(p, &files)) == ERR_OK && (p->err = find_gone(p, &files)) == ERR_OK &&
	    (p->err = find_unreadable(p)) == ERR_OK)
		p->err = accept_contents(p);
	git_listing_clear(&files);
}
