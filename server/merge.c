/* server/merge.c -- what a pull brought, into the zones.
 *
 * Serials: the file's is compared with the one at the base.  Raised, and newer than the served one: it is served.
 * Otherwise a change of content makes the served one go on by one.  A serial that was changed alone is a
 * change too, unless it is the served one already, as in a commit of ours that comes back. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

enum err
merge_new_zone(const struct source *s, const uint8_t *apex, struct zone **out)
{
	return zone_new(apex, s == NULL ? ZONE_BY_TRANSFER : git_source_url(s->git), out);
}

enum err
merge_add_zone(struct keeper *k, struct source *s, struct zone *z)
{
	enum err err;

	z->owner = s;
	z->serial_policy = config_zone_for(k->view->config, z->apex.octets)->serial;
	if ((err = zonetable_add(&k->zones, z)) != ERR_OK)
		zone_free(z);
	return err;
}

enum err
merge_make_zone(struct keeper *k, struct source *s, const uint8_t *apex, struct zone **out)
{
	struct zone *z;
	enum err err = merge_new_zone(s, apex, &z);

	if (err == ERR_OK && (err = merge_add_zone(k, s, z)) == ERR_OK)
		*out = z;
	return err;
}

/* Let readers find the zone. */
enum err
merge_show_zone(struct keeper *k, struct zone *z)
{
	enum err err;

	rcu_thread_online();
	err = zoneset_add(k->shared->zones, z->apex.octets, z->store);
	rcu_thread_offline();
	if (err == ERR_EXISTS)
		return ERR_OK;
	catalogs_changed(k);
	return err;
}

static void
hide_zone(struct keeper *k, struct zone *z)
{
	rcu_thread_online();
	(void)zoneset_remove(k->shared->zones, z->apex.octets);	/* it may never have been shown */
	rcu_thread_offline();
	catalogs_changed(k);
}

void
merge_retire_zone(struct keeper *k, struct zone *z, const char *what)
{
	struct fault f = { 0 };
	enum err err;

	if (z->retired)
		return;
	zone_set_retired(z, true);
	held_set(z, false);
	hide_zone(k, z);
	notifier_drop(k->notifier, z->apex.octets);
	if (pending_count(&z->pending) > 0)
		zone_set_problem(z, "%s, and %zu changes of its own waited to be written back; they are kept, and come "
		    "back with the file", what, pending_count(&z->pending));
	else
		zone_set_problem(z, NULL);
	log_warning("zone %s: retired: %s", z->name, z->problem == NULL ? what : z->problem);
	if (zone_newest(z) != NULL && (err = commits_put(k->commits, z, &f)) != ERR_OK)
		log_error("zone %s: %s", z->name, fault_str(&f, err));
}

/* The file of a retired zone is there again; be it unsound, the last good version is served. */
static void
come_back(struct keeper *k, struct zone *z)
{
	if (!z->retired || zone_newest(z) == NULL)
		return;
	zone_set_retired(z, false);
	if (merge_show_zone(k, z) != ERR_OK)
		log_error("zone %s: out of memory", z->name);
}

static bool
text_is_signed(const struct pulled_zone *p)
{
	for (size_t i = 0; i < p->rrs.n; i++)
		if (p->rrs.v[i].type == TYPE_DNSKEY && dname_equal(p->rrs.v[i].owner, p->apex.octets))
			return true;
	return false;
}

/* A zone without a version: the text with what waits in the journal on top. */
static enum err
load_zone(struct keeper *k, struct zone *z, struct pulled_zone *p, struct fault *f)
{
	uint32_t serial = p->base.serial;
	enum err err;

	/* What the content was then is not known for sure, so it counts as changed. */
	if (z->restored && !serial_lt(z->restored_serial, serial)) {
		if (text_is_signed(p) && serial != z->restored_serial)
			return fault_set(f, ERR_REFUSED, "the zone comes signed, so its serial cannot be raised here, "
			    "and it is older than %u, which was served before", z->restored_serial);
		if (!text_is_signed(p))
			serial = z->restored_serial + 1;
	}
	zone_set_retired(z, false);
	z->new_here = !z->restored || journal_is_unmarked(k->journal);
	if ((err = commits_load(k->commits, z, &p->base, &p->rrs, serial, true, f)) == ERR_OK && k->started)
		log_info("zone %s: serial %u, %zu RRs, from commit %.12s", z->name, serial,
		    zone_version_rr_count(zone_newest(z)), p->base.commit);
	return err;
}

/* Without the base: whatever leads from the zone to the new text with what waits on top. */
static enum err
compare_with_served(const struct zone *z, struct pulled_zone *p)
{
	uint32_t serial = zone_version_serial(zone_newest(z));
	struct rr_list now = { 0 }, wanted = { 0 };
	enum err err = pending_apply(&z->pending, &p->rrs, serial, &wanted);

	changeset_clear(&p->changes);
	if (err == ERR_OK && (err = zone_version_collect(zone_newest(z), NULL, &now)) == ERR_OK)
		err = changeset_diff(&now, &wanted, &p->changes);
	for (size_t i = 0; err == ERR_OK && i < wanted.n; i++)
		if (wanted.v[i].type == TYPE_SOA)
			err = changeset_add_rr(&p->changes, &wanted.v[i]);
	rr_list_clear(&now);
	rr_list_clear(&wanted);
	return err;
}

/* What the text's serial makes of the request; *f has words for what makes it none. */
static enum err
choose_serial(const struct zone *z, const struct pulled_zone *p, struct commit_request *q, struct fault *f)
{
	struct serial_case c = { .policy = z->serial_policy, .base = z->base.serial, .file = p->base.serial,
	    .served = zone_version_serial(zone_newest(z)), .content = p->changes.n > 0,
	    .is_signed = zone_version_is_signed(zone_newest(z)) || text_is_signed(p) };

	switch (serial_judge(&c)) {
	case SERIAL_OF_FILE:
		q->force_serial = true;
		q->serial = c.file;
		break;
	case SERIAL_NEXT:
		q->force_serial = true;
		q->serial = serial_next(c.policy, c.served, q->now_s);
		break;
	case SERIAL_BY_CONTENT:
		break;
	case SERIAL_IS_SIGNED:
		return fault_set(f, ERR_REFUSED, "the zone comes signed, so its serial cannot be raised here, and the "
		    "new text does not raise it above the served one");
	case SERIAL_NOT_RAISED:
		return fault_set(f, ERR_REFUSED, "the zone's serial policy is keep, and the new text does not raise "
		    "the serial");
	}
	return ERR_OK;
}

/* A changed text of a zone that has a version. */
static enum err
stage_merge(struct keeper *k, struct zone *z, struct pulled_zone *p, struct fault *f)
{
	struct commit_request q = { .zone = z, .changes = &p->changes, .origin = ORIGIN_GIT, .by = p->base.commit,
	    .now_s = clock_now_s(), .base = &p->base, .base_rrs = &p->rrs };
	enum err err;

	if (!p->known && (err = compare_with_served(z, p)) != ERR_OK)
		return err;
	if (p->known && ((err = rewritten_keep(z, p)) != ERR_OK || (err = unseen_keep(z, p)) != ERR_OK))
		return err;
	if ((err = choose_serial(z, p, &q, f)) != ERR_OK)
		return err;
	return commits_stage(k->commits, &q, NULL, f);
}

/* May the zone go over to this source, which has a text for it?  A file that the configuration names goes before what a
 * repository has, and before the file that the zone had until now. */
static bool
is_free(const struct zone *z, const struct source *s)
{
	const struct source *owner = source_of(z);
	bool claimed = owner != NULL && s->files != NULL && source_file_of(owner, z->apex.octets) == NULL;

	return (z->retired || claimed) && !z->pending.writing &&
	    (z->secondary != NULL || pending_count(&z->pending) == 0);
}

/* A zone that no repository has any more, or that was a secondary one, has come up in this one. */
static void
hand_over(struct zone *z, struct source *s)
{
	log_info("zone %s: goes over from %s to %s", z->name, z->source, git_source_url(s->git));
	held_set(z, false);
	if (z->secondary != NULL)
		pending_clear(&z->pending);	/* is what its image lacks, and nothing that waits */
	z->source = git_source_url(s->git);
	z->owner = s;
	z->secondary = NULL;		/* what it was until now; transfers under way see that they are not wanted */
	z->generated = z->listed = false;
	z->includes_noted = 0;
}

/* --- what a pull brought --- */

/* Zones that come, go or cannot be read; those that merely change are left to merge_changes(). */
static enum err
take_one(struct keeper *k, struct pull *pull, struct pulled_zone *p, struct fault *f)
{
	struct zone *z = zonetable_find(&k->zones, p->apex.octets);
	struct source *s = pull->source;
	char name[DNAME_TEXT_MAX], words[1024];
	enum err err = ERR_OK;

	if (z == NULL && p->kind == PULLED_GONE)
		return ERR_OK;
	if (z == NULL && (err = restore_find_or_make(k, s, p->apex.octets, &z, f)) != ERR_OK)
		return err;
	if (z != NULL && z->owner != s && is_free(z, s))
		hand_over(z, s);
	if (z == NULL || z->owner != s) {
		log_error("zone %s: in two repositories; the one of %s is passed over", dname_print_host(p->apex.octets,
		    name), git_source_url(s->git));
		return ERR_OK;
	}
	if (p->kind != PULLED_GONE)
		held_tell_complaints(z, &p->complaints);
	if (z->base.n == 0 && (err = zone_set_file(z, pull_find_base(pull, p->apex.octets)->name)) != ERR_OK)
		return err;
	switch (p->kind) {
	case PULLED_BAD:
		held_hold(z, p->words != NULL ? p->words : held_first_error(&zone_words(z)->complaints, words));
		z->unread = p->words != NULL;
		come_back(k, z);
		break;
	case PULLED_GONE:
		merge_retire_zone(k, z, "its file is no longer in the repository");
		break;
	case PULLED_TEXT:
		if (zone_newest(z) != NULL)
			break;
		p->taken = true;
		if ((err = load_zone(k, z, p, f)) == ERR_OK)
			held_sound(z);
		break;
	}
	if (err != ERR_REFUSED)
		return err;
	held_hold(z, fault_str(f, err));
	f->text[0] = '\0';
	return ERR_OK;
}

static enum err
take_all(struct keeper *k, struct pull *p, struct fault *f)
{
	enum err err = commits_batch_begin(k->commits, f);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; err == ERR_OK && i < p->nzones; i++)
		err = take_one(k, p, &p->zones[i], f);
	return commits_batch_end(k->commits, err, f);
}

/* Stage what changed in zones that are served. */
static enum err
merge_changes(struct keeper *k, struct pull *p, struct fault *f)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < p->nzones; i++) {
		struct zone *z = zonetable_find(&k->zones, p->zones[i].apex.octets);

		if (p->zones[i].kind != PULLED_TEXT || p->zones[i].taken || z == NULL || z->owner != p->source)
			continue;
		p->zones[i].back = z->retired;
		zone_set_retired(z, false);
		err = stage_merge(k, z, &p->zones[i], f);
		if (err == ERR_OK) {
			held_sound(z);
			continue;
		}
		if (err == ERR_REFUSED) {
			if (held_hold(z, fault_str(f, err)))
				conflict_note(z, &p->zones[i].changes);
			f->text[0] = '\0';
			err = ERR_OK;
		} else {
			zone_set_retired(z, p->zones[i].back);
		}
	}
	return err;
}

static bool
is_below_another(const struct keeper *k, const struct zone *z)
{
	for (const uint8_t *name = z->apex.octets; *name != 0; ) {
		const struct zone *above;

		name += *name + 1u;
		if ((above = zonetable_find(&k->zones, name)) != NULL && !above->retired)
			return true;
	}
	return false;
}

/* What readers find: zones that came back; and those that have not been sound yet, so that questions for them get
 * SERVFAIL, and not REFUSED as for zones of others.  But a zone above goes on answering what it has answered so far. */
static bool
is_to_be_shown(const struct keeper *k, const struct pulled_zone *p, const struct zone *z)
{
	if (zone_newest(z) == NULL)
		return p->kind != PULLED_GONE && !is_below_another(k, z);
	return p->kind == PULLED_TEXT;
}

static enum err
show_merged(struct keeper *k, struct pull *p)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < p->nzones; i++) {
		struct zone *z = zonetable_find(&k->zones, p->zones[i].apex.octets);

		if (z != NULL && z->owner == p->source && !z->retired && is_to_be_shown(k, &p->zones[i], z))
			err = merge_show_zone(k, z);
	}
	return err;
}

/* The journal did not take what would have brought them back. */
static void
retire_again(struct keeper *k, const struct pull *p)
{
	for (size_t i = 0; i < p->nzones; i++)
		if (p->zones[i].back)
			zone_set_retired(zonetable_find(&k->zones, p->zones[i].apex.octets), true);
}

static enum err
take_keys(struct keeper *k, struct pull *p)
{
	struct source *s = p->source;
	enum err err;

	if (p->keys == NULL)
		return ERR_OK;
	tsig_keyring_unref(s->keys);
	s->keys = p->keys;
	p->keys = NULL;
	if (k->started && (err = view_rebuild(k, NULL)) != ERR_OK)
		return err;
	log_info("%s: %zu keys", git_source_url(s->git), tsig_keyring_count(s->keys));
	return ERR_OK;
}

/* What follows from new zones and new bases. */
static enum err
note_read(struct keeper *k, const struct pull *p)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < p->nzones; i++) {
		struct zone *z = p->zones[i].kind == PULLED_TEXT ? zonetable_find(&k->zones, p->zones[i].apex.octets) :
		    NULL;
		enum err one;

		if (z == NULL || z->owner != p->source)
			continue;
		if ((one = includes_note(p->source, z)) != ERR_OK)
			err = one;
	}
	return err;
}

static void
log_taken(const struct keeper *k, const struct pull *p, int64_t start_ms)
{
	const struct source *s = p->source;
	size_t rrs = 0, n = 0;

	if (strcmp(s->head, p->tip) == 0)
		return;
	log_debug("%s: fetched in %lld ms, %zu changed files found after %lld ms, %zu zones read in %lld ms, merged in "
	    "%lld ms", git_source_url(s->git), (long long)p->fetched_ms, p->head[0] == '\0' ? p->files.n : p->changes.n,
	    (long long)p->found_ms, p->nbases, (long long)p->read_ms, (long long)(clock_mono_ms() - start_ms));
	for (size_t i = 0; !k->started && i < k->zones.n; i++)
		if (k->zones.v[i]->owner == s && zone_newest(k->zones.v[i]) != NULL && !k->zones.v[i]->retired) {
			rrs += zone_version_rr_count(zone_newest(k->zones.v[i]));
			n++;
		}
	if (k->started)
		log_info("%s: at commit %.12s", git_source_url(s->git), p->tip);
	else
		log_info("%s: at commit %.12s, %zu zones with %zu RRs", git_source_url(s->git), p->tip, n, rrs);
}

enum err
merge_pulled(struct keeper *k, struct pull *p, struct fault *f)
{
	struct source *s = p->source;
	int64_t start_ms = clock_mono_ms();
	enum err err = take_keys(k, p), err_note;

	/* Keys come first: a new zone is not seen before those that came with it, nor are its secondaries told. */
	if (err == ERR_OK)
		err = take_all(k, p, f);
	if (err == ERR_OK)
		err = merge_changes(k, p, f);
	if (err == ERR_OK)
		err = commits_finish(k->commits, f);
	else
		keeper_flush(k);		/* what was staged before is sound; the rest is tried again */
	err_note = note_read(k, p);
	if (err != ERR_OK) {
		retire_again(k, p);
		(void)show_merged(k, p);	/* what could be read is served, also where the journal takes nothing */
		return err;
	}
	if (err_note != ERR_OK || (err = show_merged(k, p)) != ERR_OK)
		return err != ERR_OK ? err : err_note;
	log_taken(k, p, start_ms);
	memcpy(s->head, p->tip, sizeof s->head);
	s->want_all &= p->head[0] != '\0';
	if (!p->last)
		accept_taken(s);
	return ERR_OK;
}

/* fresh: of zones that were not served before. */
static bool
has_read_much(const struct pull *p, bool fresh)
{
	size_t rrs = 0;

	for (size_t i = 0; i < p->nzones; i++)
		if (!fresh || !p->zones[i].known)
			rrs += p->zones[i].rrs.n;
	return rrs > MUCH_READ;
}

static void
pull_done(void *arg)
{
	struct pull *p = arg;
	struct source *s = p->source;
	struct fault f = p->fault;
	enum err err = p->err;
	bool much = has_read_much(p, false), much_is_new = has_read_much(p, true);

	keeper_flush(s->keeper);		/* updates of this round first: the merge has a group of its own */
	if (err == ERR_OK && !s->keeper->stopping) {
		f.text[0] = '\0';
		if (p->held != HOLD_NONE)
			accept_held(s, p);
		else
			err = merge_pulled(s->keeper, p, &f);
		s->pulled_s = p->fetch ? clock_now_s() : s->pulled_s;
	}
	if (p->fetch || err != ERR_OK)
		source_finished(s, false, err, err == ERR_OK ? "" : fault_str(&f, err));
	else
		source_idle(s);
	pull_free(p);
	if (much && !s->keeper->stopping)
		memory_tidy(s->keeper, much_is_new);
}

void
pull_found(void *arg)
{
	struct pull *p = arg;
	struct source *s = p->source;
	enum err err;

	keeper_flush(s->keeper);		/* no version is taken that may be undone yet */
	pull_choose(p);
	if (p->err == ERR_OK && p->held == HOLD_NONE && !s->keeper->stopping && (p->nbases > 0 || p->keys_changed)) {
		if ((err = pool_submit(s->keeper->pool, pull_read, pull_done, p)) == ERR_OK)
			return;			/* p is the helper's now: not even its err may be touched */
		p->err = err;
	}
	pull_done(p);
}
