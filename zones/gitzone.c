#include "zones/gitzone.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/load.h"
#include "zones/reader.h"

struct include {
	struct git_source *git;
	const char *commit;
	struct zone_base *base;		/* takes what was read down */
	const struct zone_base *known;	/* or: is read from */
};

static enum err
include_from_commit(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	struct include *in = ctx;
	git_oid_text blob;
	enum err err = git_source_read(in->git, in->commit, path, GIT_ZONE_FILE_MAX, out, blob, f);

	return err == ERR_OK ? zone_base_add(in->base, path, blob) : err;
}

static enum err
include_from_base(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	struct include *in = ctx;

	for (size_t i = 1; i < in->known->n; i++)
		if (strcmp(in->known->v[i].path, path) == 0)
			return git_source_read_blob(in->git, in->known->v[i].blob, GIT_ZONE_FILE_MAX, out, f);
	return fault_set(f, ERR_NOT_FOUND, "%s was not part of the zone at commit %s", path, in->known->commit);
}

/* --- a broken file may be a zone's --- */

struct search {
	const uint8_t *apex;
	bool found;
};

static enum err
note_soa(void *ctx, const struct rr *rr, const struct place *place)
{
	struct search *s = ctx;

	(void)place;
	s->found |= rr->type == TYPE_SOA && dname_equal(rr->owner, s->apex);
	return ERR_OK;
}

static void
ignore_complaint(void *ctx, const struct place *place, const char *text)
{
	(void)ctx;		/* whoever reads it as a zone says what is wrong */
	(void)place;
	(void)text;
}

static bool
has_soa(const struct buf *text, const char *file, const uint8_t *apex)
{
	struct search s = { .apex = apex };
	struct zone_reader reader = { .file = file, .origin = apex, .default_ttl = 1, .rr = note_soa,
	    .complain = ignore_complaint, .ctx = &s };

	(void)zone_read(&reader, (const char *)text->p, text->len);
	return s.found;
}

static const struct rr *
find_soa(const struct rr_list *rrs)
{
	for (size_t i = 0; i < rrs->n; i++)
		if (rrs->v[i].type == TYPE_SOA)
			return &rrs->v[i];
	return NULL;
}

enum err
git_zone_read(struct git_source *git, const git_oid_text commit, const struct git_file *file, const uint8_t *apex,
    struct git_zone *out, struct fault *f)
{
	struct include in = { .git = git, .commit = commit, .base = &out->base };
	struct zone_text zone = { .apex = apex, .file = file->name, .include = include_from_commit, .ctx = &in,
		.soa = &out->soa };
	struct buf text = { 0 };
	enum err err;

	memcpy(out->base.commit, commit, sizeof out->base.commit);
	if ((err = zone_base_add(&out->base, file->name, file->blob)) != ERR_OK ||
	    (err = git_source_read_blob(git, file->blob, GIT_ZONE_FILE_MAX, &text, f)) != ERR_OK)
		goto out;
	zone.text = (const char *)text.p;
	zone.n = text.len;
	if ((err = zone_load_text(&zone, &out->rrs, &out->complaints)) == ERR_NOMEM)
		goto out;
	out->sound = err == ERR_OK;
	out->has_soa = out->sound || has_soa(&text, file->name, apex);
	if (out->sound)
		out->base.serial = soa_serial(find_soa(&out->rrs));
	err = ERR_OK;
out:
	buf_clear(&text);
	return err;
}

void
git_zone_clear(struct git_zone *z)
{
	zone_base_clear(&z->base);
	rr_list_clear(&z->rrs);
	complaints_clear(&z->complaints);
	free(z->soa.file);
	*z = (struct git_zone){ 0 };
}

/* zone_load_text() for those who want a zone or words. */
static enum err
load(struct zone_text *zone, const struct buf *text, struct rr_list *out, struct complaints *complaints,
    struct fault *f)
{
	struct complaints mine = { 0 }, *all = complaints == NULL ? &mine : complaints;
	struct buf words = { 0 };
	enum err err;

	zone->text = (const char *)text->p;
	zone->n = text->len;
	if ((err = zone_load_text(zone, out, all)) != ERR_OK && err != ERR_NOMEM) {
		complaints_print(all, zone->file, &words);
		fault_set(f, err, "%s", buf_str(&words) == NULL ? err_str(ERR_NOMEM) : buf_str(&words));
	}
	buf_clear(&words);
	complaints_clear(&mine);
	return err;
}

enum err
git_zone_base_text(struct git_source *git, const struct zone_base *base, struct buf *text, struct fault *f)
{
	if (base->n == 0)
		return fault_set(f, ERR_NOT_FOUND, "no base is known");
	return git_source_reread_blob(git, base->v[0].blob, GIT_ZONE_FILE_MAX, text, f);
}

enum err
git_zone_load_base(struct git_source *git, const uint8_t *apex, const struct zone_base *base, const struct buf *text,
    struct rr_list *out, struct complaints *complaints, struct fault *f)
{
	struct include in = { .git = git, .known = base };
	struct zone_text zone = { .apex = apex, .file = base->v[0].path, .include = include_from_base, .ctx = &in };

	return load(&zone, text, out, complaints, f);
}

enum err
git_zone_read_base(struct git_source *git, const uint8_t *apex, const struct zone_base *base, struct rr_list *out,
    struct complaints *complaints, struct fault *f)
{
	struct buf text = { 0 };
	enum err err = git_zone_base_text(git, base, &text, f);

	if (err == ERR_OK)
		err = git_zone_load_base(git, apex, base, &text, out, complaints, f);
	buf_clear(&text);
	return err;
}

enum err
git_zone_read_at(struct git_source *git, const git_oid_text commit, const char *path, const uint8_t *apex,
    struct rr_list *out, struct fault *f)
{
	struct zone_base read = { 0 };
	struct include in = { .git = git, .commit = commit, .base = &read };
	struct zone_text zone = { .apex = apex, .file = path, .include = include_from_commit, .ctx = &in };
	struct buf text = { 0 };
	enum err err = git_source_read(git, commit, path, GIT_ZONE_FILE_MAX, &text, NULL, f);

	if (err == ERR_OK)
		err = load(&zone, &text, out, NULL, f);
	zone_base_clear(&read);
	buf_clear(&text);
	return err;
}

bool
git_zone_is_unchanged(struct git_source *git, const git_oid_text commit, const struct git_file *file,
    const struct zone_base *base)
{
	if (base->n == 0 || strcmp(base->v[0].blob, file->blob) != 0)
		return false;
	for (size_t i = 1; i < base->n; i++) {
		struct buf octets = { 0 };
		git_oid_text blob = "";
		enum err err = git_source_read(git, commit, base->v[i].path, GIT_ZONE_FILE_MAX, &octets, blob, NULL);

		buf_clear(&octets);
		if (err != ERR_OK || strcmp(blob, base->v[i].blob) != 0)
			return false;
	}
	return true;
}

enum err
git_zone_diff(const struct rr_list *from, const struct rr_list *to, struct changeset *out)
{
	const struct rr *a = find_soa(from), *b = find_soa(to);
	enum err err = changeset_diff(from, to, out);

	if (err == ERR_OK && a != NULL && b != NULL && !soa_same_but_serial(a, b))
		err = changeset_add_rr(out, b);
	return err;
}
