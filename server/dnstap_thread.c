/* The receiver's thread.  While a sink is open it takes what is in the rings, some hundred messages at a time.  A ring gives their room
 * back only once they are written, so that what waits for a reader to come back, or for a disk to have room, is not lost
 * before the ring is full. */
#include "server/dnstap_internal.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/counters.h"
#include "server/dnstap_encode.h"

#define ROUNDS 32			/* of writing for one ring, then others have their turn */
#define FINISH_ROUNDS 8			/* for all rings, before a sink is closed */
#define RETRY_MS 1000
#define LOOK_LEAST_MS 5			/* between two looks into the rings */
#define LOOK_MOST_MS 100

/* ---- what it says ---- */

static void
set_status(struct dnstap *d, bool is_open, const char *problem)
{
	pthread_mutex_lock(&d->lock);
	d->status.is_open = is_open;
	snprintf(d->status.problem, sizeof d->status.problem, "%s", problem);
	pthread_mutex_unlock(&d->lock);
}

/* One line when it begins; status has the words of now. */
static void
report(struct dnstap *d, const char *words)
{
	set_status(d, d->is_open, words);
	if (!d->has_problem)
		log_warning("dnstap: %s: %s; tried again, and what does not fit into memory until then gets lost", d->now.sink,
		    words);
	d->has_problem = true;
}

static void
report_end(struct dnstap *d)
{
	set_status(d, d->is_open, "");
	if (d->has_problem)
		log_info("dnstap: %s takes messages again", d->now.sink);
	d->has_problem = d->failed_to_write = false;
}

static void
on_stalled(void *arg, bool is_stalled)
{
	struct dnstap *d = arg;

	if (is_stalled)
		report(d, "the reader does not read");
	else if (d->is_open)
		report_end(d);
}

static void
report_dropped(struct dnstap *d)
{
	uint64_t dropped = dnstap_count_dropped(d), n;

	if (dropped == d->dropped_told || !log_seldom(&d->dropping, clock_mono_ms(), &n))
		return;
	log_warning("dnstap: %llu messages were left out, for %s did not take them in time",
	    (unsigned long long)(dropped - d->dropped_told), d->now.sink);
	d->dropped_told = dropped;
}

/* Asked while a sink makes us wait. */
static bool
is_hurried(void *arg)
{
	struct dnstap *d = arg;

	report_dropped(d);
	return d->obeys || atomic_load_explicit(&d->ordered, memory_order_acquire);
}

/* ---- what it writes ---- */

static void
fail(struct dnstap *d, const struct fault *f, enum err err)
{
	d->is_open = false;
	d->retry_ms = clock_mono_ms() + RETRY_MS;
	report(d, fault_str(f, err));
}

static bool
write_frames(struct dnstap *d, int n)
{
	struct fault f = { 0 };
	enum err err = dnstap_sink_write(&d->sink, d->frames, n, &f);

	if (err != ERR_OK) {
		d->failed_to_write = true;
		fail(d, &f, err);
		return false;
	}
	counter_add(&d->written, (uint64_t)n);
	if (d->failed_to_write)
		report_end(d);
	return true;
}

/* Encode as many messages from *at on as there are, or fit. */
static int
gather(struct dnstap *d, const struct dnstap_ring *ring, size_t *at)
{
	const struct dnstap_sender sender = { d->now.identity, d->now.version };
	size_t used = 0, next = *at, len;
	const struct dnstap_event *e;
	int n = 0;

	while (n < DNSTAP_FRAMES && (e = dnstap_ring_next(ring, &next)) != NULL) {
		if (e->n + DNSTAP_ENCODE_MORE > sizeof d->buffer - used)
			break;
		len = dnstap_encode(e, &sender, d->buffer + used, sizeof d->buffer - used);
		if (len > 0)
			d->frames[n++] = (struct iovec){ d->buffer + used, len };
		used += len;
		*at = next;
	}
	return n;
}

/* Gives whether there was anything. */
static bool
drain_tap(struct dnstap *d, struct dnstap_tap *t)
{
	size_t at = dnstap_ring_start(&t->ring);
	int n;

	atomic_store_explicit(&t->woke, false, memory_order_relaxed);
	for (unsigned round = 0; round < ROUNDS; round++) {
		if ((n = gather(d, &t->ring, &at)) == 0 || !write_frames(d, n))
			return round > 0;
		dnstap_ring_release(&t->ring, at);
	}
	return true;
}

static bool
drain(struct dnstap *d)
{
	bool any = false;

	for (unsigned i = 0; i < d->ntaps && d->is_open; i++)
		any |= drain_tap(d, &d->taps[i]);
	return any;
}

static void
open_sink(struct dnstap *d)
{
	struct fault f = { 0 };
	enum err err = dnstap_sink_open(&d->sink, d->now.sink, &f);

	if (err != ERR_OK) {
		fail(d, &f, err);
		return;
	}
	d->is_open = true;
	if (!d->failed_to_write)	/* else the first message tells */
		report_end(d);
}

static void
close_sink(struct dnstap *d)
{
	if (d->is_open)
		dnstap_sink_close(&d->sink);
	d->is_open = false;
	set_status(d, false, "");
}

/* All that is there goes out first, as long as the sink takes it. */
static void
finish_sink(struct dnstap *d)
{
	for (unsigned i = 0; i < FINISH_ROUNDS && d->is_open && drain(d); i++)
		;
	close_sink(d);
}

/* ---- its orders ---- */

static bool
same_sink(const struct dnstap_settings *a, const struct dnstap_settings *b)
{
	return a->sink != NULL && b->sink != NULL && strcmp(a->sink, b->sink) == 0;
}

/* Nobody wants what waits. */
static void
forget_waiting(struct dnstap *d)
{
	for (unsigned i = 0; i < d->ntaps; i++) {
		size_t at = dnstap_ring_start(&d->taps[i].ring);

		if (d->taps[i].ring.octets == NULL)
			continue;
		while (dnstap_ring_next(&d->taps[i].ring, &at) != NULL)
			;
		dnstap_ring_release(&d->taps[i].ring, at);
	}
}

static void
take_settings(struct dnstap *d, struct dnstap_settings *next)
{
	if (!same_sink(&d->now, next)) {
		finish_sink(d);
		if (next->sink == NULL)
			forget_waiting(d);
		d->has_problem = d->failed_to_write = false;
		d->retry_ms = 0;
	}
	dnstap_settings_clear(&d->now);
	d->now = *next;
	pthread_mutex_lock(&d->lock);
	d->status.is_open = d->is_open;
	pthread_mutex_unlock(&d->lock);
}

/* False: it has to stop. */
static bool
obey(struct dnstap *d)
{
	struct dnstap_settings next;
	bool has_next, reopen, stopping;

	pthread_mutex_lock(&d->lock);
	atomic_store_explicit(&d->ordered, false, memory_order_release);
	has_next = d->has_next;
	reopen = d->reopen;
	stopping = d->stopping;
	next = d->next;
	if (has_next)
		memset(&d->next, 0, sizeof d->next);
	d->has_next = d->reopen = false;
	pthread_mutex_unlock(&d->lock);

	d->obeys = true;		/* others may wait for us: sinks have to be quick */
	if (has_next)
		take_settings(d, &next);
	if (reopen) {
		d->retry_ms = 0;
		if (d->is_open && !dnstap_sink_has_name(&d->sink, d->now.sink))
			finish_sink(d);
	}
	if (stopping) {
		if (d->now.sink != NULL && !d->is_open && clock_mono_ms() >= d->retry_ms)
			open_sink(d);		/* the order to do so is not older */
		finish_sink(d);
	}
	d->obeys = false;
	return !stopping;
}

static void
sleep_for(struct dnstap *d, int ms)
{
	struct pollfd p = { .fd = d->wake_fd, .events = POLLIN };
	uint64_t n;

	if (poll(&p, 1, ms) > 0 && read(d->wake_fd, &n, sizeof n) < 0)
		return;			/* nothing is there after all */
}

void *
dnstap_main(void *arg)
{
	struct dnstap *d = arg;
	int look_ms = LOOK_LEAST_MS;

	pthread_setname_np(pthread_self(), "dnstap");
	d->sink = (struct dnstap_sink){ .is_hurried = is_hurried, .stalled = on_stalled, .arg = d, .fd = -1, .end = -1 };
	while (obey(d)) {
		if (d->now.sink == NULL) {
			sleep_for(d, -1);
			continue;
		}
		if (!d->is_open && clock_mono_ms() >= d->retry_ms)
			open_sink(d);
		if (d->is_open && drain(d))
			look_ms = LOOK_LEAST_MS;
		else
			look_ms = look_ms * 2 < LOOK_MOST_MS ? look_ms * 2 : LOOK_MOST_MS;
		report_dropped(d);
		sleep_for(d, look_ms);
	}
	return NULL;
}
