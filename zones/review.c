/* The files of two commits are compared by their blobs, and what differs is read.  A file that is as it was may include
 * one that is not: those that include anything are read too, if some file changed that is no zone's. */
#include "zones/review.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/git_verify.h"
#include "zones/keyfile.h"
#include "zones/removal.h"
#include "zones/review_internal.h"

void *
review_grow(void *v, size_t n, size_t size)
{
	/* Doubled at the powers of two, so that its capacity need not be kept. */
	return n == 0 || (n & (n - 1)) == 0 ? realloc(v, (n == 0 ? 1 : n * 2) * size) : v;
}

static int
compare_files(const void *a, const void *b)
{
	return strcmp(((const struct git_file *)a)->name, ((const struct git_file *)b)->name);
}

const struct git_file *
review_find_file(const struct git_listing *files, const char *name)
{
	struct git_file key = { .name = (char *)(uintptr_t)name };

	return files->n == 0 ? NULL : bsearch(&key, files->v, files->n, sizeof *files->v, compare_files);
}

static bool
is_zone_file(const struct git_file *file, struct dname *apex)
{
	return file->regular && zonefile_name(file->name, apex);
}

static enum err
add_passed(struct reviewing *r, const char *file, const char *why)
{
	struct review *out = r->out;
	struct review_passed *v = review_grow(out->passed, out->npassed, sizeof *v);

	r->others_changed = true;
	if (v == NULL)
		return ERR_NOMEM;
	out->passed = v;
	if ((v[out->npassed].file = strdup(file)) == NULL)
		return ERR_NOMEM;
	v[out->npassed++].why = why;
	return ERR_OK;
}

static struct review_zone *
add_zone(struct review *out, const uint8_t *apex, const char *file)
{
	struct review_zone *v = review_grow(out->zones, out->nzones, sizeof *v);

	if (v == NULL)
		return NULL;
	out->zones = v;
	v[out->nzones] = (struct review_zone){ .file = strdup(file) };
	if (v[out->nzones].file == NULL)
		return NULL;
	dname_copy(&v[out->nzones].apex, apex);
	return &v[out->nzones++];
}

/* --- one zone --- */

static const struct rr *
soa_of(const struct rr_list *rrs)
{
	for (size_t i = 0; i < rrs->n; i++)
		if (rrs->v[i].type == TYPE_SOA)
			return &rrs->v[i];
	return NULL;
}

/* The difference, RR by RR, SOA first. */
static enum err
diff(struct review_zone *z, const struct rr_list *old, const struct rr_list *new)
{
	const struct rr *a = soa_of(old), *b = soa_of(new);
	enum err err = ERR_OK;

	if (a == NULL || !rr_same(a, b) || a->ttl != b->ttl) {
		if (a != NULL)
			err = changeset_remove_rr(&z->changes, a);
		if (err == ERR_OK)
			err = changeset_add_rr(&z->changes, b);
	}
	return err == ERR_OK ? changeset_diff(old, new, &z->changes) : err;
}

static void
count_changes(struct review_zone *z)
{
	for (size_t i = 0; i < z->changes.n; i++) {
		const struct change *c = &z->changes.v[i];

		if (c->rr.type == TYPE_SOA)
			continue;
		if (!c->add && i + 1 < z->changes.n && z->changes.v[i + 1].add &&
		    rr_same(&c->rr, &z->changes.v[i + 1].rr)) {
			i++;			/* only its TTL changed */
			continue;
		}
		z->added += c->add;
		z->removed += !c->add;
	}
	z->lost = z->has_old ? removal_count(&z->changes) : 0;
}

static void
complain(struct review_zone *z, enum check_level level, const struct complaint_place *at, const char *text)
{
	struct place place = { at->file, at->line, at->column, NULL };

	complaints_add(&z->complaints, level, &place, NULL, text);
}

static bool
has_dnskey(const struct rr_list *rrs, const uint8_t *apex)
{
	for (size_t i = 0; i < rrs->n; i++)
		if (rrs->v[i].type == TYPE_DNSKEY && dname_equal(rrs->v[i].owner, apex))
			return true;
	return false;
}

/* Does anything change but the serial? */
static bool
is_content(const struct review_zone *z)
{
	for (size_t i = 0; i < z->changes.n; i++)
		if (z->changes.v[i].rr.type != TYPE_SOA)
			return true;
	return z->changes.n == 2 && !soa_same_but_serial(&z->changes.v[0].rr, &z->changes.v[1].rr);
}

/* With the old file's serial as the one that is served. */
static void
judge_serial(const struct reviewing *r, struct review_zone *z, const struct git_zone *new)
{
	struct serial_case c = { .policy = r->options->policy, .is_signed = has_dnskey(&new->rrs, z->apex.octets),
	    .base = z->old_serial, .file = z->file_serial, .served = z->old_serial, .content = is_content(z) };
	char text[200];

	z->serial = c.file;
	if (!z->has_old)
		return;
	switch (serial_judge(&c)) {
	case SERIAL_OF_FILE:
		break;
	case SERIAL_NEXT:
		z->raised_here = true;
		z->serial = serial_next(c.policy, c.served, r->options->now_s);
		snprintf(text, sizeof text, "the serial goes back from %u to %u: %u will be served", c.base, c.file,
		    z->serial);
		complain(z, CHECK_WARNING, &new->soa, text);
		break;
	case SERIAL_BY_CONTENT:
		z->raised_here = c.content;
		z->serial = c.content ? serial_next(c.policy, c.served, r->options->now_s) : c.served;
		break;
	case SERIAL_IS_SIGNED:
		snprintf(text, sizeof text, "the zone comes signed, so its serial cannot be raised by the server, and "
		    "%u is not newer than %u", c.file, c.base);
		complain(z, CHECK_ERROR, &new->soa, text);
		break;
	case SERIAL_NOT_RAISED:
		snprintf(text, sizeof text, "the content changes and the serial is not raised (%u before, %u now), as "
		    "the policy keep wants", c.base, c.file);
		complain(z, CHECK_ERROR, &new->soa, text);
		break;
	}
}

/* Both were read; old may be no zone, or an unsound one. */
static enum err
compare(struct reviewing *r, struct review_zone *z, struct git_zone *old, struct git_zone *new)
{
	enum err err = ERR_OK;

	z->complaints = new->complaints;
	new->complaints = (struct complaints){ 0 };
	z->has_old = old->sound;
	z->before = old->rrs.n;
	z->old_serial = old->base.serial;
	if (!new->sound) {
		z->kind = REVIEW_REFUSED;
		return ERR_OK;
	}
	z->after = new->rrs.n;
	z->file_serial = new->base.serial;
	if ((err = diff(z, &old->rrs, &new->rrs)) != ERR_OK)
		return err;
	count_changes(z);
	z->kind = !old->has_soa ? REVIEW_NEW : z->changes.n > 0 ? REVIEW_CHANGED : REVIEW_SAME;
	judge_serial(r, z, new);
	complaints_sort(&z->complaints);
	return z->complaints.failed ? ERR_NOMEM : ERR_OK;
}

static enum err
note_includes(struct reviewing *r, const struct git_zone *z)
{
	enum err err = ERR_OK;

	for (size_t i = 1; err == ERR_OK && i < z->base.n; i++)
		err = zone_base_add(&r->included, z->base.v[i].path, z->base.v[i].blob);
	return err;
}

/* Does the file, read as it was, say that it is a zone's? */
static enum err
read_old(struct reviewing *r, const struct git_file *file, const uint8_t *apex, struct git_zone *old)
{
	return file == NULL || !file->regular ? ERR_OK : git_zone_read(r->git, r->out->old_commit, file, apex, old,
	    r->f);
}

static enum err
review_file(struct reviewing *r, const struct git_file *file, const uint8_t *apex)
{
	struct git_zone old = { 0 }, new = { 0 };
	struct review_zone *z;
	enum err err;

	if ((err = read_old(r, review_find_file(&r->old_files, file->name), apex, &old)) == ERR_OK &&
	    (err = git_zone_read(r->git, r->out->new_commit, file, apex, &new, r->f)) == ERR_OK &&
	    (err = note_includes(r, &new)) == ERR_OK) {
		r->out->zones_before += old.has_soa;
		if (!new.has_soa && !old.has_soa)
			err = add_passed(r, file->name, "it has no SOA for the name that it has");
		else if ((z = add_zone(r->out, apex, file->name)) == NULL)
			err = ERR_NOMEM;
		else
			err = compare(r, z, &old, &new);
	}
	git_zone_clear(&old);
	git_zone_clear(&new);
	return err;
}

static enum err
review_gone(struct reviewing *r, const struct git_file *file, const uint8_t *apex)
{
	struct git_zone old = { 0 };
	struct review_zone *z;
	enum err err = read_old(r, file, apex, &old);

	if (err == ERR_OK && old.has_soa) {
		if ((z = add_zone(r->out, apex, file->name)) == NULL)
			err = ERR_NOMEM;
		else {
			z->kind = REVIEW_GONE;
			z->before = z->removed = old.rrs.n;
			z->has_old = old.sound;
			z->old_serial = old.base.serial;
			r->out->zones_before++;
			r->out->zones_gone++;
			r->out->records_gone += old.rrs.n;
		}
	}
	git_zone_clear(&old);
	return err;
}

/* --- all of them --- */

static bool
is_as_before(const struct reviewing *r, const struct git_file *file)
{
	const struct git_file *old = review_find_file(&r->old_files, file->name);

	return old != NULL && old->regular == file->regular && strcmp(old->blob, file->blob) == 0;
}

static enum err
includes_something(struct reviewing *r, const struct git_file *file, bool *yes)
{
	static const char word[] = "$INCLUDE";
	struct buf text = { 0 };
	enum err err = git_source_read_blob(r->git, file->blob, GIT_ZONE_FILE_MAX, &text, r->f);

	*yes = false;
	for (size_t i = 0; !*yes && i + sizeof word - 1 <= text.len; i++)
		*yes = text.p[i] == '$' && strncasecmp((const char *)text.p + i, word, sizeof word - 1) == 0;
	buf_clear(&text);
	return err;
}

/* A file that is as it was: read it only if what it includes may have changed. */
static enum err
review_unchanged(struct reviewing *r, const struct git_file *file, const uint8_t *apex)
{
	struct git_zone old = { 0 };
	bool includes = false, unchanged = true;
	enum err err = r->others_changed ? includes_something(r, file, &includes) : ERR_OK;

	if (err == ERR_OK && includes && (err = read_old(r, file, apex, &old)) == ERR_OK)
		unchanged = git_zone_is_unchanged(r->git, r->out->new_commit, file, &old.base);
	git_zone_clear(&old);
	if (err != ERR_OK || !unchanged)
		return err != ERR_OK ? err : review_file(r, file, apex);
	r->out->unchanged++;
	return ERR_OK;
}

static enum err
review_news(struct reviewing *r)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < r->new_files.n; i++) {
		const struct git_file *file = &r->new_files.v[i];
		struct dname apex;

		if (is_as_before(r, file) || (file->regular && keyfile_name(file->name, &apex)))
			continue;
		if (is_zone_file(file, &apex))
			err = review_file(r, file, apex.octets);
		else
			err = add_passed(r, file->name, file->regular ?
			    zonefile_why_not(file->name) : "it is not a regular file");
	}
	return err;
}

static enum err
review_all_gone(struct reviewing *r)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < r->old_files.n; i++) {
		const struct git_file *file = &r->old_files.v[i], *new = review_find_file(&r->new_files, file->name);
		struct dname apex;

		if (is_zone_file(file, &apex) && (new == NULL || !new->regular))
			err = review_gone(r, file, apex.octets);
		else if (new == NULL)
			r->others_changed = true;
	}
	return err;
}

static enum err
review_rest(struct reviewing *r)
{
	enum err err = ERR_OK;

	/* What lies outside of a chosen sub-directory is not listed. */
	r->others_changed |= r->out->is_old && git_source_path(r->git)[0] != '\0';
	for (size_t i = 0; err == ERR_OK && i < r->new_files.n; i++) {
		const struct git_file *file = &r->new_files.v[i];
		struct dname apex;

		if (is_as_before(r, file) && is_zone_file(file, &apex))
			err = review_unchanged(r, file, apex.octets);
	}
	return err;
}

static int
compare_zones(const void *a, const void *b)
{
	return dname_compare(((const struct review_zone *)a)->apex.octets,
	    ((const struct review_zone *)b)->apex.octets);
}

static enum err
list_files(struct reviewing *r, const char *commit, struct git_listing *out)
{
	enum err err = git_source_list(r->git, commit, out, r->f);

	if (err == ERR_OK && out->n > 1)
		qsort(out->v, out->n, sizeof *out->v, compare_files);
	return err;
}

/* What zones include is not passed over. */
static void
forget_included(struct reviewing *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->out->npassed; i++) {
		struct review_passed *p = &r->out->passed[i];
		bool included = false;

		for (size_t j = 0; j < r->included.n; j++)
			included |= strcmp(r->included.v[j].path, p->file) == 0;
		if (included)
			free(p->file);
		else
			r->out->passed[kept++] = *p;
	}
	r->out->npassed = kept;
}

/* --- what would be held back: server/accept.c --- */

#define HOW_TO_ALLOW "; certnsd would hold it back, unless a commit has the trailer '" REMOVAL_ALLOW_KEY ": " \
	REMOVAL_ALLOW_VALUE "'"

static void
judge_loss(struct review_zone *z)
{
	struct complaint_place whole = { z->file, 1, 1 };
	char text[256];

	if (z->kind == REVIEW_GONE || z->lost <= REMOVAL_FLOOR_DEFAULT ||
	    !removal_is_too_much(REMOVAL_LIMIT_DEFAULT, z->lost, z->before))
		return;
	snprintf(text, sizeof text, "%zu of %zu records are removed, more than %u %%" HOW_TO_ALLOW, z->lost, z->before,
	    REMOVAL_LIMIT_DEFAULT);
	complain(z, CHECK_WARNING, &whole, text);
}

static void
judge_losses(struct review *out)
{
	struct place whole = { "repository", 1, 1, NULL };
	char text[256];

	for (size_t i = 0; i < out->nzones; i++)
		judge_loss(&out->zones[i]);
	if (out->records_gone <= REMOVAL_FLOOR_DEFAULT ||
	    !removal_is_too_much(REMOVAL_LIMIT_DEFAULT, out->zones_gone, out->zones_before))
		return;
	snprintf(text, sizeof text, "%zu of %zu zones are removed, more than %u %%" HOW_TO_ALLOW, out->zones_gone,
	    out->zones_before, REMOVAL_LIMIT_DEFAULT);
	complaints_add(&out->complaints, CHECK_WARNING, &whole, NULL, text);
}

static enum err
judge_all(struct reviewing *r)
{
	struct review *out = r->out;
	const char *known[] = { out->old_commit };
	struct git_news news = { .tip = out->new_commit, .known = known, .nknown = out->is_old };
	bool allowed = false;
	enum err err = ERR_OK;

	forget_included(r);
	out->zones_before += out->unchanged;
	if (out->is_new && out->is_old)
		err = git_source_has_trailer(r->git, &news, REMOVAL_ALLOW_KEY, REMOVAL_ALLOW_VALUE, &allowed, r->f);
	if (err == ERR_OK && !allowed)
		judge_losses(out);
	if (err == ERR_OK && out->is_new && r->options->signers != NULL &&
	    (err = git_source_verify(r->git, &news, r->options->signers, r->f)) == ERR_REFUSED) {
		out->forged = strdup(r->f->text);
		r->f->text[0] = '\0';
		err = out->forged == NULL ? ERR_NOMEM : ERR_OK;
	}
	return out->complaints.failed ? ERR_NOMEM : err;
}

enum err
review_commits(struct git_source *git, const char *old_commit, const char *new_commit,
    const struct review_options *options, struct review *out, struct fault *f)
{
	struct reviewing r = { .git = git, .options = options, .out = out, .f = f };
	enum err err = ERR_OK;

	if ((out->is_old = old_commit != NULL))
		snprintf(out->old_commit, sizeof out->old_commit, "%s", old_commit);
	if ((out->is_new = new_commit != NULL))
		snprintf(out->new_commit, sizeof out->new_commit, "%s", new_commit);
	if ((err = out->is_old ? list_files(&r, out->old_commit, &r.old_files) : ERR_OK) == ERR_NOT_FOUND)
		err = ERR_OK;			/* the directory is new */
	if (err == ERR_OK && out->is_new)
		err = list_files(&r, out->new_commit, &r.new_files);
	if (err == ERR_OK && (err = review_news(&r)) == ERR_OK && (err = review_all_gone(&r)) == ERR_OK &&
	    (err = review_rest(&r)) == ERR_OK && (err = review_keys(&r)) == ERR_OK)
		err = judge_all(&r);
	if (out->nzones > 1)
		qsort(out->zones, out->nzones, sizeof *out->zones, compare_zones);
	git_listing_clear(&r.old_files);
	git_listing_clear(&r.new_files);
	zone_base_clear(&r.included);
	return err;
}

size_t
review_count(const struct review *r, enum check_level level)
{
	size_t n = r->complaints.count[level] + (level == CHECK_ERROR && r->forged != NULL);

	for (size_t i = 0; i < r->nzones; i++)
		n += r->zones[i].complaints.count[level];
	return n;
}

void
review_clear(struct review *r)
{
	for (size_t i = 0; i < r->nzones; i++) {
		free(r->zones[i].file);
		complaints_clear(&r->zones[i].complaints);
		changeset_clear(&r->zones[i].changes);
	}
	for (size_t i = 0; i < r->npassed; i++)
		free(r->passed[i].file);
	free(r->zones);
	free(r->passed);
	free(r->keys);
	free(r->forged);
	complaints_clear(&r->complaints);
	*r = (struct review){ 0 };
}
