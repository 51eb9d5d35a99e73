#include "server/keeper_internal.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/huge.h"
#include "base/log.h"

#define RETRY_FIRST_S 2
#define RETRY_MOST_S 300
#define CONFLICTS_MAX 5			/* pushes in a row that came too late, before one is waited with */

struct source *
source_of(const struct zone *z)
{
	return z->owner;
}

static void
start_timer(struct event *e, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	event_add(e, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

static bool
start_pull(struct source *s, bool fetch)
{
	struct pull *p;

	if (pull_new(s, fetch, &p) != ERR_OK)
		return false;
	p->force = fetch && s->force;
	s->force &= !fetch;
	p->again = s->want_again || p->force;
	if (s->want_all)
		p->head[0] = '\0';
	p->last = s->want_last;
	s->want_again = s->want_last = false;
	if (pool_submit(s->keeper->pool, pull_find, pull_found, p) != ERR_OK) {
		pull_free(p);
		return false;
	}
	return true;
}

static void
tell(struct waiter *w, enum err err, const char *words)
{
	w->done(w->arg, err, words);
	free(w);
}

/* All work is done. */
static void
tell_all(const struct source *s, struct waiter *w)
{
	for (struct waiter *next; w != NULL; w = next) {
		const char *problem = w->pull ? s->pull_trouble.words : source_problem(s);

		next = w->next;
		if (problem != NULL)
			tell(w, ERR_NETWORK, problem);
		else if (s->hold.kind != HOLD_NONE)
			tell(w, ERR_REFUSED, s->hold.words);
		else
			tell(w, ERR_OK, "");
	}
}

/* Begin the next thing that is wanted; when there is none, tell those who waited for the end. */
void
source_go_on(struct source *s)
{
	struct waiter *w = s->waiting;
	enum err err;

	if (s->busy && (s->want_pull || s->want_again || s->want_last || s->want_write))
		compact_give_way(s);
	if (s->busy || s->keeper->stopping)
		return;
	if (s->want_pull || s->want_again || s->want_last) {
		bool fetch = s->want_pull && !s->want_last;

		s->want_pull &= !fetch;
		if ((s->busy = start_pull(s, fetch)))
			return;
		log_error("%s: no memory for a pull", git_source_url(s->git));
	}
	if (s->want_write) {
		s->want_write = false;
		gather_begin(&s->gather);
		s->write_at_s = 0;
		event_del(s->write_quiet);
		if ((err = writeback_start(s)) == ERR_OK) {
			s->busy = true;
			return;
		}
		if (err != ERR_NOT_FOUND)
			log_error("%s: cannot write back: %s", git_source_url(s->git), err_str(err));
	}
	if (s->files != NULL && s->files->state != FILES_SETTLED) {
		event_active(s->keeper->files_due, EV_TIMEOUT, 1);
		return;
	}
	s->waiting = NULL;
	if (s->worked) {
		s->worked = false;
		s->busy = compact_start(s);
	}
	tell_all(s, w);
}

void
source_pull(struct source *s)
{
	s->want_pull = true;
	source_go_on(s);
}

void
source_again(struct source *s)
{
	s->want_again = true;
	source_go_on(s);
}

void
source_look_at_all(struct source *s)
{
	s->want_all = s->want_again = true;
	source_go_on(s);
}

void
source_idle(struct source *s)
{
	s->busy = false;
	source_go_on(s);
}

void
source_write(struct source *s, bool now)
{
	int64_t wait_ms;

	if (!s->config->push)
		return;
	if (now) {
		s->want_write = true;
		source_go_on(s);
		return;
	}
	if (event_pending(s->retry, EV_TIMEOUT, NULL))
		return;				/* the remote is in trouble: the retry will take this along */
	wait_ms = gather_add(&s->gather, clock_mono_ms());
	s->write_at_s = clock_now_s() + (wait_ms + 999) / 1000;
	start_timer(s->write_quiet, wait_ms);
}

void
source_wait(struct source *s, bool pull, void (*done)(void *arg, enum err err, const char *words), void *arg)
{
	struct waiter *w = malloc(sizeof *w);

	if (w == NULL) {
		done(arg, ERR_NOMEM, err_str(ERR_NOMEM));
		return;
	}
	*w = (struct waiter){ .next = s->waiting, .done = done, .arg = arg, .pull = pull };
	s->waiting = w;
	source_go_on(s);
}

static int64_t
retry_delay_s(unsigned failures)
{
	int64_t s = RETRY_FIRST_S;

	while (failures-- > 1 && s < RETRY_MOST_S)
		s *= 2;
	s = s < RETRY_MOST_S ? s : RETRY_MOST_S;
	return s + random_below((uint32_t)s / 4 + 1);
}

/* A fetch that works says nothing about pushes, so each has its own count and its own words. */
static void
note_success(struct source *s, bool written)
{
	struct source_trouble *t = written ? &s->write_trouble : &s->pull_trouble;

	s->worked = true;
	if (written)
		s->conflicts = 0;
	if (t->failures > 0) {
		if (!written)
			s->want_write |= s->config->push;	/* what waited while the remote was away */
		log_info("%s: works again%s", git_source_url(s->git), written ? ", pushes too" : "");
	}
	t->failures = 0;
	free(t->words);
	t->words = NULL;
	if (s->write_trouble.failures == 0)
		event_del(s->retry);
}

static void
note_failure(struct source *s, bool written, const char *words)
{
	struct source_trouble *t = written ? &s->write_trouble : &s->pull_trouble;
	int64_t delay_s = retry_delay_s(++t->failures);

	t->total++;
	free(t->words);
	t->words = strdup(words);
	log_warning("%s: %s; trying again in %lld s", git_source_url(s->git), words, (long long)delay_s);
	start_timer(s->retry, delay_s * 1000);
	s->write_at_s = s->config->push ? clock_now_s() + delay_s : 0;
	s->want_write = false;
}

void
source_finished(struct source *s, bool written, enum err err, const char *words)
{
	s->busy = false;
	if (s->keeper->stopping)
		return;
	/* Somebody pushed meanwhile: theirs is taken in first.  Who always does so is not raced for ever. */
	if (err == ERR_CONFLICT && written && ++s->conflicts % CONFLICTS_MAX != 0)
		s->want_pull = s->want_write = true;
	else if (err != ERR_OK)
		note_failure(s, written, words);
	else
		note_success(s, written);
	source_go_on(s);
}

const char *
source_problem(const struct source *s)
{
	return s->pull_trouble.words != NULL ? s->pull_trouble.words : s->write_trouble.words;
}

static void
on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct source *s = arg;
	int64_t ms = (int64_t)s->config->poll_s * 1000;

	(void)fd;
	(void)what;
	source_pull(s);
	start_timer(s->poll, ms - ms / 20 + random_below((uint32_t)(ms / 10) + 1));
}

static void
on_quiet(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	source_write(arg, true);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct source *s = arg;

	(void)fd;
	(void)what;
	s->want_write = s->config->push;
	source_pull(s);
}

/* A directory name for the clone that tells repositories apart and can be read by a person. */
static enum err
clone_directory(const struct config *c, size_t i, char **out)
{
	struct buf b = { 0 };
	const char *url = c->git[i].url, *last = strrchr(url, '/');
	uint32_t hash = 2166136261u;

	for (const char *p = url; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	buf_printf(&b, "%s/git/", c->state_directory);
	for (const char *p = last == NULL ? url : last + 1; *p != '\0'; p++)
		buf_u8(&b, (uint8_t)((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
		    *p == '-' ? *p : '_'));
	buf_printf(&b, "-%08x", hash);
	*out = buf_take(&b, NULL);
	return *out == NULL ? ERR_NOMEM : ERR_OK;
}

void
source_configure(struct source *s, const struct config_git *g)
{
	s->config = g;
	s->gather.quiet_ms = (int64_t)g->commit_delay_s * 1000;
	s->gather.most_ms = (int64_t)g->commit_delay_max_s * 1000;
}

/* The clone of the repository of the configuration's list. */
static enum err
repository_open(struct keeper *k, struct source *s, size_t i, struct fault *f)
{
	const struct config_git *g = &k->boot_view->config->git[i];
	struct git_remote_config remote = { .url = g->url, .branch = g->branch, .path = g->path, .ssh_key = g->ssh_key,
	    .host_keys = (const char *const *)g->host_keys, .ca_file = g->ca_file,
	    .deadline_s = g->timeout_s, .committer = g->committer };
	char directory[PATH_MAX];
	enum err err;

	source_configure(s, g);
	snprintf(directory, sizeof directory, "%s/git", k->boot_view->config->state_directory);
	if ((err = file_mkdir(directory, 0700, f)) != ERR_OK ||
	    (g->signing_key != NULL && (err = ssh_private_key_load(g->signing_key, &s->signing_key, f)) != ERR_OK) ||
	    (err = accept_load(s, f)) != ERR_OK ||
	    (err = clone_directory(k->boot_view->config, i, &s->directory)) != ERR_OK)
		return err;
	remote.signing_key = s->signing_key;
	remote.credentials_file = g->credentials_file;
	remote.credential_helper = g->credential_helper;
	return git_source_open(s->directory, &remote, &s->git, f);
}

enum err
source_new(struct keeper *k, struct source **out)
{
	struct source **v = realloc(k->sources, (k->nsources + 1) * sizeof *v), *s = calloc(1, sizeof *s);

	if (v != NULL)
		k->sources = v;
	if (v == NULL || s == NULL) {
		free(s);
		return ERR_NOMEM;
	}
	v[k->nsources++] = s;
	s->keeper = k;
	s->poll = event_new(k->base, -1, 0, on_poll, s);
	s->write_quiet = event_new(k->base, -1, 0, on_quiet, s);
	s->retry = event_new(k->base, -1, 0, on_retry, s);
	*out = s;
	return s->poll == NULL || s->write_quiet == NULL || s->retry == NULL ? ERR_NOMEM : ERR_OK;
}

/* Zone files come first: a name that the configuration gives a file is not taken from a repository. */
static enum err
source_open(struct keeper *k, size_t i, size_t nfiles, struct fault *f)
{
	struct source *s;
	enum err err;

	if ((err = source_new(k, &s)) != ERR_OK ||
	    (err = i < nfiles ? filezones_open(k, s, i, f) : repository_open(k, s, i - nfiles, f)) != ERR_OK)
		return err;
	return zones_restore(k, s, f);
}

static bool
has_secondaries(const struct config *c)
{
	bool has = c->secondary;

	for (size_t i = 0; i < c->nzones && !has; i++)
		has = c->zones[i].nprimaries > 0;
	return has;
}

enum err
sources_open(struct keeper *k, struct fault *f)
{
	size_t nfiles = filezones_count(k->boot_view->config), n = nfiles + k->boot_view->config->ngit;
	enum err err = ERR_OK;

	if (n == 0) {
		if (!has_secondaries(k->boot_view->config))
			log_warning("no repository, no zone's file and no primary is configured: there are no zones to "
			    "serve");
		return ERR_OK;
	}
	for (size_t i = 0; err == ERR_OK && i < n; i++)
		err = source_open(k, i, nfiles, f);
	return err;
}

/* What was freed in small pieces stays with the process unless somebody asks for it. */
static void
give_back(void *arg)
{
	(void)arg;
	(void)malloc_trim(0);
}

static void
give_back_and_move(void *arg)
{
	give_back(arg);
	(void)huge_pages();
}

static void
tidied(void *arg)
{
	(void)arg;
}

void
memory_tidy(struct keeper *k, bool much_is_new)
{
	/* if there is no memory for that: the next time */
	(void)pool_submit(k->pool, much_is_new ? give_back_and_move : give_back, tidied, NULL);
}

void
source_start(struct source *s)
{
	source_pull(s);
	if (s->config->push)
		s->want_write = true;		/* what a crash left behind goes out after the pull */
	if (s->config->poll_s > 0)
		start_timer(s->poll, (int64_t)s->config->poll_s * 1000);
}

bool
source_is_settled(const struct source *s)
{
	return s->files == NULL || s->files->state == FILES_SETTLED;
}

bool
source_is_in_use(const struct source *s)
{
	return s->files == NULL || s->files->n > 0 || !source_is_settled(s);
}

void
sources_start(struct keeper *k)
{
	memory_tidy(k, true);
	for (size_t i = 0; i < k->nsources; i++)
		source_start(k->sources[i]);
}

void
sources_give_up(struct keeper *k)
{
	for (size_t i = 0; i < k->nsources; i++) {
		struct waiter *w = k->sources[i]->waiting, *next;

		k->sources[i]->waiting = NULL;
		for (; w != NULL; w = next) {
			next = w->next;
			tell(w, ERR_CANCELLED, "certnsd is stopping");
		}
	}
}

void
source_free(struct source *s)
{
	if (s->poll != NULL)
		event_free(s->poll);
	if (s->write_quiet != NULL)
		event_free(s->write_quiet);
	if (s->retry != NULL)
		event_free(s->retry);
	if (s->git != NULL)
		git_source_close(s->git);
	tsig_keyring_unref(s->keys);
	signers_unref(s->signers);
	ssh_private_key_free(s->signing_key);
	accept_clear(s);
	includes_clear(&s->includes);
	free(s->waiting_zones);
	filezones_free(s->files);
	free(s->pull_trouble.words);
	free(s->write_trouble.words);
	free(s->directory);
	free(s);
}

void
sources_close(struct keeper *k)
{
	for (size_t i = 0; i < k->nsources; i++)
		source_free(k->sources[i]);
	free(k->sources);
	k->sources = NULL;
	k->nsources = 0;
}
