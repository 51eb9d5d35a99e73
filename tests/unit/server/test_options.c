/* server/options.c: the command line of certnsd. */
#include "server/options.h"
#include "tests/unit/check.h"

#define ARGUMENTS_MAX 10

static const struct { const char *why; const char *argv[ARGUMENTS_MAX]; int status; } mistakes[] = {
	{ "an unknown option", { "certnsd", "-x" }, 2 },
	{ "an unknown long option", { "certnsd", "--wat" }, 2 },
	{ "an argument that is no option", { "certnsd", "file" }, 2 },
	{ "an option without its argument", { "certnsd", "-c" }, 2 },
	{ "an unknown level", { "certnsd", "--log-level", "loud" }, 2 },
	{ "a key file without name", { "certnsd", "--secondary", "--key-file" }, 2 },
	{ "help", { "certnsd", "-h" }, 0 },
	{ "the version", { "certnsd", "-V" }, 0 },
};

static bool
parse(const char *const argv[], struct certnsd_options *o, int *status)
{
	char *copy[ARGUMENTS_MAX + 1] = { NULL };
	int n = 0;

	for (; n < ARGUMENTS_MAX && argv[n] != NULL; n++)
		copy[n] = (char *)(uintptr_t)argv[n];
	return options_parse(n, copy, o, status);
}

static void
test_mistakes_and_help(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		struct certnsd_options o;
		int status = -1;

		check(!parse(mistakes[i].argv, &o, &status), "%s does not run the server", mistakes[i].why);
		check(status == mistakes[i].status, "%s exits with %d, not %d", mistakes[i].why, mistakes[i].status,
		    status);
	}
}

static void
test_keys(void **state)
{
	char key[] = "a:SHA256:YQ==";
	char *argv[] = { (char []){ "certnsd" }, (char []){ "--secondary" }, (char []){ "--key-file" },
	    (char []){ "k" }, (char []){ "--key" }, key, NULL };
	struct certnsd_options o;
	int status;

	(void)state;
	assert_true(options_parse(6, argv, &o, &status));
	check(o.config.secondary && o.config.nkey_files == 1 && o.config.nkeys == 1, "a secondary, a file and a key");
	assert_string_equal(o.config.key_files[0], "k");
	assert_string_equal(o.config.keys[0], "a:SHA256:YQ==");
	check(strspn(key, "*") == strlen(key), "the key is not in the argument list any more");
	options_clear(&o);
}

static void
test_options(void **state)
{
	static const char *const argv[] = { "certnsd", "-t", "--remote", "/srv/zones.git#live", "--listen", "::1",
		"--listen=127.0.0.1@5353", "--state", "/tmp/s", NULL };
	static const char *const other[] = { "certnsd", "-c", "file.yaml", "--log-level", "debug", NULL };
	struct certnsd_options o;
	int status;

	(void)state;
	assert_true(parse(argv, &o, &status));
	check(o.check_only && o.config.file == NULL && !o.config.has_log_level, "-t, and no file");
	assert_string_equal(o.config.remote, "/srv/zones.git#live");
	assert_string_equal(o.config.state, "/tmp/s");
	check(o.config.nlisten == 2, "two addresses");
	assert_string_equal(o.config.listen[0], "::1");
	assert_string_equal(o.config.listen[1], "127.0.0.1@5353");
	options_clear(&o);

	assert_true(parse(other, &o, &status));
	assert_string_equal(o.config.file, "file.yaml");
	check(!o.check_only && o.config.nlisten == 0 && o.config.has_log_level &&
	    o.config.log_level == LOG_LEVEL_DEBUG, "the level");
	options_clear(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes_and_help),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
