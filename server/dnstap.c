/* What others ask of dnstap: settings, status, the end.  The thread gets its orders under a lock, and nobody waits for it but who ends it. */
#include "server/dnstap_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/config.h"
#include "server/counters.h"

#define RING_SIZE (4u << 20)

void
dnstap_settings_clear(struct dnstap_settings *s)
{
	free(s->sink);
	free(s->identity);
	free(s->version);
	memset(s, 0, sizeof *s);
}

uint64_t
dnstap_count_dropped(const struct dnstap *d)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < d->ntaps; i++)
		n += counter_get(&d->taps[i].ring.dropped);
	return n;
}

static void
wake(struct dnstap *d)
{
	const uint64_t one = 1;

	atomic_store_explicit(&d->ordered, true, memory_order_release);
	if (write(d->wake_fd, &one, sizeof one) < 0)
		return;			/* it is woken already */
}

static enum err
copy_text(const char *text, char **out)
{
	*out = text == NULL ? NULL : strdup(text);
	return text != NULL && *out == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err
settings_copy(const struct config_dnstap *c, struct dnstap_settings *out)
{
	memset(out, 0, sizeof *out);
	if (c->sink == NULL || (copy_text(c->sink, &out->sink) == ERR_OK &&
	    copy_text(c->identity, &out->identity) == ERR_OK && copy_text(c->version, &out->version) == ERR_OK))
		return ERR_OK;
	dnstap_settings_clear(out);
	return ERR_NOMEM;
}

/* Rings stay once they are made: their threads may be writing. */
static enum err
make_rings(struct dnstap *d)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; i < d->ntaps && err == ERR_OK; i++)
		if (d->taps[i].ring.octets == NULL)
			err = dnstap_ring_init(&d->taps[i].ring, RING_SIZE);
	return err;
}

static enum err
start_thread(struct dnstap *d)
{
	sigset_t all, before;
	int error;

	if (d->running)
		return ERR_OK;
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&d->thread, NULL, dnstap_main, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		return err_from_errno(error);
	d->running = true;
	return ERR_OK;
}

static unsigned
wants_of(const struct config_dnstap *c)
{
	if (c->sink == NULL)
		return 0;
	return (c->queries ? DNSTAP_WANTS_QUERIES : 0) | (c->responses ? DNSTAP_WANTS_RESPONSES : 0) |
	    (c->updates ? DNSTAP_WANTS_UPDATES : 0);
}

enum err
dnstap_configure(struct dnstap *d, const struct config *config, struct fault *f)
{
	const struct config_dnstap *c = &config->dnstap;
	struct dnstap_settings s;
	enum err err = settings_copy(c, &s);

	pthread_mutex_lock(&d->lock);
	if (err == ERR_OK && c->sink != NULL && (err = make_rings(d)) == ERR_OK)
		err = start_thread(d);
	if (err == ERR_OK) {
		dnstap_settings_clear(&d->next);
		d->next = s;
		d->has_next = d->reopen = true;
		d->status.is_on = c->sink != NULL;
		if (strcmp(d->status.sink, c->sink == NULL ? "" : c->sink) != 0)
			d->status.is_open = false;	/* the thread says when it is */
		snprintf(d->status.sink, sizeof d->status.sink, "%s", c->sink == NULL ? "" : c->sink);
		for (unsigned i = 0; i < d->ntaps; i++)
			atomic_store_explicit(&d->taps[i].wants, wants_of(c), memory_order_release);
		wake(d);
	} else {
		dnstap_settings_clear(&s);
		fault_set(f, err, "dnstap cannot be started: %s", err_str(err));
	}
	pthread_mutex_unlock(&d->lock);
	return err;
}

void
dnstap_reopen(struct dnstap *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->reopen = true;
	wake(d);
	pthread_mutex_unlock(&d->lock);
}

enum err
dnstap_new(unsigned taps, const struct config *c, struct dnstap **out, struct fault *f)
{
	struct dnstap *d = calloc(1, sizeof *d);
	enum err err;

	if (d == NULL)
		return fault_set(f, ERR_NOMEM, "no memory for dnstap");
	pthread_mutex_init(&d->lock, NULL);
	d->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->taps = aligned_alloc(DNSTAP_RING_LINE, taps * sizeof *d->taps);
	if (d->wake_fd < 0 || d->taps == NULL) {
		dnstap_free(d);
		return fault_set(f, ERR_NOMEM, "no memory or no file for dnstap");
	}
	memset(d->taps, 0, taps * sizeof *d->taps);
	for (d->ntaps = 0; d->ntaps < taps; d->ntaps++)
		d->taps[d->ntaps].wake_fd = d->wake_fd;
	if ((err = dnstap_configure(d, c, f)) != ERR_OK) {
		dnstap_free(d);
		return err;
	}
	*out = d;
	return ERR_OK;
}

void
dnstap_free(struct dnstap *d)
{
	if (d == NULL)
		return;
	if (d->running) {
		pthread_mutex_lock(&d->lock);
		d->stopping = true;
		wake(d);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
	}
	for (unsigned i = 0; i < d->ntaps; i++)
		dnstap_ring_clear(&d->taps[i].ring);
	dnstap_settings_clear(&d->next);
	dnstap_settings_clear(&d->now);
	if (d->wake_fd >= 0)
		close(d->wake_fd);
	pthread_mutex_destroy(&d->lock);
	free(d->taps);
	free(d);
}

struct dnstap_tap *
dnstap_tap(struct dnstap *d, unsigned i)
{
	return d == NULL ? NULL : &d->taps[i];
}

void
dnstap_describe(struct dnstap *d, struct dnstap_status *out)
{
	if (d == NULL) {
		memset(out, 0, sizeof *out);
		return;
	}
	pthread_mutex_lock(&d->lock);
	*out = d->status;
	pthread_mutex_unlock(&d->lock);
	out->written = counter_get(&d->written);
	out->dropped = dnstap_count_dropped(d);
}
