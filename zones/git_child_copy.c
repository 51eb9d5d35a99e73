/* zones/git_child_copy.c -- inside the child: a commit, and all that it needs, from one repository of this machine
 * to another.
 *
 * Mostly that is a handful of objects, of which one may be a text of many megabytes.  They are found by comparing
 * each new commit's trees with its parent's, and taken one by one, as the files that they are there: nothing is
 * packed and unpacked again.  An object goes after all that it leads to, so whatever the other repository has is
 * whole at any time.
 *
 * Many objects, as those of a first clone, go as one pack. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/git_internal.h"

#define FEW 100				/* as git has it for what is pushed */
#define RAW_MAX ((uint64_t)512 << 20)	/* octets of them; more make a smaller pack */

struct copy {
	git_repository *from, *to, *ours;	/* one of the two: it has what the new commits are built on */
	const git_oid *base;		/* a commit that the other is sure to have, and nothing else; NULL: ask to */
	git_odb *from_odb, *to_odb;
	char from_objects[PATH_MAX], to_objects[PATH_MAX];
	git_oid v[FEW];			/* in the order in which they go */
	size_t n;
	bool many;			/* there are more: the rest was not looked for */
};

/* Is it there already, and with it what it leads to?  Of our clone that is true for whatever it has; in another
 * repository, what no branch leads to may be half gone. */
static bool
is_known(struct copy *k, const git_oid *id)
{
	for (size_t i = 0; i < k->n; i++)
		if (git_oid_equal(&k->v[i], id))
			return true;
	return k->base != NULL ? git_oid_equal(k->base, id) :
	    git_odb_exists_ext(k->to_odb, id, GIT_ODB_LOOKUP_NO_REFRESH);
}

static void
add(struct copy *k, const git_oid *id)
{
	if (k->n == FEW)
		k->many = true;
	else
		k->v[k->n++] = *id;
}

static enum err
from_fault(struct copy *k, int rc, const git_oid *id, struct fault *f)
{
	return git_fault(rc, f, "object %s of %s%s", git_oid_tostr_s(id), git_repository_path(k->from),
	    rc == GIT_ENOTFOUND && git_repository_is_shallow(k->from) == 1 ? ", which is a shallow clone" : "");
}

/* Before libgit2 reads one that it would not stop reading. */
static enum err
check_whole(struct copy *k, const git_oid *id, struct fault *f)
{
	char path[PATH_MAX];

	git_loose_path(k->from_objects, id, path);
	return git_loose_is_whole(path, INT32_MAX) ? ERR_OK :
	    fault_set(f, ERR_FORMAT, "%s: the object is damaged: it is cut off", path);
}

/* The entry e and what is below, unless old, the one of that name in old_tree (may be NULL), is the same. */
static enum err add_entry(struct copy *k, const git_tree *old_tree, const git_tree_entry *old, const git_tree_entry *e,
    struct fault *f);

static enum err
add_tree(struct copy *k, const git_tree *old, const git_tree *new, struct fault *f)
{
	size_t n = git_tree_entrycount(new), nold = old != NULL ? git_tree_entrycount(old) : 0;
	enum err err = ERR_OK;

	for (size_t i = 0, j = 0; err == ERR_OK && !k->many && i < n; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(new, i), *o = NULL;
		int d = -1;

		while (j < nold && (d = git_tree_entry_cmp(o = git_tree_entry_byindex(old, j), e)) < 0)
			j++;
		err = add_entry(k, old, j < nold && d == 0 ? o : NULL, e, f);
	}
	if (err == ERR_OK)
		add(k, git_tree_id(new));
	return err;
}

static enum err
add_entry(struct copy *k, const git_tree *old_tree, const git_tree_entry *old, const git_tree_entry *e, struct fault *f)
{
	const git_oid *id = git_tree_entry_id(e);
	git_tree *below = NULL, *was = NULL;
	enum err err;
	int rc;

	/* A submodule's commit is in another repository. */
	if ((old != NULL && git_oid_equal(git_tree_entry_id(old), id)) || git_tree_entry_type(e) == GIT_OBJECT_COMMIT ||
	    is_known(k, id))
		return ERR_OK;
	if (git_tree_entry_type(e) != GIT_OBJECT_TREE) {
		add(k, id);
		return ERR_OK;
	}
	if ((err = check_whole(k, id, f)) != ERR_OK)
		return err;
	if ((rc = git_tree_lookup(&below, k->from, id)) < 0)
		return from_fault(k, rc, id, f);
	/* One that cannot be read is no help, and no harm. */
	if (old != NULL && git_tree_entry_type(old) == GIT_OBJECT_TREE)
		(void)git_tree_lookup(&was, git_tree_owner(old_tree), git_tree_entry_id(old));
	err = add_tree(k, was, below, f);
	git_tree_free(was);
	git_tree_free(below);
	return err;
}

/* The tree of the first parent; NULL: there is none, or it cannot be read. */
static void
parent_tree(struct copy *k, const git_commit *commit, git_tree **out)
{
	const git_oid *id = git_commit_parent_id(commit, 0);
	git_commit *parent = NULL;

	*out = NULL;
	if (id != NULL &&
	    (git_commit_lookup(&parent, k->ours, id) == 0 || git_commit_lookup(&parent, k->from, id) == 0))
		(void)git_commit_tree(out, parent);
	git_commit_free(parent);
}

static enum err
add_root(struct copy *k, const git_commit *commit, struct fault *f)
{
	const git_oid *id = git_commit_tree_id(commit);
	git_tree *old = NULL, *new = NULL;
	enum err err;
	int rc;

	if (is_known(k, id))
		return ERR_OK;
	if ((err = check_whole(k, id, f)) != ERR_OK)
		return err;
	if ((rc = git_commit_tree(&new, commit)) < 0)
		return from_fault(k, rc, id, f);
	parent_tree(k, commit, &old);
	err = add_tree(k, old, new, f);
	git_tree_free(old);
	git_tree_free(new);
	return err;
}

static enum err
add_commit(struct copy *k, const git_oid *id, struct fault *f)
{
	git_commit *commit = NULL;
	enum err err;
	int rc;

	if (k->many || is_known(k, id))
		return ERR_OK;
	if ((err = check_whole(k, id, f)) != ERR_OK)
		return err;
	if ((rc = git_commit_lookup(&commit, k->from, id)) < 0)
		return from_fault(k, rc, id, f);
	for (unsigned i = 0; err == ERR_OK && i < git_commit_parentcount(commit); i++)
		err = add_commit(k, git_commit_parent_id(commit, i), f);
	if (err == ERR_OK && !k->many)
		err = add_root(k, commit, f);
	if (err == ERR_OK)
		add(k, id);
	git_commit_free(commit);
	return err;
}

/* One that cannot be read is found out when it is taken. */
static uint64_t
raw_size(struct copy *k, const git_oid *id)
{
	git_object_t type;
	size_t size;

	return git_odb_read_header(&size, &type, k->from_odb, id) == 0 ? size : 0;
}

static enum err
take(struct copy *k, const git_oid *id, struct fault *f)
{
	char path[PATH_MAX];
	git_odb_object *object = NULL;
	git_oid written;
	enum err err;
	int rc;

	git_loose_path(k->from_objects, id, path);
	if ((err = git_loose_copy(path, k->to_objects, id, f)) != ERR_NOT_FOUND)
		return err;
	if ((rc = git_odb_read(&object, k->from_odb, id)) < 0)		/* from a pack */
		return from_fault(k, rc, id, f);
	err = git_loose_write(k->to_objects, git_odb_object_type(object), git_odb_object_data(object),
	    git_odb_object_size(object), &written, f);
	git_odb_object_free(object);
	return err;
}

static enum err
place_of(git_repository *repo, git_odb **odb, char objects[PATH_MAX], struct fault *f)
{
	git_buf path = { 0 };
	int rc;

	if ((rc = git_repository_item_path(&path, repo, GIT_REPOSITORY_ITEM_OBJECTS)) < 0 ||
	    (rc = git_repository_odb(odb, repo)) < 0)
		return git_fault(rc, f, "%s", git_repository_path(repo));
	while (path.size > 1 && path.ptr[path.size - 1] == '/')
		path.size--;
	snprintf(objects, PATH_MAX, "%.*s", (int)(path.size < 4000 ? path.size : 4000), path.ptr);
	git_buf_dispose(&path);
	return ERR_OK;
}

enum err
git_child_copy(git_repository *from, git_repository *to, const git_oid *base, const git_oid *commit, bool *many,
    struct fault *f)
{
	struct copy k = { .from = from, .to = to, .ours = base != NULL ? from : to, .base = base };
	uint64_t raw = 0;
	enum err err;

	if ((err = place_of(from, &k.from_odb, k.from_objects, f)) == ERR_OK &&
	    (err = place_of(to, &k.to_odb, k.to_objects, f)) == ERR_OK)
		err = add_commit(&k, commit, f);
	for (size_t i = 0; err == ERR_OK && i < k.n; i++)
		raw += raw_size(&k, &k.v[i]);
	*many = k.many = k.many || raw > RAW_MAX;
	for (size_t i = 0; err == ERR_OK && !k.many && i < k.n; i++)
		err = take(&k, &k.v[i], f);
	git_odb_free(k.from_odb);
	git_odb_free(k.to_odb);
	return err;
}
