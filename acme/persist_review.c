#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/csr.h"
#include "acme/persist_internal.h"
#include "acme/tlsa.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

#define LOOK_S 5			/* a CSR may be taken away only to be replaced */
#define LOOKS_AT_ONCE 20		/* each costs a signature check, and the keeper has other work */
#define LOOK_AGAIN_MS 10
#define REVIEW_FIRST_S 60		/* zones come and CSRs are found */
#define REVIEW_S 3600
#define REVIEWS_A_DAY 24
#define SLACK_S 86400			/* of a clock that was set back */
#define WARN_S (14 * 86400)		/* before a record ends that is not ours to renew */

/* ---- who needs it ---- */

static bool
has_name(const struct acme_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i], name) == 0)
			return true;
	return false;
}

/* Does a CSR of the RRset have the name or its wildcard? */
static bool
csr_needs(const struct rr_list *rrset, const uint8_t *name, bool *wildcard)
{
	char exact[DNAME_TEXT_MAX], star[DNAME_TEXT_MAX + 2];
	struct acme_csr *csr;
	const uint8_t *data;
	size_t n;
	bool needs = false;

	snprintf(star, sizeof star, "*.%s", dname_print_host(dname_parent(name), exact));
	*wildcard = false;
	for (size_t i = 0; i < rrset->n; i++) {
		if (acme_tlsa_read(&rrset->v[i], &data, &n) != ACME_TLSA_CSR ||
		    acme_csr_parse(data, n, &csr, NULL) != ERR_OK)
			continue;
		*wildcard |= has_name(acme_csr_names(csr), star);
		needs |= *wildcard || has_name(acme_csr_names(csr), exact);
		acme_csr_free(csr);
	}
	return needs;
}

/* A CSR in a zone that is not there now may come back with it. */
static void
look_at_use(struct use *u)
{
	struct standing *s = u->standing;
	const struct acme_outside *outside = acme_port_outside(s->all->port);
	struct rr_list rrset = { 0 };
	bool wildcard, before = u->wildcard;

	if (outside->lookup(outside->ctx, u->user.octets, TYPE_TLSA, &rrset) == ERR_OK) {
		bool needs = csr_needs(&rrset, s->name.octets, &wildcard);

		if (needs)
			u->wildcard = wildcard;
		else
			use_free(u);
		if (!needs || wildcard != before)
			standing_remember(s);
	}
	rr_list_clear(&rrset);
	event_active(s->turn, EV_TIMEOUT, 0);
}

static struct use *
next_due(struct acme_persist *p)
{
	struct use *u = TAILQ_FIRST(&p->due);

	if (u != NULL) {
		TAILQ_REMOVE(&p->due, u, due);
		u->is_due = false;
	}
	return u;
}

static void
make_due(struct use *u)
{
	if (!u->is_due)
		TAILQ_INSERT_TAIL(&u->standing->all->due, u, due);
	u->is_due = true;
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct acme_persist *p = arg;
	struct use *u;

	(void)fd, (void)what;
	for (unsigned i = 0; i < LOOKS_AT_ONCE && (u = next_due(p)) != NULL; i++)
		look_at_use(u);
	if (!TAILQ_EMPTY(&p->due))
		event_add(p->look, &(struct timeval){ 0, LOOK_AGAIN_MS * 1000 });
}

void
acme_persist_look(struct acme_persist *p, const uint8_t *owner)
{
	struct use *u;

	LIST_FOREACH(u, &p->users[dname_hash(owner) % PERSIST_BUCKETS], of_user)
		if (dname_equal(u->user.octets, owner)) {
			make_due(u);
			if (!event_pending(p->look, EV_TIMEOUT, NULL))
				event_add(p->look, &(struct timeval){ .tv_sec = LOOK_S });
		}
}

/* ---- what it ought to say ---- */

static const struct acme_authority_config *
preferring(const struct standing *s)
{
	const struct acme_authority *a = acme_authority_find(s->all->authorities, s->authority);

	for (size_t i = 0; a != NULL && i < a->config->nchallenges; i++)
		if (a->config->challenges[i] == ACME_DNS_PERSIST_01)
			return a->config;
	return NULL;
}

static bool
stands(const struct rr_list *present, const char *text)
{
	bool found = false;

	for (size_t i = 0; !found && i < present->n; i++) {
		struct buf joined = { 0 };

		found = acme_txt_join(present->v[i].rdata, present->v[i].rdlen, ACME_PERSIST_TEXT_MAX, &joined) &&
		    buf_str(&joined) != NULL && strcmp(buf_str(&joined), text) == 0;
		buf_clear(&joined);
	}
	return found;
}

/* Which of the texts that we made stands there, as far as the zone is; NULL: none. */
static const char *
standing_text(const struct standing *s)
{
	const struct acme_outside *outside = acme_port_outside(s->all->port);
	struct rr_list present = { 0 };
	bool away = outside->lookup(outside->ctx, s->owner.octets, TYPE_TXT, &present) == ERR_NOT_FOUND;
	const char *found = NULL;

	for (size_t i = 0; found == NULL && i < json_array_size(s->texts); i++) {
		const char *text = json_string_value(json_array_get(s->texts, i));

		if (away || stands(&present, text))
			found = text;
	}
	rr_list_clear(&present);
	return found;
}

/* The end that a record of ours gets. */
static int64_t
until(int64_t present_s, int64_t lifetime_s, int64_t now_s)
{
	if (lifetime_s == 0)
		return 0;
	return present_s == 0 || present_s - now_s < lifetime_s / 3 || present_s > now_s + lifetime_s + SLACK_S ?
	    now_s + lifetime_s : present_s;
}

bool
standing_better(const struct standing *s, const char *text, int64_t now_s, struct buf *out)
{
	const struct acme_authority_config *config = preferring(s);
	struct acme_persist_record r;
	const struct use *u;

	if (config == NULL || !acme_persist_read(text, strlen(text), &r))
		return false;
	r.wildcard = false;
	LIST_FOREACH(u, &s->uses, of_standing)
		r.wildcard |= u->wildcard;
	r.until_s = until(r.until_s, config->persist_lifetime_s, now_s);
	acme_persist_print(&r, out);
	return buf_str(out) != NULL && strcmp(buf_str(out), text) != 0;
}

static void
correct(struct standing *s, int64_t now_s)
{
	const char *text = standing_text(s);
	struct buf better = { 0 };

	if (text == NULL) {
		/* Somebody has changed or removed it by hand: it is theirs, from now on. */
		json_array_clear(s->texts);
		standing_remember(s);
	} else if (standing_better(s, text, now_s, &better) || (json_array_size(s->texts) > 1 && better.len > 0))
		standing_write(s, buf_str(&better), NULL);
	buf_clear(&better);
}

/* One that is not ours, or that we could not renew, and that ends soon. */
static void
warn(struct standing *s, int64_t now_s)
{
	const struct acme_outside *outside = acme_port_outside(s->all->port);
	struct rr_list present = { 0 };
	char name[DNAME_TEXT_MAX];

	if (now_s < s->warned_s + 86400 && s->warned_s != 0)
		return;
	outside->lookup(outside->ctx, s->owner.octets, TYPE_TXT, &present);
	for (size_t i = 0; i < present.n; i++) {
		struct acme_persist_record r;
		struct buf text = { 0 };

		if (acme_txt_join(present.v[i].rdata, present.v[i].rdlen, ACME_PERSIST_TEXT_MAX, &text) &&
		    acme_persist_read((const char *)text.p, text.len, &r) && r.until_s != 0 &&
		    r.until_s - now_s < WARN_S) {
			log_warning("acme: the standing record at %s for %s %s in %lld days and is not renewed by us",
			    dname_print_host(s->owner.octets, name), r.issuer, r.until_s > now_s ? "ends" : "has ended",
			    (long long)((r.until_s - now_s) / 86400));
			s->warned_s = now_s;
		}
		buf_clear(&text);
	}
	rr_list_clear(&present);
}

static bool
is_zone_here(const struct standing *s)
{
	const struct acme_outside *outside = acme_port_outside(s->all->port);
	struct dname apex;
	bool editable;

	return outside->zone_of(outside->ctx, s->owner.octets, &apex, &editable);
}

void
standing_settle(struct standing *s, int64_t now_s)
{
	const struct acme_authority_config *config = LIST_EMPTY(&s->uses) ? NULL : preferring(s);

	if (s->edit != NULL || !TAILQ_EMPTY(&s->needs))
		return;
	if (now_s < s->not_before_s) {
		warn(s, now_s);
		return;
	}
	if (config != NULL && json_array_size(s->texts) > 0) {
		correct(s, now_s);
	} else if (config != NULL) {
		warn(s, now_s);
	} else if (json_array_size(s->texts) == 0 || (is_zone_here(s) && !standing_write(s, NULL, NULL))) {
		standing_forget(s);
		standing_free(s);
	}
}

/* ---- now and then ---- */

void
acme_persist_review(struct acme_persist *p, int64_t now_s)
{
	struct standing *s, *next;
	struct use *u;

	for (size_t i = 0; i < PERSIST_BUCKETS; i++)
		for (s = LIST_FIRST(&p->table[i]); s != NULL; s = next) {
			next = LIST_NEXT(s, link);
			if (p->reviews % REVIEWS_A_DAY == 0)
				LIST_FOREACH(u, &s->uses, of_standing)
					make_due(u);
			standing_settle(s, now_s);
		}
	p->reviews++;
	if (!TAILQ_EMPTY(&p->due))
		event_active(p->look, EV_TIMEOUT, 0);
}

static void
on_review(evutil_socket_t fd, short what, void *arg)
{
	struct acme_persist *p = arg;

	(void)fd, (void)what;
	acme_persist_review(p, clock_now_s());
	event_add(p->review, &(struct timeval){ .tv_sec = REVIEW_S });
}

void
persist_review_start(struct acme_persist *p)
{
	p->look = event_new(p->base, -1, 0, on_look, p);
	p->review = event_new(p->base, -1, 0, on_review, p);
	if (p->review != NULL)
		event_add(p->review, &(struct timeval){ .tv_sec = REVIEW_FIRST_S });
}
