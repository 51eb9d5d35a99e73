/* zones/git_sign.c -- commits of ours, with a signature as git commit -S makes it with gpg.format=ssh. */
#include <string.h>

#include "zones/git_internal.h"
#include "zones/sshsig.h"

/* The signature covers the commit as it would be without it. */
static enum err
write_signed(struct git_source *s, const git_buf *content, git_oid *id, struct fault *f)
{
	struct buf signature = { 0 };
	enum err err = sshsig_sign(s->config.signing_key, "git", content->ptr, content->size, &signature);
	int rc;

	if (err == ERR_OK && buf_str(&signature) == NULL)
		err = ERR_NOMEM;
	if (err != ERR_OK)
		fault_set(f, err, "cannot sign a commit: %s", err_str(err));
	else if ((rc = git_commit_create_with_signature(id, s->repo, content->ptr, buf_str(&signature), NULL)) < 0)
		err = git_fault(rc, f, "cannot commit in the clone %s", s->dir);
	buf_clear(&signature);
	return err;
}

enum err
git_source_commit_object(struct git_source *s, const git_signature *author, const git_signature *committer,
    const char *message, git_tree *tree, git_commit *parent, git_oid *id, struct fault *f)
{
	const git_commit *parents[1] = { parent };
	git_buf content = { 0 };
	enum err err = ERR_OK;
	int rc;

	if (s->config.signing_key == NULL)
		rc = git_commit_create(id, s->repo, NULL, author, committer, NULL, message, tree, 1, parents);
	else if ((rc = git_commit_create_buffer(&content, s->repo, author, committer, NULL, message, tree, 1,
	    parents)) == 0)
		err = write_signed(s, &content, id, f);
	git_buf_dispose(&content);
	return rc < 0 ? git_fault(rc, f, "cannot commit in the clone %s", s->dir) : err;
}
