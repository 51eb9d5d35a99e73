/* The report for programs. */
#include <jansson.h>

#include "tools/checkzone.h"
#include "wire/rrtype.h"
#include "zones/text.h"

static const char *const kinds[] = { [REVIEW_NEW] = "new", [REVIEW_CHANGED] = "changed", [REVIEW_SAME] = "same",
    [REVIEW_GONE] = "gone", [REVIEW_REFUSED] = "refused" };
static const char *const key_kinds[] = { [REVIEW_KEY_ADDED] = "added", [REVIEW_KEY_REMOVED] = "removed",
    [REVIEW_KEY_CHANGED] = "changed" };

/* Names of files may be no UTF-8; JSON is. */
static json_t *
text_json(const char *text)
{
	json_t *json = json_string(text);
	struct buf copy = { 0 };

	if (json != NULL)
		return json;
	for (; *text != '\0'; text++)
		buf_u8(&copy, (unsigned char)*text >= 0x80 ? '?' : (uint8_t)*text);
	json = buf_str(&copy) != NULL ? json_string(buf_str(&copy)) : NULL;
	buf_clear(&copy);
	return json;
}

static json_t *
place_json(const struct complaint_place *p)
{
	return p->file == NULL ? json_null() : json_pack("{s:o, s:I, s:I}", "file", text_json(p->file), "line",
	    (json_int_t)p->line, "column", (json_int_t)p->column);
}

static json_t *
complaints_json(const struct complaints *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:I, s:I, s:o, s:o}",
		    "level", c->v[i].level == CHECK_ERROR ? "error" : "warning", "file", text_json(c->v[i].at.file),
		    "line", (json_int_t)c->v[i].at.line, "column", (json_int_t)c->v[i].at.column,
		    "text", text_json(c->v[i].text), "see", place_json(&c->v[i].other)));
	return list;
}

static json_t *
change_json(const struct change *c)
{
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	struct buf rdata = { 0 };
	json_t *json;

	rdata_text(&c->rr, &rdata);
	json = json_pack("{s:s, s:o, s:I, s:s, s:o}", "change", c->add ? "+" : "-",
	    "owner", text_json(dname_print(c->rr.owner, owner)), "ttl", (json_int_t)c->rr.ttl,
	    "type", rrtype_print(c->rr.type, type), "rdata", text_json(buf_str(&rdata) == NULL ? "" : buf_str(&rdata)));
	buf_clear(&rdata);
	return json;
}

static json_t *
serial_json(bool there, uint32_t serial)
{
	return there ? json_integer((json_int_t)serial) : json_null();
}

static json_t *
zone_json(const struct review_zone *z, bool listed, bool all)
{
	char name[DNAME_TEXT_MAX];
	json_t *changes = json_array();
	bool served = z->kind != REVIEW_GONE && z->kind != REVIEW_REFUSED;
	size_t n = !listed ? 0 : all || z->changes.n < CHANGES_LISTED ? z->changes.n : CHANGES_LISTED;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(changes, change_json(&z->changes.v[i]));
	return json_pack("{s:s, s:o, s:s, s:{s:o, s:o, s:o}, s:{s:I, s:I, s:I, s:I}, s:I, s:o, s:I, s:I, s:o}",
	    "zone", dname_print_host(z->apex.octets, name), "file", text_json(z->file), "kind", kinds[z->kind],
	    "serial", "old", serial_json(z->has_old, z->old_serial), "file", serial_json(served, z->file_serial),
	    "served", serial_json(served, z->serial),
	    "records", "before", (json_int_t)z->before, "after", (json_int_t)z->after, "added", (json_int_t)z->added,
	    "removed", (json_int_t)z->removed,
	    "changes-in-all", (json_int_t)z->changes.n, "changes", changes,
	    "errors", (json_int_t)z->complaints.count[CHECK_ERROR],
	    "warnings", (json_int_t)z->complaints.count[CHECK_WARNING], "complaints", complaints_json(&z->complaints));
}

void
report_json(FILE *to, const struct review *r, bool sound, bool all)
{
	json_t *zones = json_array(), *keys = json_array(), *passed = json_array(), *json;
	char name[DNAME_TEXT_MAX];

	for (size_t i = 0; i < r->nzones; i++)
		json_array_append_new(zones, zone_json(&r->zones[i], r->is_old, all));
	for (size_t i = 0; i < r->nkeys; i++)
		json_array_append_new(keys, json_pack("{s:s, s:s, s:s}", "key",
		    dname_print_host(r->keys[i].name.octets, name), "kind", key_kinds[r->keys[i].kind],
		    "algorithm", tsig_algorithm_str(r->keys[i].algorithm)));
	for (size_t i = 0; i < r->npassed; i++)
		json_array_append_new(passed, json_pack("{s:o, s:s}", "file", text_json(r->passed[i].file),
		    "why", r->passed[i].why));
	json = json_pack("{s:o, s:o, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:o}",
	    "old", r->is_old ? json_string(r->old_commit) : json_null(),
	    "new", r->is_new ? json_string(r->new_commit) : json_null(), "sound", sound,
	    "errors", (json_int_t)review_count(r, CHECK_ERROR), "warnings", (json_int_t)review_count(r, CHECK_WARNING),
	    "zones", zones, "keys", keys, "complaints", complaints_json(&r->complaints), "passed-over", passed,
	    "unchanged", (json_int_t)r->unchanged, "forged", r->forged == NULL ? json_null() : text_json(r->forged));
	if (json == NULL)
		fprintf(stderr, "certns-checkzone: out of memory\n");
	else
		json_dumpf(json, to, JSON_INDENT(2));
	putc('\n', to);
	json_decref(json);
}
