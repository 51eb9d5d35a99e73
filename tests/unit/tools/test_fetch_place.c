/* The directory of a host: whole sets, or none. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "tests/unit/check.h"
#include "tests/unit/tools/authority.h"
#include "tools/fetch_install.h"

static char *names[] = { (char []){ "www.example.com" }, NULL };

static struct authority root;
static struct fetch_request request, second;
static struct fetch_chain chain, second_chain;
static char directory[64];
static struct fetch_settings settings;

static void
make_chain(const struct fetch_request *r, struct fetch_chain *out)
{
	struct buf pem = { 0 };
	struct fault f;

	out->v = sk_X509_new_null();
	sk_X509_push(out->v, authority_sign(&root, r->key, names, -DAY, DAY));
	assert_int_equal(fetch_chain_print(out, 0, &pem), ERR_OK);
	fetch_chain_clear(out);
	assert_int_equal(fetch_chain_parse((char *)pem.p, pem.len, out, &f), ERR_OK);
	buf_clear(&pem);
}

static int
set_up(void **state)
{
	struct fault f;

	(void)state;
	authority_make(&root, "Root", NULL);
	assert_int_equal(fetch_request_make(NULL, FETCH_P256, names, &request, &f), ERR_OK);
	assert_int_equal(fetch_request_make(NULL, FETCH_P256, names, &second, &f), ERR_OK);
	make_chain(&request, &chain);
	make_chain(&second, &second_chain);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	authority_clear(&root);
	fetch_request_clear(&request);
	fetch_request_clear(&second);
	fetch_chain_clear(&chain);
	fetch_chain_clear(&second_chain);
	return 0;
}

static int
new_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/certns-test-place.XXXXXX");
	assert_non_null(mkdtemp(directory));
	settings = (struct fetch_settings){ .host = names[0], .names = names, .directory = directory };
	return 0;
}

static int
remove_directory(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command);
}

static const char *
path(const char *name)
{
	static char text[256];

	snprintf(text, sizeof text, "%s/www.example.com/%s", directory, name);
	return text;
}

static bool
is_there(const char *name)
{
	struct stat st;

	return lstat(path(name), &st) == 0;
}

static unsigned
count_versions(void)
{
	DIR *d = opendir(path("versions"));
	unsigned n = 0;

	assert_non_null(d);
	for (const struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	closedir(d);
	return n;
}

static void
open_place(struct fetch_place *p)
{
	struct fault f = { 0 };

	check(fetch_place_open(&settings, p, &f) == ERR_OK, "%s", f.text);
}

static void
install(const struct fetch_place *p, const struct fetch_request *r, const struct fetch_chain *c)
{
	struct fault f = { 0 };

	check(fetch_place_install(p, &settings, r, c, clock_now_s(), &f) == ERR_OK, "%s", f.text);
}

static void
test_there_and_back(void **state)
{
	static const struct { const char *file; mode_t mode; } modes[] = {
		{ "current/key.pem", 0600 }, { "current/combined.pem", 0600 }, { "current/certificate.pem", 0644 },
		{ "current/chain.pem", 0644 }, { "current/fullchain.pem", 0644 }, { "current/request.pem", 0644 },
	};
	struct fetch_place p;
	struct fetch_have h;
	struct fault f = { 0 };
	struct stat st;

	(void)state;
	open_place(&p);
	assert_int_equal(fetch_place_read(&p, &h, &f), ERR_OK);
	check(h.request.key == NULL && h.chain.v == NULL && h.next.key == NULL && !h.hook_due && f.text[0] == '\0',
	    "nothing yet");
	fetch_have_clear(&h);
	assert_int_equal(fetch_place_keep_next(&p, &request, &f), ERR_OK);
	assert_int_equal(fetch_place_read(&p, &h, &f), ERR_OK);
	check(EVP_PKEY_eq(h.next.key, request.key) == 1 && fetch_request_is_for(&h.next, names), "a key that waits");
	fetch_have_clear(&h);
	install(&p, &request, &chain);
	assert_int_equal(fetch_place_read(&p, &h, &f), ERR_OK);
	check(EVP_PKEY_eq(h.request.key, request.key) == 1 && fetch_chain_same_leaf(&h.chain, &chain),
	    "what was installed");
	check(h.next.key == NULL && !is_there("next.pem") && !is_there("hook-due"),
	    "nothing waits, and there is no hook");
	fetch_have_clear(&h);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		assert_int_equal(stat(path(modes[i].file), &st), 0);
		check((st.st_mode & 0777) == modes[i].mode, "%s has mode %o", modes[i].file,
		    (unsigned)st.st_mode & 0777);
	}
	fetch_place_close(&p);
}

static void
test_one_at_a_time(void **state)
{
	struct fetch_place p, other;
	struct fault f = { 0 };

	(void)state;
	open_place(&p);
	check(fetch_place_open(&settings, &other, &f) == ERR_BUSY && strstr(f.text, "another certns-fetch") != NULL,
	    "%s", f.text);
	fetch_place_close(&p);
	open_place(&other);
	fetch_place_close(&other);
}

static void
test_old_versions_go(void **state)
{
	struct fetch_place p;

	(void)state;
	open_place(&p);
	for (int i = 0; i < 6; i++)
		install(&p, i % 2 == 0 ? &request : &second, i % 2 == 0 ? &chain : &second_chain);
	check(count_versions() == 3, "three stay: %u", count_versions());
	fetch_place_close(&p);
}

/* What a run that was killed leaves behind: also files with keys in them. */
static void
test_the_next_run_cleans_up(void **state)
{
	struct fetch_place p;
	struct fault f = { 0 };

	(void)state;
	open_place(&p);
	install(&p, &request, &chain);
	fetch_place_close(&p);
	assert_int_equal(mkdir(path("versions/.new.abcdef"), 0755), 0);
	assert_int_equal(file_write(path("versions/.new.abcdef/key.pem"), "x", 1, 0600, &f), ERR_OK);
	assert_int_equal(file_write(path("next.pem.abcdef"), "x", 1, 0600, &f), ERR_OK);
	assert_int_equal(symlink("versions/none", path(".new.current")), 0);
	open_place(&p);
	check(!is_there("versions/.new.abcdef") && !is_there("next.pem.abcdef"), "they are gone");
	check(is_there("current") && count_versions() == 1, "and nothing else");
	install(&p, &second, &second_chain);
	check(!is_there(".new.current"), "nor does a link stay");
	fetch_place_close(&p);
}

static void
test_damage(void **state)
{
	static const struct { const char *file, *words; bool key, chain; } rows[] = {
		{ "current/key.pem", "has not its key", false, false },
		{ "current/fullchain.pem", "fullchain.pem is damaged", true, false },
		{ "current/request.pem", "request.pem is damaged", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		static const char nonsense[] =
		    "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
		struct fetch_place p;
		struct fetch_have h;
		struct fault f = { 0 };

		open_place(&p);
		install(&p, &request, &chain);
		assert_int_equal(file_write(path(rows[i].file), nonsense, strlen(nonsense), 0600, &f), ERR_OK);
		check(fetch_place_read(&p, &h, &f) == ERR_OK && strstr(f.text, rows[i].words) != NULL, "%s: %s",
		    rows[i].file, f.text);
		check((h.request.key != NULL) == rows[i].key && (h.chain.v != NULL) == rows[i].chain,
		    "%s: the rest counts", rows[i].file);
		fetch_have_clear(&h);
		fetch_place_close(&p);
	}
}

/* The key of one version beside the certificate of another, as somebody's script may have left it. */
static void
test_a_pair_that_is_none(void **state)
{
	struct fetch_place p;
	struct fetch_have h;
	struct fault f = { 0 };
	struct buf pem = { 0 };

	(void)state;
	open_place(&p);
	install(&p, &request, &chain);
	assert_int_equal(fetch_key_print(second.key, &pem), ERR_OK);
	assert_int_equal(file_write(path("current/key.pem"), pem.p, pem.len, 0600, &f), ERR_OK);
	assert_int_equal(fetch_place_read(&p, &h, &f), ERR_OK);
	check(h.chain.v == NULL && strstr(f.text, "has not its key") != NULL, "%s", f.text);
	fetch_have_clear(&h);
	buf_wipe(&pem);
	fetch_place_close(&p);
}

static void
test_nothing_changes_when_it_fails(void **state)
{
	struct fetch_place p;
	struct fault f = { 0 };
	char before[128] = "", after[128] = "";

	(void)state;
	open_place(&p);
	install(&p, &request, &chain);
	assert_true(readlink(path("current"), before, sizeof before - 1) > 0);
	settings.owner = (char []){ "no such user" };
	check(fetch_place_install(&p, &settings, &second, &second_chain, clock_now_s(), &f) != ERR_OK &&
	    strstr(f.text, "no such user") != NULL, "%s", f.text);
	assert_true(readlink(path("current"), after, sizeof after - 1) > 0);
	check(strcmp(before, after) == 0 && count_versions() == 1, "all is as it was");
	settings.owner = NULL;
	settings.hook = (char []){ "true" };
	install(&p, &second, &second_chain);
	check(is_there("hook-due"), "the hook is due until it has run");
	assert_int_equal(fetch_place_hook_done(&p, &f), ERR_OK);
	check(!is_there("hook-due"), "now it has");
	fetch_place_close(&p);
}

int
main(void)
{
#define in_place(test) cmocka_unit_test_setup_teardown(test, new_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		in_place(test_there_and_back),
		in_place(test_one_at_a_time),
		in_place(test_old_versions_go),
		in_place(test_the_next_run_cleans_up),
		in_place(test_damage),
		in_place(test_a_pair_that_is_none),
		in_place(test_nothing_changes_when_it_fails),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
