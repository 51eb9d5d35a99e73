#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/persist_internal.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

#define RETRY_S 3600

struct acme_persist_need {
	TAILQ_ENTRY(acme_persist_need) link;
	struct standing *standing;
	struct acme_standing want;
	struct dname owner, zone;
	bool frozen;
	struct dname user;
	acme_persist_done *done;		/* NULL: cancelled */
	void *arg;
};

static void serve(struct standing *s);

/* ---- the table ---- */

static struct standing *
standing_find(const struct acme_persist *p, const uint8_t *name, const char *authority)
{
	struct standing *s;

	LIST_FOREACH(s, &p->table[dname_hash(name) % PERSIST_BUCKETS], link)
		if (dname_equal(s->name.octets, name) && strcmp(s->authority, authority) == 0)
			return s;
	return NULL;
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	serve(arg);
}

struct standing *
standing_new(struct acme_persist *p, const uint8_t *name, const char *authority)
{
	struct standing *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->all = p;
	dname_lower(s->name.octets, name);
	s->owner = s->name;
	s->authority = strdup(authority);
	s->texts = json_array();
	s->turn = event_new(p->base, -1, 0, on_turn, s);
	LIST_INIT(&s->uses);
	TAILQ_INIT(&s->needs);
	LIST_INSERT_HEAD(&p->table[dname_hash(name) % PERSIST_BUCKETS], s, link);
	if (s->authority == NULL || s->texts == NULL || s->turn == NULL) {
		standing_free(s);
		return NULL;
	}
	return s;
}

struct use *
standing_use(struct standing *s, const uint8_t *user)
{
	struct use *u;

	LIST_FOREACH(u, &s->uses, of_standing)
		if (dname_equal(u->user.octets, user))
			return u;
	if ((u = calloc(1, sizeof *u)) == NULL)
		return NULL;
	u->standing = s;
	dname_lower(u->user.octets, user);
	LIST_INSERT_HEAD(&s->uses, u, of_standing);
	LIST_INSERT_HEAD(&s->all->users[dname_hash(user) % PERSIST_BUCKETS], u, of_user);
	return u;
}

void
use_free(struct use *u)
{
	if (u->is_due)
		TAILQ_REMOVE(&u->standing->all->due, u, due);
	LIST_REMOVE(u, of_standing);
	LIST_REMOVE(u, of_user);
	free(u);
}

static void
need_free(struct acme_persist_need *n)
{
	TAILQ_REMOVE(&n->standing->needs, n, link);
	acme_standing_clear(&n->want);
	free(n);
}

void
standing_free(struct standing *s)
{
	LIST_REMOVE(s, link);
	acme_port_cancel(s->edit);
	while (!TAILQ_EMPTY(&s->needs))
		need_free(TAILQ_FIRST(&s->needs));
	while (!LIST_EMPTY(&s->uses))
		use_free(LIST_FIRST(&s->uses));
	if (s->turn != NULL)
		event_free(s->turn);
	json_decref(s->texts);
	free(s->writing);
	free(s->authority);
	free(s);
}

/* ---- edits ---- */

static bool
is_made(const struct standing *s, const char *text)
{
	for (size_t i = 0; i < json_array_size(s->texts); i++)
		if (strcmp(json_string_value(json_array_get(s->texts, i)), text) == 0)
			return true;
	return false;
}

static void
finish_first(struct standing *s, enum err err, const char *words, const char *text)
{
	struct acme_persist_need *n = TAILQ_FIRST(&s->needs);
	acme_persist_done *done = n->done;
	void *arg = n->arg;

	need_free(n);
	if (done != NULL)
		done(arg, err, words, text);
}

static void
on_edited(void *arg, enum err err, const char *words)
{
	struct standing *s = arg;
	char *text = s->writing, name[DNAME_TEXT_MAX];
	bool for_need = s->for_need;

	s->edit = NULL;
	s->writing = NULL;
	s->for_need = false;
	dname_print_host(s->name.octets, name);
	if (err == ERR_OK) {
		json_array_clear(s->texts);
		if (text != NULL)
			json_array_append_new(s->texts, json_string(text));
		standing_remember(s);
		log_info("acme: the standing record at %s %s%s", name, text != NULL ? "is now: " : "was removed",
		    text != NULL ? text : "");
	} else {
		s->not_before_s = clock_now_s() + RETRY_S;
		log_warning("acme: the standing record at %s cannot be %s: %s", name,
		    text != NULL ? "written" : "removed", words);
		if (text == NULL && !TAILQ_EMPTY(&s->needs))	/* who waits shall not wait for that */
			json_array_clear(s->texts);
	}
	event_active(s->turn, EV_TIMEOUT, 0);
	if (for_need && !TAILQ_EMPTY(&s->needs) && (err != ERR_OK || text != NULL))
		finish_first(s, err, words, text);
	free(text);
}

static enum err
add_text(struct rr_list *list, const struct dname *owner, const char *text)
{
	struct buf rdata = { 0 };
	enum err err;

	acme_txt_write(text, strlen(text), &rdata);
	err = rdata.failed ? ERR_NOMEM : rr_list_add(list, &(struct rr){ owner->octets, rdata.p, PERSIST_TTL_S,
	    TYPE_TXT, (uint16_t)rdata.len });
	buf_clear(&rdata);
	return err;
}

/* Of our texts but this one, those that stand; and also. */
static enum err
fill_removals(const struct standing *s, const char *but, const struct rr_list *also, struct rr_list *out)
{
	const struct acme_outside *outside = acme_port_outside(s->all->port);
	struct rr_list present = { 0 }, ours = { 0 };
	enum err err = outside->lookup(outside->ctx, s->owner.octets, TYPE_TXT, &present);

	if (err == ERR_NOT_FOUND)
		err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < json_array_size(s->texts); i++) {
		const char *text = json_string_value(json_array_get(s->texts, i));

		if (but == NULL || strcmp(text, but) != 0)
			err = add_text(&ours, &s->owner, text);
	}
	for (size_t i = 0; err == ERR_OK && i < present.n; i++)
		if (rr_list_has(&ours, &present.v[i]) || (also != NULL && rr_list_has(also, &present.v[i])))
			err = rr_list_add(out, &present.v[i]);
	rr_list_clear(&present);
	rr_list_clear(&ours);
	return err;
}

bool
standing_write(struct standing *s, const char *text, const struct rr_list *also)
{
	struct rr_list remove = { 0 }, add = { 0 };
	char name[DNAME_TEXT_MAX], why[300];
	enum err err = fill_removals(s, text, also, &remove);

	snprintf(why, sizeof why, "standing challenge record for %.200s",
	    dname_print_host(dname_parent(s->name.octets), name));
	if (err == ERR_OK && text != NULL)
		err = add_text(&add, &s->owner, text);
	if (err == ERR_OK && remove.n + add.n > 0) {
		struct acme_edit edit = { .zone = s->zone.octets, .remove = remove.v, .nremove = remove.n, .add = add.v,
			.nadd = add.n, .why = why };

		s->writing = text != NULL ? strdup(text) : NULL;
		if (text != NULL && !is_made(s, text))
			json_array_append_new(s->texts, json_string(text));
		if ((err = acme_port_edit(s->all->port, &edit, on_edited, s, &s->edit)) == ERR_OK)
			standing_remember(s);		/* before it is known how it ends */
	}
	rr_list_clear(&remove);
	rr_list_clear(&add);
	if (err != ERR_OK)
		log_error("acme: a standing record cannot be written: %s", err_str(err));
	return s->edit != NULL;
}

/* ---- needs ---- */

/* The record among present that says what is wanted, ours before others': its text into out.  False: none; mine gets
 * those of the same party, which are ours to replace. */
static bool
find_fitting(const struct standing *s, const struct acme_standing *want, int64_t now_s, const struct rr_list *present,
    struct buf *out, struct rr_list *mine)
{
	bool found = false, found_ours = false;

	for (size_t i = 0; i < present->n; i++) {
		struct acme_persist_record r;
		struct buf text = { 0 };

		if (!acme_txt_join(present->v[i].rdata, present->v[i].rdlen, ACME_PERSIST_TEXT_MAX, &text) ||
		    !acme_persist_read((const char *)text.p, text.len, &r))
			;
		else if (acme_persist_fits(&r, want, now_s) && buf_str(&text) != NULL) {
			bool ours = is_made(s, buf_str(&text));

			if (!found || (ours && !found_ours)) {
				out->len = 0;
				buf_add_str(out, buf_str(&text));
			}
			found = true;
			found_ours |= ours;
		} else if (acme_persist_same_party(&r, want->issuers, want->account))
			rr_list_add(mine, &present->v[i]);
		buf_clear(&text);
	}
	return found && buf_str(out) != NULL;
}

static bool
wildcard_needed(const struct standing *s)
{
	const struct use *u;

	LIST_FOREACH(u, &s->uses, of_standing)
		if (u->wildcard)
			return true;
	return false;
}

/* now_s 0: it is to have no end. */
static void
new_text(const struct standing *s, const struct acme_standing *want, int64_t now_s, struct buf *out)
{
	const struct acme_authority *a = acme_authority_find(s->all->authorities, s->authority);
	struct acme_persist_record r = { .wildcard = wildcard_needed(s) };

	snprintf(r.issuer, sizeof r.issuer, "%.*s", (int)strcspn(want->issuers, ","), want->issuers);
	snprintf(r.account, sizeof r.account, "%s", want->account);
	if (now_s != 0 && a != NULL && a->config->persist_lifetime_s > 0)
		r.until_s = now_s + a->config->persist_lifetime_s;
	acme_persist_print(&r, out);
}

/* Another place than before: what we made stays where it is until it is removed there. */
static bool
move_away(struct standing *s, const struct acme_persist_need *n)
{
	if (dname_equal(s->owner.octets, n->owner.octets) && dname_equal(s->zone.octets, n->zone.octets))
		return false;
	if (json_array_size(s->texts) > 0 && standing_write(s, NULL, NULL))
		return true;
	json_array_clear(s->texts);
	s->owner = n->owner;
	s->zone = n->zone;
	return false;
}

/* Where we may not write, somebody else may. */
static void
ask_operator(struct standing *s, const struct acme_persist_need *n)
{
	char owner[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX];
	struct buf text = { 0 };
	struct fault f = { 0 };

	new_text(s, &n->want, 0, &text);
	fault_set(&f, ERR_REFUSED, "the zone %.200s may not be changed here; put this TXT record at %.200s: \"%.500s\"",
	    dname_print_host(n->zone.octets, zone), dname_print_host(n->owner.octets, owner),
	    buf_str(&text) != NULL ? buf_str(&text) : "");
	buf_clear(&text);
	finish_first(s, f.err, f.text, NULL);
}

/* True: an edit is on its way, after which it is served again. */
static bool
serve_first(struct standing *s, struct acme_persist_need *n)
{
	const struct acme_outside *outside = acme_port_outside(s->all->port);
	struct rr_list present = { 0 }, mine = { 0 };
	struct use *u = standing_use(s, n->user.octets);
	struct buf text = { 0 }, better = { 0 };
	int64_t now_s = clock_now_s();
	bool editing = false;
	enum err err;

	if (move_away(s, n))
		return true;
	if (u != NULL)
		u->wildcard = n->want.wildcard;
	err = u == NULL ? ERR_NOMEM : outside->lookup(outside->ctx, s->owner.octets, TYPE_TXT, &present);
	if (err == ERR_OK && find_fitting(s, &n->want, now_s, &present, &text, &mine)) {
		/* What we made for another account is not needed beside somebody else's good one. */
		if (json_array_size(s->texts) > 0 && !is_made(s, buf_str(&text)))
			editing = standing_write(s, NULL, NULL);
		else if (is_made(s, buf_str(&text)) && standing_better(s, buf_str(&text), now_s, &better))
			s->for_need = editing = standing_write(s, buf_str(&better), NULL);
		if (!editing) {
			standing_remember(s);
			finish_first(s, ERR_OK, "", buf_str(&text));
		}
	} else if (err == ERR_OK && n->frozen) {
		ask_operator(s, n);
	} else if (err == ERR_OK) {
		text.len = 0;
		new_text(s, &n->want, now_s, &text);
		s->for_need = true;
		if (!(editing = buf_str(&text) != NULL && standing_write(s, buf_str(&text), &mine))) {
			s->for_need = false;
			err = ERR_NOMEM;
		}
	}
	if (err != ERR_OK)
		finish_first(s, err, err_str(err), NULL);
	rr_list_clear(&present);
	rr_list_clear(&mine);
	buf_clear(&text);
	buf_clear(&better);
	return editing;
}

/* May free s. */
static void
serve(struct standing *s)
{
	struct acme_persist_need *n;

	if (s->edit != NULL)
		return;
	while ((n = TAILQ_FIRST(&s->needs)) != NULL)
		if (n->done == NULL)
			need_free(n);
		else if (serve_first(s, n))
			return;
	standing_settle(s, clock_now_s());
}

enum err
acme_persist_require(struct acme_persist *p, const struct acme_persist_request *r, struct acme_persist_need **out)
{
	struct acme_persist_need *n = calloc(1, sizeof *n);
	struct standing *s = standing_find(p, r->want->owner.octets, r->authority);

	if (n == NULL || acme_standing_copy(&n->want, r->want) != ERR_OK ||
	    (s == NULL && (s = standing_new(p, r->want->owner.octets, r->authority)) == NULL)) {
		if (n != NULL)
			acme_standing_clear(&n->want);
		free(n);
		return ERR_NOMEM;
	}
	n->standing = s;
	n->owner = r->way->owner;
	n->zone = r->way->zone;
	n->frozen = r->way->frozen;
	n->done = r->done;
	n->arg = r->arg;
	dname_copy(&n->user, r->user);
	TAILQ_INSERT_TAIL(&s->needs, n, link);
	event_active(s->turn, EV_TIMEOUT, 0);
	*out = n;
	return ERR_OK;
}

/* An edit may be on its way for it: its turn frees it. */
void
acme_persist_cancel(struct acme_persist_need *n)
{
	if (n != NULL)
		n->done = NULL;
}

enum err
acme_persist_new(struct acme_port *port, struct event_base *base, struct acme_authorities *authorities,
    struct acme_persist **out)
{
	struct acme_persist *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->port = port;
	p->base = base;
	p->authorities = authorities;
	TAILQ_INIT(&p->due);
	persist_review_start(p);
	if (p->look == NULL || p->review == NULL) {
		acme_persist_free(p);
		return ERR_NOMEM;
	}
	persist_recall(p);
	*out = p;
	return ERR_OK;
}

void
acme_persist_free(struct acme_persist *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < PERSIST_BUCKETS; i++)
		while (!LIST_EMPTY(&p->table[i]))
			standing_free(LIST_FIRST(&p->table[i]));
	if (p->look != NULL)
		event_free(p->look);
	if (p->review != NULL)
		event_free(p->review);
	free(p);
}
