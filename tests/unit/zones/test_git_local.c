/* Pushes to a local path: the repository's hooks are honoured, with git and without, and what a killed push leaves is
 * dealt with. */
#include <sys/stat.h>

#include "base/clock.h"
#include "tests/unit/zones/git_place.h"

static const struct git_signature_text author = { "key.example.com", "key@ns1.example.com", 1700000000 };

/* A commit of its own on top of the remote's branch, pushed. */
static enum err
push(const char *clone, unsigned deadline_s, struct fault *f)
{
	static unsigned count;
	struct git_remote_config config = { .url = path_of("r"), .deadline_s = deadline_s };
	struct git_source *s = source_open(clone, &config);
	char text[32];
	struct git_edit edit = { "example.com", text, (size_t)snprintf(text, sizeof text, "text %u\n", ++count) };
	git_oid_text tip, commit;
	enum err err;

	memset(f, 0, sizeof *f);
	check((err = git_source_fetch(s, tip, f)) == ERR_OK, "%s fetches: %s", clone, fault_str(f, err));
	check((err = git_source_commit(s, tip, &edit, 1, &author, "m\n", commit, f)) == ERR_OK, "a commit: %s",
	    fault_str(f, err));
	err = git_source_push(s, tip, commit, f);
	check(try_sh("test $(git -c 'safe.directory=*' -C r rev-parse main) = %s", commit) == (err == ERR_OK ? 0 : 1),
	    "the remote has it, or has it not");
	git_source_close(s);
	return err;
}

static void
hook(const char *name, const char *script)
{
	sh("rm -f r/hooks/*; printf '#!/bin/sh\\n%%s\\n' '%s' >r/hooks/%s && chmod +x r/hooks/%s", script, name, name);
}

static void
test_hooks_run(void **state)
{
	struct fault f;
	enum err err;

	(void)state;
	sh("mkdir -p r/hooks");
	hook("pre-receive", "read old new ref; test $ref = refs/heads/main || exit 0; echo the moon is wrong >&2; exit "
	    "1");
	err = push("clone", 20, &f);
	check(err == ERR_REFUSED && strstr(f.text, "hook declined") != NULL && strstr(f.text, "moon is wrong") != NULL,
	    "a refusal is told: %s", fault_str(&f, err));
	hook("update", "test $1 = refs/heads/main && exit 1");
	err = push("clone", 20, &f);
	check(err == ERR_REFUSED && strstr(f.text, "hook declined") != NULL, "another hook's too: %s",
	    fault_str(&f, err));
	sh("git -C r count-objects -v >before");
	hook("pre-receive", "exit 1");
	check(push("clone", 20, &f) == ERR_REFUSED, "once more");
	sh("git -C r count-objects -v | cmp - before");		/* what is refused leaves nothing behind */
	hook("post-receive", "cat >seen");
	check((err = push("clone", 20, &f)) == ERR_OK, "post-receive refuses nothing: %s", fault_str(&f, err));
	sh("grep -q refs/heads/main r/seen && rm r/hooks/*");
	sh("mkdir elsewhere && printf '#!/bin/sh\\nexit 1\\n' >elsewhere/pre-receive && chmod +x elsewhere/pre-receive "
	    "&& git -C r config core.hooksPath $PWD/elsewhere");
	err = push("clone", 20, &f);
	check(err == ERR_REFUSED && strstr(f.text, "hook declined") != NULL, "hooks of another place: %s",
	    fault_str(&f, err));
	sh("git -C r config --unset core.hooksPath");
}

/* Commits with much in them, made by git in a clone of ours; pushed by us, with git and without. */
static void
test_what_is_pushed(void **state)
{
	static const struct { const char *why, *command; } rows[] = {
		{ "an empty file",		": >e && git add e" },
		{ "a large file",		"head -c 3000000 /dev/urandom >large && git add large" },
		{ "a file that was there once",	"git mv large again 2>/dev/null || git mv again large" },
		{ "directories",		"mkdir -p x/y/z && echo 1 >x/y/z/f && git add x" },
		{ "many files",			"for i in $(seq 120); do echo $i >m$i; done && git add ." },
		{ "a submodule",
		    "git update-index --add --cacheinfo 160000,0123456789012345678901234567890123456789,sub.git" },
		{ "objects of which some are there", "echo half >half && git add half && "
		    "git -C ../r hash-object -w --stdin <half && chmod 0444 ../r/objects/*/*" },
	};
	char *url = strdup(path_of("r")), *path = strdup(getenv("PATH"));
	struct git_remote_config config = { .url = url, .deadline_s = 20 };
	struct git_source *s = source_open("clone-w", &config);
	struct fault f = { 0 };
	git_oid_text tip;
	char line[64] = "";
	enum err err;

	(void)state;
	sh("rm -f r/hooks/*; git -C r config core.sharedRepository group && find r -type d | xargs chmod g+ws; "
	    "git clone -q r made");
	for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
		const char *why = rows[i / 2].why;

		check(git_source_fetch(s, tip, &f) == ERR_OK, "%s: fetched: %s", why, f.text);
		check(try_sh("cd made && git pull -q --rebase && %s && echo %zu >number && "
		    "git add number && git commit -qm '%s' && "
		    "git -C ../clone-w fetch -q ../made main && git rev-parse HEAD >../head", rows[i / 2].command, i,
		    why) == 0, "%s: made", why);
		FILE *file = fopen(path_of("head"), "re");
		check(file != NULL && fgets(line, sizeof line, file) != NULL, "%s: its name", why);
		fclose(file);
		line[strcspn(line, "\n")] = '\0';
		if (i % 2 == 1)
			setenv("PATH", "/nonexistent", 1);
		err = git_source_push(s, tip, line, &f);
		setenv("PATH", path, 1);
		check(err == ERR_OK, "%s: pushed: %s", why, fault_str(&f, err));
		check(try_sh("test $(git -C r rev-parse main) = %s && git -C r fsck --full --strict && "
		    "test -z \"$(find r -name '*git2*')\"", line) == 0,
		    "%s: the remote is whole", why);
		check(try_sh("test -z \"$(find r/objects -type d -name '[0-9a-f][0-9a-f]' ! -perm -2070)\" && "
		    "test -z \"$(find r/objects -type f -perm /0222)\"") == 0, "%s: the group can work with it", why);
		sh("git -C clone-w update-ref -d FETCH_HEAD; rm -f clone-w/FETCH_HEAD");
	}
	sh("git -C r config --unset core.sharedRepository; find r -type d | xargs chmod g-ws");
	git_source_close(s);
	free(url);
	free(path);
}

static void
test_without_git(void **state)
{
	char *path = strdup(getenv("PATH"));
	struct git_remote_config config = { .url = path_of("r"), .deadline_s = 20 };
	struct git_edit edit = { "example.com", "none\n", 5 };
	struct git_source *s = source_open("clone-n", &config);
	struct fault f = { 0 };
	git_oid_text tip, commit;
	enum err err;

	(void)state;
	check(git_source_fetch(s, tip, &f) == ERR_OK && git_source_commit(s, tip, &edit, 1, &author, "m\n", commit,
	    &f) == ERR_OK, "a commit: %s", f.text);
	hook("pre-receive", "exit 0");
	setenv("PATH", "/nonexistent", 1);
	err = git_source_push(s, tip, commit, &f);
	setenv("PATH", path, 1);
	check(err == ERR_REFUSED && strstr(f.text, "hook pre-receive, and git is not installed") != NULL,
	    "a hook that cannot run is not passed over: %s", fault_str(&f, err));
	sh("rm r/hooks/*");
	setenv("PATH", "/nonexistent", 1);
	err = git_source_push(s, tip, commit, &f);
	setenv("PATH", path, 1);
	check(err == ERR_OK, "without hooks git is not needed: %s", fault_str(&f, err));
	sh("test $(git -C r rev-parse main) = %s && git -C r fsck --strict", commit);
	git_source_close(s);
	free(path);
}

static void
test_locks(void **state)
{
	struct fault f;
	enum err err;

	(void)state;
	sh("rm -f r/hooks/*; : >r/refs/heads/main.lock");
	err = push("clone", 20, &f);
	check(err == ERR_BUSY && strstr(f.text, "refs/heads/main.lock is there since 20") != NULL, "a lock is told: %s",
	    fault_str(&f, err));
	sh("test -e r/refs/heads/main.lock && touch -d '20 minutes ago' r/refs/heads/main.lock");
	check((err = push("clone", 20, &f)) == ERR_OK, "a stale one of ours goes: %s", fault_str(&f, err));
	sh("git -C w pull -q && git -C w rev-parse HEAD >r/refs/heads/main.lock && touch -d '20 minutes ago' "
	    "r/refs/heads/main.lock");
	check((err = push("clone", 20, &f)) == ERR_OK, "also one that has a commit of ours: %s", fault_str(&f, err));
	sh("echo 0123456789012345678901234567890123456789 >r/refs/heads/main.lock && touch -d '20 minutes ago' "
	    "r/refs/heads/main.lock");
	err = push("clone", 20, &f);
	check(err == ERR_BUSY && strstr(f.text, "remove it") != NULL, "another's is left alone: %s",
	    fault_str(&f, err));
	sh("rm r/refs/heads/main.lock");
}

static void
test_a_hook_that_hangs(void **state)
{
	int64_t start_ms = clock_mono_ms();
	struct fault f;
	enum err err;

	(void)state;
	hook("pre-receive", "echo $$ >pid; exec sleep 100");
	err = push("clone", 2, &f);
	check(err == ERR_TIMEOUT && clock_mono_ms() - start_ms < 15000, "is given up: %s", fault_str(&f, err));
	sh("for i in $(seq 100); do kill -0 $(cat r/pid) || exit 0; sleep 0.1; done; exit 1");
	sh("rm r/hooks/*; test -z \"$(find r -name '*.lock')\"");
	check((err = push("clone", 20, &f)) == ERR_OK, "and the next one succeeds: %s", fault_str(&f, err));
}

/* git runs no hooks of a repository that somebody else owns, as long as nobody tells it to. */
static void
test_a_repository_of_another(void **state)
{
	struct fault f;
	enum err err;

	(void)state;
	if (geteuid() != 0)
		return;				/* only root can give one away */
	sh("rm -f r/hooks/*; chown -R 65534 r");
	check((err = push("clone", 20, &f)) == ERR_OK, "it is pushed to: %s", fault_str(&f, err));
	hook("pre-receive", "exit 0");
	sh("chown -R 65534 r");
	err = push("clone", 20, &f);
	check(err != ERR_OK && strstr(f.text, "dubious ownership") != NULL, "but its hooks need trust: %s",
	    fault_str(&f, err));
	sh("rm r/hooks/*; chown -R 0 r");
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hooks_run),
		cmocka_unit_test(test_what_is_pushed),
		cmocka_unit_test(test_without_git),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_a_hook_that_hangs),
		cmocka_unit_test(test_a_repository_of_another),
	};

	if (argc == 2 && strcmp(argv[1], GIT_CHILD_ARGUMENT) == 0)
		return git_child_main();
	return cmocka_run_group_tests(tests, place_make_with_repository, place_remove);
}
