/* /etc/certns/fetch.yaml: settings for all hosts, and the hosts, each with settings of its own where it differs.  Read
 * with the tables and the walk that certns.yaml has (server/config_schema.h). */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "server/config_schema.h"
#include "tools/fetch.h"

#define CONFIG_FILE_MAX (16u << 20)
#define HERE(member) .offset = offsetof(struct fetch_settings, member)
#define DEFAULT_LABEL "_letsencrypt._tcp"
#define DEFAULT_DIRECTORY LOCALSTATEDIR "/lib/certns-fetch"

static bool
valid_user(const char *text)
{
	return *text != '\0' && getpwnam(text) != NULL;
}

static bool
valid_group(const char *text)
{
	return *text != '\0' && getgrnam(text) != NULL;
}

static bool
valid_path(const char *text)
{
	return *text == '/';
}

/* "no", "system", or the file with what is trusted. */
static enum err
read_verify(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	struct fetch_settings *s = base;
	const char *text = config_scalar(r, node, "no, system, or the name of a file");

	(void)o;
	if (text == NULL)
		return ERR_FORMAT;
	if (strcmp(text, "no") == 0 || strcmp(text, "system") == 0) {
		s->verify = *text == 'n' ? FETCH_VERIFY_CHAIN : FETCH_VERIFY_SYSTEM;
		return ERR_OK;
	}
	if (!valid_path(text))
		return config_expected(r, node, "no, system, or the name of a file");
	s->verify = FETCH_VERIFY_FILE;
	return (s->trust = strdup(text)) != NULL ? ERR_OK : ERR_NOMEM;
}

/* What a host may have of its own; for the others the file's beginning counts. */
#define SHARED_OPTIONS \
	{ "label", OPTION_TEXT, HERE(label), .valid = config_valid_label, \
	    .expected = "a label such as _letsencrypt._tcp" }, \
	{ "directory", OPTION_TEXT, HERE(directory), .valid = valid_path, \
	    .expected = "the full name of a directory" }, \
	{ "key-file", OPTION_FILE, HERE(key_file) }, \
	{ "server", OPTION_TEXT, HERE(server), .valid = fetch_server_valid, .expected = "ADDRESS[@PORT]" }, \
	{ "resolver", OPTION_TEXT, HERE(resolver), .valid = fetch_server_valid, .expected = "ADDRESS[@PORT]" }, \
	{ "port", OPTION_NUMBER, HERE(port), .min = 1, .max = 65535 }, \
	{ "verify", OPTION_OWN, .read = read_verify }, \
	{ "hook", OPTION_TEXT, HERE(hook), .expected = "a command" }, \
	{ "owner", OPTION_TEXT, HERE(owner), .valid = valid_user, .expected = "the name of a user of this system" }, \
	{ "group", OPTION_TEXT, HERE(group), .valid = valid_group, .expected = "the name of a group of this system" }, \
	{ "key", OPTION_CHOICE, HERE(key_type), .choices = fetch_key_types }, \
	{ "new-key", OPTION_YESNO, HERE(new_key) }

static const struct option host_options[] = {
	{ "name", OPTION_TEXT, HERE(host), .needed = true },
	{ "names", OPTION_TEXTS, HERE(names), .min = 1 },
	SHARED_OPTIONS
};
static const struct section host_section = {
	.what = "a host", .options = host_options, .noptions = COUNT(host_options),
	.size = sizeof(struct fetch_settings)
};

/* The root fills a struct fetch_config, whose defaults come first. */
_Static_assert(offsetof(struct fetch_config, defaults) == 0, "options of the root are those of its defaults");

static enum err read_hosts(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
static enum err finish_root(struct config_reader *r, const yaml_node_t *node, void *base);

static const struct option root_options[] = {
	{ "timeout", OPTION_DURATION, .offset = offsetof(struct fetch_config, timeout_s), .max = 86400,
	    .fallback = "5m" },
	{ "hosts", OPTION_OWN, .read = read_hosts },
	SHARED_OPTIONS
};
static const struct section root_section = {
	.what = "fetch.yaml", .options = root_options, .noptions = COUNT(root_options),
	.size = sizeof(struct fetch_config), .finish = finish_root
};

/* The hosts wait until all defaults are known: finish_root(). */
static enum err
read_hosts(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	(void)o, (void)base;
	return node->type == YAML_SEQUENCE_NODE ? ERR_OK : config_expected(r, node, "a list of hosts");
}

/* A text of the host's own, or a copy of the default. */
static bool
inherit(char **own, const char *fallback)
{
	return *own != NULL || fallback == NULL || (*own = strdup(fallback)) != NULL;
}

static enum err
inherit_all(struct config_reader *r, const yaml_node_t *node, const struct fetch_settings *d, struct fetch_settings *s)
{
	bool own_verify = false;

	if (node->type == YAML_MAPPING_NODE) {
		own_verify = config_value(r, node, "verify") != NULL;
		s->new_key = config_value(r, node, "new-key") != NULL ? s->new_key : d->new_key;
	} else
		s->new_key = d->new_key;
	s->key_type = s->key_type != FETCH_ANY_KEY ? s->key_type : d->key_type;
	s->port = s->port != 0 ? s->port : d->port;
	if (!own_verify) {
		s->verify = d->verify;
		if (!inherit(&s->trust, d->trust))
			return ERR_NOMEM;
	}
	return inherit(&s->label, d->label) && inherit(&s->directory, d->directory) &&
	    inherit(&s->key_file, d->key_file) && inherit(&s->server, d->server) &&
	    inherit(&s->resolver, d->resolver) && inherit(&s->hook, d->hook) && inherit(&s->owner, d->owner) &&
	    inherit(&s->group, d->group) ? ERR_OK : ERR_NOMEM;
}

static enum err
read_host(struct config_reader *r, const yaml_node_t *node, const struct fetch_settings *defaults,
    struct fetch_settings *out)
{
	struct fetch_settings own = { .key_type = FETCH_ANY_KEY };
	struct fault words = { 0 };
	const char *name;
	enum err err = ERR_OK;

	if (node->type == YAML_SCALAR_NODE) {
		if ((name = config_scalar(r, node, "the name of a host")) == NULL)
			return ERR_FORMAT;
		if ((own.host = strdup(name)) == NULL)
			return ERR_NOMEM;
	} else
		err = config_read_section(r, &host_section, node, &own);
	if (err == ERR_OK && (err = inherit_all(r, node, defaults, &own)) == ERR_OK &&
	    (err = fetch_settings_make(&own, own.host, own.names, out, &words)) == ERR_FORMAT)
		config_fault(r, node, err, "%s", words.text);
	fetch_settings_clear(&own);
	return err;
}

/* Two that keep their files in one directory would undo each other's. */
static enum err
check_distinct(struct config_reader *r, const yaml_node_t *node, const struct fetch_config *c)
{
	const struct fetch_settings *last = &c->hosts[c->nhosts - 1];

	for (size_t i = 0; i + 1 < c->nhosts; i++)
		if (strcmp(c->hosts[i].host, last->host) == 0 && strcmp(c->hosts[i].directory, last->directory) == 0)
			return config_fault(r, node, ERR_EXISTS, "%s with the directory %s stands above already",
			    last->host, last->directory);
	return ERR_OK;
}

static enum err
finish_root(struct config_reader *r, const yaml_node_t *node, void *base)
{
	const yaml_node_t *hosts = config_value(r, node, "hosts");
	struct fetch_config *c = base;
	struct fetch_settings *d = &c->defaults;
	enum err err = ERR_OK;

	d->port = d->port != 0 ? d->port : 53;
	if (!inherit(&d->label, DEFAULT_LABEL) || !inherit(&d->directory, DEFAULT_DIRECTORY))
		return ERR_NOMEM;
	if (hosts == NULL)
		return ERR_OK;
	const yaml_node_item_t *items = hosts->data.sequence.items.start;
	size_t n = (size_t)(hosts->data.sequence.items.top - items);
	if ((c->hosts = calloc(n + 1, sizeof *c->hosts)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n && err == ERR_OK; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->document, items[i]);

		if ((err = read_host(r, item, d, &c->hosts[i])) == ERR_OK) {
			c->nhosts++;
			err = check_distinct(r, item, c);
		}
	}
	return err;
}

enum err
fetch_config_parse(const char *path, const char *text, size_t n, struct fetch_config *out, struct fault *f)
{
	struct config_reader r = { .file = path, .fault = f };
	struct config_document document;
	enum err err;

	*out = (struct fetch_config){ .defaults.key_type = FETCH_ANY_KEY };
	if ((err = config_document_open(&r, text, n, &document)) != ERR_OK)
		return err;
	const yaml_node_t *root = yaml_document_get_root_node(r.document);
	err = root == NULL ? fetch_config_defaults(out) : config_read_section(&r, &root_section, root, out);
	if (err == ERR_OK)
		err = config_document_end(&r, &document);
	config_document_close(&document);
	if (err == ERR_NOMEM)
		fault_set(f, err, "out of memory");
	if (err != ERR_OK)
		fetch_config_clear(out);
	return err;
}

enum err
fetch_config_defaults(struct fetch_config *out)
{
	static const char empty[] = "{}";
	struct fault f;

	return fetch_config_parse("(defaults)", empty, sizeof empty - 1, out, &f);
}

enum err
fetch_config_load(const char *path, struct fetch_config *out, struct fault *f)
{
	struct buf text = { 0 };
	enum err err = file_read(path, CONFIG_FILE_MAX, &text, f);

	*out = (struct fetch_config){ 0 };
	if (err == ERR_OK)
		err = fetch_config_parse(path, text.p != NULL ? (const char *)text.p : "", text.len, out, f);
	buf_clear(&text);
	return err;
}

void
fetch_config_clear(struct fetch_config *c)
{
	for (size_t i = 0; i < c->nhosts; i++)
		fetch_settings_clear(&c->hosts[i]);
	free(c->hosts);
	fetch_settings_clear(&c->defaults);
	*c = (struct fetch_config){ 0 };
}
