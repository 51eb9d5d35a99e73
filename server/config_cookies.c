/* The secrets of DNS cookies: what stands in them is never shown. */
#include "server/config_schema.h"

#include <string.h>

static enum err
read_secret(struct config_reader *r, const yaml_node_t *node, struct cookie_secrets *s)
{
	static const char what[] = "a secret of 32 hexadecimal digits";
	const char *text = config_scalar(r, node, what);
	struct cookie_secrets one;
	enum err err;

	if (text == NULL)
		return ERR_FORMAT;
	err = cookie_secrets_parse(text, strlen(text), &one);
	if (err == ERR_FORMAT || (err == ERR_OK && one.n != 1))
		err = config_fault(r, node, ERR_FORMAT, "expected %s", what);
	if (err == ERR_OK)
		memcpy(s->octets[s->n++], one.octets[0], COOKIE_SECRET);
	explicit_bzero(&one, sizeof one);
	return err;
}

/* There are two ways to give them, and one is enough. */
static enum err
check_first(struct config_reader *r, const yaml_node_t *node, const struct config *c)
{
	return c->cookies.n == 0 ? ERR_OK : config_fault(r, node, ERR_FORMAT,
	    "expected either 'cookie-secrets' or 'cookie-secret-file', found both");
}

enum err
config_read_cookie_secrets(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	struct config *c = base;
	enum err err = check_first(r, node, c);

	if (err != ERR_OK)
		return err;
	if (node->type != YAML_SEQUENCE_NODE)
		return config_fault(r, node, ERR_FORMAT, "expected %s", CONFIG_LIST);	/* a secret is not shown */
	const yaml_node_item_t *items = node->data.sequence.items.start;
	size_t n = (size_t)(node->data.sequence.items.top - items);
	if (n == 0 || n > COOKIE_SECRETS_MAX)
		return config_fault(r, node, ERR_RANGE, "expected one or two secrets for %s, found %zu", o->name, n);
	for (size_t i = 0; i < n && err == ERR_OK; i++)
		err = read_secret(r, yaml_document_get_node(r->document, items[i]), &c->cookies);
	return err;
}

enum err
config_read_cookie_file(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	const char *path = config_scalar(r, node, "the name of a file");
	struct config *c = base;
	struct buf text = { 0 };
	enum err err;

	(void)o;
	if (path == NULL)
		return ERR_FORMAT;
	if ((err = check_first(r, node, c)) == ERR_OK &&
	    (err = config_read_secret_file(r, node, path, &text)) == ERR_OK &&
	    (err = cookie_secrets_parse((const char *)text.p, text.len, &c->cookies)) == ERR_FORMAT)
		err = config_fault(r, node, err, "expected a file with one or two secrets of 32 hexadecimal digits, "
		    "and nothing else in it");
	buf_wipe(&text);
	return err;
}
