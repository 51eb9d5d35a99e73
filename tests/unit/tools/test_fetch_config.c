/* fetch.yaml, and names of hosts. */
#include <stdlib.h>

#include "base/file.h"
#include "tests/unit/check.h"
#include "tools/fetch.h"

static const struct { const char *why, *text, *words; } wrong[] = {
	{ "an unknown key", "nonsense: a\n",
	  "fetch.yaml:1:1: unknown key 'nonsense' in fetch.yaml; expected one of: timeout, hosts" },
	{ "one that is nearly known", "sever: a\n", "fetch.yaml:1:1: unknown key 'sever' in fetch.yaml; expected 'server'?" },
	{ "a second document", "hosts: []\n---\nhosts: []\n", "fetch.yaml:3:1: expected one YAML document" },
	{ "an unknown key of a host", "hosts:\n  - name: a.example\n    timeout: 3\n",
	  "fetch.yaml:3:5: unknown key 'timeout' in a host" },
	{ "no YAML", "hosts: [a\n", "fetch.yaml:2:1: " },
	{ "hosts are a list", "hosts: a.example\n", "fetch.yaml:1:8: expected a list of hosts, found 'a.example'" },
	{ "a host without name", "hosts:\n  - label: _x._tcp\n", "fetch.yaml:2:5: expected 'name'" },
	{ "a host that is none", "hosts: [a_b c.example]\n",
	  "fetch.yaml:1:9: expected the name of a host, found 'a_b c.example'" },
	{ "a name that is none", "hosts:\n  - name: a.example\n    names: [\"b*.example\"]\n",
	  "fetch.yaml:2:5: expected the name" },
	{ "the same twice", "hosts: [a.example, A.example.]\n", "fetch.yaml:1:20: a.example with the directory" },
	{ "the same by its wildcard", "hosts: [a.example, \"*.a.example\"]\n", "a.example with the directory" },
	{ "a port that is none", "port: 65536\n", "fetch.yaml:1:7: expected a number from 1 to 65535" },
	{ "a kind of key that is none", "key: dsa\n",
	  "fetch.yaml:1:6: expected p256, p384, rsa2048, rsa3072 or rsa4096" },
	{ "a directory without root", "directory: certs\n", "fetch.yaml:1:12: expected the full name of a directory" },
	{ "a server that is none", "server: 192.0.2.1@x\n", "fetch.yaml:1:9: expected ADDRESS[@PORT]" },
	{ "a user that is none", "owner: no such user\n", "fetch.yaml:1:8: expected the name of a user" },
	{ "a group that is none", "group: no such group\n", "fetch.yaml:1:8: expected the name of a group" },
	{ "a key file that is not there", "key-file: /nonexistent/key\n", "/nonexistent/key" },
	{ "a label that is none", "label: a..b\n", "fetch.yaml:1:8: expected a label" },
	{ "nothing to verify with", "verify: maybe\n", "fetch.yaml:1:9: expected no, system, or the name of a file" },
	{ "a time that is none", "timeout: soon\n", "fetch.yaml:1:10: expected a duration" },
};

static void
test_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct fetch_config c;
		struct fault f = { 0 };

		check(fetch_config_parse("fetch.yaml", wrong[i].text, strlen(wrong[i].text), &c, &f) != ERR_OK, "%s",
		    wrong[i].why);
		check(strstr(f.text, wrong[i].words) != NULL, "%s: the words: %s", wrong[i].why, f.text);
		fetch_config_clear(&c);
	}
}

/* Defaults behind the hosts count all the same. */
static const char good[] =
    "hosts:\n"
    "  - WWW.Example.com.\n"
    "  - name: mail.example.com\n"
    "    names: [imap.example.com, mail.example.com, \"*.mail.example.com\"]\n"
    "    label: _rsa._tcp\n"
    "    key: rsa2048\n"
    "    new-key: no\n"
    "    verify: no\n"
    "    server: ns2.example.com@5353\n"
    "    port: 54\n"
    "    hook: postfix reload\n"
    "    directory: /srv/certs\n"
    "  - \"*.wild.example.com\"\n"
    "server: 192.0.2.1\n"
    "resolver: 192.0.2.2@54\n"
    "hook: systemctl reload nginx\n"
    "verify: /etc/ssl/our.pem\n"
    "key: p384\n"
    "new-key: yes\n"
    "owner: root\n"
    "timeout: 2m\n";

static void
test_hosts_and_defaults(void **state)
{
	struct fetch_config c;
	struct fault f = { 0 };

	(void)state;
	check(fetch_config_parse("fetch.yaml", good, strlen(good), &c, &f) == ERR_OK, "%s", f.text);
	assert_int_equal(c.timeout_s, 120);
	assert_int_equal(c.nhosts, 3);
	const struct fetch_settings *www = &c.hosts[0], *mail = &c.hosts[1], *wild = &c.hosts[2];
	assert_string_equal(www->host, "www.example.com");
	assert_string_equal(www->names[0], "www.example.com");
	assert_null(www->names[1]);
	assert_string_equal(www->server, "192.0.2.1");
	assert_string_equal(www->resolver, "192.0.2.2@54");
	assert_string_equal(www->hook, "systemctl reload nginx");
	assert_string_equal(www->label, "_letsencrypt._tcp");
	assert_string_equal(www->trust, "/etc/ssl/our.pem");
	assert_int_equal(www->verify, FETCH_VERIFY_FILE);
	assert_int_equal(www->key_type, FETCH_P384);
	assert_int_equal(www->port, 53);
	assert_true(www->new_key);
	assert_string_equal(mail->names[1], "imap.example.com");
	assert_string_equal(mail->names[2], "*.mail.example.com");
	assert_null(mail->names[3]);
	assert_string_equal(mail->label, "_rsa._tcp");
	assert_string_equal(mail->server, "ns2.example.com@5353");
	assert_string_equal(mail->directory, "/srv/certs");
	assert_string_equal(mail->hook, "postfix reload");
	assert_string_equal(mail->owner, "root");
	assert_int_equal(mail->key_type, FETCH_RSA2048);
	assert_int_equal(mail->verify, FETCH_VERIFY_CHAIN);
	assert_int_equal(mail->port, 54);
	assert_false(mail->new_key);
	assert_string_equal(wild->host, "wild.example.com");
	assert_string_equal(wild->names[0], "*.wild.example.com");
	assert_null(wild->names[1]);
	fetch_config_clear(&c);
}

static void
test_nothing_at_all(void **state)
{
	static const char *const empty[] = { "", "# later\n", "{}\n" };

	(void)state;
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		struct fetch_config c;
		struct fault f = { 0 };

		check(fetch_config_parse("fetch.yaml", empty[i], strlen(empty[i]), &c, &f) == ERR_OK, "'%s': %s",
		    empty[i], f.text);
		assert_int_equal(c.nhosts, 0);
		assert_int_equal(c.timeout_s, 300);
		assert_string_equal(c.defaults.label, "_letsencrypt._tcp");
		assert_int_equal(c.defaults.key_type, FETCH_ANY_KEY);
		fetch_config_clear(&c);
	}
}

static void
test_every_prefix(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof good; n++) {
		struct fetch_config c;
		struct fault f = { 0 };

		(void)fetch_config_parse("fetch.yaml", good, n, &c, &f);
		fetch_config_clear(&c);
	}
}

/* The one that is shipped; its key file and group are not there. */
static void
test_the_example(void **state)
{
	struct fetch_config c;
	struct fault f = { 0 };
	enum err err = fetch_config_load(EXAMPLE, &c, &f);

	(void)state;
	check(err == ERR_OK || strstr(f.text, "/etc/certns/fetch.key") != NULL, "%s", f.text);
	fetch_config_clear(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_wrong),
		cmocka_unit_test(test_hosts_and_defaults),
		cmocka_unit_test(test_nothing_at_all),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_the_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
