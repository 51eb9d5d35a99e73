/* zones/git_history.c -- what a rewritten history has thrown away of ours. */
#include <stdlib.h>
#include <string.h>

#include "zones/git_internal.h"

#define OURS_MAX 10000			/* commits of ours that are looked at; each is a comparison of two trees */

static enum err
add_dropped(struct git_dropped *out, const git_oid *commit, const git_oid *parent)
{
	struct git_step *v = realloc(out->v, (out->n + 1) * sizeof *v);

	if (v == NULL)
		return ERR_NOMEM;
	out->v = v;
	git_oid_tostr(v[out->n].after, GIT_OID_TEXT, commit);
	git_oid_tostr(v[out->n].before, GIT_OID_TEXT, parent);
	out->n++;
	return ERR_OK;
}

/* By its committer, or by the trailers that a write-back has. */
static bool
is_ours(const git_commit *commit)
{
	const git_signature *who = git_commit_committer(commit);
	const char *message = git_commit_message(commit);

	return (who != NULL && who->email != NULL && strncmp(who->email, "certns@", 7) == 0) ||
	    (message != NULL && strstr(message, "\nCertns-") != NULL);
}

static enum err
walk_start(struct git_source *s, const git_oid_text old, const git_oid_text new, git_revwalk **out, struct fault *f)
{
	git_oid from, hidden;
	enum err err;
	int rc;

	if ((err = git_oid_of(old, &from, f)) != ERR_OK || (err = git_oid_of(new, &hidden, f)) != ERR_OK)
		return err;
	if ((rc = git_revwalk_new(out, s->repo)) < 0)
		return git_fault(rc, f, "%s", s->dir);
	git_revwalk_sorting(*out, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
	if ((rc = git_revwalk_push(*out, &from)) < 0 || (rc = git_revwalk_hide(*out, &hidden)) < 0) {
		git_revwalk_free(*out);
		*out = NULL;
		return git_clone_fault(s->dir, rc, f, "the history of commit %s", old);
	}
	return ERR_OK;
}

enum err
git_source_dropped(struct git_source *s, const git_oid_text old, const git_oid_text new, struct git_dropped *out,
    struct fault *f)
{
	git_revwalk *walk = NULL;
	git_commit *commit;
	git_oid id;
	enum err err = walk_start(s, old, new, &walk, f);
	int rc = 0;

	*out = (struct git_dropped){ 0 };
	while (err == ERR_OK && out->n < OURS_MAX && (rc = git_revwalk_next(&id, walk)) == 0) {
		if ((rc = git_commit_lookup(&commit, s->repo, &id)) < 0)
			break;
		if (is_ours(commit) && git_commit_parentcount(commit) == 1)
			err = add_dropped(out, &id, git_commit_parent_id(commit, 0));
		git_commit_free(commit);
	}
	git_revwalk_free(walk);
	if (err == ERR_OK && rc < 0 && rc != GIT_ITEROVER)
		err = git_clone_fault(s->dir, rc, f, "the history of commit %s", old);
	if (err != ERR_OK)
		git_dropped_clear(out);
	return err;
}

void
git_dropped_clear(struct git_dropped *d)
{
	free(d->v);
	*d = (struct git_dropped){ 0 };
}
