/* What came out, for people and for programs. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tools/fetch_host.h"

static void
say(const struct fetch_host *h, const char *format, va_list ap)
{
	char words[1200];

	vsnprintf(words, sizeof words, format, ap);
	fprintf(stderr, "certns-fetch: %s: %s\n", h->settings->host, words);
}

void
fetch_warn(const struct fetch_host *h, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(h, format, ap);
	va_end(ap);
}

void
fetch_say(const struct fetch_host *h, const char *format, ...)
{
	va_list ap;

	if (h->run->quiet)
		return;
	va_start(ap, format);
	say(h, format, ap);
	va_end(ap);
}

void
fetch_detail(const struct fetch_host *h, const char *format, ...)
{
	va_list ap;

	if (!h->run->verbose)
		return;
	va_start(ap, format);
	say(h, format, ap);
	va_end(ap);
}

/* The certificate that is in place now; NULL: none. */
static const struct fetch_chain *
in_place(const struct fetch_host *h)
{
	return h->chain.v != NULL && !(h->changed && h->run->dry_run) ? &h->chain :
	    h->have.chain.v != NULL ? &h->have.chain : NULL;
}

static const char *
result(const struct fetch_host *h)
{
	if (h->status != FETCH_FINE && h->status != FETCH_HOOK)
		return "failed";
	if (h->run->dry_run)
		return h->changed ? "would-install" : h->uploaded ? "would-upload" : h->chain.v != NULL ? "unchanged" :
		    "would-wait";
	return h->changed ? "installed" : "unchanged";
}

static void
report_failure(const struct fetch_host *h)
{
	const struct fetch_chain *c = in_place(h);
	char expires[CLOCK_TEXT_SIZE];

	fprintf(stderr, "certns-fetch: %s: %s\n", h->settings->host, h->fault.text);
	if (c == NULL || h->changed)
		return;
	clock_print(c->leaf.not_after_s, expires);
	fprintf(stderr, "certns-fetch: %s: the certificate in place is untouched; it %s %s\n", h->settings->host,
	    c->leaf.not_after_s > clock_now_s() ? "is good until" : "has expired on", expires);
}

static void
report_plan(const struct fetch_host *h)
{
	printf("%s: %s\n", h->settings->host, h->changed ? "would install the server's certificate" :
	    h->uploaded ? h->new_key ? "would upload a CSR of a new key, and wait; the server takes our updates" :
	    "would upload a CSR, and wait; the server takes our updates" :
	    h->chain.v != NULL ? "nothing to do" : "would wait for the certificate of the CSR at the server");
}

void
fetch_report(const struct fetch_host *h)
{
	const struct acme_certificate *c = &h->chain.leaf;
	char expires[CLOCK_TEXT_SIZE];

	if (h->status != FETCH_FINE)
		report_failure(h);
	else if (h->run->dry_run)
		report_plan(h);
	else if (!h->run->quiet) {
		clock_print(c->not_after_s, expires);
		if (h->changed)
			printf("%s: new certificate by %s, good until %s, in %s/current\n", h->settings->host,
			    c->issuer, expires, h->place.path);
		else
			printf("%s: unchanged, good until %s\n", h->settings->host, expires);
	}
}

static json_t *
text_or_null(const char *text)
{
	json_t *json = text != NULL && *text != '\0' ? json_string(text) : NULL;

	return json != NULL ? json : json_null();
}

static void
add_certificate(json_t *object, const struct fetch_chain *c)
{
	char expires[CLOCK_TEXT_SIZE];
	json_t *names = json_array();

	for (size_t i = 0; c != NULL && i < c->leaf.names.n; i++)
		json_array_append_new(names, json_string(c->leaf.names.v[i]));
	if (c != NULL)
		clock_print(c->leaf.not_after_s, expires);
	json_object_set_new(object, "names", names);
	json_object_set_new(object, "issuer", text_or_null(c == NULL ? NULL : c->leaf.issuer));
	json_object_set_new(object, "expires", text_or_null(c == NULL ? NULL : expires));
}

static json_t *
host_json(const struct fetch_host *h)
{
	json_t *object = json_object(), *state = json_null();

	json_object_set_new(object, "host", json_string(h->settings->host));
	json_object_set_new(object, "result", json_string(result(h)));
	json_object_set_new(object, "status", json_integer(h->status));
	json_object_set_new(object, "problem", text_or_null(h->status != FETCH_FINE ? h->fault.text : NULL));
	json_object_set_new(object, "directory", json_sprintf("%s/%s/current", h->settings->directory,
	    h->settings->host));
	json_object_set_new(object, "new-key", json_boolean(h->changed && h->new_key));
	json_object_set_new(object, "hook", !h->hook_ran ? json_null() :
	    json_string(h->status == FETCH_HOOK ? "failed" : "done"));
	add_certificate(object, in_place(h));
	if (h->state.known) {
		state = json_object();
		json_object_set_new(state, "state", text_or_null(h->state.state));
		json_object_set_new(state, "next", text_or_null(h->state.next));
		json_object_set_new(state, "authority", text_or_null(h->state.authority));
		json_object_set_new(state, "problem", text_or_null(h->state.problem));
		json_object_set_new(state, "step", text_or_null(h->state.step));
	}
	json_object_set_new(object, "server", state);
	return object;
}

void
fetch_report_json(const struct fetch_host *hosts, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, host_json(&hosts[i]));
	json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
}
