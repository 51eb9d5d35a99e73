/* zones: the lists of other servers, primaries and notify: "ADDRESS[@PORT] [key NAME]" each. */
#include "server/config_schema.h"

#include <stdlib.h>
#include <string.h>

static const char form[] = "ADDRESS, ADDRESS@PORT, or one of these with key NAME behind it";

static enum err
read_peer(struct config_reader *r, const yaml_node_t *node, struct config_peer *out)
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

bool
config_same_peer(const struct config_peer *a, const struct config_peer *b)
{
	return a->address.len == b->address.len && memcmp(&a->address.address, &b->address.address, a->address.len) == 0 &&
	    a->has_key == b->has_key && (!a->has_key || dname_equal(a->key.octets, b->key.octets));
}

/* The same address with different keys may be different views of one server. */
static enum err
read_item(struct config_reader *r, const yaml_node_t *node, struct config_peer *list, size_t i)
{
	enum err err = read_peer(r, node, &list[i]);

	for (size_t k = 0; err == ERR_OK && k < i; k++)
		if (config_same_peer(&list[k], &list[i]))
			return config_fault(r, node, ERR_EXISTS, "'%s' is in the list twice",
			    (const char *)node->data.scalar.value);
	return err;
}

enum err
config_read_peers(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	const yaml_node_item_t *items;
	struct config_peer *list;
	size_t n;
	enum err err = config_items(r, o, node, &items, &n);

	if (err != ERR_OK)
		return err;
	if ((list = calloc(n + 1, sizeof *list)) == NULL)
		return ERR_NOMEM;
	*(struct config_peer **)((char *)base + o->offset) = list;
	*(size_t *)((char *)base + o->count) = n;
	for (size_t i = 0; i < n && err == ERR_OK; i++)
		err = read_item(r, yaml_document_get_node(r->document, items[i]), list, i);
	return err;
}
