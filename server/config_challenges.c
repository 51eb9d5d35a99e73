/* acme: which challenges are used, the best first. */
#include "acme/challenge.h"
#include "server/config_schema.h"

enum err
config_read_challenges(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	static const char what[] = "dns-01, dns-account-01 or dns-persist-01";
	struct config_authority *a = base;

	(void)o;
	if (node->type != YAML_SEQUENCE_NODE)
		return config_expected(r, node, CONFIG_LIST);
	const yaml_node_item_t *items = node->data.sequence.items.start;
	size_t n = (size_t)(node->data.sequence.items.top - items);
	if (n == 0)
		return config_fault(r, node, ERR_RANGE, "expected %s, found an empty list", what);
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->document, items[i]);
		const char *text = config_scalar(r, item, what);
		enum acme_challenge_type type;

		if (text == NULL)
			return ERR_FORMAT;
		if (!acme_challenge_type_parse(text, &type))
			return config_expected(r, item, what);
		for (size_t before = 0; before < a->nchallenges; before++)
			if (a->challenges[before] == type)
				return config_fault(r, item, ERR_RANGE, "'%s' is in the list twice", text);
		a->challenges[a->nchallenges++] = type;
	}
	return ERR_OK;
}
