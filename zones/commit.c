/* A staged change holds its sealed, unpublished version inside the zone's store and the changes that took effect.  The
 * zone's pending set has them as soon as they are staged, so that it always fits the newest version; marks in it make
 * that undone, alone or with the group. */
#include "zones/commit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "wire/rrtype.h"
#include "zones/commit_build.h"
#include "zones/commit_internal.h"
#include "zones/rcu.h"

struct staged {
	struct staged *next;
	struct commit_request request;	/* its lists are the caller's, and may be gone: they are NULL */
	char *by;
	uint8_t digest[32];
	struct built built;
	struct zone_base base;		/* the new one */
	bool rebased;
	bool whole_row;			/* to be written with the group: the base is new, or the row is not there */
	uint64_t size;			/* of its record in the journal; 0: none */
	unsigned rcode;
	struct pending_undo *mark;	/* in its zone's pending set, from before this change */
};

struct kept_note {
	struct kept_note *next;
	char *name;
	uint8_t *octets;
	size_t n;
};

enum err
commits_new(struct journal *journal, commit_subscriber *subscriber, void *ctx, struct commits **out)
{
	struct commits *c = calloc(1, sizeof *c);

	if (c == NULL)
		return ERR_NOMEM;
	c->journal = journal;
	c->subscriber = subscriber;
	c->ctx = ctx;
	c->last = &c->first;
	*out = c;
	return ERR_OK;
}

static void
staged_free(struct staged *s)
{
	changeset_clear(&s->built.effective);
	zone_base_clear(&s->base);
	free(s->by);
	free(s);
}

static void
undo(struct staged *s)
{
	if (s->built.version)
		zone_store_abort(s->request.zone->store);
	pending_undo(&s->request.zone->pending, s->mark);
	staged_free(s);
}

/* Take the group out of c. */
static struct staged *
take_all(struct commits *c)
{
	struct staged *first = c->first;

	c->first = NULL;
	c->last = &c->first;
	return first;
}

/* Undo from the newest on: a zone's versions are stacked. */
static void
undo_all(struct commits *c)
{
	struct staged *newest = NULL;

	for (struct staged *s = take_all(c), *next; s != NULL; s = next) {
		next = s->next;
		s->next = newest;
		newest = s;
	}
	for (struct staged *s = newest, *next; s != NULL; s = next) {
		next = s->next;
		undo(s);
	}
}

static void
notes_free(struct commits *c)
{
	for (size_t i = 0; i < NOTE_BUCKETS; i++) {
		for (struct kept_note *n = c->notes[i], *next; n != NULL; n = next) {
			next = n->next;
			free(n->name);
			free(n->octets);
			free(n);
		}
		c->notes[i] = NULL;
	}
	c->nnotes = 0;
}

void
commits_free(struct commits *c)
{
	if (c == NULL)
		return;
	undo_all(c);
	notes_free(c);
	free(c->loaded);
	free(c->problem);
	free(c);
}

const char *
commits_problem(const struct commits *c)
{
	return c->problem;
}

void
commit_publish(struct zone *z)
{
	rcu_thread_online();
	zone_store_publish(z->store);
	rcu_thread_offline();
	z->garbage = true;
}

/* --- staging --- */

static struct staged *
staged_new(const struct commit_request *q)
{
	struct staged *s = calloc(1, sizeof *s);

	if (s == NULL || (s->by = strdup(q->by)) == NULL ||
	    (q->base != NULL && zone_base_copy(&s->base, q->base) != ERR_OK)) {
		if (s != NULL)
			staged_free(s);
		return NULL;
	}
	s->request = *q;
	s->request.by = s->by;
	s->rebased = q->base != NULL;
	if (q->digest != NULL) {
		memcpy(s->digest, q->digest, sizeof s->digest);
		s->request.digest = s->digest;
	}
	s->mark = pending_mark(&q->zone->pending);
	return s;
}

static bool
served_has(void *ctx, const struct rr *rr, uint32_t *ttl)
{
	return zone_version_has(ctx, rr, ttl);
}

/* Take the change, which is built, into the zone's pending set. */
static enum err
note(const struct commit_request *q, const struct changeset *effective)
{
	struct zone_version *v = zone_newest(q->zone);
	struct pending *p = &q->zone->pending;
	struct rr served;
	enum err err = pending_note(p, effective);

	if (err != ERR_OK || q->base == NULL)
		return err;
	if ((err = pending_rebase(p, q->base_rrs, q->changes, served_has, v)) != ERR_OK ||
	    !zone_version_soa(v, &served))
		return err;
	for (size_t i = 0; err == ERR_OK && i < q->base_rrs->n; i++)
		if (q->base_rrs->v[i].type == TYPE_SOA)
			err = pending_set_base_soa(p, &q->base_rrs->v[i], &served);
	return err;
}

static void
append(struct commits *c, struct staged *s)
{
	*c->last = s;
	c->last = &s->next;
	s->request.changes = NULL;
	s->request.base = NULL;
	s->request.base_rrs = NULL;
}

enum err
commits_stage(struct commits *c, const struct commit_request *request, bool *changed, struct fault *f)
{
	struct staged *s = staged_new(request);
	enum err err;

	if (s == NULL)
		return ERR_NOMEM;
	if ((err = commit_build(request, &s->built, f)) != ERR_OK ||
	    (err = note(request, &s->built.effective)) != ERR_OK) {
		undo(s);
		return err;
	}
	if (changed != NULL)
		*changed = s->built.version;
	append(c, s);
	return ERR_OK;
}

enum err
commits_answered(struct commits *c, struct zone *zone, const uint8_t *digest, unsigned rcode, int64_t now_s)
{
	struct commit_request q = { .zone = zone, .origin = ORIGIN_UPDATE, .by = "", .digest = digest, .now_s = now_s };
	struct staged *s = staged_new(&q);

	if (s == NULL)
		return ERR_NOMEM;
	s->rcode = rcode;
	s->built.serial_from = s->built.serial_to = zone_newest(zone) == NULL ?
	    0 : zone_version_serial(zone_newest(zone));
	append(c, s);
	return ERR_OK;
}

/* The note of this name that waits to be written, or a new one. */
static struct kept_note *
note_for(struct commits *c, const char *name)
{
	struct kept_note *note, **bucket;
	uint32_t hash = 2166136261u;		/* FNV-1a */

	for (const char *p = name; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	bucket = &c->notes[hash % NOTE_BUCKETS];
	for (note = *bucket; note != NULL; note = note->next)
		if (strcmp(note->name, name) == 0)
			return note;
	if ((note = calloc(1, sizeof *note)) == NULL || (note->name = strdup(name)) == NULL) {
		free(note);
		return NULL;
	}
	note->next = *bucket;
	*bucket = note;
	c->nnotes++;
	return note;
}

enum err
commits_note(struct commits *c, const char *name, const void *octets, size_t n)
{
	struct kept_note *note;
	uint8_t *copy = NULL;

	if (n > JOURNAL_NOTE_MAX)
		return ERR_RANGE;
	if ((n > 0 && (copy = malloc(n)) == NULL) || (note = note_for(c, name)) == NULL) {
		free(copy);
		return ERR_NOMEM;
	}
	if (n > 0)
		memcpy(copy, octets, n);
	free(note->octets);
	note->octets = copy;
	note->n = n;
	return ERR_OK;
}

/* --- the journal --- */

static const char *
origin_str(enum commit_origin origin)
{
	switch (origin) {
	case ORIGIN_UPDATE:	return "update";
	case ORIGIN_GIT:	return "git";
	case ORIGIN_ACME:	return "acme";
	case ORIGIN_SWEEP:	return "sweep";
	case ORIGIN_LOAD:	return "load";
	case ORIGIN_CATCHUP:	return "catchup";
	case ORIGIN_TRANSFER:	return "transfer";
	case ORIGIN_CATALOG:	return "catalog";
	}
	return "?";
}

enum err
commits_put_row(struct commits *c, const struct zone *z, const struct zone_base *base, uint32_t serial, struct fault *f)
{
	struct changeset image = { 0 };
	struct buf octets = { 0 }, text = { 0 };
	struct journal_zone row = { .source = z->source, .base_serial = base->serial, .serial = serial,
	    .retired = z->retired };
	enum err err = pending_image(&z->pending, &image);

	dname_copy(&row.apex, z->apex.octets);
	changeset_write(&image, &octets);
	zone_base_print(base, &text);
	row.base = (char *)(uintptr_t)buf_str(&text);
	row.image = octets.p;
	row.image_n = octets.len;
	if (octets.failed || row.base == NULL)
		err = ERR_NOMEM;
	if (err == ERR_OK)
		err = journal_put_zone(c->journal, &row, f);
	changeset_clear(&image);
	buf_clear(&octets);
	buf_clear(&text);
	return err;
}

/* What the group adds to its zone's history. */
static enum err
write_record(struct commits *c, struct staged *s, struct fault *f)
{
	const struct commit_request *q = &s->request;
	struct journal_record r = { .apex = q->zone->apex.octets, .serial_from = s->built.serial_from,
	    .serial_to = s->built.serial_to, .time_s = q->now_s, .digest = q->digest, .rcode = s->rcode };
	struct buf octets = { 0 };
	char origin[1400];
	enum err err;

	snprintf(origin, sizeof origin, "%s %s", origin_str(q->origin), q->by);
	changeset_write(&s->built.effective, &octets);
	r.origin = origin;
	r.changes = octets.p;
	r.n = octets.len;
	err = octets.failed ? ERR_NOMEM : journal_append(c->journal, &r, f);
	buf_clear(&octets);
	s->size = journal_record_size(&r);
	return err;
}

static enum err
write_staged(struct commits *c, struct staged *s, struct fault *f)
{
	const struct commit_request *q = &s->request;
	struct journal_answer answer = { .rcode = s->rcode, .time_s = q->now_s };

	s->whole_row = s->rebased || q->zone->unsaved;
	if (s->built.version || s->rebased || s->built.effective.n > 0)
		return write_record(c, s, f);
	if (q->digest == NULL)
		return ERR_OK;
	memcpy(answer.digest, q->digest, sizeof answer.digest);
	return journal_answered(c->journal, &answer, f);
}

/* The base of a zone once the group up to s is made durable. */
static const struct zone_base *
base_at(const struct commits *c, const struct staged *end)
{
	const struct zone_base *base = &end->request.zone->base;

	if (end->rebased)
		return &end->base;	/* a pull may stage very many of these, so none may look at all */
	for (const struct staged *s = c->first; s != end->next; s = s->next)
		if (s->rebased && s->request.zone == end->request.zone)
			base = &s->base;
	return base;
}

static enum err
write_all(struct commits *c, struct fault *f)
{
	enum err err = journal_begin(c->journal, f);

	for (struct staged *s = c->first; err == ERR_OK && s != NULL; s = s->next)
		err = write_staged(c, s, f);
	/* Images come last: they hold what the whole group did, and every record of it is behind them. */
	for (struct staged *s = c->first; err == ERR_OK && s != NULL; s = s->next)
		if (s->whole_row)
			err = commits_put_row(c, s->request.zone, base_at(c, s),
			    zone_version_serial(zone_newest(s->request.zone)), f);
	for (size_t i = 0; c->nnotes > 0 && i < NOTE_BUCKETS; i++)
		for (struct kept_note *n = c->notes[i]; err == ERR_OK && n != NULL; n = n->next)
			err = journal_put_note(c->journal, n->name, n->octets, n->n, f);
	if (err == ERR_OK)
		err = journal_commit(c->journal, f);
	if (err != ERR_OK)
		journal_rollback(c->journal);
	return err;
}

void
commits_remember(struct commits *c, enum err err, const struct fault *f)
{
	if (err == ERR_OK) {
		if (c->problem != NULL)
			log_info("the state database takes writes again");
		free(c->problem);
		c->problem = NULL;
		return;
	}
	if (c->problem == NULL)
		log_error("%s: changes are refused with SERVFAIL until it is writable", fault_str(f, err));
	free(c->problem);
	if ((c->problem = strdup(fault_str(f, err))) == NULL)
		log_error("out of memory");
}

/* What a zone's record says once s is durable. */
static void
show(struct staged *s)
{
	struct zone *z = s->request.zone;

	pending_keep(&z->pending);
	z->history.records += s->size > 0;
	z->history.octets += s->size;
	z->records = s->whole_row ? 0 : z->records + (s->size > 0);
	z->unsaved = false;
	if (s->rebased) {
		zone_base_clear(&z->base);
		z->base = s->base;
		s->base = (struct zone_base){ 0 };
	}
	if (s->built.version)
		commit_publish(z);
}

bool
commits_are_staged(const struct commits *c)
{
	return c->first != NULL;
}

enum err
commits_sync(struct commits *c, struct fault *f)
{
	struct fault mine = { 0 };
	enum err err;

	assert(c->untold == NULL);
	if (c->first == NULL && c->nnotes == 0)
		return ERR_OK;
	if (f == NULL)
		f = &mine;
	err = write_all(c, f);
	commits_remember(c, err, f);
	if (err != ERR_OK) {
		undo_all(c);
		return err;
	}
	notes_free(c);
	c->untold = take_all(c);
	for (struct staged *s = c->untold; s != NULL; s = s->next)
		show(s);
	return ERR_OK;
}

void
commits_tell(struct commits *c)
{
	struct staged *group = c->untold;

	journal_mark(c->journal);
	/* What a subscriber stages is in the next group, and may be finished before we return. */
	c->untold = NULL;
	for (struct staged *s = group, *next; s != NULL; s = next) {
		next = s->next;
		if (s->built.version || s->rebased)
			c->subscriber(c->ctx, &s->request, &s->built.effective);
		staged_free(s);
	}
}

enum err
commits_finish(struct commits *c, struct fault *f)
{
	enum err err = commits_sync(c, f);

	commits_tell(c);
	return err;
}
