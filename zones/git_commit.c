/* zones/git_commit.c -- a commit on top of another: some files of the zones' directory replaced, added or removed,
 * everything else as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/git_internal.h"

struct edits {
	git_tree_update *v;
	char **paths;			/* from the repository's top */
	size_t n;
};

static void
edits_clear(struct edits *edits)
{
	for (size_t i = 0; edits->paths != NULL && i < edits->n; i++)
		free(edits->paths[i]);
	free(edits->paths);
	free(edits->v);
}

/* Not by libgit2, whose SHA-1 looks for forgeries and which deflates on one CPU. */
enum err
git_source_blob(struct git_source *s, const void *octets, size_t n, git_oid *id, struct fault *f)
{
	char objects[PATH_MAX];

	snprintf(objects, sizeof objects, "%.4000sobjects", git_repository_commondir(s->repo));
	return git_loose_write(objects, GIT_OBJECT_BLOB, octets, n, id, f);
}

/* One edit as libgit2 wants it; removing what is not there is none. */
static enum err
edit_add(struct git_source *s, git_tree *root, const struct git_edit *edit, struct edits *edits, struct fault *f)
{
	git_tree_update *u = &edits->v[edits->n];
	git_tree_entry *entry = NULL;
	git_filemode_t mode = GIT_FILEMODE_BLOB;
	char *path = NULL;
	enum err err;

	if ((err = git_path_join(s->path, edit->path, &path, f)) != ERR_OK)
		return err;
	if ((err = git_source_find(s, root, path, &entry, f)) == ERR_OK)
		mode = git_tree_entry_filemode(entry);
	git_tree_entry_free(entry);
	if (err == ERR_NOT_FOUND && edit->octets == NULL) {
		git_fault_clear(f);
		free(path);
		return ERR_OK;
	}
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		goto out;
	git_fault_clear(f);
	if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE) {
		err = fault_set(f, ERR_UNSUPPORTED, "%s: is not a file, and is left as it is", path);
		goto out;
	}
	u->action = edit->octets != NULL ? GIT_TREE_UPDATE_UPSERT : GIT_TREE_UPDATE_REMOVE;
	u->filemode = mode;
	u->path = path;
	if (edit->octets != NULL && (err = git_source_blob(s, edit->octets, edit->n, &u->id, f)) != ERR_OK)
		goto out;
	edits->paths[edits->n++] = path;
	return ERR_OK;
out:
	free(path);
	return err;
}

static enum err
tree_write(struct git_source *s, git_tree *root, const struct git_edit *v, size_t n, git_oid *id, struct fault *f)
{
	struct edits edits = { 0 };
	enum err err = ERR_OK;
	int rc;

	edits.v = calloc(n > 0 ? n : 1, sizeof *edits.v);
	edits.paths = calloc(n > 0 ? n : 1, sizeof *edits.paths);
	if (edits.v == NULL || edits.paths == NULL)
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	for (size_t i = 0; err == ERR_OK && i < n; i++)
		err = edit_add(s, root, &v[i], &edits, f);
	if (err == ERR_OK && edits.n == 0)
		*id = *git_tree_id(root);
	else if (err == ERR_OK && (rc = git_tree_create_updated(id, s->repo, root, edits.n, edits.v)) < 0)
		err = git_fault(rc, f, "cannot write a directory into the clone %s", s->dir);
	edits_clear(&edits);
	return err;
}

/* A commit that waits to be pushed and says the same: trying again and again leaves nothing behind.  One that says
 * something else is given up with this one. */
static bool
made_before(struct git_source *s, const char *ref, const git_commit *parent, const git_oid *tree_id,
    const git_signature *author, const char *message, git_oid *id)
{
	git_commit *commit = NULL;
	git_buf signature = { 0 };
	bool same = false, there = git_reference_name_to_id(id, s->repo, ref) == 0 &&
	    git_commit_lookup(&commit, s->repo, id) == 0;

	if (there)
		same = git_oid_equal(git_commit_tree_id(commit), tree_id) && git_commit_parentcount(commit) == 1 &&
		    git_oid_equal(git_commit_parent_id(commit, 0), git_commit_id(parent)) &&
		    strcmp(git_commit_author(commit)->email, author->email) == 0 &&
		    strcmp(git_commit_message(commit), message) == 0 &&
		    (git_commit_header_field(&signature, commit, "gpgsig") == 0) == (s->config.signing_key != NULL);
	if (there && !same && !git_oid_equal(id, git_commit_id(parent)) &&
	    git_graph_descendant_of(s->repo, git_commit_id(parent), id) == 0)
		git_source_note_discarded(s);
	git_buf_dispose(&signature);
	git_commit_free(commit);
	return same;
}

static enum err
commit_create(struct git_source *s, const char *ref, git_commit *parent, const git_oid *tree_id,
    const git_signature *author, const git_signature *committer, const char *message, git_oid *id, struct fault *f)
{
	git_reference *r = NULL;
	git_tree *tree = NULL;
	enum err err;
	int rc;

	if ((rc = git_tree_lookup(&tree, s->repo, tree_id)) < 0)
		err = git_fault(rc, f, "cannot commit in the clone %s", s->dir);
	else if ((err = git_source_commit_object(s, author, committer, message, tree, parent, id, f)) == ERR_OK &&
	    (rc = git_reference_create(&r, s->repo, ref, id, 1, NULL)) < 0)
		err = git_fault(rc, f, "cannot commit in the clone %s", s->dir);
	git_reference_free(r);
	git_tree_free(tree);
	return err;
}

/* The commit object, and refs/certns/BRANCH on it, so that it survives until it is pushed, and is known for ours after
 * a restart. */
static enum err
commit_write(struct git_source *s, git_commit *parent, const git_oid *tree_id,
    const struct git_signature_text *author, const char *message, git_oid *id, struct fault *f)
{
	git_signature *by = NULL, *committer = NULL;
	char ref[GIT_REF_SIZE];
	enum err err;
	int rc;

	if (s->branch == NULL)
		return fault_set(f, ERR_NOT_FOUND, "nothing was fetched yet");
	if ((err = git_ref_name(GIT_REFS_OURS, s->branch, ref, f)) != ERR_OK)
		return err;
	if ((rc = git_signature_new(&by, author->name, author->email, author->time_s, 0)) < 0 ||
	    (rc = git_signature_new(&committer, s->committer, s->committer_address, author->time_s, 0)) < 0)
		err = git_fault(rc, f, "the author's or committer's name or address");
	else if (!made_before(s, ref, parent, tree_id, by, message, id))
		err = commit_create(s, ref, parent, tree_id, by, committer, message, id, f);
	git_signature_free(committer);
	git_signature_free(by);
	return err;
}

enum err
git_source_commit(struct git_source *s, const git_oid_text parent, const struct git_edit *edits, size_t n,
    const struct git_signature_text *author, const char *message, git_oid_text new_commit, struct fault *f)
{
	git_commit *below = NULL;
	git_tree *root = NULL;
	git_oid tree, id;
	enum err err;

	if ((err = git_source_commit_of(s, parent, &below, f)) != ERR_OK ||
	    (err = git_source_tree_of(s, parent, &root, f)) != ERR_OK ||
	    (err = tree_write(s, root, edits, n, &tree, f)) != ERR_OK)
		goto out;
	if (git_oid_equal(&tree, git_tree_id(root)))
		id = *git_commit_id(below);
	else if ((err = commit_write(s, below, &tree, author, message, &id, f)) != ERR_OK)
		goto out;
	git_oid_tostr(new_commit, GIT_OID_TEXT, &id);
out:
	git_tree_free(root);
	git_commit_free(below);
	return err;
}

enum err
git_source_made(struct git_source *s, git_oid_text commit, git_oid_text parent, struct fault *f)
{
	char ref[GIT_REF_SIZE];
	git_commit *made = NULL;
	git_oid id;
	enum err err;
	int rc;

	if (s->branch == NULL)
		return ERR_NOT_FOUND;
	if ((err = git_ref_name(GIT_REFS_OURS, s->branch, ref, f)) != ERR_OK)
		return err;
	if ((rc = git_reference_name_to_id(&id, s->repo, ref)) == GIT_ENOTFOUND)
		return ERR_NOT_FOUND;
	if (rc < 0)
		return git_clone_fault(s->dir, rc, f, "%s", ref);
	git_oid_tostr(commit, GIT_OID_TEXT, &id);
	if ((err = git_source_commit_of(s, commit, &made, f)) != ERR_OK)
		return err;
	if (git_commit_parentcount(made) == 0)
		err = ERR_NOT_FOUND;
	else
		git_oid_tostr(parent, GIT_OID_TEXT, git_commit_parent_id(made, 0));
	git_commit_free(made);
	return err;
}
