/* Which commits are taken, with git verify-commit as the oracle for single ones. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/unit/zones/git_place.h"
#include "zones/git_verify.h"

/* Shell functions for the rows: each makes a commit on main and leaves its name in HEAD. */
static const char functions[] =
    "plain() { git -c commit.gpgsign=false commit -q --allow-empty -m \"$1\"; }\n"
    "by() { git -c gpg.format=ssh -c user.signingkey=../$1 commit -q -S --allow-empty -m \"$2\"; }\n"
    "content() { plain \"$1\"; git cat-file commit HEAD >../c; }\n"		/* of a commit, to be signed by hand */
    "insert() { awk 'function sig(l, n) { while ((getline l < \"../c.sig\") > 0) print (n++ ? \" \" : \"gpgsig \") l } "
    "/^$/ && !done { sig(); done = 1 } { print }' ../c >../d; git reset -q --soft $(git hash-object -t commit -w "
    "../d); }\n"
    "back() { git reset -q --hard base; }\n"
    "git() { command git -c gpg.ssh.allowedSignersFile=../allowed -c gpg.ssh.revocationFile=../revoked \"$@\"; }\n";

static char base[64];

static void
line_of(const char *name, char *line, size_t size)
{
	struct buf b = { 0 };
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%s", place, name);
	check(file_read(path, 1000, &b, NULL) == ERR_OK, "%s is there", name);
	snprintf(line, size, "%.*s", (int)strcspn(buf_str(&b), "\n"), (const char *)b.p);
	buf_clear(&b);
}

static int
try_script(const char *script)
{
	return try_sh("cd w && . ../functions && %s", script);
}

/* Whatever w has, into the bare repository that is read. */
static struct git_source *
open_clone(void)
{
	static const struct git_remote_config config = { .url = "/nowhere", .branch = "main" };

	sh("rm -rf clone && git clone -q --bare w clone && git -C clone update-ref refs/remotes/origin/main main");
	return source_open("clone", &config);
}

static struct signers *
load_signers(void)
{
	char allowed[PATH_MAX + 16], revoked[PATH_MAX + 16];
	struct signers *signers = NULL;
	struct fault f = { 0 };

	snprintf(allowed, sizeof allowed, "%s/allowed", place);
	snprintf(revoked, sizeof revoked, "%s/revoked", place);
	check(signers_load(allowed, revoked, &signers, &f) == ERR_OK, "signers: %s", f.text);
	return signers;
}

/* The tip of main, against known. */
static enum err
verify(struct git_source *s, const char *const *known, size_t nknown, struct fault *f)
{
	struct signers *signers = load_signers();
	struct git_news news = { .known = known, .nknown = nknown };
	char tip[64];
	enum err err;

	sh("git -C w rev-parse HEAD >tip");
	line_of("tip", tip, sizeof tip);
	news.tip = tip;
	err = git_source_verify(s, &news, signers, f);
	signers_unref(signers);
	return err;
}

/* --- single commits --- */

static const struct {
	const char *why, *script, *words;	/* words NULL: accepted */
} commits[] = {
	{ "signed by ed25519", "by alice one", NULL },
	{ "signed by ecdsa", "by carol one", NULL },
	{ "signed by RSA", "by dave one", NULL },
	{ "with a long message", "by alice \"$(seq 1000)\"", NULL },
	{ "with an author that is not UTF-8", "GIT_AUTHOR_NAME=$(printf 'J\\374rgen') by alice one", NULL },
	{ "not signed", "plain 'a forged one'", "by A <a@example.com> \"a forged one\" is not signed" },
	{ "words that would upset a terminal", "plain \"$(printf 'a\\033[2Jb')\"", "\"a?[2Jb\" is not signed" },
	{ "a long subject", "plain \"$(printf '%080d' 7)\"", "00...\" is not signed" },
	{ "a signature on the message is none of the commit",
	    "plain \"$(printf 'x\\n\\ngpgsig -----BEGIN SSH SIGNATURE-----')\"", "is not signed" },
	{ "with PGP",
	    "content x; printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nxx\\n-----END PGP SIGNATURE-----\\n' "
	    ">../c.sig; insert",
	    "is signed with PGP" },
	{ "with X.509",
	    "content x; printf -- '-----BEGIN SIGNED MESSAGE-----\\nMIAG\\n-----END SIGNED MESSAGE-----\\n' "
	    ">../c.sig; insert",
	    "is signed with X.509" },
	{ "with nonsense", "content x; echo nonsense >../c.sig; insert", "has a bad signature: no SSH signature" },
	{ "by hand", "content x; rm -f ../c.sig; ssh-keygen -q -Y sign -n git -f ../alice ../c; insert", NULL },
	{ "for another name space", "content x; rm -f ../c.sig; ssh-keygen -q -Y sign -n file -f ../alice ../c; insert",
	    "has a bad signature: the signature is for 'file', not for 'git'" },
	{ "for another commit",
	    "content x; rm -f ../c.sig; ssh-keygen -q -Y sign -n git -f ../alice ../c; sed -i '$s/x/y/' ../c; insert",
	    "has a bad signature: the signature is false" },
	{ "cut off",
	    "content x; rm -f ../c.sig; ssh-keygen -q -Y sign -n git -f ../alice ../c; sed -i 3d ../c.sig; insert",
	    "has a bad signature" },
	{ "by somebody unknown", "by mallory one", "is not signed by an allowed key: the key ssh-ed25519 SHA256:" },
	{ "by a key that was revoked", "by eve one", "is revoked" },
	{ "by a key that had expired", "GIT_COMMITTER_DATE=2022-06-01T00:00:00Z by bob one",
	    "of 2022-06-01T00:00:00Z by A <a@example.com> \"one\" is not signed by an allowed key: the key "
	    "ssh-ed25519 SHA256:" },
	{ "before it had expired", "GIT_COMMITTER_DATE=2021-06-01T00:00:00Z by bob one", NULL },
	{ "before it was valid", "GIT_COMMITTER_DATE=2019-06-01T00:00:00Z by bob one", "was not yet valid then" },
	{ "the author's time does not matter",
	    "GIT_AUTHOR_DATE=2019-06-01T00:00:00Z GIT_COMMITTER_DATE=2021-06-01T00:00:00Z by bob one", NULL },
	{ "by a certificate", "by frank-cert.pub one", NULL },
};

static void
test_single_commits(void **state)
{
	const char *known[] = { base };

	(void)state;
	for (size_t i = 0; i < sizeof commits / sizeof *commits; i++) {
		struct git_source *s;
		struct fault f = { 0 };
		enum err err;

		check(try_script("back") == 0 && try_script(commits[i].script) == 0, "%s: the commit is made",
		    commits[i].why);
		s = open_clone();
		err = verify(s, known, 1, &f);
		if (commits[i].words == NULL)
			check(err == ERR_OK, "%s: accepted: %s", commits[i].why, fault_str(&f, err));
		else
			check(err == ERR_REFUSED && strstr(f.text, commits[i].words) != NULL,
			    "%s: wanted \"%s\", got \"%s\"",
			    commits[i].why, commits[i].words, fault_str(&f, err));
		check((try_script("git verify-commit HEAD") == 0) == (err == ERR_OK), "%s: git thinks so too",
		    commits[i].why);
		git_source_close(s);
	}
}

/* --- histories --- */

static const struct {
	const char *why, *script, *words;
} histories[] = {
	{ "nothing new", "true", NULL },
	{ "several good ones", "by alice 1; by carol 2; by alice 3", NULL },
	{ "a bad one below a good one", "plain 'in between'; by alice 2", "\"in between\" is not signed" },
	{ "the oldest bad one is named", "plain older; plain newer; by alice 3", "\"older\"" },
	{ "a merged branch of good ones", "git checkout -q -b side; by carol s; git checkout -q main; by alice m; "
	    "git -c gpg.format=ssh -c user.signingkey=../alice merge -q -S -m merged side", NULL },
	{ "a bad one in a merged branch", "git checkout -q -b side; plain hidden; git checkout -q main; by alice m; "
	    "git -c gpg.format=ssh -c user.signingkey=../alice merge -q -S -m merged side",
	    "\"hidden\" is not signed" },
	{ "a merge that is not signed", "git checkout -q -b side; by carol s; git checkout -q main; by alice m; "
	    "git merge -q -m merged side", "\"merged\" is not signed" },
	{ "a history of its own, signed", "git checkout -q --orphan new; by alice 1; by alice 2", NULL },
	{ "a history of its own, in part", "git checkout -q --orphan new; plain root; by alice 2",
	    "\"root\" is not signed" },
	{ "back to what was there before", "git reset -q --hard base~1", NULL },
	{ "another way from before", "git reset -q --hard base~1; by alice 1", NULL },
};

static void
test_histories(void **state)
{
	const char *known[] = { "1234567890123456789012345678901234567890", base };

	(void)state;
	for (size_t i = 0; i < sizeof histories / sizeof *histories; i++) {
		struct git_source *s;
		struct fault f = { 0 };
		enum err err;

		check(try_script("git checkout -q -f main; git branch -q -D side new; back; true") == 0 &&
		    try_script(histories[i].script) == 0, "%s: the commits are made", histories[i].why);
		s = open_clone();
		err = verify(s, known, 2, &f);
		if (histories[i].words == NULL)
			check(err == ERR_OK, "%s: accepted: %s", histories[i].why, fault_str(&f, err));
		else
			check(err == ERR_REFUSED && strstr(f.text, histories[i].words) != NULL,
			    "%s: wanted \"%s\", got \"%s\"",
			    histories[i].why, histories[i].words, fault_str(&f, err));
		git_source_close(s);
	}
	check(try_script("git checkout -q -f main") == 0, "main again");
}

static void
test_what_was_taken(void **state)
{
	struct git_source *s;
	struct fault f = { 0 };
	git_oid_text accepted;
	char tip[64];

	(void)state;
	check(try_script("back; plain one; by alice two") == 0, "two commits");
	s = open_clone();
	check(git_source_accepted(s, accepted, &f) == ERR_NOT_FOUND, "nothing was taken yet");
	check(verify(s, NULL, 0, &f) == ERR_OK, "so the tip alone counts: %s", f.text);
	line_of("tip", tip, sizeof tip);
	check(git_source_accept(s, base, &f) == ERR_OK && git_source_accepted(s, accepted, &f) == ERR_OK &&
	    strcmp(accepted, base) == 0, "the base was taken: %s", f.text);
	f.text[0] = '\0';
	check(verify(s, NULL, 0, &f) == ERR_REFUSED && strstr(f.text, "\"one\"") != NULL, "now all do: %s", f.text);
	check(git_source_accept(s, tip, &f) == ERR_OK && verify(s, NULL, 0, &f) == ERR_OK,
	    "what was taken is not asked again");
	git_source_close(s);
	s = source_open("clone", &(struct git_remote_config){ .url = "/nowhere", .branch = "main" });
	check(git_source_accepted(s, accepted, &f) == ERR_OK && strcmp(accepted, tip) == 0, "and it is remembered");
	git_source_close(s);
	/* A commit of ours that may have been pushed before we ended. */
	s = open_clone();
	sh("git -C clone update-ref refs/certns/main main");
	check(git_source_accept(s, base, &f) == ERR_OK && verify(s, NULL, 0, &f) == ERR_OK,
	    "our own needs no signature");
	git_source_close(s);
}

/* --- trailers --- */

static const struct {
	const char *why, *script;
	bool found;
} trailers[] = {
	{ "no trailer", "plain one", false },
	{ "a trailer", "plain \"$(printf 'one\\n\\nwhy\\n\\nCerns: no\\nCertns-Allow-Removal: yes')\"", true },
	{ "in any case", "plain \"$(printf 'one\\n\\ncertns-allow-removal:  YES')\"", true },
	{ "in an earlier commit", "plain \"$(printf 'one\\n\\nCertns-Allow-Removal: yes')\"; plain two", true },
	{ "it says no", "plain \"$(printf 'one\\n\\nCertns-Allow-Removal: no')\"", false },
	{ "in the subject", "plain 'Certns-Allow-Removal: yes'", false },
	{ "in the middle", "plain \"$(printf 'one\\n\\nCertns-Allow-Removal: yes\\n\\nis what I meant to say')\"",
	    false },
	{ "in what was taken before",
	    "plain \"$(printf 'one\\n\\nCertns-Allow-Removal: yes')\"; git -C ../clone fetch -q ../w main; "
	    "git rev-parse HEAD >../taken; plain two", false },
};

static void
test_trailers(void **state)
{
	char tip[64], taken[64];
	const char *known[] = { base, taken };

	(void)state;
	for (size_t i = 0; i < sizeof trailers / sizeof *trailers; i++) {
		struct git_news news = { tip, known, 2 };
		struct git_source *s;
		struct fault f = { 0 };
		bool yes = !trailers[i].found;

		check(try_script("back; git rev-parse HEAD >../taken") == 0 && try_script(trailers[i].script) == 0,
		    "%s: is made",
		    trailers[i].why);
		s = open_clone();
		sh("git -C w rev-parse HEAD >tip");
		line_of("tip", tip, sizeof tip);
		line_of("taken", taken, sizeof taken);
		check(git_source_has_trailer(s, &news, "Certns-Allow-Removal", "yes", &yes, &f) == ERR_OK &&
		    yes == trailers[i].found,
		    "%s: %s", trailers[i].why, f.text);
		git_source_close(s);
	}
}

static int
setup(void **state)
{
	char path[PATH_MAX + 64];
	int rc = place_make(state);

	if (rc != 0)
		return rc;
	snprintf(path, sizeof path, "%s/functions", place);
	check(file_write(path, functions, strlen(functions), 0600, NULL) == ERR_OK, "the functions are written");
	repository_make();
	sh("for k in alice bob eve mallory frank ca; do ssh-keygen -q -t ed25519 -N '' -f $k; done; "
	    "ssh-keygen -q -t ecdsa -N '' -f carol; ssh-keygen -q -t rsa -b 2048 -N '' -f dave; "
	    "ssh-keygen -q -s ca -I frank -n frank@a.org -V 20200101Z:20400101Z frank.pub; cp eve.pub revoked; "
	    "line() { echo \"$1@a.org $2 $(cut -d' ' -f1,2 $1.pub)\"; }; "
	    "for k in alice carol dave eve; do line $k 'namespaces=\"git\"'; done >allowed; "
	    "line bob 'valid-after=\"20200101Z\",valid-before=\"20220101Z\"' >>allowed; "
	    "echo \"*@a.org cert-authority $(cut -d' ' -f1,2 ca.pub)\" >>allowed");
	check(try_script("plain base; git tag base; git rev-parse HEAD >../base") == 0, "the base is made");
	line_of("base", base, sizeof base);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_commits),
		cmocka_unit_test(test_histories),
		cmocka_unit_test(test_what_was_taken),
		cmocka_unit_test(test_trailers),
	};

	return cmocka_run_group_tests(tests, setup, place_remove);
}
