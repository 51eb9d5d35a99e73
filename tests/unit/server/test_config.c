/* server/config.c and its tables: what a file says, and what is said about a bad one. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config.h"
#include "tests/unit/check.h"

/* Each error names the place of the value (or of the key, where the key is what is wrong). */
static const struct { const char *why, *text, *error; } bad_files[] = {
	{ "an unknown section", "sever:\n  workers: 2\n",
	    "x:1:1: unknown key 'sever' in the configuration; expected one of: server, git, zones, keys, acme" },
	{ "an unknown option", "server:\n  worker: 2\n",
	    "x:2:3: unknown key 'worker' in server; expected one of: listen, workers, cpu-affinity, state-directory, user, "
	    "control-socket, source, identity, version, edns-udp-size, report-agent, cookie-secrets, "
	    "cookie-secret-file, require-cookies, secondary, transfers-in, transfers-per-ns, max-transfer-idle-in, "
	    "max-transfer-time-in, rate-limit, rate-limit-slip, rate-limit-exempt, "
	    "tcp-connections, tcp-connections-per-address, transfers-out, tcp-idle-timeout, journal-max-usage, journal-max-depth, log-level, "
	    "log-format" },
	{ "an option twice", "server:\n  workers: 2\n  identity: a\n  workers: 3\n",
	    "x:4:3: 'workers' stands above already" },
	{ "a list instead of a map", "server: [1]\n", "x:1:9: expected a map (key: value) for server, found a list" },
	{ "a section that is empty", "server:\n", "x:1:8: expected a map (key: value) for server, found nothing" },
	{ "a map instead of a list", "git:\n  remote: /tmp\n", "x:2:3: expected a list, found a map" },
	{ "a scalar instead of a list", "server: {listen: 127.0.0.1}\n", "x:1:18: expected a list, found '127.0.0.1'" },
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
	{ "a tab for indentation", "server:\n\tworkers: 1\n", NULL },
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
	{ "two ways to a password", "git: [{remote: 'https://a/b', credentials-file: /etc/passwd, credential-helper: cache}]\n",
	    "x:1:49: expected either credentials-file or credential-helper, found both" },
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
	{ "a policy that is no list", "zones: [{name: a, update-policy: yes}]\n", "x:1:34: expected a list, found 'yes'" },
	{ "a bad word in a rule", "zones:\n  - name: a\n    update-policy:\n      - grant k name a A\n      - grant k nam a A\n",
	    "x:5:17: expected name, subdomain, wildcard, zonesub, self, selfsub, selfwild, csr or acme, found 'nam'" },
	{ "and in a quoted one", "zones: [{name: a, update-policy: ['grant k name a BB']}]\n",
	    "x:1:51: expected the type of a record, or ANY, found 'BB'" },
	{ "a policy for who has primaries", "zones: [{name: a, primaries: [192.0.2.1], update-policy: []}]\n",
	    "x:1:58: expected no 'update-policy' with 'primaries': the primary decides who may update the zone" },
	{ "a rule with a word too many", "zones: [{name: a, allow-transfer: [192.0.2.1 key k l]}]\n",
	    "x:1:36: expected ADDRESS, ADDRESS/BITS, key NAME, or ADDRESS key NAME, found '192.0.2.1 key k l'" },
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

	{ "an authority without directory", "acme: {authorities: [{terms-agreed: yes}]}\n",
	    "x:1:22: expected 'directory', which an authority needs, found none" },
	{ "an authority without https", "acme: {authorities: [{directory: 'http://ca.example/', terms-agreed: yes}]}\n",
	    "x:1:34: expected letsencrypt, letsencrypt-staging or a URL that begins with https://, found "
	    "'http://ca.example/'" },
	{ "terms not agreed to", "acme:\n  authorities:\n  - directory: letsencrypt\n",
	    "x:3:5: expected 'terms-agreed: yes' for an authority: it makes no account for who does not agree to its "
	    "terms of service" },
	{ "a challenge of another kind", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, challenges: [http-01]}]}\n",
	    "x:1:79: expected dns-01, dns-account-01 or dns-persist-01, found 'http-01'" },
	{ "a challenge twice", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, challenges: [dns-01, dns-01]}]}\n",
	    "x:1:87: 'dns-01' is in the list twice" },
	{ "no challenges", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, challenges: []}]}\n",
	    "x:1:78: expected dns-01, dns-account-01 or dns-persist-01, found an empty list" },
	{ "challenges that are no list", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, challenges: dns-01}]}\n",
	    "x:1:78: expected a list, found 'dns-01'" },
	{ "standing records for an hour", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, persist-lifetime: 1h}]}\n",
	    "x:1:84: expected a duration from 86400s to 315360000s, such as 30s, 5m or 1h, found '1h'" },
	{ "two authorities of one name", "acme:\n  authorities:\n"
	    "  - {directory: 'https://ca.example/a', terms-agreed: yes}\n"
	    "  - {directory: 'https://ca.example/b', terms-agreed: yes}\n",
	    "x:4:5: an authority of the name 'ca.example' stands above already: name: is needed" },
	{ "an authority with the name of an answer", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, "
	    "name: 'no'}]}\n", "x:1:72: expected a name without spaces and slashes, neither yes nor no, found 'no'" },
	{ "an authority with odd limits", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, limits: few}]}\n",
	    "x:1:74: expected letsencrypt, none, or a list of limits, found 'few'" },
	{ "an authority with an odd limit", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, "
	    "limits: [orders 3 an hour]}]}\n", "x:1:75: expected a limit such as 'orders 300/3h', 'zone 50/7d', 'names 5/7d' "
	    "or 'failures 5/1h', found 'orders 3 an hour'" },
	{ "an authority with a limit twice", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, "
	    "limits: [orders 3/1h, names 5/7d, orders 4/1h]}]}\n", "x:1:100: the limit of 'orders 4/1h' stands above already" },
	{ "a zone with an unknown authority", "zones: [{name: example.org, acme: [letsencrypt, other]}]\n"
	    "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes}]}\n",
	    "x:1:49: expected the name of one of acme: authorities:, found 'other'" },
	{ "a zone with an authority twice", "zones: [{name: example.org, acme: [a, a]}]\n",
	    "x:1:39: 'a' is in the list twice" },
	{ "a zone with no authority", "zones: [{name: example.org, acme: []}]\n",
	    "x:1:35: expected at least one name, found an empty list" },
	{ "a zone with a map of authorities", "zones: [{name: example.org, acme: {}}]\n",
	    "x:1:35: expected yes, no, or names of authorities, found a map" },
	{ "a label with an unknown authority", "acme: {labels: [{label: _rsa._tcp, authority: other}]}\n",
	    "x:1:47: expected the name of one of acme: authorities:, found 'other'" },
	{ "a label twice", "acme: {labels: [_a, {label: _A}]}\n", "x:1:21: '_A' is in the list twice" },
	{ "no labels", "acme: {labels: []}\n", "x:1:16: expected at least one item for labels, found an empty list" },
	{ "a contact that is no URL", "acme: {authorities: [{directory: letsencrypt, contact: [me@example.org]}]}\n",
	    "x:1:57: expected mailto:ADDRESS, found 'me@example.org'" },
	{ "a label with a final dot", "acme: {labels: [_letsencrypt._tcp.]}\n",
	    "x:1:17: expected labels without a final dot, such as _letsencrypt._tcp, found '_letsencrypt._tcp.'" },
	{ "a history without a unit that is one", "server: {journal-max-usage: 100X}\n",
	    "x:1:29: expected a size from 40K to 1024G, such as 500K, 100M or 2G, found '100X'" },
	{ "a history too small", "zones: [{name: a, journal-max-usage: 4000}]\n",
	    "x:1:38: expected a size from 40K to 1024G, such as 500K, 100M or 2G, found '4000'" },
	{ "no history", "server: {journal-max-depth: 0}\n", "x:1:29: expected a number from 1 to 100000000, found '0'" },
	{ "a TTL of zero", "acme: {challenge-ttl: 0}\n",
	    "x:1:23: expected a duration from 1s to 3600s, such as 30s, 5m or 1h, found '0'" },
	{ "a hook of no event", "acme: {hooks: {lost: x}}\n",
	    "x:1:16: unknown key 'lost' in hooks; expected one of: issued, renewed, failed, expiring, timeout" },
	{ "a hook that has no time", "acme: {hooks: {issued: x, timeout: 0}}\n",
	    "x:1:36: expected a duration from 1s to 3600s, such as 30s, 5m or 1h, found '0'" },
	{ "an empty hook", "acme: {hooks: {failed: ''}}\n", "x:1:24: expected a command, found ''" },
	{ "a proxy of unknown scheme", "acme: {proxy: 'proxy:3128'}\n",
	    "x:1:15: expected a URL that begins with http://, https://, socks5:// or socks5h://, found 'proxy:3128'" },
	{ "a check by DNS over HTTPS without a resolver for it",
	    "acme: {self-check: [authoritative, doh], resolvers: [192.0.2.53]}\n",
	    "x:1:20: self-check: doh needs a URL with https:// or json+https:// in the resolvers of acme" },
	{ "a check by resolvers without any", "acme: {self-check: [resolver], resolvers: ['https://dns.example/']}\n",
	    "x:1:20: self-check: resolver needs an address in the resolvers of acme" },
	{ "a zone's check by resolvers without any", "zones: [{name: example.org, self-check: [resolver]}]\n",
	    "x:1:41: self-check: resolver needs an address in the resolvers of acme" },
	{ "a check and none", "acme: {self-check: [authoritative, none]}\n", "x:1:36: expected none to stand alone" },
	{ "a check twice", "acme: {self-check: [authoritative, authoritative]}\n",
	    "x:1:36: authoritative stands there twice" },
	{ "a check by something else", "acme: {self-check: [hope]}\n",
	    "x:1:21: expected authoritative, resolver, doh or none, found 'hope'" },
	{ "no check and not even none", "zones: [{name: example.org, self-check: []}]\n",
	    "x:1:41: expected authoritative, resolver, doh or none, found an empty list" },
	{ "a check that is no list", "acme: {self-check: none}\n", "x:1:20: expected a list, found 'none'" },
	{ "silent servers to be ignored", "acme: {self-check-silent: ignore}\n",
	    "x:1:27: expected fatal or waive, found 'ignore'" },
	{ "a resolver without TLS", "acme: {resolvers: [192.0.2.53, 'http://dns.example/']}\n",
	    "x:1:32: expected ADDRESS[@PORT], https://..., https://...{?dns} or json+https://..., found 'http://dns.example/'" },
	{ "a resolver with another template", "acme: {resolvers: ['https://dns.example/{?name}']}\n",
	    "x:1:20: expected ADDRESS[@PORT], https://..., https://...{?dns} or json+https://..., "
	    "found 'https://dns.example/{?name}'" },
	{ "a template for JSON", "acme: {resolvers: ['json+https://dns.example/{?dns}']}\n",
	    "x:1:20: expected ADDRESS[@PORT], https://..., https://...{?dns} or json+https://..., "
	    "found 'json+https://dns.example/{?dns}'" },
	{ "a resolver by name", "acme: {resolvers: [dns.example]}\n",
	    "x:1:20: expected ADDRESS[@PORT], https://..., https://...{?dns} or json+https://..., found 'dns.example'" },
	{ "an address that a proxy keeps from being asked",
	    "acme: {proxy: 'http://p:1', self-check: [doh], resolvers: [192.0.2.53, 'https://dns.example/']}\n",
	    "x:1:59: with a proxy and no self-check by authoritative or resolver, nothing but the proxy is asked: "
	    "expected no addresses in resolvers" },
	{ "a password without a proxy", "acme: {proxy-credentials-file: /etc/passwd}\n",
	    "x:1:32: proxy-credentials-file is of no use without proxy" },
	{ "trust without a proxy", "acme: {proxy-ca-certificates: /etc/passwd}\n",
	    "x:1:31: proxy-ca-certificates is of no use without proxy" },
	{ "a password that everybody may read", "acme: {proxy: 'http://p:1', proxy-credentials-file: /etc/passwd}\n",
	    "x:1:53: /etc/passwd: others may read this password (mode 0644): chmod 600 it" },
	{ "two users for a proxy", "acme: {proxy: 'http://u:p@p:1', proxy-credentials-file: /etc/passwd}\n",
	    "x:1:57: expected either a user in the URL of the proxy or proxy-credentials-file, found both" },
	{ "a password that is missing", "acme: {proxy: 'http://p:1', proxy-credentials-file: /nonexistent/p}\n",
	    "x:1:53: /nonexistent/p: No such file or directory" },
};

static void
test_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
		struct config *c = NULL;
		struct fault f = { 0 };
		enum err err = config_parse("x", bad_files[i].text, strlen(bad_files[i].text), &c, &f);

		check(err != ERR_OK && c == NULL, "%s is an error", bad_files[i].why);
		if (bad_files[i].error != NULL)
			check(strcmp(f.text, bad_files[i].error) == 0, "%s:\n  wanted: %s\n  said:   %s",
			    bad_files[i].why, bad_files[i].error, f.text);
		else
			check(strncmp(f.text, "x:2:", 4) == 0, "%s names line 2: %s", bad_files[i].why, f.text);
	}
}

static struct config *
parse(const char *text)
{
	struct config *c = NULL;
	struct fault f = { 0 };
	enum err err = config_parse("x", text, strlen(text), &c, &f);

	check(err == ERR_OK, "this is read: %s", f.text);
	return c;
}

static void
test_defaults(void **state)
{
	static const char *const empty[] = { "", "# nothing\n", "{}\n", "server: {}\nacme: {}\n" };

	(void)state;
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		char text[CONFIG_ADDRESS_TEXT];
		struct config *c = parse(empty[i]);

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
test_whole_file(void **state)
{
	struct config *c = parse(whole);
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
	struct config *c = parse(text);
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

static const struct { const char *why, *text; unsigned ways; bool closed; } self_checks[] = {
	{ "the name servers alone", "acme: {}", ACME_CHECK_AUTHORITATIVE, false },
	{ "nothing", "acme: {self-check: [none]}", 0, false },
	{ "all ways", "acme: {self-check: [doh, resolver, authoritative], resolvers: ['https://d.example/q', '192.0.2.53@5353']}",
	    ACME_CHECK_AUTHORITATIVE | ACME_CHECK_RESOLVER | ACME_CHECK_DOH, false },
	{ "a closed network", "acme: {proxy: 'http://p:1', self-check: [doh], resolvers: ['json+https://d.example/q']}",
	    ACME_CHECK_DOH, true },
	{ "a proxy, and a check by DNS", "acme: {proxy: 'http://p:1', self-check: [authoritative]}", ACME_CHECK_AUTHORITATIVE, false },
	{ "a proxy, and a zone that is checked by DNS", "zones: [{name: a, self-check: [authoritative]}]\n"
	    "acme: {proxy: 'http://p:1', self-check: [none]}", 0, false },
};

static void
test_self_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof self_checks / sizeof *self_checks; i++) {
		struct config *c = parse(self_checks[i].text);

		check(c->acme.self_check.ways == self_checks[i].ways, "%s: %u", self_checks[i].why, c->acme.self_check.ways);
		check(c->acme.closed == self_checks[i].closed, "%s: closed or not", self_checks[i].why);
		check(c->acme.self_check_timeout_s == 120 && c->acme.silent_s == 60 && c->acme.silent == SILENT_FATAL,
		    "%s: times", self_checks[i].why);
		config_free(c);
	}
}

static void
test_resolvers(void **state)
{
	struct config *c = parse("acme: {resolvers: ['2001:db8::53', 'https://d.example/dns-query', 'https://d.example/q{?dns}',\n"
	    "  'json+https://d.example/resolve?ct=1'], self-check-silent: waive, self-check-silent-after: 5s,\n"
	    "  self-check-timeout: 3m}\nzones: [{name: a.example, self-check: [none]}, {name: b.example}]");
	const struct config_resolver *v = c->acme.resolvers;

	(void)state;
	check(c->acme.nresolvers == 4, "four resolvers");
	check(v[0].kind == ACME_RESOLVER_PLAIN && v[0].address.address.ss_family == AF_INET6, "an address");
	check(v[1].kind == ACME_RESOLVER_DOH && !v[1].get, "DoH by POST");
	assert_string_equal(v[1].url, "https://d.example/dns-query");
	check(v[2].kind == ACME_RESOLVER_DOH && v[2].get, "DoH by GET");
	assert_string_equal(v[2].url, "https://d.example/q");
	assert_string_equal(v[2].name, "https://d.example/q{?dns}");
	check(v[3].kind == ACME_RESOLVER_JSON && !v[3].get, "JSON");
	assert_string_equal(v[3].url, "https://d.example/resolve?ct=1");
	check(c->acme.silent == SILENT_WAIVE && c->acme.silent_s == 5 && c->acme.self_check_timeout_s == 180, "times");
	check(c->zones[0].self_check.given && c->zones[0].self_check.ways == 0 && !c->zones[1].self_check.given, "zones");
	config_free(c);
}

static const struct { const char *why, *content; mode_t mode; const char *credentials, *words; } credentials[] = {
	{ "a user and a password",	"user:pass:word\n",	0600, "user:pass:word", NULL },
	{ "a user of a domain",		"DOM\\user:p%20\r\n",	0600, "DOM\\user:p%20", NULL },
	{ "an empty password",		"user:",		0600, "user:", NULL },
	{ "a user alone",		"secret\n",		0600, NULL, "expected a file with one line USER:PASSWORD" },
	{ "a password alone",		":secret\n",		0600, NULL, "expected a file with one line USER:PASSWORD" },
	{ "two lines",			"user:secret\na:b\n",	0600, NULL, "expected a file with one line USER:PASSWORD" },
	{ "nothing",			"",			0600, NULL, "expected a file with one line USER:PASSWORD" },
	{ "a file for a group",		"user:secret\n",	0640, NULL, "others may read this password (mode 0640): chmod 600 it" },
};

static void
test_proxy_credentials(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof credentials / sizeof *credentials; i++) {
		char path[] = "/tmp/certns-test-XXXXXX", text[200];
		struct config *c = NULL;
		struct fault f = { 0 };
		int fd = mkstemp(path);

		assert_int_equal(write(fd, credentials[i].content, strlen(credentials[i].content)),
		    (int)strlen(credentials[i].content));
		fchmod(fd, credentials[i].mode);
		close(fd);
		snprintf(text, sizeof text, "acme: {proxy: 'http://p:1', proxy-credentials-file: '%s'}", path);
		enum err err = config_parse("x", text, strlen(text), &c, &f);
		check((err == ERR_OK) == (credentials[i].words == NULL), "%s: %s", credentials[i].why, f.text);
		if (err == ERR_OK)
			assert_string_equal(c->acme.proxy_credentials, credentials[i].credentials);
		else
			check(strstr(f.text, credentials[i].words) != NULL && strstr(f.text, "secret") == NULL,
			    "%s: it says \"%s\"", credentials[i].why, f.text);
		config_free(c);
		unlink(path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_whole_file),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_secret_file),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_command_line_over_file),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_find_socket),
		cmocka_unit_test(test_self_check),
		cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_proxy_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
