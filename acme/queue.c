#include "acme/queue.h"

#include <event2/event.h>
#include <string.h>

#include "acme/host.h"
#include "base/clock.h"

#define LOOK_AGAIN_MS (10 * 60 * 1000)
#define RECONSIDER_MS (5 * 60 * 1000)	/* all who wait are looked at: not for each token */

static struct acme_turns *
list_of(struct acme_queue *q, const struct acme_turn *t)
{
	return &q->lists[t->at - q->authorities->v][t->class][t->exempt];
}

void
acme_queue_leave(struct acme_queue *q, struct acme_host *h)
{
	if (h->turn.at != NULL)
		TAILQ_REMOVE(list_of(q, &h->turn), &h->turn, entry);
	h->turn.at = NULL;
}

void
acme_queue_put(struct acme_queue *q, struct acme_host *h, struct acme_authority *at, enum acme_class class, bool exempt)
{
	acme_queue_leave(q, h);
	h->turn = (struct acme_turn){ .host = h, .at = at, .class = class, .exempt = exempt };
	TAILQ_INSERT_TAIL(list_of(q, &h->turn), &h->turn, entry);
	acme_queue_run(q);
}

/* Those of one list, as far as they can go now.  *wake_ms: when to come again for the rest. */
static void
run_list(struct acme_queue *q, struct acme_authority *at, struct acme_turns *list, bool exempt, int64_t *wake_ms)
{
	struct acme_turn *t;

	while (at->running < q->most && (t = TAILQ_FIRST(list)) != NULL) {
		int64_t now_ms = clock_mono_ms(), wait_ms = acme_authority_wait_ms(at, exempt, now_ms);

		if (wait_ms > 0) {
			if (*wake_ms > wait_ms)
				*wake_ms = wait_ms;
			return;
		}
		acme_authority_ask(at, now_ms);
		t->host->authority = at;
		acme_queue_leave(q, t->host);
		acme_host_start(t->host);
	}
}

bool
acme_queue_jump(struct acme_queue *q, struct acme_host *h, struct acme_authority *at, bool exempt)
{
	int64_t now_ms = clock_mono_ms();

	if (at->running >= q->most || acme_authority_held_ms(at, exempt, now_ms) > 0)
		return false;
	acme_queue_leave(q, h);
	h->turn = (struct acme_turn){ .host = h, .exempt = exempt };
	acme_authority_ask(at, now_ms);
	h->authority = at;
	acme_host_start(h);
	return true;
}

/* Who waits for long may have got a better authority, or have become urgent. */
static void
move_on(struct acme_queue *q, struct acme_authority *at, struct acme_turns *list)
{
	struct acme_turn *t, *next;

	for (t = TAILQ_FIRST(list); t != NULL; t = next) {
		struct acme_authority *better = acme_host_pick(t->host);

		next = TAILQ_NEXT(t, entry);
		if (better == NULL || (better == at && acme_host_class(t->host) == t->class))
			continue;
		acme_queue_leave(q, t->host);
		t->at = better;
		t->class = acme_host_class(t->host);
		TAILQ_INSERT_TAIL(list_of(q, t), t, entry);
	}
}

void
acme_queue_reconsider(struct acme_queue *q, struct acme_authority *at)
{
	for (int class = 0; class < ACME_CLASSES; class++)
		for (int exempt = 0; exempt < 2; exempt++)
			move_on(q, at, &q->lists[at - q->authorities->v][class][exempt]);
}

const char *
acme_queue_reason(const struct acme_host *h)
{
	const struct acme_authority *at = h->turn.at;
	int64_t now_ms = clock_mono_ms();

	if (at->not_before_ms > now_ms)
		return "waiting for as long as the authority wants";
	if (acme_authority_held_ms(at, h->turn.exempt, now_ms) > 0)
		return "waiting because of the authority's limit on orders";
	if (acme_authority_wait_ms(at, h->turn.exempt, now_ms) > 0)
		return "waiting for the authority to work again";
	return "waiting for its turn";
}

static bool
anyone_waits(const struct acme_queue *q, size_t authority)
{
	for (int class = 0; class < ACME_CLASSES; class++)
		for (int exempt = 0; exempt < 2; exempt++)
			if (!TAILQ_EMPTY(&q->lists[authority][class][exempt]))
				return true;
	return false;
}

void
acme_queue_run(struct acme_queue *q)
{
	int64_t wake_ms = LOOK_AGAIN_MS;

	q->again = true;
	if (q->busy)
		return;
	q->busy = true;
	while (q->again) {
		q->again = false;
		for (int class = 0; class < ACME_CLASSES; class++)
			for (size_t i = 0; i < q->authorities->n; i++)
				for (int exempt = 1; exempt >= 0; exempt--)
					run_list(q, &q->authorities->v[i], &q->lists[i][class][exempt], exempt,
					    &wake_ms);
	}
	q->busy = false;
	wake_ms++;				/* and not a little too early */
	for (size_t i = 0; i < q->authorities->n; i++)
		if (anyone_waits(q, i)) {
			event_add(q->wake, &(struct timeval){ (time_t)(wake_ms / 1000),
			    (suseconds_t)(wake_ms % 1000 * 1000) });
			return;
		}
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct acme_queue *q = arg;

	(void)fd, (void)what;
	if (clock_mono_ms() - q->reconsidered_ms >= RECONSIDER_MS) {
		q->reconsidered_ms = clock_mono_ms();
		for (size_t i = 0; i < q->authorities->n; i++)
			acme_queue_reconsider(q, &q->authorities->v[i]);
	}
	acme_queue_run(q);
}

enum err
acme_queue_init(struct acme_queue *q, struct acme_authorities *authorities, unsigned most, struct event_base *base)
{
	*q = (struct acme_queue){ .authorities = authorities, .most = most };
	for (size_t i = 0; i < ACME_AUTHORITIES_MAX; i++)
		for (int class = 0; class < ACME_CLASSES; class++) {
			TAILQ_INIT(&q->lists[i][class][0]);
			TAILQ_INIT(&q->lists[i][class][1]);
		}
	return (q->wake = event_new(base, -1, 0, on_wake, q)) != NULL ? ERR_OK : ERR_NOMEM;
}

void
acme_queue_clear(struct acme_queue *q)
{
	if (q->wake != NULL)
		event_free(q->wake);
	q->wake = NULL;
}
