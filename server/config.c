/* certns.yaml and the command line become one struct config.  The file is read by config_yaml.c along the tables of
 * config_schema.c; here are what the two do not know: where the text comes from, what the command line changes, and
 * what follows from other values. */
#include "server/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "server/config_schema.h"
#include "zones/git.h"

#define DEFAULT_FILE SYSCONFDIR "/certns/certns.yaml"
#define DEFAULT_STATE LOCALSTATEDIR "/lib/certns"
#define SOCKET_NAME "control.sock"
#define FILE_MAX (64u << 20)
#define POLL_DEFAULT_S 300		/* these as server/config_schema.c has them */
#define COMMIT_DELAY_DEFAULT_S 1
#define COMMIT_DELAY_MAX_DEFAULT_S 10
#define GIT_TIMEOUT_DEFAULT_S 120

static enum err
read_document(struct config_reader *r, struct config_draft *draft)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->document);

	if (root == NULL)			/* an empty file, or comments only */
		return config_read_defaults(r, &config_root, draft);
	return config_read_section(r, &config_root, root, draft);
}

static enum err
read_text(struct config_reader *r, const char *text, size_t n, struct config_draft *draft)
{
	struct config_document document;
	enum err err = config_document_open(r, text, n, &document);

	if (err != ERR_OK)
		return err;
	if ((err = read_document(r, draft)) == ERR_OK)
		err = config_document_end(r, &document);
	config_document_close(&document);
	return err;
}

void
config_texts_free(char **texts)
{
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}

static void
git_free(struct config_git *git, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(git[i].url);
		free(git[i].branch);
		free(git[i].path);
		free(git[i].ssh_key);
		config_texts_free(git[i].host_keys);
		free(git[i].ca_file);
		free(git[i].committer);
		free(git[i].allowed_signers);
		free(git[i].revoked_signers);
		free(git[i].signing_key);
		free(git[i].credentials_file);
		free(git[i].credential_helper);
	}
	free(git);
}

static void
keys_free(struct config_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (keys[i].secret != NULL)
			explicit_bzero(keys[i].secret, strlen(keys[i].secret));
		free(keys[i].secret);
		free(keys[i].secret_file);
		tsig_key_free(keys[i].key);
	}
	free(keys);
}

static void
zone_clear(struct config_zone *z)
{
	free(z->file);
	free(z->unreadable);
	free(z->notify);
	free(z->allow_transfer);
	free(z->check_servers);
	config_policy_clear(&z->update_policy);
	free(z->primaries);
	free(z->catalog_group);
	config_texts_free(z->authorities);
}

static void
config_clear(struct config *c)
{
	free(c->file);
	free(c->listen);
	free(c->state_directory);
	free(c->user);
	free(c->control_socket);
	free(c->source);
	free(c->identity);
	free(c->hostname);
	free(c->nsid);
	free(c->version);
	free(c->rate_limit_exempt);
	config_dnstap_clear(&c->dnstap);
	explicit_bzero(&c->cookies, sizeof c->cookies);
	git_free(c->git, c->ngit);
	zone_clear(&c->defaults);
	for (size_t i = 0; i < c->nzones; i++)
		zone_clear(&c->zones[i]);
	free(c->zones);
	free(c->catalogs);
	for (size_t i = 0; i < c->nkeys; i++)
		tsig_key_free(c->keys[i]);
	free(c->keys);
	config_acme_clear(&c->acme);
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	config_clear(c);
	free(c);
}

/* The command line, over the file. */

static enum err
apply_remote(struct config *c, const char *remote, struct fault *f)
{
	struct config_git *git = calloc(1, sizeof *git);
	enum err err;

	if (git == NULL)
		return ERR_NOMEM;
	if ((err = git_url_split(remote, &git->url, &git->branch)) != ERR_OK) {
		free(git);
		return err == ERR_NOMEM ? err :
		    fault_set(f, err, "--remote: expected URL or URL#BRANCH, found '%.200s'", remote);
	}
	if (git_url_has_secret(git->url)) {	/* everybody sees the command line */
		git_free(git, 1);
		return fault_set(f, ERR_REFUSED, "--remote: a password does not belong on the command line: use the "
		    "configuration's credentials-file or credential-helper");
	}
	git->poll_s = POLL_DEFAULT_S;
	git->push = true;
	git->commit_delay_s = COMMIT_DELAY_DEFAULT_S;
	git->commit_delay_max_s = COMMIT_DELAY_MAX_DEFAULT_S;
	git->timeout_s = GIT_TIMEOUT_DEFAULT_S;
	git->removal_limit = REMOVAL_LIMIT_DEFAULT;
	git->removal_floor = REMOVAL_FLOOR_DEFAULT;
	git_free(c->git, c->ngit);
	c->git = git;
	c->ngit = 1;
	return ERR_OK;
}

static enum err
apply_listen(struct config *c, const char *const *listen, size_t n, struct fault *f)
{
	struct config_address *list = calloc(n, sizeof *list);

	if (list == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		if (config_address_parse(listen[i], 53, &list[i]) != ERR_OK) {
			free(list);
			return fault_set(f, ERR_FORMAT, "--listen: expected ADDRESS[@PORT], found '%.200s'", listen[i]);
		}
	free(c->listen);
	c->listen = list;
	c->nlisten = n;
	return ERR_OK;
}

static enum err
apply_arguments(struct config *c, const struct config_arguments *arguments, struct fault *f)
{
	enum err err = ERR_OK;

	if (arguments->remote != NULL)
		err = apply_remote(c, arguments->remote, f);
	if (err == ERR_OK && arguments->nlisten > 0)
		err = apply_listen(c, arguments->listen, arguments->nlisten, f);
	c->secondary |= arguments->secondary;
	if (arguments->has_log_level)
		c->log_level = arguments->log_level;
	if (err == ERR_OK && arguments->state != NULL) {
		free(c->state_directory);
		if ((c->state_directory = strdup(arguments->state)) == NULL)
			err = ERR_NOMEM;
	}
	return err;
}

/* What follows from the machine and from other values. */
static enum err
complete(struct config *c, struct fault *f)
{
	static const char *const everywhere[] = { "0.0.0.0", "::" };
	enum err err;

	if (c->nlisten == 0 && (err = apply_listen(c, everywhere, 2, f)) != ERR_OK)
		return err;
	if (c->workers == 0) {
		long n = sysconf(_SC_NPROCESSORS_ONLN);
		c->workers = n < 1 ? 1 : n > 256 ? 256 : (unsigned)n;
	}
	if ((err = config_dnstap_complete(c)) != ERR_OK)
		return err;
	if (c->control_socket == NULL && asprintf(&c->control_socket, "%s/" SOCKET_NAME, c->state_directory) < 0) {
		c->control_socket = NULL;
		return ERR_NOMEM;
	}
	if (strlen(c->control_socket) >= sizeof ((struct sockaddr_un *)NULL)->sun_path)
		return fault_set(f, ERR_RANGE, "%s%sthe name of the control socket is too long (give a shorter one by "
		    "control-socket): '%.300s'", c->file == NULL ? "" : c->file, c->file == NULL ? "" : ":1:1: ",
		    c->control_socket);
	return ERR_OK;
}

static int
compare_zones(const void *a, const void *b)
{
	const struct config_zone *x = a, *y = b;

	return dname_compare(x->name.octets, y->name.octets);
}

/* Whoever asks for them shall not have to look at all zones, which may be very many. */
static enum err
list_catalogs(struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nzones; i++)
		n += c->zones[i].catalog_role == CATALOG_INTERPRET;
	if ((c->catalogs = calloc(n + 1, sizeof *c->catalogs)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->nzones; i++)
		if (c->zones[i].catalog_role == CATALOG_INTERPRET)
			c->catalogs[c->ncatalogs++] = &c->zones[i];
	return ERR_OK;
}

static void
limit_history(const struct config *c, struct config_zone *z)
{
	z->journal_max_usage = z->journal_max_usage != 0 ? z->journal_max_usage : c->journal_max_usage;
	z->journal_max_depth = z->journal_max_depth != 0 ? z->journal_max_depth : c->journal_max_depth;
}

/* Keys as the file has them become a list of TSIG keys; zones are sorted, to be found. */
static enum err
settle(struct config_draft *draft)
{
	struct config *c = &draft->config;

	if ((c->keys = calloc(draft->nkeys + 1, sizeof *c->keys)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < draft->nkeys; i++) {
		c->keys[i] = draft->keys[i].key;
		draft->keys[i].key = NULL;
	}
	c->nkeys = draft->nkeys;
	if (c->nzones > 0)
		qsort(c->zones, c->nzones, sizeof *c->zones, compare_zones);
	limit_history(c, &c->defaults);
	for (size_t i = 0; i < c->nzones; i++)
		limit_history(c, &c->zones[i]);
	return list_catalogs(c);
}

static enum err
make(const char *file, const char *text, size_t n, const struct config_arguments *arguments, struct config **out,
    struct fault *f)
{
	struct config_reader r = { .file = file, .fault = f };
	struct config_draft draft = { 0 };
	struct config *c = malloc(sizeof *c);
	enum err err = c != NULL ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK)
		err = text != NULL ? read_text(&r, text, n, &draft) : config_read_defaults(&r, &config_root, &draft);
	if (err == ERR_OK && text != NULL && (draft.config.file = strdup(file)) == NULL)
		err = ERR_NOMEM;
	if (err == ERR_OK && (err = apply_arguments(&draft.config, arguments, f)) == ERR_OK &&
	    (err = complete(&draft.config, f)) == ERR_OK)
		err = settle(&draft);
	if (err == ERR_OK)
		err = config_add_keys(&draft.config, arguments, f);
	keys_free(draft.keys, draft.nkeys);
	if (err == ERR_OK) {
		*c = draft.config;
		*out = c;
		return ERR_OK;
	}
	config_clear(&draft.config);
	free(c);
	return err != ERR_NOMEM ? err : fault_set(f, err, "%s: out of memory", file);
}

enum err
config_parse(const char *file, const char *text, size_t n, struct config **out, struct fault *f)
{
	static const struct config_arguments none;

	return make(file, text, n, &none, out, f);
}

static enum err
read_whole(const char *file, struct buf *text, struct fault *f)
{
	struct stat st;

	if (stat(file, &st) == 0 && st.st_size < FILE_MAX)
		buf_reserve(text, (size_t)st.st_size + 65536);	/* so that no copy is left behind as it grows */
	return file_read(file, FILE_MAX, text, f);
}

enum err
config_load(const struct config_arguments *arguments, struct config **out, struct fault *f)
{
	const char *file = arguments->file != NULL ? arguments->file : DEFAULT_FILE;
	struct buf text = { 0 };
	enum err err;

	if (arguments->file == NULL && (arguments->remote != NULL || arguments->secondary))
		return make("(command line)", NULL, 0, arguments, out, f);
	if ((err = read_whole(file, &text, f)) == ERR_OK)
		err = make(file, text.p != NULL ? (const char *)text.p : "", text.len, arguments, out, f);
	buf_wipe(&text);
	return err;
}

/* The text of "server: {name: ...}", or NULL. */
static const char *
server_text(const struct config_reader *r, const char *name)
{
	const yaml_node_t *node = yaml_document_get_root_node(r->document);
	const char *const path[] = { "server", name };

	for (size_t i = 0; i < 2 && node != NULL; i++)
		node = node->type == YAML_MAPPING_NODE ? config_value(r, node, path[i]) : NULL;
	return node != NULL && node->type == YAML_SCALAR_NODE && node->data.scalar.length > 0 ?
	    (const char *)node->data.scalar.value : NULL;
}

static enum err
find_socket(const char *file, const char *text, size_t n, char **out, struct fault *f)
{
	struct config_reader r = { .file = file, .fault = f };
	struct config_document document;
	enum err err = config_document_open(&r, text, n, &document);

	if (err != ERR_OK)
		return err;
	const char *socket = server_text(&r, "control-socket"), *state = server_text(&r, "state-directory");
	if (socket != NULL)
		*out = strdup(socket);
	else if (asprintf(out, "%s/" SOCKET_NAME, state != NULL ? state : DEFAULT_STATE) < 0)
		*out = NULL;
	config_document_close(&document);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

enum err
config_find_socket(const char *file, char **out, struct fault *f)
{
	struct buf text = { 0 };
	enum err err;

	if (file == NULL && access(DEFAULT_FILE, R_OK) != 0)
		return find_socket("", "", 0, out, f);
	file = file != NULL ? file : DEFAULT_FILE;
	if ((err = read_whole(file, &text, f)) == ERR_OK)
		err = find_socket(file, text.p != NULL ? (const char *)text.p : "", text.len, out, f);
	buf_wipe(&text);
	return err;
}

const struct config_zone *
config_zone_for(const struct config *c, const uint8_t *apex)
{
	struct config_zone wanted;

	dname_copy(&wanted.name, apex);
	const struct config_zone *found = c->nzones == 0 ? NULL :
	    bsearch(&wanted, c->zones, c->nzones, sizeof *c->zones, compare_zones);
	return found != NULL ? found : &c->defaults;
}

const struct config_address *
config_source_for(const struct config *c, int family)
{
	for (size_t i = 0; i < c->nsource; i++)
		if (c->source[i].address.ss_family == family)
			return &c->source[i];
	return NULL;
}
