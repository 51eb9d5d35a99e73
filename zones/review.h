/* zones/review.h -- what a commit would do to the zones: every change of a record, what checks say of it, and the
 * serial that would be served.  The texts are read, judged and compared by what certnsd's pulls use (zones/gitzone.h);
 * what waits in a server's journal is not known here, so the served zone is taken to be that of the old commit. */
#ifndef ZONES_REVIEW_H
#define ZONES_REVIEW_H

#include "tsig/key.h"
#include "zones/gitzone.h"
#include "zones/signers.h"

enum review_kind {
	REVIEW_NEW,			/* a zone that was not there */
	REVIEW_CHANGED,
	REVIEW_SAME,			/* another text of the same records */
	REVIEW_GONE,			/* its file was removed: the zone retires */
	REVIEW_REFUSED			/* unsound: the old version stays */
};

struct review_zone {
	struct dname apex;
	char *file;
	enum review_kind kind;
	struct complaints complaints;
	struct changeset changes;	/* SOA included; of a new zone all its records, of one that is gone none */
	size_t before, after;		/* records */
	size_t added, removed;		/* of them; one whose TTL changed is neither; SOA is not counted */
	size_t lost;			/* of those removed: without another of the name and type in its place */
	bool has_old;			/* there was a sound zone before; old_serial is its */
	uint32_t old_serial, file_serial, serial;	/* serial: the one that would be served */
	bool raised_here;		/* serial is none of the file's */
};

struct review_key {
	struct dname name;
	enum { REVIEW_KEY_ADDED, REVIEW_KEY_REMOVED, REVIEW_KEY_CHANGED } kind;
	enum tsig_algorithm algorithm;	/* the new one, of a removed key the old one */
};

struct review_passed {			/* over: a file that is no zone's */
	char *file;
	const char *why;
};

struct review {				/* zero-initialise */
	bool is_old, is_new;		/* is there an old commit, a new one? */
	git_oid_text old_commit, new_commit;
	struct review_zone *zones;
	size_t nzones;
	struct review_key *keys;
	size_t nkeys;
	struct review_passed *passed;
	size_t npassed;
	struct complaints complaints;	/* about key files, and about all zones together */
	size_t unchanged;		/* zones' files that are as they were, and were not looked at */
	size_t zones_before, zones_gone, records_gone;
	char *forged;			/* why the commits are not taken; NULL: they are */
};

struct review_options {
	enum serial_policy policy;
	int64_t now_s;
	const struct signers *signers;	/* who may sign commits; NULL: anybody, and nobody need */
};

/* old_commit: NULL for none, then every zone is a new one.  new_commit NULL: the branch is removed.
 * ERR_OK whatever was found.  Errors with words: the repository cannot be read; ERR_NOMEM.  out is for review_clear()
 * in any case. */
enum err review_commits(struct git_source *git, const char *old_commit, const char *new_commit,
    const struct review_options *options, struct review *out, struct fault *f);

size_t review_count(const struct review *r, enum check_level level);
void review_clear(struct review *r);

#endif
