/* server/keeper_internal.h -- shared by the files that make up the keeper, and by nobody else:
 *
 *   keeper.c      the thread, its queue, groups of commits       updates.c      UPDATE jobs
 *   source.c      git repositories: when to pull and to write    pull*.c        a pull, on a helper
 *   writeback.c   a commit and push, on a helper                 merge.c        what was pulled, into the zones
 *   accept.c      which commits are taken                        rewritten.c    force-pushes
 *   unseen.c      pushes whose success was not seen              compact.c      clones kept small
 *   includes.c    which zones include a file                     conflict.c     what both sides want
 *   held.c        texts that are refused                         filezones.c    zone files outside of git
 *   restore.c     the zones of a restart                         catchup.c      serials of a new host
 *   history.c     what the journal keeps of each zone            history_out.c  what IXFR gets of it
 *   peers.c       who gets NOTIFY, which servers the CA asks     listeners.c    who gets it on a TCP connection
 *   secondaries.c which zones come by transfer                   secondary.c    one of them: when, from whom
 *   reimage.c     a new image file for one                       images.c       those that are left over
 *   remote_edit.c edits that are made at a primary               forward.c      updates that go on to one
 *   links.c       connections to primaries, for NOTIFY           catalogs.c     catalog zones
 *   certs.c       the ACME engine                                cert_ask.c     its questions to other servers
 *   cert_edit.c   its view of the zones, and its edits           cert_notes.c   what it remembers
 *   cert_events.c what happened: counts and hooks                cert_status.c  what it says of each host
 *   hooks.c       the operator's commands                        status.c       the control socket's answers
 *   control_zones.c, control_wait.c, control_acme.c  more of them     metrics.c      numbers for Prometheus
 *   backup.c      copies of the state                            views.c        configuration and keys */
#ifndef SERVER_KEEPER_INTERNAL_H
#define SERVER_KEEPER_INTERNAL_H

#include <event2/event.h>
#include <limits.h>
#include <pthread.h>

#include "acme/acme.h"
#include "acme/leftovers.h"
#include "base/awake.h"
#include "base/pool.h"
#include "server/control.h"
#include "server/exchange.h"
#include "server/gather.h"
#include "server/keeper.h"
#include "server/notify.h"
#include "server/resend.h"
#include "zones/baseline.h"
#include "zones/commit.h"
#include "zones/gitzone.h"
#include "zones/signers.h"
#include "zones/zonetable.h"

/* Someone who waits for the open group to be durable. */
struct waiter {
	struct waiter *next;
	void (*done)(void *arg, enum err err, const char *words);
	void *arg;
	bool pull;			/* for a pull: what hinders a push is no matter of it */
};

/* Which zones include which file (includes.c). */
struct include_file;
struct includes {			/* zero-initialise */
	struct include_file **slots;
	size_t nslots, n;
};

/* What the remote has and we do not take (accept.c). */
enum hold_kind {
	HOLD_NONE,
	HOLD_SIGNATURE,			/* a commit is not signed by somebody who may */
	HOLD_REWOUND,			/* the branch was set back to what was taken before */
	HOLD_REMOVAL			/* it removes more than removal-limit */
};
struct hold {
	enum hold_kind kind;
	git_oid_text commit;
	char *words;
	int64_t since_s;
};
#define SOURCE_OURS 8

/* The zone files of one directory, as the configuration names them. */
struct file_zones {
	char *directory;
	char **names;			/* without the directory, sorted */
	struct dname *apexes;
	size_t n;			/* 0: the configuration names none any more */
	/* After a reload.  A file or a zone may have gone from one directory to another: none takes any as long as
	 * others are still to let some go. */
	enum { FILES_SETTLED, FILES_LET_GO, FILES_TAKE } state;
};

/* What goes wrong with the remote. */
struct source_trouble {
	unsigned failures;		/* in a row */
	uint64_t total;			/* ever */
	char *words;			/* of the last one; NULL: it went well */
};

/* One repository; or the zone files of one directory, which are treated as one (zones/git_files.h). */
struct source {
	struct keeper *keeper;
	struct file_zones *files;	/* NULL: a repository */
	const struct config_git *config;	/* of the configuration at start: repositories change with a restart */
	struct git_source *git;
	char *directory;		/* of the clone */
	git_oid_text head;		/* the newest commit that was taken in; "" before the first */
	struct includes includes;
	size_t nheld;			/* zones whose newest text was refused */
	struct zone **waiting_zones;	/* whose changes wait to be written back; some may be done */
	size_t nwaiting_zones;
	struct tsig_keyring *keys;	/* from its key files; NULL: none yet */
	struct signers *signers;	/* NULL: whoever may push is trusted */
	struct ssh_private_key *signing_key;	/* for commits of ours; NULL: they are not signed */
	struct hold hold;
	git_oid_text ours[SOURCE_OURS];	/* commits of ours that a push failed for, since the last pull; newest first */

	bool busy;			/* a pull, a write-back or a compaction runs on a helper */
	bool want_pull, want_write;	/* asked for meanwhile */
	bool want_again;		/* zones whose text was refused may take it now */
	bool want_last;			/* what was taken last is to be read again: the clone is a new one */
	bool want_all;			/* all files are to be looked at: a name may be free for one of them */
	bool force;			/* the next pull takes what removal-limit would hold */
	struct event *poll, *write_quiet, *retry;
	struct gather gather;		/* when to write back */
	int64_t write_at_s;		/* the next time that is planned; 0: none is */
	bool worked;			/* since the clone was last looked after */
	struct compaction *compaction;	/* that runs; or NULL */
	unsigned since_compact;		/* pulls and write-backs since then */
	unsigned gave_way;		/* compactions in a row that did */
	int64_t compact_not_before_ms;
	struct source_trouble pull_trouble, write_trouble;
	unsigned conflicts;		/* pushes that came too late, in a row */
	int64_t pulled_s, pushed_s;
	struct waiter *waiting;		/* for the end of the present and wanted work */
};

/* The certificate engine, with what of the configuration it borrows. */
struct cert_engine {
	struct view *view;		/* a reference */
	struct acme *acme;		/* NULL: no authority is configured; */
	struct acme_leftovers *leftovers;	/* then this may have something to do */
	struct acme_authority_config *authorities;
	struct acme_label_config *labels;
	struct acme_resolver *resolvers;
};

struct keeper {
	struct shared *shared;
	struct view *view;		/* the published one */
	struct view *boot_view;		/* the first: sources borrow its configuration */
	struct event_base *base;
	struct journal *journal;
	struct commits *commits;
	struct zonetable zones;
	struct source **sources;
	size_t nsources;
	struct pool *pool;
	struct notifier *notifier;
	struct cert_engine engine;
	struct acme *acme;		/* the engine's; NULL: no authority is configured */
	struct event *certs_scan;	/* goes through all zones */
	size_t certs_scanned;
	struct cert_events *cert_events;
	struct cert_status *cert_status;
	struct remote_edit *remote_edits;	/* on their way to primaries elsewhere */
	struct link *links;		/* connections on which we wait for NOTIFY */
	struct listener *listeners;	/* connections that NOTIFY goes to */
	size_t nlisteners;
	struct event *catalogs_due;	/* NULL: not started */
	struct forward *forwards;	/* updates, on their way to primaries elsewhere */
	size_t nforwards;
	struct history_cache *history_cache;
	struct secondaries *secondaries;
	struct catchup *catchups;	/* questions for serials on their way */
	size_t ncatchups;
	struct asking *asking;		/* the engine's questions on their way */
	struct resend *resend;
	struct control *control;
	struct reload_call *reload_calls;	/* control_wait.c: who waits for a reload */
	struct workers *workers;

	struct waiter *group;		/* of the open group, newest first */
	/* of the open group: they are given before anybody else is told */
	struct waiting_update *answers, **last_answer;
	struct awake *awake;		/* NULL: the system has none */
	int64_t answered_ns;		/* when the last ones were given */
	struct backup *backup;		/* on its way; or NULL */
	struct event *flush, *jobs, *results, *sweep, *tour, *files_due;
	size_t toured;			/* zones that were looked at since one was loaded */
	pthread_t thread;
	bool started, stopping;
	int64_t started_s;
	uint64_t updates;		/* acknowledged */
	uint64_t updates_refused;	/* by what their key may do */
};

/* keeper.c: the open group of commits */
enum err keeper_wait(struct keeper *k, void (*done)(void *arg, enum err err, const char *words), void *arg);
void keeper_flush(struct keeper *k);			/* make the open group durable now, tell who waits */
void keeper_flush_soon(struct keeper *k);		/* in the next round of the loop */
void keeper_tour(struct keeper *k);			/* tell the secondaries of zones that are "untold", one by one */

/* updates.c */
void keeper_update(struct keeper *k, struct job *j);	/* takes j over */
enum err keeper_sync(struct keeper *k, struct fault *f);	/* commits_sync(), and the answers of the open group */
void keeper_give_back(struct job *j, unsigned rcode);	/* to the worker it came from */
void keeper_sweep(struct keeper *k);			/* passing RRs whose time is over */

/* source.c */
enum err sources_open(struct keeper *k, struct fault *f);
enum err source_new(struct keeper *k, struct source **out);	/* in the keeper's list, nothing but its timers yet */
void source_configure(struct source *s, const struct config_git *g);	/* g: borrowed */
void source_start(struct source *s);			/* its timer, first pull */
void source_free(struct source *s);
void sources_start(struct keeper *k);			/* timers, first pull */
void sources_give_up(struct keeper *k);			/* whoever waits is told that we stop */
void sources_close(struct keeper *k);
void source_pull(struct source *s);			/* soon; many calls make one pull */
void source_go_on(struct source *s);			/* it may be idle, and something be wanted */
bool source_is_in_use(const struct source *s);		/* it may have zones */
bool source_is_settled(const struct source *s);		/* it has the zones that the configuration gives it */
void source_look_at_all(struct source *s);		/* the same with all files: a name may be free for one of them */
void source_again(struct source *s);			/* try what was refused once more, without a fetch */
void source_idle(struct source *s);			/* the end of such a try */
void source_write(struct source *s, bool now);		/* zones wait to be written back */
void source_wait(struct source *s, bool pull, void (*done)(void *arg, enum err err, const char *words), void *arg);
/* the helper's work is taken in */
void source_finished(struct source *s, bool written, enum err err, const char *words);
const char *source_problem(const struct source *s);	/* of the last pull or push; NULL: both went well */
struct source *source_of(const struct zone *z);
/* What is free to the system; on a helper, after much was read or replaced.  much_is_new: and what is not free into huge pages,
 * for which a query may have to wait some milliseconds: so not where large zones only changed a little. */
#define MUCH_READ 50000			/* RRs */
void memory_tidy(struct keeper *k, bool much_is_new);

/* filezones.c */
size_t filezones_count(const struct config *c);		/* directories with zone files */
enum err filezones_open(struct keeper *k, struct source *s, size_t which, struct fault *f);
void filezones_free(struct file_zones *z);

/* The view is new: zones with files come, go, or have another file.  What is under way in their directories ends first,
 * and changes that wait go into the files. */
enum err filezones_configure(struct keeper *k, struct fault *f);
void filezones_go_on(struct keeper *k);		/* a source that is to let go or to take is idle */

/* Whose file is this, in the zones' directory?  False: no zone's, by its name. */
bool source_zone_of(const struct source *s, const char *file, struct dname *apex);

/* Does the configuration name a file of s for the zone?  NULL: no. */
const char *source_file_of(const struct source *s, const uint8_t *apex);

/* pull.c, pull_read.c */
struct pulled_zone {
	struct dname apex;
	enum { PULLED_TEXT, PULLED_BAD, PULLED_GONE } kind;
	struct zone_base base;
	struct rr_list rrs;		/* sorted */
	struct changeset changes;	/* since the old base; SOA left out, unless its fields changed */
	struct changeset ours, our_soa;	/* what commits of ours did that a rewritten history has dropped */
	struct changeset unseen;	/* what a commit of ours did that we did not know to be pushed */
	bool known;			/* the zone had a base, and a version: changes is good */
	bool taken;			/* loaded as a whole: nothing is left to merge */
	bool back;			/* of a zone that had been retired */
	char *words;			/* PULLED_BAD: why, where it was not even read; or NULL */
	struct complaints complaints;
};
struct pull_base {			/* a zone that is to be looked at, as the keeper knows it */
	struct dname apex;
	char *name;			/* of its file */
	bool known;			/* else the file may turn out to be no zone's */
	struct zone_base base;
	struct baseline then;		/* its content; without version: nothing is served of the zone yet */
	bool held;
	size_t rrs;			/* that are served; 0: it is not */
};
struct pull {
	struct source *source;
	struct git_source *git;		/* the source's; or, for a part of the reading, another handle on it */
	bool fetch;			/* else only what the clone has */
	bool last;			/* of the commit that was taken last, not of the tip */
	bool force;
	bool again;			/* what was refused is tried again, also when nothing is new */
	bool no_keys;			/* the source has no ring yet */
	struct signers *signers;	/* a reference, or NULL */
	git_oid_text head;		/* the source's, when the pull began */
	git_oid_text *commits;		/* see note_commits() */
	size_t ncommits;

	enum err err;
	struct fault fault;
	git_oid_text tip;
	struct git_listing files;	/* the zones' directory: of the first pull, and where it is needed */
	struct git_changes changes;	/* since head */
	int64_t fetched_ms, found_ms, read_ms;

	struct pull_base *bases;	/* sorted by apex */
	size_t nbases, capbases;
	size_t nserved;			/* zones of the source, if some of them may go */
	bool keys_changed;

	enum hold_kind held;		/* the tip is not to be taken; then the rest may be missing */
	git_oid_text held_commit;
	char *held_words;
	struct pulled_zone *zones;
	size_t nzones, capzones;
	bool some_gone, keyless;	/* keyless: no key file is left */
	struct tsig_keyring *keys;	/* NULL: no key file changed */
};
enum err pull_new(struct source *s, bool fetch, struct pull **out);
void pull_find(void *pull);		/* on a helper */
void pull_choose(struct pull *p);	/* on the keeper */
void pull_read(void *pull);		/* on a helper */
void pull_whole(struct pull *p);	/* all three, at the start */
void pull_free(struct pull *p);
void pulled_zone_clear(struct pulled_zone *z);
const struct pull_base *pull_find_base(const struct pull *p, const uint8_t *apex);	/* NULL: none */

/* includes.c */
enum err includes_note(struct source *s, struct zone *z);	/* its base was read */
void includes_each(const struct source *s, const char *path, void (*each)(void *arg, struct zone *z), void *arg);
void includes_clear(struct includes *t);

/* accept.c */
enum err accept_load(struct source *s, struct fault *f); /* the signers' files; on failure the present ones stay */
enum err accept_commits(struct pull *p);	/* on a helper: the tip is known; sets p->held */
enum err accept_contents(struct pull *p);	/* on a helper: its zones are read; sets p->held */
/* at start: what the clone has, or else what was taken last */
enum err accept_restore(struct source *s, struct pull **out);
void accept_held(struct source *s, struct pull *p);	/* the pull is not taken */
void accept_taken(struct source *s);		/* s->head was: pulled, or pushed by us */
void accept_pushed_perhaps(struct source *s, const git_oid_text commit);
void accept_clear(struct source *s);
const char *hold_kind_str(enum hold_kind kind);

/* unseen.c: pushes whose success was not seen.  look: on the helper, takes what was ours out of the changes since old;
 * keep: on the keeper, so that the served zone wins over it. */
enum err unseen_look(struct pull *p, struct pulled_zone *z, const struct zone_base *base, const struct rr_list *old);
enum err unseen_keep(const struct zone *z, struct pulled_zone *p);

/* rewritten.c: force-pushes.  look: on the helper, what was ours; keep: on the keeper, so that changes leave it
 * alone. */
enum err rewritten_look(struct pull *p, struct pulled_zone *z, const struct zone_base *base);
enum err rewritten_keep(const struct zone *z, struct pulled_zone *p);

/* conflict.c: the new text of z was refused; theirs is what it changes. */
void conflict_note(struct zone *z, const struct changeset *theirs);

/* merge.c: what a pull brought, into the zones. */
void pull_found(void *pull);		/* on the keeper */
enum err merge_pulled(struct keeper *k, struct pull *p, struct fault *f);
/* A zone that the keeper knows.  s NULL: one that comes by transfer.  In two steps: made, on any thread, and added; the
 * keeper owns it then, and where that fails it is gone. */
enum err merge_make_zone(struct keeper *k, struct source *s, const uint8_t *apex, struct zone **out);
enum err merge_new_zone(const struct source *s, const uint8_t *apex, struct zone **out);
enum err merge_add_zone(struct keeper *k, struct source *s, struct zone *z);
enum err merge_show_zone(struct keeper *k, struct zone *z);	/* readers find it */
/* They find it no longer.  what: the reason.  No group is open. */
void merge_retire_zone(struct keeper *k, struct zone *z, const char *what);

/* restore.c: at start, from journal and clone. */
enum err zones_restore(struct keeper *k, struct source *s, struct fault *f);

/* The zone of a name that is not known yet; *out NULL: another repository has it.  One that the journal knows from a
 * repository that is no longer configured (it moved) keeps its serial and what waits to be written back. */
enum err restore_find_or_make(struct keeper *k, struct source *s, const uint8_t *apex, struct zone **out,
    struct fault *f);

/* held.c */
void held_keep_complaints(struct zone *z, struct complaints *found);	/* found is empty after */
void held_tell_complaints(struct zone *z, struct complaints *found); /* the same, and they are logged if they are new */
const char *held_first_error(const struct complaints *found, char words[1024]);	/* in one line */
void held_set(struct zone *z, bool held);
bool held_hold(struct zone *z, const char *words);	/* the newest text is refused; false: that was said before */
void held_sound(struct zone *z);		/* it is taken */

/* secondary.c: what the image file has of a zone. */
enum err secondary_read_base(struct keeper *k, const uint8_t *apex, const struct zone_base *base, struct rr_list *out,
    struct fault *f);

/* A secondary zone: as the journal and its image file have it, or new and empty. */
enum err zone_restore_transferred(struct keeper *k, const uint8_t *apex, struct zone **out, struct fault *f);

/* writeback.c */
enum err writeback_note(struct source *s, struct zone *z);	/* it may have changes that wait */
enum err writeback_start(struct source *s);	/* ERR_NOT_FOUND: nothing waits */

/* compact.c */
bool compact_start(struct source *s);		/* on a helper; false: not now */
void compact_give_way(struct source *s);	/* something else is wanted: if one runs, let it end, unless it never came to its end lately */

/* peers.c */
void peers_notify(struct keeper *k, struct zone *z);

/* Do we listen there?  An NS record has no port, so for what one names the host alone decides (any_port). */
bool peers_is_ours(const struct config *c, const struct sockaddr *a, bool any_port);

/* As struct acme_outside has it. */
void peers_servers(struct keeper *k, const uint8_t *zone,
    void (*found)(void *arg, const struct sockaddr *address, const char *server), void *arg);

/* The same who get NOTIFY; source: our address for them, NULL: any. */
void peers_secondaries(struct keeper *k, const struct zone *z,
    void (*each)(void *arg, const struct notify_target *target, const struct sockaddr *source), void *arg);

/* backup.c: a copy of the state directory; done is called when it is complete, or has failed, with words. */
void backup_start(struct keeper *k, const char *directory, void (*done)(void *arg, enum err err, const char *words,
    uint64_t octets), void *arg);
void backup_stop(struct keeper *k);

/* history.c */
void history_sweep(struct keeper *k);			/* now and then: images and history within their limits */

/* remote_edit.c: edits of secondary zones.  done() is called once; ERR_OK: it is in the zone. */
void remote_edit(struct keeper *k, struct zone *z, const struct changeset *changes,
    void (*done)(void *arg, enum err err, const char *words), void *arg);
const struct tsig_key *remote_edit_key(const struct keeper *k, const struct zone *z);	/* NULL: we may not */
void remote_edits_stop(struct keeper *k);

/* links.c */
void links_configure(struct keeper *k);			/* the view is new */
void links_new_zone(struct keeper *k, const uint8_t *apex);
void links_stop(struct keeper *k);

/* listeners.c */
void keeper_listen(struct keeper *k, struct job *j);	/* both take j over */
void keeper_gone(struct keeper *k, struct job *j);
void listeners_notify(struct keeper *k, const struct zone *z);
void listeners_review(struct keeper *k);	/* the view is new */
void listeners_free(struct keeper *k);

/* catalogs.c */
enum err catalogs_start(struct keeper *k);
void catalogs_configure(struct keeper *k);		/* the view is new */
void catalogs_changed(struct keeper *k);		/* zones came, went, or a catalog changed */
void catalogs_stop(struct keeper *k);

/* forward.c */
void keeper_forward(struct keeper *k, struct job *j);	/* takes j over */
void forwards_stop(struct keeper *k);

/* history_out.c */
void keeper_history(struct keeper *k, struct job *j);	/* takes j over */
/* A zone begins anew, perhaps with serials that it had before. */
void history_forget(struct history_cache *cache, const uint8_t *apex);
void history_cache_free(struct history_cache *cache);	/* takes NULL */

/* catchup.c */

/* The serial in the answer to a question for the SOA of apex; false: it has none, or is not authoritative. */
bool answer_serial(const uint8_t *msg, size_t n, const uint8_t *apex, uint32_t *serial, struct edns *edns);	/* edns: or NULL */
void catchup_look(struct keeper *k, struct zone *z);	/* ask its secondaries, if it is new here */
void catchup_stop(struct keeper *k);

/* cert_edit.c: struct acme_outside's edit(), lookup(), zone_of() and place(); ctx is the keeper. */
void cert_edit(void *ctx, const struct acme_edit *edit, void (*done)(void *arg, enum err err, const char *words),
    void *arg);
enum err cert_lookup(void *ctx, const uint8_t *name, uint16_t type, struct rr_list *out);
bool cert_zone_of(void *ctx, const uint8_t *name, struct dname *apex, bool *editable);
void cert_place(void *ctx, const uint8_t *name, struct acme_place *out);

/* cert_notes.c: struct acme_outside's remember() and recall(); ctx is the keeper. */
void cert_remember(void *ctx, const char *key, const void *octets, size_t n,
    void (*done)(void *arg, enum err err, const char *words), void *arg);
void cert_recall(void *ctx, const char *prefix, void (*each)(void *arg, const char *key, const uint8_t *octets,
    size_t n), void *arg);

/* cert_ask.c: struct acme_outside's check(), servers(), is_ours() and ask(); ctx is the keeper.  stop: nothing is
 * answered any more. */
void cert_check(void *ctx, const uint8_t *zone, struct acme_check *out);
bool cert_is_ours(void *ctx, const struct sockaddr *address);
void cert_servers(void *ctx, const uint8_t *zone,
    void (*found)(void *arg, const struct sockaddr *address, const char *server), void *arg);
void cert_ask(void *ctx, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype, uint16_t flags,
    unsigned timeout_ms, void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words), void *arg);
void cert_ask_stop(struct keeper *k);

/* cert_events.c: event() is struct acme_outside's; ctx is the keeper.  cert_status_start() comes before. */
struct cert_counts {			/* since the start */
	uint64_t issued, failed;
};
enum err cert_events_start(struct keeper *k);
void cert_events_stop(struct keeper *k);
void cert_event(void *ctx, enum acme_event event, const struct acme_status *s);
struct cert_counts cert_events_counts(const struct keeper *k);

/* cert_status.c; found: there is a name that begins with _status, perhaps of a host that is gone. */
enum err cert_status_start(struct keeper *k);
void cert_status_renew(struct keeper *k);	/* another engine will tell */
void cert_status_stop(struct keeper *k);
void cert_status_show(struct keeper *k, const struct acme_status *s);
void cert_status_hide(struct keeper *k, const struct acme_status *s);
void cert_status_found(struct keeper *k, const uint8_t *owner);

/* certs.c */
enum err certs_start(struct keeper *k, struct fault *f);
void certs_reload(struct keeper *k);		/* the view is new */
void certs_stop(struct keeper *k);
void certs_changed(struct keeper *k, const struct changeset *changes);
void certs_scan(struct keeper *k, const struct zone *z);

/* views.c */

/* Fill in what a configuration leaves to the state directory: the secret of cookies. */
enum err view_complete(struct config *config, const char *state_directory, struct fault *f);
enum err view_rebuild(struct keeper *k, struct config *config);	/* config NULL: keep the present one, keys changed */
struct reloaded {
	bool needs_restart;		/* for some of what changed */
};
/* Takes config over, whatever happens.  An error is logged as well; what could be taken is. */
enum err views_reload(struct keeper *k, struct config *config, struct reloaded *out, struct fault *f);

/* metrics.c */
json_t *metrics_print(const struct keeper *k);		/* one text */

/* status.c */
enum err status_start(struct keeper *k, struct fault *f);
json_t *status_keys(const struct keeper *k);	/* status_keys.c */

/* control_zones.c */
struct zone *control_zone(struct keeper *k, const char *name);	/* NULL: there is none */
void control_zones(struct keeper *k, struct control_call *call, const json_t *arguments);
void control_refresh(struct keeper *k, struct control_call *call, const json_t *arguments, bool whole);
void control_notify(struct keeper *k, struct control_call *call, const json_t *arguments);

/* control_wait.c: each answers the call, now or later. */
void control_sync(struct keeper *k, struct control_call *call, bool pull, const json_t *arguments);
void control_freeze(struct keeper *k, struct control_call *call, const json_t *arguments);
void control_thaw(struct keeper *k, struct control_call *call, const json_t *arguments);
void control_reload(struct keeper *k, struct control_call *call);
/* Whoever asked for a reload is answered.  problem: NULL for none. */
void control_reloaded(struct keeper *k, const struct reloaded *done, const char *problem);

/* control_acme.c: so do these. */
void control_account(struct keeper *k, struct control_call *call, const json_t *arguments);
void control_revoke(struct keeper *k, struct control_call *call, const json_t *arguments);

#endif
