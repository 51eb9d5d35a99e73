/* zones/zone.h -- the keeper's side of one zone: where it came from and what is known of it.  One thread. */
#ifndef ZONES_ZONE_H
#define ZONES_ZONE_H

#include "zones/complaint.h"
#include "zones/git.h"
#include "zones/journal.h"
#include "zones/notes.h"
#include "zones/pending.h"
#include "zones/serial.h"
#include "zones/store.h"

/* What a zone was read from: the file first, then each $INCLUDE. */
struct zone_base_file {
	char *path;			/* relative to the zones' directory */
	git_oid_text blob;
};
struct zone_base {
	struct zone_base_file *v;
	uint32_t n;
	uint32_t serial;		/* the file's */
	git_oid_text commit;
};

enum err zone_base_add(struct zone_base *b, const char *path, const git_oid_text blob);
enum err zone_base_copy(struct zone_base *to, const struct zone_base *from);
bool zone_base_same_files(const struct zone_base *a, const struct zone_base *b);
void zone_base_clear(struct zone_base *b);

/* The journal's text form: the commit, then "blob path", a line each. */
void zone_base_print(const struct zone_base *b, struct buf *out);
enum err zone_base_parse(const char *text, uint32_t serial, struct zone_base *out);

struct zone_history {
	uint64_t records, octets;	/* unless it is counted, only what was added since the start */
};

/* What there is to say of the newest text of a zone; of most zones nothing. */
struct zone_words {
	struct complaints complaints;
	/* lines: the text does not go with what waits here; or NULL */
	char *conflict_theirs, *conflict_ours, *conflict_by;
};

struct zone_counts {			/* of the zones of a table (zones/zonetable.h) */
	size_t served, troubled, in_conflict;
};

struct zone {				/* small: there may be very many */
	struct {
		const uint8_t *octets;	/* the store's */
	} apex;
	const char *name;		/* behind the struct: for people, without the final dot */
	struct zone_store *store;	/* readers' side */
	const char *source;		/* the repository's URL; borrowed, for there may be very many zones */
	void *owner;			/* whoever loads and writes it back; the server's */
	void *secondary;	/* the server's too: it comes by transfer, and owner is NULL; NULL: a primary zone */

	struct zone_base base;
	char *file;			/* its path as in the base, while there is none; or NULL */
	struct pending pending;
	struct zone_history history;	/* what the journal keeps of it, for IXFR */
	size_t records;			/* in the journal behind its image */
	enum serial_policy serial_policy;
	uint32_t restored_serial;	/* with which it was served before */
	bool restored;			/* the journal knew it */
	bool generated;			/* a catalog zone that is made here; owner is NULL too */
	bool unsaved;			/* the journal could not take its row: the next group does */
	bool garbage;			/* old versions wait for zone_store_reclaim() */
	bool history_counted;
	bool retired;			/* its file is gone; see zone_set_retired() */
	uint8_t counted;		/* among which of the counts it is */
	struct zone_counts *counts;	/* of its table; NULL: it is in none */
	bool frozen;			/* the operator wants only commits to change it, until the next start */
	bool held;			/* the newest text was refused; the last good version is served */
	bool unread;			/* ... since its file could not even be read */
	bool listed;			/* among those whose changes wait to be written back */
	bool chosen;			/* while a pull looks for what it concerns */
	bool untold;	/* loaded, and its secondaries are to be told, and asked, by the keeper's tour */
	bool new_here;	/* loaded, unknown to the journal: its secondaries are to be asked (server/catchup.c) */
	bool peers_known;		/* one has answered; */
	uint32_t peers_serial;		/* the newest serial among them */
	unsigned peers_asked;
	uint32_t includes_noted;	/* a sum of what it includes, as the server's table has it */
	char *problem;			/* why, in words; NULL: nothing is wrong */
	struct zone_words *words;	/* NULL: none */
	struct notes notes;		/* who made the changes that wait, for the next commit's message */
};

/* In place of a repository's URL: the zone is a secondary one. */
#define ZONE_BY_TRANSFER "transfer"
#define ZONE_CATALOG "catalog"	/* and this one is made here */

/* source is borrowed for the zone's life */
enum err zone_new(const uint8_t *apex, const char *source, struct zone **out);
void zone_free(struct zone *z);		/* the store too, so on a thread registered with RCU; takes NULL */

enum err zone_set_file(struct zone *z, const char *path);		/* copied */

const struct zone_words *zone_words(const struct zone *z);	/* empty where there are none */
struct zone_words *zone_words_make(struct zone *z);		/* to be written into; NULL: no memory */
void zone_clear_conflict(struct zone *z);

/* Whatever may bring it into another count does this: nobody has to look at all zones to count them. */
void zone_recount(struct zone *z);
void zone_set_retired(struct zone *z, bool retired);

/* Words for the operator; NULL clears. */
void zone_set_problem(struct zone *z, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The newest version, sealed or published; NULL: never loaded. */
static inline struct zone_version *
zone_newest(const struct zone *z)
{
	return zone_store_newest(z->store);
}

/* May we change it at all?  False with words: it comes signed, its policy is keep, or it is not loaded. */
bool zone_may_change(const struct zone *z, const char **why);

/* All RRs of a version, sorted, in out, which is zero-initialised.  list: they borrow from the version; collect:
 * copies, but for those in without (sorted; may be NULL).  Any thread that holds a reference to v.  ERR_NOMEM: out is
 * the caller's to clear. */
enum err zone_version_list(const struct zone_version *v, struct rr_list *out);
enum err zone_version_collect(const struct zone_version *v, const struct rr_list *without, struct rr_list *out);

/* Is rr (TTL apart) in the version?  *ttl is its RRset's. */
bool zone_version_has(const struct zone_version *v, const struct rr *rr, uint32_t *ttl);

/* The SOA of a version as an RR that borrows from it. */
bool zone_version_soa(const struct zone_version *v, struct rr *out);

#endif
