#include "acme/publication.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

struct acme_publication {
	struct acme_publication_setup setup;
	struct acme_proof *proofs;
	size_t n;
	struct acme_records records;		/* of the passing ones among them */
	struct acme_txt *wanted;		/* while their places are searched */
	size_t nwanted;
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

static void
on_found(void *arg, enum err err, struct acme_delegation *found, const char *words)
{
	struct acme_publication *p = arg;
	struct fault f = { 0 };

	if (err != ERR_OK)
		fault_set(&f, err, "the challenge has no place: %.900s", words);
	for (size_t i = 0; f.err == ERR_OK && i < p->nwanted; i++) {
		struct acme_record r = { .owner = found[i].owner, .zone = found[i].zone };

		memcpy(r.value, p->wanted[i].value, sizeof r.value);
		if (acme_records_add(&p->records, &r) != ERR_OK ||
		    add_proof(p, &p->wanted[i].owner, p->wanted[i].value, &found[i]) != ERR_OK)
			fault_set(&f, ERR_NOMEM, "out of memory");
	}
	acme_delegation_search_free(p->search);
	p->search = NULL;
	finish(p, f.err, f.text);
}

/* The records of an earlier call stay listed: they were put. */
void
acme_publication_find(struct acme_publication *p, const struct acme_order *o, acme_publication_done *done, void *arg)
{
	size_t n;
	const struct acme_txt *txts = acme_order_txts(o, &n);
	struct acme_txt *wanted = malloc((n + 1) * sizeof *wanted);
	struct dname *names = malloc((n + 1) * sizeof *names);
	enum err err = ERR_NOMEM;

	p->done = done;
	p->arg = arg;
	clear_proofs(p);
	if (wanted != NULL && names != NULL) {
		for (size_t i = 0; i < n; i++)
			names[i] = (wanted[i] = txts[i]).owner;
		free(p->wanted);
		p->wanted = wanted;
		p->nwanted = n;
		err = acme_delegation_start(acme_port_outside(p->setup.port), p->setup.resolve, p->setup.base, names, n, on_found,
		    p, &p->search);
	} else
		free(wanted);
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
	acme_records_clear(&p->records);
	free(p->wanted);
	free(p);
}
