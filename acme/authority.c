#include "acme/authority.h"

#include <stdlib.h>
#include <string.h>

#include "acme/schedule.h"
#include "base/clock.h"
#include "base/log.h"

#define FAILOVER_AFTER_S (6 * 3600)
#define PROBE_FIRST_S 60
#define PROBE_MOST_S 3600

/* ---- the list ---- */

const char *
acme_authority_host(const char *url, size_t *n)
{
	const char *host = strstr(url, "://");

	host = host == NULL ? url : host + 3;
	*n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, "/:?#");
	return host;
}

static enum err
authority_init(struct acme_authority *a, const struct acme_config *config, struct event_base *base, struct fault *f)
{
	size_t n;
	const char *host = acme_authority_host(a->config->directory, &n);

	a->name = a->config->name != NULL ? strdup(a->config->name) : strndup(host, n);
	if (a->name == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	return acme_client_new(config, a->config, base, &a->client, f);
}

enum err
acme_authorities_init(struct acme_authorities *list, const struct acme_config *config, struct event_base *base,
    struct fault *f)
{
	enum err err = ERR_OK;

	*list = (struct acme_authorities){ 0 };
	if (config->nauthorities > ACME_AUTHORITIES_MAX)
		return fault_set(f, ERR_RANGE, "%zu ACME authorities; expected at most %u", config->nauthorities,
		    ACME_AUTHORITIES_MAX);
	for (size_t i = 0; err == ERR_OK && i < config->nauthorities; i++) {
		struct acme_authority *a = &list->v[list->n++];

		a->config = &config->authorities[i];
		err = authority_init(a, config, base, f);
	}
	return err;
}

void
acme_authorities_clear(struct acme_authorities *list)
{
	for (size_t i = 0; i < list->n; i++) {
		acme_client_free(list->v[i].client);
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

bool
acme_authority_down(const struct acme_authority *a, int64_t patience_s, int64_t now_ms)
{
	int64_t most_s = a->config->failover_after_s != 0 ? a->config->failover_after_s : FAILOVER_AFTER_S;
	int64_t patience_ms = (patience_s < most_s ? patience_s : most_s) * 1000;

	return a->not_before_ms - now_ms > patience_ms ||
	    (a->failures > 0 && now_ms - a->failing_since_ms >= patience_ms);
}

struct acme_authority *
acme_ranking_pick(const struct acme_ranking *choice, int64_t patience_s, int64_t now_ms)
{
	for (size_t i = 0; i < choice->n; i++) {
		struct acme_authority *a = choice->v[i];

		if (!acme_authority_down(a, patience_s, now_ms) || (now_ms >= a->probe_ms && now_ms >= a->not_before_ms))
			return a;
	}
	return choice->n > 0 ? choice->v[0] : NULL;
}

void
acme_authority_ask(struct acme_authority *a, int64_t now_ms)
{
	if (a->failures > 0)
		a->probe_ms = now_ms + acme_backoff_s(a->failures, PROBE_FIRST_S, PROBE_MOST_S, random_below(256), -1) * 1000;
}

void
acme_authority_worked(struct acme_authority *a)
{
	if (a->failures > 0)
		log_info("acme: %s works again", a->name);
	a->failures = 0;
	a->not_before_ms = 0;
	free(a->problem);
	a->problem = NULL;
}

void
acme_authority_failed(struct acme_authority *a, const char *words, int64_t retry_after_s, int64_t now_ms)
{
	char *copy = strdup(words);

	if (a->failures == 0) {
		a->failing_since_ms = now_ms;
		log_warning("acme: %s fails: %s", a->name, words);
	}
	a->failures++;
	if (retry_after_s > 0 && a->not_before_ms < now_ms + retry_after_s * 1000)
		a->not_before_ms = now_ms + retry_after_s * 1000;
	acme_authority_ask(a, now_ms);
	if (copy != NULL) {
		free(a->problem);
		a->problem = copy;
	}
}
