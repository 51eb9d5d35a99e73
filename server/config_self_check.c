/* acme: where a challenge must be seen (self-check), and whom to ask for that (resolvers). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/url.h"
#include "server/config_schema.h"

#define TEMPLATE "{?dns}"

/* --- self-check --- */

static const struct { const char *name; unsigned way; } ways[] = {
	{ "authoritative", ACME_CHECK_AUTHORITATIVE },
	{ "resolver", ACME_CHECK_RESOLVER },
	{ "doh", ACME_CHECK_DOH },
	{ "none", 0 },
};

static enum err
add_way(struct config_reader *r, const yaml_node_t *item, bool alone, unsigned *found)
{
	static const char what[] = "authoritative, resolver, doh or none";
	const char *text = config_scalar(r, item, what);
	size_t i = 0;

	if (text == NULL)
		return ERR_FORMAT;
	while (i < COUNT(ways) && strcmp(ways[i].name, text) != 0)
		i++;
	if (i == COUNT(ways))
		return config_expected(r, item, what);
	if (ways[i].way == 0 && !alone)
		return config_fault(r, item, ERR_RANGE, "expected none to stand alone");
	if ((*found & ways[i].way) != 0)
		return config_fault(r, item, ERR_EXISTS, "%s stands there twice", text);
	*found |= ways[i].way;
	return ERR_OK;
}

enum err
config_read_self_check(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	struct config_self_check *c = (struct config_self_check *)((char *)base + o->offset);
	const yaml_node_item_t *items;
	enum err err = ERR_OK;
	size_t n;

	if (node == NULL) {		/* the default */
		*c = (struct config_self_check){ .ways = ACME_CHECK_AUTHORITATIVE };
		return ERR_OK;
	}
	if (node->type != YAML_SEQUENCE_NODE)
		return config_expected(r, node, CONFIG_LIST);
	items = node->data.sequence.items.start;
	n = (size_t)(node->data.sequence.items.top - items);
	if (n == 0)
		return config_fault(r, node, ERR_RANGE,
		    "expected authoritative, resolver, doh or none, found an empty list");
	*c = (struct config_self_check){ .given = true };
	for (size_t i = 0; err == ERR_OK && i < n; i++)
		err = add_way(r, yaml_document_get_node(r->document, items[i]), n == 1, &c->ways);
	return err;
}

/* --- resolvers --- */

static bool
has_prefix(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0 && text[strlen(prefix)] != '\0';
}

/* False: it is none; out may hold a part of it. */
static bool
resolver_parse(const char *text, struct config_resolver *out)
{
	size_t n = strlen(text);
	const char *url = text;
	struct url parts;

	out->kind = ACME_RESOLVER_DOH;
	if (has_prefix(text, "json+https://")) {
		out->kind = ACME_RESOLVER_JSON;
		url = text + strlen("json+");
	} else if (!has_prefix(text, "https://")) {
		out->kind = ACME_RESOLVER_PLAIN;
		return config_address_parse(text, 53, &out->address) == ERR_OK;
	}
	/* The one template of RFC 8484, section 4.1.1 that is of use. */
	out->get = n > strlen(TEMPLATE) && strcmp(text + n - strlen(TEMPLATE), TEMPLATE) == 0;
	if (out->get && out->kind == ACME_RESOLVER_JSON)
		return false;
	out->url = strndup(url, strlen(url) - (out->get ? strlen(TEMPLATE) : 0));
	return out->url == NULL || (strpbrk(out->url, "{} #") == NULL && url_split(out->url, strlen(out->url), &parts));
}

enum err
config_read_resolvers(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	static const char what[] = "ADDRESS[@PORT], https://..., https://...{?dns} or json+https://...";
	struct config_acme *c = base;
	const yaml_node_item_t *items;
	size_t n;

	(void)o;
	if (node->type != YAML_SEQUENCE_NODE)
		return config_expected(r, node, CONFIG_LIST);
	items = node->data.sequence.items.start;
	n = (size_t)(node->data.sequence.items.top - items);
	if ((c->resolvers = calloc(n + 1, sizeof *c->resolvers)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->document, items[i]);
		const char *text = config_scalar(r, item, what);
		struct config_resolver *made = &c->resolvers[c->nresolvers++];

		if (text == NULL)
			return ERR_FORMAT;
		if (!resolver_parse(text, made))
			return config_expected(r, item, what);
		if ((made->name = strdup(text)) == NULL || (made->kind != ACME_RESOLVER_PLAIN && made->url == NULL))
			return ERR_NOMEM;
	}
	return ERR_OK;
}

static unsigned
ways_of_resolvers(const struct config_acme *c)
{
	unsigned found = 0;

	for (size_t i = 0; i < c->nresolvers; i++)
		found |= c->resolvers[i].kind == ACME_RESOLVER_PLAIN ? ACME_CHECK_RESOLVER : ACME_CHECK_DOH;
	return found;
}

/* --- all of it --- */

static enum err
check_resolvers(struct config_reader *r, const yaml_node_t *at, unsigned wanted, const struct config_acme *c)
{
	unsigned missing = wanted & (ACME_CHECK_RESOLVER | ACME_CHECK_DOH) & ~ways_of_resolvers(c);

	if ((missing & ACME_CHECK_RESOLVER) != 0)
		return config_fault(r, at, ERR_NOT_FOUND,
		    "self-check: resolver needs an address in the resolvers of acme");
	if ((missing & ACME_CHECK_DOH) != 0)
		return config_fault(r, at, ERR_NOT_FOUND,
		    "self-check: doh needs a URL with https:// or json+https:// in the resolvers of acme");
	return ERR_OK;
}

/* map: a zone, or zone-defaults, which says it for zones that say nothing. */
static enum err
check_zone(struct config_reader *r, const yaml_node_t *map, const struct config_zone *z, const struct config_acme *c,
    unsigned *wanted)
{
	const yaml_node_t *at = config_value(r, map, "self-check");

	if (at == NULL)
		return ERR_OK;
	*wanted |= z->self_check.ways;
	return check_resolvers(r, at, z->self_check.ways, c);
}

enum err
config_finish_self_check(struct config_reader *r, const yaml_node_t *root, struct config *config)
{
	struct config_acme *c = &config->acme;
	const yaml_node_t *node = config_value(r, root, "acme"), *zones = config_value(r, root, "zones");
	const yaml_node_t *defaults = config_value(r, root, "zone-defaults");
	unsigned wanted = c->self_check.ways;
	enum err err = ERR_OK;

	if (node != NULL)
		err = check_resolvers(r, config_value(r, node, "self-check"), wanted, c);
	if (err == ERR_OK && defaults != NULL)
		err = check_zone(r, defaults, &config->defaults, c, &wanted);
	for (size_t i = 0; err == ERR_OK && i < config->nzones; i++)
		err = check_zone(r, yaml_document_get_node(r->document, zones->data.sequence.items.start[i]),
		    &config->zones[i], c, &wanted);
	if (err != ERR_OK)
		return err;
	c->closed = c->proxy != NULL && (wanted & (ACME_CHECK_AUTHORITATIVE | ACME_CHECK_RESOLVER)) == 0;
	if (c->closed && (ways_of_resolvers(c) & ACME_CHECK_RESOLVER) != 0)
		return config_fault(r, config_value(r, node, "resolvers"), ERR_RANGE,
		    "with a proxy and no self-check by "
		    "authoritative or resolver, nothing but the proxy is asked: expected no addresses in resolvers");
	return ERR_OK;
}

void
config_self_check_clear(struct config_acme *c)
{
	for (size_t i = 0; i < c->nresolvers; i++) {
		free(c->resolvers[i].name);
		free(c->resolvers[i].url);
	}
	free(c->resolvers);
	free(c->resolver_certificates);
}
