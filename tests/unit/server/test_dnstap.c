/* server/dnstap.c with its thread and a file: what is noted down is written; what stands in the file stays; a ring that is full. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstrm.h>

#include "server/config.h"
#include "server/counters.h"
#include "server/dnstap.h"

static char directory[] = "/tmp/certns-dnstap-XXXXXX";
static char path[64];

static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1";

static struct dnstap *
make(const char *sink)
{
	struct config c = { .dnstap = { .sink = (char *)(uintptr_t)sink, .queries = true, .updates = true } };
	struct fault f = { 0 };
	struct dnstap *d;

	check(dnstap_new(1, &c, &d, &f) == ERR_OK, "%s", f.text);
	return d;
}

static void
note(struct dnstap *d, unsigned n)
{
	const struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(40113) };
	const struct dnstap_ends ends = { .peer = (const struct sockaddr *)&peer };
	struct dnstap_tap *t = dnstap_tap(d, 0);

	dnstap_begin(t);
	for (unsigned i = 0; i < n; i++)
		dnstap_request(t, &ends, query, sizeof query - 1);
}

/* Does the file end as a stream has to? */
static bool
is_finished(const char *name)
{
	uint8_t last[12];
	int fd = open(name, O_RDONLY);
	bool is = fd >= 0 && lseek(fd, -12, SEEK_END) > 0 && read(fd, last, 12) == 12 &&
	    memcmp(last, "\0\0\0\0\0\0\0\4\0\0\0\3", 12) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

/* Messages in the file; -1: it is not complete. */
static int
count(const char *name)
{
	struct fstrm_file_options *options = fstrm_file_options_init();
	struct fstrm_reader *r;
	const uint8_t *data;
	fstrm_res res;
	size_t len;
	int n = 0;

	fstrm_file_options_set_file_path(options, name);
	r = fstrm_file_reader_init(options, NULL);
	while ((res = fstrm_reader_read(r, &data, &len)) == fstrm_res_success)
		n++;
	fstrm_reader_destroy(&r);
	fstrm_file_options_destroy(&options);
	return res == fstrm_res_stop && is_finished(name) ? n : -1;
}

static off_t
size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? st.st_size : -1;
}

static struct dnstap_status
wait_written(struct dnstap *d, uint64_t wanted)
{
	struct dnstap_status s;

	for (unsigned i = 0; i < 12000; i++) {
		dnstap_describe(d, &s);
		if (s.written >= wanted)
			break;
		usleep(10000);
	}
	check(s.written == wanted, "%llu of %llu are written: %s", (unsigned long long)s.written, (unsigned long long)wanted,
	    s.problem);
	return s;
}

static void
test_off(void **state)
{
	struct dnstap *d = make(NULL);
	struct dnstap_status s;

	(void)state;
	check(!dnstap_is_on(dnstap_tap(d, 0)) && !dnstap_is_on(dnstap_tap(NULL, 0)), "it is off");
	dnstap_describe(d, &s);
	check(!s.is_on && s.written == 0 && s.dropped == 0, "and says so");
	dnstap_reopen(d);
	dnstap_free(d);
}

static void
test_resume(void **state)
{
	struct dnstap *d = make(path);
	struct stat st;
	off_t whole;
	int fd;

	(void)state;
	check(dnstap_is_on(dnstap_tap(d, 0)), "it is on");
	note(d, 3);
	dnstap_free(d);
	check(count(path) == 3, "the end writes what is there");
	check(stat(path, &st) == 0 && (st.st_mode & 0137) == 0, "not everybody may read it");

	d = make(path);
	note(d, 2);
	dnstap_free(d);
	check(count(path) == 5, "another start goes on with the file");

	/* as a crash leaves it: without an end, the last message not whole */
	whole = size_of(path);
	check(truncate(path, whole - 12 - 5) == 0 && count(path) == -1, "the file is damaged");
	d = make(path);
	note(d, 4);
	dnstap_free(d);
	check(count(path) == 8, "the last message is lost, and all others are there");

	for (unsigned cut = 1; cut < 12; cut++) {
		check(truncate(path, size_of(path) - cut) == 0, "the end lacks %u octets", cut);
		d = make(path);
		dnstap_free(d);
		note((d = make(path)), 1);
		dnstap_free(d);
		check(count(path) == 8 + (int)cut, "an end that lacks %u octets is made anew", cut);
	}

	/* behind the end */
	check((fd = open(path, O_WRONLY | O_APPEND)) >= 0 && write(fd, query, sizeof query - 1) > 0, "a stranger writes");
	close(fd);
	whole = size_of(path);
	d = make(path);
	note(d, 1);
	dnstap_free(d);
	check(size_of(path) == whole, "what cannot be gone on with is left alone");
	unlink(path);
}

static void
test_strangers(void **state)
{
	struct dnstap_status s = { 0 };
	struct dnstap *d;
	int fd;

	(void)state;
	check((fd = open(path, O_WRONLY | O_CREAT, 0600)) >= 0 && write(fd, "root:x:0:0:", 11) == 11, "there is a file");
	close(fd);
	d = make(path);
	note(d, 2);
	for (unsigned i = 0; i < 6000 && s.problem[0] == '\0'; i++) {
		dnstap_describe(d, &s);
		usleep(10000);
	}
	check(strstr(s.problem, "no dnstap") != NULL && !s.is_open, "the problem is told: %s", s.problem);
	check(size_of(path) == 11, "and the file is left alone");

	/* its place is free: what was noted down is still there */
	unlink(path);
	s = wait_written(d, 2);
	check(s.is_open && s.problem[0] == '\0' && s.dropped == 0, "nothing is lost, and no problem left");
	dnstap_free(d);
	check(count(path) == 2, "both are there");
	unlink(path);
}

static void
test_full_ring(void **state)
{
	struct dnstap *d = make("/nonexistent/file");
	struct dnstap_status s;

	(void)state;
	note(d, 100000);
	dnstap_describe(d, &s);
	check(s.dropped > 10000 && s.dropped < 90000, "%llu of 100000 are left out", (unsigned long long)s.dropped);
	dnstap_free(d);
}

/* As a disk that is full. */
static void
test_full_disk(void **state)
{
	struct dnstap *d = make(path);
	struct dnstap_status s = { 0 };
	struct rlimit before, small;

	(void)state;
	note(d, 5);
	wait_written(d, 5);
	check(getrlimit(RLIMIT_FSIZE, &before) == 0, "there is a limit");
	small = before;
	small.rlim_cur = (rlim_t)size_of(path) + 150;	/* one goes in, and a part of the next */
	check(setrlimit(RLIMIT_FSIZE, &small) == 0, "no more can be written");
	note(d, 3);
	for (unsigned i = 0; i < 6000 && s.problem[0] == '\0'; i++) {
		dnstap_describe(d, &s);
		usleep(10000);
	}
	check(strcmp(s.problem, strerror(EFBIG)) == 0, "the problem is told: %s", s.problem);
	usleep(1500000);		/* it is tried once more */
	note(d, 1);
	check(setrlimit(RLIMIT_FSIZE, &before) == 0, "there is room again");
	s = wait_written(d, 9);
	check(s.problem[0] == '\0' && s.dropped == 0, "all is well: %s", s.problem);
	dnstap_free(d);
	check(count(path) == 9, "all are there, once");
	unlink(path);
}

static void
test_rotation(void **state)
{
	struct config off = { .log_level = LOG_LEVEL_INFO };
	struct fault f = { 0 };
	struct dnstap *d = make(path);
	char moved[80];

	(void)state;
	snprintf(moved, sizeof moved, "%s.1", path);
	note(d, 3);
	wait_written(d, 3);
	dnstap_reopen(d);		/* nothing was moved: it goes on */
	note(d, 1);
	wait_written(d, 4);
	check(rename(path, moved) == 0, "the file is moved");
	dnstap_reopen(d);
	for (unsigned i = 0; i < 6000 && size_of(path) < 0; i++)
		usleep(10000);
	note(d, 2);
	wait_written(d, 6);
	check(count(moved) == 4, "the old one is complete");
	check(dnstap_configure(d, &off, &f) == ERR_OK && !dnstap_is_on(dnstap_tap(d, 0)), "it is turned off");
	for (unsigned i = 0; i < 6000 && count(path) != 2; i++)
		usleep(10000);
	check(count(path) == 2, "so the new one is complete");
	dnstap_free(d);
	unlink(path);
	unlink(moved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_full_ring),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_rotation),
	};
	int failed;

	signal(SIGXFSZ, SIG_IGN);
	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/log", directory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
