/* zones/git_child_fetch.c -- inside the child: ask the remote for its branches, choose one, bring it here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/git_internal.h"

static const git_remote_head *
head_find(const git_remote_head **heads, size_t n, const char *branch)
{
	char ref[GIT_REF_SIZE];

	if (git_ref_name("refs/heads/", branch, ref, NULL) != ERR_OK)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strcmp(heads[i]->name, ref) == 0)
			return heads[i];
	return NULL;
}

/* The configured branch, else main, else master. */
static enum err
head_choose(struct git_child *c, git_remote *remote, const git_remote_head **head, const char **branch,
    struct fault *f)
{
	const char *wanted[2] = { "main", "master" };
	const git_remote_head **heads;
	size_t n;
	int rc;

	if (c->request->v[GIT_FIELD_BRANCH] != NULL)
		wanted[0] = wanted[1] = c->request->v[GIT_FIELD_BRANCH];
	if ((rc = git_remote_ls(&heads, &n, remote)) < 0)
		return git_fault(rc, f, "%s", c->request->v[GIT_FIELD_URL]);
	for (size_t i = 0; i < 2; i++)
		if ((*head = head_find(heads, n, *branch = wanted[i])) != NULL)
			return ERR_OK;
	if (n == 0)
		return fault_set(f, ERR_NOT_FOUND, "the remote repository is empty: it has no commit yet");
	if (wanted[0] == wanted[1])
		return fault_set(f, ERR_NOT_FOUND, "the remote repository has no branch %s", wanted[0]);
	return fault_set(f, ERR_NOT_FOUND, "the remote repository has neither a branch main nor master: name one "
	    "after '#'");
}

/* A rewritten history comes in too (the '+'): whoever asked tells it by git_source_is_ancestor(). */
static enum err
pack_download(struct git_child *c, git_remote *remote, const char *branch, const char *ref, struct fault *f)
{
	git_fetch_options options;
	char spec[2 * GIT_REF_SIZE + 2];
	char *specs[1] = { spec };
	git_strarray array = { specs, 1 };
	int rc;

	snprintf(spec, sizeof spec, "+refs/heads/%s:%s", branch, ref);
	(void)git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
	git_child_callbacks(&options.callbacks, c);
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	options.proxy_opts.type = GIT_PROXY_AUTO;
	rc = git_remote_download(remote, &array, &options);
	return rc < 0 ? git_fault(rc, f, "%s", c->request->v[GIT_FIELD_URL]) : ERR_OK;
}

static enum err
local_copy(struct git_child *c, const git_oid *id, bool *many, struct fault *f)
{
	const char *url = c->request->v[GIT_FIELD_URL];
	char *path = git_url_directory(url);
	git_repository *remote = NULL;
	enum err err;
	int rc;

	if (path == NULL)
		return fault_set(f, ERR_FORMAT, "%s: a bad escape", url);
	rc = git_repository_open(&remote, path);
	err = rc < 0 ? git_fault(rc, f, "%s", url) : git_child_copy(remote, c->repo, NULL, id, many, f);
	git_repository_free(remote);
	free(path);
	return err;
}

static enum err
branch_download(struct git_child *c, git_remote *remote, const git_remote_head *head, const char *branch,
    struct fault *f)
{
	git_reference *tip = NULL, *in_use = NULL;
	char ref[GIT_REF_SIZE];
	git_oid id = head->oid;
	bool many = true;
	enum err err;
	int rc;

	if ((err = git_ref_name(GIT_REFS_ORIGIN, branch, ref, f)) != ERR_OK)
		return err;
	if (git_url_kind(c->request->v[GIT_FIELD_URL]) == GIT_KIND_LOCAL &&
	    (err = local_copy(c, &id, &many, f)) != ERR_OK)
		return err;
	if (git_url_kind(c->request->v[GIT_FIELD_URL]) != GIT_KIND_LOCAL && (err = git_child_unpack(c, f)) != ERR_OK)
		return err;
	if (many && (err = pack_download(c, remote, branch, ref, f)) != ERR_OK)
		return err;
	if ((rc = git_reference_create(&tip, c->repo, ref, &id, 1, NULL)) < 0 ||
	    (rc = git_reference_symbolic_create(&in_use, c->repo, GIT_REF_IN_USE, ref, 1, NULL)) < 0)
		err = git_fault(rc, f, "the clone %s", c->request->v[GIT_FIELD_CLONE]);
	git_reference_free(tip);
	git_reference_free(in_use);
	return err;
}

static enum err
fetch_from(struct git_child *c, git_remote *remote, struct fault *f)
{
	git_remote_connect_options options;
	const git_remote_head *head = NULL;
	const char *branch = NULL;
	enum err err;
	int rc;

	git_child_connect_options(&options, c);
	git_child_tell("while connecting");
	if ((rc = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &options)) < 0)
		return git_fault(rc, f, "%s", c->request->v[GIT_FIELD_URL]);
	git_child_tell("connected, while waiting for objects");
	if ((err = head_choose(c, remote, &head, &branch, f)) != ERR_OK)
		return err;
	if (!git_exchange_set(c->reply, GIT_FIELD_BRANCH, branch) ||
	    !git_exchange_set(c->reply, GIT_FIELD_COMMIT, git_oid_tostr_s(&head->oid)))
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	return branch_download(c, remote, head, branch, f);
}

enum err
git_child_fetch(struct git_child *c, struct fault *f)
{
	git_remote *remote = NULL;
	enum err err;

	if ((err = git_child_remote(c, &remote, f)) == ERR_OK)
		err = fetch_from(c, remote, f);
	git_remote_free(remote);
	return err;
}
