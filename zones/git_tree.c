/* zones/git_tree.c -- reading commits of the clone: directories, files, blobs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "zones/git_internal.h"

void
git_source_forget(struct git_source *s)
{
	git_tree_free(s->cached_root);
	git_tree_free(s->cached_zones);
	s->cached_root = s->cached_zones = NULL;
}

enum err
git_source_tree_of(struct git_source *s, const char *text, git_tree **out, struct fault *f)
{
	git_commit *commit = NULL;
	git_tree *tree = NULL;
	enum err err = ERR_OK;
	int rc;

	if (s->cached_root == NULL || strcmp(s->cached, text) != 0) {
		if ((err = git_source_commit_of(s, text, &commit, f)) != ERR_OK)
			return err;
		if ((rc = git_commit_tree(&tree, commit)) < 0)
			err = git_clone_fault(s->dir, rc, f, "the tree of commit %s", text);
		git_commit_free(commit);
		if (err != ERR_OK)
			return err;
		git_source_forget(s);
		s->cached_root = tree;
		memcpy(s->cached, text, GIT_OID_TEXT);
	}
	if ((rc = git_tree_dup(out, s->cached_root)) < 0)
		return git_fault(rc, f, "%s", s->dir);
	return ERR_OK;
}

static const char *
kind_of(const git_tree_entry *e)
{
	switch (git_tree_entry_filemode(e)) {
	case GIT_FILEMODE_TREE:		return "a directory";
	case GIT_FILEMODE_LINK:		return "a symbolic link";
	case GIT_FILEMODE_COMMIT:	return "a submodule";
	default:			return "a file";
	}
}

static bool
is_file(const git_tree_entry *e)
{
	git_filemode_t mode = git_tree_entry_filemode(e);

	return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

/* One component at a time, so that the words can say which one stands in the way. */
static enum err
entry_below(struct git_source *s, git_tree *root, const char *path, git_tree_entry **out, struct fault *f)
{
	const char *slash = strchr(path, '/');
	size_t n = slash != NULL ? (size_t)(slash - path) : strlen(path);
	git_tree_entry *entry = NULL;
	git_tree *tree = NULL;
	char *name = strndup(path, n);
	enum err err = ERR_OK;
	int rc;

	if (name == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	if ((rc = git_tree_entry_bypath(&entry, root, name)) < 0)
		err = rc == GIT_ENOTFOUND ? fault_set(f, ERR_NOT_FOUND, "%s: no such file", path)
		    : git_clone_fault(s->dir, rc, f, "the tree entry of %s", path);
	else if (slash == NULL)
		*out = entry, entry = NULL;
	else if (git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE)
		err = fault_set(f, is_file(entry) ? ERR_NOT_FOUND : ERR_UNSUPPORTED, "%s: %s is %s", path, name,
		    kind_of(entry));
	else if ((rc = git_tree_lookup(&tree, s->repo, git_tree_entry_id(entry))) < 0)
		err = git_clone_fault(s->dir, rc, f, "tree %s of %s", git_oid_tostr_s(git_tree_entry_id(entry)), name);
	else
		err = entry_below(s, tree, slash + 1, out, f);
	git_tree_free(tree);
	git_tree_entry_free(entry);
	free(name);
	return err;
}

/* The zones' directory in root. */
static enum err
zones_tree_read(struct git_source *s, git_tree *root, git_tree **out, struct fault *f)
{
	git_tree_entry *entry = NULL;
	enum err err;
	int rc;

	if ((err = entry_below(s, root, s->path, &entry, f)) != ERR_OK)
		return err;
	if (git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE)
		err = fault_set(f, ERR_NOT_FOUND, "%s: is %s, not a directory", s->path, kind_of(entry));
	else if ((rc = git_tree_lookup(out, s->repo, git_tree_entry_id(entry))) < 0)
		err = git_clone_fault(s->dir, rc, f, "tree %s of %s", git_oid_tostr_s(git_tree_entry_id(entry)),
		    s->path);
	git_tree_entry_free(entry);
	return err;
}

/* The same, from what was read last where that is it. */
static enum err
zones_tree(struct git_source *s, git_tree *root, git_tree **out, struct fault *f)
{
	bool is_cached = s->cached_root != NULL && git_oid_equal(git_tree_id(root), git_tree_id(s->cached_root));
	git_tree *from = s->path[0] == '\0' ? root : is_cached ? s->cached_zones : NULL;
	enum err err;

	if (from != NULL) {
		int rc = git_tree_dup(out, from);
		return rc < 0 ? git_fault(rc, f, "%s", s->dir) : ERR_OK;
	}
	if ((err = zones_tree_read(s, root, out, f)) == ERR_OK && is_cached)
		(void)git_tree_dup(&s->cached_zones, *out);
	return err;
}

enum err
git_source_find(struct git_source *s, git_tree *root, const char *path, git_tree_entry **out, struct fault *f)
{
	size_t n = strlen(s->path);
	git_tree *tree = NULL;
	enum err err;

	if (n == 0 || strncmp(path, s->path, n) != 0 || path[n] != '/')
		return entry_below(s, root, path, out, f);
	if ((err = zones_tree(s, root, &tree, f)) == ERR_OK)
		err = entry_below(s, tree, path + n + 1, out, f);
	git_tree_free(tree);
	return err;
}

static enum err
listing_fill(git_tree *tree, struct git_listing *out, struct fault *f)
{
	size_t n = git_tree_entrycount(tree);

	if ((out->v = calloc(n > 0 ? n : 1, sizeof *out->v)) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	for (size_t i = 0; i < n; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);
		struct git_file *file = &out->v[i];

		if ((file->name = strdup(git_tree_entry_name(e))) == NULL) {
			git_listing_clear(out);
			return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
		}
		git_oid_tostr(file->blob, GIT_OID_TEXT, git_tree_entry_id(e));
		file->regular = is_file(e);
		out->n++;
	}
	return ERR_OK;
}

enum err
git_source_list(struct git_source *s, const git_oid_text commit, struct git_listing *out, struct fault *f)
{
	git_tree *root = NULL, *tree = NULL;
	enum err err;

	memset(out, 0, sizeof *out);
	if ((err = git_source_tree_of(s, commit, &root, f)) == ERR_OK &&
	    (err = zones_tree(s, root, &tree, f)) == ERR_OK)
		err = listing_fill(tree, out, f);
	git_tree_free(tree);
	git_tree_free(root);
	return err;
}

void
git_listing_clear(struct git_listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	memset(l, 0, sizeof *l);
}

/* Do the octets have this name?  libgit2 would look too, with a SHA-1 that finds out forgeries and takes five times as
 * long; that is for what comes in (zones/git_child_fetch.c), and this for a disk that forgets. */
static bool
blob_is(const git_oid *id, const void *octets, size_t n)
{
	uint8_t sum[DIGEST_SHA1];
	char head[32];
	int head_n = snprintf(head, sizeof head, "blob %zu", n) + 1;

	return digest_make_sha1(head, (size_t)head_n, octets, n, sum) && memcmp(sum, id->id, sizeof sum) == 0;
}

/* One that is a file of its own is unpacked and looked at in one go. */
static enum err
read_large(struct git_source *s, const git_oid *id, const char *what, size_t max, struct buf *out, struct fault *f)
{
	char objects[PATH_MAX];
	enum err err;

	snprintf(objects, sizeof objects, "%.4000sobjects", git_repository_commondir(s->repo));
	if ((err = git_loose_read(objects, id, max, out)) == ERR_FORMAT) {
		git_error_set_str(GIT_ERROR_ODB, "its contents are not what its name says");
		err = git_clone_fault(s->dir, GIT_EMISMATCH, f, "object %s of %s", git_oid_tostr_s(id), what);
	} else if (err == ERR_NOMEM) {
		fault_set(f, err, "%s: %s", what, err_str(err));
	}
	return err;
}

/* Unpack it, whatever its size. */
static enum err
blob_unpack(struct git_source *s, git_odb *odb, const git_oid *id, const char *what, struct buf *out, struct fault *f)
{
	git_odb_object *object = NULL;
	enum err err = ERR_OK;
	int rc;

	if ((rc = git_odb_read(&object, odb, id)) < 0)
		return git_clone_fault(s->dir, rc, f, "object %s of %s", git_oid_tostr_s(id), what);
	if (git_odb_object_type(object) != GIT_OBJECT_BLOB) {
		err = fault_set(f, ERR_FORMAT, "%s: object %s is no file", what, git_oid_tostr_s(id));
	} else if (!blob_is(id, git_odb_object_data(object), git_odb_object_size(object))) {
		git_error_set_str(GIT_ERROR_ODB, "its contents are not what its name says");
		err = git_clone_fault(s->dir, GIT_EMISMATCH, f, "object %s of %s", git_oid_tostr_s(id), what);
	} else {
		buf_add(out, git_odb_object_data(object), git_odb_object_size(object));
		if (out->failed)
			err = fault_set(f, ERR_NOMEM, "%s: %s", what, err_str(ERR_NOMEM));
	}
	git_odb_object_free(object);
	return err;
}

/* The size is looked at before the blob is unpacked: a hostile one must not fill the memory. */
static enum err
blob_read(struct git_source *s, const git_oid *id, const char *what, size_t max, struct buf *out, struct fault *f)
{
	git_odb *odb = NULL;
	git_object_t type;
	size_t size;
	enum err err;
	int rc;

	if ((rc = git_repository_odb(&odb, s->repo)) < 0 || (rc = git_odb_read_header(&size, &type, odb, id)) < 0)
		err = git_clone_fault(s->dir, rc, f, "object %s of %s", git_oid_tostr_s(id), what);
	else if (type != GIT_OBJECT_BLOB)
		err = fault_set(f, ERR_FORMAT, "%s: object %s is no file", what, git_oid_tostr_s(id));
	else if (size > max)
		err = fault_set(f, ERR_NOSPACE, "%s: has %zu octets, more than the %zu that are allowed", what, size,
		    max);
	/* git_clone_check_loose() has not looked at the large ones. */
	else if (size <= GIT_LOOSE_LARGE / 2 || (err = read_large(s, id, what, max, out, f)) == ERR_NOT_FOUND)
		err = blob_unpack(s, odb, id, what, out, f);
	git_odb_free(odb);
	return err;
}

enum err
git_source_read(struct git_source *s, const git_oid_text commit, const char *path, size_t max, struct buf *out,
    git_oid_text blob, struct fault *f)
{
	git_tree *root = NULL;
	git_tree_entry *entry = NULL;
	char *full = NULL;
	enum err err;

	if ((err = git_path_join(s->path, path, &full, f)) != ERR_OK ||
	    (err = git_source_tree_of(s, commit, &root, f)) != ERR_OK ||
	    (err = git_source_find(s, root, full, &entry, f)) != ERR_OK)
		goto out;
	if (!is_file(entry)) {
		err = fault_set(f, ERR_UNSUPPORTED, "%s: is %s, not a file", full, kind_of(entry));
		goto out;
	}
	if ((err = blob_read(s, git_tree_entry_id(entry), full, max, out, f)) == ERR_OK && blob != NULL)
		git_oid_tostr(blob, GIT_OID_TEXT, git_tree_entry_id(entry));
out:
	git_tree_entry_free(entry);
	git_tree_free(root);
	free(full);
	return err;
}

/* The directory for such names is made with the first of them. */
static bool
may_be_loose(struct git_source *s, const git_oid *id)
{
	uint8_t *known = &s->loose[id->id[0]];
	char path[PATH_MAX];

	if (*known == GIT_LOOSE_UNKNOWN) {
		snprintf(path, sizeof path, "%.4000sobjects/%02x", git_repository_commondir(s->repo), id->id[0]);
		*known = access(path, F_OK) == 0 ? GIT_LOOSE_SOME : GIT_LOOSE_NONE;
	}
	return *known == GIT_LOOSE_SOME;
}

static enum err
read_by_id(struct git_source *s, const git_oid_text blob, size_t max, bool again, struct buf *out, struct fault *f)
{
	git_odb *odb = NULL;
	git_oid id;
	enum err err;
	int rc;

	if ((err = git_oid_of(blob, &id, f)) != ERR_OK)
		return err;
	if ((rc = git_repository_odb(&odb, s->repo)) < 0)
		return git_clone_fault(s->dir, rc, f, "its objects");
	again = again && !may_be_loose(s, &id);
	if (again)
		err = blob_unpack(s, odb, &id, "a file", out, f);
	if ((!again || err != ERR_OK) && !git_odb_exists(odb, &id))
		err = fault_set(f, ERR_NOT_FOUND, "the clone %s has no object %s", s->dir, blob);
	else if (!again)
		err = blob_read(s, &id, "a file", max, out, f);
	git_odb_free(odb);
	return err;
}

enum err
git_source_read_blob(struct git_source *s, const git_oid_text blob, size_t max, struct buf *out, struct fault *f)
{
	return read_by_id(s, blob, max, false, out, f);
}

enum err
git_source_reread_blob(struct git_source *s, const git_oid_text blob, size_t max, struct buf *out, struct fault *f)
{
	return read_by_id(s, blob, max, true, out, f);
}
