#include "zones/zone.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

enum err
zone_base_add(struct zone_base *b, const char *path, const git_oid_text blob)
{
	struct zone_base_file *v = realloc(b->v, (b->n + 1) * sizeof *v);

	if (v == NULL)
		return ERR_NOMEM;
	b->v = v;
	if ((v[b->n].path = strdup(path)) == NULL)
		return ERR_NOMEM;
	memcpy(v[b->n].blob, blob, GIT_OID_TEXT);
	b->n++;
	return ERR_OK;
}

enum err
zone_base_copy(struct zone_base *to, const struct zone_base *from)
{
	struct zone_base copy = { .serial = from->serial };
	enum err err = ERR_OK;

	memcpy(copy.commit, from->commit, sizeof copy.commit);
	for (size_t i = 0; err == ERR_OK && i < from->n; i++)
		err = zone_base_add(&copy, from->v[i].path, from->v[i].blob);
	if (err != ERR_OK) {
		zone_base_clear(&copy);
		return err;
	}
	zone_base_clear(to);
	*to = copy;
	return ERR_OK;
}

bool
zone_base_same_files(const struct zone_base *a, const struct zone_base *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].path, b->v[i].path) != 0 || strcmp(a->v[i].blob, b->v[i].blob) != 0)
			return false;
	return true;
}

void
zone_base_clear(struct zone_base *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->v[i].path);
	free(b->v);
	*b = (struct zone_base){ 0 };
}

void
zone_base_print(const struct zone_base *b, struct buf *out)
{
	if (b->n == 0)
		return;
	buf_printf(out, "%s\n", b->commit);
	for (size_t i = 0; i < b->n; i++)
		buf_printf(out, "%s %s\n", b->v[i].blob, b->v[i].path);
}

enum err
zone_base_parse(const char *text, uint32_t serial, struct zone_base *out)
{
	enum err err = ERR_OK;
	size_t n = strcspn(text, "\n");

	*out = (struct zone_base){ .serial = serial };
	if (*text == '\0')
		return ERR_OK;
	if (n != GIT_OID_TEXT - 1)
		return ERR_FORMAT;
	memcpy(out->commit, text, n);
	for (text += n; err == ERR_OK && *text == '\n' && text[1] != '\0'; text += n) {
		git_oid_text blob = "";
		char *path;

		n = strcspn(++text, "\n");
		if (n < GIT_OID_TEXT + 1 || text[GIT_OID_TEXT - 1] != ' ') {
			err = ERR_FORMAT;
			break;
		}
		memcpy(blob, text, GIT_OID_TEXT - 1);
		path = strndup(text + GIT_OID_TEXT, n - GIT_OID_TEXT);
		err = path == NULL ? ERR_NOMEM : zone_base_add(out, path, blob);
		free(path);
	}
	if (err != ERR_OK)
		zone_base_clear(out);
	return err;
}

enum err
zone_new(const uint8_t *apex, const char *source, struct zone **out)
{
	char name[DNAME_TEXT_MAX];
	size_t n = strlen(dname_print_host(apex, name)) + 1;
	struct zone *z = calloc(1, sizeof *z + n);

	if (z == NULL || zone_store_new(apex, &z->store) != ERR_OK) {
		zone_free(z);
		return ERR_NOMEM;
	}
	z->source = source;
	z->apex.octets = zone_store_apex(z->store);
	z->name = memcpy(z + 1, name, n);
	*out = z;
	return ERR_OK;
}

void
zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	z->counts = NULL;
	if (z->store != NULL) {
		rcu_thread_online();
		zone_store_free(z->store);
		rcu_thread_offline();
	}
	pending_clear(&z->pending);
	zone_base_clear(&z->base);
	notes_clear(&z->notes);
	zone_clear_conflict(z);
	if (z->words != NULL)
		complaints_clear(&z->words->complaints);
	free(z->words);
	free(z->problem);
	free(z->file);
	free(z);
}

const struct zone_words *
zone_words(const struct zone *z)
{
	static const struct zone_words none;

	return z->words == NULL ? &none : z->words;
}

struct zone_words *
zone_words_make(struct zone *z)
{
	if (z->words == NULL)
		z->words = calloc(1, sizeof *z->words);
	return z->words;
}

void
zone_clear_conflict(struct zone *z)
{
	struct zone_words *w = z->words;

	if (w == NULL)
		return;
	free(w->conflict_theirs);
	free(w->conflict_ours);
	free(w->conflict_by);
	w->conflict_theirs = w->conflict_ours = w->conflict_by = NULL;
	zone_recount(z);
}

void
zone_recount(struct zone *z)
{
	unsigned served, troubled, in_conflict, old = z->counted;

	if (z->counts == NULL)
		return;
	served = zone_newest(z) != NULL && !z->retired;
	troubled = z->problem != NULL;
	in_conflict = zone_words(z)->conflict_theirs != NULL;
	z->counts->served += (size_t)served - (old & 1);
	z->counts->troubled += (size_t)troubled - (old >> 1 & 1);
	z->counts->in_conflict += (size_t)in_conflict - (old >> 2);
	z->counted = (uint8_t)(served | troubled << 1 | in_conflict << 2);
}

void
zone_set_retired(struct zone *z, bool retired)
{
	z->retired = retired;
	zone_recount(z);
}

enum err
zone_set_file(struct zone *z, const char *path)
{
	char *copy = strdup(path);

	if (copy == NULL)
		return ERR_NOMEM;
	free(z->file);
	z->file = copy;
	return ERR_OK;
}

void
zone_set_problem(struct zone *z, const char *format, ...)
{
	char line[2048];		/* the old words may be among the arguments */
	va_list args;

	if (format != NULL) {
		va_start(args, format);
		vsnprintf(line, sizeof line, format, args);
		va_end(args);
	}
	free(z->problem);
	z->problem = format == NULL ? NULL : strdup(line);
	zone_recount(z);
}

bool
zone_may_change(const struct zone *z, const char **why)
{
	struct zone_version *v = zone_newest(z);

	if (v == NULL || z->retired)
		*why = "the zone is not loaded";
	else if (z->generated)
		*why = "it is a catalog zone that is made here";
	else if (z->secondary != NULL)
		*why = "it is a secondary zone here: its primary changes it";
	else if (zone_version_is_signed(v))
		*why = "the zone comes signed, and its keys are not ours: it is served as it is and never changed";
	else if (z->frozen)
		*why = "the zone is frozen: only commits change it until certnsctl thaws it";
	else if (z->serial_policy == SERIAL_KEEP)
		*why = "the zone's serial policy is keep: only commits change it";
	else
		return true;
	return false;
}

bool
zone_version_has(const struct zone_version *v, const struct rr *rr, uint32_t *ttl)
{
	struct zone_rrset set;
	const uint8_t *rdata;
	uint16_t n;

	if (!zone_version_rrset_of(v, rr, &set))
		return false;
	*ttl = set.ttl;
	for (const uint8_t *at = NULL; zone_rrset_next(&set, &at, &rdata, &n); )
		if (rdata_equal(rr->type, rdata, n, rr->rdata, rr->rdlen))
			return true;
	return false;
}

bool
zone_version_soa(const struct zone_version *v, struct rr *out)
{
	const struct zone_node *apex = zone_version_apex(v);
	struct zone_rrset set;
	const uint8_t *at = NULL;

	if (apex == NULL || !zone_node_rrset(apex, TYPE_SOA, &set))
		return false;
	*out = (struct rr){ zone_node_owner(apex), NULL, set.ttl, TYPE_SOA, 0 };
	return zone_rrset_next(&set, &at, &out->rdata, &out->rdlen);
}
