/* zones/git_files.c -- see git_files.h.  The repository's tree is the file system's: /etc/certns/example.net is the
 * entry etc/certns/example.net, so that an $INCLUDE may also lead out of the directory. */
#include "zones/git_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "zones/git_files_write.h"
#include "zones/git_internal.h"
#include "zones/reader.h"

#define BRANCH "main"
#define FILE_MAX ((size_t)1 << 31)
/* a file that was written so shortly before it was read may change without a trace */
#define SETTLED_NS INT64_C(50000000)

/* A file as it was read last. */
struct watched {
	char *path;			/* from the top, without the first slash */
	struct stat st;
	git_oid blob;
	bool read;			/* there is a blob */
	bool fresh;			/* too young when it was read: its times say nothing */
	bool used, changed;		/* in this fetch */
};

struct git_files {
	const char *const *names;
	char **problems;		/* of each name, or NULL */
	size_t n;
	struct watched *v;		/* sorted by path */
	size_t nwatched;
};

/* --- what is known of the files --- */

static struct watched *
find(const struct git_files *files, const char *path, size_t *at)
{
	size_t low = 0, high = files->nwatched;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int d = strcmp(files->v[middle].path, path);

		if (d == 0)
			return &files->v[middle];
		if (d < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (at != NULL)
		*at = low;
	return NULL;
}

static struct watched *
find_or_add(struct git_files *files, const char *path)
{
	size_t at = 0;
	struct watched *w = find(files, path, &at), *v;

	if (w != NULL)
		return w;
	if ((files->nwatched & (files->nwatched - 1)) == 0) {		/* full: it doubles */
		size_t cap = files->nwatched == 0 ? 1 : files->nwatched * 2;

		if ((v = realloc(files->v, cap * sizeof *v)) == NULL)
			return NULL;
		files->v = v;
	}
	memmove(&files->v[at + 1], &files->v[at], (files->nwatched - at) * sizeof *files->v);
	files->v[at] = (struct watched){ .path = strdup(path) };
	if (files->v[at].path == NULL) {
		memmove(&files->v[at], &files->v[at + 1], (files->nwatched - at) * sizeof *files->v);
		return NULL;
	}
	files->nwatched++;
	return &files->v[at];
}

static bool
same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool
is_fresh(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - st->st_ctim.tv_sec) * INT64_C(1000000000) + (now.tv_nsec - st->st_ctim.tv_nsec) <
	    SETTLED_NS;
}

static char *
absolute(const char *path)
{
	char *full;

	return asprintf(&full, "/%s", path) < 0 ? NULL : full;
}

/* --- reading --- */

struct reading {
	struct git_source *s;
	struct git_files *files;
	enum err err;
	struct fault *f;
	char *directory;		/* of the zone's file, for $INCLUDE */
	unsigned depth;
};

static enum err read_one(struct reading *r, const char *path, struct buf *out);

/* Bring a file's octets into the repository, unless it is as it was.  out (may be NULL) gets them in any case. */
static enum err
read_one(struct reading *r, const char *path, struct buf *out)
{
	struct watched *w = find_or_add(r->files, path);
	char *full = absolute(path);
	struct buf octets = { 0 };
	struct stat st;
	git_oid id;
	enum err err = ERR_OK;

	if (w == NULL || full == NULL) {
		free(full);
		return ERR_NOMEM;
	}
	w->used = true;
	if (stat(full, &st) != 0)
		err = fault_set(r->f, err_from_errno(errno), "%s: %s", full, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		err = fault_set(r->f, ERR_UNSUPPORTED, "%s: not a regular file", full);
	else if (w->read && !w->fresh && same_stat(&st, &w->st))
		err = out == NULL ? ERR_OK : file_read(full, FILE_MAX, out, r->f);
	else if ((err = file_read(full, FILE_MAX, &octets, r->f)) == ERR_OK) {
		if ((err = git_source_blob(r->s, octets.p, octets.len, &id, r->f)) == ERR_OK) {
			w->changed |= !w->read || !git_oid_equal(&id, &w->blob);
			w->blob = id;
			w->st = st;
			w->read = true;
			w->fresh = is_fresh(&st);
			if (out != NULL)
				buf_add(out, octets.p, octets.len);
		}
	}
	buf_clear(&octets);
	free(full);
	return err;
}

static enum err
take_include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	struct reading *r = ctx;
	struct fault mine = { 0 };
	char *full;
	enum err err;

	if ((err = git_path_join(r->directory, path, &full, f)) != ERR_OK)
		return err;
	r->f = &mine;			/* whoever reads it as a zone says what is wrong */
	err = read_one(r, full, out);
	if (err == ERR_NOMEM)
		r->err = err;
	free(full);
	return err == ERR_OK ? ERR_OK : fault_set(f, err, "%s", fault_str(&mine, err));
}

static enum err
pass_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	(void)ctx;
	(void)rr;
	(void)place;
	return ERR_OK;
}

static void
pass_complaint(void *ctx, const struct place *place, const char *text)
{
	(void)ctx;
	(void)place;
	(void)text;
}

/* Reading the text as a zone asks for its $INCLUDEs. */
static enum err
read_includes(struct reading *r, const char *path, const struct buf *text)
{
	static const uint8_t root[] = { 0 };
	struct zone_reader reader = { .file = path, .origin = root, .default_ttl = 1, .include = take_include,
	    .rr = pass_rr,
	    .complain = pass_complaint, .ctx = r };

	if (text->len == 0 || memmem(text->p, text->len, "$I", 2) == NULL)
		if (text->len == 0 || memmem(text->p, text->len, "$i", 2) == NULL)
			return ERR_OK;
	(void)zone_read(&reader, (const char *)text->p, text->len);
	return r->err;
}

/* One zone's file with what it includes.  What cannot be read is the zone's problem. */
static enum err
read_zone_files(struct git_source *s, size_t i)
{
	struct fault f = { 0 };
	struct reading r = { .s = s, .files = s->files, .f = &f, .directory = s->path };
	struct buf text = { 0 };
	char *path = NULL;
	enum err err = git_path_join(s->path, s->files->names[i], &path, &f);

	free(s->files->problems[i]);
	s->files->problems[i] = NULL;
	if (err == ERR_OK && (err = read_one(&r, path, &text)) == ERR_OK)
		err = read_includes(&r, path, &text);
	else if (err != ERR_NOMEM && (s->files->problems[i] = strdup(fault_str(&f, err))) != NULL)
		err = ERR_OK;
	buf_clear(&text);
	free(path);
	return err;
}

/* --- a commit of what was read --- */

static enum err
write_tree(struct git_source *s, git_tree *old, bool whole, git_oid *id, struct fault *f)
{
	struct git_files *files = s->files;
	git_tree_update *v = calloc(files->nwatched + 1, sizeof *v);
	size_t n = 0;
	enum err err = ERR_OK;
	int rc;

	if (v == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < files->nwatched; i++) {
		const struct watched *w = &files->v[i];

		if (!w->read || (!whole && !w->changed))
			continue;
		v[n++] = (git_tree_update){ .action = GIT_TREE_UPDATE_UPSERT, .id = w->blob,
		    .filemode = GIT_FILEMODE_BLOB,
		    .path = w->path };
	}
	if (n == 0)
		*id = *git_tree_id(old);
	else if ((rc = git_tree_create_updated(id, s->repo, old, n, v)) < 0)
		err = git_fault(rc, f, "cannot write a directory into %s", s->dir);
	free(v);
	return err;
}

static enum err
empty_tree(struct git_source *s, git_tree **out, struct fault *f)
{
	git_treebuilder *builder = NULL;
	git_oid id;
	int rc;

	if ((rc = git_treebuilder_new(&builder, s->repo, NULL)) >= 0 && (rc = git_treebuilder_write(&id, builder)) >= 0)
		rc = git_tree_lookup(out, s->repo, &id);
	git_treebuilder_free(builder);
	return rc < 0 ? git_fault(rc, f, "%s", s->dir) : ERR_OK;
}

/* The commit, which becomes the remote's newest. */
static enum err
write_commit(struct git_source *s, git_commit *parent, const git_oid *tree_id, git_oid *id, struct fault *f)
{
	const git_commit *parents[1] = { parent };
	git_signature *who = NULL;
	git_reference *ref = NULL;
	git_tree *tree = NULL;
	int rc;

	if ((rc = git_signature_new(&who, "files", "files@localhost", clock_now_s(), 0)) >= 0 &&
	    (rc = git_tree_lookup(&tree, s->repo, tree_id)) >= 0 &&
	    (rc = git_commit_create(id, s->repo, NULL, who, who, NULL, "files as they were found\n", tree,
	    parent == NULL ? 0 : 1, parents)) >= 0)
		rc = git_reference_create(&ref, s->repo, GIT_REFS_ORIGIN BRANCH, id, 1, NULL);
	git_reference_free(ref);
	git_tree_free(tree);
	git_signature_free(who);
	return rc < 0 ? git_fault(rc, f, "cannot commit in %s", s->dir) : ERR_OK;
}

/* The newest commit and its tree; of a new repository there is none, and an empty tree. */
static enum err
newest(struct git_source *s, git_commit **commit, git_tree **tree, struct fault *f)
{
	git_oid_text tip;
	enum err err = git_source_tip(s, tip, f);

	if (err == ERR_NOT_FOUND) {
		git_fault_clear(f);
		return empty_tree(s, tree, f);
	}
	if (err == ERR_OK && (err = git_source_commit_of(s, tip, commit, f)) == ERR_OK)
		err = git_source_tree_of(s, tip, tree, f);
	return err;
}

static void
forget_unused(struct git_files *files)
{
	size_t kept = 0;

	for (size_t i = 0; i < files->nwatched; i++) {
		if (files->v[i].used)
			files->v[kept++] = files->v[i];
		else
			free(files->v[i].path);
	}
	if (kept < files->nwatched && kept > 0) {	/* find_or_add() knows the room from the number */
		size_t cap = 1;

		while (cap < kept)
			cap *= 2;
		struct watched *v = realloc(files->v, cap * sizeof *v);
		files->v = v == NULL ? files->v : v;
	}
	files->nwatched = kept;
}

enum err
git_files_fetch(struct git_source *s, git_oid_text tip, struct fault *f)
{
	struct git_files *files = s->files;
	git_commit *commit = NULL;
	git_tree *old = NULL;
	git_oid tree, id;
	bool whole = files->nwatched == 0, changed = false;
	enum err err = ERR_OK;

	for (size_t i = 0; i < files->nwatched; i++)
		files->v[i].used = files->v[i].changed = false;
	for (size_t i = 0; err == ERR_OK && i < files->n; i++)
		err = read_zone_files(s, i);
	for (size_t i = 0; i < files->nwatched; i++)
		changed |= files->v[i].changed;
	if (err == ERR_OK && (err = newest(s, &commit, &old, f)) == ERR_OK) {
		tree = *git_tree_id(old);
		if (changed || commit == NULL)
			err = write_tree(s, old, whole, &tree, f);
		if (err == ERR_OK && (commit == NULL || !git_oid_equal(&tree, git_tree_id(old))))
			err = write_commit(s, commit, &tree, &id, f);
		else if (err == ERR_OK)
			id = *git_commit_id(commit);
	}
	if (err == ERR_OK) {
		git_oid_tostr(tip, GIT_OID_TEXT, &id);
		forget_unused(files);
	}
	git_tree_free(old);
	git_commit_free(commit);
	return err;
}

/* --- writing --- */

struct pushing {
	struct git_source *s;
	enum err err;			/* of the first file that could not be written; the others are */
	struct fault *f;
};

static int
push_one(const git_diff_delta *delta, float progress, void *ctx)
{
	struct pushing *p = ctx;
	struct buf old = { 0 }, new = { 0 };
	git_oid_text before, after;
	struct fault f = { 0 };
	char *full = absolute(delta->new_file.path);
	enum err err = full == NULL ? ERR_NOMEM : ERR_OK;

	(void)progress;
	if (delta->status != GIT_DELTA_MODIFIED) {
		err = fault_set(&f, ERR_UNSUPPORTED, "%s: is not one of our files", delta->new_file.path);
	} else if (err == ERR_OK) {
		git_oid_tostr(before, GIT_OID_TEXT, &delta->old_file.id);
		git_oid_tostr(after, GIT_OID_TEXT, &delta->new_file.id);
		if ((err = git_source_read_blob(p->s, before, FILE_MAX, &old, &f)) == ERR_OK &&
		    (err = git_source_read_blob(p->s, after, FILE_MAX, &new, &f)) == ERR_OK)
			err = git_files_write(full, &old, &new, &f);
	}
	if (err != ERR_OK && p->err == ERR_OK) {
		p->err = err;
		fault_set(p->f, err, "%s", fault_str(&f, err));
	}
	buf_clear(&old);
	buf_clear(&new);
	free(full);
	return 0;
}

static enum err
write_files(struct git_source *s, git_tree *old, git_tree *new, struct fault *f)
{
	struct pushing p = { .s = s, .f = f };
	git_diff *diff = NULL;
	int rc = git_diff_tree_to_tree(&diff, s->repo, old, new, NULL);

	if (rc >= 0)
		rc = git_diff_foreach(diff, push_one, NULL, NULL, NULL, &p);
	git_diff_free(diff);
	return rc < 0 ? git_clone_fault(s->dir, rc, f, "comparing two commits") : p.err;
}

enum err
git_files_push(struct git_source *s, const git_oid_text expected, const git_oid_text commit, struct fault *f)
{
	git_tree *old = NULL, *new = NULL;
	git_reference *ref = NULL;
	git_oid_text tip;
	git_oid id;
	enum err err;
	int rc;

	if ((err = git_source_tip(s, tip, f)) != ERR_OK)
		return err;
	if (strcmp(tip, expected) != 0)
		return fault_set(f, ERR_CONFLICT, "the files were changed meanwhile");
	if ((err = git_source_tree_of(s, expected, &old, f)) == ERR_OK &&
	    (err = git_source_tree_of(s, commit, &new, f)) == ERR_OK &&
	    (err = write_files(s, old, new, f)) == ERR_OK && (err = git_oid_of(commit, &id, f)) == ERR_OK &&
	    (rc = git_reference_create(&ref, s->repo, GIT_REFS_ORIGIN BRANCH, &id, 1, NULL)) < 0)
		err = git_fault(rc, f, "%s", s->dir);
	git_reference_free(ref);
	git_tree_free(old);
	git_tree_free(new);
	return err;
}

/* --- the source --- */

enum err
git_files_open(const char *clone_dir, const char *directory, const char *const *names, size_t n,
    struct git_source **out, struct fault *f)
{
	struct git_remote_config config = { .url = directory, .branch = BRANCH, .path = directory + 1 };
	struct git_files *files = calloc(1, sizeof *files);
	enum err err;

	if (files == NULL || (files->problems = calloc(n + 1, sizeof *files->problems)) == NULL) {
		free(files);
		return ERR_NOMEM;
	}
	files->names = names;
	files->n = n;
	if ((err = git_source_open(clone_dir, &config, out, f)) != ERR_OK)
		git_files_free(files);
	else
		(*out)->files = files;
	return err;
}

static void
free_problems(struct git_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->problems[i]);
	free(files->problems);
}

enum err
git_files_rename(struct git_source *s, const char *const *names, size_t n)
{
	char **problems = calloc(n + 1, sizeof *problems);

	if (problems == NULL)
		return ERR_NOMEM;
	free_problems(s->files);
	s->files->problems = problems;
	s->files->names = names;
	s->files->n = n;
	return ERR_OK;
}

void
git_files_free(struct git_files *files)
{
	if (files == NULL)
		return;
	for (size_t i = 0; i < files->nwatched; i++)
		free(files->v[i].path);
	free_problems(files);
	free(files->v);
	free(files);
}

bool
git_source_is_files(const struct git_source *s)
{
	return s->files != NULL;
}

const char *
git_files_problem(const struct git_source *s, size_t i)
{
	return s->files->problems[i];
}
