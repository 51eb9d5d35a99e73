/* A text of YAML as a document, what is wrong with it as words with their place, and no secret of it left behind. */
#include "server/config_schema.h"

#include <string.h>

/* Texts that may hold secrets are overwritten: the document's, and what the parser read ahead. */

static void
document_wipe(yaml_document_t *document)
{
	for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++)
		if (node->type == YAML_SCALAR_NODE)
			explicit_bzero(node->data.scalar.value, node->data.scalar.length);
	yaml_document_delete(document);
}

static void
parser_wipe(yaml_parser_t *parser)
{
	explicit_bzero(parser->raw_buffer.start, (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
	explicit_bzero(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
	yaml_parser_delete(parser);
}

/* libyaml counts octets up to where it could not go on; errors in the encoding have no other place. */
static enum err
fault_at_offset(struct config_reader *r, const char *text, size_t offset, const char *problem)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	return fault_set(r->fault, ERR_FORMAT, "%s:%zu:%zu: expected UTF-8, found: %s", r->file, line, column, problem);
}

/* libyaml's words are about its grammar; these are about the two mistakes that people make. */
static const char *
yaml_hint(const yaml_parser_t *p, const char *text, size_t n)
{
	size_t line = 0, at = 0, column = 0;

	for (; at < n && line < p->problem_mark.line; at++)
		line += text[at] == '\n';
	for (; at < n && column < p->problem_mark.column; column++)
		for (at++; at < n && (text[at] & 0xc0) == 0x80; )
			at++;
	if (at < n && text[at] == '\t')
		return "; a tab stands here: YAML is indented by blanks";
	if (at < n && text[at] == ':')
		return "; what begins with a colon has to stand in quotes";
	return "";
}

static enum err
fault_yaml(struct config_reader *r, const struct config_document *d)
{
	const yaml_parser_t *p = &d->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return fault_set(r->fault, ERR_NOMEM, "%s: out of memory", r->file);
	if (p->error == YAML_READER_ERROR)
		return fault_at_offset(r, d->text, p->problem_offset < d->n ? p->problem_offset : d->n, p->problem);
	return fault_set(r->fault, ERR_FORMAT, "%s:%zu:%zu: expected YAML, found an error%s%s: %s%s",
	    r->file, p->problem_mark.line + 1, p->problem_mark.column + 1, p->context != NULL ? " " : "",
	    p->context != NULL ? p->context : "", p->problem, yaml_hint(p, d->text, d->n));
}

enum err
config_document_open(struct config_reader *r, const char *text, size_t n, struct config_document *d)
{
	enum err err;

	*d = (struct config_document){ .text = text, .n = n };
	if (!yaml_parser_initialize(&d->parser))
		return ERR_NOMEM;
	yaml_parser_set_input_string(&d->parser, (const unsigned char *)text, n);
	if (!yaml_parser_load(&d->parser, &d->document)) {
		err = fault_yaml(r, d);
		parser_wipe(&d->parser);
		return err;
	}
	r->document = &d->document;
	return ERR_OK;
}

enum err
config_document_end(struct config_reader *r, struct config_document *d)
{
	yaml_document_t second;
	const yaml_node_t *root;
	enum err err = ERR_OK;

	if (yaml_document_get_root_node(&d->document) == NULL)
		return ERR_OK;
	if (!yaml_parser_load(&d->parser, &second))
		return fault_yaml(r, d);
	r->document = &second;
	if ((root = yaml_document_get_root_node(&second)) != NULL)
		err = config_fault(r, root, ERR_FORMAT, "expected one YAML document, found a second one");
	r->document = &d->document;
	document_wipe(&second);
	return err;
}

void
config_document_close(struct config_document *d)
{
	document_wipe(&d->document);
	parser_wipe(&d->parser);
}
