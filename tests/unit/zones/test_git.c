/* Local repositories: what is read, committed, pushed, and refused. */
#include <pthread.h>

#include "tests/unit/zones/git_place.h"

static const struct git_signature_text author = { "key.example.com", "key@certns", 1700000000 };

static void
expect(struct git_source *s, const char *commit, const char *path, enum err want, const char *text)
{
	struct buf b = { 0 };
	struct fault f = { 0 };
	enum err err = git_source_read(s, commit, path, 1000, &b, NULL, &f);

	check(err == want, "reading %s gives '%s', not '%s' (%s)", path, err_str(want), err_str(err), f.text);
	if (err == ERR_OK)
		check(strcmp(buf_str(&b), text) == 0, "%s holds '%s', not '%s'", path, text, buf_str(&b));
	else
		check(f.text[0] != '\0', "%s fails with words", path);
	buf_clear(&b);
}

static void
fetch(struct git_source *s, git_oid_text tip)
{
	struct fault f = { 0 };
	enum err err = git_source_fetch(s, tip, &f);

	check(err == ERR_OK, "fetch: %s", fault_str(&f, err));
}

static void
commit(struct git_source *s, const git_oid_text parent, const char *path, const char *text, git_oid_text out)
{
	struct git_edit edit = { path, text, text != NULL ? strlen(text) : 0 };
	struct fault f = { 0 };
	enum err err = git_source_commit(s, parent, &edit, 1, &author, "changed\n", out, &f);

	check(err == ERR_OK && f.text[0] == '\0', "commit of %s: %s", path, fault_str(&f, err));
}

static void
test_reading(void **state)
{
	static const struct { const char *path; enum err want; const char *text; } reads[] = {
		{ "example.com",		ERR_OK,			"one\n" },
		{ "sub/inc",			ERR_OK,			"inc\n" },
		{ "./sub//deep/../inc",		ERR_OK,			"inc\n" },
		{ "nowhere/../sub/deep/x",	ERR_OK,			"deep\n" },
		{ "tool",			ERR_OK,			"x" },
		{ "../example.com",		ERR_RANGE,		NULL },
		{ "sub/../../etc/passwd",	ERR_RANGE,		NULL },
		{ "/etc/passwd",		ERR_RANGE,		NULL },
		{ "link",			ERR_UNSUPPORTED,	NULL },
		{ "dirlink/inc",		ERR_UNSUPPORTED,	NULL },
		{ "sub",			ERR_UNSUPPORTED,	NULL },
		{ "example.com/x",		ERR_NOT_FOUND,		NULL },
		{ "absent",			ERR_NOT_FOUND,		NULL },
		{ "",				ERR_NOT_FOUND,		NULL },
	};
	struct git_remote_config config = { .url = path_of("r") };
	struct git_source *s;
	struct buf b = { 0 };
	git_oid_text tip, blob;

	(void)state;
	repository_make();
	s = source_open("clone", &config);
	check(git_source_tip(s, tip, NULL) == ERR_NOT_FOUND, "no tip before the first fetch");
	check(git_source_branch(s) == NULL, "no branch before the first fetch");
	fetch(s, tip);
	check(strcmp(git_source_branch(s), "main") == 0, "main was chosen");
	for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++)
		expect(s, tip, reads[i].path, reads[i].want, reads[i].text);
	check(git_source_read(s, tip, "example.com", 3, &b, NULL, NULL) == ERR_NOSPACE, "4 octets are more than 3");
	check(git_source_read(s, tip, "example.com", 4, &b, blob, NULL) == ERR_OK, "4 octets fit into 4");
	buf_clear(&b);
	check(git_source_read_blob(s, blob, 4, &b, NULL) == ERR_OK && strcmp(buf_str(&b), "one\n") == 0, "by its id");
	buf_clear(&b);
	check(git_source_read_blob(s, tip, 400, &b, NULL) == ERR_FORMAT, "a commit is no file");
	check(git_source_reread_blob(s, blob, 4, &b, NULL) == ERR_OK && strcmp(buf_str(&b), "one\n") == 0, "again");
	buf_clear(&b);
	check(git_source_reread_blob(s, tip, 400, &b, NULL) == ERR_FORMAT,
	    "a commit is no file the second time either");
	memset(blob, 'e', GIT_OID_TEXT - 1);
	check(git_source_reread_blob(s, blob, 4, &b, NULL) == ERR_NOT_FOUND, "what is gone is not found");
	check(git_source_reopen(s, NULL) == ERR_OK, "the clone is opened anew");
	expect(s, tip, "example.com", ERR_OK, "one\n");
	git_source_close(s);

	s = source_open("clone", &config);
	check(strcmp(git_source_branch(s), "main") == 0, "the branch is known after a restart");
	expect(s, tip, "example.com", ERR_OK, "one\n");
	git_source_close(s);
}

static void
test_listing(void **state)
{
	static const struct { const char *name; bool regular; } wanted[] = {
		{ "README.md", true }, { "_keys", true }, { "dirlink", false }, { "example.com", true },
		{ "link", false }, { "sub", false }, { "tool", true },
	};
	struct git_remote_config config = { .url = path_of("r") };
	struct git_source *s = source_open("clone", &config);
	struct git_listing l;
	git_oid_text tip;

	(void)state;
	fetch(s, tip);
	check(git_source_list(s, tip, &l, NULL) == ERR_OK, "the top is listed");
	check(l.n == sizeof wanted / sizeof wanted[0], "with all its entries");
	for (size_t i = 0; i < l.n; i++)
		check(strcmp(l.v[i].name, wanted[i].name) == 0 && l.v[i].regular == wanted[i].regular, "entry %s",
		    wanted[i].name);
	git_listing_clear(&l);
	git_source_close(s);

	config.path = "./sub/";
	s = source_open("clone", &config);
	check(git_source_list(s, tip, &l, NULL) == ERR_OK && l.n == 2, "so is a sub-directory");
	git_listing_clear(&l);
	expect(s, tip, "inc", ERR_OK, "inc\n");
	expect(s, tip, "../example.com", ERR_OK, "one\n");
	expect(s, tip, "../../example.com", ERR_RANGE, NULL);
	git_source_close(s);

	config.path = "absent";
	s = source_open("clone", &config);
	check(git_source_list(s, tip, &l, NULL) == ERR_NOT_FOUND, "an absent one is not found");
	git_source_close(s);
}

static void
test_commit_and_push(void **state)
{
	struct git_remote_config config = { .url = path_of("r") };
	struct git_source *s = source_open("clone", &config);
	struct fault f = { 0 };
	git_oid_text tip, a, b, c;
	enum err err;

	(void)state;
	fetch(s, tip);
	commit(s, tip, "example.com", "one\n", a);
	check(strcmp(a, tip) == 0, "nothing changed, no commit");
	commit(s, tip, "absent", NULL, a);
	check(strcmp(a, tip) == 0, "removing what is not there changes nothing");
	commit(s, tip, "example.com", "two\n", a);
	commit(s, a, "sub/new", "new\n", b);
	commit(s, b, "tool", "y", c);
	expect(s, c, "example.com", ERR_OK, "two\n");
	expect(s, tip, "example.com", ERR_OK, "one\n");
	check((err = git_source_push(s, tip, c, &f)) == ERR_OK, "push: %s", fault_str(&f, err));
	sh("test $(git -C r rev-parse main) = %s", c);
	sh("test -z \"$(git -C r for-each-ref | grep -v refs/heads/main)\"");
	sh("git -C r fsck --strict && cd w && git pull -q && grep two example.com && test -x tool && test -L link && "
	    "test \"$(git log -1 --format='%%an %%ae %%at %%s')\" = 'key.example.com key@certns 1700000000 changed'");
	sh("git -C r ls-tree main sub/new | grep ^100644");
	check(git_source_tip(s, a, NULL) == ERR_OK && strcmp(a, c) == 0, "the clone knows what it pushed");
	sh("test $(git --git-dir=clone rev-parse refs/certns/main) = %s", c);	/* known for ours after a restart */

	sh("cd w && echo three >other && git add -A && git commit -qm other && git push -q");
	commit(s, c, "_keys", NULL, a);
	memset(&f, 0, sizeof f);
	err = git_source_push(s, c, a, &f);
	check(err == ERR_CONFLICT && strstr(f.text, "no longer at") != NULL, "a push too late: %s", fault_str(&f, err));
	sh("git --git-dir=clone rev-parse -q --verify refs/certns/main");
	fetch(s, tip);
	expect(s, tip, "other", ERR_OK, "three\n");
	check(git_source_push(s, tip, a, &f) == ERR_CONFLICT, "nor is the other's commit overwritten");
	commit(s, tip, "_keys", NULL, a);
	check(git_source_push(s, tip, a, &f) == ERR_OK, "on top of it, it goes");
	expect(s, a, "_keys", ERR_NOT_FOUND, NULL);
	git_source_close(s);
}

static void
test_rewritten_history(void **state)
{
	struct git_remote_config config = { .url = path_of("r") };
	struct git_source *s = source_open("clone", &config);
	git_oid_text before, after, foreign = "0123456789012345678901234567890123456789";
	bool yes;

	(void)state;
	fetch(s, before);
	sh("cd w && git pull -q && git commit -q --allow-empty -m forward && git push -q");
	fetch(s, after);
	check(git_source_is_ancestor(s, before, after, &yes, NULL) == ERR_OK && yes, "a commit on top");
	check(git_source_is_ancestor(s, after, after, &yes, NULL) == ERR_OK && yes, "a commit is its own ancestor");
	check(git_source_is_ancestor(s, after, before, &yes, NULL) == ERR_OK && !yes, "but not the other way");
	sh("cd w && git commit -q --amend --allow-empty -m else && git push -qf && cd ../r && "
	    "git reflog expire --expire=now --all && git gc -q --prune=now");
	strcpy(before, after);
	fetch(s, after);
	check(git_source_is_ancestor(s, before, after, &yes, NULL) == ERR_OK && !yes, "a rewritten history shows");
	check(git_source_is_ancestor(s, foreign, after, &yes, NULL) == ERR_OK && !yes, "a commit nobody has is none");
	git_source_close(s);
}

static void
test_edits_that_are_refused(void **state)
{
	static const struct { const char *path; enum err want; } rows[] = {
		{ "link",		ERR_UNSUPPORTED },
		{ "sub",		ERR_UNSUPPORTED },
		{ "dirlink/new",	ERR_UNSUPPORTED },
		{ "example.com/new",	ERR_FORMAT },
		{ "../new",		ERR_RANGE },
		{ "",			ERR_FORMAT },
		{ ".git",		ERR_FORMAT },
		{ "sub/.git/config",	ERR_FORMAT },
	};
	struct git_remote_config config = { .url = path_of("r") };
	struct git_source *s = source_open("clone-x", &config);
	git_oid_text tip, a, short_id = "0123";

	(void)state;
	fetch(s, tip);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct git_edit edit = { rows[i].path, "x", 1 };
		struct fault f = { 0 };
		enum err err = git_source_commit(s, tip, &edit, 1, &author, "m", a, &f);

		check(err == rows[i].want && f.text[0] != '\0', "an edit of '%s' gives '%s', not '%s' (%s)",
		    rows[i].path, err_str(rows[i].want), err_str(err), f.text);
	}
	check(git_source_commit(s, short_id, &(struct git_edit){ "a", "b", 1 }, 1, &author, "m", a, NULL) == ERR_FORMAT,
	    "a parent that is no id");
	git_source_close(s);
}

#define ROUNDS 6

/* Commit and push ROUNDS files of its own, as often as another comes first. */
static void *
writer(void *clone)
{
	char dir[PATH_MAX + 32], url[PATH_MAX + 32], name[64];
	struct git_remote_config config = { .url = url };
	struct git_source *s = NULL;
	intptr_t lost = 0;

	snprintf(dir, sizeof dir, "%s/%s", place, (const char *)clone);
	snprintf(url, sizeof url, "%s/r", place);
	if (git_source_open(dir, &config, &s, NULL) != ERR_OK)
		return (void *)1;
	for (int i = 0; i < ROUNDS; i++) {
		struct git_edit edit = { name, "x", 1 };
		git_oid_text tip, a;
		enum err err;

		snprintf(name, sizeof name, "%s-%d", (const char *)clone, i);
		do {
			if ((err = git_source_fetch(s, tip, NULL)) == ERR_OK &&
			    (err = git_source_commit(s, tip, &edit, 1, &author, name, a, NULL)) == ERR_OK)
				err = git_source_push(s, tip, a, NULL);
		} while (err == ERR_CONFLICT || err == ERR_BUSY);
		lost += err != ERR_OK;
	}
	git_source_close(s);
	return (void *)lost;
}

static void
test_two_writers_lose_nothing(void **state)
{
	pthread_t threads[2];
	char first[] = "writer-a", second[] = "writer-b";
	void *lost;

	(void)state;
	check(pthread_create(&threads[0], NULL, writer, first) == 0 &&
	    pthread_create(&threads[1], NULL, writer, second) == 0, "two threads start");
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &lost);
		check(lost == NULL, "writer %d pushed all", i);
	}
	sh("test $(git -C r ls-tree main | grep -c writer-) = %d && "
	    "test $(git -C r log --format=%%s main | grep -c ^writer) = %d", 2 * ROUNDS, 2 * ROUNDS);
}

static void
test_refusals(void **state)
{
	struct git_remote_config config = { .url = path_of("w") };
	struct git_source *s = source_open("clone-w", &config);
	struct fault f = { 0 };
	git_oid_text tip, a;
	enum err err;

	(void)state;
	fetch(s, tip);
	commit(s, tip, "x", "x", a);
	err = git_source_push(s, tip, a, &f);
	check(err == ERR_REFUSED && strstr(f.text, "not bare") != NULL, "a checked out branch: %s", fault_str(&f, err));
	sh("git -C w checkout -q -b elsewhere");
	check((err = git_source_push(s, tip, a, &f)) == ERR_OK, "one not checked out: %s", fault_str(&f, err));
	git_source_close(s);

	sh("git init -q --bare -b main empty");
	config.url = path_of("empty");
	s = source_open("clone-e", &config);
	err = git_source_fetch(s, tip, &f);
	check(err == ERR_NOT_FOUND && strstr(f.text, "empty") != NULL, "an empty repository: %s", fault_str(&f, err));
	git_source_close(s);

	config.url = path_of("r");
	config.branch = "devel";
	s = source_open("clone-d", &config);
	err = git_source_fetch(s, tip, &f);
	check(err == ERR_NOT_FOUND && strstr(f.text, "devel") != NULL, "no such branch: %s", fault_str(&f, err));
	git_source_close(s);

	config.url = path_of("nowhere");
	s = source_open("clone-n", &config);
	check(git_source_fetch(s, tip, &f) != ERR_OK && strstr(f.text, "nowhere") != NULL, "no such path: %s", f.text);
	git_source_close(s);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_commit_and_push),
		cmocka_unit_test(test_rewritten_history),
		cmocka_unit_test(test_edits_that_are_refused),
		cmocka_unit_test(test_two_writers_lose_nothing),
		cmocka_unit_test(test_refusals),
	};

	if (argc == 2 && strcmp(argv[1], GIT_CHILD_ARGUMENT) == 0)
		return git_child_main();
	return cmocka_run_group_tests(tests, place_make, place_remove);
}
