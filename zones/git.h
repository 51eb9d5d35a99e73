/* zones/git.h -- a git repository that zones come from and go back to (libgit2).
 *
 * A bare clone in the state directory is all that is used; there is no work tree.  Reading and committing are local
 * and quick; fetch and push run in a child process with a deadline (libgit2 has no time-outs), so both block
 * for as long as that: call them from a helper thread, never from the keeper.  One thread at a time per source. */
#ifndef ZONES_GIT_H
#define ZONES_GIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define GIT_OID_TEXT 41			/* 40 hex digits and the terminator */
typedef char git_oid_text[GIT_OID_TEXT];

struct git_remote_config {		/* strings are borrowed for the life of the source; NULL where not given */
	const char *url;		/* https://, ssh://, git@host:path, file:// or a path; without #branch */
	const char *branch;		/* NULL: main, then master */
	const char *path;		/* sub-directory that holds the zones; NULL or ".": the top */
	const char *ssh_key;		/* path of the private key */
	const char *const *host_keys;	/* "SHA256:..." pins, NULL-terminated; NULL: known_hosts decides */
	const char *ca_file;		/* extra trust for https; NULL: the system's */
	const char *credentials_file;	/* passwords for https, as git-credential-store(1) keeps them */
	const char *credential_helper;	/* a program that knows them, as for git's credential.helper */
	unsigned deadline_s;		/* for one fetch or push; 0: 60 */
	const char *committer;		/* "NAME <ADDRESS>"; NULL: certns, at this host */
	const struct ssh_private_key *signing_key;	/* commits of ours are signed with it; NULL: not at all */
};

struct git_source;

/* Open or make the bare clone at clone_dir; no network.  *out is the caller's: git_source_close().
 * ERR_FORMAT with words: the clone is damaged (says what to do). */
enum err git_source_open(const char *clone_dir, const struct git_remote_config *config, struct git_source **out,
    struct fault *f);
void git_source_close(struct git_source *s);

/* One more handle on the clone, for reading on another thread (git_source_list(), _look(), _read() and the like); it
 * is closed like a source. */
enum err git_source_reader(const struct git_source *s, struct git_source **out, struct fault *f);

/* Open the clone anew.  With the last handle goes what libgit2 keeps of the packs: bases of deltas, some 35 MB where
 * very many small objects were read.  And what was removed or compacted meanwhile is seen. */
enum err git_source_reopen(struct git_source *s, struct fault *f);

/* Any repository, bare or not, to read from and nothing else: it is neither made, swept nor written to.  What git
 * tells its hooks in the environment about objects that were pushed and not yet accepted is heeded.  path as in
 * git_remote_config. */
enum err git_source_open_repository(const char *dir, const char *path, struct git_source **out, struct fault *f);

/* A commit by its id (or the start of it), branch, tag, HEAD~2...  ERR_NOT_FOUND. */
enum err git_source_resolve(struct git_source *s, const char *revision, git_oid_text commit, struct fault *f);

/* Fetch the branch.  tip: what the remote's branch points to now.  ERR_TIMEOUT, ERR_NETWORK, ERR_PEER (host key:
 * type and fingerprint seen are in the words), ERR_NOT_FOUND (no such branch; an empty repository). */
enum err git_source_fetch(struct git_source *s, git_oid_text tip, struct fault *f);

/* The newest commit that the clone has of the remote's branch, without asking it.  ERR_NOT_FOUND: none yet. */
enum err git_source_tip(struct git_source *s, git_oid_text tip, struct fault *f);

/* Is ancestor reachable from (or equal to) commit?  Tells a rewritten history. */
enum err git_source_is_ancestor(struct git_source *s, const git_oid_text ancestor, const git_oid_text commit,
    bool *yes, struct fault *f);

/* The commits that a certnsd made which are in the history of old and not in that of new: a rewritten history has
 * dropped them.  Oldest first, at most some thousands; each with the commit that it was made on.  *out:
 * git_dropped_clear(). */
struct git_step {
	git_oid_text before, after;
};
struct git_dropped {
	struct git_step *v;
	size_t n;
};
enum err git_source_dropped(struct git_source *s, const git_oid_text old, const git_oid_text new,
    struct git_dropped *out, struct fault *f);
void git_dropped_clear(struct git_dropped *d);

/* History was rewritten: keep the old one, which ends with commit, in the clone for those zones that cannot be
 * merged yet (their file is gone, or refused).  Of many only the newest are kept. */
enum err git_source_keep(struct git_source *s, const git_oid_text commit, struct fault *f);

struct git_file {			/* one entry of the zones' directory */
	char *name;			/* a file name, no directory */
	git_oid_text blob;
	bool regular;			/* else a link, sub-directory or submodule: to be passed over */
};
struct git_listing {
	struct git_file *v;
	size_t n;
};

/* The zones' directory in commit.  ERR_NOT_FOUND: the commit has no such directory. */
enum err git_source_list(struct git_source *s, const git_oid_text commit, struct git_listing *out, struct fault *f);
void git_listing_clear(struct git_listing *l);

/* The files that differ between two commits, in the whole repository.  *out: git_changes_clear(). */
struct git_change {
	char *path;			/* from the repository's top */
	bool regular;			/* in the new one it is a file; else it is gone, or a link or the like */
};
struct git_changes {
	struct git_change *v;
	size_t n;
};
enum err git_source_changes(struct git_source *s, const git_oid_text old, const git_oid_text new,
    struct git_changes *out, struct fault *f);
void git_changes_clear(struct git_changes *c);

/* The name of a file of the zones' directory, given its path from the top; NULL: it lies elsewhere.  Points into
 * path. */
const char *git_source_zone_file(const struct git_source *s, const char *path);

/* The other way: a path relative to the zones' directory, from the top.  *out is the caller's. */
enum err git_source_full_path(const struct git_source *s, const char *path, char **out);

/* What is at path, relative to the zones' directory, in commit?  out->name is left alone.  ERR_NOT_FOUND: nothing. */
enum err git_source_look(struct git_source *s, const git_oid_text commit, const char *path, struct git_file *out,
    struct fault *f);

/* Append a file's octets to out, path relative to the zones' directory ("sub/x" is allowed, ".." leads at most to
 * the repository's top; a link is ERR_UNSUPPORTED).  blob (may be NULL) gets its id.
 * ERR_NOSPACE: larger than max. */
enum err git_source_read(struct git_source *s, const git_oid_text commit, const char *path, size_t max,
    struct buf *out, git_oid_text blob, struct fault *f);

/* The same by blob id. */
enum err git_source_read_blob(struct git_source *s, const git_oid_text blob, size_t max, struct buf *out,
    struct fault *f);

/* The same for a blob that a zone was read from before: its size was looked at then, and is not once more.  (Where
 * it may be a file of its own that is cut off, all is looked at.) */
enum err git_source_reread_blob(struct git_source *s, const git_oid_text blob, size_t max, struct buf *out,
    struct fault *f);

struct git_edit {			/* new contents of one file of the zones' directory; octets NULL: remove it */
	const char *path;		/* each at most once in a commit */
	const void *octets;
	size_t n;
};
struct git_signature_text {
	const char *name, *email;
	int64_t time_s;
};

/* Commit edits on top of parent in the clone (a local ref keeps it from being collected until it is pushed).
 * new_commit equals parent when the edits change nothing. */
enum err git_source_commit(struct git_source *s, const git_oid_text parent, const struct git_edit *edits, size_t n,
    const struct git_signature_text *author, const char *message, git_oid_text new_commit, struct fault *f);

/* The commit that was made last, also before a restart, and the one that it was made on.  ERR_NOT_FOUND: none. */
enum err git_source_made(struct git_source *s, git_oid_text commit, git_oid_text parent, struct fault *f);

/* Push commit to the branch, only if the remote's branch still is at expected (also for a local path).
 * ERR_CONFLICT: it is not; fetch and merge.  Others as for fetch. */
enum err git_source_push(struct git_source *s, const git_oid_text expected, const git_oid_text commit,
    struct fault *f);

/* Is something in the clone that nothing leads to any more, since history was rewritten? */
bool git_source_has_garbage(const struct git_source *s);

/* Make the clone small again, if it is time to; it blocks for up to minutes, and uses a child.  words says what was
 * done, if anything was.  With pins (blobs that zones were read from; all that are needed) garbage is collected as
 * well.  give_way_fd: once that is readable it ends within a moment, with ERR_CANCELLED, and the clone is as good as it was;
 * -1: nothing is to stop it. */
enum err git_source_compact(struct git_source *s, const git_oid_text *pins, size_t n, int give_way_fd, struct buf *words,
    struct fault *f);

/* From any thread: a fetch or push that runs, and each later one, ends at once with ERR_CANCELLED.  For the end of
 * the program, which should not have to wait for a silent server. */
void git_source_cancel(struct git_source *s);

const char *git_source_url(const struct git_source *s);		/* for messages: its secrets are starred out */
const char *git_source_path(const struct git_source *s);	/* the sub-directory of the zones; "": the top */
const char *git_source_branch(const struct git_source *s);	/* the one in use; NULL before the first fetch */
const char *git_source_domain(const struct git_source *s);	/* of the committer's address */

/* What the children have cost since this was last asked: a processor's time and what they wrote, as milliseconds. */
int64_t git_source_cost_ms(struct git_source *s);

/* The same of the calling thread, since it began. */
int64_t git_thread_cost_ms(void);

/* Is there a password (or what may be a token) in it? */
bool git_url_has_secret(const char *url);

/* "URL#BRANCH" apart: *url and *branch are the caller's (free()); *branch NULL without one. */
enum err git_url_split(const char *text, char **url, char **branch);

/* Is each line of a file with passwords good, and is it nobody else's to read?  Words: FILE:LINE, and no password. */
enum err git_credentials_check(const char *path, struct fault *f);

/* The child's main: certnsd calls it first thing when argv[1] is GIT_CHILD_ARGUMENT.  It ends the process. */
#define GIT_CHILD_ARGUMENT "--internal-git-child"
int git_child_main(void);

#endif
