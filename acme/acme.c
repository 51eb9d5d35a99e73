#include "acme/acme.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "acme/host.h"
#include "base/clock.h"
#include "base/log.h"

#define ORDERS_AT_ONCE 100
#define CLOCK_LOOK_S 60
#define WAYS_SOON_MS 1000
#define WAYS_EVERY_MS 60000
#define CLOCK_CHANGE_MS 30000

/* ---- the table ---- */

static const struct acme_label *
label_of(const struct acme *a, const uint8_t *owner)
{
	struct dname name;

	for (size_t i = 0; i < a->nlabels; i++) {
		const struct acme_label *l = &a->labels[i];

		if (dname_labels(owner) > l->n &&
		    dname_join(&name, l->name.octets, l->n, dname_skip(owner, l->n)) &&
		    dname_equal(name.octets, owner))
			return l;
	}
	return NULL;
}

struct acme_host *
acme_host_find(struct acme *a, const uint8_t *owner)
{
	struct acme_host *h;

	LIST_FOREACH(h, &a->hosts[dname_hash(owner) % ACME_BUCKETS], entry)
		if (dname_equal(h->owner.octets, owner))
			return h;
	return NULL;
}

/* ---- what others call ---- */

bool
acme_is_label(const struct acme *a, const uint8_t *owner)
{
	return label_of(a, owner) != NULL;
}

void
acme_look(struct acme *a, const uint8_t *owner)
{
	const struct acme_label *label = label_of(a, owner);
	struct acme_host *h = label == NULL ? NULL : acme_host_find(a, owner);

	if (label == NULL)
		return;
	acme_persist_look(a->persist, owner);
	if (h == NULL && (h = acme_host_new(a, owner, label)) == NULL) {
		log_error("acme: out of memory; a certificate will be late");
		return;
	}
	acme_host_look(h);
}

static void
on_ways(evutil_socket_t fd, short what, void *arg)
{
	struct acme *a = arg;
	struct acme_host *h;

	(void)fd, (void)what;
	a->ways_ms = clock_mono_ms();
	for (size_t i = 0; i < ACME_BUCKETS; i++)
		LIST_FOREACH(h, &a->hosts[i], entry)
			if (h->state == ACME_REFUSED)
				acme_host_look(h);
}

void
acme_look_at_ways(struct acme *a)
{
	int64_t since_ms = clock_mono_ms() - a->ways_ms;
	int64_t wait_ms = a->ways_ms == 0 || since_ms > WAYS_EVERY_MS - WAYS_SOON_MS ?
	    WAYS_SOON_MS : WAYS_EVERY_MS - since_ms;

	if (!event_pending(a->ways, EV_TIMEOUT, NULL))
		event_add(a->ways, &(struct timeval){ wait_ms / 1000, wait_ms % 1000 * 1000 });
}

void
acme_look_at_caa(struct acme *a)
{
	struct acme_host *h;

	for (size_t i = 0; i < ACME_BUCKETS; i++)
		LIST_FOREACH(h, &a->hosts[i], entry)
			if (h->state == ACME_WAITING_RETRY && strcmp(h->problem_type, "caa") == 0) {
				h->retry_at_ms = 0;
				h->refused_by = 0;
				acme_host_look(h);
			}
}

enum err
acme_judge(struct acme *a, const uint8_t *owner, const uint8_t *der, size_t n, const struct acme_judge_client *client,
    struct fault *f)
{
	const struct acme_label *label = label_of(a, owner);
	struct acme_ranking choice;
	struct acme_csr *csr;
	enum err err;

	if (label == NULL)
		return ERR_OK;
	acme_host_choose(a, owner, label, &choice);
	if (choice.n == 0)
		return ERR_OK;
	if ((err = acme_csr_parse(der, n, &csr, f)) != ERR_OK)
		return err;
	err = acme_host_judge(a, label, &choice, csr, client, f);
	acme_csr_free(csr);
	return err;
}

enum err
acme_renew(struct acme *a, const uint8_t *host)
{
	enum err err = ERR_NOT_FOUND;
	struct dname owner;

	for (size_t i = 0; i < a->nlabels; i++) {
		struct acme_host *h = !dname_join(&owner, a->labels[i].name.octets, a->labels[i].n, host) ? NULL :
		    acme_host_find(a, owner.octets);

		if (h == NULL || h->gone)
			continue;
		acme_host_renew(h);
		err = ERR_OK;
	}
	return err;
}

const char *
acme_state_str(enum acme_state state)
{
	static const char *const words[] = { "valid", "working", "failed", "refused" };

	return words[state];
}

void
acme_each(const struct acme *a, void (*each)(void *arg, const struct acme_status *s), void *arg)
{
	struct acme_host *h;

	for (size_t i = 0; i < ACME_BUCKETS; i++)
		LIST_FOREACH(h, &a->hosts[i], entry) {
			struct acme_status s = acme_host_status(h);

			each(arg, &s);
		}
}

const char *
acme_account_url(const struct acme *a)
{
	return a->authorities.n > 0 ? acme_client_account(a->authorities.v[0].client) : NULL;
}

static enum err
labels_read(struct acme *a, struct fault *f)
{
	size_t n = a->config.nlabels;
	enum err err;

	if ((a->labels = calloc(n, sizeof *a->labels)) == NULL && n > 0)
		return fault_set(f, ERR_NOMEM, "out of memory");
	for (; a->nlabels < n; a->nlabels++) {
		struct acme_label *l = &a->labels[a->nlabels];

		l->config = &a->config.labels[a->nlabels];
		l->text = l->config->label;
		if ((err = dname_from_str(l->text, &l->name)) != ERR_OK || (l->n = dname_labels(l->name.octets)) == 0)
			return fault_set(f, err != ERR_OK ? err : ERR_RANGE,
			    "acme label \"%s\": expected a name such as _letsencrypt._tcp",
			    l->text);
	}
	return ERR_OK;
}

/* Orders that were on their way go on, or are cleaned up behind: their hosts decide, as far as there are any.  A zone
 * that is not here may still come. */
static void
take_up(void *arg, const uint8_t *owner)
{
	struct acme *a = arg;
	const struct acme_outside *outside = acme_port_outside(a->port);
	struct dname apex;
	bool editable;

	if (label_of(a, owner) == NULL)
		acme_store_drop(a->store, owner);
	else if (outside->zone_of(outside->ctx, owner, &apex, &editable))
		acme_look(a, owner);
}

/* The clock was put forward or back: whatever was planned by it is looked at anew, in slots.  Time-outs and backoff go
 * by the other clock. */
static void
on_clock(evutil_socket_t fd, short what, void *arg)
{
	struct acme *a = arg;
	int64_t ahead_ms = clock_now_ms() - clock_mono_ms(), by_ms = ahead_ms - a->clock_ahead_ms;
	struct acme_host *h;

	(void)fd, (void)what;
	a->clock_ahead_ms = ahead_ms;
	if (by_ms > CLOCK_CHANGE_MS || by_ms < -CLOCK_CHANGE_MS) {
		log_warning("acme: the clock was put %s by %lld s: all certificates are looked at anew",
		    by_ms > 0 ? "forward" : "back", (long long)(by_ms > 0 ? by_ms : -by_ms) / 1000);
		for (size_t i = 0; i < ACME_BUCKETS; i++)
			LIST_FOREACH(h, &a->hosts[i], entry)
				acme_host_look(h);
	}
	for (size_t i = 0; i < a->authorities.n; i++)
		acme_buckets_sweep(a->authorities.v[i].buckets, clock_mono_ms());
	acme_store_each(a->store, take_up, a);
}

static enum err
engine_start(struct acme *a, struct fault *f)
{
	enum err err = acme_queue_init(&a->queue, &a->authorities,
	    a->config.orders_at_once != 0 ? a->config.orders_at_once : ORDERS_AT_ONCE, a->base);

	a->kept = acme_host_kept(a->port);
	a->clock = event_new(a->base, -1, EV_PERSIST, on_clock, a);
	if (err != ERR_OK || a->kept == NULL || a->clock == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	a->clock_ahead_ms = clock_now_ms() - clock_mono_ms();
	event_add(a->clock, &(struct timeval){ .tv_sec = CLOCK_LOOK_S });
	return ERR_OK;
}

enum err
acme_new(const struct acme_config *config, const struct acme_outside *outside, struct event_base *base,
    struct acme **out,
    struct fault *f)
{
	struct acme_resolve_config resolve = { config->resolvers, config->nresolvers, config->resolver_certificates,
		config->proxy, config->closed };
	struct acme *a = calloc(1, sizeof *a);
	enum err err;

	if (a == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	a->config = *config;
	a->base = base;
	if ((err = labels_read(a, f)) != ERR_OK)
		;
	else if ((err = acme_port_new(outside, base, &a->port)) != ERR_OK ||
	    (err = acme_resolve_new(&resolve, a->port, base, &a->resolve)) != ERR_OK ||
	    (err = acme_revoked_new(a->port, clock_now_s(), &a->revoked)) != ERR_OK ||
	    (err = acme_store_new(a->port, base, &a->store)) != ERR_OK)
		fault_set(f, err, "%s", err_str(err));
	else
		err = acme_authorities_init(&a->authorities, config, a->port, base, f);
	if (err == ERR_OK && (err = acme_persist_new(a->port, base, &a->authorities, &a->persist)) != ERR_OK)
		fault_set(f, err, "%s", err_str(err));
	for (size_t i = 0; err == ERR_OK && i < a->authorities.n; i++)
		acme_client_recall(a->authorities.v[i].client, a->port);
	if (err == ERR_OK && (a->ways = event_new(base, -1, 0, on_ways, a)) == NULL)
		err = fault_set(f, ERR_NOMEM, "out of memory");
	if (err == ERR_OK)
		err = engine_start(a, f);
	if (err == ERR_OK) {
		acme_store_each(a->store, take_up, a);
		*out = a;
	} else
		acme_free(a);
	return err;
}

void
acme_free(struct acme *a)
{
	if (a == NULL)
		return;
	acme_accounts_stop(a);
	for (size_t i = 0; i < ACME_BUCKETS; i++)
		while (!LIST_EMPTY(&a->hosts[i]))
			acme_host_free(LIST_FIRST(&a->hosts[i]));
	acme_queue_clear(&a->queue);
	if (a->ways != NULL)
		event_free(a->ways);
	acme_persist_free(a->persist);
	acme_authorities_clear(&a->authorities);
	if (a->clock != NULL)
		event_free(a->clock);
	json_decref(a->kept);
	acme_store_free(a->store);
	acme_resolve_free(a->resolve);
	acme_revoked_free(a->revoked);
	acme_port_free(a->port);
	free(a->labels);
	free(a);
}
