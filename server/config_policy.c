/* zones: update-policy, a list of rules as tsig/policy.h has them. */
#include "server/config_schema.h"

#include <stdlib.h>

/* The place of what stands at an offset in a text, as far as the text stands in the file as it is. */
static yaml_node_t
place_in(const yaml_node_t *node, size_t at)
{
	yaml_node_t place = *node;

	if (node->start_mark.line == node->end_mark.line)
		place.start_mark.column += at + (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE);
	return place;
}

static enum err
read_rule(struct config_reader *r, const yaml_node_t *node, struct tsig_rule *out)
{
	const char *text = config_scalar(r, node, "grant|deny KEY RULE NAME TYPES");
	struct fault words = { 0 };
	yaml_node_t place;
	size_t at;
	enum err err;

	if (text == NULL)
		return ERR_FORMAT;
	if ((err = tsig_rule_parse(text, out, &at, &words)) == ERR_OK || err == ERR_NOMEM)
		return err;
	place = place_in(node, at);
	return config_fault(r, &place, err, "%s", words.text);
}

enum err
config_read_policy(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	struct config_policy *p = &((struct config_zone *)base)->update_policy;
	enum err err = ERR_OK;

	(void)o;
	if (node->type != YAML_SEQUENCE_NODE)
		return config_expected(r, node, "a list");
	const yaml_node_item_t *items = node->data.sequence.items.start;
	size_t n = (size_t)(node->data.sequence.items.top - items);
	if ((p->rules = calloc(n + 1, sizeof *p->rules)) == NULL)
		return ERR_NOMEM;
	p->is_set = true;
	for (size_t i = 0; i < n && err == ERR_OK; i++)
		if ((err = read_rule(r, yaml_document_get_node(r->document, items[i]), &p->rules[i])) == ERR_OK)
			p->n++;
	return err;
}

void
config_policy_clear(struct config_policy *p)
{
	for (size_t i = 0; i < p->n; i++)
		tsig_rule_clear(&p->rules[i]);
	free(p->rules);
}
