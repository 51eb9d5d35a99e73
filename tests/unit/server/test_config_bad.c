/* What is said about a bad file; of its acme section: test_config_acme.c. */
#include "tests/unit/server/config_text.h"

static const struct bad_config bad_files[] = {
	{ "an unknown section", "options:\n  workers: 2\n",
	    "x:1:1: unknown key 'options' in the configuration; expected one of: server, git, zones, zone-defaults, "
	    "keys, acme" },
	{ "a section with a slip", "sever:\n  workers: 2\n",
	    "x:1:1: unknown key 'sever' in the configuration; expected 'server'?" },
	{ "an underscore for a hyphen", "server:\n  state_directory: /tmp\n",
	    "x:2:3: unknown key 'state_directory' in server; expected 'state-directory'?" },
	{ "an option with a slip, next to one that is as long", "git: [{remote: /tmp, ssh_keys: x}]\n",
	    "x:1:22: unknown key 'ssh_keys' in a git repository; expected 'ssh-key'?" },
	{ "a key that is no text", "server: {[a]: b}\n", "x:1:10: expected the name of an option, found a list" },
	{ "an unknown option", "server:\n  recursion: no\n",
	    "x:2:3: unknown key 'recursion' in server; expected one of: listen, free-bind, workers, cpu-affinity, "
	    "state-directory, user, control-socket, source, identity, hostname, nsid, version, edns-udp-size, "
	    "report-agent, cookie-secrets, cookie-secret-file, require-cookies, secondary, transfers-in, "
	    "transfers-per-ns, max-transfer-idle-in, max-transfer-time-in, rate-limit, rate-limit-slip, "
	    "rate-limit-exempt, tcp-connections, tcp-connections-per-address, transfers-out, tcp-idle-timeout, "
	    "journal-max-usage, journal-max-depth, dnstap, log-level, log-format" },
	{ "an option twice", "server:\n  workers: 2\n  identity: a\n  workers: 3\n",
	    "x:4:3: 'workers' stands above already" },
	{ "a list instead of a map", "server: [1]\n", "x:1:9: expected a map (key: value) for server, found a list" },
	{ "a section that is empty", "server:\n", "x:1:8: expected a map (key: value) for server, found nothing" },
	{ "a map instead of a list", "git:\n  remote: /tmp\n",
	    "x:2:3: expected " CONFIG_LIST ", found a map" },
	{ "a scalar instead of a list", "server: {listen: 127.0.0.1}\n",
	    "x:1:18: expected " CONFIG_LIST ", found '127.0.0.1'" },
	{ "dnstap without a sink", "server: {dnstap: {queries: yes}}\n", "x:1:18: expected 'sink', which dnstap needs, found none" },
	{ "a sink that is relative", "server: {dnstap: {sink: log}}\n",
	    "x:1:25: expected unix:/SOCKET (of at most 107 octets) or /FILE, found 'log'" },
	{ "a sink without a name", "server: {dnstap: {sink: \"unix:\"}}\n",
	    "x:1:25: expected unix:/SOCKET (of at most 107 octets) or /FILE, found 'unix:'" },
	{ "a sink of another kind", "server: {dnstap: {sink: \"tcp:127.0.0.1\"}}\n",
	    "x:1:25: expected unix:/SOCKET (of at most 107 octets) or /FILE, found 'tcp:127.0.0.1'" },
	{ "a sink that is a directory", "server: {dnstap: {sink: /tmp/}}\n",
	    "x:1:25: expected unix:/SOCKET (of at most 107 octets) or /FILE, found '/tmp/'" },
	{ "a list instead of a scalar", "server: {workers: [1]}\n", "x:1:19: expected a number, found a list" },
	{ "a value that is missing", "server:\n  workers:\n", "x:2:11: expected a number, found nothing" },
	{ "a text instead of a list's map", "zones: [example.com]\n",
	    "x:1:9: expected a map (key: value) for a zone, found 'example.com'" },
	{ "a document that is a list", "- a\n",
	    "x:1:1: expected a map (key: value) for the configuration, found a list" },
	{ "a key that is a list", "[a]: b\n", "x:1:1: expected the name of an option, found a list" },
	{ "a second document", "server: {}\n---\nserver: {}\n",
	    "x:3:1: expected one YAML document, found a second one" },
	{ "YAML that is broken", "server: [a\nb: c\n", NULL },
	{ "a tab for indentation", "server:\n\tworkers: 1\n",
	    "x:2:1: expected YAML, found an error while scanning for the next token: found character that cannot start "
	    "any token; a tab stands here: YAML is indented by blanks" },
	{ "an address that begins with a colon", "server:\n  identity: \u00fc\n  listen: [::1]\n",
	    "x:3:12: expected YAML, found an error while parsing a flow node: did not find expected node content; what "
	    "begins with a colon has to stand in quotes" },
	{ "octets that are no UTF-8", "server:\n  identity: \xff\n",
	    "x:2:13: expected UTF-8, found: invalid leading UTF-8 octet" },

	{ "no worker", "server: {workers: 0}\n", "x:1:19: expected a number from 1 to 256, found '0'" },
	{ "a number with a unit", "server: {workers: 2k}\n", "x:1:19: expected a number from 1 to 256, found '2k'" },
	{ "a number beyond 64 bits", "server: {workers: 99999999999999999999999}\n",
	    "x:1:19: expected a number from 1 to 256, found '99999999999999999999999'" },
	{ "a port of zero", "server: {listen: ['::1@0']}\n", "x:1:19: expected ADDRESS[@PORT], found '::1@0'" },
	{ "a name for an address", "server:\n  listen:\n    - 127.0.0.1\n    - localhost@53\n",
	    "x:4:7: expected ADDRESS[@PORT], found 'localhost@53'" },
	{ "an address twice", "server: {listen: [127.0.0.1, 127.0.0.1@53]}\n",
	    "x:1:30: '127.0.0.1@53' is in the list twice" },
	{ "no address to listen on", "server: {listen: []}\n",
	    "x:1:18: expected at least one item for listen, found an empty list" },
	{ "a source with a port", "server: {source: [127.0.0.1@53]}\n",
	    "x:1:19: expected ADDRESS, found '127.0.0.1@53'" },
	{ "two sources of one family", "server: {source: [127.0.0.1, 127.0.0.2]}\n",
	    "x:1:18: expected at most one address of each family for source" },
	{ "an unknown level", "server: {log-level: verbose}\n",
	    "x:1:21: expected error, warning, info or debug, found 'verbose'" },
	{ "an unknown format", "server: {log-format: xml}\n", "x:1:22: expected text or json, found 'xml'" },
	{ "a user who is not there", "server: {user: no-such-user-here}\n",
	    "x:1:16: expected the name of a user of this system, found 'no-such-user-here'" },
	{ "an empty directory name", "server: {state-directory: ''}\n",
	    "x:1:27: expected the name of a directory, found ''" },
	{ "a text with a zero octet", "server: {identity: \"a\\0b\"}\n",
	    "x:1:20: expected a text of 1 to 255 octets, found a text with a zero octet" },
	{ "a control character is not printed", "server: {log-level: \"a\\eb\"}\n",
	    "x:1:21: expected error, warning, info or debug, found 'a?b'" },

	{ "a cookie secret of another length is not shown", "server: {cookie-secrets: [00112233]}\n",
	    "x:1:27: expected a secret of 32 hexadecimal digits" },
	{ "a cookie secret that is no list is not shown",
	    "server: {cookie-secrets: 00112233445566778899aabbccddeeff}\n", "x:1:26: expected " CONFIG_LIST },
	{ "a key where only networks may stand", "server: {rate-limit-exempt: [192.0.2.0/24, key k]}\n",
	    "x:1:29: expected ADDRESS or ADDRESS/BITS for rate-limit-exempt, found a key" },
	{ "three cookie secrets", "server: {cookie-secrets: [a, b, c]}\n",
	    "x:1:26: expected one or two secrets for cookie-secrets, found 3" },
	{ "a file of cookie secrets with something else in it", "server: {cookie-secret-file: /dev/null}\n",
	    "x:1:30: expected a file with one or two secrets of 32 hexadecimal digits, and nothing else in it" },
	{ "cookie secrets here and in a file",
	    "server: {cookie-secrets: [00112233445566778899aabbccddeeff], cookie-secret-file: /dev/null}\n",
	    "x:1:82: expected either 'cookie-secrets' or 'cookie-secret-file', found both" },

	{ "a repository without remote", "git: [{push: no}]\n",
	    "x:1:7: expected 'remote', which a git repository needs, found none" },
	{ "an empty branch", "git: [{remote: '/tmp/x#'}]\n", "x:1:16: expected URL or URL#BRANCH, found '/tmp/x#'" },
	{ "a repository twice", "git: [{remote: /tmp/x}, {remote: '/tmp/x#live'}]\n",
	    "x:1:34: the repository '/tmp/x' stands above already" },
	{ "a duration with a wrong unit", "git: [{remote: /tmp, poll: 5 min}]\n",
	    "x:1:28: expected a duration from 0s to 604800s, such as 30s, 5m or 1h, found '5 min'" },
	{ "a duration with units upside down", "git: [{remote: /tmp, poll: 5m1h}]\n",
	    "x:1:28: expected a duration from 0s to 604800s, such as 30s, 5m or 1h, found '5m1h'" },
	{ "a unit without a number", "git: [{remote: /tmp, poll: m}]\n",
	    "x:1:28: expected a duration from 0s to 604800s, such as 30s, 5m or 1h, found 'm'" },
	{ "neither yes nor no", "git: [{remote: /tmp, push: maybe}]\n", "x:1:28: expected yes or no, found 'maybe'" },
	{ "a missing ssh key", "git: [{remote: /tmp, ssh-key: /nonexistent/id}]\n",
	    "x:1:31: expected a file that can be read, found '/nonexistent/id': No such file or directory" },
	{ "a directory for a file", "git: [{remote: /tmp, ca-certificates: /}]\n",
	    "x:1:39: expected a file, found '/', which is none" },
	{ "a path out of the repository", "git: [{remote: /tmp, path: a/../../b}]\n",
	    "x:1:28: expected a sub-directory of the repository, found 'a/../../b'" },
	{ "a host key of another form", "git: [{remote: /tmp, host-keys: [MD5:aa]}]\n",
	    "x:1:34: expected SHA256: and 43 characters of base64, as ssh-keygen -l prints them, found 'MD5:aa'" },

	{ "a longest delay below the shortest", "git: [{remote: /tmp, commit-delay: 5m, commit-delay-max: 1m}]\n",
	    "x:1:58: commit-delay-max (60 s) is below commit-delay (300 s)" },
	{ "a committer without an address", "git: [{remote: /tmp, committer: certns}]\n",
	    "x:1:33: expected NAME <ADDRESS>, found 'certns'" },
	{ "an address without a domain", "git: [{remote: /tmp, committer: a <b@>}]\n",
	    "x:1:33: expected NAME <ADDRESS>, found 'a <b@>'" },
	{ "no time for git", "git: [{remote: /tmp, timeout: 0}]\n",
	    "x:1:31: expected a duration from 1s to 3600s, such as 30s, 5m or 1h, found '0'" },

	{ "a limit that is no share", "git: [{remote: /tmp, removal-limit: 30}]\n",
	    "x:1:37: expected a share such as 30%, or none, found '30'" },
	{ "a limit above all", "git: [{remote: /tmp, removal-limit: 101%}]\n",
	    "x:1:37: expected a share such as 30%, or none, found '101%'" },
	{ "a limit below nothing", "git: [{remote: /tmp, removal-limit: -1%}]\n",
	    "x:1:37: expected a share such as 30%, or none, found '-1%'" },
	{ "revoked keys without allowed ones", "git: [{remote: /tmp, revoked-signers: /dev/../etc/passwd}]\n",
	    "x:1:39: expected allowed-signers too: without them nobody's signature is looked at" },
	{ "signers that are none", "git: [{remote: /tmp, allowed-signers: /etc/passwd}]\n",
	    "x:1:39: /etc/passwd:1: expected a public key behind the principals" },
	{ "a key that others may read", "git: [{remote: /tmp, signing-key: /etc/passwd}]\n",
	    "x:1:35: /etc/passwd: others may read this private key (mode 0644): chmod 600 it" },
	{ "a password for a path", "git: [{remote: /tmp, credential-helper: cache}]\n",
	    "x:1:41: passwords are for remotes that begin with https://" },
	{ "two ways to a password", "git: [{remote: 'https://a/b', credentials-file: /etc/passwd, credential-helper: "
	    "cache}]\n", "x:1:49: expected either credentials-file or credential-helper, found both" },
	{ "passwords that others may read", "git: [{remote: 'https://a/b', credentials-file: /etc/passwd}]\n",
	    "x:1:49: /etc/passwd: others may read these passwords (mode 0644): chmod 600 it" },

	{ "a zone without name", "zones: [{acme: no}]\n", "x:1:9: expected 'name', which a zone needs, found none" },
	{ "a zone with a bad name", "zones: [{name: a..b}]\n", "x:1:16: expected a domain name, found 'a..b'" },
	{ "a zone twice", "zones:\n- name: b.example\n- name: a.example\n- name: B.example.\n",
	    "x:4:3: a zone of the name 'B.example' stands above already" },
	{ "a file of two zones", "zones:\n- name: a.example\n  file: /etc/a\n- name: b.example\n  file: /etc/b/../a\n",
	    "x:5:9: the file is that of zone a.example already" },
	{ "a directory as a zone's file", "zones: [{name: a.example, file: /etc/zones/}]\n",
	    "x:1:33: expected the name of a file, found '/etc/zones/'" },
	{ "a zone's file in the root", "zones: [{name: a.example, file: /zone}]\n",
	    "x:1:33: expected a file in a directory of its own, found '/zone'" },
	{ "a secondary zone without primaries", "zones:\n- name: a.example\n  primaries: []\n",
	    "x:3:14: expected at least one item for primaries, found an empty list" },
	{ "a primary that is no address", "zones: [{name: a, primaries: [ns.example]}]\n",
	    "x:1:31: expected ADDRESS, ADDRESS@PORT, or one of these with key NAME behind it, found 'ns.example'" },
	{ "a primary with a key without name", "zones: [{name: a, primaries: [192.0.2.1 key]}]\n",
	    "x:1:31: expected ADDRESS, ADDRESS@PORT, or one of these with key NAME behind it, found '192.0.2.1 key'" },
	{ "a zone from two places", "zones: [{name: a, file: /etc/zones/a, primaries: [192.0.2.1]}]\n",
	    "x:1:50: expected either 'file' or 'primaries', found both" },
	{ "bounds in the wrong order", "zones: [{name: a, refresh-min-interval: 2h, refresh-max-interval: 1h}]\n",
	    "x:1:9: expected refresh-min-interval to be at most refresh-max-interval, found 7200 and 3600 seconds" },
	{ "bits beyond the prefix", "zones: [{name: a, allow-transfer: [192.0.2.1/24]}]\n",
	    "x:1:36: expected a network without bits set beyond /24, found '192.0.2.1/24'" },
	{ "a prefix that is too long", "zones: [{name: a, allow-transfer: [192.0.2.1/33]}]\n",
	    "x:1:36: expected at most 32 bits behind the slash, found '192.0.2.1/33'" },
	{ "a policy that is no list", "zones: [{name: a, update-policy: yes}]\n",
	    "x:1:34: expected " CONFIG_LIST ", found 'yes'" },
	{ "a bad word in a rule", "zones:\n  - name: a\n    update-policy:\n      - grant k name a A\n      - grant k "
	    "nam a A\n", "x:5:17: expected name, subdomain, wildcard, zonesub, self, selfsub, selfwild, csr or acme, "
	    "found 'nam'" },
	{ "and in a quoted one", "zones: [{name: a, update-policy: ['grant k name a BB']}]\n",
	    "x:1:51: expected the type of a record, or ANY, found 'BB'" },
	{ "a policy for who has primaries", "zones: [{name: a, primaries: [192.0.2.1], update-policy: []}]\n",
	    "x:1:58: expected no 'update-policy' with 'primaries': the primary decides who may update the zone" },
	{ "a rule with a word too many", "zones: [{name: a, allow-transfer: [192.0.2.1 key k l]}]\n",
	    "x:1:36: expected ADDRESS, ADDRESS/BITS, key NAME, or ADDRESS key NAME, found '192.0.2.1 key k l'" },
	{ "a name that is not in ASCII", "zones: [{name: b\u00fccher.example}]\n", "x:1:16: expected a domain name in "
	    "ASCII, as xn--... if it is internationalized, found 'b\u00fccher.example'" },
	{ "an unknown policy", "zones: [{name: a, serial: up}]\n",
	    "x:1:27: expected increment, unixtime, date or keep, found 'up'" },

	{ "a key without algorithm", "keys: [{name: k, secret: YWJj}]\n",
	    "x:1:8: expected 'algorithm', which a key needs, found none" },
	{ "a key of an unknown algorithm", "keys: [{name: k, algorithm: rot13, secret: YWJj}]\n",
	    "x:1:29: expected hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224, hmac-sha1 or hmac-md5, "
	    "found 'rot13'" },
	{ "a key without secret", "keys: [{name: k, algorithm: hmac-sha256}]\n",
	    "x:1:8: expected either 'secret' or 'secret-file', found none" },
	{ "a secret that is no base64 is not shown", "keys: [{name: k, algorithm: hmac-sha256, secret: 'h!dden'}]\n",
	    "x:1:50: expected a secret in base64" },
	{ "an empty secret", "keys: [{name: k, algorithm: hmac-sha256, secret: ''}]\n",
	    "x:1:50: expected a secret in base64" },
	{ "a secret file that is missing", "keys: [{name: k, algorithm: hmac-sha256, secret-file: /nonexistent/k}]\n",
	    "x:1:55: expected a file that can be read, found '/nonexistent/k': No such file or directory" },
	{ "a key twice",
	    "keys: [{name: k, algorithm: hmac-sha1, secret: YQ==}, {name: K, algorithm: hmac-sha1, secret: YQ==}]\n",
	    "x:1:55: a key of the name 'K' stands above already" },

	{ "defaults that are a list", "zone-defaults: [{acme: no}]\n",
	    "x:1:16: expected a map (key: value) for zone-defaults, found a list" },
	{ "a list of zones before defaults that are none", "zones: [{name: a}]\nzone-defaults: no\n",
	    "x:2:16: expected a map (key: value) for zone-defaults, found 'no'" },
	{ "a name for all zones", "zone-defaults: {name: a}\n",
	    "x:1:17: unknown key 'name' in zone-defaults; expected one of: notify, allow-transfer, acme, "
	    "check-servers, self-check, serial, journal-max-usage, journal-max-depth, catalog-member, "
	    "catalog-group, update-policy, update-key, forward-updates, zone-max-size, refresh-min-interval, "
	    "refresh-max-interval, retry-min-interval, retry-max-interval, expire-min-interval, "
	    "expire-max-interval" },
	{ "primaries for all zones, which one with a file does not stumble over",
	    "zones: [{name: a, file: /etc/zones/a}]\n"
	    "zone-defaults: {journal-max-depth: 7, primaries: [192.0.2.1], update-policies: []}\n", NULL },
	{ "a slip in the defaults", "zone-defaults: {allow-transfers: []}\n",
	    "x:1:17: unknown key 'allow-transfers' in zone-defaults; expected 'allow-transfer'?" },
	{ "a default twice", "zones: [{name: a}]\nzone-defaults:\n  acme: no\n  acme: yes\n",
	    "x:4:3: 'acme' stands above already" },
	{ "a bad default is bad where it stands",
	    "zones: [{name: a}]\nzone-defaults:\n  notify: [192.0.2.1, ns.example]\n",
	    "x:3:23: expected ADDRESS[@PORT], found 'ns.example'" },
	{ "also if each zone has its own", "zones: [{name: a, serial: date}]\nzone-defaults: {serial: up}\n",
	    "x:2:25: expected increment, unixtime, date or keep, found 'up'" },
	{ "bounds in the wrong order for all zones", "zones: [{name: a}]\n"
	    "zone-defaults: {retry-min-interval: 2h, retry-max-interval: 1h}\n",
	    "x:2:16: expected retry-min-interval to be at most retry-max-interval, found 7200 and 3600 seconds" },
	{ "bounds of which one is the default's", "zone-defaults: {retry-min-interval: 2h}\n"
	    "zones: [{name: b, retry-max-interval: 3h}, {name: a, retry-max-interval: 1h}]\n",
	    "x:2:44: expected retry-min-interval to be at most retry-max-interval, found 7200 and 3600 seconds" },
	{ "an authority that is not there for all zones", "zones: [{name: a}]\nzone-defaults: {acme: [ca]}\n",
	    "x:2:24: expected the name of one of acme: authorities:, found 'ca'" },
	{ "a check that needs a resolver for all zones",
	    "zones: [{name: a}]\nzone-defaults: {self-check: [resolver]}\n",
	    "x:2:29: self-check: resolver needs an address in the resolvers of acme" },
	{ "a zone that forwards and has no primary, whatever is said for all", "zone-defaults: {forward-updates: yes}\n"
	    "zones: [{name: a, forward-updates: yes}]\n", "x:2:36: expected 'primaries' with this, found none" },
	{ "a policy of its own with primaries", "zone-defaults: {update-policy: []}\n"
	    "zones: [{name: a, primaries: [192.0.2.1], update-policy: []}]\n",
	    "x:2:58: expected no 'update-policy' with 'primaries': the primary decides who may update the zone" },

	{ "a history without a unit that is one", "server: {journal-max-usage: 100X}\n",
	    "x:1:29: expected a size from 40K to 1024G, such as 500K, 100M or 2G, found '100X'" },
	{ "a history too small", "zones: [{name: a, journal-max-usage: 4000}]\n",
	    "x:1:38: expected a size from 40K to 1024G, such as 500K, 100M or 2G, found '4000'" },
	{ "no history", "server: {journal-max-depth: 0}\n", "x:1:29: expected a number from 1 to 100000000, found "
	    "'0'" },
};

static void
test_bad_files(void **state)
{
	(void)state;
	check_bad_configs(bad_files, sizeof bad_files / sizeof *bad_files);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
