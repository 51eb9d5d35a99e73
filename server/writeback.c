/* server/writeback.c -- what changed here goes back to git: a helper writes the texts of the zones that have pending
 * changes, commits and pushes; the keeper then moves their bases.  Nothing is kept of a failed push but the journal:
 * the next one is made anew, on top of what the remote has then. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/message.h"
#include "wire/rrtype.h"
#include "zones/editor.h"
#include "zones/writer.h"

struct written_zone {
	struct zone *zone;		/* the keeper's; the helper does not look into it */
	struct zone_version *version;	/* a reference */
	struct rr_list passing;
	struct dname apex;
	char *path;
	uint32_t serial;
	size_t notes, more_notes;	/* that this commit tells */
	struct rr_list rrs;		/* from here on made by the helper */
	struct editor_result texts;	/* the zone's file first */
	struct zone_base base;		/* as it will be when the push has succeeded */
};

struct writeback {
	struct source *source;
	git_oid_text head;
	struct written_zone *v;
	size_t n;
	char **shared;			/* files that several zones are read from; sorted */
	size_t nshared;
	struct buf message, author, author_address;

	int64_t cost_ms;
	enum err err;
	struct fault fault;
	git_oid_text commit;
};

static void
writeback_free(struct writeback *w)
{
	for (size_t i = 0; i < w->n; i++) {
		zone_version_unref(w->v[i].version);
		rr_list_clear(&w->v[i].passing);
		rr_list_clear(&w->v[i].rrs);
		editor_result_clear(&w->v[i].texts);
		zone_base_clear(&w->v[i].base);
		free(w->v[i].path);
	}
	free(w->v);
	for (size_t i = 0; i < w->nshared; i++)
		free(w->shared[i]);
	free(w->shared);
	buf_clear(&w->message);
	buf_clear(&w->author);
	buf_clear(&w->author_address);
	free(w);
}

/* --- on the keeper: what is to be written --- */

static bool
wants_writing(const struct source *s, const struct zone *z)
{
	return z->owner == s && !z->retired && !z->held && z->base.n > 0 && zone_newest(z) != NULL &&
	    pending_count(&z->pending) > 0;
}

static enum err
add_zone(struct writeback *w, struct zone *z)
{
	struct written_zone *x = &w->v[w->n];

	*x = (struct written_zone){ .zone = z, .path = strdup(z->base.v[0].path), .notes = z->notes.n,
	    .more_notes = z->notes.more, .serial = zone_version_serial(zone_newest(z)) };
	dname_copy(&x->apex, z->apex.octets);
	if (x->path == NULL || pending_passing(&z->pending, &x->passing) != ERR_OK) {
		free(x->path);
		rr_list_clear(&x->passing);
		return ERR_NOMEM;
	}
	x->version = zone_version_ref(zone_newest(z));
	w->n++;
	return ERR_OK;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
note_other(void *arg, struct zone *z)
{
	const struct zone **seen = arg;

	if (seen[0] != z)
		seen[1] = z;
}

/* Is path, as zone z has it, a file of another zone too? */
static bool
others_have(const struct source *s, const struct zone *z, const char *path)
{
	const struct zone *seen[2] = { z, NULL };
	struct dname apex;
	char *full;

	if (git_source_full_path(s->git, path, &full) != ERR_OK)
		return true;
	includes_each(s, full, note_other, seen);
	free(full);
	return seen[1] != NULL || (strcmp(path, z->base.v[0].path) != 0 && source_zone_of(s, path, &apex) &&
	    zonetable_find(&s->keeper->zones, apex.octets) != NULL);
}

/* Files that belong to several zones: a change for one of them must not change the others. */
static enum err
find_shared(struct writeback *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->v[i].zone->base.n;
	if ((w->shared = calloc(n + 1, sizeof *w->shared)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < w->n; i++) {
		const struct zone *z = w->v[i].zone;

		for (size_t j = 0; j < z->base.n; j++) {
			if (!others_have(w->source, z, z->base.v[j].path))
				continue;
			if ((w->shared[w->nshared] = strdup(z->base.v[j].path)) == NULL)
				return ERR_NOMEM;
			w->nshared++;
		}
	}
	if (w->nshared > 1)
		qsort(w->shared, w->nshared, sizeof *w->shared, compare_paths);
	return ERR_OK;
}

static enum err
write_message(struct writeback *w)
{
	struct message_zone *v = calloc(w->n, sizeof *v);

	if (v == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < w->n; i++) {
		const struct zone *z = w->v[i].zone;

		v[i] = (struct message_zone){ .name = z->name, .old_serial = z->base.serial, .serial = w->v[i].serial,
		    .notes = z->notes.v, .nnotes = z->notes.n, .nmore = z->notes.more };
		message_describe(&z->pending, z->apex.octets, &v[i]);
		w->message.failed |= v[i].what.failed;
	}
	message_write(v, w->n, &w->message);
	message_author(v, w->n, git_source_domain(w->source->git), &w->author, &w->author_address);
	for (size_t i = 0; i < w->n; i++)
		message_zone_clear(&v[i]);
	free(v);
	return buf_str(&w->message) == NULL || buf_str(&w->author) == NULL || buf_str(&w->author_address) == NULL ?
	    ERR_NOMEM : ERR_OK;
}

/* --- on the helper --- */

#define FILE_MAX ((size_t)1 << 31)

static enum err
read_include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	const struct writeback *w = ctx;

	return git_source_read(w->source->git, w->head, path, FILE_MAX, out, NULL, f);
}

static bool
is_shared(void *ctx, const char *path)
{
	const struct writeback *w = ctx;

	return w->nshared > 0 && bsearch(&path, w->shared, w->nshared, sizeof *w->shared, compare_paths) != NULL;
}

/* The whole zone anew, for a text that cannot be edited in place. */
static enum err
write_anew(struct written_zone *x)
{
	if ((x->texts.v = calloc(1, sizeof *x->texts.v)) == NULL || (x->texts.v[0].path = strdup(x->path)) == NULL)
		return ERR_NOMEM;
	x->texts.n = 1;
	x->texts.v[0].changed = true;
	zone_write(x->apex.octets, &x->rrs, &x->texts.v[0].text);
	return x->texts.v[0].text.failed ? ERR_NOMEM : ERR_OK;
}

static enum err
write_text(struct writeback *w, struct written_zone *x)
{
	struct editor_source source;
	struct buf text = { 0 };
	char name[DNAME_TEXT_MAX];
	enum err err = zone_version_collect(x->version, &x->passing, &x->rrs);

	if (err == ERR_OK)
		err = git_source_read(w->source->git, w->head, x->path, FILE_MAX, &text, NULL, &w->fault);
	source = (struct editor_source){ .file = x->path, .text = (const char *)text.p, .n = text.len,
		.include = read_include, .is_shared = is_shared, .ctx = w };
	if (err == ERR_OK)
		err = zone_edit(x->apex.octets, &source, &x->rrs, &x->texts);
	buf_clear(&text);
	if (err == ERR_UNSUPPORTED || err == ERR_FORMAT) {
		log_warning("zone %s: its text cannot be edited in place: it is written anew as a whole",
		    dname_print_host(x->apex.octets, name));
		err = write_anew(x);
	}
	return err;
}

static enum err
write_texts(struct writeback *w, size_t *nedits)
{
	enum err err = ERR_OK;

	*nedits = 0;
	for (size_t i = 0; err == ERR_OK && i < w->n; i++) {
		err = write_text(w, &w->v[i]);
		*nedits += w->v[i].texts.n;
	}
	return err;
}

static enum err
commit_texts(struct writeback *w)
{
	struct git_signature_text author = { buf_str(&w->author), buf_str(&w->author_address),
	    clock_now_s() };
	struct git_edit *edits;
	size_t room, n = 0;
	enum err err = write_texts(w, &room);

	if (err != ERR_OK || (edits = calloc(room + 1, sizeof *edits)) == NULL)
		return err != ERR_OK ? err : ERR_NOMEM;
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->v[i].texts.n; k++)
			if (w->v[i].texts.v[k].changed)
				edits[n++] = (struct git_edit){ w->v[i].texts.v[k].path, w->v[i].texts.v[k].text.p,
				    w->v[i].texts.v[k].text.len };
	err = git_source_commit(w->source->git, w->head, edits, n, &author, buf_str(&w->message), w->commit, &w->fault);
	free(edits);
	return err;
}

/* The new bases: where each text lies in the new commit. */
static enum err
find_bases(struct writeback *w)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < w->n; i++) {
		struct written_zone *x = &w->v[i];

		memcpy(x->base.commit, w->commit, sizeof x->base.commit);
		x->base.serial = x->serial;
		for (size_t k = 0; err == ERR_OK && k < x->texts.n; k++) {
			struct git_file file = { 0 };

			if ((err = git_source_look(w->source->git, w->commit, x->texts.v[k].path, &file, &w->fault)) ==
			    ERR_OK)
				err = zone_base_add(&x->base, x->texts.v[k].path, file.blob);
		}
	}
	return err;
}

static void
writeback_run(void *arg)
{
	struct writeback *w = arg;
	int64_t start_ms = git_thread_cost_ms();

	if ((w->err = commit_texts(w)) == ERR_OK && (w->err = find_bases(w)) == ERR_OK &&
	    strcmp(w->commit, w->head) != 0)
		w->err = git_source_push(w->source->git, w->head, w->commit, &w->fault);
	w->cost_ms = git_thread_cost_ms() - start_ms + git_source_cost_ms(w->source->git);
}

/* --- on the keeper again --- */

static enum err
move_base(struct written_zone *x)
{
	struct zone *z = x->zone;
	struct rr served;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < x->rrs.n; i++)
		if (x->rrs.v[i].type == TYPE_SOA && zone_version_soa(zone_newest(z), &served))
			err = pending_set_base_soa(&z->pending, &x->rrs.v[i], &served);
	return err == ERR_OK ? zone_base_copy(&z->base, &x->base) : err;
}

static enum err
take_in(struct writeback *w, struct fault *f)
{
	struct source *s = w->source;
	struct keeper *k = s->keeper;
	enum err err = ERR_OK;

	/* A failure of the journal is no harm: a restart knows the commit for ours (server/unseen.c). */
	for (size_t i = 0; i < w->n; i++) {
		struct written_zone *x = &w->v[i];
		enum err one;

		pending_write_end(&x->zone->pending, true);
		notes_drop(&x->zone->notes, x->notes, x->more_notes);
		if ((one = move_base(x)) == ERR_OK)
			one = commits_put(k->commits, x->zone, f);
		if (err == ERR_OK)
			err = one;
	}
	if (strcmp(w->commit, w->head) != 0)
		log_info("%s: pushed commit %.12s", git_source_url(s->git), w->commit);
	memcpy(s->head, w->commit, sizeof s->head);
	accept_taken(s);
	s->pushed_s = clock_now_s();
	return err;
}

static void
writeback_done(void *arg)
{
	struct writeback *w = arg;
	struct source *s = w->source;
	bool more = false;

	keeper_flush(s->keeper);
	gather_paid(&s->gather, clock_mono_ms(), w->cost_ms);
	if (w->err == ERR_OK) {
		w->err = take_in(w, &w->fault);
	} else {
		for (size_t i = 0; i < w->n; i++)
			pending_write_end(&w->v[i].zone->pending, false);
		accept_pushed_perhaps(s, w->commit);
	}
	for (size_t i = 0; i < w->n; i++)
		more |= wants_writing(s, w->v[i].zone);
	source_finished(s, true, w->err, fault_str(&w->fault, w->err));
	if (w->err == ERR_OK && more)
		source_write(s, false);
	writeback_free(w);
}

/* Zones that nothing waits in leave the list. */
static size_t
count_waiting(struct source *s)
{
	size_t kept = 0, n = 0;

	for (size_t i = 0; i < s->nwaiting_zones; i++) {
		struct zone *z = s->waiting_zones[i];

		if (z->owner != s)
			continue;		/* it was handed over */
		if (pending_count(&z->pending) == 0) {
			z->listed = false;
			continue;
		}
		s->waiting_zones[kept++] = z;
		n += wants_writing(s, z);
	}
	s->nwaiting_zones = kept;
	return n;
}

enum err
writeback_note(struct source *s, struct zone *z)
{
	if (z->listed || pending_count(&z->pending) == 0)
		return ERR_OK;
	if ((s->nwaiting_zones & (s->nwaiting_zones - 1)) == 0) {	/* full, or once more at that size */
		size_t cap = s->nwaiting_zones == 0 ? 1 : s->nwaiting_zones * 2;
		struct zone **v = realloc(s->waiting_zones, cap * sizeof *v);

		if (v == NULL)
			return ERR_NOMEM;
		s->waiting_zones = v;
	}
	s->waiting_zones[s->nwaiting_zones++] = z;
	z->listed = true;
	return ERR_OK;
}

enum err
writeback_start(struct source *s)
{
	struct keeper *k = s->keeper;
	struct writeback *w;
	size_t n = count_waiting(s);
	enum err err = ERR_OK;

	if (n == 0 || s->head[0] == '\0' || s->hold.kind != HOLD_NONE)
		return ERR_NOT_FOUND;
	keeper_flush(k);
	if ((w = calloc(1, sizeof *w)) == NULL || (w->v = calloc(n, sizeof *w->v)) == NULL) {
		free(w);
		return ERR_NOMEM;
	}
	w->source = s;
	memcpy(w->head, s->head, sizeof w->head);
	for (size_t i = 0; err == ERR_OK && i < s->nwaiting_zones && w->n < n; i++)
		if (wants_writing(s, s->waiting_zones[i]))
			err = add_zone(w, s->waiting_zones[i]);
	if (err == ERR_OK)
		err = find_shared(w);
	if (err == ERR_OK)
		err = write_message(w);
	for (size_t i = 0; err == ERR_OK && i < w->n; i++)
		pending_write_begin(&w->v[i].zone->pending);
	if (err == ERR_OK && (err = pool_submit(k->pool, writeback_run, writeback_done, w)) != ERR_OK)
		for (size_t i = 0; i < w->n; i++)
			pending_write_end(&w->v[i].zone->pending, false);
	if (err != ERR_OK)
		writeback_free(w);
	return err;
}
