/* server/restore.c -- the zones of a restart: base, image and records of the journal make each as it was served.
 *
 * Of a zone that has no records all is made on whatever thread takes its row: the text is read from the clone, and a
 * version built of it.  The keeper's thread reads the rows, adds what was made to its table and to the readers' set,
 * and in between takes rows like the others. */
#include "server/keeper_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/parallel.h"
#include "wire/rrtype.h"
#include "zones/gitzone.h"

struct restore {
	struct keeper *keeper;
	struct source *source;		/* NULL: a secondary zone */
	bool claimed;			/* by another repository */
};

/* For the message of the commit that will hold it. */
static void
note_author(struct zone *z, const struct journal_record *r, const struct changeset *changes)
{
	bool update = strncmp(r->origin, "update ", 7) == 0;

	if (update || strncmp(r->origin, "acme ", 5) == 0)
		notes_add(&z->notes, r->time_s, !update, r->origin + (update ? 7 : 5), changes);
}

static enum err
note_record(void *ctx, const struct journal_record *r)
{
	struct zone *z = ctx;
	struct changeset changes = { 0 };
	enum err err = changeset_read(r->changes, r->n, &changes);

	z->records++;
	if (err == ERR_OK)
		err = pending_note(&z->pending, &changes);
	if (err == ERR_OK)
		note_author(z, r, &changes);
	if (err == ERR_OK && pending_count(&z->pending) == 0)
		notes_clear(&z->notes);
	changeset_clear(&changes);
	return err;
}

/* The base's SOA has to be known before changes of it are noted. */
static enum err
set_base_soa(struct zone *z, const struct rr_list *rrs)
{
	for (size_t i = 0; i < rrs->n; i++)
		if (rrs->v[i].type == TYPE_SOA)
			return pending_set_base_soa(&z->pending, &rrs->v[i], NULL);
	return ERR_OK;
}

/* A row of the journal on its way to be a zone. */
struct row {
	struct journal_zone row;	/* its base and image are ours, its source is NULL */
	struct zone_base base;
	struct buf text;		/* of its file */
	struct rr_list rrs;		/* of the base; none: it cannot be read, or the zone has them already */
	struct zone *zone;		/* NULL once it is the keeper's */
	bool built;			/* it has its first version */
	struct complaints found;
	enum err err, made;		/* of reading it, and of making the zone */
	struct fault fault, made_fault;
};

static void
row_clear(struct row *w)
{
	free(w->row.base);
	free(w->row.image);
	zone_base_clear(&w->base);
	buf_clear(&w->text);
	rr_list_clear(&w->rrs);
	zone_free(w->zone);
	complaints_clear(&w->found);
}

static enum err
row_copy(struct row *w, const struct journal_zone *row)
{
	*w = (struct row){ .row = *row };
	w->row.source = NULL;
	w->row.base = strdup(row->base);
	w->row.image = row->image_n > 0 ? malloc(row->image_n) : NULL;
	if (w->row.base == NULL || (row->image_n > 0 && w->row.image == NULL)) {
		row_clear(w);
		return ERR_NOMEM;
	}
	if (row->image_n > 0)
		memcpy(w->row.image, row->image, row->image_n);
	return ERR_OK;
}

/* What the zone is based on.  Where that is gone the zone waits for the next pull or transfer. */
static void
row_find_text(struct git_source *git, struct row *w)
{
	if ((w->err = zone_base_parse(w->row.base, w->row.base_serial, &w->base)) == ERR_OK)
		w->err = git_zone_base_text(git, &w->base, &w->text, &w->fault);
}

static void
row_load_text(struct git_source *git, struct row *w)
{
	if (w->err == ERR_OK)
		w->err = git_zone_load_base(git, w->row.apex.octets, &w->base, &w->text, &w->rrs, &w->found, &w->fault);
	buf_clear(&w->text);
}

/* The same for a secondary zone. */
static void
row_load_image(struct keeper *k, struct row *w)
{
	if ((w->err = zone_base_parse(w->row.base, w->row.base_serial, &w->base)) == ERR_OK)
		w->err = secondary_read_base(k, w->row.apex.octets, &w->base, &w->rrs, &w->fault);
}

static enum err
take_image(struct zone *z, const struct row *w)
{
	struct changeset image = { 0 };
	enum err err = set_base_soa(z, &w->rrs);

	if (err == ERR_OK && w->row.image_n > 0 && (err = changeset_read(w->row.image, w->row.image_n, &image)) ==
	    ERR_OK)
		err = pending_note(&z->pending, &image);
	z->restored_serial = w->row.serial;
	z->restored = true;
	z->retired = w->row.retired;
	changeset_clear(&image);
	return err;
}

/* The zone of a row that was read, as far as the journal's records are not needed. */
static void
row_make_zone(const struct source *s, struct row *w)
{
	if ((w->made = merge_new_zone(s, w->row.apex.octets, &w->zone)) != ERR_OK ||
	    (w->made = take_image(w->zone, w)) != ERR_OK || w->row.has_records || w->rrs.n == 0)
		return;
	w->made = commit_first_version(w->zone, &w->rrs, w->row.serial, &w->made_fault);
	if ((w->built = w->made == ERR_OK)) {
		w->zone->base = w->base;
		w->base = (struct zone_base){ 0 };
	}
	rr_list_clear(&w->rrs);
}

static void
log_unread(const struct restore *r, const struct zone *z, const struct row *w)
{
	if (r->source != NULL)
		log_error("zone %s: the text that it was read from is not in the clone (%s): it is served again as "
		    "soon as the repository has been fetched, with the changes that wait in the journal on top",
		    z->name, fault_str(&w->fault, w->err));
	else
		log_error("zone %s: %s: it is served again as soon as it has been transferred anew", z->name,
		    fault_str(&w->fault, w->err));
}

/* The rest of it, on the keeper's thread. */
static enum err
take_zone(const struct restore *r, struct zone *z, struct row *w, struct fault *f)
{
	struct keeper *k = r->keeper;
	enum err err = ERR_OK;

	if (w->row.has_records)
		err = journal_each_record(k->journal, z->apex.octets, w->row.image_seq, note_record, z, f);
	if (err == ERR_OK && w->built)
		err = commits_publish_first(k->commits, z);
	else if (err == ERR_OK && w->rrs.n > 0)
		err = commits_load(k->commits, z, &w->base, &w->rrs, w->row.serial, false, f);
	if (err == ERR_OK && (zone_newest(z) != NULL || r->source != NULL) && !z->retired)
		err = merge_show_zone(k, z);		/* without a version it gets SERVFAIL */
	if (err == ERR_OK && r->source != NULL)
		err = includes_note(r->source, z);
	if (err == ERR_OK && z->base.n == 0 && w->base.n > 0) {
		memcpy(z->base.commit, w->base.commit, sizeof z->base.commit);
		err = zone_set_file(z, w->base.v[0].path);
	}
	return err;
}
/* The zone of a row, made as far as that goes on any thread. */
static enum err
restore_row(const struct restore *r, struct row *w)
{
	struct zone *z = w->zone;
	struct fault f = w->made_fault;
	enum err err = w->made;

	if (w->err == ERR_NOMEM || z == NULL)
		return ERR_NOMEM;
	w->zone = NULL;
	if (merge_add_zone(r->keeper, r->source, z) != ERR_OK)
		return ERR_NOMEM;
	if (w->err != ERR_OK)
		log_unread(r, z, w);
	if (err == ERR_OK)
		err = take_zone(r, z, w, &f);
	if (err == ERR_REFUSED) {
		held_hold(z, fault_str(&f, err));
		err = ERR_OK;
	}
	if (err != ERR_OK)
		log_error("zone %s: cannot be restored: %s", z->name, fault_str(&f, err));
	held_keep_complaints(z, &w->found);
	return err;
}

/* Alone. */
static enum err
restore_one(const struct restore *r, const struct journal_zone *row)
{
	struct row w;
	enum err err = row_copy(&w, row);

	if (err != ERR_OK)
		return err;
	if (r->source != NULL) {
		row_find_text(r->source->git, &w);
		row_load_text(r->source->git, &w);
	} else {
		row_load_image(r->keeper, &w);
	}
	row_make_zone(r->source, &w);
	err = restore_row(r, &w);
	row_clear(&w);
	return err;
}

/* --- many rows --- */

#define ROWS 1024			/* of a batch */
#define ROWS_AT_ONCE 16			/* that a thread takes */

/* They come from the journal into one batch while the zones of the batch before are made, and those of the one before
 * that become the keeper's. */
struct batch {
	struct restore_all *all;
	struct row *v;
	size_t n;
	_Atomic size_t next;
};

struct restore_all {
	struct restore restore;
	bool others;			/* there are zones that are not the source's */
	struct batch batches[2], *filling, *making;	/* making NULL: none is */
	struct parallel_job job;
	struct git_source **readers;	/* one for each thread, ours the last one */
	unsigned nreaders;
	pthread_mutex_t git;
};

/* libgit2 takes the same few locks for all threads, many times for one object: who has to wait for one of them loses
 * more than it would by waiting for its turn. */
static void
find_texts(struct restore_all *a, struct git_source *git, struct row *v, size_t n)
{
	pthread_mutex_lock(&a->git);
	for (size_t i = 0; i < n; i++)
		row_find_text(git, &v[i]);
	pthread_mutex_unlock(&a->git);
}

static void
make_some(void *ctx, size_t reader)
{
	struct batch *b = ctx;
	struct git_source *git = b->all->readers[reader];

	for (size_t at; (at = atomic_fetch_add(&b->next, ROWS_AT_ONCE)) < b->n; ) {
		size_t n = b->n - at < ROWS_AT_ONCE ? b->n - at : ROWS_AT_ONCE;

		find_texts(b->all, git, &b->v[at], n);
		for (size_t i = at; i < at + n; i++) {
			row_load_text(git, &b->v[i]);
			row_make_zone(b->all->restore.source, &b->v[i]);
		}
	}
}

static void
make_batch(void *ctx)
{
	struct batch *b = ctx;
	unsigned others = b->all->nreaders - 1;

	parallel_run(others, others, make_some, b);
}

static void
batch_clear(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		row_clear(&b->v[i]);
	b->n = 0;
	b->next = 0;
}

/* The batch that is being made is finished and taken while the one that was filled is made, and then is empty and
 * filled again. */
static enum err
turn(struct restore_all *a)
{
	struct batch *done = a->making;
	enum err err = ERR_OK;

	if (done != NULL) {
		make_some(done, a->nreaders - 1);
		parallel_end(&a->job);
	}
	a->making = a->filling;
	parallel_begin(&a->job, make_batch, a->making);
	a->filling = a->making == &a->batches[0] ? &a->batches[1] : &a->batches[0];
	for (size_t i = 0; done != NULL && err == ERR_OK && i < done->n; i++)
		err = restore_row(&a->restore, &done->v[i]);
	batch_clear(a->filling);
	return err;
}

static enum err
restore_zone(void *ctx, const struct journal_zone *row)
{
	struct restore_all *a = ctx;
	enum err err;

	if (strcmp(row->source, git_source_url(a->restore.source->git)) != 0)
		return ERR_OK;
	if (a->others && zonetable_find(&a->restore.keeper->zones, row->apex.octets) != NULL)
		return ERR_OK;			/* the configuration gives it a file now */
	if ((err = row_copy(&a->filling->v[a->filling->n], row)) != ERR_OK)
		return err;
	return ++a->filling->n == ROWS ? turn(a) : ERR_OK;
}

static enum err
restore_rows(struct restore_all *a, struct fault *f)
{
	enum err err = journal_each_zone(a->restore.keeper->journal, restore_zone, a, f);

	if (err == ERR_OK && (err = turn(a)) == ERR_OK)		/* the last one that was filled is made, */
		err = turn(a);					/* and then taken */
	if (a->making != NULL)
		parallel_end(&a->job);
	return err;
}

/* In one transaction of the readers' set, which nobody sees yet. */
static enum err
restore_all(struct keeper *k, struct source *s, struct fault *f)
{
	struct restore_all a = { .restore = { .keeper = k, .source = s }, .others = k->zones.n > 0,
		.git = PTHREAD_MUTEX_INITIALIZER };
	unsigned n = parallel_cpus() > 1 ? parallel_cpus() : 2;
	enum err err;

	if ((err = zoneset_begin(k->shared->zones)) != ERR_OK)
		return err;
	if ((a.readers = calloc(n, sizeof *a.readers)) == NULL)
		err = ERR_NOMEM;
	for (; err == ERR_OK && a.nreaders < n; a.nreaders += err == ERR_OK)
		err = git_source_reader(s->git, &a.readers[a.nreaders], f);
	for (size_t i = 0; i < 2; i++) {
		a.batches[i] = (struct batch){ .all = &a, .v = calloc(ROWS, sizeof *a.batches[i].v) };
		if (a.batches[i].v == NULL)
			err = ERR_NOMEM;
	}
	a.filling = &a.batches[0];
	if (err == ERR_OK)
		err = restore_rows(&a, f);
	for (size_t i = 0; i < 2; i++) {
		batch_clear(&a.batches[i]);
		free(a.batches[i].v);
	}
	for (unsigned i = 0; i < a.nreaders; i++)
		git_source_close(a.readers[i]);
	free(a.readers);
	rcu_thread_online();
	zoneset_commit(k->shared->zones);
	rcu_thread_offline();
	return err;
}

/* --- one of them --- */

static enum err
restore_transferred(void *ctx, const struct journal_zone *row)
{
	/* without a base its content was forgotten */
	return strcmp(row->source, ZONE_BY_TRANSFER) == 0 && row->base[0] != '\0' ? restore_one(ctx, row) : ERR_OK;
}

enum err
zone_restore_transferred(struct keeper *k, const uint8_t *apex, struct zone **out, struct fault *f)
{
	struct restore r = { .keeper = k };
	enum err err = zonetable_find(&k->zones, apex) != NULL ? ERR_OK :
	    journal_find_zone(k->journal, apex, restore_transferred, &r, f);

	*out = zonetable_find(&k->zones, apex);
	return err != ERR_OK || *out != NULL ? err : merge_make_zone(k, NULL, apex, out);
}

static bool
is_configured(const struct keeper *k, const struct source *but, const char *url)
{
	for (size_t i = 0; i < k->nsources; i++)
		if (k->sources[i] != but && k->sources[i]->git != NULL && strcmp(git_source_url(k->sources[i]->git),
		    url) == 0)
			return true;
	/* Those that are not open yet.  Zone files are all the same: the configuration says where such a zone comes
	 * from. */
	for (size_t i = 0; but->files == NULL && i < k->boot_view->config->ngit; i++)
		if (strcmp(k->boot_view->config->git[i].url, but->config->url) != 0 &&
		    strcmp(k->boot_view->config->git[i].url, url) == 0)
			return true;
	return false;
}

static enum err
adopt_row(void *ctx, const struct journal_zone *row)
{
	struct restore *r = ctx;
	char name[DNAME_TEXT_MAX];
	struct zone *z;
	enum err err;

	/* What came by transfer, or was made here, is nothing that waits for the repository; only its serial goes
	 * on. */
	if (strcmp(row->source, ZONE_BY_TRANSFER) == 0 || strcmp(row->source, ZONE_CATALOG) == 0) {
		if ((err = merge_make_zone(r->keeper, r->source, row->apex.octets, &z)) == ERR_OK) {
			z->restored = true;
			z->restored_serial = row->serial;
		}
		return err;
	}
	if ((r->claimed = is_configured(r->keeper, r->source, row->source)))
		return ERR_OK;
	log_info("zone %s: was read from %s before, and goes on from there", dname_print_host(row->apex.octets, name),
	    row->source);
	return restore_one(r, row);
}

/* The zone of a name that is not known yet; *out NULL: another repository has it.  One that the journal knows from a
 * repository that is no longer configured (it moved) keeps its serial and what waits to be written back. */
enum err
restore_find_or_make(struct keeper *k, struct source *s, const uint8_t *apex, struct zone **out, struct fault *f)
{
	struct restore r = { .keeper = k, .source = s };
	enum err err = journal_find_zone(k->journal, apex, adopt_row, &r, f);

	*out = zonetable_find(&k->zones, apex);
	return err != ERR_OK || *out != NULL || r.claimed ? err : merge_make_zone(k, s, apex, out);
}

enum err
zones_restore(struct keeper *k, struct source *s, struct fault *f)
{
	struct pull *p;
	enum err err = restore_all(k, s, f);

	if (err != ERR_OK)
		return err;
	/* Whatever the clone has that was not taken in yet; the remote is asked later, when we are serving. */
	if ((err = accept_restore(s, &p)) != ERR_OK)
		return err;
	if (p->err == ERR_NOT_FOUND)
		log_info("%s: nothing was fetched yet", git_source_url(s->git));
	else if ((err = p->err) != ERR_OK)
		fault_set(f, err, "%s: %s", s->directory, fault_str(&p->fault, err));
	else if ((err = merge_pulled(k, p, f)) != ERR_OK) {
		/* A database that takes no writes keeps nobody from being served what is there. */
		log_error("%s: %s; trying again with the first pull", git_source_url(s->git), fault_str(f, err));
		f->text[0] = '\0';
		err = ERR_OK;
	}
	pull_free(p);
	/* What was read to find all that out, bases of deltas and a big directory, is given back. */
	return err == ERR_OK ? git_source_reopen(s->git, f) : err;
}
