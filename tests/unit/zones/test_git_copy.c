/* A remote that is a path: its new objects are taken one by one.  Whatever the remote looks like, the clone is whole
 * afterwards; what is damaged there is told, and not taken. */
#include <sys/stat.h>

#include "tests/unit/zones/git_place.h"

static enum err
fetch(const char *clone, const char *remote, git_oid_text tip, struct fault *f)
{
	struct git_remote_config config = { .url = path_of(remote), .deadline_s = 20 };
	struct git_source *s = source_open(clone, &config);
	enum err err;

	memset(f, 0, sizeof *f);
	err = git_source_fetch(s, tip, f);
	git_source_close(s);
	return err;
}

static void
fetch_whole(const char *clone, const char *remote, const char *why)
{
	git_oid_text tip;
	struct fault f;
	enum err err = fetch(clone, remote, tip, &f);

	check(err == ERR_OK, "%s: %s", why, fault_str(&f, err));
	check(try_sh("test $(git -C %s rev-parse main) = %s && test $(git -C %s rev-parse refs/remotes/origin/main) = "
	    "%s", remote, tip, clone, tip) == 0, "%s: the clone is at the remote's commit", why);
	check(try_sh("git -C %s fsck --full --strict", clone) == 0, "%s: the clone is whole", why);
	check(try_sh("test -z \"$(find %s -name '*git2*')\"", clone) == 0, "%s: no leftovers", why);
}

/* Each is done in the work tree w of the remote r. */
static void
test_remotes(void **state)
{
	static const struct { const char *why, *command; } rows[] = {
		{ "a first clone",			"true" },
		{ "nothing new",			"true" },
		{ "a file has changed",			"echo two >example.com && git commit -qam two" },
		{ "a commit without a change",		"git commit -q --allow-empty -m empty" },
		{ "a file far below",			"mkdir -p a/b/c && echo x >a/b/c/d && git add a && git commit "
		    "-qm deep" },
		{ "two commits, the second undoes the first",
		    "echo three >example.com && git commit -qam three && git revert -n HEAD && git commit -qm back" },
		{ "a file becomes a directory",
		    "git rm -q example.com && mkdir example.com && echo x >example.com/x && git add example.com && git "
		    "commit -qm d" },
		{ "and a file again",
		    "git rm -rq example.com && echo f >example.com && git add example.com && git commit -qm f" },
		{ "a merge",
		    "git checkout -qb side && echo s >side && git add side && git commit -qm side && git checkout -q "
		    "main && echo m >m && git add m && git commit -qm m && git merge -qm merge side" },
		{ "a root of another history is merged",
		    "git checkout -q --orphan other && git rm -rqf . && echo o >o && git add o && git commit -qm o && "
		    "git checkout -q main && git merge -qm both --allow-unrelated-histories other" },
		{ "a submodule's commit is not asked for",
		    "git update-index --add --cacheinfo 160000,0123456789012345678901234567890123456789,sub.git && git "
		    "commit -qm sub" },
		{ "a link and an executable file",
		    "ln -s example.com l && echo x >tool && chmod +x tool && git add l tool && git commit -qm l" },
		{ "an empty file and an empty directory's tree",
		    ": >empty && git add empty && git commit -qm e && "
		    "git update-ref refs/heads/main $(git commit-tree -m none -p HEAD $(git hash-object -t tree -w "
		    "/dev/null))" },
		{ "all is back",			"git reset -q --hard HEAD~1 && git commit -q --allow-empty -m "
		    "again" },
		{ "a rewritten history",		"git reset -q --hard HEAD~3 && echo r >r && git add r && git "
		    "commit -qm r" },
		{ "a large file",			"head -c 3000000 /dev/urandom >large && git add large && git "
		    "commit -qm large" },
		{ "more than a few files",
		    "for i in $(seq 150); do echo $i >f$i; done && git add . && git commit -qm many" },
		{ "more than a few commits",
		    "for i in $(seq 120); do git commit -q --allow-empty -m $i; done" },
		{ "one after that",			"echo y >example.com && git commit -qam y" },
	};

	(void)state;
	repository_make();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check(try_sh("cd w && %s && git push -qf", rows[i].command) == 0, "%s: made", rows[i].why);
		fetch_whole("clone", "r", rows[i].why);
	}
}

static void
test_where_objects_are(void **state)
{
	static const struct { const char *why, *command; } rows[] = {
		{ "all in one pack",			"git -C r gc -q && git -C r prune-packed" },
		{ "the newest as deltas",		"git -C r repack -adfq --depth=50 --window=50" },
		{ "in another repository",
		    "rm -rf store && mkdir store && cp -r r/objects store && rm -rf r/objects && mkdir -p "
		    "r/objects/info && echo $PWD/store/objects >r/objects/info/alternates" },
		{ "back again",				"git -C r repack -adq && rm r/objects/info/alternates" },
		{ "in packs and in files",
		    "for p in r/objects/pack/*.pack; do mv $p .; rm -f r/objects/pack/*; git -C r unpack-objects -q "
		    "<$(basename $p); done" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check(try_sh("(cd w && echo place %zu >>example.com && mkdir -p new%zu && echo x >new%zu/x && git add "
		    ". && git commit -qam p && git push -q) && %s", i, i, i, rows[i].command) == 0, "%s: made",
		    rows[i].why);
		fetch_whole("clone", "r", rows[i].why);
	}
}

/* The object's file in r: $o. */
static void
test_damage_there(void **state)
{
	static const struct { const char *why, *object, *command; } rows[] = {
		{ "a file is cut off",			"HEAD:example.com",	"truncate -s -3 $o" },
		{ "a file is another",			"HEAD:example.com",
		    "cat $(ls -S r/objects/[0-9a-f]*/* | head -1) >$o" },
		{ "a file has another octet",		"HEAD:example.com",
		    "printf X | dd of=$o bs=1 seek=20 conv=notrunc" },
		{ "a file has one more octet",		"HEAD:example.com",	"printf X >>$o" },
		{ "a file is gone",			"HEAD:example.com",	"rm $o" },
		{ "a directory is cut off",		"HEAD:sub",		"truncate -s -3 $o" },
		{ "the top is another file",		"HEAD^{tree}",
		    "cat $(ls -S r/objects/[0-9a-f]*/* | head -1) >$o" },
		{ "the commit is cut off",		"HEAD",			"truncate -s -3 $o" },
		{ "the commit is gone",			"HEAD",			"rm $o" },
		{ "the commit below is cut off",	"HEAD~1",		"truncate -s -3 $o" },
	};
	git_oid_text tip;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		check(try_sh("cd w && echo damage %zu >sub/inc && git commit -qam below && echo damage %zu "
		    ">>example.com && echo %zu >>sub/inc && git commit -qam d && git push -q && cd .. && cp -a r whole "
		    "&& h=$(git -C w rev-parse '%s') && o=r/objects/$(echo $h | sed 's,..,&/,') && chmod u+w $o && cp "
		    "-a clone before && %s", i, i, i, rows[i].object, rows[i].command) == 0, "%s: made", rows[i].why);
		enum err err = fetch("clone", "r", tip, &f);
		check(err == ERR_FORMAT || err == ERR_NOT_FOUND, "%s: %s: %s", rows[i].why, err_str(err), f.text);
		check(try_sh("grep -qF $(git -C w rev-parse '%s' | cut -c 4-) <<'.'\n%s\n.", rows[i].object,
		    f.text) == 0, "%s names it: %s", rows[i].why, f.text);
		check(try_sh("test $(git -C clone rev-parse origin/main) = $(git -C before rev-parse origin/main) && "
		    "git -C clone fsck --full --strict && ! git -C clone cat-file -e $(git -C w rev-parse HEAD)") == 0,
		    "%s: the clone is as it was", rows[i].why);
		sh("rm -rf r before && mv whole r");
		fetch_whole("clone", "r", rows[i].why);
	}
}

/* A fetch that ended at any of its objects has put there, before it, all that those lead to which it has put there: the next one goes
 * on from that.  What a kill leaves of a file is swept up. */
static void
test_killed(void **state)
{
	git_oid_text tip;
	struct fault f;
	int stopped = 0;

	(void)state;
	sh("cd w && echo k1 >sub/inc && git commit -qam k1 && echo k2 >example.com && echo k2i >sub/inc && git commit "
	    "-qam k2 && git push -q");
	sh("cp -a clone before");
	fetch_whole("clone", "r", "not killed");
	sh("(cd clone/objects && find ?? -type f | sort) >after; (cd before/objects && find ?? -type f) >had; grep -vFf "
	    "had after >new; test $(wc -l <new) = 9");
	for (int n = 1; n <= 9; n += 2) {
		/* A file where the directory of the nth object would be stops it there. */
		sh("rm -rf killed && cp -a before killed");
		if (try_sh("d=killed/objects/$(dirname $(sed -n %dp new)); test ! -e $d && : >$d", n) != 0)
			continue;
		check(fetch("killed", "r", tip, &f) != ERR_OK, "object %d cannot be written", n);
		sh("d=killed/objects/$(dirname $(sed -n %dp new)); rm $d && mkdir $d && : >$d/tmp_obj_git2_Ab12Cd", n);
		fetch_whole("killed", "r", "killed");
		stopped++;
	}
	check(stopped > 0, "it was stopped");
}

static void
test_a_damaged_pack(void **state)
{
	git_oid_text tip;
	struct fault f;
	enum err err;

	(void)state;
	sh("cd w && head -c 50000 /dev/urandom >noise && git add noise && git commit -qm noise && git push -q && cd .. "
	    "&& git -C r gc -q && cp -a r whole && chmod u+w r/objects/pack/*.pack && h=$(git -C r rev-parse "
	    "main:noise) && printf XXXX | dd of=$(echo r/objects/pack/*.pack) bs=1 seek=$(expr $(git show-index "
	    "<$(echo r/objects/pack/*.idx) | grep $h | cut -d' ' -f1) + 20000) conv=notrunc");
	err = fetch("clone", "r", tip, &f);
	check(err == ERR_FORMAT, "it is told: %s", fault_str(&f, err));
	sh("git -C clone fsck --full --strict && test $(git -C clone rev-parse origin/main) = $(git -C w rev-parse "
	    "HEAD~1)");
	sh("rm -rf r && mv whole r");
	fetch_whole("clone", "r", "repaired");
}

/* Deflated in parts of a megabyte. */
static void
test_what_is_written(void **state)
{
	static const size_t sizes[] = { 0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 5 };
	static const struct git_signature_text author = { "a", "a@example.com", 1700000000 };
	struct git_remote_config config = { .url = path_of("r") };
	struct git_source *s = source_open("written", &config);
	char *text = malloc(4 << 20);
	git_oid_text tip, commit;
	struct buf back = { 0 };
	struct fault f = { 0 };
	enum err err;

	(void)state;
	check(text != NULL && git_source_fetch(s, tip, &f) == ERR_OK, "it is fetched: %s", f.text);
	for (size_t i = 0; i < 4 << 20; i++)
		text[i] = (char)(i * i / 7 % 251 ^ i >> 16);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct git_edit edit = { "example.com", text, sizes[i] };

		err = git_source_commit(s, tip, &edit, 1, &author, "m\n", commit, &f);
		check(err == ERR_OK, "%zu octets are written: %s", sizes[i], fault_str(&f, err));
		buf_clear(&back);
		err = git_source_read(s, commit, "example.com", 8 << 20, &back, NULL, &f);
		check(err == ERR_OK && back.len == sizes[i] && (back.len == 0 || memcmp(back.p, text, back.len) == 0),
		    "%zu octets are read: %s", sizes[i], fault_str(&f, err));
		check(try_sh("git -C written fsck --full --strict && "
		    "test $(git -C written cat-file -s %s:example.com) = %zu", commit, sizes[i]) == 0,
		    "git finds them good");
	}
	buf_clear(&back);
	free(text);
	git_source_close(s);
}

static void
test_shallow(void **state)
{
	git_oid_text tip;
	struct fault f;
	enum err err;

	(void)state;
	sh("git clone -q --bare --depth 1 file://$PWD/r shallow");
	err = fetch("clone-s", "shallow", tip, &f);
	check(err == ERR_NOT_FOUND && strstr(f.text, "which is a shallow clone") != NULL, "it has no history: %s",
	    fault_str(&f, err));
	sh("git -C w reset -q --hard && (cd w && echo s >example.com && git commit -qam s && git push -q ../shallow "
	    "main)");
	fetch_whole("clone", "shallow", "what is missing there is here");
}

static void
test_who_may_read(void **state)
{
	struct stat st;

	(void)state;
	fetch_whole("mine", "r", "a clone");
	check(stat(path_of("mine"), &st) == 0 && (st.st_mode & 0777) == 0700, "it is nobody else's");
	sh("test -z \"$(find mine/objects -type f -perm /0222)\"");
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remotes),
		cmocka_unit_test(test_where_objects_are),
		cmocka_unit_test(test_damage_there),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_a_damaged_pack),
		cmocka_unit_test(test_what_is_written),
		cmocka_unit_test(test_shallow),
		cmocka_unit_test(test_who_may_read),
	};

	if (argc == 2 && strcmp(argv[1], GIT_CHILD_ARGUMENT) == 0)
		return git_child_main();
	return cmocka_run_group_tests(tests, place_make, place_remove);
}
