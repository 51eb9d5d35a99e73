/* zones: primaries, "ADDRESS[@PORT] [key NAME]" each. */
#include "server/config_schema.h"

#include <stdlib.h>
#include <string.h>

static const char form[] = "ADDRESS, ADDRESS@PORT, or one of these with key NAME behind it";

static enum err
read_primary(struct config_reader *r, const yaml_node_t *node, struct config_primary *out)
{
	const char *text = config_scalar(r, node, form);
	char copy[CONFIG_ADDRESS_TEXT + DNAME_TEXT_MAX];
	char *rest, *word;

	if (text == NULL)
		return ERR_FORMAT;
	if (strlen(text) >= sizeof copy)
		return config_expected(r, node, form);
	strcpy(copy, text);
	word = strtok_r(copy, " \t", &rest);
	if (word == NULL || config_address_parse(word, 53, &out->address) != ERR_OK)
		return config_expected(r, node, form);
	if ((word = strtok_r(NULL, " \t", &rest)) == NULL)
		return ERR_OK;
	if (strcmp(word, "key") != 0 || (word = strtok_r(NULL, " \t", &rest)) == NULL ||
	    dname_from_str(word, &out->key) != ERR_OK || strtok_r(NULL, " \t", &rest) != NULL)
		return config_expected(r, node, form);
	out->has_key = true;
	return ERR_OK;
}

enum err
config_read_primaries(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	struct config_zone *z = base;
	enum err err = ERR_OK;

	if (node->type != YAML_SEQUENCE_NODE)
		return config_expected(r, node, CONFIG_LIST);
	const yaml_node_item_t *items = node->data.sequence.items.start;
	size_t n = (size_t)(node->data.sequence.items.top - items);
	if (n == 0)
		return config_fault(r, node, ERR_RANGE, "expected at least one item for %s, found an empty list",
		    o->name);
	if ((z->primaries = calloc(n, sizeof *z->primaries)) == NULL)
		return ERR_NOMEM;
	z->nprimaries = n;
	for (size_t i = 0; i < n && err == ERR_OK; i++)
		err = read_primary(r, yaml_document_get_node(r->document, items[i]), &z->primaries[i]);
	return err;
}

enum err
config_read_update_key(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	struct config_zone *z = base;
	const char *text = config_scalar(r, node, "the name of a key");

	(void)o;
	if (text == NULL)
		return ERR_FORMAT;
	if (dname_from_str(text, &z->update_key) != ERR_OK)
		return config_expected(r, node, "the name of a key");
	z->has_update_key = true;
	return ERR_OK;
}

/* Bounds that zone-defaults has both are looked at there. */
enum err
config_check_intervals(struct config_reader *r, const yaml_node_t *node, const struct config_zone *z)
{
	static const struct { const char *least, *most; } pairs[] = {
		{ "refresh-min-interval", "refresh-max-interval" },
		{ "retry-min-interval", "retry-max-interval" },
		{ "expire-min-interval", "expire-max-interval" },
	};
	const unsigned least[] = { z->refresh_min_s, z->retry_min_s, z->expire_min_s };
	const unsigned most[] = { z->refresh_max_s, z->retry_max_s, z->expire_max_s };

	for (size_t i = 0; i < COUNT(pairs); i++)
		if (least[i] > most[i] && (config_value(r, node, pairs[i].least) != NULL ||
		    config_value(r, node, pairs[i].most) != NULL))
			return config_fault(r, node, ERR_RANGE, "expected %s to be at most %s, found %u and %u seconds",
			    pairs[i].least, pairs[i].most, least[i], most[i]);
	return ERR_OK;
}

/* Of what zone-defaults says for all, what does not concern a zone of this kind is no error. */
enum err
config_check_primaries(struct config_reader *r, const yaml_node_t *node, const struct config_zone *z)
{
	const yaml_node_t *update_key = config_value(r, node, "update-key");
	const yaml_node_t *forward = config_value(r, node, "forward-updates");
	const yaml_node_t *policy = config_value(r, node, "update-policy");

	if (z->file != NULL && z->nprimaries > 0)
		return config_fault(r, config_value(r, node, "primaries"), ERR_FORMAT,
		    "expected either 'file' or 'primaries', found both");
	if (z->catalog_role == CATALOG_INTERPRET && z->nprimaries == 0)
		return config_fault(r, config_value(r, node, "catalog-role"), ERR_FORMAT,
		    "expected 'primaries' with a catalog that is to be interpreted, found none");
	if (z->catalog_role == CATALOG_GENERATE && (z->nprimaries > 0 || z->file != NULL))
		return config_fault(r, config_value(r, node, "catalog-role"), ERR_FORMAT,
		    "expected neither 'primaries' nor 'file' with a catalog that is to be made here");
	if (z->nprimaries == 0 && (update_key != NULL || (forward != NULL && z->forward_updates)))
		return config_fault(r, update_key != NULL ? update_key : forward, ERR_FORMAT,
		    "expected 'primaries' with this, found none");
	if (z->nprimaries > 0 && policy != NULL)
		return config_fault(r, policy, ERR_FORMAT,
		    "expected no 'update-policy' with 'primaries': the primary decides who may update the zone");
	return ERR_OK;
}
