/* zones/git_child_push.c -- inside the child: move the remote's branch from the commit we know to ours, and from no
 * other.  A server compares the old value that its advertisement gave; a local path is compared by us, under the
 * ref's lock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "zones/git_internal.h"

/* git refuses to move the branch that a work tree stands on, unless told that this is wanted. */
static enum err
checked_out(git_repository *remote, const char *ref, struct fault *f)
{
	git_reference *head = NULL;
	git_config *config = NULL;
	git_buf policy = { 0 };
	const char *target = NULL;
	enum err err = ERR_OK;

	if (git_repository_is_bare(remote))
		return ERR_OK;
	if (git_reference_lookup(&head, remote, "HEAD") == 0)
		target = git_reference_symbolic_target(head);
	if (target != NULL && strcmp(target, ref) == 0 && git_repository_config_snapshot(&config, remote) == 0 &&
	    (git_config_get_string_buf(&policy, config, "receive.denyCurrentBranch") != 0 ||
	    (strcmp(policy.ptr, "ignore") != 0 && strcmp(policy.ptr, "warn") != 0)))
		err = fault_set(f, ERR_REFUSED, "the remote repository is not bare and has %s checked out, and its "
		    "files would not follow a push; use a bare repository", ref);
	git_buf_dispose(&policy);
	git_config_free(config);
	git_reference_free(head);
	return err;
}

/* The objects of new that the remote, which has old, lacks: as one pack in its objects directory. */
static int
pack_copy(git_repository *ours, git_repository *remote, const git_oid *old, const git_oid *new)
{
	git_packbuilder *pack = NULL;
	git_revwalk *walk = NULL;
	char *path = NULL;
	int rc;

	if (asprintf(&path, "%sobjects/pack", git_repository_commondir(remote)) < 0) {
		git_error_set_oom();
		return GIT_ERROR;
	}
	if ((rc = git_packbuilder_new(&pack, ours)) == 0 &&
	    (rc = git_revwalk_new(&walk, ours)) == 0 &&
	    (rc = git_revwalk_push(walk, new)) == 0 &&
	    (rc = git_revwalk_hide(walk, old)) == 0 &&
	    (rc = git_packbuilder_insert_walk(pack, walk)) == 0)
		rc = git_packbuilder_write(pack, path, 0, NULL, NULL);
	git_revwalk_free(walk);
	git_packbuilder_free(pack);
	free(path);
	return rc;
}

static enum err
moved(const char *ref, const char *seen, const char *expected, struct fault *f)
{
	return fault_set(f, ERR_CONFLICT, "%s of the remote is at %s and no longer at %s", ref, seen, expected);
}

/* By git where it is installed and would trust the repository; else by ourselves, unless there are hooks.  What a
 * hook may refuse is for git to keep apart until then. */
static enum err
way_choose(struct git_child *c, git_repository *remote, bool *may_refuse, struct fault *f)
{
	const char *hook = NULL;
	bool installed = git_child_finds_git(), hooks = git_local_hook(remote, &hook, may_refuse);

	if (hooks && !installed)
		return fault_set(f, ERR_REFUSED, "%s: the repository has a hook %s, and git is not installed to run it",
		    c->request->v[GIT_FIELD_URL], hook);
	c->by_git = installed && (hooks || git_local_is_trusted(remote));
	return ERR_OK;
}

/* The objects first, as they are: nothing leads to them there yet. */
static enum err
objects_place(struct git_child *c, git_repository *remote, const git_oid *old, const git_oid *new, struct fault *f)
{
	bool many = false;
	enum err err = git_child_copy(c->repo, remote, old, new, &many, f);
	int rc = 0;

	if (err == ERR_OK && many && !c->by_git)
		rc = pack_copy(c->repo, remote, old, new);
	c->placed = !many || !c->by_git;
	return rc < 0 ? git_fault(rc, f, "%s", c->request->v[GIT_FIELD_URL]) : err;
}

static enum err
push_local(struct git_child *c, const char *ref, struct fault *f)
{
	const char *url = c->request->v[GIT_FIELD_URL], *expected = c->request->v[GIT_FIELD_EXPECTED];
	git_repository *remote = NULL;
	git_reference *r = NULL;
	char *path = git_url_directory(url);
	git_oid old, new, seen;
	bool may_refuse = false;
	enum err err;
	int rc;

	if (path == NULL)
		return fault_set(f, ERR_FORMAT, "%s: a bad escape", url);
	/* Nothing here waits for a network; killed with the server, we would leave the ref's lock behind, and nobody
	 * could push. */
	(void)prctl(PR_SET_PDEATHSIG, 0);
	if ((err = git_oid_of(expected, &old, f)) != ERR_OK ||
	    (err = git_oid_of(c->request->v[GIT_FIELD_COMMIT], &new, f)) != ERR_OK)
		goto out;
	if ((rc = git_repository_open(&remote, path)) < 0) {
		err = git_fault(rc, f, "%s", url);
		goto out;
	}
	if ((err = checked_out(remote, ref, f)) != ERR_OK || (err = way_choose(c, remote, &may_refuse, f)) != ERR_OK ||
	    (err = git_local_lock(c, remote, ref, f)) != ERR_OK)
		goto out;
	if ((rc = git_reference_name_to_id(&seen, remote, ref)) == GIT_ENOTFOUND)
		err = moved(ref, "no commit (it is gone)", expected, f);
	else if (rc < 0)
		err = git_fault(rc, f, "%s", url);
	else if (!git_oid_equal(&seen, &old))
		err = moved(ref, git_oid_tostr_s(&seen), expected, f);
	else if (!may_refuse)
		err = objects_place(c, remote, &old, &new, f);
	if (err == ERR_OK && c->by_git)
		err = git_child_push_network(c, ref, f);
	else if (err == ERR_OK &&
	    (rc = git_reference_create_matching(&r, remote, ref, &new, 1, &old, "push: certns")) < 0)
		err = git_fault(rc, f, "%s", url);
out:
	git_reference_free(r);
	git_repository_free(remote);
	free(path);
	return err;
}

/* What the remote's branch is known to be at now. */
static enum err
refs_settle(struct git_child *c, struct fault *f)
{
	const char *branch = c->request->v[GIT_FIELD_BRANCH];
	char origin[GIT_REF_SIZE];
	git_reference *r = NULL;
	git_oid id;
	enum err err;
	int rc;

	if ((err = git_ref_name(GIT_REFS_ORIGIN, branch, origin, f)) != ERR_OK ||
	    (err = git_oid_of(c->request->v[GIT_FIELD_COMMIT], &id, f)) != ERR_OK)
		return err;
	if ((rc = git_reference_create(&r, c->repo, origin, &id, 1, NULL)) < 0)
		return git_fault(rc, f, "the clone %s", c->request->v[GIT_FIELD_CLONE]);
	git_reference_free(r);
	return ERR_OK;
}

enum err
git_child_push(struct git_child *c, struct fault *f)
{
	char ref[GIT_REF_SIZE];
	enum err err;

	if (c->request->v[GIT_FIELD_BRANCH] == NULL || c->request->v[GIT_FIELD_EXPECTED] == NULL ||
	    c->request->v[GIT_FIELD_COMMIT] == NULL)
		return fault_set(f, ERR_FORMAT, "the request is not whole");
	if ((err = git_ref_name("refs/heads/", c->request->v[GIT_FIELD_BRANCH], ref, f)) != ERR_OK)
		return err;
	if (git_url_kind(c->request->v[GIT_FIELD_URL]) == GIT_KIND_LOCAL)
		err = push_local(c, ref, f);
	else
		err = git_child_push_network(c, ref, f);
	return err == ERR_OK ? refs_settle(c, f) : err;
}
