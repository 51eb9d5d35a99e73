/* zones/git_diff.c -- which files differ between two commits: both trees are walked side by side, and what is equal is
 * not entered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/git_internal.h"

struct diff {
	struct git_source *s;
	struct git_changes *out;
	struct fault *f;
};

static enum err walk(struct diff *d, const git_oid *old_id, const git_oid *new_id, const char *prefix);

/* As git sorts the entries of a tree: as if the name of a tree ended with a slash. */
static int
compare(const git_tree_entry *a, const git_tree_entry *b)
{
	const char *x = git_tree_entry_name(a), *y = git_tree_entry_name(b);
	size_t n = strlen(x), m = strlen(y), least = n < m ? n : m;
	int d = memcmp(x, y, least);
	unsigned char next_x, next_y;

	if (d != 0)
		return d;
	next_x = n > least ? (unsigned char)x[least] : git_tree_entry_type(a) == GIT_OBJECT_TREE ? '/' : 0;
	next_y = m > least ? (unsigned char)y[least] : git_tree_entry_type(b) == GIT_OBJECT_TREE ? '/' : 0;
	return (next_x > next_y) - (next_x < next_y);
}

static bool
is_file(const git_tree_entry *e)
{
	git_filemode_t mode = e == NULL ? GIT_FILEMODE_UNREADABLE : git_tree_entry_filemode(e);

	return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE;
}

static enum err
add(struct diff *d, char *path, bool regular)
{
	struct git_changes *out = d->out;

	if ((out->n & (out->n - 1)) == 0) {		/* full: it doubles */
		struct git_change *v = realloc(out->v, (out->n == 0 ? 1 : out->n * 2) * sizeof *v);

		if (v == NULL) {
			free(path);
			return ERR_NOMEM;
		}
		out->v = v;
	}
	out->v[out->n++] = (struct git_change){ path, regular };
	return ERR_OK;
}

/* An entry of one side or of both, of the same name and kind; not equal. */
static enum err
differ(struct diff *d, const git_tree_entry *old, const git_tree_entry *new, const char *prefix)
{
	const git_tree_entry *any = new != NULL ? new : old;
	char *path;
	enum err err;

	if (asprintf(&path, "%s%s", prefix, git_tree_entry_name(any)) < 0)
		return ERR_NOMEM;
	if (git_tree_entry_type(any) != GIT_OBJECT_TREE)
		return add(d, path, is_file(new));
	free(path);
	if (asprintf(&path, "%s%s/", prefix, git_tree_entry_name(any)) < 0)
		return ERR_NOMEM;
	err = walk(d, old == NULL ? NULL : git_tree_entry_id(old), new == NULL ? NULL : git_tree_entry_id(new), path);
	free(path);
	return err;
}

static bool
same_entry(const git_tree_entry *a, const git_tree_entry *b)
{
	return git_oid_equal(git_tree_entry_id(a), git_tree_entry_id(b)) && is_file(a) == is_file(b) &&
	    git_tree_entry_type(a) == git_tree_entry_type(b);
}

static enum err
walk_trees(struct diff *d, const git_tree *old, const git_tree *new, const char *prefix)
{
	size_t n = old == NULL ? 0 : git_tree_entrycount(old), m = new == NULL ? 0 : git_tree_entrycount(new);
	enum err err = ERR_OK;

	for (size_t i = 0, j = 0; err == ERR_OK && (i < n || j < m); ) {
		const git_tree_entry *a = i < n ? git_tree_entry_byindex(old, i) : NULL;
		const git_tree_entry *b = j < m ? git_tree_entry_byindex(new, j) : NULL;
		int order = a == NULL ? 1 : b == NULL ? -1 : compare(a, b);

		if (order == 0 && !same_entry(a, b))
			err = differ(d, a, b, prefix);
		else if (order != 0)
			err = differ(d, order < 0 ? a : NULL, order < 0 ? NULL : b, prefix);
		i += order <= 0;
		j += order >= 0;
	}
	return err;
}

static enum err
walk(struct diff *d, const git_oid *old_id, const git_oid *new_id, const char *prefix)
{
	git_tree *old = NULL, *new = NULL;
	enum err err = ERR_OK;
	int rc = 0;

	if (old_id != NULL && new_id != NULL && git_oid_equal(old_id, new_id))
		return ERR_OK;
	if ((old_id != NULL && (rc = git_tree_lookup(&old, d->s->repo, old_id)) < 0) ||
	    (new_id != NULL && (rc = git_tree_lookup(&new, d->s->repo, new_id)) < 0))
		err = git_clone_fault(d->s->dir, rc, d->f, "the tree %s", prefix);
	else
		err = walk_trees(d, old, new, prefix);
	git_tree_free(old);
	git_tree_free(new);
	return err;
}

enum err
git_source_changes(struct git_source *s, const git_oid_text old, const git_oid_text new, struct git_changes *out,
    struct fault *f)
{
	struct diff d = { s, out, f };
	git_tree *a = NULL, *b = NULL;
	enum err err;

	*out = (struct git_changes){ 0 };
	/* The old one first: it is the one that was read last, and then the new one is. */
	if ((err = git_source_tree_of(s, old, &a, f)) == ERR_OK &&
	    (err = git_source_tree_of(s, new, &b, f)) == ERR_OK && !git_oid_equal(git_tree_id(a), git_tree_id(b)))
		err = walk_trees(&d, a, b, "");
	git_tree_free(a);
	git_tree_free(b);
	if (err != ERR_OK)
		git_changes_clear(out);
	return err;
}

void
git_changes_clear(struct git_changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].path);
	free(c->v);
	*c = (struct git_changes){ 0 };
}

const char *
git_source_zone_file(const struct git_source *s, const char *path)
{
	size_t n = strlen(s->path);

	if (n > 0) {
		if (strncmp(path, s->path, n) != 0 || path[n] != '/')
			return NULL;
		path += n + 1;
	}
	return strchr(path, '/') == NULL ? path : NULL;
}

enum err
git_source_full_path(const struct git_source *s, const char *path, char **out)
{
	return git_path_join(s->path, path, out, NULL);
}

enum err
git_source_look(struct git_source *s, const git_oid_text commit, const char *path, struct git_file *out,
    struct fault *f)
{
	git_tree *root = NULL;
	git_tree_entry *entry = NULL;
	char *full = NULL;
	enum err err;

	if ((err = git_path_join(s->path, path, &full, f)) == ERR_OK &&
	    (err = git_source_tree_of(s, commit, &root, f)) == ERR_OK &&
	    (err = git_source_find(s, root, full, &entry, f)) == ERR_OK) {
		git_oid_tostr(out->blob, GIT_OID_TEXT, git_tree_entry_id(entry));
		out->regular = is_file(entry);
	}
	if (err == ERR_NOT_FOUND)
		git_fault_clear(f);
	git_tree_entry_free(entry);
	git_tree_free(root);
	free(full);
	return err;
}
