/* zones/git_internal.h -- what the files zones/git*.c share; nobody else includes it.
 *
 * Refs of the clone:
 *   refs/remotes/origin/BRANCH   where the remote's branch was when we last heard from it
 *   refs/remotes/origin/HEAD     symbolic: which BRANCH is in use
 *   refs/certns/BRANCH           our newest commit, pushed or not
 *   refs/certns-accepted/BRANCH  the commit that was taken last
 *   refs/certns-push/OID         while OID is being pushed
 *   refs/certns-kept/TIME-OID    the end of a history that was rewritten upstream; some of them */
#ifndef ZONES_GIT_INTERNAL_H
#define ZONES_GIT_INTERNAL_H

#include <git2.h>
#include <limits.h>

#include "zones/git.h"

#define GIT_REFS_ORIGIN "refs/remotes/origin/"
#define GIT_REF_IN_USE GIT_REFS_ORIGIN "HEAD"
#define GIT_REFS_OURS "refs/certns/"
#define GIT_REFS_ACCEPTED "refs/certns-accepted/"
#define GIT_REFS_PUSH "refs/certns-push/"
#define GIT_REFS_KEPT "refs/certns-kept/"
#define GIT_REF_SIZE 512

/* Are there loose objects whose names begin with some octet?  What is written while we run has not been cut off. */
enum git_loose_known { GIT_LOOSE_UNKNOWN, GIT_LOOSE_NONE, GIT_LOOSE_SOME };

struct git_source {
	git_repository *repo;
	char *dir;				/* of the clone */
	char *url;				/* the remote's, secrets starred out */
	char *branch;				/* NULL before the first fetch */
	char *path;				/* from the repository's top to the zones; "" is the top */
	struct git_remote_config config;
	int cancel_fd;				/* an eventfd; readable: give up */
	int give_way_fd;			/* the same for the compaction that runs; -1: none does, or it need not */
	bool garbage;				/* parts of the clone may be reached by nothing any more */
	unsigned discarded;			/* commits of ours that another took the place of */
	int64_t cost_ms;			/* of children, since it was last asked for */
	char *committer, *committer_address;
	uint8_t loose[256];			/* enum git_loose_known, by first octet */
	git_oid_text cached;			/* the commit read last: a big directory is unpacked once */
	git_tree *cached_root, *cached_zones;	/* its trees; NULL where not read yet */
	struct git_files *files;		/* zones/git_files.h: these are the remote; NULL: a real one is */
};

/* Once per process; safe to call again. */
enum err git_library_setup(struct fault *f);

/* zones/git_files.c */
enum err git_files_fetch(struct git_source *s, git_oid_text tip, struct fault *f);
enum err git_files_push(struct git_source *s, const git_oid_text expected, const git_oid_text commit, struct fault *f);
void git_files_free(struct git_files *files);

/* What libgit2 just said (rc < 0) as an error of ours, with "format: libgit2's words". */
enum err git_fault(int rc, struct fault *f, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for what the clone in dir must have: what cannot be read there is damage, ERR_FORMAT. */
enum err git_clone_fault(const char *dir, int rc, struct fault *f, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Unsay the words of a failure that turned out to be none. */
void git_fault_clear(struct fault *f);

/* "refs/…/" and a branch; ERR_RANGE when too long or no name git allows. */
enum err git_ref_name(const char *prefix, const char *branch, char ref[GIT_REF_SIZE], struct fault *f);

/* Where the ref of the branch in use under refs points to; never: "fetched", for the words when it is not there. */
enum err git_source_ref(struct git_source *s, const char *refs, const char *never, git_oid_text commit,
    struct fault *f);

/* Remove what a killed process left behind: lock files and half-written packs.  The clone is ours alone. */
void git_clone_sweep(const char *dir);

/* Objects that are files of their own, below an objects directory (git_loose.c).  Is it not cut off?  One that is
 * not there, or larger than max, is taken for whole.  Of the clone in dir, all: ERR_FORMAT with words. */
#define GIT_LOOSE_LARGE (1 << 20)
void git_loose_path(const char *objects, const git_oid *id, char path[PATH_MAX]);
bool git_loose_is_whole(const char *path, off_t max);
enum err git_clone_check_loose(const char *dir, off_t max, struct fault *f);

/* Is what the file holds whole, and the object of that name?  A blob's octets, appended to out: ERR_NOT_FOUND: there
 * is no such file; ERR_FORMAT: it is damaged, or no blob; ERR_NOSPACE: it is larger than max (git_loose_read.c). */
bool git_loose_is(const git_oid *id, const void *octets, size_t n);
enum err git_loose_read(const char *objects, const git_oid *id, size_t max, struct buf *out);

/* Put an object there, to stay (git_loose_write.c): the file of another repository (ERR_NOT_FOUND without words: it
 * has none; ERR_FORMAT: it is damaged, and is not taken), or what octets hold; *id is its name. */
enum err git_loose_copy(const char *from, const char *objects, const git_oid *id, struct fault *f);
enum err git_loose_write(const char *objects, git_object_t type, const void *octets, size_t n, git_oid *id,
    struct fault *f);

/* Hex digits to an object id. */
enum err git_oid_of(const char *text, git_oid *id, struct fault *f);

/* A commit of the clone, or its tree; the caller's to free.  ERR_NOT_FOUND: the clone does not have it. */
enum err git_source_commit_of(struct git_source *s, const char *text, git_commit **out, struct fault *f);
enum err git_source_tree_of(struct git_source *s, const char *text, git_tree **out, struct fault *f);

void git_source_forget(struct git_source *s);

/* A blob, written to stay; *id is its name. */
enum err git_source_blob(struct git_source *s, const void *octets, size_t n, git_oid *id, struct fault *f);

/* A commit object, signed if there is a key for that. */
enum err git_source_commit_object(struct git_source *s, const git_signature *author, const git_signature *committer,
    const char *message, git_tree *tree, git_commit *parent, git_oid *id, struct fault *f);

/* The entry at path (normalised, from the top), the caller's.  ERR_NOT_FOUND; ERR_UNSUPPORTED: a link on the way. */
enum err git_source_find(struct git_source *s, git_tree *root, const char *path, git_tree_entry **out,
    struct fault *f);

/* base "/" path with "." and ".." resolved; *out is the caller's.  ERR_RANGE: leads out of the repository. */
enum err git_path_join(const char *base, const char *path, char **out, struct fault *f);

/* How a remote is reached. */
enum git_transport_kind { GIT_KIND_LOCAL, GIT_KIND_HTTPS, GIT_KIND_SSH, GIT_KIND_OTHER };
enum git_transport_kind git_url_kind(const char *url);

/* Overwrite in text, with stars, the secrets that url holds. */
void git_url_redact(const char *url, char *text);

/* The directory that a local URL names; the caller's to free.  NULL: no memory or a bad escape. */
char *git_url_directory(const char *url);

/* What parent and child tell each other: strings by field, NULL where there is none. */
enum git_field {
	GIT_FIELD_OPERATION,		/* "fetch", "push" or "compact" */
	GIT_FIELD_PARENT,		/* process id of the parent */
	GIT_FIELD_CLONE,		/* directory */
	GIT_FIELD_URL,
	GIT_FIELD_BRANCH,		/* reply to a fetch: the one in use */
	GIT_FIELD_SSH_KEY,
	GIT_FIELD_HOST_KEYS,		/* separated by blanks */
	GIT_FIELD_CA_FILE,
	GIT_FIELD_CREDENTIALS,		/* a file with passwords */
	GIT_FIELD_HELPER,		/* a program that knows them */
	GIT_FIELD_EXPECTED,		/* push: the remote's branch must be here */
	GIT_FIELD_COMMIT,		/* push: what; reply to a fetch: the tip */
	GIT_FIELD_PINS,			/* compact: collect, but keep what this file lists */
	GIT_FIELD_PHASE,		/* alone in a message ahead of the reply: how far it has come */
	GIT_FIELD_ERROR,		/* reply: the number of an enum err */
	GIT_FIELD_WORDS,
	GIT_FIELDS
};
struct git_exchange {
	char *v[GIT_FIELDS];
};
#define GIT_EXCHANGE_MAX 65536

/* False: no memory. */
bool git_exchange_set(struct git_exchange *x, enum git_field field, const char *text);
void git_exchange_write(const struct git_exchange *x, struct buf *out);
/* False: not whole, or not one of ours; x is empty then.  Else x is for git_exchange_clear(). */
bool git_exchange_read(const uint8_t *octets, size_t n, struct git_exchange *x);
void git_exchange_clear(struct git_exchange *x);
/* Where the last of several messages begins, whole or not. */
size_t git_exchange_last(const uint8_t *octets, size_t n);

/* For https: who we are, and what proves it. */
struct git_password {			/* zero-initialise */
	struct buf user, secret;	/* texts */
};
void git_password_clear(struct git_password *p);

/* From the line of file that fits the host of url and user (NULL: any).  The file must be nobody else's to read
 * (ERR_ACCESS).  ERR_NOT_FOUND: no such line.  Words never show a password. */
enum err git_credentials_find(const char *path, const char *url, const char *user, struct git_password *out,
    struct fault *f);

/* Ask a program of git-credential(1): "get" fills *out in; "erase" says that it was wrong.  ERR_TIMEOUT after 20 s. */
enum err git_helper_ask(const char *helper, const char *operation, const char *url, const char *user,
    struct git_password *out, struct fault *f);

enum git_known_host { GIT_KNOWN_NOT, GIT_KNOWN_OTHER, GIT_KNOWN_HOST, GIT_KNOWN_REVOKED };

/* The parent's side of one request: what all have in common, and the whole way.  deadline_s 0: the configured one.
 * The child's error becomes ours. */
bool git_request_fill(const struct git_source *s, const char *operation, struct git_exchange *x);
enum err git_child_do(struct git_source *s, const struct git_exchange *x, unsigned deadline_s,
    struct git_exchange *answer, struct fault *f);

/* Something is reached by no ref any more; or a commit of ours has been, and is not going to be pushed. */
void git_source_note_garbage(struct git_source *s);
void git_source_note_discarded(struct git_source *s);
void git_source_find_garbage(struct git_source *s);	/* that an earlier process has noted */

/* Inside the child: the operations.  repo is the clone. */
struct git_child {
	git_repository *repo;
	const struct git_exchange *request;
	struct git_exchange *reply;
	struct fault fault;		/* left by a callback: says more than libgit2 does */
	unsigned credentials_asked;
	struct git_password password;	/* that the server was shown */
	char host[256], keys_seen[256];	/* the ssh server, and its keys that were not the right ones */
	char home[4096];		/* of the user */
	enum git_known_host known;	/* what known_hosts said */
	bool home_made;			/* git_child_other_hostkey() was here */
	struct buf server_words;	/* what the server printed during a push */
	size_t told_octets;		/* received when the phase was last told */
	bool by_git;			/* a local path, through git receive-pack */
	bool placed;			/* which has the commit's objects already */
	char *push_status;		/* why the server refused the ref; NULL: it did not */
};
enum err git_child_fetch(struct git_child *c, struct fault *f);
enum err git_child_push(struct git_child *c, struct fault *f);
enum err git_child_compact(struct git_child *c, struct fault *f);
/* Bring a commit and all that it needs from one repository to another: into our clone, or from it (then base is what
 * the other has).  *many: it is more than a few objects, and nothing was done. */
enum err git_child_copy(git_repository *from, git_repository *to, const git_oid *base, const git_oid *commit,
    bool *many, struct fault *f);

/* What a server sends from now on goes into the clone as files, if it is a few objects. */
enum err git_child_unpack(struct git_child *c, struct fault *f);

enum err git_child_push_network(struct git_child *c, const char *ref, struct fault *f);

/* A push to a local path by git receive-pack: is git installed?  A git_transport_cb, whose payload is the git_child. */
bool git_child_finds_git(void);
int git_child_pipe(git_transport **out, git_remote *owner, void *child);

/* A local repository: has it a hook that a push runs, and may that refuse?  Would git trust its owner?  Is the ref
 * free: ERR_BUSY with words when it is locked; a stale lock of ours is removed, and the reply's words tell. */
bool git_local_hook(git_repository *remote, const char **name, bool *may_refuse);
bool git_local_is_trusted(git_repository *remote);
enum err git_local_lock(struct git_child *c, git_repository *remote, const char *ref, struct fault *f);

/* The callbacks that check the peer and prove who we are; payload must be the struct git_child. */
void git_child_callbacks(git_remote_callbacks *callbacks, struct git_child *c);
void git_child_connect_options(git_remote_connect_options *options, struct git_child *c);

/* For ssh.  The check gives 0 or GIT_ECERTIFICATE, and words; the credentials 0 or GIT_EAUTH. */
int git_child_hostkey(struct git_child *c, const git_cert_hostkey *key, const char *host);
int git_child_username(git_credential **out);

/* What the known_hosts of the user (below home) and of the system say of the key (on the wire) that host of url
 * shows. */
enum git_known_host git_known_host_find(const char *home, const char *url, const char *host, const uint8_t *key,
    size_t n);
int git_child_ssh_key(struct git_child *c, git_credential **out, const char *user);

/* For https: 0 or GIT_EAUTH, and words. */
int git_child_password(struct git_child *c, git_credential **out, const char *user);

/* After a failure: true when it was a host key that is not pinned, and another will be asked for once libgit2 was
 * shut down and started again. */
bool git_child_other_hostkey(struct git_child *c);

/* Tell the parent how far we have come: its words when it gives us up. */
void git_child_tell(const char *phase);

/* The remote of the request, not yet connected; git_remote_free() it. */
enum err git_child_remote(struct git_child *c, git_remote **out, struct fault *f);

#endif
