/* server/config.c and its tables: what a file says, and the command line. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/server/config_text.h"

static void
test_defaults(void **state)
{
	static const char *const empty[] = { "", "# nothing\n", "{}\n", "server: {}\nacme: {}\n" };

	(void)state;
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		char text[CONFIG_ADDRESS_TEXT];
		struct config *c = config_of(empty[i]);

		check(c->nlisten == 2, "two addresses");
		assert_string_equal(config_address_print((struct sockaddr *)&c->listen[0].address, text), "0.0.0.0@53");
		assert_string_equal(config_address_print((struct sockaddr *)&c->listen[1].address, text), "::@53");
		check(c->workers >= 1, "a worker");
		check(c->log_level == LOG_LEVEL_INFO && c->log_format == LOG_TEXT, "the log is text");
		check(strstr(c->state_directory, "/lib/certns") != NULL, "a state directory");
		check(strncmp(c->control_socket, c->state_directory, strlen(c->state_directory)) == 0,
		    "the socket is there");
		check(c->ngit == 0 && c->nzones == 0 && c->nkeys == 0 && c->acme.nauthorities == 0, "nothing else");
		assert_string_equal(c->acme.labels[0].label, "_letsencrypt._tcp");
		check(c->acme.nlabels == 1, "one label");
		check(c->acme.challenge_ttl == 60 && c->acme.self_check.ways == ACME_CHECK_AUTHORITATIVE && c->acme.status && c->acme.hooks.issued == NULL,
		    "ACME's defaults");
		config_free(c);
	}
}

static const char whole[] =
	"server:\n"
	"  listen: [127.0.0.1@5353, \"::1@5353\"]\n"
	"  workers: 2\n"
	"  state-directory: /tmp/certns-state\n"
	"  control-socket: /tmp/certns.sock\n"
	"  source: [192.0.2.1, \"2001:db8::1\"]\n"
	"  identity: ns1\n"
	"  log-level: debug\n"
	"  log-format: json\n"
	"  journal-max-usage: 2G\n"
	"git:\n"
	"  - remote: https://git.example.org/dns.git#live\n"
	"    path: zones/public\n"
	"    poll: 1h30m\n"
	"    push: no\n"
	"    host-keys: [SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA]\n"
	"    credential-helper: \"!pass show git\"\n"
	"    removal-limit: none\n"
	"    removal-floor: 7\n"
	"  - remote: git@git.example.org:dns.git\n"
	"zones:\n"
	"  - name: example.org\n"
	"    notify: [192.0.2.3]\n"
	"    allow-transfer: [192.0.2.0/24, key K, 198.51.100.1 key k2.]\n"
	"    acme: no\n"
	"    check-servers: [127.0.0.1@5353]\n"
	"    serial: unixtime\n"
	"    journal-max-depth: 7\n"
	"  - name: example.com.\n"
	"    acme: [other, ca.example]\n"
	"keys:\n"
	"  - name: client._update.example.com\n"
	"    algorithm: hmac-sha256\n"
	"    secret: c2VjcmV0\n"
	"acme:\n"
	"  authorities:\n"
	"    - directory: letsencrypt-staging\n"
	"      contact: [mailto:hostmaster@example.org]\n"
	"      terms-agreed: yes\n"
	"    - directory: https://ca.example:14000/dir\n"
	"      terms-agreed: yes\n"
	"      failover-after: 30m\n"
	"      challenges: [dns-persist-01, dns-01]\n"
	"      persist-lifetime: 90d\n"
	"      limits: [names 7/1d, orders 10/90s]\n"
	"      profile: shortlived\n"
	"      preferred-chain: Some Root X1\n"
	"    - {directory: letsencrypt, terms-agreed: yes, name: other}\n"
	"  labels: [_letsencrypt._tcp, {label: _rsa._tcp, authority: other}]\n"
	"  challenge-ttl: 2m\n"
	"  proxy: http://proxy.example.org:3128\n"
	"  self-check: [none]\n"
	"  status: no\n"
	"  hooks: {issued: /bin/issued, renewed: /bin/renewed, failed: /bin/failed, expiring: /bin/expiring, timeout: 5s}\n";

static void
test_dnstap(void **state)
{
	static const struct { const char *why, *text, *identity, *version; bool queries, responses, updates; } rows[] = {
		{ "everything said", "{dnstap: {sink: /log, identity: i, version: v, queries: no, responses: no, updates: no}}", "i",
		    "v", false, false, false },
		{ "what the server is called", "{identity: ns1, version: mine, dnstap: {sink: 'unix:/log'}}", "ns1", "mine", true,
		    true, true },
		{ "nothing to be told", "{identity: ns1, version: v, dnstap: {sink: /log, identity: none, version: none}}", NULL,
		    NULL, true, true, true },
		{ "a version that is hidden", "{identity: ns1, version: none, dnstap: {sink: /log}}", "ns1", NULL, true, true, true },
	};
	char text[256], host[256] = "";

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config *c;

		snprintf(text, sizeof text, "server: %s\n", rows[i].text);
		c = config_of(text);
		const struct config_dnstap *d = &c->dnstap;
		check(strcmp(d->sink, i == 1 ? "unix:/log" : "/log") == 0, "%s: the sink", rows[i].why);
		check(rows[i].identity == NULL ? d->identity == NULL : strcmp(d->identity, rows[i].identity) == 0, "%s: identity",
		    rows[i].why);
		check(rows[i].version == NULL ? d->version == NULL : strcmp(d->version, rows[i].version) == 0, "%s: version",
		    rows[i].why);
		check(d->queries == rows[i].queries && d->responses == rows[i].responses && d->updates == rows[i].updates,
		    "%s: what is recorded", rows[i].why);
		config_free(c);
	}
	struct config *c = config_of("server: {identity: none, dnstap: {sink: /log}}\n");
	check(gethostname(host, sizeof host - 1) == 0 && strcmp(c->dnstap.identity, host) == 0, "the host's name");
	check(strncmp(c->dnstap.version, "certnsd ", 8) == 0, "our own version");
	config_free(c);
	c = config_of("server: {}\n");
	check(c->dnstap.sink == NULL && c->dnstap.identity == NULL, "off");
	config_free(c);
}

static void
test_whole_file(void **state)
{
	struct config *c = config_of(whole);
	struct dname name;

	(void)state;
	check(c->nlisten == 2 && c->workers == 2 && c->nsource == 2, "numbers of server");
	assert_string_equal(c->control_socket, "/tmp/certns.sock");
	assert_string_equal(c->identity, "ns1");
	check(c->log_level == LOG_LEVEL_DEBUG && c->log_format == LOG_JSON, "the log is JSON");
	check(c->ngit == 2, "two repositories");
	assert_string_equal(c->git[0].url, "https://git.example.org/dns.git");
	assert_string_equal(c->git[0].branch, "live");
	assert_string_equal(c->git[0].path, "zones/public");
	check(c->git[0].poll_s == 5400 && !c->git[0].push && c->git[0].host_keys[1] == NULL, "the first repository");
	check(c->git[0].removal_limit == 0 && c->git[0].removal_floor == 7, "what it may lose");
	check(c->git[1].removal_limit == 30 && c->git[1].removal_floor == 20, "what another may lose");
	assert_string_equal(c->git[0].credential_helper, "!pass show git");
	assert_string_equal(c->git[1].url, "git@git.example.org:dns.git");
	check(c->git[1].branch == NULL && c->git[1].poll_s == 300 && c->git[1].push, "the second repository");

	assert_int_equal(dname_from_str("EXAMPLE.org", &name), ERR_OK);
	const struct config_zone *z = config_zone_for(c, name.octets);
	check(z->nnotify == 1 && z->nallow_transfer == 3 && !z->acme && z->ncheck_servers == 1, "a zone's lists");
	check(z->serial == SERIAL_UNIXTIME, "a zone's serial policy");
	check(z->journal_max_depth == 7 && z->journal_max_usage == UINT64_C(2) << 30, "a zone's history: its own, and the server's");
	assert_int_equal(dname_from_str("other.example", &name), ERR_OK);
	z = config_zone_for(c, name.octets);
	check(z->nnotify == 0 && z->nallow_transfer == 0 && z->acme && z->serial == SERIAL_INCREMENT, "other zones");
	check(z->journal_max_depth == 1000 && z->journal_max_usage == UINT64_C(2) << 30, "the history of other zones");
	check(z->authorities == NULL, "which take any authority");
	assert_int_equal(dname_from_str("example.com", &name), ERR_OK);
	z = config_zone_for(c, name.octets);
	assert_string_equal(z->authorities[0], "other");
	check(z->acme && z->authorities[2] == NULL, "a zone's authorities");

	check(c->nkeys == 1 && c->keys[0]->algorithm == TSIG_HMAC_SHA256 && c->keys[0]->secret_len == 6, "the key");
	check(c->keys[0]->right == TSIG_RIGHT_UPDATE, "the key's right");
	check(c->acme.nauthorities == 3 && c->acme.authorities[0].terms_agreed, "the authorities");
	assert_string_equal(c->acme.authorities[0].name, "letsencrypt-staging");
	assert_string_equal(c->acme.authorities[1].name, "ca.example");
	check(c->acme.authorities[0].profile == NULL && strcmp(c->acme.authorities[1].profile, "shortlived") == 0 &&
	    c->acme.authorities[0].preferred_chain == NULL &&
	    strcmp(c->acme.authorities[1].preferred_chain, "Some Root X1") == 0, "profiles and chains");
	check(c->acme.authorities[0].failover_after_s == 6 * 3600 && c->acme.authorities[1].failover_after_s == 1800,
	    "their patience");
	check(c->acme.authorities[0].limits.rates[0].n == 0 && c->acme.authorities[1].limits.rates[ACME_LIMIT_NAMES].n == 7 &&
	    c->acme.authorities[1].limits.rates[ACME_LIMIT_ORDERS].per_s == 90 &&
	    c->acme.authorities[2].limits.rates[ACME_LIMIT_ORDERS].n == 300, "their limits");
	assert_string_equal(c->acme.authorities[0].directory, "https://acme-staging-v02.api.letsencrypt.org/directory");
	assert_string_equal(c->acme.authorities[0].contact[0], "mailto:hostmaster@example.org");
	assert_string_equal(c->acme.labels[1].label, "_rsa._tcp");
	assert_string_equal(c->acme.labels[1].authority, "other");
	check(c->acme.labels[1].profile == NULL && c->acme.nlabels == 2, "labels");
	check(c->acme.authorities[0].nchallenges == 0 && c->acme.authorities[1].nchallenges == 2 &&
	    c->acme.authorities[1].challenges[0] == ACME_DNS_PERSIST_01 && c->acme.authorities[1].challenges[1] == ACME_DNS_01,
	    "challenges");
	check(c->acme.authorities[0].persist_lifetime_s == 0 && c->acme.authorities[1].persist_lifetime_s == 90 * 86400,
	    "the life of standing records");
	check(c->acme.challenge_ttl == 120 && c->acme.self_check.ways == 0, "the challenge");
	check(!c->acme.status && c->acme.hooks.timeout_s == 5, "the status, and the hooks' time");
	assert_string_equal(c->acme.hooks.issued, "/bin/issued");
	assert_string_equal(c->acme.hooks.renewed, "/bin/renewed");
	assert_string_equal(c->acme.hooks.failed, "/bin/failed");
	assert_string_equal(c->acme.hooks.expiring, "/bin/expiring");
	config_free(c);
}

/* Cut anywhere, the file is read or refused, with words that begin with a place. */
static void
test_every_prefix(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		struct config *c = NULL;
		struct fault f = { 0 };
		enum err err = config_parse("x", whole, n, &c, &f);

		check((err == ERR_OK) == (c != NULL), "%zu octets: either a configuration or an error", n);
		check(err == ERR_OK || strncmp(f.text, "x:", 2) == 0, "%zu octets: a place: %s", n, f.text);
		config_free(c);
	}
}

static const char defaults[] =
	"zones:\n"
	"  - {name: own.example, notify: [192.0.2.9, 192.0.2.10], allow-transfer: [], acme: yes, serial: keep,\n"
	"     check-servers: [], self-check: [none], update-policy: [], journal-max-depth: 9, catalog-member: yes,\n"
	"     catalog-group: own, zone-max-size: 2G, refresh-min-interval: 20}\n"
	"  - {name: none.example}\n"
	"  - {name: secondary.example, primaries: [192.0.2.1]}\n"
	"zone-defaults:\n"
	"  {notify: [192.0.2.3@5353], allow-transfer: [192.0.2.0/24, key k], acme: [ca], serial: date,\n"
	"   check-servers: [192.0.2.4], self-check: [resolver], update-policy: ['grant k zonesub ANY'],\n"
	"   journal-max-depth: 7, catalog-member: no, catalog-group: all, update-key: u, forward-updates: yes,\n"
	"   zone-max-size: 1G, refresh-min-interval: 10}\n"
	"server: {journal-max-usage: 1G, journal-max-depth: 5}\n"
	"acme: {resolvers: [192.0.2.53], authorities: [{directory: 'https://ca/', name: ca, terms-agreed: yes}]}\n";

static const struct config_zone *
settings_of(const struct config *c, const char *zone)
{
	struct dname name;

	assert_int_equal(dname_from_str(zone, &name), ERR_OK);
	return config_zone_for(c, name.octets);
}

static void
check_as_all(const struct config_zone *z, const char *why)
{
	char text[CONFIG_ADDRESS_TEXT];

	check(z->nnotify == 1 && z->nallow_transfer == 2 && z->ncheck_servers == 1 && z->update_policy.n == 1,
	    "%s: lists", why);
	assert_string_equal(config_address_print((struct sockaddr *)&z->notify[0].address.address, text), "192.0.2.3@5353");
	check(z->acme && z->authorities != NULL && strcmp(z->authorities[0], "ca") == 0, "%s: acme", why);
	check(z->serial == SERIAL_DATE && z->self_check.given && z->self_check.ways == ACME_CHECK_RESOLVER,
	    "%s: words", why);
	check(z->journal_max_depth == 7 && z->journal_max_usage == UINT64_C(1) << 30, "%s: history", why);
	check(!z->catalog_member && strcmp(z->catalog_group, "all") == 0, "%s: catalogs", why);
	check(z->has_update_key && z->forward_updates && z->max_size == UINT64_C(1) << 30 && z->refresh_min_s == 10 &&
	    z->refresh_max_s == 4 * 7 * 86400, "%s: secondary zones", why);
}

static void
test_secondaries_and_their_keys(void **state)
{
	struct config *c = config_of("zones: [{name: a, notify: [192.0.2.3 key k, 192.0.2.3, '::1@5353 key other.example']}]\n");
	const struct config_zone *z = settings_of(c, "a");
	char text[CONFIG_ADDRESS_TEXT], name[DNAME_TEXT_MAX];

	(void)state;
	check(z->nnotify == 3 && z->notify[0].has_key && !z->notify[1].has_key && z->notify[2].has_key, "keys");
	assert_string_equal(config_address_print((struct sockaddr *)&z->notify[0].address.address, text), "192.0.2.3@53");
	assert_string_equal(config_address_print((struct sockaddr *)&z->notify[2].address.address, text), "::1@5353");
	assert_string_equal(dname_print_host(z->notify[2].key.octets, name), "other.example");
	check(!config_same_peer(&z->notify[0], &z->notify[1]), "another key, or none, is another peer");
	config_free(c);
}

/* Wherever they stand: here behind the zones, and the server's history behind both. */
static void
test_zone_defaults(void **state)
{
	struct config *c = config_of(defaults);
	const struct config_zone *z = settings_of(c, "own.example");

	(void)state;
	check_as_all(settings_of(c, "git.example"), "without an entry");
	check_as_all(settings_of(c, "none.example"), "with an entry that says nothing");
	check_as_all(settings_of(c, "secondary.example"), "with primaries");
	check(settings_of(c, "git.example")->name.octets[0] == 0, "which is one for all of them");
	check(z->nnotify == 2 && z->nallow_transfer == 0 && z->ncheck_servers == 0,
	    "lists are replaced, also by an empty one");
	check(z->update_policy.is_set && z->update_policy.n == 0, "and so is the policy");
	check(z->acme && z->authorities == NULL && z->serial == SERIAL_KEEP && z->self_check.ways == 0,
	    "its own words");
	check(z->journal_max_depth == 9 && z->journal_max_usage == UINT64_C(1) << 30,
	    "its own history, and the server's");
	check(z->catalog_member && strcmp(z->catalog_group, "own") == 0 && z->max_size == UINT64_C(2) << 30 &&
	    z->refresh_min_s == 20, "its own other things");
	check(z->forward_updates && z->has_update_key, "what it does not say");
	config_free(c);
	c = config_of("zones: [{name: a, acme: no}]\nzone-defaults: {}\nserver: {journal-max-depth: 5}\n");
	check(!settings_of(c, "a")->acme && settings_of(c, "b")->acme && settings_of(c, "b")->journal_max_depth == 5,
	    "defaults that say nothing");
	config_free(c);
	for (size_t n = 0; n < sizeof defaults - 1; n++) {
		struct fault f = { 0 };
		enum err err = config_parse("x", defaults, n, &c, &f);

		check(err == ERR_OK || strncmp(f.text, "x:", 2) == 0, "%zu octets: a place: %s", n, f.text);
		if (err == ERR_OK)
			config_free(c);
	}
}

/* As if nothing were said for all. */
static void
test_zone_without_its_defaults(void **state)
{
	static const char reset[] =
	    "zones:\n"
	    "- {name: a, notify: ~, allow-transfer: null, acme: ~, serial: ~, check-servers: ~, self-check: ~,\n"
	    "   update-policy: ~, journal-max-depth: ~, catalog-member: ~, catalog-group: ~, zone-max-size: ~,\n"
	    "   update-key: ~, forward-updates: ~, refresh-min-interval: ~}\n"
	    "- {name: b, primaries: [192.0.2.1], update-policy: ~, catalog-group: 'null'}\n";
	char text[sizeof reset + sizeof defaults];
	struct config *c;
	const struct config_zone *z;

	(void)state;
	snprintf(text, sizeof text, "%s%s", reset, strstr(defaults, "zone-defaults:"));
	c = config_of(text);
	z = settings_of(c, "a");
	check_as_all(settings_of(c, "other.example"), "others");
	check(z->nnotify == 0 && z->nallow_transfer == 0 && z->ncheck_servers == 0, "no lists");
	check(!z->update_policy.is_set, "the names of keys count again");
	check(z->acme && z->authorities == NULL && z->serial == SERIAL_INCREMENT && !z->self_check.given, "words");
	check(z->journal_max_depth == 5 && z->journal_max_usage == UINT64_C(1) << 30, "the server's history");
	check(z->catalog_member && z->catalog_group == NULL && z->max_size == UINT64_C(4) << 30 &&
	    z->refresh_min_s == 2 && !z->has_update_key && !z->forward_updates, "other things");
	check(!settings_of(c, "b")->update_policy.is_set, "nor has a secondary zone a policy");
	assert_string_equal(settings_of(c, "b")->catalog_group, "null");
	config_free(c);
}

static void
test_secret_file(void **state)
{
	char path[] = "/tmp/certns-test-XXXXXX", text[200];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "c2VjcmV0\n", 9), 9);
	close(fd);
	snprintf(text, sizeof text, "keys: [{name: k, algorithm: SHA512, secret-file: %s}]\n", path);
	struct config *c = config_of(text);
	check(c->nkeys == 1 && c->keys[0]->secret_len == 6 && memcmp(c->keys[0]->secret, "secret", 6) == 0,
	    "the secret");
	config_free(c);
	unlink(path);
}

static void
test_command_line(void **state)
{
	static const char *const listen[] = { "127.0.0.1@5300", "::1@5300" };
	static const char *const bad[] = { "localhost" };
	struct config_arguments a = { .remote = "/srv/zones.git#live", .state = "/tmp/s", .listen = listen,
		.nlisten = 2 };
	struct config *c = NULL;
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(config_load(&a, &c, &f), ERR_OK);
	check(c->file == NULL && c->ngit == 1 && c->git[0].push && c->git[0].poll_s == 300, "no file is needed");
	assert_string_equal(c->git[0].url, "/srv/zones.git");
	assert_string_equal(c->git[0].branch, "live");
	assert_string_equal(c->control_socket, "/tmp/s/control.sock");
	check(c->nlisten == 2, "both addresses");
	config_free(c);

	a.listen = bad;
	a.nlisten = 1;
	check(config_load(&a, &c, &f) != ERR_OK, "a name is no address");
	assert_string_equal(f.text, "--listen: expected ADDRESS[@PORT], found 'localhost'");
	a = (struct config_arguments){ .file = "/nonexistent/certns.yaml" };
	check(config_load(&a, &c, &f) == ERR_NOT_FOUND, "a missing file");
	assert_string_equal(f.text, "/nonexistent/certns.yaml: No such file or directory");
}

static void
test_command_line_over_file(void **state)
{
	char path[] = "/tmp/certns-test-XXXXXX";
	int fd = mkstemp(path);
	struct config_arguments a = { .file = path, .remote = "/srv/other.git", .has_log_level = true,
		.log_level = LOG_LEVEL_ERROR };
	struct config *c = NULL;
	struct fault f = { 0 };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, whole, sizeof whole - 1), (int)(sizeof whole - 1));
	close(fd);
	check(config_load(&a, &c, &f) == ERR_OK, "read: %s", f.text);
	assert_string_equal(c->file, path);
	check(c->ngit == 1 && strcmp(c->git[0].url, "/srv/other.git") == 0, "--remote replaces git");
	check(c->log_level == LOG_LEVEL_ERROR, "--log-level replaces the level");
	check(c->nlisten == 2 && c->nkeys == 1, "the rest stays");
	config_free(c);
	unlink(path);
}

/* The example that is installed, as it is and with all options that need no file of their own. */
static void
test_example(void **state)
{
	struct config_arguments a = { .file = EXAMPLE };
	struct config *c = NULL;
	struct fault f = { 0 };

	(void)state;
	check(config_load(&a, &c, &f) == ERR_OK, "%s", f.text);
	check(c->ngit == 1 && c->nzones == 1 && c->acme.nauthorities == 1 && c->zones[0].nallow_transfer == 3,
	    "all is there");
	config_free(c);
}

static const struct { const char *why, *text, *socket; } sockets[] = {
	{ "the socket is named", "server: {control-socket: /run/x, state-directory: /s}\n", "/run/x" },
	{ "the directory is named", "server: {state-directory: /s}\n", "/s/control.sock" },
	{ "neither is named", "server: {workers: 2}\n", LOCALSTATEDIR "/lib/certns/control.sock" },
	{ "the file is empty", "", LOCALSTATEDIR "/lib/certns/control.sock" },
	{ "the rest is wrong", "[a]: b\nserver: {control-socket: /run/x, wat: 1}\nkeys: none\n", "/run/x" },
	{ "server is a list", "server: [control-socket]\n", LOCALSTATEDIR "/lib/certns/control.sock" },
	{ "the root is a list", "[server]\n", LOCALSTATEDIR "/lib/certns/control.sock" },
	{ "the file is broken", "server: [\n", NULL },
};

static void
test_find_socket(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++) {
		char path[] = "/tmp/certns-test-XXXXXX", *found = NULL;
		struct fault f = { 0 };
		int fd = mkstemp(path);

		assert_int_equal(write(fd, sockets[i].text, strlen(sockets[i].text)), (int)strlen(sockets[i].text));
		close(fd);
		enum err err = config_find_socket(path, &found, &f);
		check((err == ERR_OK) == (sockets[i].socket != NULL), "%s: %s", sockets[i].why, f.text);
		check(err != ERR_OK || strcmp(found, sockets[i].socket) == 0, "%s: %s", sockets[i].why, found);
		free(found);
		unlink(path);
	}
}

static const struct { const char *why, *file, *words; } zone_files[] = {
	{ "one that is there",	"/proc/self/exe", NULL },
	{ "one that is not",	"/nonexistent/zone", "2:11: expected a file that can be read, found '/nonexistent/zone': No such file" },
	{ "a directory",	"/proc/self", "2:11: expected a file, found '/proc/self', which is none" },
};

/* The configuration is good all the same: the zone's state may be there. */
static void
test_zone_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof zone_files / sizeof *zone_files; i++) {
		char text[200];
		struct config *c;

		snprintf(text, sizeof text, "zones:\n  - file: %s\n    name: example.org\n", zone_files[i].file);
		c = config_of(text);
		const char *words = c->zones[0].unreadable;
		check((words != NULL) == (zone_files[i].words != NULL), "%s: %s", zone_files[i].why, words);
		check(words == NULL || strstr(words, zone_files[i].words) != NULL, "%s: %s", zone_files[i].why, words);
		config_free(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_dnstap),
		cmocka_unit_test(test_whole_file),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_secondaries_and_their_keys),
		cmocka_unit_test(test_zone_defaults),
		cmocka_unit_test(test_zone_without_its_defaults),
		cmocka_unit_test(test_secret_file),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_command_line_over_file),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_find_socket),
		cmocka_unit_test(test_zone_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
