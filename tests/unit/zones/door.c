#include "tests/unit/zones/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "wire/rrtype.h"
#include "zones/baseline.h"
#include "zones/check.h"
#include "zones/rcu.h"
#include "zones/text.h"

const uint8_t door_apex[] = "\7example\3com";

/* --- failing calls --- */

enum err __real_journal_append(struct journal *j, const struct journal_record *r, struct fault *f);
enum err __wrap_journal_append(struct journal *j, const struct journal_record *r, struct fault *f);
enum err __real_journal_put_zone(struct journal *j, const struct journal_zone *z, struct fault *f);
enum err __wrap_journal_put_zone(struct journal *j, const struct journal_zone *z, struct fault *f);
enum err __real_journal_commit(struct journal *j, struct fault *f);
enum err __wrap_journal_commit(struct journal *j, struct fault *f);

static unsigned fail_in;
static bool failed;

static bool
fails(struct fault *f)
{
	if (fail_in == 0 || --fail_in > 0)
		return false;
	fault_set(f, ERR_NOSPACE, "the disk is full");
	return failed = true;
}

enum err
__wrap_journal_append(struct journal *j, const struct journal_record *r, struct fault *f)
{
	return fails(f) ? ERR_NOSPACE : __real_journal_append(j, r, f);
}

enum err
__wrap_journal_put_zone(struct journal *j, const struct journal_zone *z, struct fault *f)
{
	return fails(f) ? ERR_NOSPACE : __real_journal_put_zone(j, z, f);
}

enum err
__wrap_journal_commit(struct journal *j, struct fault *f)
{
	return fails(f) ? ERR_NOSPACE : __real_journal_commit(j, f);
}

void
door_fail_journal(unsigned nth)
{
	fail_in = nth;
	failed = false;
}

bool
door_journal_failed(void)
{
	return failed;
}

int
door_setup(void **state)
{
	(void)state;
	rcu_register_thread();
	rcu_thread_offline();
	return 0;
}

int
door_teardown(void **state)
{
	(void)state;
	rcu_drain();
	rcu_unregister_thread();
	return 0;
}

/* --- RRs --- */

static void
parse_rr(const char *owner, const char *type, const char *words, struct rr *out)
{
	static struct dname name;
	static uint8_t rdata[512];
	size_t n;

	assert_int_equal(dname_parse(owner, strlen(owner), door_apex, &name), ERR_OK);
	assert_true(rrtype_parse(type, strlen(type), &out->type));
	assert_int_equal(rdata_from_text(out->type, words, door_apex, rdata, &n, NULL), ERR_OK);
	out->owner = name.octets;
	out->rdata = rdata;
	out->rdlen = (uint16_t)n;
	out->ttl = 300;
}

void
door_parse_changes(const char *text, struct changeset *out)
{
	char owner[100], type[20], words[200];
	int used;

	for (; sscanf(text, "%99s %19s %199[^;]%n", owner, type, words, &used) == 3;
	    text += used + (text[used] == ';')) {
		struct change c = { .add = owner[0] == '+' };

		parse_rr(owner + 1, type, words, &c.rr);
		if (c.add && strncmp(owner + 1, "_acme-challenge", 15) == 0) {
			c.class = CHANGE_PASSING;
			c.until_s = 2000;
		}
		assert_int_equal(changeset_add(out, &c), ERR_OK);
	}
}

static void
soa_rr(uint32_t serial, uint32_t refresh, struct rr *out)
{
	char words[100];

	snprintf(words, sizeof words, "ns admin %u %u 3 4 5", serial, refresh);
	parse_rr("@", "SOA", words, out);
}

void
door_add_soa(struct changeset *out, uint32_t serial, uint32_t refresh)
{
	struct rr rr;

	soa_rr(serial, refresh, &rr);
	assert_int_equal(changeset_add_rr(out, &rr), ERR_OK);
}

void
door_new_base(struct rr_list *out, uint32_t serial, uint32_t refresh)
{
	struct rr rr;

	soa_rr(serial, refresh, &rr);
	assert_int_equal(rr_list_add(out, &rr), ERR_OK);
	parse_rr("@", "NS", "ns.example.net.", &rr);
	assert_int_equal(rr_list_add(out, &rr), ERR_OK);
	rr_list_sort(out);
}

static const struct rr *
soa_of(const struct rr_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].type == TYPE_SOA)
			return &list->v[i];
	fail_msg("no SOA");
	return NULL;
}

void
door_base_soa(const struct rr_list *base, struct soa *out)
{
	const struct rr *rr = soa_of(base);

	soa_read(rr->rdata, rr->rdlen, out);
}

static void
ignore(void *ctx, const struct check_finding *finding)
{
	(void)ctx;
	(void)finding;
}

bool
door_is_sound(const struct rr_list *base)
{
	return zone_check(door_apex, base, ignore, NULL) == ERR_OK;
}

struct rr_list
door_content(const struct zone *z, bool published)
{
	struct rr_list list = { 0 };

	assert_int_equal(zone_version_collect(published ? zone_store_current(z->store) : zone_newest(z), NULL, &list),
	    ERR_OK);
	return list;
}

/* The other way round. */
static bool
base_is_known(const struct door *d)
{
	struct baseline b = { 0 };
	struct rr_list list = { 0 };
	bool same;

	assert_int_equal(baseline_take(d->zone, &b), ERR_OK);
	assert_int_equal(baseline_list(&b, &list), ERR_OK);
	same = rr_list_equal(&list, door_base(d));
	rr_list_clear(&list);
	baseline_clear(&b);
	return same;
}

bool
door_adds_up(const struct door *d)
{
	struct rr_list have = door_content(d->zone, false), want = { 0 };
	bool same;

	assert_int_equal(pending_apply(&d->zone->pending, door_base(d), zone_version_serial(zone_newest(d->zone)),
	    &want), ERR_OK);
	same = rr_list_equal(&have, &want);
	rr_list_clear(&have);
	rr_list_clear(&want);
	return same && base_is_known(d);
}

bool
door_was_told(const struct door *d)
{
	struct rr_list have = door_content(d->zone, true);
	bool same = rr_list_equal(&have, &d->mirror);

	rr_list_clear(&have);
	return same;
}

/* --- the zone --- */

static size_t
add_base(struct door *d, struct rr_list *list)
{
	d->bases = realloc(d->bases, (d->nbases + 1) * sizeof *d->bases);
	d->bases[d->nbases] = *list;
	*list = (struct rr_list){ 0 };
	return d->nbases++;
}

static void
make_base(const struct door *d, size_t number, struct zone_base *out)
{
	struct soa soa;

	door_base_soa(&d->bases[number], &soa);
	*out = (struct zone_base){ .serial = soa.serial };
	snprintf(out->commit, sizeof out->commit, "%040zx", number);
	assert_int_equal(zone_base_add(out, "example.com", out->commit), ERR_OK);
}

struct rr_list *
door_base(const struct door *d)
{
	return &d->bases[strtoul(d->zone->base.commit, NULL, 16)];
}

static void
told(void *ctx, const struct commit_request *q, const struct changeset *changes)
{
	struct door *d = ctx;

	if (q->origin == ORIGIN_LOAD) {
		rr_list_clear(&d->mirror);
		d->mirror = door_content(q->zone, true);
	}
	for (size_t i = 0; i < changes->n; i++) {
		const struct change *c = &changes->v[i];
		size_t at = 0;

		if (c->present)
			continue;
		while (at < d->mirror.n && !rr_same(&d->mirror.v[at], &c->rr))
			at++;
		check((at < d->mirror.n) == !c->add, "a change is told that is one");
		if (c->add)
			assert_int_equal(rr_list_add(&d->mirror, &c->rr), ERR_OK);
		else
			d->mirror.v[at] = d->mirror.v[--d->mirror.n];
	}
	rr_list_sort(&d->mirror);
	if (d->subscriber != NULL)
		d->subscriber(d->subscriber_ctx, q, changes);
}

static void
open_journal(struct door *d)
{
	struct fault f = { 0 };

	check(journal_open(d->path, &d->journal, &f) == ERR_OK, "%s", f.text);
	assert_int_equal(commits_new(d->journal, told, d, &d->commits), ERR_OK);
}

static void
open_door(struct door *d, bool unsaved)
{
	struct rr_list list = { 0 };
	struct zone_base base;

	*d = (struct door){ .directory = "/tmp/certns-door.XXXXXX" };
	assert_non_null(mkdtemp(d->directory));
	snprintf(d->path, sizeof d->path, "%s/state.db", d->directory);
	open_journal(d);
	assert_int_equal(zone_new(door_apex, "url", &d->zone), ERR_OK);
	door_new_base(&list, 1, 1);
	make_base(d, add_base(d, &list), &base);
	assert_int_equal(commits_batch_begin(d->commits, NULL), ERR_OK);
	assert_int_equal(commits_load(d->commits, d->zone, &base, &d->bases[0], 1, true, NULL), ERR_OK);
	door_fail_journal(unsaved ? 1 : 0);
	assert_int_equal(commits_batch_end(d->commits, ERR_OK, NULL), unsaved ? ERR_NOSPACE : ERR_OK);
	door_fail_journal(0);
	zone_base_clear(&base);
}

void
door_open(struct door *d)
{
	open_door(d, false);
}

void
door_open_unsaved(struct door *d)
{
	open_door(d, true);
}

static void
stop_writing(struct door *d)
{
	if (!d->writing)
		return;
	zone_version_unref(d->written);
	rr_list_clear(&d->written_passing);
	d->writing = false;
}

static void
close_journal(struct door *d)
{
	stop_writing(d);
	commits_free(d->commits);
	zone_free(d->zone);
	journal_close(d->journal);
}

void
door_close(struct door *d)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char path[128];

	close_journal(d);
	for (size_t i = 0; i < d->nbases; i++)
		rr_list_clear(&d->bases[i]);
	free(d->bases);
	rr_list_clear(&d->mirror);
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		snprintf(path, sizeof path, "%s%s", d->path, suffixes[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/journal.mark", d->directory);
	unlink(path);
	rmdir(d->directory);
}

static enum err
note_record(void *ctx, const struct journal_record *r)
{
	struct changeset changes = { 0 };

	assert_int_equal(changeset_read(r->changes, r->n, &changes), ERR_OK);
	assert_int_equal(pending_note(ctx, &changes), ERR_OK);
	changeset_clear(&changes);
	return ERR_OK;
}

static enum err
restore(void *ctx, const struct journal_zone *row)
{
	struct door *d = ctx;
	struct changeset image = { 0 };
	struct zone_base base;
	struct rr_list *list;

	assert_int_equal(zone_new(row->apex.octets, "url", &d->zone), ERR_OK);
	assert_int_equal(zone_base_parse(row->base, row->base_serial, &base), ERR_OK);
	list = &d->bases[strtoul(base.commit, NULL, 16)];
	if (!d->moved)
		assert_int_equal(pending_set_base_soa(&d->zone->pending, soa_of(list), NULL), ERR_OK);
	assert_int_equal(changeset_read(row->image, row->image_n, &image), ERR_OK);
	assert_int_equal(pending_note(&d->zone->pending, &image), ERR_OK);
	assert_int_equal(journal_each_record(d->journal, row->apex.octets, row->image_seq, note_record,
	    &d->zone->pending, NULL), ERR_OK);
	if (d->moved) {
		zone_base_clear(&base);
		make_base(d, d->nbases - 1, &base);
		list = &d->bases[d->nbases - 1];
	}
	d->loaded = commits_load(d->commits, d->zone, &base, list, row->serial + d->moved, d->moved, NULL);
	changeset_clear(&image);
	zone_base_clear(&base);
	return ERR_OK;
}

void
door_restart(struct door *d)
{
	struct fault f = { 0 };

	close_journal(d);
	d->zone = NULL;
	open_journal(d);
	check(journal_each_zone(d->journal, restore, d, &f) == ERR_OK && d->zone != NULL, "the zone is restored: %s",
	    f.text);
	assert_int_equal(d->loaded, ERR_OK);
}

enum err
door_move(struct door *d, struct rr_list *list)
{
	struct fault f = { 0 };

	add_base(d, list);
	close_journal(d);
	d->zone = NULL;
	open_journal(d);
	d->moved = true;
	assert_int_equal(commits_batch_begin(d->commits, NULL), ERR_OK);
	check(journal_each_zone(d->journal, restore, d, &f) == ERR_OK && d->zone != NULL, "the zone is found: %s",
	    f.text);
	assert_int_equal(commits_batch_end(d->commits, d->loaded, NULL), d->loaded);
	d->moved = false;
	return d->loaded;
}

enum err
door_merge(struct door *d, struct rr_list *list, const struct changeset *changes, int64_t now_s)
{
	size_t number = add_base(d, list);
	uint32_t served = zone_version_serial(zone_newest(d->zone)), old = d->zone->base.serial, file;
	struct zone_base base;
	struct commit_request q = { .zone = d->zone, .changes = changes, .origin = ORIGIN_GIT, .by = "commit",
	    .now_s = now_s,
	    .base = &base, .base_rrs = &d->bases[number] };
	enum err err;

	make_base(d, number, &base);
	file = base.serial;
	if (serial_lt(old, file) && serial_lt(served, file)) {
		q.force_serial = true;
		q.serial = file;
	} else if (file != old && file != served) {
		q.force_serial = true;
		q.serial = served + 1;
	}
	err = commits_stage(d->commits, &q, NULL, NULL);
	zone_base_clear(&base);
	return err;
}

void
door_write_begin(struct door *d)
{
	assert_int_equal(pending_passing(&d->zone->pending, &d->written_passing), ERR_OK);
	d->written = zone_version_ref(zone_newest(d->zone));
	d->writing = true;
	pending_write_begin(&d->zone->pending);
}

void
door_write_end(struct door *d, bool written)
{
	struct rr_list list = { 0 };
	struct rr served;
	size_t number;

	pending_write_end(&d->zone->pending, written);
	if (written) {
		assert_int_equal(zone_version_collect(d->written, &d->written_passing, &list), ERR_OK);
		assert_true(zone_version_soa(zone_newest(d->zone), &served));
		number = add_base(d, &list);
		assert_int_equal(pending_set_base_soa(&d->zone->pending, soa_of(&d->bases[number]), &served), ERR_OK);
		zone_base_clear(&d->zone->base);
		make_base(d, number, &d->zone->base);
		assert_int_equal(commits_put(d->commits, d->zone, NULL), ERR_OK);
	}
	stop_writing(d);
}
