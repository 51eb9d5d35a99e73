/* The parts of the git source that need no repository: URLs, paths, the message between parent and child. */
#include <stdlib.h>

#include "tests/unit/check.h"
#include "zones/git_internal.h"

static void
test_url_split(void **state)
{
	static const struct { const char *text; enum err want; const char *url, *branch; } rows[] = {
		{ "https://h/r.git#main",	ERR_OK,		"https://h/r.git",	"main" },
		{ "git@h:r.git",		ERR_OK,		"git@h:r.git",		NULL },
		{ "/srv/r#feature/x",		ERR_OK,		"/srv/r",		"feature/x" },
		{ "/srv/c#/r#main",		ERR_OK,		"/srv/c#/r",		"main" },
		{ "/srv/r#",			ERR_FORMAT,	NULL,			NULL },
		{ "#main",			ERR_FORMAT,	NULL,			NULL },
		{ "",				ERR_FORMAT,	NULL,			NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *url = NULL, *branch = NULL;
		enum err err = git_url_split(rows[i].text, &url, &branch);

		check(err == rows[i].want, "'%s' gives '%s'", rows[i].text, err_str(rows[i].want));
		if (err == ERR_OK)
			check(strcmp(url, rows[i].url) == 0 && (branch == NULL) == (rows[i].branch == NULL) &&
			    (branch == NULL || strcmp(branch, rows[i].branch) == 0), "'%s' comes apart", rows[i].text);
		free(url);
		free(branch);
	}
}

static void
test_url_kind(void **state)
{
	static const struct { const char *url; enum git_transport_kind want; } rows[] = {
		{ "https://h/r",	GIT_KIND_HTTPS },
		{ "ssh://u@h:22/r",	GIT_KIND_SSH },
		{ "git@h:r",		GIT_KIND_SSH },
		{ "h:r",		GIT_KIND_SSH },
		{ "/srv/a:b",		GIT_KIND_LOCAL },
		{ "./a:b",		GIT_KIND_LOCAL },
		{ "file:///srv/r",	GIT_KIND_LOCAL },
		{ "r",			GIT_KIND_LOCAL },
		{ "http://h/r",		GIT_KIND_OTHER },
		{ "git://h/r",		GIT_KIND_OTHER },
		{ "ext::sh",		GIT_KIND_SSH },		/* a host named ext: nothing is run */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		check(git_url_kind(rows[i].url) == rows[i].want, "the kind of %s", rows[i].url);
}

static void
test_url_directory(void **state)
{
	static const struct { const char *url, *want; } rows[] = {
		{ "/srv/r%20",			"/srv/r%20" },
		{ "file:///srv/a%20b",		"/srv/a b" },
		{ "file://localhost/srv/r",	"/srv/r" },
		{ "file:///srv/r%2",		NULL },
		{ "file:///srv/r%zz",		NULL },
		{ "file:///srv/r%00x",		NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *path = git_url_directory(rows[i].url);

		check((path == NULL) == (rows[i].want == NULL) && (path == NULL || strcmp(path, rows[i].want) == 0),
		    "the directory of %s", rows[i].url);
		free(path);
	}
}

static void
test_redact(void **state)
{
	static const struct { const char *url, *want; } rows[] = {
		{ "https://user:pass@h/r",	"https://*********@h/r" },
		{ "https://token@h/r",		"https://*****@h/r" },
		{ "https://u:p@ss@h/r",		"https://******@h/r" },
		{ "ssh://git@h/r",		"ssh://git@h/r" },
		{ "ssh://git:pw@h/r",		"ssh://git:**@h/r" },
		{ "https://h/r@x",		"https://h/r@x" },
		{ "git@h:r",			"git@h:r" },
		{ "http://user:pass@h/r",	"http://*********@h/r" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[64];

		strcpy(text, rows[i].url);
		git_url_redact(rows[i].url, text);
		check(strcmp(text, rows[i].want) == 0, "%s is shown as %s, not %s", rows[i].url, rows[i].want, text);
	}
}

static void
test_path_join(void **state)
{
	static const struct { const char *base, *path; enum err want; const char *out; } rows[] = {
		{ "",		"a",		ERR_OK,		"a" },
		{ "",		".",		ERR_OK,		"" },
		{ "",		"",		ERR_OK,		"" },
		{ "z",		"a/../b",	ERR_OK,		"z/b" },
		{ "z/y",	"../../b",	ERR_OK,		"b" },
		{ "z",		"..",		ERR_OK,		"" },
		{ "z",		"../..",	ERR_RANGE,	NULL },
		{ "z",		"../../z/a",	ERR_RANGE,	NULL },
		{ "",		"a/.././b//c/",	ERR_OK,		"b/c" },
		{ "z",		"/a",		ERR_RANGE,	NULL },
		{ "z",		"...",		ERR_OK,		"z/..." },
		{ "ab/cd",	"../x",		ERR_OK,		"ab/x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *out = NULL;
		enum err err = git_path_join(rows[i].base, rows[i].path, &out, NULL);

		check(err == rows[i].want, "%s + %s gives '%s'", rows[i].base, rows[i].path, err_str(rows[i].want));
		check(err != ERR_OK || strcmp(out, rows[i].out) == 0, "%s + %s", rows[i].base, rows[i].path);
		free(out);
	}
}

static void
test_exchange(void **state)
{
	struct git_exchange x = { 0 }, y;
	struct buf b = { 0 };

	(void)state;
	check(git_exchange_set(&x, GIT_FIELD_OPERATION, "fetch") && git_exchange_set(&x, GIT_FIELD_URL, "") &&
	    git_exchange_set(&x, GIT_FIELD_WORDS, "two\nlines"), "fields are set");
	git_exchange_write(&x, &b);
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *part = malloc(n > 0 ? n : 1);

		memcpy(part, b.p, n);
		check(!git_exchange_read(part, n, &y), "%zu of %zu octets are not whole", n, b.len);
		free(part);
	}
	check(git_exchange_read(b.p, b.len, &y), "the whole is");
	check(strcmp(y.v[GIT_FIELD_WORDS], "two\nlines") == 0 && y.v[GIT_FIELD_URL][0] == '\0' &&
	    y.v[GIT_FIELD_BRANCH] == NULL, "and says the same");
	git_exchange_clear(&y);
	buf_u8(&b, 0);
	check(!git_exchange_read(b.p, b.len, &y), "nothing may follow");
	check(!git_exchange_read((const uint8_t *)"\310\0\0\0\1x\377", 7, &y), "no such field");
	check(!git_exchange_read((const uint8_t *)"\1\0\0\0\1x\1\0\0\0\1x\377", 13, &y), "a field twice");
	check(!git_exchange_read((const uint8_t *)"\1\0\0\0\1\0\377", 7, &y), "a zero octet inside");
	buf_clear(&b);
	git_exchange_clear(&x);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_url_split),
		cmocka_unit_test(test_url_kind),
		cmocka_unit_test(test_url_directory),
		cmocka_unit_test(test_redact),
		cmocka_unit_test(test_path_join),
		cmocka_unit_test(test_exchange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
