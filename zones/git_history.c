/* zones/git_history.c -- what a rewritten history has thrown away of ours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "zones/git_internal.h"

#define KEPT_MAX 16
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

/* --- histories that were left behind --- */

struct kept {
	char oldest[GIT_REF_SIZE];
	size_t n;
};

/* Names begin with the time, so that the first is the oldest. */
static int
find_oldest(const char *name, void *ctx)
{
	struct kept *k = ctx;

	if (strncmp(name, GIT_REFS_KEPT, strlen(GIT_REFS_KEPT)) != 0)
		return 0;
	if (k->n++ == 0 || strcmp(name, k->oldest) < 0)
		snprintf(k->oldest, sizeof k->oldest, "%s", name);
	return 0;
}

enum err
git_source_keep(struct git_source *s, const git_oid_text commit, struct fault *f)
{
	struct kept k = { .n = 0 };
	git_reference *ref = NULL;
	char name[GIT_REF_SIZE];
	git_oid id;
	enum err err;
	int rc;

	if ((err = git_oid_of(commit, &id, f)) != ERR_OK)
		return err;
	snprintf(name, sizeof name, "%s%020lld-%s", GIT_REFS_KEPT, (long long)clock_now_s(), commit);
	if ((rc = git_reference_create(&ref, s->repo, name, &id, 1, NULL)) >= 0 &&
	    (rc = git_reference_foreach_name(s->repo, find_oldest, &k)) >= 0 && k.n > KEPT_MAX)
		rc = git_reference_remove(s->repo, k.oldest);
	git_reference_free(ref);
	return rc < 0 ? git_fault(rc, f, "cannot keep commit %s in %s", commit, s->dir) : ERR_OK;
}
