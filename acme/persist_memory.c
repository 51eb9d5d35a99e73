#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/persist_internal.h"
#include "base/log.h"

#define PREFIX "persist/"
#define VERSION 1
#define KEY_MAX (sizeof PREFIX + DNAME_TEXT_MAX + 256)

static const char *
key_of(const struct standing *s, char key[KEY_MAX])
{
	char name[DNAME_TEXT_MAX];

	snprintf(key, KEY_MAX, PREFIX "%s/%.255s", dname_print_host(s->name.octets, name), s->authority);
	return key;
}

static json_t *
name_json(const struct dname *name)
{
	char text[DNAME_TEXT_MAX];

	return json_string(dname_print(name->octets, text));
}

static json_t *
uses_json(const struct standing *s)
{
	json_t *array = json_array();
	const struct use *u;

	LIST_FOREACH(u, &s->uses, of_standing)
		json_array_append_new(array, json_pack("{s:o, s:b}", "csr", name_json(&u->user), "wildcard",
		    u->wildcard));
	return array;
}

void
standing_remember(const struct standing *s)
{
	json_t *json = json_pack("{s:i, s:o, s:o, s:o, s:s, s:O, s:o}", "version", VERSION, "name", name_json(&s->name),
	    "owner", name_json(&s->owner), "zone", name_json(&s->zone), "authority", s->authority, "texts", s->texts,
	    "users", uses_json(s));
	char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT), key[KEY_MAX];

	if (text == NULL ||
	    acme_port_remember(s->all->port, key_of(s, key), text, strlen(text), NULL, NULL, NULL) != ERR_OK)
		log_error("acme: out of memory: a standing record is not remembered");
	free(text);
	json_decref(json);
}

void
standing_forget(const struct standing *s)
{
	char key[KEY_MAX];

	acme_port_remember(s->all->port, key_of(s, key), NULL, 0, NULL, NULL, NULL);
}

/* ---- back ---- */

static bool
name_read(const json_t *json, const char *member, struct dname *out)
{
	const char *text = json_string_value(json_object_get(json, member));

	return text != NULL && dname_from_str(text, out) == ERR_OK;
}

static bool
uses_read(const json_t *array, struct standing *s)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *json = json_array_get(array, i);
		struct dname user;
		struct use *u;

		if (!name_read(json, "csr", &user) || (u = standing_use(s, user.octets)) == NULL)
			return false;
		u->wildcard = json_is_true(json_object_get(json, "wildcard"));
	}
	return json_is_array(array);
}

static bool
texts_read(const json_t *array, struct standing *s)
{
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!json_is_string(json_array_get(array, i)) ||
		    json_array_append(s->texts, json_array_get(array, i)) != 0)
			return false;
	return json_is_array(array);
}

static void
on_recalled(void *arg, const char *key, const uint8_t *octets, size_t n)
{
	struct acme_persist *p = arg;
	json_t *json = json_loadb((const char *)octets, n, 0, NULL);
	const char *authority = json_string_value(json_object_get(json, "authority"));
	struct dname name, owner, zone;
	struct standing *s = NULL;
	bool good = json_integer_value(json_object_get(json, "version")) == VERSION && authority != NULL &&
	    name_read(json, "name", &name) && name_read(json, "owner", &owner) && name_read(json, "zone", &zone) &&
	    dname_is_below(owner.octets, zone.octets) && (s = standing_new(p, name.octets, authority)) != NULL;

	if (good) {
		s->owner = owner;
		s->zone = zone;
		good = texts_read(json_object_get(json, "texts"), s) && uses_read(json_object_get(json, "users"), s);
	}
	if (!good) {
		log_warning("acme: what was remembered as %.300s cannot be read, and is forgotten", key);
		if (s != NULL)
			standing_free(s);
		acme_port_remember(p->port, key, NULL, 0, NULL, NULL, NULL);
	}
	json_decref(json);
}

void
persist_recall(struct acme_persist *p)
{
	const struct acme_outside *outside = acme_port_outside(p->port);

	if (outside->recall != NULL)
		outside->recall(outside->ctx, PREFIX, on_recalled, p);
}
