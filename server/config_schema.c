/* What certns.yaml may contain: one table per section.  certns.yaml(5) describes the same for its users. */
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "server/config_schema.h"
#include "zones/git.h"

#define SECRET_FILE_MAX 4096
#define JOURNAL_USAGE_LEAST 40		/* KiB */
#define JOURNAL_USAGE_MOST (1u << 30)
#define JOURNAL_USAGE_WORDS "a size from 40K to 1024G, such as 500K, 100M or 2G"
#define JOURNAL_DEPTH_MOST 100000000

/* What texts must look like. */

static bool
valid_identity(const char *text)	/* one character-string of id.server's TXT (RFC 4892) */
{
	return *text != '\0' && strlen(text) <= 255;
}

static bool
valid_socket(const char *text)
{
	return *text != '\0' && strlen(text) < sizeof ((struct sockaddr_un *)NULL)->sun_path;
}

static bool
valid_user(const char *text)
{
	return *text != '\0' && getpwnam(text) != NULL;
}

static bool
valid_host_key(const char *text)	/* as ssh-keygen -l prints it: base64 of 32 octets, unpadded */
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return strncmp(text, "SHA256:", 7) == 0 && strlen(text + 7) == 43 && strspn(text + 7, alphabet) == 43 &&
	    strchr("AEIMQUYcgkosw048", text[7 + 42]) != NULL;	/* no stray bits at the end */
}

static bool
valid_directory(const char *text)	/* relative to the repository's top, and not above it */
{
	for (const char *p = text; *p != '\0'; p += strcspn(p, "/"), p += strspn(p, "/"))
		if (strcspn(p, "/") == 2 && strncmp(p, "..", 2) == 0)
			return false;
	return *text != '\0' && *text != '/';
}

/* server: */

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };
static const char *const log_formats[] = { "text", "json", NULL };

static enum err
finish_server(struct config_reader *r, const yaml_node_t *node, void *base)
{
	const struct config *c = base;

	for (size_t i = 0; i < c->nrate_limit_exempt; i++)
		if (!c->rate_limit_exempt[i].any_key)
			return config_fault(r, config_value(r, node, "rate-limit-exempt"), ERR_RANGE,
			    "expected ADDRESS or ADDRESS/BITS for rate-limit-exempt, found a key");
	for (size_t i = 0; i < c->nsource; i++)
		for (size_t k = 0; k < i; k++)
			if (c->source[i].address.ss_family == c->source[k].address.ss_family)
				return config_fault(r, config_value(r, node, "source"), ERR_RANGE,
				    "expected at most one address of each family for source");
	return ERR_OK;
}

static const struct option server_options[] = {
	{ "listen", OPTION_ADDRESSES, LIST(config, listen), .min = 1, .max = 53 },
	{ "free-bind", OPTION_YESNO, AT(config, free_bind), .fallback = "no" },
	{ "workers", OPTION_NUMBER, AT(config, workers), .min = 1, .max = 256 },
	{ "cpu-affinity", OPTION_YESNO, AT(config, cpu_affinity), .fallback = "no" },
	{ "state-directory", OPTION_TEXT, AT(config, state_directory), .fallback = LOCALSTATEDIR "/lib/certns",
	    .expected = "the name of a directory" },
	{ "user", OPTION_TEXT, AT(config, user), .valid = valid_user, .expected = "the name of a user of this system" },
	{ "control-socket", OPTION_TEXT, AT(config, control_socket), .valid = valid_socket,
	    .expected = "the name of a socket, of at most 107 octets" },
	{ "source", OPTION_ADDRESSES, LIST(config, source) },
	{ "identity", OPTION_TEXT, AT(config, identity), .valid = valid_identity,
	    .expected = "a text of 1 to 255 octets" },
	{ "hostname", OPTION_TEXT, AT(config, hostname), .valid = valid_identity,
	    .expected = "a text of 1 to 255 octets" },
	{ "nsid", OPTION_TEXT, AT(config, nsid), .valid = valid_identity, .expected = "a text of 1 to 255 octets" },
	{ "version", OPTION_TEXT, AT(config, version), .valid = valid_identity,
	    .expected = "a text of 1 to 255 octets" },
	{ "edns-udp-size", OPTION_NUMBER, AT(config, edns_udp_size), .min = 512, .max = 4096, .fallback = "1232" },
	{ "report-agent", OPTION_NAME, AT(config, report_agent) },
	{ "cookie-secrets", OPTION_OWN, .read = config_read_cookie_secrets },
	{ "cookie-secret-file", OPTION_OWN, .read = config_read_cookie_file },
	{ "require-cookies", OPTION_YESNO, AT(config, require_cookies), .fallback = "no" },
	{ "secondary", OPTION_YESNO, AT(config, secondary), .fallback = "no" },
	{ "transfers-in", OPTION_NUMBER, AT(config, transfers_in), .min = 1, .max = 1000, .fallback = "10" },
	{ "transfers-per-ns", OPTION_NUMBER, AT(config, transfers_per_ns), .min = 1, .max = 1000, .fallback = "5" },
	{ "max-transfer-idle-in", OPTION_DURATION, AT(config, max_transfer_idle_in_s), .min = 1, .max = 3600,
	    .fallback = "30" },
	{ "max-transfer-time-in", OPTION_DURATION, AT(config, max_transfer_time_in_s), .min = 1, .max = 86400,
	    .fallback = "2h" },
	{ "rate-limit", OPTION_NUMBER, AT(config, rate_limit), .max = 1000000, .fallback = "0" },
	{ "rate-limit-slip", OPTION_NUMBER, AT(config, rate_limit_slip), .max = 100, .fallback = "2" },
	{ "rate-limit-exempt", OPTION_ACCESS, LIST(config, rate_limit_exempt) },
	{ "tcp-connections", OPTION_NUMBER, AT(config, tcp_connections), .min = 1, .max = 65536, .fallback = "1000" },
	{ "tcp-connections-per-address", OPTION_NUMBER, AT(config, tcp_connections_per_address), .max = 65536,
	    .fallback = "250" },
	{ "transfers-out", OPTION_NUMBER, AT(config, transfers_out), .min = 1, .max = 65536, .fallback = "100" },
	{ "tcp-idle-timeout", OPTION_DURATION, AT(config, tcp_idle_timeout_s), .min = 1, .max = 3600,
	    .fallback = "10" },
	{ "journal-max-usage", OPTION_SIZE, AT(config, journal_max_usage), .min = JOURNAL_USAGE_LEAST,
	    .max = JOURNAL_USAGE_MOST, .expected = JOURNAL_USAGE_WORDS, .fallback = "100M" },
	{ "journal-max-depth", OPTION_NUMBER, AT(config, journal_max_depth), .min = 1,
	    .max = JOURNAL_DEPTH_MOST,
	    .fallback = "1000" },
	{ "dnstap", OPTION_SECTION, AT(config, dnstap), .section = &config_dnstap_section },
	{ "metrics-zones", OPTION_NUMBER, AT(config, metrics_zones), .max = 10000000, .fallback = "1000" },
	{ "log-level", OPTION_CHOICE, AT(config, log_level), .choices = log_levels, .fallback = "info" },
	{ "log-format", OPTION_CHOICE, AT(config, log_format), .choices = log_formats, .fallback = "text" },
};
static const struct section server = {
	.what = "server", .options = server_options, .noptions = COUNT(server_options), .size = sizeof(struct config),
	.finish = finish_server,
};

/* git: */

static enum err
finish_git(struct config_reader *r, const yaml_node_t *node, void *base)
{
	struct config_git *g = base;
	char *url, *branch;
	enum err err = git_url_split(g->url, &url, &branch);

	if (err == ERR_NOMEM)
		return err;
	if (err != ERR_OK)
		return config_expected(r, config_value(r, node, "remote"), "URL or URL#BRANCH");
	free(g->url);
	g->url = url;
	g->branch = branch;
	if (g->commit_delay_max_s < g->commit_delay_s)
		return config_fault(r, config_value(r, node, "commit-delay-max"), ERR_RANGE,
		    "commit-delay-max (%u s) is below commit-delay (%u s)", g->commit_delay_max_s, g->commit_delay_s);
	return config_check_git(r, node, g);
}

/* As git writes people: "NAME <LOCAL@DOMAIN>". */
static bool
valid_committer(const char *text)
{
	const char *open = strchr(text, '<'), *at = strrchr(text, '@'), *end = text + strlen(text);

	for (const char *p = text; p < end; p++)
		if ((uint8_t)*p < ' ' || *p == 0x7f)
			return false;
	return open != NULL && open > text + 1 && open[-1] == ' ' && at != NULL && at > open + 1 && at + 2 < end &&
	    end[-1] == '>' && open[1 + strcspn(open + 1, "<> ")] == '>' &&
	    open + 1 + strcspn(open + 1, "<> ") == end - 1;
}

/* Each has a clone of its own, which one branch and one directory are taken from. */
static enum err
check_repositories(struct config_reader *r, const yaml_node_t *node, const struct config *c)
{
	const yaml_node_t *list = config_value(r, node, "git");

	for (size_t i = 0; i < c->ngit; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(c->git[i].url, c->git[k].url) == 0) {
				const yaml_node_t *item =
				    yaml_document_get_node(r->document, list->data.sequence.items.start[i]);
				return config_fault(r, config_value(r, item, "remote"), ERR_EXISTS,
				    "the repository '%.200s' stands above already", c->git[i].url);
			}
	return ERR_OK;
}

static const struct option git_options[] = {
	{ "remote", OPTION_TEXT, AT(config_git, url), .needed = true, .expected = "URL or URL#BRANCH" },
	{ "path", OPTION_TEXT, AT(config_git, path), .valid = valid_directory,
	    .expected = "a sub-directory of the repository" },
	{ "poll", OPTION_DURATION, AT(config_git, poll_s), .max = 7 * 86400, .fallback = "5m" },
	{ "push", OPTION_YESNO, AT(config_git, push), .fallback = "yes" },
	{ "ssh-key", OPTION_FILE, AT(config_git, ssh_key) },
	{ "host-keys", OPTION_TEXTS, AT(config_git, host_keys), .min = 1, .valid = valid_host_key,
	    .expected = "SHA256: and 43 characters of base64, as ssh-keygen -l prints them" },
	{ "ca-certificates", OPTION_FILE, AT(config_git, ca_file) },
	{ "commit-delay", OPTION_DURATION, AT(config_git, commit_delay_s), .max = 3600, .fallback = "1s" },
	{ "commit-delay-max", OPTION_DURATION, AT(config_git, commit_delay_max_s), .max = 86400, .fallback = "10s" },
	{ "timeout", OPTION_DURATION, AT(config_git, timeout_s), .min = 1, .max = 3600, .fallback = "2m" },
	{ "committer", OPTION_TEXT, AT(config_git, committer), .valid = valid_committer, .expected = "NAME <ADDRESS>" },
	{ "credentials-file", OPTION_FILE, AT(config_git, credentials_file) },
	{ "credential-helper", OPTION_TEXT, AT(config_git, credential_helper),
	    .expected = "the name of a credential helper of git, a path, or '!' and a command" },
	{ "allowed-signers", OPTION_FILE, AT(config_git, allowed_signers) },
	{ "revoked-signers", OPTION_FILE, AT(config_git, revoked_signers) },
	{ "signing-key", OPTION_FILE, AT(config_git, signing_key) },
	{ "removal-limit", OPTION_OWN, .read = config_read_removal_limit, .fallback = "30%" },
	{ "removal-floor", OPTION_NUMBER, AT(config_git, removal_floor), .max = 1000000000, .fallback = "20" },
};
static const struct section git = {
	.what = "a git repository", .options = git_options, .noptions = COUNT(git_options),
	.size = sizeof(struct config_git),
	.finish = finish_git,
};

/* zones: */

static bool
valid_zone_file(const char *text)
{
	return *text != '\0' && text[strlen(text) - 1] != '/';
}

/* Absolute, without "." and "..": which files are the same, and which directories, is seen from the names. */
static char *
absolute_path(const char *text)
{
	char here[PATH_MAX], *full, *to;

	if (text[0] == '/' || getcwd(here, sizeof here) == NULL)
		here[0] = '\0';
	if (asprintf(&full, "%s/%s", here, text) < 0)
		return NULL;
	to = full;
	for (const char *p = full; *p != '\0'; ) {
		size_t n;

		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 2 && memcmp(p, "..", 2) == 0) {
			while (to > full && *--to != '/')
				;
		} else if (n > 0 && !(n == 1 && *p == '.')) {
			*to++ = '/';
			memmove(to, p, n);
			to += n;
		}
		p += n;
	}
	*to = '\0';
	return full;
}

/* A file that is not there is no reason not to serve the other zones, and the state may have this one: what is wrong is kept, for who
 * starts the server and for who asks. */
static enum err
look_at_file(struct config_reader *r, const yaml_node_t *node, struct config_zone *z)
{
	struct fault here = { 0 }, *whole = r->fault;
	enum err err;

	r->fault = &here;
	err = config_check_file(r, config_value(r, node, "file"), z->file);
	r->fault = whole;
	if (err == ERR_OK || err == ERR_NOMEM)
		return err;
	return (z->unreadable = strdup(here.text)) == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err
finish_zone(struct config_reader *r, const yaml_node_t *node, void *base)
{
	struct config_zone *z = base;
	enum err err = config_check_primaries(r, node, z);
	char *full;

	if (err == ERR_OK)
		err = config_check_intervals(r, node, z);
	if (err == ERR_OK)
		config_check_policy(r, node, z);
	if (err != ERR_OK || z->file == NULL)
		return err;
	if ((full = absolute_path(z->file)) == NULL)
		return ERR_NOMEM;
	free(z->file);
	z->file = full;
	return strrchr(full, '/') == full || full[0] == '\0' ?
	    config_expected(r, config_value(r, node, "file"), "a file in a directory of its own") :
	    look_at_file(r, node, z);
}

static int
compare_files(const void *a, const void *b)
{
	const struct config_zone *x = *(const struct config_zone *const *)a, *y = *(const struct config_zone *const *)b;
	int d = strcmp(x->file, y->file);

	return d != 0 ? d : (x > y) - (x < y);
}

/* A change of one zone must not change another. */
static enum err
check_zone_files(struct config_reader *r, const yaml_node_t *node, const struct config *c)
{
	const yaml_node_t *list = config_value(r, node, "zones");
	const struct config_zone **v = calloc(c->nzones + 1, sizeof *v);
	char name[DNAME_TEXT_MAX];
	enum err err = v == NULL ? ERR_NOMEM : ERR_OK;
	size_t n = 0;

	for (size_t i = 0; v != NULL && i < c->nzones; i++)
		if (c->zones[i].file != NULL)
			v[n++] = &c->zones[i];
	if (n > 1)
		qsort(v, n, sizeof *v, compare_files);
	for (size_t i = 1; err == ERR_OK && i < n; i++) {
		const yaml_node_t *item;

		if (strcmp(v[i - 1]->file, v[i]->file) != 0)
			continue;
		item = yaml_document_get_node(r->document, list->data.sequence.items.start[v[i] - c->zones]);
		err = config_fault(r, config_value(r, item, "file"), ERR_EXISTS, "the file is that of zone %s already",
		    dname_print_host(v[i - 1]->name.octets, name));
	}
	free(v);
	return err;
}

static const char *const serial_policies[] = { "increment", "unixtime", "date", "keep", NULL };

#define WEEKS_S (4 * 7 * 86400)

static const char *const catalog_roles[] = { "none", "generate", "interpret", NULL };

#define OF_ONE_ZONE 4			/* so many at the beginning make no sense for all zones */
static const struct option zone_options[] = {
	{ "name", OPTION_NAME, AT(config_zone, name), .needed = true },
	{ "file", OPTION_TEXT, AT(config_zone, file), .valid = valid_zone_file, .expected = "the name of a file" },
	{ "primaries", OPTION_OWN, LIST(config_zone, primaries), .min = 1, .read = config_read_peers },
	{ "catalog-role", OPTION_CHOICE, AT(config_zone, catalog_role), .choices = catalog_roles, .fallback = "none" },
	{ "notify", OPTION_OWN, LIST(config_zone, notify), .read = config_read_peers },
	{ "allow-transfer", OPTION_ACCESS, LIST(config_zone, allow_transfer) },
	{ "acme", OPTION_OWN, .fallback = "yes", .read = config_read_zone_acme },
	{ "check-servers", OPTION_ADDRESSES, LIST(config_zone, check_servers), .max = 53 },
	{ "self-check", OPTION_OWN, AT(config_zone, self_check), .read = config_read_self_check },
	{ "serial", OPTION_CHOICE, AT(config_zone, serial), .choices = serial_policies, .fallback = "increment" },
	{ "journal-max-usage", OPTION_SIZE, AT(config_zone, journal_max_usage), .min = JOURNAL_USAGE_LEAST,
	    .max = JOURNAL_USAGE_MOST, .expected = JOURNAL_USAGE_WORDS },
	{ "journal-max-depth", OPTION_NUMBER, AT(config_zone, journal_max_depth), .min = 1, .max = JOURNAL_DEPTH_MOST },
	{ "catalog-member", OPTION_YESNO, AT(config_zone, catalog_member), .fallback = "yes" },
	{ "catalog-group", OPTION_TEXT, AT(config_zone, catalog_group), .valid = valid_identity,
	    .expected = "a text of 1 to 255 octets" },
	{ "update-policy", OPTION_OWN, .read = config_read_policy },
	{ "update-key", OPTION_OWN, .read = config_read_update_key },
	{ "forward-updates", OPTION_YESNO, AT(config_zone, forward_updates), .fallback = "no" },
	{ "zone-max-size", OPTION_SIZE, AT(config_zone, max_size), .min = 1, .max = 1u << 30, .fallback = "4G" },
	{ "refresh-min-interval", OPTION_DURATION, AT(config_zone, refresh_min_s), .min = 1, .max = WEEKS_S,
	    .fallback = "2" },
	{ "refresh-max-interval", OPTION_DURATION, AT(config_zone, refresh_max_s), .min = 1, .max = WEEKS_S,
	    .fallback = "4w" },
	{ "retry-min-interval", OPTION_DURATION, AT(config_zone, retry_min_s), .min = 1, .max = WEEKS_S,
	    .fallback = "1" },
	{ "retry-max-interval", OPTION_DURATION, AT(config_zone, retry_max_s), .min = 1, .max = WEEKS_S,
	    .fallback = "4w" },
	{ "expire-min-interval", OPTION_DURATION, AT(config_zone, expire_min_s), .min = 3, .max = UINT32_MAX,
	    .fallback = "3" },
	{ "expire-max-interval", OPTION_DURATION, AT(config_zone, expire_max_s), .min = 3, .max = UINT32_MAX,
	    .fallback = "4294967295" },
};

static enum err
finish_zone_defaults(struct config_reader *r, const yaml_node_t *node, void *base)
{
	return config_check_intervals(r, node, base);
}

static const struct section zone_defaults = {
	.what = "zone-defaults", .options = zone_options + OF_ONE_ZONE, .noptions = COUNT(zone_options) - OF_ONE_ZONE,
	.size = sizeof(struct config_zone), .finish = finish_zone_defaults,
};
static const struct section zone = {
	.what = "a zone", .options = zone_options, .noptions = COUNT(zone_options), .size = sizeof(struct config_zone),
	.named = true, .shared = &zone_defaults, .finish = finish_zone,
};

/* keys: */

static enum err
read_algorithm(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	static const char what[] = "hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224, hmac-sha1 or hmac-md5";
	struct config_key *key = base;
	const char *text = config_scalar(r, node, what);
	char place[CONFIG_PLACE_TEXT];

	(void)o;
	if (text == NULL)
		return ERR_FORMAT;
	if (!tsig_algorithm_parse(text, &key->algorithm))
		return config_expected(r, node, what);
	if (key->algorithm == TSIG_HMAC_MD5)
		log_warning("%s: hmac-md5 is broken and is only there for old clients; better take hmac-sha256",
		    config_place(r, node, place));
	return ERR_OK;
}

enum err
config_read_secret_file(struct config_reader *r, const yaml_node_t *node, const char *path, struct buf *out)
{
	char place[CONFIG_PLACE_TEXT];
	struct fault words;
	struct stat st;
	enum err err;

	if (stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		log_warning("%s: the secret in %s can be read by every user of this system",
		    config_place(r, node, place), path);
	buf_reserve(out, SECRET_FILE_MAX + 32768);	/* so that no copy is left behind as it grows */
	if ((err = file_read(path, SECRET_FILE_MAX, out, &words)) != ERR_OK)
		return config_fault(r, node, err, "%s", words.text);
	while (out->len > 0 && strchr(" \t\r\n", out->p[out->len - 1]) != NULL)
		out->len--;
	return ERR_OK;
}

/* The secret is one of two options; what stands in it is never shown. */
static enum err
finish_key(struct config_reader *r, const yaml_node_t *node, void *base)
{
	struct config_key *key = base;
	struct buf text = { 0 }, octets = { 0 };
	const yaml_node_t *at = config_value(r, node, key->secret_file != NULL ? "secret-file" : "secret");
	enum err err;

	if ((key->secret != NULL) == (key->secret_file != NULL))
		return config_fault(r, node, ERR_FORMAT, "expected either 'secret' or 'secret-file', found %s",
		    key->secret != NULL ? "both" : "none");
	if (key->secret != NULL)
		buf_add_str(&text, key->secret);
	else if ((err = config_read_secret_file(r, at, key->secret_file, &text)) != ERR_OK)
		goto out;
	buf_reserve(&octets, text.len + 1);
	if (text.failed || octets.failed)
		err = ERR_NOMEM;
	else if (!base64_decode((const char *)text.p, text.len, &octets) || octets.len == 0)
		err = config_fault(r, at, ERR_FORMAT, key->secret != NULL ? "expected a secret in base64" :
		    "expected a file with a secret in base64, and nothing else in it");
	else
		err = tsig_key_new(key->name.octets, key->algorithm, octets.p, octets.len, &key->key);
out:
	buf_wipe(&text);
	buf_wipe(&octets);
	return err;
}

static const struct option key_options[] = {
	{ "name", OPTION_NAME, AT(config_key, name), .needed = true },
	{ "algorithm", OPTION_OWN, .read = read_algorithm, .needed = true },
	{ "secret", OPTION_SECRET, AT(config_key, secret), .expected = "a secret in base64" },
	{ "secret-file", OPTION_FILE, AT(config_key, secret_file) },
};
static const struct section key = {
	.what = "a key", .options = key_options, .noptions = COUNT(key_options), .size = sizeof(struct config_key),
	.named = true, .finish = finish_key,
};

static enum err
finish_root(struct config_reader *r, const yaml_node_t *node, void *base)
{
	struct config_draft *draft = base;
	enum err err = check_repositories(r, node, &draft->config);

	if (err == ERR_OK)
		err = config_check_zone_authorities(r, node, &draft->config.acme);
	if (err == ERR_OK)
		err = config_finish_self_check(r, node, &draft->config);
	return err == ERR_OK ? check_zone_files(r, node, &draft->config) : err;
}

static const struct option root_options[] = {
	{ "server", OPTION_SECTION, AT(config_draft, config), .section = &server },
	{ "git", OPTION_SECTIONS, AT(config_draft, config.git), .count = offsetof(struct config_draft, config.ngit),
	    .section = &git },
	{ "zones", OPTION_SECTIONS, AT(config_draft, config.zones),
	    .count = offsetof(struct config_draft, config.nzones), .section = &zone },
	{ "zone-defaults", OPTION_SECTION, AT(config_draft, config.defaults), .section = &zone_defaults },
	{ "keys", OPTION_SECTIONS, LIST(config_draft, keys), .section = &key },
	{ "acme", OPTION_SECTION, AT(config_draft, config.acme), .section = &config_acme_section },
};
const struct section config_root = {
	.what = "the configuration", .options = root_options, .noptions = COUNT(root_options),
	.size = sizeof(struct config_draft),
	.finish = finish_root,
};
