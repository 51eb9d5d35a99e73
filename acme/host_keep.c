/* What is kept of a host over restarts: one note, "host/<owner>", JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/host.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"

#define PREFIX "host/"
#define VERSION 1
#define EXPIRED_KEPT_S (90 * 86400)	/* the zone may come back */

static void
key_of(const struct acme_host *h, char key[sizeof PREFIX + DNAME_TEXT_MAX])
{
	char owner[DNAME_TEXT_MAX];

	snprintf(key, sizeof PREFIX + DNAME_TEXT_MAX, PREFIX "%s", dname_print_host(h->owner.octets, owner));
}

/* ---- all of them ---- */

struct gathering {
	struct acme_port *port;
	json_t *all, *useless;
};

static void
gather(void *arg, const char *key, const uint8_t *octets, size_t n)
{
	struct gathering *g = arg;
	json_t *row = json_loadb((const char *)octets, n, JSON_REJECT_DUPLICATES, NULL);
	int64_t ends_s = acme_kept_number(json_object_get(row, "ends"));
	int64_t issued_s = acme_kept_number(json_object_get(row, "issued"));	/* by a wrong clock, perhaps */
	bool readable = acme_kept_number(json_object_get(row, "v")) == VERSION;

	if (!readable)
		log_warning("acme: what was kept under %s cannot be read and is forgotten", key);
	if (readable && (ends_s == 0 || (ends_s > issued_s ? ends_s : issued_s) + EXPIRED_KEPT_S > clock_now_s()))
		json_object_set(g->all, key + strlen(PREFIX), row);
	else
		json_array_append_new(g->useless, json_string(key));
	json_decref(row);
}

json_t *
acme_host_kept(struct acme_port *port)
{
	const struct acme_outside *outside = acme_port_outside(port);
	struct gathering g = { port, json_object(), json_array() };

	if (outside->recall != NULL)
		outside->recall(outside->ctx, PREFIX, gather, &g);
	for (size_t i = 0; i < json_array_size(g.useless); i++)
		acme_port_remember(port, json_string_value(json_array_get(g.useless, i)), NULL, 0, NULL, NULL, NULL);
	json_decref(g.useless);
	return g.all;
}

/* ---- one ---- */

static json_t *
refusals(const struct acme_host *h)
{
	const struct acme_authorities *all = &h->acme->authorities;
	json_t *names = json_array();

	for (size_t i = 0; i < all->n; i++)
		if ((h->refused_by & UINT32_C(1) << i) != 0)
			json_array_append_new(names, json_string(all->v[i].name));
	return names;
}

static int64_t
wall_s(int64_t mono_ms)
{
	int64_t left_ms = mono_ms - clock_mono_ms();

	return left_ms > 0 ? clock_now_s() + left_ms / 1000 : 0;
}

void
acme_host_save(struct acme_host *h)
{
	char key[sizeof PREFIX + DNAME_TEXT_MAX];
	struct buf csr = { 0 };
	json_t *row;
	char *text;

	key_of(h, key);
	hex_encode(h->csr_digest, sizeof h->csr_digest, &csr);
	row = json_pack("{s:i, s:s, s:s*, s:s*, s:s, s:i, s:I, s:I, s:[i,i], s:o, s:I}", "v", VERSION,
	    "csr", buf_str(&csr) != NULL ? buf_str(&csr) : "", "authority", h->issued_by, "problem", h->problem,
	    "type", h->problem_type, "failures", (int)h->failures, "retry", (json_int_t)wall_s(h->retry_at_ms),
	    "governor", (json_int_t)wall_s(h->governor_ms), "rate", (int)h->governor.n, (int)h->governor.per_s,
	    "refused", refusals(h), "warned", (json_int_t)h->warned_s);
	acme_renewal_save(&h->renewal, row);
	text = json_dumps(row, JSON_COMPACT);
	if (text == NULL || acme_port_remember(h->acme->port, key, text, strlen(text), NULL, NULL, NULL) != ERR_OK)
		log_warning("acme: %s: out of memory; a restart may forget when it is to be renewed", h->name);
	free(text);
	json_decref(row);
	buf_clear(&csr);
}

void
acme_host_forget(struct acme_host *h)
{
	char key[sizeof PREFIX + DNAME_TEXT_MAX];

	key_of(h, key);
	acme_port_remember(h->acme->port, key, NULL, 0, NULL, NULL, NULL);
}

/* A time that was kept, as one of the monotonic clock; never further away than most_s, should the clock have been put
 * back. */
static int64_t
mono_ms(const json_t *row, const char *key, int64_t most_s)
{
	int64_t left_s = acme_kept_number(json_object_get(row, key)) - clock_now_s();

	if (left_s <= 0)
		return 0;
	return clock_mono_ms() + (left_s < most_s ? left_s : most_s) * 1000;
}

static void
restore_texts(struct acme_host *h, const json_t *row)
{
	const char *csr = json_string_value(json_object_get(row, "csr"));
	const char *type = json_string_value(json_object_get(row, "type"));
	struct buf digest = { 0 };

	if (csr != NULL && hex_decode(csr, strlen(csr), &digest) && digest.len == sizeof h->csr_digest)
		memcpy(h->csr_digest, digest.p, sizeof h->csr_digest);
	buf_clear(&digest);
	acme_text_replace(&h->problem, json_string_value(json_object_get(row, "problem")));
	acme_text_replace(&h->issued_by, json_string_value(json_object_get(row, "authority")));
	snprintf(h->problem_type, sizeof h->problem_type, "%s", type != NULL ? type : "");
}

static const char *
text_at(const json_t *list, size_t i)
{
	const char *text = json_string_value(json_array_get(list, i));

	return text != NULL ? text : "";
}

void
acme_host_restore(struct acme_host *h)
{
	struct acme_authorities *all = &h->acme->authorities;
	char owner[DNAME_TEXT_MAX];
	const json_t *row, *refused, *rate;

	dname_print_host(h->owner.octets, owner);
	if ((row = json_object_get(h->acme->kept, owner)) == NULL)
		return;
	restore_texts(h, row);
	acme_renewal_load(&h->renewal, row);
	h->failures = (unsigned)acme_kept_number(json_object_get(row, "failures"));
	h->retry_at_ms = mono_ms(row, "retry", h->acme->config.retry_most_s);
	rate = json_object_get(row, "rate");
	h->governor.n = (unsigned)acme_kept_number(json_array_get(rate, 0));
	h->governor.per_s = (unsigned)acme_kept_number(json_array_get(rate, 1));
	h->governor_ms = mono_ms(row, "governor", h->governor.per_s);
	h->warned_s = acme_kept_number(json_object_get(row, "warned"));
	refused = json_object_get(row, "refused");
	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < json_array_size(refused); k++)
			if (strcmp(text_at(refused, k), all->v[i].name) == 0)
				h->refused_by |= UINT32_C(1) << i;
	json_object_del(h->acme->kept, owner);
}
