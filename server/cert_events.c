/* server/cert_events.c -- what happened to certificates: it is counted, the operator's hooks are run, and the status
 * that others see follows it. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/hooks.h"

struct cert_events {
	struct hooks *hooks;
	struct cert_counts counts;
};

/* ---- hooks ---- */

#define VARIABLES_MAX 16

static void
add_variable(char **variables, size_t *n, const char *name, const char *value)
{
	struct buf text = { 0 };

	buf_printf(&text, "CERTNS_%s=%s", name, value);
	if ((variables[*n] = buf_take(&text, NULL)) != NULL)
		++*n;
}

static void
add_time_variable(char **variables, size_t *n, const char *name, int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE] = "";

	if (time_s != 0)
		clock_print(time_s, text);
	add_variable(variables, n, name, text);
}

static void
run_hook(struct keeper *k, const char *command, const char *event, const struct acme_status *s)
{
	char *variables[VARIABLES_MAX + 1] = { 0 };
	char attempts[20], what[400];
	size_t n = 0;

	snprintf(attempts, sizeof attempts, "%u", s->attempts);
	snprintf(what, sizeof what, "%s, for %s", event, s->host);
	add_variable(variables, &n, "EVENT", event);
	add_variable(variables, &n, "HOST", s->host);
	add_variable(variables, &n, "LABEL", s->label);
	add_variable(variables, &n, "NAMES", s->names);
	add_variable(variables, &n, "ISSUER", s->issuer);
	add_variable(variables, &n, "AUTHORITY", s->authority);
	add_variable(variables, &n, "PROBLEM", s->problem);
	add_variable(variables, &n, "ATTEMPTS", attempts);
	add_time_variable(variables, &n, "EXPIRES", s->expires_s);
	add_time_variable(variables, &n, "NEXT", s->next_s);
	hooks_run(k->cert_events->hooks, &(struct hook){ command, what, (const char *const *)variables,
	    k->view->config->acme.hooks.timeout_s });
	for (size_t i = 0; i < n; i++)
		free(variables[i]);
}

/* ---- what others call ---- */

void
cert_event(void *ctx, enum acme_event event, const struct acme_status *s)
{
	struct keeper *k = ctx;
	const struct config_acme *config = &k->view->config->acme;
	const struct { const char *name, *command; } hooks[] = {
		[ACME_EVENT_ISSUED] = { "issued", config->hooks.issued },
		[ACME_EVENT_RENEWED] = { "renewed", config->hooks.renewed },
		[ACME_EVENT_FAILED] = { "failed", config->hooks.failed },
		[ACME_EVENT_EXPIRING] = { "expiring", config->hooks.expiring },
		[ACME_EVENT_GONE] = { 0 },
	};

	k->cert_events->counts.issued += event == ACME_EVENT_ISSUED || event == ACME_EVENT_RENEWED;
	k->cert_events->counts.failed += event == ACME_EVENT_FAILED;
	if (hooks[event].command != NULL)
		run_hook(k, hooks[event].command, hooks[event].name, s);
	if (!config->status)
		return;
	if (event == ACME_EVENT_GONE)
		cert_status_hide(k, s);
	else
		cert_status_show(k, s);
}

struct cert_counts
cert_events_counts(const struct keeper *k)
{
	return k->cert_events->counts;
}

enum err
cert_events_start(struct keeper *k)
{
	if ((k->cert_events = calloc(1, sizeof *k->cert_events)) == NULL)
		return ERR_NOMEM;
	return hooks_new(k->base, &k->cert_events->hooks);
}

void
cert_events_stop(struct keeper *k)
{
	if (k->cert_events == NULL)
		return;
	hooks_free(k->cert_events->hooks);
	free(k->cert_events);
	k->cert_events = NULL;
}
