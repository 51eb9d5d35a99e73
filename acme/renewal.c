#include "acme/renewal.h"

#include <stdio.h>
#include <string.h>

#define POLL_S (6 * 3600)		/* without a Retry-After, and after lasting errors (RFC 9773, section 4.3.2) */
#define POLL_LEAST_S 60			/* sections 4.3.2 */
#define POLL_MOST_S 86400
#define POLL_FAILURES_MAX 5		/* 1, 2, 4, 8, 16 minutes */
#define NUMBER_MOST INT64_C(100000000000)	/* seconds: some three thousand years */
#define POLL_SPREAD_S 600		/* of certificates that were there at the start */

bool
acme_renewal_begin(struct acme_renewal *r, const char *id, const struct acme_lifetime *life, bool issued,
    uint32_t random, int64_t now_s)
{
	if (strcmp(r->id, id) == 0 && r->life.not_before_s == life->not_before_s &&
	    r->life.not_after_s == life->not_after_s)
		return false;
	*r = (struct acme_renewal){ .life = *life, .issued_s = issued ? now_s : 0 };
	snprintf(r->id, sizeof r->id, "%s", id);
	r->poll_s = now_s + (issued ? 0 : random % POLL_SPREAD_S);
	return true;
}

int64_t
acme_renewal_now_s(const struct acme_renewal *r, int64_t now_s)
{
	return acme_lifetime_now_s(&r->life, r->issued_s, now_s);
}

int64_t
acme_renewal_due_s(const struct acme_renewal *r, uint32_t salt)
{
	int64_t last_s = r->life.not_after_s - (r->life.not_after_s - r->life.not_before_s) / 10;

	if (r->window.end_s == 0)
		return acme_renewal_s(&r->life, salt);
	return r->chosen_s < last_s ? r->chosen_s : last_s;
}

int64_t
acme_renewal_poll_s(const struct acme_renewal *r, int64_t now_s)
{
	if (r->id[0] == '\0' || acme_renewal_now_s(r, now_s) >= r->life.not_after_s)
		return INT64_MAX;
	if (r->poll_s > now_s + POLL_MOST_S)	/* the clock was put back */
		return now_s;
	return r->poll_s;
}

static int64_t
clamp(int64_t s)
{
	return s < POLL_LEAST_S ? POLL_LEAST_S : s > POLL_MOST_S ? POLL_MOST_S : s;
}

bool
acme_renewal_window(struct acme_renewal *r, const struct acme_ari_window *w, int64_t retry_after_s, uint64_t random,
    int64_t now_s)
{
	bool changed = w->start_s != r->window.start_s || w->end_s != r->window.end_s;

	if (changed)
		r->chosen_s = w->start_s + (int64_t)(random % (uint64_t)(w->end_s - w->start_s));
	r->window = *w;
	r->poll_failures = 0;
	r->poll_s = now_s + (retry_after_s < 0 ? POLL_S : clamp(retry_after_s));
	return changed;
}

void
acme_renewal_poll_failed(struct acme_renewal *r, bool passing, int64_t retry_after_s, uint32_t random, int64_t now_s)
{
	int64_t wait_s = POLL_S;

	if (passing && r->poll_failures < POLL_FAILURES_MAX)
		wait_s = (INT64_C(60) << r->poll_failures++) + random % 30;
	else
		r->poll_failures = 0;
	r->poll_s = now_s + (retry_after_s >= 0 && clamp(retry_after_s) > wait_s ? clamp(retry_after_s) : wait_s);
}

/* ---- kept ---- */

void
acme_renewal_save(const struct acme_renewal *r, json_t *to)
{
	json_object_set_new(to, "certificate", json_string(r->id));
	json_object_set_new(to, "begins", json_integer(r->life.not_before_s));
	json_object_set_new(to, "ends", json_integer(r->life.not_after_s));
	json_object_set_new(to, "issued", json_integer(r->issued_s));
	json_object_set_new(to, "poll", json_integer(r->poll_s));
	json_object_set_new(to, "poll_failures", json_integer(r->poll_failures));
	if (r->window.end_s == 0)
		return;
	json_object_set_new(to, "window", json_pack("[I,I]", (json_int_t)r->window.start_s,
	    (json_int_t)r->window.end_s));
	json_object_set_new(to, "chosen", json_integer(r->chosen_s));
	json_object_set_new(to, "explanation", json_string(r->window.explanation));
}

int64_t
acme_kept_number(const json_t *value)
{
	json_int_t v = json_integer_value(value);

	return v < 0 || v > NUMBER_MOST ? 0 : v;
}

static int64_t
number(const json_t *from, const char *key)
{
	return acme_kept_number(json_object_get(from, key));
}

static void
text(const json_t *from, const char *key, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(from, key));

	if (s != NULL && strlen(s) < size)
		memcpy(out, s, strlen(s) + 1);
}

void
acme_renewal_load(struct acme_renewal *r, const json_t *from)
{
	const json_t *window = json_object_get(from, "window");

	*r = (struct acme_renewal){ .life = { number(from, "begins"), number(from, "ends") },
		.issued_s = number(from, "issued"), .poll_s = number(from, "poll"),
		.poll_failures = (unsigned)number(from, "poll_failures") };
	text(from, "certificate", r->id, sizeof r->id);
	if (r->poll_failures > POLL_FAILURES_MAX)
		r->poll_failures = 0;
	r->window.start_s = acme_kept_number(json_array_get(window, 0));
	r->window.end_s = acme_kept_number(json_array_get(window, 1));
	r->chosen_s = number(from, "chosen");
	text(from, "explanation", r->window.explanation, sizeof r->window.explanation);
	if (r->window.end_s <= r->window.start_s || r->chosen_s < r->window.start_s || r->chosen_s >= r->window.end_s)
		r->window = (struct acme_ari_window){ 0 };
}
