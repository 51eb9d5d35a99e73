/* The keys of the command line: files of them, and what is wrong with these. */
#include "server/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/check.h"

static const struct {
	const char *why, *text, *words;	/* words: of the error; NULL: the keys are taken */
	size_t nkeys;
} rows[] = {
	{ "one key", "192.0.2.1.192.0.2.2._transfer.example.com:SHA256:c2VjcmV0\n", NULL, 1 },
	{ "comments, blank lines and blanks", "# a\n\n  192.0.2.1.192.0.2.2._transfer.b:SHA256:c2VjcmV0 "
	    "\r\nx._update.c:SHA512:c2VjcmV0", NULL, 2 },
	{ "a line that is no key", "# a\nwhat\n", "keys:2: ", 0 },
	{ "an algorithm that there is not", "a._transfer.b:SHA3:c2VjcmV0\n", "keys:1: ", 0 },
	{ "a key twice", "1.1.1.1.2.2.2.2._transfer.b:SHA256:c2VjcmV0\n1.1.1.1.2.2.2.2._TRANSFER.b:SHA256:YQ==\n",
	    "keys:2: there is a key of the name 1.1.1.1.2.2.2.2._TRANSFER.b already", 0 },
	{ "no key that names a primary", "a._transfer.b:SHA256:c2VjcmV0\n",
	    "needs one whose name says where zones come from", 0 },
	{ "no key", "", "needs one whose name says where zones come from", 0 },
};

static void
test_key_files(void **state)
{
	char directory[] = "/tmp/certns-test-XXXXXX", path[64];

	(void)state;
	check(mkdtemp(directory) != NULL, "there is a directory");
	snprintf(path, sizeof path, "%s/keys", directory);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *const files[] = { path };
		struct config_arguments arguments = { .secondary = true, .key_files = files, .nkey_files = 1 };
		struct config *c = NULL;
		struct fault f = { 0 };
		FILE *to = fopen(path, "w");
		enum err err;

		check(to != NULL && fputs(rows[i].text, to) >= 0 && fclose(to) == 0, "the file can be written");
		err = config_load(&arguments, &c, &f);
		check((err == ERR_OK) == (rows[i].words == NULL), "%s: %s", rows[i].why, f.text);
		if (err == ERR_OK)
			check(c->nkeys == rows[i].nkeys && c->secondary, "%s: %zu keys", rows[i].why, c->nkeys);
		else
			check(strstr(f.text, rows[i].words) != NULL && strstr(f.text, "c2Vj") == NULL,
			    "%s: the words are '%s'", rows[i].why, f.text);
		config_free(c);
	}
	unlink(path);
	rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
