/* Damage in the clone: what it is and what to do is said, nothing crashes, and leftovers of a crash do no harm. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/unit/zones/git_place.h"

static const struct git_signature_text author = { "key.example.com", "key@certns", 1700000000 };

/* Open, read all there is, close.  The first error. */
static enum err
use(const char *clone, struct fault *f)
{
	struct git_remote_config config = { .url = path_of("r") };
	char dir[PATH_MAX + 32];
	struct git_source *s = NULL;
	struct git_listing l;
	git_oid_text tip;
	enum err err;

	memset(f, 0, sizeof *f);
	snprintf(dir, sizeof dir, "%s/%s", place, clone);
	if ((err = git_source_open(dir, &config, &s, f)) != ERR_OK)
		return err;
	if ((err = git_source_tip(s, tip, f)) == ERR_OK && (err = git_source_list(s, tip, &l, f)) == ERR_OK) {
		for (size_t i = 0; i < l.n && err == ERR_OK; i++) {
			struct buf b = { 0 };

			if (l.v[i].regular)
				err = git_source_read(s, tip, l.v[i].name, 1 << 24, &b, NULL, f);
			buf_clear(&b);
		}
		git_listing_clear(&l);
	}
	git_source_close(s);
	return err;
}

static void
fetched(const char *clone, git_oid_text tip)
{
	struct git_remote_config config = { .url = path_of("r") };
	struct git_source *s = source_open(clone, &config);
	struct fault f = { 0 };
	enum err err = git_source_fetch(s, tip, &f);

	check(err == ERR_OK, "%s is fetched: %s", clone, fault_str(&f, err));
	git_source_close(s);
}

/* The clone gets a large file, and $o is it. */
#define LARGE \
    "git unpack-objects -q <$(mv objects/pack/*.pack . && rm -f objects/pack/* && echo *.pack) && rm *.pack && " \
    "o=$(find objects -type f -size +1M) && chmod u+w $o"

static void
test_damage_is_told(void **state)
{
	static const struct { const char *what, *command, *words; } rows[] = {
		{ "the pack is cut off",
		    "chmod u+w objects/pack/*.pack && truncate -s 60 objects/pack/*.pack", "" },
		{ "a loose object is cut off",
		    "git unpack-objects -q <$(mv objects/pack/*.pack . && rm -f objects/pack/* && echo *.pack) && rm "
		    "*.pack && f=$(find objects/?? -type f ! -size +1M | head -1) && chmod u+w $f && truncate -s -4 $f",
		    "it is cut off" },
		{ "a loose object is empty",
		    "git unpack-objects -q <$(mv objects/pack/*.pack . && rm -f objects/pack/* && echo *.pack) && rm "
		    "*.pack && f=$(find objects/?? -type f ! -size +1M | head -1) && chmod u+w $f && truncate -s 0 $f",
		    "it is cut off" },
		{ "a large file's object is cut off",	LARGE " && truncate -s -9 $o", "" },
		{ "a large file's object is cut off early", LARGE " && truncate -s 2000000 $o", "" },
		{ "a large file's object has another octet", LARGE " && printf XXXX | dd of=$o bs=1 seek=1500000 "
		    "conv=notrunc", "" },
		{ "a large file's object goes on",	LARGE " && printf X >>$o", "" },
		{ "the pack is gone",		"rm -f objects/pack/*", "" },
		{ "the index is cut off",
		    "chmod u+w objects/pack/*.idx && truncate -s 7 objects/pack/*.idx", "" },
		{ "the pack is overwritten",
		    "chmod u+w objects/pack/*.pack && "
		    "dd if=/dev/zero of=$(echo objects/pack/*.pack) bs=1 seek=12 count=400 conv=notrunc", "" },
		{ "the branch is garbage",	"echo x >refs/remotes/origin/main", "refs/remotes/origin/main" },
		{ "the branch is empty",	": >refs/remotes/origin/main", "refs/remotes/origin/main" },
		{ "the branch in use is garbage", "echo x >refs/remotes/origin/HEAD", "refs/remotes/origin/HEAD" },
		{ "the branch leads nowhere",
		    "echo 0123456789012345678901234567890123456789 >refs/remotes/origin/main",
		    "0123456789012345678901234567890123456789" },
		{ "HEAD is gone",		"rm HEAD", "" },
		{ "the objects are gone",	"rm -rf objects", "" },
		{ "the configuration is garbage", "echo '[[[' >config", "" },
	};
	git_oid_text tip;
	struct fault f;

	(void)state;
	repository_make();
	sh("cd w && head -c 3000000 /dev/urandom >large && git add large && git commit -qm large && git push -q");
	fetched("whole", tip);
	sh("git -C whole repack -adq");
	check(use("whole", &f) == ERR_OK, "a whole clone: %s", f.text);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		sh("rm -rf c && cp -a whole c && cd c && %s", rows[i].command);
		enum err err = use("c", &f);
		check(err == ERR_FORMAT, "%s: '%s' (%s)", rows[i].what, err_str(err), f.text);
		check(strstr(f.text, "move it away and restart") != NULL && strstr(f.text, path_of("c")) != NULL &&
		    strstr(f.text, rows[i].words) != NULL, "%s: %s", rows[i].what, f.text);
	}
	sh("rm -rf c && mkdir c && echo mine >c/file");
	check(use("c", &f) == ERR_FORMAT, "a directory of something else");
	sh("test -f c/file && test ! -e c/HEAD");
	sh("rm -rf c && echo >c");
	check(use("c", &f) != ERR_OK, "a file in its place");
}

static void
test_damaged_file(void **state)
{
	struct git_remote_config config = { .url = path_of("r") };
	struct git_edit edit = { "example.com", "two\n", 4 };
	struct git_source *s;
	char dir[PATH_MAX + 32];
	struct fault f = { 0 };
	git_oid_text tip, a;
	enum err err;

	(void)state;
	s = source_open("clone-f", &config);
	check(git_source_fetch(s, tip, &f) == ERR_OK &&
	    git_source_commit(s, tip, &edit, 1, &author, "m", a, &f) == ERR_OK, "a commit of loose objects");
	git_source_close(s);
	sh("f=clone-f/objects/$(printf 'two\\n' | git hash-object --stdin | sed 's,..,&/,') && chmod u+w $f && "
	    "truncate -s 5 $f");
	s = NULL;
	snprintf(dir, sizeof dir, "%s/clone-f", place);
	err = git_source_open(dir, &config, &s, &f);
	check(err == ERR_FORMAT && strstr(f.text, "it is cut off") != NULL, "a file that is cut off: %s",
	    fault_str(&f, err));
}

static void
test_leftovers_of_a_crash(void **state)
{
	git_oid_text tip;
	struct stat st;

	(void)state;
	fetched("left", tip);
	sh("cd w && git commit -q --allow-empty -m more && git push -q");
	sh("cd left && : >refs/remotes/origin/main.lock && : >refs/remotes/origin/HEAD.lock && : >HEAD.lock && "
	    ": >config.lock && echo half >objects/pack/pack_git2_abc123");
	fetched("left", tip);
	sh("test $(git -C w rev-parse HEAD) = %s && test -z \"$(find left -name '*.lock' -o -name '*git2*')\"", tip);
	sh("mkdir made.new && : >made.new/HEAD");
	fetched("made", tip);
	check(stat(path_of("made"), &st) == 0 && (st.st_mode & 0777) == 0700, "the clone is nobody else's to read");
	sh("chmod 0755 made");
	fetched("made", tip);
	check(stat(path_of("made"), &st) == 0 && (st.st_mode & 0777) == 0700, "also if it was");
}

static void
test_a_large_file_is_not_read(void **state)
{
	struct git_remote_config config = { .url = path_of("r") };
	struct git_source *s;
	struct buf b = { 0 };
	struct fault f = { 0 };
	git_oid_text tip;
	enum err err;

	(void)state;
	sh("cd w && head -c 30000000 /dev/zero >large && git add large && git commit -qm large && git push -q");
	s = source_open("clone-l", &config);
	check(git_source_fetch(s, tip, &f) == ERR_OK, "it is fetched: %s", f.text);
	err = git_source_read(s, tip, "large", 1 << 20, &b, NULL, &f);
	check(err == ERR_NOSPACE && b.len == 0 && strstr(f.text, "30000000") != NULL, "but not read: %s",
	    fault_str(&f, err));
	git_source_close(s);
}

/* In a mount namespace of our own, so that whoever runs the tests may mount, and nothing stays mounted. */
static int
fetch_onto_small_disk(void)
{
	struct git_remote_config config = { 0 };
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct git_source *s;
	struct fault f = { 0 };
	git_oid_text tip;
	enum err err;

	if (uid != 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
			return 2;
		sh("echo deny >/proc/self/setgroups; echo '0 %u 1' >/proc/%d/uid_map && echo '0 %u 1' "
		    ">/proc/%d/gid_map", (unsigned)uid, (int)getpid(), (unsigned)gid, (int)getpid());
	} else if (unshare(CLONE_NEWNS) != 0) {
		return 2;
	}
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("tmpfs", path_of("small"), "tmpfs", 0,
	    "size=400k") != 0)
		return 3;
	config.url = path_of("r");
	s = source_open("small/clone", &config);
	err = git_source_fetch(s, tip, &f);
	git_source_close(s);
	check(err == ERR_NOSPACE, "a full disk: %s", fault_str(&f, err));
	return 0;
}

static void
test_a_full_disk(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	sh("mkdir small && cd w && git rm -q large && head -c 2000000 /dev/urandom >large && git add large && git "
	    "commit -qm large && git push -q");
	fflush(NULL);
	if ((pid = fork()) == 0)
		_exit(fetch_onto_small_disk());
	check(pid > 0 && waitpid(pid, &status, 0) == pid, "a process for a small disk of its own");
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it sees the disk full (%s)", !WIFEXITED(status) ?
	    "it crashed" : WEXITSTATUS(status) == 2 ? "this kernel gives no mount namespace" : WEXITSTATUS(status) ==
	    3 ? "mount failed" : "see above");
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damage_is_told),
		cmocka_unit_test(test_damaged_file),
		cmocka_unit_test(test_leftovers_of_a_crash),
		cmocka_unit_test(test_a_large_file_is_not_read),
		cmocka_unit_test(test_a_full_disk),
	};

	if (argc == 2 && strcmp(argv[1], GIT_CHILD_ARGUMENT) == 0)
		return git_child_main();
	return cmocka_run_group_tests(tests, place_make, place_remove);
}
