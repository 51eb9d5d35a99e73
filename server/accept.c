/* server/accept.c -- which commits are taken.
 *
 * A pull asks twice, on its helper: once the tip is known, whether everybody who made what is new may do so (git:
 * allowed-signers), and once the zones are read, whether it would remove so much that a person should say so first
 * (removal-limit).  What is not taken is held as a whole: the commit that was taken last stays what is served, also
 * over a restart, nothing is written back on top of the other, and each pull asks again. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "zones/git_verify.h"

#define HOW_TO_ALLOW "; 'certnsctl pull --force' allows it, or a commit with the trailer '" \
	REMOVAL_ALLOW_KEY ": " REMOVAL_ALLOW_VALUE "'"

/* --- on a helper --- */

static enum err
hold(struct pull *p, enum hold_kind kind, const char *words)
{
	p->held = kind;
	memcpy(p->held_commit, p->tip, sizeof p->held_commit);
	return (p->held_words = strdup(words)) == NULL ? ERR_NOMEM : ERR_OK;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Where the clone has forgotten what was taken last (it was made anew), the zones know which commits they came from. */
static enum err
find_news(const struct pull *p, const char ***known, struct git_news *news)
{
	const struct source *s = p->source;
	git_oid_text accepted;
	bool forgotten = git_source_accepted(s->git, accepted, NULL) != ERR_OK;
	size_t n = 0;

	*news = (struct git_news){ .tip = p->tip };
	if ((*known = calloc(SOURCE_OURS + (forgotten ? p->ncommits : 0) + 1, sizeof **known)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; forgotten && i < p->ncommits; i++)
		(*known)[n++] = p->commits[i];
	qsort(*known, n, sizeof **known, compare_texts);
	for (size_t i = 0; i < n; i++)
		if (news->nknown == 0 || strcmp((*known)[news->nknown - 1], (*known)[i]) != 0)
			(*known)[news->nknown++] = (*known)[i];
	for (size_t i = 0; i < SOURCE_OURS; i++)
		if (s->ours[i][0] != '\0')
			(*known)[news->nknown++] = s->ours[i];
	news->known = *known;
	return ERR_OK;
}

/* An earlier commit was signed once, but nobody who may has said that it should be served again. */
static enum err
look_for_rewind(struct pull *p)
{
	struct git_source *git = p->source->git;
	git_oid_text accepted;
	char words[256];
	bool back = false;
	enum err err;

	if (git_source_accepted(git, accepted, NULL) != ERR_OK || strcmp(accepted, p->tip) == 0 || p->force)
		return ERR_OK;
	if ((err = git_source_is_ancestor(git, p->tip, accepted, &back, &p->fault)) != ERR_OK || !back)
		return err;
	snprintf(words, sizeof words,
	    "the branch was set back to commit %.12s, which was left behind already; 'certnsctl pull --force' allows "
	    "it, or a new commit on top", p->tip);
	return hold(p, HOLD_REWOUND, words);
}

/* The clone is a new one, and its newest commit is not to be taken: the newest one that a zone came from stands in. */
static enum err
find_last(struct pull *p, const struct git_news *news)
{
	struct git_source *git = p->source->git;
	const char *newest = NULL;
	git_oid_text accepted;
	enum err err;

	if (git_source_accepted(git, accepted, NULL) == ERR_OK)
		return ERR_OK;
	for (size_t i = 0; i < news->nknown; i++) {
		const char *one = news->known[i];
		bool here = false, newer = true;

		if ((err = git_source_is_ancestor(git, one, p->tip, &here, &p->fault)) != ERR_OK)
			return err;
		if (here && newest != NULL &&
		    (err = git_source_is_ancestor(git, newest, one, &newer, &p->fault)) != ERR_OK)
			return err;
		if (here && newer)
			newest = one;
	}
	return newest == NULL ? ERR_OK : git_source_accept(git, newest, &p->fault);
}

enum err
accept_commits(struct pull *p)
{
	const char **known = NULL;
	struct git_news news;
	enum err err;

	if (p->last || p->signers == NULL)
		return ERR_OK;
	if ((err = find_news(p, &known, &news)) == ERR_OK &&
	    (err = git_source_verify(p->source->git, &news, p->signers, &p->fault)) == ERR_REFUSED) {
		err = hold(p, HOLD_SIGNATURE, p->fault.text);
		p->fault.text[0] = '\0';
		if (err == ERR_OK)
			err = find_last(p, &news);
	} else if (err == ERR_OK) {
		err = look_for_rewind(p);
	}
	free(known);
	return err;
}

struct losses {
	size_t zones, gone;		/* that are served, and those of them whose file is gone */
	size_t gone_rrs;
	char worst[DNAME_TEXT_MAX];	/* the zone that would lose most of those that lose too much; "": none */
	size_t removed, of;
};

static void
count_losses(const struct pull *p, struct losses *l)
{
	const struct config_git *g = p->source->config;

	*l = (struct losses){ .zones = p->nserved };
	for (size_t i = 0; i < p->nzones; i++) {
		const struct pulled_zone *z = &p->zones[i];
		const struct pull_base *base = pull_find_base(p, z->apex.octets);
		size_t had = base == NULL ? 0 : base->rrs, removed;

		if (had > 0 && z->kind == PULLED_GONE) {
			l->gone++;
			l->gone_rrs += had;
		}
		if (had == 0 || z->kind != PULLED_TEXT)
			continue;
		removed = z->known ? removal_count(&z->changes) : had > z->rrs.n ? had - z->rrs.n : 0;
		if (removed > g->removal_floor && removed > l->removed &&
		    removal_is_too_much(g->removal_limit, removed, had)) {
			l->removed = removed;
			l->of = had;
			dname_print_host(z->apex.octets, l->worst);
		}
	}
}

/* No zone and no key is left: nobody empties a repository and means it. */
static bool
is_emptied(const struct pull *p, const struct losses *l)
{
	bool empty = p->keyless && l->zones > 0 && l->gone == l->zones;

	for (size_t i = 0; empty && i < p->nzones; i++)
		empty = p->zones[i].kind == PULLED_GONE;
	return empty;
}

static enum err
judge_losses(struct pull *p, const struct losses *l)
{
	const struct config_git *g = p->source->config;
	char words[512];

	if (is_emptied(p, l))
		snprintf(words, sizeof words, "commit %.12s leaves no zone and no key" HOW_TO_ALLOW, p->tip);
	else if (l->gone_rrs > g->removal_floor && removal_is_too_much(g->removal_limit, l->gone, l->zones))
		snprintf(words, sizeof words, "commit %.12s would remove %zu of %zu zones, with %zu RRs" HOW_TO_ALLOW,
		    p->tip, l->gone, l->zones, l->gone_rrs);
	else if (l->worst[0] != '\0')
		snprintf(words, sizeof words,
		    "commit %.12s would remove %zu of the %zu RRs of zone %.260s" HOW_TO_ALLOW, p->tip, l->removed,
		    l->of, l->worst);
	else
		return ERR_OK;
	return hold(p, HOLD_REMOVAL, words);
}

enum err
accept_contents(struct pull *p)
{
	const char **known = NULL;
	struct git_news news;
	struct losses l;
	bool allowed = false;
	enum err err;

	if (p->last || p->force || p->source->config->removal_limit == 0)
		return ERR_OK;
	count_losses(p, &l);
	if ((err = judge_losses(p, &l)) != ERR_OK || p->held == HOLD_NONE)
		return err;
	if ((err = find_news(p, &known, &news)) == ERR_OK)
		err = git_source_has_trailer(p->source->git, &news, REMOVAL_ALLOW_KEY, REMOVAL_ALLOW_VALUE, &allowed,
		    &p->fault);
	free(known);
	if (allowed) {
		free(p->held_words);
		p->held_words = NULL;
		p->held = HOLD_NONE;
	}
	return err;
}

/* --- on the keeper --- */

const char *
hold_kind_str(enum hold_kind kind)
{
	switch (kind) {
	case HOLD_NONE:		return "none";
	case HOLD_SIGNATURE:	return "signature";
	case HOLD_REWOUND:	return "rewound";
	case HOLD_REMOVAL:	return "removal";
	}
	return "?";
}

void
accept_held(struct source *s, struct pull *p)
{
	struct hold *h = &s->hold;

	if (h->kind != p->held || strcmp(h->commit, p->held_commit) != 0 || strcmp(h->words, p->held_words) != 0) {
		log_error("%s: %.12s is not taken, and %s: %s", git_source_url(s->git), p->held_commit,
		    s->head[0] == '\0' && s->keys == NULL ? "nothing was taken before" :
		    "what was taken before stays served",
		    p->held_words);
		h->since_s = clock_now_s();
	}
	free(h->words);
	h->words = p->held_words;
	p->held_words = NULL;
	h->kind = p->held;
	memcpy(h->commit, p->held_commit, sizeof h->commit);
	s->want_last = s->head[0] == '\0' && s->keeper->started && git_source_accepted(s->git, p->tip, NULL) == ERR_OK;
}

/* The tip cannot be taken, and something else was before. */
static bool
is_fallback_there(struct source *s, const struct pull *p)
{
	git_oid_text accepted;

	return (p->held != HOLD_NONE || (p->err != ERR_OK && p->err != ERR_NOMEM)) &&
	    git_source_accepted(s->git, accepted, NULL) == ERR_OK && strcmp(accepted, p->tip) != 0;
}

enum err
accept_restore(struct source *s, struct pull **out)
{
	struct pull *p;
	enum err err = pull_new(s, s->files != NULL, &p);

	if (err != ERR_OK)
		return err;
	pull_whole(p);
	if (p->held != HOLD_NONE)
		accept_held(s, p);
	if (is_fallback_there(s, p)) {
		if (p->err != ERR_OK)
			log_error("%s: commit %.12s cannot be taken: %s", git_source_url(s->git), p->tip,
			    fault_str(&p->fault, p->err));
		pull_free(p);
		if ((err = pull_new(s, false, &p)) != ERR_OK)
			return err;
		p->last = true;
		pull_whole(p);
	}
	*out = p;
	return ERR_OK;
}

/* A failure is no harm: what is taken is in the journal, and is judged once more at the next pull. */
static void
remember(struct source *s)
{
	struct fault f = { 0 };
	git_oid_text accepted;
	enum err err;

	if (git_source_accepted(s->git, accepted, NULL) == ERR_OK && strcmp(accepted, s->head) == 0)
		return;
	if ((err = git_source_accept(s->git, s->head, &f)) != ERR_OK)
		log_error("%s: %s", git_source_url(s->git), fault_str(&f, err));
}

void
accept_taken(struct source *s)
{
	remember(s);
	memset(s->ours, 0, sizeof s->ours);
	if (s->hold.kind == HOLD_NONE)
		return;
	log_info("%s: commit %.12s is taken: nothing is held back any more", git_source_url(s->git), s->head);
	accept_clear(s);
	s->want_write = s->config->push;	/* what changed here meanwhile */
}

/* It may be there or not: should it turn up, it is ours. */
void
accept_pushed_perhaps(struct source *s, const git_oid_text commit)
{
	if (commit[0] == '\0')
		return;
	memmove(s->ours[1], s->ours[0], sizeof s->ours - sizeof s->ours[0]);
	memcpy(s->ours[0], commit, sizeof s->ours[0]);
}

void
accept_clear(struct source *s)
{
	free(s->hold.words);
	s->hold = (struct hold){ .kind = HOLD_NONE };
}

enum err
accept_load(struct source *s, struct fault *f)
{
	const struct config_git *g = s->config;
	struct signers *signers = NULL;
	enum err err;

	if (g->allowed_signers == NULL)
		return ERR_OK;
	if ((err = signers_load(g->allowed_signers, g->revoked_signers, &signers, f)) == ERR_OK &&
	    s->signing_key != NULL)
		err = signers_add_own(signers, s->signing_key->public);
	if (err != ERR_OK) {
		signers_unref(signers);
		return err;
	}
	signers_unref(s->signers);
	s->signers = signers;
	return ERR_OK;
}
