#include "acme/authority.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/renewal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/url.h"

#define FAILOVER_AFTER_S (6 * 3600)
#define PROBE_MOST_S 3600
#define HEALTH "health/"

/* ---- the list ---- */

char *
acme_authority_name(const char *directory)
{
	struct url url;

	return url_split(directory, strlen(directory), &url) ? strndup(url.host.p, url.host.n) : strdup(directory);
}

/* "limit/<name>/<limit>/<key>" */
static void
on_bucket(void *arg, enum acme_limit limit, const char *key, int64_t full_s)
{
	struct acme_authority *a = arg;
	struct buf row = { 0 }, value = { 0 };

	buf_printf(&row, "limit/%s/%s/%s", a->name, acme_limit_str(limit), key);
	if (full_s != 0)
		buf_printf(&value, "{\"v\":1,\"full\":%lld}", (long long)full_s);
	if (buf_str(&row) != NULL && !value.failed)
		acme_port_remember(a->port, buf_str(&row), value.p, value.len, NULL, NULL, NULL);
	buf_clear(&row);
	buf_clear(&value);
}

static void
restore_bucket(void *arg, const char *row, const uint8_t *octets, size_t n)
{
	struct acme_authority *a = arg;
	const char *at = row + strlen("limit/") + strlen(a->name) + 1;
	json_t *json = json_loadb((const char *)octets, n, 0, NULL);
	int64_t full_s = acme_kept_number(json_object_get(json, "full"));

	for (int limit = 0; limit < ACME_LIMITS; limit++) {
		size_t len = strlen(acme_limit_str(limit));

		if (strncmp(at, acme_limit_str(limit), len) == 0 && at[len] == '/')
			acme_buckets_restore(a->buckets, limit, at + len + 1, full_s, clock_mono_ms(), clock_now_s());
	}
	json_decref(json);
}

/* "health/<name>": since when it fails, so that patience does not begin anew with a restart. */
static void
keep_health(const struct acme_authority *a)
{
	struct buf row = { 0 }, value = { 0 };
	int64_t since_s = clock_now_s() - (clock_mono_ms() - a->failing_since_ms) / 1000;

	buf_printf(&row, HEALTH "%s", a->name);
	if (a->failures > 0)
		buf_printf(&value, "{\"v\":1,\"since\":%lld}", (long long)since_s);
	if (buf_str(&row) != NULL && !value.failed)
		acme_port_remember(a->port, buf_str(&row), value.p, value.len, NULL, NULL, NULL);
	buf_clear(&row);
	buf_clear(&value);
}

static void
restore_health(void *arg, const char *row, const uint8_t *octets, size_t n)
{
	struct acme_authority *a = arg;
	json_t *json = json_loadb((const char *)octets, n, 0, NULL);
	int64_t now_s = clock_now_s(), since_s = acme_kept_number(json_object_get(json, "since"));

	if (strcmp(row + strlen(HEALTH), a->name) == 0 && since_s > 0) {
		a->failures = 1;
		a->failing_since_ms = clock_mono_ms() - (since_s < now_s ? now_s - since_s : 0) * 1000;
	}
	json_decref(json);
}

static enum err
authority_init(struct acme_authority *a, const struct acme_config *config, struct event_base *base, struct fault *f)
{
	static const struct acme_limits none;
	const struct acme_outside *outside = acme_port_outside(a->port);
	char prefix[300];

	a->probe_first_s = config->retry_first_s;
	a->probe_most_s = config->retry_most_s < PROBE_MOST_S ? config->retry_most_s : PROBE_MOST_S;
	a->name = a->config->name != NULL ? strdup(a->config->name) : acme_authority_name(a->config->directory);
	if (a->name == NULL || acme_buckets_new(a->config->limits != NULL ? a->config->limits : &none, on_bucket, a,
	    &a->buckets) != ERR_OK)
		return fault_set(f, ERR_NOMEM, "out of memory");
	snprintf(prefix, sizeof prefix, "limit/%.250s/", a->name);
	if (outside->recall != NULL) {
		outside->recall(outside->ctx, prefix, restore_bucket, a);
		outside->recall(outside->ctx, HEALTH, restore_health, a);
	}
	return acme_client_new(config, a->config, base, &a->client, f);
}

enum err
acme_authorities_init(struct acme_authorities *list, const struct acme_config *config, struct acme_port *port,
    struct event_base *base, struct fault *f)
{
	enum err err = ERR_OK;

	*list = (struct acme_authorities){ 0 };
	if (config->nauthorities > ACME_AUTHORITIES_MAX)
		return fault_set(f, ERR_RANGE, "%zu ACME authorities; expected at most %u", config->nauthorities,
		    ACME_AUTHORITIES_MAX);
	for (size_t i = 0; err == ERR_OK && i < config->nauthorities; i++) {
		struct acme_authority *a = &list->v[list->n++];

		a->config = &config->authorities[i];
		a->port = port;
		err = authority_init(a, config, base, f);
	}
	return err;
}

void
acme_authorities_clear(struct acme_authorities *list)
{
	for (size_t i = 0; i < list->n; i++) {
		acme_client_free(list->v[i].client);
		acme_buckets_free(list->v[i].buckets);
		free(list->v[i].name);
		free(list->v[i].problem);
	}
	list->n = 0;
}

struct acme_authority *
acme_authority_find(struct acme_authorities *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return &list->v[i];
	return NULL;
}

void
acme_ranking_read(struct acme_authorities *list, const char *const *names, struct acme_ranking *out)
{
	out->n = 0;
	for (size_t i = 0; names == NULL && i < list->n; i++)
		out->v[out->n++] = &list->v[i];
	for (; names != NULL && *names != NULL && out->n < ACME_AUTHORITIES_MAX; names++)
		if ((out->v[out->n] = acme_authority_find(list, *names)) != NULL)
			out->n++;
}

/* ---- health ---- */

static int64_t
patience_ms(const struct acme_authority *a, int64_t patience_s)
{
	int64_t most_s = a->config->failover_after_s != 0 ? a->config->failover_after_s : FAILOVER_AFTER_S;

	return (patience_s < most_s ? patience_s : most_s) * 1000;
}

int64_t
acme_authority_down_ms(const struct acme_authority *a, int64_t patience_s)
{
	return a->failing_since_ms + patience_ms(a, patience_s);
}

bool
acme_authority_down(const struct acme_authority *a, int64_t patience_s, int64_t now_ms)
{
	return a->not_before_ms - now_ms > patience_ms(a, patience_s) ||
	    (a->failures > 0 && now_ms >= acme_authority_down_ms(a, patience_s));
}

struct acme_authority *
acme_ranking_pick(const struct acme_ranking *choice, int64_t patience_s, int64_t now_ms)
{
	for (size_t i = 0; i < choice->n; i++) {
		struct acme_authority *a = choice->v[i];

		if (!acme_authority_down(a, patience_s, now_ms) ||
		    (now_ms >= a->probe_ms && now_ms >= a->not_before_ms))
			return a;
	}
	return choice->n > 0 ? choice->v[0] : NULL;
}

int64_t
acme_authority_held_ms(const struct acme_authority *a, bool exempt, int64_t now_ms)
{
	int64_t wait_ms = a->not_before_ms - now_ms;
	int64_t bucket_ms = exempt ? 0 : acme_buckets_wait_ms(a->buckets, ACME_LIMIT_ORDERS, "", now_ms);

	if (wait_ms < bucket_ms)
		wait_ms = bucket_ms;
	return wait_ms > 0 ? wait_ms : 0;
}

int64_t
acme_authority_wait_ms(const struct acme_authority *a, bool exempt, int64_t now_ms)
{
	int64_t wait_ms = acme_authority_held_ms(a, exempt, now_ms), probe_ms = a->probe_ms - now_ms;

	if ((a->stopped || acme_authority_down(a, INT32_MAX, now_ms)) && wait_ms < probe_ms)
		wait_ms = probe_ms;
	return wait_ms;
}

static void
set_probe(struct acme_authority *a, int64_t now_ms)
{
	a->probe_ms = now_ms + 1000 * acme_backoff_s(++a->probes, a->probe_first_s, a->probe_most_s, random_below(256),
	    0, -1);
}

void
acme_authority_ask(struct acme_authority *a, int64_t now_ms)
{
	if (a->failures > 0 && now_ms >= a->probe_ms)
		set_probe(a, now_ms);
}

void
acme_authority_worked(struct acme_authority *a)
{
	bool failed = a->failures > 0;

	a->failures = 0;
	a->stopped = false;
	a->not_before_ms = 0;
	free(a->problem);
	a->problem = NULL;
	if (!failed)
		return;
	log_info("acme: %s works again", a->name);
	keep_health(a);
}

void
acme_authority_hold(struct acme_authority *a, int64_t s, int64_t now_ms)
{
	if (a->not_before_ms >= now_ms + s * 1000)
		return;
	a->not_before_ms = now_ms + s * 1000;
	log_warning("acme: %s wants no requests for %lld s", a->name, (long long)s);
}

void
acme_authority_failed(struct acme_authority *a, uint32_t host, const char *words, int64_t retry_after_s, int64_t now_ms)
{
	char *copy = strdup(words);

	if (a->failures == 0) {
		a->failing_since_ms = now_ms;
		a->failed_for = host;
		a->probes = 0;
		set_probe(a, now_ms);
		log_warning("acme: %s fails: %s", a->name, words);
	} else if (host != a->failed_for)
		a->stopped = true;
	if (a->failures++ == 0)
		keep_health(a);
	if (retry_after_s > 0)
		acme_authority_hold(a, retry_after_s, now_ms);
	if (copy != NULL) {
		free(a->problem);
		a->problem = copy;
	}
}
