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
		return config_expected(r, node, CONFIG_LIST);
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

/* Can the rule ever match in the zone?  A challenge may be for a name elsewhere (server/update_policy.c). */
static bool
can_match(const struct tsig_rule *rule, const uint8_t *apex)
{
	const uint8_t *name = rule->name.octets;

	switch (rule->kind) {
	case TSIG_RULE_NAME:
		return dname_is_below(name, apex);
	case TSIG_RULE_CSR:
		return dname_is_root(name) || dname_is_below(name, apex);
	case TSIG_RULE_SUBDOMAIN:
		return dname_is_below(name, apex) || dname_is_below(apex, name);
	case TSIG_RULE_WILDCARD:
		return dname_is_below(name, apex) || dname_is_below(apex, dname_parent(name));
	case TSIG_RULE_ZONESUB:
	case TSIG_RULE_SELF:
	case TSIG_RULE_SELFSUB:
	case TSIG_RULE_SELFWILD:
	case TSIG_RULE_ACME:
		break;
	}
	return true;
}

void
config_check_policy(const struct config_reader *r, const yaml_node_t *node, const struct config_zone *z)
{
	const yaml_node_t *list = config_value(r, node, "update-policy");
	char place[CONFIG_PLACE_TEXT], name[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX];

	for (size_t i = 0; list != NULL && i < z->update_policy.n; i++) {
		const struct tsig_rule *rule = &z->update_policy.rules[i];

		if (!can_match(rule, z->name.octets))
			log_warning("%s: the rule can never match: %s is not in the zone %s", config_place(r,
			    yaml_document_get_node(r->document, list->data.sequence.items.start[i]), place),
			    dname_print_host(rule->name.octets, name), dname_print_host(z->name.octets, zone));
	}
}

void
config_policy_clear(struct config_policy *p)
{
	for (size_t i = 0; i < p->n; i++)
		tsig_rule_clear(&p->rules[i]);
	free(p->rules);
}
