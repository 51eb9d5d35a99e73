/* The walk over the YAML document: sections and lists, by the tables of config_schema.c.  Every error names the line and
 * column of the value that it is about, what was expected, and what stood there. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config_schema.h"
#include "wire/dname.h"

#define ALIKE 3				/* so many changes make another name of one */
#define NAME_MAX_ALIKE 40		/* characters of a name that is compared */
#define FOUND_MAX 60			/* characters of a bad value that a message shows */

const char *
config_place(const struct config_reader *r, const yaml_node_t *node, char text[CONFIG_PLACE_TEXT])
{
	size_t line = node != NULL ? node->start_mark.line + 1 : 1;
	size_t column = node != NULL ? node->start_mark.column + 1 : 1;

	snprintf(text, CONFIG_PLACE_TEXT, "%.200s:%zu:%zu", r->file, line, column);
	return text;
}

enum err
config_fault(struct config_reader *r, const yaml_node_t *node, enum err err, const char *format, ...)
{
	char place[CONFIG_PLACE_TEXT], words[900];
	va_list ap;

	va_start(ap, format);
	vsnprintf(words, sizeof words, format, ap);
	va_end(ap);
	return fault_set(r->fault, err, "%s: %s", config_place(r, node, place), words);
}

/* A plain scalar that YAML takes for null: nothing, "~" or "null". */
static bool
is_null(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static const char *
found_text(const yaml_node_t *node, char text[FOUND_MAX + 8])
{
	const unsigned char *value = node->data.scalar.value;
	size_t n = 0;

	if (node->type == YAML_SEQUENCE_NODE)
		return "a list";
	if (node->type != YAML_SCALAR_NODE)
		return "a map";
	if (is_null(node))
		return "nothing";
	text[n++] = '\'';
	for (; *value != '\0' && n <= FOUND_MAX; value++)
		text[n++] = *value < 0x20 || *value == 0x7f ? '?' : (char)*value;
	while (*value != '\0' && n > 1 && ((unsigned char)text[n - 1] & 0x80) != 0)
		n--;				/* no half of a UTF-8 character where it is cut */
	snprintf(text + n, FOUND_MAX + 8 - n, "%s'", *value != '\0' ? "..." : "");
	return text;
}

enum err
config_expected(struct config_reader *r, const yaml_node_t *node, const char *what)
{
	char text[FOUND_MAX + 8];

	return config_fault(r, node, ERR_FORMAT, "expected %s, found %s", what, found_text(node, text));
}

bool
config_valid_label(const char *text)
{
	struct dname name;

	return *text != '\0' && text[strlen(text) - 1] != '.' && dname_from_str(text, &name) == ERR_OK &&
	    !dname_is_root(name.octets);
}

const char *
config_scalar(struct config_reader *r, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE || is_null(node)) {
		config_expected(r, node, what);
		return NULL;
	}
	if (memchr(node->data.scalar.value, '\0', node->data.scalar.length) != NULL) {
		config_fault(r, node, ERR_FORMAT, "expected %s, found a text with a zero octet", what);
		return NULL;
	}
	return (const char *)node->data.scalar.value;
}

const yaml_node_t *
config_value(const struct config_reader *r, const yaml_node_t *map, const char *key)
{
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const yaml_node_t *name = yaml_document_get_node(r->document, p->key);
		const yaml_node_t *value = yaml_document_get_node(r->document, p->value);

		if (name->type == YAML_SCALAR_NODE && strcmp((const char *)name->data.scalar.value, key) == 0)
			return is_null(value) ? NULL : value;
	}
	return NULL;
}

/* Lists. */

static enum err
read_address(struct config_reader *r, const struct option *o, const yaml_node_t *node, struct config_address *list,
    size_t i)
{
	const char *text = config_scalar(r, node, config_kind_words(o));

	if (text == NULL)
		return ERR_FORMAT;
	if ((o->max == 0 && strchr(text, '@') != NULL) ||
	    config_address_parse(text, (uint16_t)o->max, &list[i]) != ERR_OK)
		return config_expected(r, node, config_kind_words(o));
	for (size_t k = 0; k < i; k++)
		if (list[k].len == list[i].len && memcmp(&list[k].address, &list[i].address, list[i].len) == 0)
			return config_fault(r, node, ERR_EXISTS, "'%s' is in the list twice", text);
	return ERR_OK;
}

static enum err
read_access(struct config_reader *r, const yaml_node_t *node, const struct option *o, struct config_access *out)
{
	const char *text = config_scalar(r, node, config_kind_words(o));
	struct fault words;

	if (text == NULL)
		return ERR_FORMAT;
	if (config_access_parse(text, out, &words) != ERR_OK)
		return config_expected(r, node, words.text);
	return ERR_OK;
}

static enum err
read_item_text(struct config_reader *r, const struct option *o, const yaml_node_t *node, char **list, size_t i)
{
	const char *text = config_scalar(r, node, config_kind_words(o));
	enum err err;

	if (text == NULL)
		return ERR_FORMAT;
	if ((err = config_copy_text(r, o, node, text, &list[i])) != ERR_OK)
		return err;
	for (size_t k = 0; k < i; k++)
		if (strcmp(list[k], list[i]) == 0)
			return config_fault(r, node, ERR_EXISTS, "'%s' is in the list twice", text);
	return ERR_OK;
}

static size_t
item_size(const struct option *o)
{
	switch (o->kind) {
	case OPTION_TEXTS:	return sizeof(char *);
	case OPTION_ADDRESSES:	return sizeof(struct config_address);
	case OPTION_ACCESS:	return sizeof(struct config_access);
	default:		return o->section->size;
	}
}

static enum err
read_item(struct config_reader *r, const struct option *o, const yaml_node_t *node, char *list, size_t i)
{
	switch (o->kind) {
	case OPTION_TEXTS:	return read_item_text(r, o, node, (char **)list, i);
	case OPTION_ADDRESSES:	return read_address(r, o, node, (struct config_address *)list, i);
	case OPTION_ACCESS:	return read_access(r, node, o, (struct config_access *)list + i);
	default:		return config_read_section(r, o->section, node, list + i * o->section->size);
	}
}

struct named { const struct dname *name; const yaml_node_t *node; };

static int
compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = dname_compare(x->name->octets, y->name->octets);

	if (order != 0)
		return order;
	return x->node->start_mark.index < y->node->start_mark.index ? -1 : 1;
}

/* No two of a list with names may have the same; the later one is at fault. */
static enum err
check_names(struct config_reader *r, const struct section *s, const yaml_node_t *node, const char *list, size_t n)
{
	const yaml_node_item_t *items = node->data.sequence.items.start;
	struct named *names = calloc(n + 1, sizeof *names);
	char text[DNAME_TEXT_MAX];
	enum err err = ERR_OK;

	if (names == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		names[i] = (struct named){ (const struct dname *)(list + i * s->size),
		    yaml_document_get_node(r->document, items[i]) };
	qsort(names, n, sizeof *names, compare_named);
	for (size_t i = 1; i < n && err == ERR_OK; i++)
		if (dname_equal(names[i - 1].name->octets, names[i].name->octets))
			err = config_fault(r, names[i].node, ERR_EXISTS, "%s of the name '%s' stands above already",
			    s->what, dname_print_host(names[i].name->octets, text));
	free(names);
	return err;
}

enum err
config_items(struct config_reader *r, const struct option *o, const yaml_node_t *node, const yaml_node_item_t **items,
    size_t *n)
{
	if (node->type != YAML_SEQUENCE_NODE)
		return config_expected(r, node, CONFIG_LIST);
	*items = node->data.sequence.items.start;
	*n = (size_t)(node->data.sequence.items.top - *items);
	if (*n < o->min)
		return config_fault(r, node, ERR_RANGE, "expected at least one item for %s, found an empty list",
		    o->name);
	return ERR_OK;
}

static enum err
read_list(struct config_reader *r, const struct option *o, const yaml_node_t *node, char *base)
{
	const yaml_node_item_t *items;
	size_t n;
	enum err err = config_items(r, o, node, &items, &n);

	if (err != ERR_OK)
		return err;
	if (o->kind == OPTION_SECTIONS && o->max != 0 && n > o->max)
		return config_fault(r, yaml_document_get_node(r->document, items[o->max]), ERR_RANGE,
		    "%s: there may be %u at most", o->name, o->max);

	char *list = calloc(n + 1, item_size(o));	/* one more: texts end in NULL */
	if (list == NULL)
		return ERR_NOMEM;
	*(char **)(base + o->offset) = list;
	for (size_t i = 0; i < n && err == ERR_OK; i++) {
		if (o->kind != OPTION_TEXTS)
			*(size_t *)(base + o->count) = i + 1;
		err = read_item(r, o, yaml_document_get_node(r->document, items[i]), list, i);
	}
	if (err == ERR_OK && o->section != NULL && o->section->named)
		err = check_names(r, o->section, node, list, n);
	return err;
}

/* Sections. */

static enum err
read_option(struct config_reader *r, const struct option *o, const yaml_node_t *node, char *base)
{
	switch (o->kind) {
	case OPTION_SECTION:
		return config_read_section(r, o->section, node, base + o->offset);
	case OPTION_TEXTS:
	case OPTION_ADDRESSES:
	case OPTION_ACCESS:
	case OPTION_SECTIONS:
		return read_list(r, o, node, base);
	case OPTION_OWN:
		return o->read(r, o, node, base);
	default:;
		const char *text = config_scalar(r, node, config_kind_words(o));
		return text != NULL ? config_read_scalar(r, o, node, text, base + o->offset) : ERR_FORMAT;
	}
}

static enum err
read_default(struct config_reader *r, const struct option *o, char *base)
{
	if (o->kind == OPTION_SECTION)
		return config_read_defaults(r, o->section, base + o->offset);
	if (o->fallback == NULL)
		return ERR_OK;
	if (o->kind == OPTION_OWN)
		return o->read(r, o, NULL, base);
	if (o->kind != OPTION_TEXTS)
		return config_read_scalar(r, o, NULL, o->fallback, base + o->offset);
	char **list = calloc(2, sizeof *list);
	*(char ***)(base + o->offset) = list;
	return list != NULL && (list[0] = strdup(o->fallback)) != NULL ? ERR_OK : ERR_NOMEM;
}

/* Is it one of those that are said for all sections of this kind, wherever in the document? */
static bool
is_shared(const struct section *s, const struct option *o)
{
	return s->shared != NULL && o >= s->shared->options && o < s->shared->options + s->shared->noptions;
}

/* What is said there; NULL: nothing. */
static const yaml_node_t *
shared_value(const struct config_reader *r, const struct section *s, const struct option *o)
{
	const yaml_node_t *map;

	if (!is_shared(s, o))
		return NULL;
	map = config_value(r, yaml_document_get_root_node(r->document), s->shared->what);
	return map != NULL && map->type == YAML_MAPPING_NODE ? config_value(r, map, o->name) : NULL;
}

/* An option that is not there. */
static enum err
read_absent(struct config_reader *r, const struct section *s, const struct option *o, const yaml_node_t *node,
    char *base)
{
	const yaml_node_t *value = shared_value(r, s, o);

	if (value != NULL)
		return read_option(r, o, value, base);
	return !o->needed ? read_default(r, o, base) :
	    config_fault(r, node, ERR_FORMAT, "expected '%s', which %s needs, found none", o->name, s->what);
}

enum err
config_read_defaults(struct config_reader *r, const struct section *s, void *base)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < s->noptions && err == ERR_OK; i++)
		err = read_default(r, &s->options[i], base);
	return err;
}

/* How many characters to change, add or leave out lie between two names: Levenshtein's distance. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_ALIKE + 1], n = strlen(b);

	if (strlen(a) > NAME_MAX_ALIKE || n > NAME_MAX_ALIKE)
		return ALIKE;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; *a != '\0'; a++, i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t least = corner + (*a != b[k - 1]);

			if (row[k] + 1 < least)
				least = row[k] + 1;
			if (row[k - 1] + 1 < least)
				least = row[k - 1] + 1;
			corner = row[k];
			row[k] = least;
		}
	}
	return row[n];
}

/* The option that was meant, where one is near enough; else NULL. */
static const char *
alike(const struct section *s, const yaml_node_t *key)
{
	const char *best = NULL;
	size_t least = ALIKE;

	for (size_t i = 0; i < s->noptions && key->type == YAML_SCALAR_NODE; i++) {
		const char *name = s->options[i].name;
		size_t n = distance((const char *)key->data.scalar.value, name);

		if (n < least && 2 * n < strlen(name)) {
			least = n;
			best = name;
		}
	}
	return best;
}

static enum err
unknown_key(struct config_reader *r, const struct section *s, const yaml_node_t *key)
{
	char text[FOUND_MAX + 8], known[1000] = "";
	const char *meant = alike(s, key);

	if (meant != NULL)
		return config_fault(r, key, ERR_FORMAT, "unknown key %s in %s; expected '%s'?", found_text(key, text),
		    s->what, meant);
	for (size_t i = 0; i < s->noptions; i++) {
		size_t n = strlen(known);

		snprintf(known + n, sizeof known - n, "%s%s", n == 0 ? "" : ", ", s->options[i].name);
	}
	return config_fault(r, key, ERR_FORMAT, "unknown key %s in %s; expected one of: %s", found_text(key, text),
	    s->what, known);
}

static enum err
read_pair(struct config_reader *r, const struct section *s, const yaml_node_pair_t *pair, char *base,
    uint64_t *seen)
{
	const yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
	const char *name = config_scalar(r, key, "the name of an option");
	size_t i = 0;

	if (name == NULL)
		return ERR_FORMAT;
	while (i < s->noptions && strcmp(s->options[i].name, name) != 0)
		i++;
	if (i == s->noptions)
		return unknown_key(r, s, key);
	if ((*seen & UINT64_C(1) << i) != 0)
		return config_fault(r, key, ERR_EXISTS, "'%s' stands above already", name);
	*seen |= UINT64_C(1) << i;
	if (is_shared(s, &s->options[i]) && is_null(value) && value->data.scalar.length > 0)
		return read_default(r, &s->options[i], base);	/* whatever is said for all */
	return read_option(r, &s->options[i], value, base);
}

enum err
config_read_section(struct config_reader *r, const struct section *s, const yaml_node_t *node, void *base)
{
	uint64_t seen = 0;
	enum err err = ERR_OK;
	char what[80];

	if (node->type != YAML_MAPPING_NODE) {
		snprintf(what, sizeof what, "a map (key: value) for %s", s->what);
		return config_expected(r, node, what);
	}
	const yaml_node_pair_t *end = node->data.mapping.pairs.top;
	for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < end && err == ERR_OK; p++)
		err = read_pair(r, s, p, base, &seen);
	for (size_t i = 0; i < s->noptions && err == ERR_OK; i++)
		if ((seen & UINT64_C(1) << i) == 0)
			err = read_absent(r, s, &s->options[i], node, base);
	return err == ERR_OK && s->finish != NULL ? s->finish(r, node, base) : err;
}
