/* server/compact.c -- between pulls and write-backs a helper keeps a repository's clone small. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define EVERY 8				/* pulls and write-backs; looking whether it is needed costs a little, too */
#define RETRY_MS (10 * 60 * 1000)
#define GIVE_WAY_MAX 3			/* in a row: then it goes on to its end, and the others wait */

struct compaction {
	struct source *source;
	int give_way_fd;		/* an eventfd; readable: another job is wanted.  -1: it cannot be told */
	git_oid_text *pins;		/* NULL: nothing is to be collected */
	size_t npins;
	int64_t cost_ms, took_ms;
	struct buf words;
	enum err err;
	struct fault fault;
};

static void
compaction_free(struct compaction *c)
{
	if (c->give_way_fd >= 0)
		close(c->give_way_fd);
	free(c->pins);
	buf_clear(&c->words);
	free(c);
}

/* The texts that zones were read from: a merge needs them, whatever became of the commits that had them. */
static enum err
find_pins(struct compaction *c)
{
	const struct zonetable *zones = &c->source->keeper->zones;
	size_t n = 0;

	for (size_t i = 0; i < zones->n; i++)
		n += zones->v[i]->owner == c->source ? zones->v[i]->base.n : 0;
	if ((c->pins = calloc(n + 1, sizeof *c->pins)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < zones->n; i++)
		for (size_t k = 0; zones->v[i]->owner == c->source && k < zones->v[i]->base.n; k++)
			memcpy(c->pins[c->npins++], zones->v[i]->base.v[k].blob, sizeof *c->pins);
	return ERR_OK;
}

static void
compaction_run(void *arg)
{
	struct compaction *c = arg;
	int64_t start_ms = git_thread_cost_ms(), began_ms = clock_mono_ms();

	c->err = git_source_compact(c->source->git, c->pins, c->npins, c->give_way_fd, &c->words,
	    &c->fault);
	c->cost_ms = git_thread_cost_ms() - start_ms + git_source_cost_ms(c->source->git);
	c->took_ms = clock_mono_ms() - began_ms;
}

static void
compaction_done(void *arg)
{
	struct compaction *c = arg;
	struct source *s = c->source;

	s->compaction = NULL;
	if (c->err == ERR_CANCELLED) {
		s->gave_way++;
		s->since_compact = EVERY;	/* again, behind what it gave way to */
		log_debug("%s: the clone's compaction gave way after %lld ms", git_source_url(s->git), (long long)c->took_ms);
	} else {
		s->gave_way = 0;
	}
	if (c->err != ERR_OK && c->err != ERR_CANCELLED) {
		log_warning("%s: the clone %s cannot be compacted: %s", git_source_url(s->git), s->directory,
		    fault_str(&c->fault, c->err));
		s->compact_not_before_ms = clock_mono_ms() + RETRY_MS;
	} else if (c->words.len > 0) {
		log_info("%s: the clone was compacted in %lld ms: %s", git_source_url(s->git), (long long)c->took_ms,
		    buf_str(&c->words) == NULL ? "" : buf_str(&c->words));
	}
	gather_paid(&s->gather, clock_mono_ms(), c->cost_ms);
	compaction_free(c);
	source_idle(s);
}

bool
compact_start(struct source *s)
{
	struct compaction *c;

	if ((++s->since_compact < EVERY && !git_source_has_garbage(s->git)) ||
	    clock_mono_ms() < s->compact_not_before_ms)
		return false;
	s->since_compact = 0;
	if ((c = calloc(1, sizeof *c)) == NULL)
		return false;
	c->source = s;
	c->give_way_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if ((git_source_has_garbage(s->git) && find_pins(c) != ERR_OK) ||
	    pool_submit(s->keeper->pool, compaction_run, compaction_done, c) != ERR_OK) {
		compaction_free(c);
		return false;
	}
	s->compaction = c;
	return true;
}

void
compact_give_way(struct source *s)
{
	if (s->compaction != NULL && s->compaction->give_way_fd >= 0 && s->gave_way < GIVE_WAY_MAX)
		(void)eventfd_write(s->compaction->give_way_fd, 1);
}
