/* acme: names of authorities, what each label is for, and which authorities a zone takes. */
#include <stdlib.h>
#include <string.h>

#include "acme/authority.h"
#include "server/config_schema.h"
#include "wire/dname.h"

/* ---- names ---- */

/* Not what acme: of a zone may say beside them. */
bool
config_valid_authority_name(const char *text)
{
	return *text != '\0' && strpbrk(text, " \t/") == NULL && strcmp(text, "yes") != 0 && strcmp(text, "no") != 0;
}

/* Those without a name get it from their URL; no two may share one. */
enum err
config_name_authorities(struct config_reader *r, const yaml_node_t *node, struct config_acme *c)
{
	for (size_t i = 0; i < c->nauthorities; i++) {
		struct config_authority *a = &c->authorities[i];

		if (a->name == NULL && (a->name = acme_authority_name(a->directory)) == NULL)
			return ERR_NOMEM;
		for (size_t k = 0; k < i; k++)
			if (strcmp(c->authorities[k].name, a->name) == 0)
				return config_fault(r, yaml_document_get_node(r->document,
				    config_value(r, node, "authorities")->data.sequence.items.start[i]), ERR_EXISTS,
				    "an authority of the name '%.200s' stands above already: name: is needed", a->name);
	}
	return ERR_OK;
}

static bool
is_known(const struct config_acme *c, const char *name)
{
	for (size_t i = 0; i < c->nauthorities; i++)
		if (strcmp(c->authorities[i].name, name) == 0)
			return true;
	return false;
}

static enum err
check_name(struct config_reader *r, const yaml_node_t *node, const struct config_acme *c, const char *name)
{
	return is_known(c, name) ? ERR_OK : config_expected(r, node, "the name of one of acme: authorities:");
}

/* ---- zones: acme ---- */

static enum err
add_name(struct config_reader *r, const yaml_node_t *node, char **names, size_t n)
{
	static const char what[] = "yes, no, or names of authorities";
	const char *text = config_scalar(r, node, what);

	if (text == NULL)
		return ERR_FORMAT;
	if (!config_valid_authority_name(text))
		return config_expected(r, node, "the name of an authority");
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0)
			return config_fault(r, node, ERR_EXISTS, "'%.200s' is in the list twice", text);
	return (names[n] = strdup(text)) != NULL ? ERR_OK : ERR_NOMEM;
}

enum err
config_read_zone_acme(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	struct config_zone *z = base;
	bool list = node != NULL && node->type == YAML_SEQUENCE_NODE;
	size_t n = !list ? 1 : (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	enum err err = ERR_OK;

	(void)o;
	z->acme = true;
	if (node == NULL)
		return ERR_OK;
	if (n == 0)
		return config_fault(r, node, ERR_RANGE, "expected at least one name, found an empty list");
	if (node->type == YAML_SCALAR_NODE && (strcmp((const char *)node->data.scalar.value, "yes") == 0 ||
	    strcmp((const char *)node->data.scalar.value, "no") == 0)) {
		z->acme = node->data.scalar.value[0] == 'y';
		return ERR_OK;
	}
	if ((z->authorities = calloc(n + 1, sizeof *z->authorities)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < n; i++)
		err = add_name(r, !list ? node : yaml_document_get_node(r->document,
		    node->data.sequence.items.start[i]), z->authorities, i);
	return err;
}

/* map: a zone, or zone-defaults. */
static enum err
check_names(struct config_reader *r, const yaml_node_t *map, const struct config_acme *c)
{
	const yaml_node_t *node = config_value(r, map, "acme"), *item;
	enum err err = ERR_OK;

	if (node == NULL)
		return ERR_OK;
	if (node->type == YAML_SCALAR_NODE)
		return !config_valid_authority_name((const char *)node->data.scalar.value) ? ERR_OK :
		    check_name(r, node, c, (const char *)node->data.scalar.value);
	for (yaml_node_item_t *i = node->data.sequence.items.start;
	    err == ERR_OK && i < node->data.sequence.items.top; i++) {
		item = yaml_document_get_node(r->document, *i);
		err = check_name(r, item, c, (const char *)item->data.scalar.value);
	}
	return err;
}

/* The zones stand before the authorities, perhaps: so their names are looked at in the end. */
enum err
config_check_zone_authorities(struct config_reader *r, const yaml_node_t *root, const struct config_acme *c)
{
	const yaml_node_t *zones = config_value(r, root, "zones"), *defaults = config_value(r, root, "zone-defaults");
	enum err err = defaults == NULL ? ERR_OK : check_names(r, defaults, c);

	if (zones == NULL)
		return err;
	for (yaml_node_item_t *z = zones->data.sequence.items.start;
	    err == ERR_OK && z < zones->data.sequence.items.top; z++)
		err = check_names(r, yaml_document_get_node(r->document, *z), c);
	return err;
}

/* ---- acme: authorities: limits ---- */

enum err
config_read_limits(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	static const char what[] = "letsencrypt, none, or a list of limits";
	static const char item_what[] = "a limit such as 'orders 300/3h', 'zone 50/7d', 'names 5/7d' or 'failures "
	    "5/1h'";
	struct config_authority *a = base;
	const char *text;

	(void)o;
	a->has_limits = true;
	if (node->type == YAML_SCALAR_NODE) {
		if ((text = config_scalar(r, node, what)) == NULL)
			return ERR_FORMAT;
		if (strcmp(text, "letsencrypt") == 0)
			a->limits = acme_limits_letsencrypt;
		else if (strcmp(text, "none") != 0)
			return config_expected(r, node, what);
		return ERR_OK;
	}
	if (node->type != YAML_SEQUENCE_NODE)
		return config_expected(r, node, what);
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->document, *i);

		if ((text = config_scalar(r, item, item_what)) == NULL)
			return ERR_FORMAT;
		enum err err = acme_limit_parse(text, &a->limits);
		if (err == ERR_EXISTS)
			return config_fault(r, item, err, "the limit of '%.60s' stands above already", text);
		if (err != ERR_OK)
			return config_expected(r, item, item_what);
	}
	return ERR_OK;
}

/* ---- acme: labels ---- */

#define LABEL_WORDS "labels without a final dot, such as _letsencrypt._tcp"

static const struct option label_options[] = {
	{ "label", OPTION_TEXT, AT(config_label, label), .needed = true, .valid = config_valid_label,
	    .expected = LABEL_WORDS },
	{ "authority", OPTION_TEXT, AT(config_label, authority) },
	{ "profile", OPTION_TEXT, AT(config_label, profile) },
};
static const struct section label = {
	.what = "a label", .options = label_options, .noptions = COUNT(label_options),
	    .size = sizeof(struct config_label),
};

static enum err
read_label(struct config_reader *r, const yaml_node_t *node, struct config_label *out)
{
	const char *text;

	if (node->type == YAML_MAPPING_NODE)
		return config_read_section(r, &label, node, out);
	if ((text = config_scalar(r, node, LABEL_WORDS)) == NULL)
		return ERR_FORMAT;
	if (!config_valid_label(text))
		return config_expected(r, node, LABEL_WORDS);
	return (out->label = strdup(text)) != NULL ? ERR_OK : ERR_NOMEM;
}

static bool
same_label(const char *a, const char *b)
{
	struct dname x, y;

	return dname_from_str(a, &x) == ERR_OK && dname_from_str(b, &y) == ERR_OK && dname_equal(x.octets, y.octets);
}

enum err
config_read_labels(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	struct config_acme *c = base;
	bool given = node != NULL;
	enum err err = ERR_OK;

	if (given && node->type != YAML_SEQUENCE_NODE)
		return config_expected(r, node, CONFIG_LIST);
	size_t n = !given ? 1 : (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n == 0)
		return config_fault(r, node, ERR_RANGE, "expected at least one item for labels, found an empty list");
	if ((c->labels = calloc(n, sizeof *c->labels)) == NULL)
		return ERR_NOMEM;
	c->nlabels = n;
	if (!given)
		return (c->labels[0].label = strdup(o->fallback)) != NULL ? ERR_OK : ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < n; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->document, node->data.sequence.items.start[i]);

		err = read_label(r, item, &c->labels[i]);
		for (size_t k = 0; err == ERR_OK && k < i; k++)
			if (same_label(c->labels[k].label, c->labels[i].label))
				err = config_fault(r, item, ERR_EXISTS, "'%.200s' is in the list twice",
				    c->labels[i].label);
	}
	return err;
}

enum err
config_check_labels(struct config_reader *r, const yaml_node_t *node, const struct config_acme *c)
{
	const yaml_node_t *labels = config_value(r, node, "labels");

	for (size_t i = 0; labels != NULL && i < c->nlabels; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->document, labels->data.sequence.items.start[i]);

		if (c->labels[i].authority != NULL && !is_known(c, c->labels[i].authority))
			return config_expected(r, config_value(r, item, "authority"),
			    "the name of one of acme: authorities:");
	}
	return ERR_OK;
}

void
config_labels_free(struct config_label *labels, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(labels[i].label);
		free(labels[i].authority);
		free(labels[i].profile);
	}
	free(labels);
}
