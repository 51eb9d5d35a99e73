/* The settings of one host: names in their one form, copies. */
#include <stdlib.h>
#include <string.h>

#include "tools/fetch.h"

static void
free_names(char **names)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

void
fetch_settings_clear(struct fetch_settings *s)
{
	free(s->host);
	free_names(s->names);
	free(s->label);
	free(s->directory);
	free(s->key_file);
	free(s->server);
	free(s->resolver);
	free(s->trust);
	free(s->hook);
	free(s->owner);
	free(s->group);
	*s = (struct fetch_settings){ .port = 0 };
}

static bool
copy(const char *from, char **to)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL;
}

static bool
copy_names(char *const *from, char ***to)
{
	size_t n = 0;

	if (from == NULL)
		return true;
	while (from[n] != NULL)
		n++;
	if ((*to = calloc(n + 1, sizeof **to)) == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (((*to)[i] = strdup(from[i])) == NULL)
			return false;
	return true;
}

enum err
fetch_settings_copy(const struct fetch_settings *from, struct fetch_settings *to)
{
	struct fetch_settings s = *from;

	s.names = NULL;
	s.host = s.label = s.directory = s.key_file = s.server = NULL;
	s.resolver = s.trust = s.hook = s.owner = s.group = NULL;
	if (!copy(from->host, &s.host) || !copy_names(from->names, &s.names) || !copy(from->label, &s.label) ||
	    !copy(from->directory, &s.directory) || !copy(from->key_file, &s.key_file) ||
	    !copy(from->server, &s.server) || !copy(from->resolver, &s.resolver) || !copy(from->trust, &s.trust) ||
	    !copy(from->hook, &s.hook) || !copy(from->owner, &s.owner) || !copy(from->group, &s.group)) {
		fetch_settings_clear(&s);
		return ERR_NOMEM;
	}
	*to = s;
	return ERR_OK;
}

static enum err
no_host(const char *text, struct fault *f)
{
	bool ascii = true;

	for (const char *p = text; *p != '\0'; p++)
		ascii &= ((unsigned char)*p & 0x80) == 0;
	return fault_set(f, ERR_FORMAT, "expected the name of a host%s, found '%.300s'",
	    ascii ? "" : " in its ASCII form (xn--...)", text);
}

/* A host name of letters, digits, hyphens and underscores (names with other letters come in their A-label form, RFC
 * 5890), without the final dot and in lower case; a wildcard where it may be one.  free() it. */
static enum err
normalize(const char *text, bool *wildcard, char **out, struct fault *f)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t n = strlen(text);
	struct dname name;
	char *copy;

	n -= n > 1 && text[n - 1] == '.';
	if ((copy = strndup(text, n)) == NULL)
		return ERR_NOMEM;
	for (char *p = copy; *p != '\0'; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 'a' - 'A') : *p;
	*wildcard = strncmp(copy, "*.", 2) == 0;
	const char *rest = *wildcard ? copy + 2 : copy;
	if (rest[strspn(rest, good)] != '\0' || n > 253 || dname_from_str(rest, &name) != ERR_OK ||
	    dname_is_root(name.octets)) {
		free(copy);
		return no_host(text, f);
	}
	*out = copy;
	return ERR_OK;
}

static enum err
add_name(struct fetch_settings *s, size_t *n, const char *text, struct fault *f)
{
	bool wildcard;
	char *name;
	enum err err = normalize(text, &wildcard, &name, f);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < *n; i++)
		if (strcmp(s->names[i], name) == 0) {
			free(name);
			return ERR_OK;
		}
	s->names[(*n)++] = name;
	return ERR_OK;
}

enum err
fetch_settings_make(const struct fetch_settings *defaults, const char *text, char *const *extra,
    struct fetch_settings *out, struct fault *f)
{
	struct fetch_settings s = { .port = 0 }, plain = *defaults;
	bool wildcard = false;
	char *name;
	size_t nextra = 0, n = 0;
	enum err err = normalize(text, &wildcard, &name, f);

	if (err != ERR_OK)
		return err;
	while (extra != NULL && extra[nextra] != NULL)
		nextra++;
	plain.host = NULL;
	plain.names = NULL;
	if ((err = fetch_settings_copy(&plain, &s)) == ERR_OK) {
		s.host = strdup(wildcard ? name + 2 : name);
		s.names = calloc(nextra + 2, sizeof *s.names);
		err = s.host == NULL || s.names == NULL ? ERR_NOMEM : ERR_OK;
	}
	if (err == ERR_OK && (err = dname_from_str(s.host, &s.name)) == ERR_OK)
		err = add_name(&s, &n, name, f);
	for (size_t i = 0; i < nextra && err == ERR_OK; i++)
		err = add_name(&s, &n, extra[i], f);
	free(name);
	if (err == ERR_OK)
		*out = s;
	else
		fetch_settings_clear(&s);
	return err;
}

bool
fetch_server_valid(const char *text)
{
	const char *at = strrchr(text, '@');
	char *end;

	return *text != '\0' && at != text &&
	    (at == NULL || (at[1] >= '1' && at[1] <= '9' && strtoul(at + 1, &end, 10) <= 65535 && *end == '\0'));
}
