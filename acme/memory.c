#include "acme/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "acme/reply.h"
#include "base/encoding.h"

#define VERSION 1
#define RECORDS_MAX 2000

/* ---- out ---- */

static json_t *
record_json(const struct acme_record *r)
{
	char owner[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s}", "owner", dname_print(r->owner.octets, owner), "zone",
	    dname_print(r->zone.octets, zone), "value", r->value);
}

char *
acme_memory_print(const struct acme_memory *m)
{
	json_t *json = json_object(), *records = json_array();
	struct buf digest = { 0 };
	char *text = NULL;
	bool good;

	hex_encode(m->csr_digest, sizeof m->csr_digest, &digest);
	good = buf_str(&digest) != NULL && json_object_set_new(json, "version", json_integer(VERSION)) == 0 &&
	    json_object_set_new(json, "csr", json_string(buf_str(&digest))) == 0 &&
	    json_object_set_new(json, "since", json_integer(m->since_s)) == 0 &&
	    (m->order == NULL || json_object_set_new(json, "order", json_string(m->order)) == 0) &&
	    (m->directory == NULL || json_object_set_new(json, "directory", json_string(m->directory)) == 0) &&
	    (!m->issued || json_object_set_new(json, "issued", json_true()) == 0);
	for (size_t i = 0; good && i < m->records.n; i++)
		good = json_array_append_new(records, record_json(&m->records.v[i])) == 0;
	if (good && json_object_set(json, "records", records) == 0)
		text = json_dumps(json, JSON_COMPACT);
	json_decref(records);
	json_decref(json);
	buf_clear(&digest);
	return text;
}

/* ---- in ---- */

static bool
name_read(const json_t *object, const char *member, struct dname *out)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text != NULL && dname_from_str(text, out) == ERR_OK;
}

static bool
is_value(const char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);

	return n > 0 && n <= ACME_TXT_VALUE_LEN;
}

static enum err
records_read(const json_t *array, struct acme_records *out, struct fault *f)
{
	if (json_array_size(array) > RECORDS_MAX)
		return fault_set(f, ERR_FORMAT, "it has more than %d records", RECORDS_MAX);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *json = json_array_get(array, i);
		const char *value = json_string_value(json_object_get(json, "value"));
		struct acme_record r = { 0 };

		if (!name_read(json, "owner", &r.owner) || !name_read(json, "zone", &r.zone) || !is_value(value) ||
		    !dname_is_below(r.owner.octets, r.zone.octets))
			return fault_set(f, ERR_FORMAT, "its record %zu is malformed", i + 1);
		strcpy(r.value, value);
		if (acme_records_add(out, &r) != ERR_OK)
			return ERR_NOMEM;
	}
	return ERR_OK;
}

static bool
digest_read(const char *hex, uint8_t out[SHA256_DIGEST_LENGTH])
{
	struct buf digest = { 0 };
	bool good = hex != NULL && hex_decode(hex, strlen(hex), &digest) && digest.len == SHA256_DIGEST_LENGTH;

	if (good)
		memcpy(out, digest.p, digest.len);
	buf_clear(&digest);
	return good;
}

/* *out is as json has it, or NULL.  False: it is there, and no https URL. */
static bool
url_read(const json_t *json, const char *member, char **out, enum err *err)
{
	const json_t *value = json_object_get(json, member);
	const char *text = json_string_value(value);

	if (value == NULL)
		return true;
	if (!acme_is_https(text))
		return false;
	if ((*out = strdup(text)) == NULL)
		*err = ERR_NOMEM;
	return true;
}

static enum err
json_read(const json_t *json, struct acme_memory *m, struct fault *f)
{
	enum err err = ERR_OK;

	if (!json_is_object(json))
		return fault_set(f, ERR_FORMAT, "it is no JSON object");
	if (json_integer_value(json_object_get(json, "version")) != VERSION)
		return fault_set(f, ERR_FORMAT, "its version is not %d", VERSION);
	if (!digest_read(json_string_value(json_object_get(json, "csr")), m->csr_digest))
		return fault_set(f, ERR_FORMAT, "it names no CSR");
	if (!url_read(json, "order", &m->order, &err) || !url_read(json, "directory", &m->directory, &err))
		return fault_set(f, ERR_FORMAT, "a URL in it is none");
	if (err != ERR_OK)
		return err;
	if (m->order != NULL && m->directory == NULL)
		return fault_set(f, ERR_FORMAT, "it does not say whose order it is");
	m->since_s = json_integer_value(json_object_get(json, "since"));
	m->issued = json_is_true(json_object_get(json, "issued"));
	return records_read(json_object_get(json, "records"), &m->records, f);
}

enum err
acme_memory_parse(const void *octets, size_t n, struct acme_memory *out, struct fault *f)
{
	json_t *json = json_loadb(octets, n, 0, NULL);
	struct acme_memory m = { 0 };
	enum err err = json_read(json, &m, f);

	json_decref(json);
	if (err == ERR_OK)
		*out = m;
	else
		acme_memory_clear(&m);
	return err;
}

enum err
acme_memory_copy(struct acme_memory *to, const struct acme_memory *from)
{
	struct acme_memory m = *from;

	m.order = from->order != NULL ? strdup(from->order) : NULL;
	m.directory = from->directory != NULL ? strdup(from->directory) : NULL;
	m.records = (struct acme_records){ 0 };
	if ((from->order != NULL && m.order == NULL) || (from->directory != NULL && m.directory == NULL) ||
	    acme_records_copy(&m.records, &from->records) != ERR_OK) {
		acme_memory_clear(&m);
		return ERR_NOMEM;
	}
	*to = m;
	return ERR_OK;
}

void
acme_memory_clear(struct acme_memory *m)
{
	free(m->order);
	free(m->directory);
	acme_records_clear(&m->records);
	*m = (struct acme_memory){ 0 };
}
