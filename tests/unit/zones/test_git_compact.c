/* The clone stays small: what is written and fetched is packed, what nothing leads to goes, and a kill at any moment
 * leaves a clone that has everything.  CERTNS_LONG=yes: 100,000 write-backs. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/zones/git_place.h"

#define LINES 1000
#define EACH_MAX 800			/* octets that a write-back may leave */
#define FILES_MAX 1200

static const struct git_signature_text key = { "client._update.example.com",
	"client._update.example.com@ns1.example.com", 1700000000 };

static bool
is_long(void)
{
	const char *text = getenv("CERTNS_LONG");

	return text != NULL && strcmp(text, "yes") == 0;
}

/* A zone as a site with many hosts has it; each write-back changes the serial and one line. */
static void
zone_text(struct buf *out, const unsigned *address, unsigned serial)
{
	out->len = 0;
	buf_printf(out, "$ORIGIN example.com.\n$TTL 3600\n@\tSOA\tns1 hostmaster ( %u 7200 3600 1209600 300 "
	    ")\n\tNS\tns1\n", serial);
	for (unsigned i = 0; i < LINES; i++)
		buf_printf(out, "host%u\tA\t10.%u.%u.%u\n", i * 7919 % 100003, address[i] >> 16 & 255,
		    address[i] >> 8 & 255, address[i] & 255);
}

static void
write_back(struct git_source *s, git_oid_text head, const struct buf *text, unsigned serial)
{
	struct git_edit edit = { "example.com", text->p, text->len };
	struct git_signature_text author = key;
	struct fault f = { 0 };
	char message[512];
	git_oid_text new;
	enum err err;

	author.time_s += serial * 7;
	snprintf(message, sizeof message, "example.com: %u -> %u, +1 -1 (host%u A)\n\n2026-11-22T03:%02u:%02uZ %s "
	    "192.0.2.%u: +1 -1\n\nCertns-Zone: example.com\nCertns-Serial: %u %u\nCertns-Records: +1 "
	    "-1\nCertns-Updates: 1\nCertns-Key: %s\nCertns-Client: 192.0.2.%u\n", serial - 1, serial,
	    serial * 31 % 1000, serial / 60 % 60, serial % 60, author.name,
	    serial % 250, serial - 1, serial, author.name, serial % 250);
	err = git_source_commit(s, head, &edit, 1, &author, message, new, &f);
	check(err == ERR_OK, "write-back %u: %s", serial, fault_str(&f, err));
	memcpy(head, new, sizeof new);
}

static bool
compact(struct git_source *s, const git_oid_text *pins, size_t n)
{
	struct fault f = { 0 };
	struct buf words = { 0 };
	enum err err = git_source_compact(s, pins, n, -1, &words, &f);
	bool did = words.len > 0;

	check(err == ERR_OK, "the clone is compacted: %s", fault_str(&f, err));
	buf_clear(&words);
	return did;
}

/* What a shell command prints, as a number. */
static long
number(const char *command)
{
	char path[PATH_MAX + 16];
	long n = -1;
	FILE *f;

	sh("%s >number", command);
	snprintf(path, sizeof path, "%s/number", place);
	check((f = fopen(path, "re")) != NULL && fscanf(f, "%ld", &n) == 1, "%s", command);
	fclose(f);
	return n;
}

#define OCTETS "find clone/objects/pack -type f -printf '%s\\n' | awk '{n += $1} END {print n + 0}'"
#define FILES "find clone/objects -type f | wc -l"

/* So many write-backs, one after the other; head is the last. */
static void
write_many(struct git_source *s, git_oid_text head, unsigned n, bool compacting)
{
	unsigned address[LINES];
	struct buf text = { 0 };

	for (unsigned i = 0; i < LINES; i++)
		address[i] = i * 2654435761u >> 8;
	for (unsigned serial = 1; serial <= n; serial++) {
		address[serial * 31 % LINES] += serial * 40503u;
		zone_text(&text, address, serial);
		write_back(s, head, &text, serial);
		if (compacting && serial % 8 == 0)
			(void)compact(s, NULL, 0);
	}
	buf_clear(&text);
}

static void
test_many_write_backs(void **state)
{
	struct git_remote_config config = { .url = path_of("r") };
	unsigned n = is_long() ? 100000 : 2000;
	struct git_source *s = source_open("clone", &config);
	struct fault f = { 0 };
	git_oid_text head;
	long before, after, files;

	(void)state;
	check(git_source_fetch(s, head, &f) == ERR_OK, "the first fetch: %s", f.text);
	before = number(OCTETS);
	write_many(s, head, n, true);
	after = number(OCTETS);
	files = number(FILES);
	printf("%u write-backs: %ld octets each, %ld files\n", n, (after - before) / (long)n, files);
	check((after - before) / (long)n < EACH_MAX, "bounded: %ld octets each", (after - before) / (long)n);
	check(files < FILES_MAX, "bounded: %ld files", files);
	git_source_close(s);
	sh("git --git-dir=clone fsck --strict && test $(git --git-dir=clone rev-list --count %s) = %u", head, n + 1);
}

/* A clone with more than a thousand loose objects. */
static void
make_loose(const char *clone, git_oid_text head)
{
	struct git_remote_config config = { .url = path_of("r") };
	struct git_source *s = source_open(clone, &config);
	struct fault f = { 0 };

	check(git_source_fetch(s, head, &f) == ERR_OK, "the first fetch: %s", f.text);
	write_many(s, head, 340, false);
	git_source_close(s);
}

static void *
kill_child(void *after_us)
{
	char path[64];
	int child = 0;

	for (int i = 0; i < 2000 && child == 0; i++) {
		FILE *f;

		snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
		if ((f = fopen(path, "re")) != NULL) {
			if (fscanf(f, "%d", &child) != 1)
				child = 0;
			fclose(f);
		}
		nanosleep(&(struct timespec){ 0, 100 * 1000 }, NULL);
	}
	nanosleep(&(struct timespec){ 0, *(long *)after_us * 1000 }, NULL);
	if (child != 0)
		kill(child, SIGKILL);
	return NULL;
}

static void
test_a_kill_leaves_everything(void **state)
{
	struct git_remote_config config = { .url = path_of("r") };
	unsigned killed = 0, rounds = is_long() ? 200 : 8;
	git_oid_text head, tip;

	(void)state;
	make_loose("loose", head);
	for (unsigned i = 0; i < rounds; i++) {
		long after_us = (long)(i + 1) * 900000 / (long)rounds % 900000;
		struct fault f = { 0 };
		struct buf words = { 0 };
		struct git_source *s;
		pthread_t thread;

		sh("rm -rf clone && cp -a loose clone");
		s = source_open("clone", &config);
		check(pthread_create(&thread, NULL, kill_child, &after_us) == 0, "a thread starts");
		killed += git_source_compact(s, NULL, 0, -1, &words, &f) != ERR_OK;
		pthread_join(thread, NULL);
		git_source_close(s);
		buf_clear(&words);
		sh("git --git-dir=clone fsck --full && test $(git --git-dir=clone rev-list --count %s) = 341", head);
		s = source_open("clone", &config);
		check(git_source_fetch(s, tip, &f) == ERR_OK, "it is used again: %s", f.text);
		/* Killed while it removed what the pack has, it may have left too few files to begin again for. */
		check(compact(s, NULL, 0) || number(FILES) < FILES_MAX, "and compacted");
		git_source_close(s);
		sh("git --git-dir=clone fsck --full && test -z \"$(find clone -name '*_git2_*')\"");
	}
	check(killed > 0, "it was killed");
}

struct urgent {
	int fd;
	long after_us;
};

static void *
want_something_else(void *arg)
{
	const struct urgent *u = arg;

	nanosleep(&(struct timespec){ 0, u->after_us * 1000 }, NULL);
	check(eventfd_write(u->fd, 1) == 0, "told");
	return NULL;
}

/* A compaction that gives way ends soon, and what it gave way to is done with the same clone as if nothing had been. */
static void
test_giving_way(void **state)
{
	struct git_remote_config config = { .url = path_of("r") };
	git_oid_text head, tip;

	(void)state;
	make_loose("loose", head);
	for (long after_us = 0; after_us <= 300000; after_us += 100000) {
		struct urgent u = { eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), after_us };
		struct fault f = { 0 };
		struct buf words = { 0 };
		struct git_source *s;
		pthread_t thread;
		enum err err;

		sh("rm -rf clone && cp -a loose clone");
		s = source_open("clone", &config);
		if (after_us == 0)
			want_something_else(&u);
		else
			check(pthread_create(&thread, NULL, want_something_else, &u) == 0, "a thread starts");
		err = git_source_compact(s, NULL, 0, u.fd, &words, &f);
		check(err == ERR_CANCELLED || (err == ERR_OK && after_us > 0), "after %ld us: %s", after_us, fault_str(&f, err));
		if (after_us > 0)
			pthread_join(thread, NULL);
		buf_clear(&words);
		sh("git --git-dir=clone fsck --full && test $(git --git-dir=clone rev-list --count %s) = 341", head);
		err = git_source_fetch(s, tip, &f);
		check(err == ERR_OK, "a fetch: %s", fault_str(&f, err));
		compact(s, NULL, 0);
		sh("git --git-dir=clone fsck --full && test -z \"$(find clone -name '*_git2_*')\"");
		git_source_close(s);
		close(u.fd);
	}
}

static void
test_what_nothing_leads_to_goes(void **state)
{
	struct git_remote_config config = { .url = path_of("r2") };
	struct git_source *s;
	struct fault f = { 0 };
	struct buf b = { 0 };
	git_oid_text old, head, pin = "", gone = "";
	enum err err;

	(void)state;
	sh("git clone -q --bare r r2 && git clone -q r2 w2 && cd w2 && head -c 300000 /dev/urandom >big && echo pinned "
	    ">pinned && git add big pinned && git commit -qm big && git push -q");
	s = source_open("clone2", &config);
	check(git_source_fetch(s, old, &f) == ERR_OK, "the first fetch: %s", f.text);
	check(git_source_read(s, old, "pinned", 100, &b, pin, &f) == ERR_OK &&
	    git_source_read(s, old, "big", 1 << 20, &b, gone, &f) == ERR_OK, "both are there: %s", f.text);
	check(!git_source_has_garbage(s), "nothing is garbage");
	sh("cd w2 && git reset -q --hard HEAD~1 && git commit -q --allow-empty -m other && git push -q --force");
	check(git_source_fetch(s, head, &f) == ERR_OK && git_source_has_garbage(s), "history was rewritten: %s",
	    f.text);
	git_source_close(s);
	s = source_open("clone2", &config);
	check(git_source_has_garbage(s), "that is not forgotten");
	check(compact(s, (const git_oid_text *)&pin, 1), "it is collected");
	check(!git_source_has_garbage(s), "once");
	b.len = 0;
	check(git_source_read_blob(s, pin, 100, &b, &f) == ERR_OK && b.len == 7, "what is needed stays: %s", f.text);
	err = git_source_read_blob(s, gone, 1 << 20, &b, &f);
	check(err == ERR_NOT_FOUND, "the rest is gone: %s", err_str(err));
	check(git_source_read(s, head, "example.com", 100, &b, NULL, &f) == ERR_OK, "the new history is there: %s",
	    f.text);
	git_source_close(s);
	sh("git --git-dir=clone2 fsck --full && test $(du -sk clone2/objects | cut -f1) -lt 200");
	buf_clear(&b);
}

/* A loose object of a commit that is cut off while we run. */
static void
test_damage_is_told_and_ends(void **state)
{
	struct git_remote_config config = { .url = path_of("r") };
	struct buf words = { 0 };
	struct git_source *s;
	struct fault f = { 0 };
	enum err err;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		static const char *const objects[] = { "HEAD~3", "HEAD~3^{tree}", "HEAD~3:example.com" };
		char damage[256];

		snprintf(damage, sizeof damage, "f=clone/objects/$(git --git-dir=clone rev-parse refs/certns/main%s | "
		    "sed 's,..,&/,') && chmod u+w $f && truncate -s %u $f && find clone/objects/pack -type f | sort "
		    ">before", objects[i] + 4, 9 + i);
		sh("rm -rf clone && cp -a loose clone");
		s = source_open("clone", &config);
		sh("%s", damage);
		err = git_source_compact(s, NULL, 0, -1, &words, &f);
		check(err == ERR_FORMAT && words.len == 0 && strstr(f.text, "damaged") != NULL, "%s: %s", objects[i],
		    fault_str(&f, err));
		git_source_close(s);
		sh("find clone/objects/pack -type f | sort | cmp - before && test $(find clone/objects -type f | wc "
		    "-l) -gt 1000");
	}
}

static void
test_trying_again_leaves_nothing(void **state)
{
	struct git_remote_config config = { .url = path_of("r") };
	struct git_edit edit = { "example.com", "again\n", 6 };
	struct git_source *s = source_open("again", &config);
	struct fault f = { 0 };
	git_oid_text tip, first, second;
	struct git_signature_text author = key;

	(void)state;
	check(git_source_fetch(s, tip, &f) == ERR_OK, "the first fetch: %s", f.text);
	check(git_source_commit(s, tip, &edit, 1, &author, "m\n", first, &f) == ERR_OK, "a commit: %s", f.text);
	author.time_s += 300;
	check(git_source_commit(s, tip, &edit, 1, &author, "m\n", second, &f) == ERR_OK, "the same again: %s", f.text);
	check(strcmp(first, second) == 0, "it is the one that waits");
	check(git_source_commit(s, tip, &edit, 1, &author, "other\n", second, &f) == ERR_OK, "another: %s", f.text);
	check(strcmp(first, second) != 0, "that says something else");
	check(git_source_push(s, tip, second, &f) == ERR_OK, "and is pushed: %s", f.text);
	git_source_close(s);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_write_backs),
		cmocka_unit_test(test_a_kill_leaves_everything),
		cmocka_unit_test(test_giving_way),
		cmocka_unit_test(test_damage_is_told_and_ends),
		cmocka_unit_test(test_what_nothing_leads_to_goes),
		cmocka_unit_test(test_trying_again_leaves_nothing),
	};

	if (argc == 2 && strcmp(argv[1], GIT_CHILD_ARGUMENT) == 0)
		return git_child_main();
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);	/* thousands of syncs, of which nothing is to be learnt here */
	return cmocka_run_group_tests(tests, place_make_with_repository, place_remove);
}
