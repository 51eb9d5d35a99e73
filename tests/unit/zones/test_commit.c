/* The door, as a whole: random groups of updates, merges, expiries, refusals, journals that fail, write-backs and
 * restarts, against a naive model.  Whatever happens: the zone is its base with what is pending and passing on top, its
 * serial never goes back, each change of content raises it, and a restart finds all of it again. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/zones/door.h"
#include "wire/rrtype.h"
#include "zones/text.h"

/* --- the model --- */

enum { KINDS = 11 };

static const struct { const char *owner; uint16_t type; const char *rdata; } kinds[KINDS] = {
	{ "a", TYPE_A, "192.0.2.1" }, { "a", TYPE_A, "192.0.2.2" }, { "a", TYPE_A, "192.0.2.3" },
	{ "b", TYPE_MX, "10 a" }, { "b", TYPE_MX, "10 b" },
	{ "_acme-challenge", TYPE_TXT, "\"1\"" }, { "_acme-challenge", TYPE_TXT, "\"2\"" },
	{ "_acme-challenge", TYPE_TXT, "\"3\"" },
	{ "b", TYPE_CNAME, "a" }, { "c", TYPE_CNAME, "a" }, { "c", TYPE_A, "192.0.2.4" },
};

struct entry {
	bool there, passing;
	uint32_t ttl;
	int64_t until_s;
};

struct model {
	struct entry v[KINDS];
	uint32_t serial, refresh;
};

static uint32_t seed;

static uint32_t
any_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(seed >> 8) * n >> 24);
}

static struct rr
rr_of(int kind, uint32_t ttl)
{
	static struct dname owners[KINDS];
	static uint8_t rdata[KINDS][64];
	size_t n;

	assert_int_equal(dname_parse(kinds[kind].owner, strlen(kinds[kind].owner), door_apex, &owners[kind]), ERR_OK);
	assert_int_equal(rdata_from_text(kinds[kind].type, kinds[kind].rdata, door_apex, rdata[kind], &n, NULL),
	    ERR_OK);
	return (struct rr){ owners[kind].octets, rdata[kind], ttl, kinds[kind].type, (uint16_t)n };
}

static bool
same_rrset(int a, int b)
{
	return kinds[a].type == kinds[b].type && strcmp(kinds[a].owner, kinds[b].owner) == 0;
}

/* One change after the other, and the class by what was there before all of them. */
static void
model_change(struct model *m, int kind, bool add, uint32_t ttl)
{
	m->v[kind].there = add;
	for (int i = 0; add && i < KINDS; i++)
		if (same_rrset(i, kind))
			m->v[i].ttl = ttl;
}

static bool
model_is_sound(const struct model *m)
{
	return !(m->v[8].there && (m->v[3].there || m->v[4].there)) && !(m->v[9].there && m->v[10].there);
}

static bool
same_content(const struct model *a, const struct model *b)
{
	for (int i = 0; i < KINDS; i++)
		if (a->v[i].there != b->v[i].there || (a->v[i].there && a->v[i].ttl != b->v[i].ttl))
			return false;
	return a->refresh == b->refresh;
}

/* --- the world: a zone, its bases, a journal --- */

static struct door door;
static struct model model;			/* as it was at the last finish */
static struct model staged;			/* with the open group */
static int64_t now_s = 1000;

static void
expect_model(const char *after)
{
	struct rr_list have = door_content(door.zone, true);
	struct zone_version *v = zone_store_current(door.zone->store);
	struct rr soa;
	struct soa fields;
	size_t n = 0, passing = 0;

	for (int i = 0; i < KINDS; i++) {
		struct rr rr = rr_of(i, 0);
		const struct rr *found = rr_list_find(&have, &rr);
		const struct rrmap_value *p = rrmap_find(&door.zone->pending.passing, &rr);

		check((found != NULL) == model.v[i].there, "after %s: RR %d is %s", after, i, model.v[i].there ?
		    "there" : "gone");
		check(found == NULL || found->ttl == model.v[i].ttl, "after %s: RR %d has TTL %u, not %u", after, i,
		    model.v[i].ttl, found->ttl);
		check((p != NULL) == (model.v[i].there && model.v[i].passing), "after %s: RR %d %s", after, i,
		    p == NULL ? "passes" : "does not pass");
		check(p == NULL || p->until_s == model.v[i].until_s, "after %s: RR %d ends at %lld", after, i,
		    (long long)model.v[i].until_s);
		n += model.v[i].there;
		passing += model.v[i].there && model.v[i].passing;
	}
	check(have.n == n + 2, "after %s: nothing else is there", after);		/* SOA and NS */
	check(door.zone->pending.passing.n == passing, "after %s: nothing else passes", after);
	check(zone_version_soa(v, &soa), "after %s: an SOA", after);
	soa_read(soa.rdata, soa.rdlen, &fields);
	check(fields.serial == model.serial && fields.refresh == model.refresh,
	    "after %s: serial %u, not %u; refresh %u, not %u",
	    after, model.serial, fields.serial, model.refresh, fields.refresh);
	rr_list_clear(&have);
	check(door_adds_up(&door), "after %s: base, pending and passing make the zone", after);
	check(door_was_told(&door), "after %s: the subscriber knows the zone", after);
}

/* --- steps --- */

static void
finish(bool fails)
{
	door_fail_journal(fails ? 1 + any_below(4) : 0);
	enum err err = commits_finish(door.commits, NULL);
	bool failed = door_journal_failed();

	door_fail_journal(0);
	check((err != ERR_OK) == failed, "a journal that fails is a group that fails: %s", err_str(err));
	check(!failed || commits_problem(door.commits) != NULL, "the problem is known");
	if (failed)
		staged = model;
	else
		model = staged;
}

static void
stage_random(void)
{
	struct changeset changes = { 0 };
	struct model after = staged;
	bool wanted[KINDS] = { 0 }, wanted_passing[KINDS] = { 0 };
	int64_t until_s = now_s + 10 + any_below(50);
	bool passing = any_below(3) == 0, changed = false, soa = any_below(6) == 0;
	struct fault f = { 0 };
	enum err err;

	for (uint32_t n = any_below(5) + !soa; n > 0; n--) {
		int kind = (int)any_below(KINDS);
		bool add = any_below(3) != 0;
		uint32_t ttl = any_below(4) == 0 ? 60 : 300;
		struct change c = { rr_of(kind, ttl), add, false, add && passing && kinds[kind].type == TYPE_TXT ?
		    CHANGE_PASSING : CHANGE_LASTING, 0 };

		if (c.class == CHANGE_PASSING)
			c.until_s = until_s;
		if (add) {
			wanted[kind] = true;
			wanted_passing[kind] = c.class == CHANGE_PASSING;
		}
		model_change(&after, kind, add, ttl);
		assert_int_equal(changeset_add(&changes, &c), ERR_OK);
	}
	for (int i = 0; i < KINDS; i++) {
		struct entry *e = &after.v[i];
		const struct entry *was = &staged.v[i];
		bool passed = was->there && was->passing;

		if (!e->there)
			continue;
		e->passing = wanted[i] ? wanted_passing[i] && (passed || !was->there) : was->there ? passed : false;
		e->until_s = !e->passing ? 0 : passed && (!wanted[i] || was->until_s > until_s) ?
		    was->until_s : until_s;
	}
	if (soa) {
		uint32_t serial = staged.serial - 1 + any_below(4);

		after.refresh = 1 + any_below(3);
		door_add_soa(&changes, serial, after.refresh);
		if (serial_lt(staged.serial, serial)) {
			after.serial = serial;
			changed = true;
		}
	}
	if (!same_content(&after, &staged)) {
		changed = true;
		if (after.serial == staged.serial)
			after.serial++;
	}
	err = commits_stage(door.commits, &(struct commit_request){ .zone = door.zone, .changes = &changes,
	    .origin = ORIGIN_UPDATE, .by = "test", .now_s = now_s }, &changed, &f);
	changeset_clear(&changes);
	check((err == ERR_OK) == model_is_sound(&after), "only what is unsound is refused: %s", fault_str(&f, err));
	if (err != ERR_OK)
		assert_int_equal(err, ERR_REFUSED);
	else
		check(changed == (after.serial != staged.serial), "a change is known as one");
	if (err == ERR_OK)
		staged = after;
}

static void
sweep(void)
{
	struct changeset changes = { 0 };
	int64_t next_s;

	now_s += any_below(20);
	assert_int_equal(pending_expired(&door.zone->pending, now_s, &changes, &next_s), ERR_OK);
	if (changes.n > 0) {
		for (int i = 0; i < KINDS; i++)
			if (staged.v[i].passing && staged.v[i].until_s <= now_s)
				staged.v[i].there = false;
		staged.serial++;
		assert_int_equal(commits_stage(door.commits, &(struct commit_request){ .zone = door.zone,
		    .changes = &changes,
		    .origin = ORIGIN_SWEEP, .by = "", .now_s = now_s }, NULL, NULL), ERR_OK);
	}
	changeset_clear(&changes);
}

/* A commit upstream: the base with some changes, another serial, another refresh. */
static void
merge(void)
{
	struct rr_list *old = door_base(&door), new = { 0 };
	struct model after = staged;
	struct changeset changes = { 0 };
	struct soa fields;
	bool flip[KINDS];
	uint32_t ttl = any_below(3) == 0 ? 60 : 300, serial, refresh, old_refresh;
	enum err err;

	door_base_soa(old, &fields);
	serial = fields.serial + any_below(3);
	old_refresh = fields.refresh;
	refresh = any_below(4) == 0 ? 1 + any_below(3) : old_refresh;
	for (int i = 0; i < KINDS; i++)
		flip[i] = any_below(5) == 0;
	door_new_base(&new, serial, refresh);
	for (int i = 0; i < KINDS; i++) {
		struct rr rr = rr_of(i, ttl);
		const struct rr *had = rr_list_find(old, &rr);
		bool touched = false;

		for (int k = 0; k < KINDS; k++)
			touched |= flip[k] && same_rrset(i, k);
		if ((had != NULL) != flip[i]) {
			if (!touched)
				rr.ttl = had->ttl;
			assert_int_equal(rr_list_add(&new, &rr), ERR_OK);
		}
	}
	rr_list_sort(&new);
	if (!door_is_sound(&new)) {
		rr_list_clear(&new);
		return;
	}
	assert_int_equal(changeset_diff(old, &new, &changes), ERR_OK);
	for (size_t i = 0; i < changes.n; i++) {
		for (int k = 0; k < KINDS; k++) {
			struct rr rr = rr_of(k, 0);

			if (!rr_same(&rr, &changes.v[i].rr))
				continue;
			model_change(&after, k, changes.v[i].add, changes.v[i].rr.ttl);
			if (changes.v[i].add)
				after.v[k].passing = false;
		}
	}
	if (refresh != old_refresh) {
		after.refresh = refresh;
		door_add_soa(&changes, serial, refresh);
	}
	if (serial_lt(fields.serial, serial) && serial_lt(staged.serial, serial))
		after.serial = serial;
	else if ((serial != fields.serial && serial != staged.serial) || !same_content(&after, &staged))
		after.serial++;
	err = door_merge(&door, &new, &changes, now_s);
	changeset_clear(&changes);
	check((err == ERR_OK) == model_is_sound(&after), "a merge is refused when it is unsound: %s", err_str(err));
	if (err == ERR_OK)
		staged = after;
}

static void
step(uint32_t what)
{
	bool fails = any_below(5) == 0;

	switch (what) {
	case 0:
		if (door.writing)
			return;			/* a repository is pulled or written to, never both */
		merge();
		finish(fails);
		expect_model("a merge");
		break;
	case 1:
		sweep();
		finish(fails);
		expect_model("a sweep");
		break;
	case 2:
		door_restart(&door);
		expect_model("a restart");
		break;
	case 3:
		if (!door.writing)
			door_write_begin(&door);
		else
			door_write_end(&door, any_below(3) != 0);
		expect_model("a write-back");
		break;
	case 4:
		assert_int_equal(commits_put(door.commits, door.zone, NULL), ERR_OK);
		break;
	default:
		for (uint32_t n = 1 + any_below(4); n > 0; n--)
			stage_random();
		finish(fails);
		expect_model("a group of updates");
	}
}

static void
test_random(void **state)
{
	(void)state;
	for (uint32_t run = 1; run <= 12; run++) {
		door_open(&door);
		seed = run;
		model = (struct model){ .serial = 1, .refresh = 1 };
		staged = model;
		expect_model("the start");
		for (int i = 0; i < 400; i++)
			step(any_below(12));
		door_close(&door);
	}
}

/* --- single things --- */

static enum err
stage(struct changeset *changes, enum commit_origin origin, struct fault *f)
{
	enum err err = commits_stage(door.commits, &(struct commit_request){ .zone = door.zone, .changes = changes,
	    .origin = origin, .by = "test", .now_s = now_s }, NULL, f);

	changeset_clear(changes);
	return err;
}

static const struct { const char *why, *before, *change; enum err err; } results[] = {
	{ "an address",				"", "+a A 192.0.2.9", ERR_OK },
	{ "a DNAME",				"", "+t DNAME example.org.", ERR_OK },
	{ "a DNAME at the apex of a zone with names", "+x A 192.0.2.1", "+@ DNAME example.org.", ERR_REFUSED },
	{ "a DNAME above a name",		"+x.t A 192.0.2.9", "+t DNAME example.org.", ERR_REFUSED },
	{ "a DNAME above an empty non-terminal", "+x.y.t A 192.0.2.9", "+t DNAME example.org.", ERR_REFUSED },
	{ "a DNAME beside an address",		"+t A 192.0.2.9", "+t DNAME example.org.", ERR_OK },
	{ "a name below a DNAME",		"+t DNAME example.org.", "+x.t A 192.0.2.9", ERR_REFUSED },
	{ "a name far below a DNAME",		"+t DNAME example.org.", "+x.y.t A 192.0.2.9", ERR_REFUSED },
	{ "a delegation at a DNAME",		"+t DNAME example.org.", "+t NS ns.example.org.", ERR_REFUSED },
	{ "a DNAME at a delegation",		"+t NS ns.example.org.", "+t DNAME example.org.", ERR_REFUSED },
	{ "a second DNAME",			"+t DNAME example.org.", "+t DNAME example.net.", ERR_REFUSED },
	{ "a CNAME beside data",		"+t A 192.0.2.9", "+t CNAME a", ERR_REFUSED },
	{ "a CNAME beside a signature",		"+t NSEC a A", "+t CNAME a", ERR_OK },
	{ "two CNAMEs",				"+t CNAME a", "+t CNAME b", ERR_REFUSED },
	{ "the last NS goes",			"", "-@ NS ns.example.net.", ERR_REFUSED },
	{ "an address outside of the zone",	"", "+x.example.org. A 192.0.2.9", ERR_REFUSED },
	{ "the address of an NS outside",	"", "+ns.example.net. A 192.0.2.9", ERR_OK },
	{ "something else of an NS outside",	"", "+ns.example.net. TXT x", ERR_REFUSED },
	{ "an NS goes before its address",	"+ns.example.net. A 192.0.2.9;+@ NS ns", "-@ NS ns.example.net.",
	    ERR_REFUSED },
	{ "an NS goes with its address",	"+ns.example.net. A 192.0.2.9;+@ NS ns",
		"-@ NS ns.example.net.;-ns.example.net. A 192.0.2.9", ERR_OK },
	{ "a DNSKEY at the apex",		"", "+@ DNSKEY 256 3 13 AAAA", ERR_REFUSED },
	{ "a DNSKEY elsewhere",			"", "+a DNSKEY 256 3 13 AAAA", ERR_OK },
};

static void
test_results(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
		struct changeset changes = { 0 };
		struct fault f = { 0 };
		enum err err;

		door_open(&door);
		door_parse_changes(results[i].before, &changes);
		check(changes.n == 0 || stage(&changes, ORIGIN_UPDATE, &f) == ERR_OK, "%s: before: %s", results[i].why,
		    f.text);
		door_parse_changes(results[i].change, &changes);
		err = stage(&changes, ORIGIN_UPDATE, &f);
		check(err == results[i].err, "%s: %s", results[i].why, fault_str(&f, err));
		check(err == ERR_OK || f.text[0] != '\0', "%s: words", results[i].why);
		assert_int_equal(commits_finish(door.commits, NULL), ERR_OK);
		check(door_adds_up(&door), "%s: base, pending and passing make the zone, and the zone the base",
		    results[i].why);
		door_close(&door);
	}
}

/* What the subscriber stages while it is told belongs to the next group. */
static void
stage_more(void *ctx, const struct commit_request *q, const struct changeset *changes)
{
	struct changeset more = { 0 };
	int *told = ctx;

	(void)changes;
	if (q->origin != ORIGIN_UPDATE || ++*told > 2)
		return;
	door_parse_changes(*told == 1 ? "+more1 A 192.0.2.1" : "+more2 A 192.0.2.1", &more);
	assert_int_equal(stage(&more, ORIGIN_UPDATE, NULL), ERR_OK);
}

static void
test_subscriber_stages(void **state)
{
	struct changeset changes = { 0 };
	int told = 0;

	(void)state;
	door_open(&door);
	door.subscriber = stage_more;
	door.subscriber_ctx = &told;
	for (int i = 0; i < 3; i++) {
		door_parse_changes(i == 0 ? "+x A 192.0.2.1" : i == 1 ? "+y A 192.0.2.1" : "+z A 192.0.2.1", &changes);
		assert_int_equal(stage(&changes, ORIGIN_UPDATE, NULL), ERR_OK);
	}
	assert_int_equal(commits_finish(door.commits, NULL), ERR_OK);
	assert_int_equal(told, 3);
	assert_int_equal(zone_version_serial(zone_store_current(door.zone->store)), 4);
	assert_int_equal(zone_version_serial(zone_newest(door.zone)), 6);
	assert_int_equal(commits_finish(door.commits, NULL), ERR_OK);
	assert_int_equal(told, 5);
	assert_int_equal(zone_version_serial(zone_store_current(door.zone->store)), 6);
	door_close(&door);
}

static void
count_told(void *ctx, const struct commit_request *q, const struct changeset *changes)
{
	(void)q;
	(void)changes;
	++*(int *)ctx;
}

/* Who waits for durability alone can be answered before the subscriber is told. */
static void
test_sync_before_tell(void **state)
{
	struct changeset changes = { 0 };
	int told = 0;

	(void)state;
	door_open(&door);
	door.subscriber = count_told;
	door.subscriber_ctx = &told;
	door_parse_changes("+x A 192.0.2.1", &changes);
	assert_int_equal(stage(&changes, ORIGIN_UPDATE, NULL), ERR_OK);
	assert_int_equal(commits_sync(door.commits, NULL), ERR_OK);
	assert_int_equal(told, 0);
	assert_int_equal(zone_version_serial(zone_store_current(door.zone->store)), 2);
	commits_tell(door.commits);
	assert_int_equal(told, 1);

	door_parse_changes("+y A 192.0.2.1", &changes);
	assert_int_equal(stage(&changes, ORIGIN_UPDATE, NULL), ERR_OK);
	door_fail_journal(1);
	assert_int_not_equal(commits_sync(door.commits, NULL), ERR_OK);
	commits_tell(door.commits);
	assert_int_equal(told, 1);
	assert_int_equal(zone_version_serial(zone_newest(door.zone)), 2);
	door_close(&door);
}

/* Edits that cancel each other out are no change of content, so no serial is spent. */
static void
test_no_change(void **state)
{
	struct changeset changes = { 0 };

	(void)state;
	door_open(&door);
	door_parse_changes("+x A 192.0.2.1;-x A 192.0.2.1", &changes);
	assert_int_equal(stage(&changes, ORIGIN_UPDATE, NULL), ERR_OK);
	assert_int_equal(commits_finish(door.commits, NULL), ERR_OK);
	assert_int_equal(zone_version_serial(zone_newest(door.zone)), 1);
	door_close(&door);
}

/* A row that could not be written when the zone was loaded is written with its first change. */
static void
test_missing_row(void **state)
{
	struct changeset changes = { 0 };
	struct fault f = { 0 };

	(void)state;
	door_open_unsaved(&door);
	door_parse_changes("+a A 192.0.2.1", &changes);
	assert_int_equal(stage(&changes, ORIGIN_UPDATE, NULL), ERR_OK);
	assert_int_equal(commits_finish(door.commits, &f), ERR_OK);
	door_restart(&door);
	assert_int_equal(zone_version_serial(zone_newest(door.zone)), 2);
	check(door_adds_up(&door), "nothing is lost");
	door_close(&door);
}

static const struct { const char *why, *changes, *text; size_t pending, passing; } texts[] = {
	{ "nothing waits",				"", "+a A 192.0.2.1", 0, 0 },
	{ "something else",				"+a A 192.0.2.1", "+b A 192.0.2.1", 1, 0 },
	{ "what waits to come is there",		"+a A 192.0.2.1", "+a A 192.0.2.1", 0, 0 },
	{ "what waits to come has a TTL of its own",	"60 +a A 192.0.2.1", "+a A 192.0.2.2;+a A 192.0.2.3", 3, 0 },
	{ "and is there with another",			"60 +a A 192.0.2.1", "+a A 192.0.2.1;+a A 192.0.2.2", 2, 0 },
	{ "what waits to go is there",			"-@ NS ns.example.net.;+@ NS ns.example.org.", "", 2, 0 },
	{ "what passes is not there",			"+_acme-challenge TXT x", "+a A 192.0.2.1", 0, 1 },
	{ "what passes is there",			"+_acme-challenge TXT x", "+_acme-challenge TXT x", 0, 0 },
};

/* A text takes the place of one that is gone, while changes wait. */
static void
test_another_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct changeset changes = { 0 };
		struct rr_list base = { 0 }, passing = { 0 };
		uint32_t ttl = 300;
		int used = 0;

		door_open(&door);
		if (sscanf(texts[i].changes, "%u %n", &ttl, &used) < 1)
			used = 0;
		door_parse_changes(texts[i].changes + used, &changes);
		for (size_t k = 0; k < changes.n; k++)
			changes.v[k].rr.ttl = ttl;
		if (changes.n > 0)
			assert_int_equal(stage(&changes, ORIGIN_UPDATE, NULL), ERR_OK);
		assert_int_equal(commits_finish(door.commits, NULL), ERR_OK);
		door_new_base(&base, 5, 1);
		door_parse_changes(texts[i].text, &changes);
		for (size_t k = 0; k < changes.n; k++)
			assert_int_equal(rr_list_add(&base, &changes.v[k].rr), ERR_OK);
		changeset_clear(&changes);
		rr_list_sort(&base);
		check(door_move(&door, &base) == ERR_OK, "%s: loaded", texts[i].why);
		check(door_adds_up(&door), "%s: base, pending and passing make the zone", texts[i].why);
		assert_int_equal(pending_passing(&door.zone->pending, &passing), ERR_OK);
		check(pending_count(&door.zone->pending) == texts[i].pending && passing.n == texts[i].passing,
		    "%s: %zu changes wait, %zu pass", texts[i].why, pending_count(&door.zone->pending), passing.n);
		rr_list_clear(&passing);
		door_restart(&door);
		check(door_adds_up(&door), "%s: and so after one more restart", texts[i].why);
		door_close(&door);
	}
}

/* Each allocation of staging and finishing fails once: the change is made, or it is as if it had never been. */
static void
test_memory(void **state)
{
	(void)state;
	for (long nth = 1, left = 0; left <= 0; nth++) {
		struct changeset changes = { 0 };
		uint32_t serial;
		size_t count;
		enum err err;

		door_open(&door);
		door_parse_changes("+a A 192.0.2.1;+a A 192.0.2.2;+b MX 10 a;+_acme-challenge TXT x", &changes);
		assert_int_equal(stage(&changes, ORIGIN_UPDATE, NULL), ERR_OK);
		assert_int_equal(commits_finish(door.commits, NULL), ERR_OK);
		door_write_begin(&door);
		door_parse_changes("-a A 192.0.2.1;+a A 192.0.2.3;-b MX 10 a", &changes);
		serial = zone_version_serial(zone_newest(door.zone));
		count = pending_count(&door.zone->pending);
		memory_fail_nth(nth);
		err = commits_stage(door.commits, &(struct commit_request){ .zone = door.zone, .changes = &changes,
		    .origin = ORIGIN_UPDATE, .by = "test", .now_s = now_s }, NULL, NULL);
		if (err == ERR_OK)
			err = commits_finish(door.commits, NULL);
		left = memory_fail_left();
		memory_fail_nth(0);
		changeset_clear(&changes);
		if (err != ERR_OK) {
			check(zone_version_serial(zone_newest(door.zone)) == serial &&
			    pending_count(&door.zone->pending) == count,
			    "allocation %ld fails, and nothing has changed", nth);
		} else {
			check(zone_version_serial(zone_newest(door.zone)) == serial + 1,
			    "allocation %ld: the change is made", nth);
		}
		check(door_adds_up(&door), "allocation %ld: base, pending and passing make the zone", nth);
		door_write_end(&door, true);
		check(door_adds_up(&door), "allocation %ld: and after the write-back", nth);
		door_restart(&door);
		check(zone_version_serial(zone_newest(door.zone)) == serial + (err == ERR_OK),
		    "allocation %ld: restarted", nth);
		door_close(&door);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_subscriber_stages),
		cmocka_unit_test(test_sync_before_tell),
		cmocka_unit_test(test_no_change),
		cmocka_unit_test(test_missing_row),
		cmocka_unit_test(test_another_text),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_random),
	};

	log_set_level(LOG_LEVEL_ERROR);	/* each journal that fails is told */
	return cmocka_run_group_tests(tests, door_setup, door_teardown);
}
