#include "acme/records.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"

enum err
acme_records_add(struct acme_records *list, const struct acme_record *r)
{
	struct acme_record *v;

	if (acme_records_has(list, r))
		return ERR_OK;
	if ((v = realloc(list->v, (list->n + 1) * sizeof *v)) == NULL)
		return ERR_NOMEM;
	list->v = v;
	v[list->n++] = *r;
	return ERR_OK;
}

enum err
acme_records_copy(struct acme_records *to, const struct acme_records *from)
{
	if (from->n == 0)
		return ERR_OK;
	if ((to->v = malloc(from->n * sizeof *to->v)) == NULL)
		return ERR_NOMEM;
	memcpy(to->v, from->v, from->n * sizeof *to->v);
	to->n = from->n;
	return ERR_OK;
}

bool
acme_records_has(const struct acme_records *list, const struct acme_record *r)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].value, r->value) == 0 && dname_equal(list->v[i].owner.octets, r->owner.octets) &&
		    dname_equal(list->v[i].zone.octets, r->zone.octets))
			return true;
	return false;
}

void
acme_records_clear(struct acme_records *list)
{
	free(list->v);
	*list = (struct acme_records){ 0 };
}

/* ---- edits ---- */

struct zone_edit {
	struct acme_records_edit *edit;
	const uint8_t *zone;			/* of one of the records */
	struct acme_ticket *ticket;		/* NULL: through */
	bool failed;
};

struct acme_records_edit {
	struct acme_records records;
	acme_records_done *done;
	void *arg;
	struct zone_edit *zones;
	size_t nzones, running;
	struct fault fault;			/* the first */
};

void
acme_records_cancel(struct acme_records_edit *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->nzones; i++)
		acme_port_cancel(e->zones[i].ticket);
	acme_records_clear(&e->records);
	free(e->zones);
	free(e);
}

/* Leave only the records of zones that failed. */
static void
keep_failed(struct acme_records_edit *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->records.n; i++)
		for (size_t z = 0; z < e->nzones; z++)
			if (e->zones[z].failed && dname_equal(e->zones[z].zone, e->records.v[i].zone.octets)) {
				e->records.v[kept++] = e->records.v[i];
				break;
			}
	e->records.n = kept;
}

/* The zones' names are in the records, which keep_failed() moves: it comes last. */
static void
on_edited(void *arg, enum err err, const char *words)
{
	struct zone_edit *z = arg;
	struct acme_records_edit *e = z->edit;

	z->ticket = NULL;
	z->failed = err != ERR_OK;
	if (err != ERR_OK && e->fault.err == ERR_OK)
		fault_set(&e->fault, err, "%.1000s", words);
	if (--e->running > 0)
		return;
	if (e->fault.err == ERR_OK)
		e->records.n = 0;
	else
		keep_failed(e);
	e->done(e->arg, e->fault.err, fault_str(&e->fault, e->fault.err), &e->records);
	acme_records_cancel(e);
}

static enum err
fill(const struct acme_records_edit *e, const uint8_t *zone, uint32_t ttl_s, struct rr_list *out)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < e->records.n; i++) {
		const struct acme_record *r = &e->records.v[i];
		uint8_t rdata[1 + ACME_TXT_VALUE_LEN];
		size_t n = strlen(r->value);

		if (!dname_equal(r->zone.octets, zone))
			continue;
		rdata[0] = (uint8_t)n;
		memcpy(rdata + 1, r->value, n);
		err = rr_list_add(out, &(struct rr){ r->owner.octets, rdata, ttl_s, TYPE_TXT, (uint16_t)(n + 1) });
	}
	return err;
}

static enum err
edit_zone(struct zone_edit *z, const struct acme_records_setup *setup)
{
	struct acme_edit edit = { .zone = z->zone, .passing = true, .until_s = setup->until_s, .why = setup->why };
	struct rr_list rrs = { 0 };
	enum err err = fill(z->edit, z->zone, setup->ttl_s, &rrs);

	*(setup->add ? &edit.add : &edit.remove) = rrs.v;
	*(setup->add ? &edit.nadd : &edit.nremove) = rrs.n;
	if (err == ERR_OK)
		err = acme_port_edit(setup->port, &edit, on_edited, z, &z->ticket);
	rr_list_clear(&rrs);
	return err;
}

/* Each zone once. */
static void
list_zones(struct acme_records_edit *e)
{
	for (size_t i = 0; i < e->records.n; i++) {
		const uint8_t *zone = e->records.v[i].zone.octets;
		size_t z = 0;

		while (z < e->nzones && !dname_equal(e->zones[z].zone, zone))
			z++;
		if (z == e->nzones)
			e->zones[e->nzones++] = (struct zone_edit){ .edit = e, .zone = zone };
	}
}

enum err
acme_records_edit(const struct acme_records_setup *setup, struct acme_records_edit **out)
{
	struct acme_records_edit *e = calloc(1, sizeof *e);
	enum err err = ERR_OK;

	if (e == NULL || acme_records_copy(&e->records, setup->records) != ERR_OK ||
	    (e->zones = calloc(e->records.n, sizeof *e->zones)) == NULL) {
		acme_records_cancel(e);
		return ERR_NOMEM;
	}
	e->done = setup->done;
	e->arg = setup->arg;
	list_zones(e);
	for (size_t i = 0; i < e->nzones; i++) {
		if ((err = edit_zone(&e->zones[i], setup)) == ERR_OK) {
			e->running++;
		} else {
			e->zones[i].failed = true;
			fault_set(&e->fault, err, "%s", err_str(err));
		}
	}
	if (e->running == 0) {
		acme_records_cancel(e);
		return err;
	}
	*out = e;
	return ERR_OK;
}
