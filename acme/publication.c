#include "acme/publication.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "acme/persist_record.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

/* A standing record, while it is seen to. */
struct standing {
	struct acme_publication *all;
	struct acme_standing want;
	struct acme_delegation way;
	struct acme_persist_need *need;
};

struct acme_publication {
	struct acme_publication_setup setup;
	struct acme_proof *proofs;
	size_t n;
	struct acme_records records;		/* of the passing ones among them */
	struct acme_txt *wanted;		/* while their places are searched */
	size_t nwanted;
	struct standing *standing;		/* the same; */
	size_t nstanding, missing;		/* so many are not there yet */
	struct acme_delegation_search *search;
	struct event *finished;
	struct fault fault;
	acme_publication_done *done;
	void *arg;
};

static void
on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct acme_publication *p = arg;
	struct fault f = p->fault;

	(void)fd, (void)what;
	p->done(p->arg, f.err, fault_str(&f, f.err));	/* may free p */
}

static void
finish(struct acme_publication *p, enum err err, const char *words)
{
	p->fault = (struct fault){ 0 };
	if (err != ERR_OK)
		fault_set(&p->fault, err, "%.1000s", words);
	event_active(p->finished, EV_TIMEOUT, 0);
}

static void
log_way(const struct dname *name, const struct acme_delegation *way)
{
	char from[DNAME_TEXT_MAX], to[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX];

	if (way->nhops > 0)
		log_info("acme: %s is an alias: its record goes to %s, in the zone %s",
		    dname_print_host(name->octets, from), dname_print_host(way->owner.octets, to),
		    dname_print_host(way->zone.octets, zone));
}

/* Takes way, when it is ERR_OK. */
static enum err
add_proof(struct acme_publication *p, const struct dname *name, const char *value, struct acme_delegation *way)
{
	struct acme_proof *v = realloc(p->proofs, (p->n + 1) * sizeof *v);

	if (v == NULL)
		return ERR_NOMEM;
	p->proofs = v;
	v += p->n;
	if ((v->value = strdup(value)) == NULL)
		return ERR_NOMEM;
	p->n++;
	v->name = *name;
	v->way = *way;
	log_way(name, way);
	*way = (struct acme_delegation){ .nhops = 0 };
	return ERR_OK;
}

static void
clear_proofs(struct acme_publication *p)
{
	for (size_t i = 0; i < p->n; i++) {
		acme_delegation_clear(&p->proofs[i].way);
		free(p->proofs[i].value);
	}
	free(p->proofs);
	p->proofs = NULL;
	p->n = 0;
}

/* ---- before that ---- */

/* Where nothing may be written, what is wanted may stand already. */
static bool
stands_already(const struct acme_outside *outside, const struct dname *owner, const struct acme_standing *want)
{
	struct rr_list present = { 0 };
	bool found = false;

	outside->lookup(outside->ctx, owner->octets, TYPE_TXT, &present);
	for (size_t i = 0; !found && i < present.n; i++) {
		struct acme_persist_record r;
		struct buf text = { 0 };

		found = acme_txt_join(present.v[i].rdata, present.v[i].rdlen, ACME_PERSIST_TEXT_MAX, &text) &&
		    acme_persist_read((const char *)text.p, text.len, &r) && acme_persist_fits(&r, want, clock_now_s());
		buf_clear(&text);
	}
	rr_list_clear(&present);
	return found;
}

bool
acme_publication_possible(const struct acme_outside *outside, const struct acme_choice *c)
{
	struct acme_delegation way;
	enum err err = acme_delegation_find_for(outside, c->type, c->owner.octets, &way, NULL);
	bool possible = err == ERR_NOT_FOUND || err == ERR_OK;

	if (err == ERR_OK && way.frozen)
		possible = stands_already(outside, &way.owner, &c->standing);
	if (err == ERR_OK)
		acme_delegation_clear(&way);
	return possible;
}

/* ---- standing records ---- */

static void
clear_wanted(struct acme_publication *p)
{
	for (size_t i = 0; i < p->nstanding; i++) {
		acme_persist_cancel(p->standing[i].need);
		acme_standing_clear(&p->standing[i].want);
		acme_delegation_clear(&p->standing[i].way);
	}
	free(p->standing);
	free(p->wanted);
	p->standing = NULL;
	p->wanted = NULL;
	p->nstanding = p->nwanted = 0;
}

static void
on_standing(void *arg, enum err err, const char *words, const char *text)
{
	struct standing *s = arg;
	struct acme_publication *p = s->all;

	s->need = NULL;
	if (err == ERR_OK)
		err = add_proof(p, &s->want.owner, text, &s->way);
	if (err != ERR_OK && p->fault.err == ERR_OK)
		fault_set(&p->fault, err, "the standing record cannot be published: %.900s", words);
	if (--p->missing == 0)
		event_active(p->finished, EV_TIMEOUT, 0);
}

static enum err
require_standing(struct acme_publication *p)
{
	enum err err = ERR_OK;

	p->missing = 0;
	p->fault = (struct fault){ 0 };
	for (size_t i = 0; err == ERR_OK && i < p->nstanding; i++) {
		struct standing *s = &p->standing[i];

		err = acme_persist_require(p->setup.persist, &(struct acme_persist_request){ &s->want, &s->way,
		    p->setup.authority, p->setup.csr, on_standing, s }, &s->need);
		p->missing += err == ERR_OK;
	}
	return err;
}

/* ---- the places ---- */

/* The first are for passing records, the others for standing ones. */
static enum err
take_found(struct acme_publication *p, struct acme_delegation *found)
{
	for (size_t i = 0; i < p->nwanted; i++) {
		struct acme_record r = { .owner = found[i].owner, .zone = found[i].zone };

		memcpy(r.value, p->wanted[i].value, sizeof r.value);
		if (acme_records_add(&p->records, &r) != ERR_OK ||
		    add_proof(p, &p->wanted[i].owner, p->wanted[i].value, &found[i]) != ERR_OK)
			return ERR_NOMEM;
	}
	for (size_t i = 0; i < p->nstanding; i++) {
		p->standing[i].way = found[p->nwanted + i];
		found[p->nwanted + i] = (struct acme_delegation){ .nhops = 0 };
	}
	return ERR_OK;
}

static void
on_found(void *arg, enum err err, struct acme_delegation *found, const char *words)
{
	struct acme_publication *p = arg;
	struct fault f = { 0 };

	if (err != ERR_OK)
		fault_set(&f, err, "the challenge has no place: %.900s", words);
	else if ((err = take_found(p, found)) != ERR_OK || (err = require_standing(p)) != ERR_OK)
		fault_set(&f, err, "%s", err_str(err));
	acme_delegation_search_free(p->search);
	p->search = NULL;
	if (err != ERR_OK)
		clear_wanted(p);		/* nobody calls back any more */
	if (err != ERR_OK || p->nstanding == 0)
		finish(p, err, f.text);
}

static enum err
note_wanted(struct acme_publication *p, const struct acme_order *o)
{
	size_t n;
	const struct acme_txt *txts = acme_order_txts(o, &n);
	enum err err = ERR_OK;

	if ((p->wanted = malloc((n + 1) * sizeof *p->wanted)) == NULL)
		return ERR_NOMEM;
	if (n > 0)
		memcpy(p->wanted, txts, n * sizeof *txts);
	p->nwanted = n;
	const struct acme_standing *standing = acme_order_standing(o, &n);
	if ((p->standing = calloc(n + 1, sizeof *p->standing)) == NULL)
		return ERR_NOMEM;
	for (; err == ERR_OK && p->nstanding < n; p->nstanding++) {
		p->standing[p->nstanding].all = p;
		err = acme_standing_copy(&p->standing[p->nstanding].want, &standing[p->nstanding]);
	}
	return err;
}

/* The records of an earlier call stay listed: they were put. */
void
acme_publication_find(struct acme_publication *p, const struct acme_order *o, acme_publication_done *done, void *arg)
{
	struct dname *names;
	enum err err;

	p->done = done;
	p->arg = arg;
	clear_proofs(p);
	clear_wanted(p);
	err = note_wanted(p, o);
	names = malloc((p->nwanted + p->nstanding + 1) * sizeof *names);
	for (size_t i = 0; names != NULL && i < p->nwanted; i++)
		names[i] = p->wanted[i].owner;
	for (size_t i = 0; names != NULL && i < p->nstanding; i++)
		names[p->nwanted + i] = p->standing[i].want.owner;
	if (err == ERR_OK)
		err = names == NULL ? ERR_NOMEM : acme_delegation_start(acme_port_outside(p->setup.port),
		    p->setup.resolve, p->setup.base, names, p->nwanted + p->nstanding, p->nwanted, on_found, p,
		    &p->search);
	free(names);
	if (err != ERR_OK)
		finish(p, err, err_str(err));
}

const struct acme_records *
acme_publication_records(const struct acme_publication *p)
{
	return &p->records;
}

const struct acme_proof *
acme_publication_proofs(const struct acme_publication *p, size_t *n)
{
	*n = p->n;
	return p->proofs;
}

enum err
acme_publication_new(const struct acme_publication_setup *setup, struct acme_publication **out)
{
	struct acme_publication *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->setup = *setup;
	if ((p->finished = event_new(setup->base, -1, 0, on_finished, p)) == NULL) {
		free(p);
		return ERR_NOMEM;
	}
	*out = p;
	return ERR_OK;
}

void
acme_publication_free(struct acme_publication *p)
{
	if (p == NULL)
		return;
	acme_delegation_search_free(p->search);
	event_free(p->finished);
	clear_proofs(p);
	clear_wanted(p);
	acme_records_clear(&p->records);
	free(p);
}
