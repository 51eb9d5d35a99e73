#include "zones/git_verify.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "zones/git_internal.h"
#include "zones/sshsig.h"

#define NAME_SPACE "git"
#define SHOWN 60			/* characters of a name or a subject */

/* --- the accepted commit --- */

enum err
git_source_accepted(struct git_source *s, git_oid_text commit, struct fault *f)
{
	return git_source_ref(s, GIT_REFS_ACCEPTED, "taken", commit, f);
}

enum err
git_source_accept(struct git_source *s, const git_oid_text commit, struct fault *f)
{
	char ref[GIT_REF_SIZE];
	git_reference *r = NULL;
	git_oid id;
	enum err err;
	int rc;

	if ((err = git_oid_of(commit, &id, f)) != ERR_OK ||
	    (err = git_ref_name(GIT_REFS_ACCEPTED, s->branch, ref, f)) != ERR_OK)
		return err;
	if ((rc = git_reference_create(&r, s->repo, ref, &id, 1, NULL)) < 0)
		err = git_fault(rc, f, "cannot write %s into the clone %s", ref, s->dir);
	git_reference_free(r);
	return err;
}

/* --- a walk over what is new --- */

typedef enum err each_commit(void *ctx, struct git_source *s, git_commit *commit, struct fault *f);

/* A ref of ours, where there is one. */
static void
add_ref(struct git_source *s, const char *prefix, git_oid *ids, size_t *n)
{
	char ref[GIT_REF_SIZE];

	if (s->branch != NULL && git_ref_name(prefix, s->branch, ref, NULL) == ERR_OK &&
	    git_reference_name_to_id(&ids[*n], s->repo, ref) == 0)
		++*n;
}

/* Those that the clone has.  ids: room for nknown + 2. */
static size_t
find_known(struct git_source *s, const struct git_news *news, git_oid *ids)
{
	size_t n = 0, kept = 0;

	add_ref(s, GIT_REFS_ACCEPTED, ids, &n);
	add_ref(s, GIT_REFS_OURS, ids, &n);
	for (size_t i = 0; i < news->nknown; i++)
		n += git_oid_of(news->known[i], &ids[n], NULL) == ERR_OK;
	for (size_t i = 0; i < n; i++) {
		git_commit *commit = NULL;

		if (git_commit_lookup(&commit, s->repo, &ids[i]) == 0)
			ids[kept++] = ids[i];
		git_commit_free(commit);
	}
	return kept;
}

static enum err
walk_from(struct git_source *s, git_revwalk *walk, each_commit *each, void *ctx, struct fault *f)
{
	enum err err = ERR_OK;
	git_oid id;
	int rc;

	while (err == ERR_OK && (rc = git_revwalk_next(&id, walk)) != GIT_ITEROVER) {
		git_commit *commit = NULL;

		if (rc < 0 || (rc = git_commit_lookup(&commit, s->repo, &id)) < 0)
			return git_clone_fault(s->dir, rc, f, "its history");
		err = each(ctx, s, commit, f);
		git_commit_free(commit);
	}
	return err;
}

/* Oldest first. */
static enum err
walk_news(struct git_source *s, const struct git_news *news, each_commit *each, void *ctx, struct fault *f)
{
	git_oid *known = calloc(news->nknown + 2, sizeof *known), tip;
	git_revwalk *walk = NULL;
	git_commit *alone = NULL;
	size_t n;
	enum err err;
	int rc = 0;

	if (known == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	if ((err = git_oid_of(news->tip, &tip, f)) != ERR_OK)
		goto out;
	if ((n = find_known(s, news, known)) == 0) {
		if ((err = git_source_commit_of(s, news->tip, &alone, f)) == ERR_OK)
			err = each(ctx, s, alone, f);
		goto out;
	}
	if ((rc = git_revwalk_new(&walk, s->repo)) == 0)
		rc = git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
	if (rc == 0)
		rc = git_revwalk_push(walk, &tip);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = git_revwalk_hide(walk, &known[i]);
	err = rc < 0 ? git_clone_fault(s->dir, rc, f, "its history") : walk_from(s, walk, each, ctx, f);
out:
	git_commit_free(alone);
	git_revwalk_free(walk);
	free(known);
	return err;
}

/* --- signatures --- */

/* Somebody else's words in a line of ours. */
static void
add_words(struct buf *out, const char *text)
{
	size_t n = text == NULL ? 0 : strcspn(text, "\r\n"), shown = n;

	if (shown > SHOWN)
		for (shown = SHOWN; shown > 0 && ((uint8_t)text[shown] & 0xc0) == 0x80; shown--)
			;			/* no half of a UTF-8 character */
	for (size_t i = 0; i < shown; i++)
		buf_u8(out, (uint8_t)text[i] < 0x20 || text[i] == 0x7f ? '?' : (uint8_t)text[i]);
	if (shown < n)
		buf_add_str(out, "...");
}

static enum err
name_commit(git_commit *commit, const struct fault *why, struct fault *f)
{
	const git_signature *author = git_commit_author(commit);
	char when[CLOCK_TEXT_SIZE];
	struct buf text = { 0 };

	clock_print(git_commit_time(commit), when);
	buf_printf(&text, "commit %.12s of %s by ", git_oid_tostr_s(git_commit_id(commit)), when);
	add_words(&text, author == NULL ? "?" : author->name);
	buf_add_str(&text, " <");
	add_words(&text, author == NULL ? "?" : author->email);
	buf_add_str(&text, "> \"");
	add_words(&text, git_commit_message(commit));
	buf_add_str(&text, "\" ");
	fault_set(f, why->err, "%s%s", buf_str(&text) == NULL ? "" : buf_str(&text), fault_str(why, why->err));
	buf_clear(&text);
	return why->err;
}

static bool
begins(const git_buf *text, const char *words)
{
	return text->size >= strlen(words) && memcmp(text->ptr, words, strlen(words)) == 0;
}

static enum err
check_signature(const struct signers *signers, const git_buf *signature, const git_buf *content, int64_t time_s,
    struct fault *f)
{
	struct fault why = { 0 };
	struct sshsig sig;
	enum err err;

	if (begins(signature, "-----BEGIN PGP "))
		return fault_set(f, ERR_REFUSED, "is signed with PGP, and only signatures by SSH keys are taken");
	if (begins(signature, "-----BEGIN SIGNED MESSAGE-----"))
		return fault_set(f, ERR_REFUSED, "is signed with X.509, and only signatures by SSH keys are taken");
	if ((err = sshsig_parse(signature->ptr, signature->size, &sig, &why)) != ERR_OK)
		return err == ERR_NOMEM ? err :
		    fault_set(f, ERR_REFUSED, "has a bad signature: %s", fault_str(&why, err));
	if ((err = sshsig_verify(&sig, NAME_SPACE, content->ptr, content->size, &why)) != ERR_OK)
		fault_set(f, err, "has a bad signature: %s", fault_str(&why, err));
	else if ((err = signers_check(signers, sig.key, NAME_SPACE, time_s, &why)) != ERR_OK)
		fault_set(f, err, "is not signed by an allowed key: %s", fault_str(&why, err));
	sshsig_clear(&sig);
	return err == ERR_OK || err == ERR_NOMEM ? err : (f->err = ERR_REFUSED);
}

static enum err
check_commit(void *ctx, struct git_source *s, git_commit *commit, struct fault *f)
{
	git_oid id = *git_commit_id(commit);
	git_buf signature = { 0 }, content = { 0 };
	struct fault why = { 0 };
	enum err err;
	int rc = git_commit_extract_signature(&signature, &content, s->repo, &id, NULL);

	if (rc == GIT_ENOTFOUND)
		err = fault_set(&why, ERR_REFUSED, "is not signed");
	else if (rc < 0)
		err = git_clone_fault(s->dir, rc, &why, "the signature of a commit");
	else
		err = check_signature(ctx, &signature, &content, git_commit_time(commit), &why);
	git_buf_dispose(&signature);
	git_buf_dispose(&content);
	return err == ERR_OK ? err : name_commit(commit, &why, f);
}

enum err
git_source_verify(struct git_source *s, const struct git_news *news, const struct signers *signers, struct fault *f)
{
	return walk_news(s, news, check_commit, (void *)(uintptr_t)signers, f);
}

/* --- trailers --- */

struct wanted_trailer {
	const char *key, *value;
	bool found;
};

static enum err
find_trailer(void *ctx, struct git_source *s, git_commit *commit, struct fault *f)
{
	struct wanted_trailer *w = ctx;
	git_message_trailer_array all = { 0 };
	int rc = git_message_trailers(&all, git_commit_message(commit));

	(void)s;
	if (rc < 0)
		return git_fault(rc, f, "a commit's message");
	for (size_t i = 0; i < all.count; i++)
		w->found |= strcasecmp(all.trailers[i].key, w->key) == 0 &&
		    strcasecmp(all.trailers[i].value, w->value) == 0;
	git_message_trailer_array_free(&all);
	return ERR_OK;
}

enum err
git_source_has_trailer(struct git_source *s, const struct git_news *news, const char *key, const char *value, bool *yes,
    struct fault *f)
{
	struct wanted_trailer w = { key, value, false };
	enum err err = walk_news(s, news, find_trailer, &w, f);

	*yes = err == ERR_OK && w.found;
	return err;
}
