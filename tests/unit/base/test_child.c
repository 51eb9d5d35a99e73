#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"

static const char *const environment[] = { "WORD=given", NULL };
static const struct { const char *why, *script, *says; bool given_in, ours; } lines[] = {
	{ "its output is ours to read",		"echo a", "a\n", false, true },
	{ "so are its complaints",		"echo b >&2", "b\n", false, true },
	{ "its environment is what it is given", "echo $WORD", "given\n", false, false },
	{ "or ours",				"echo $CHILD_TEST", "here\n", false, true },
	{ "no input is an empty one",		"cat; echo c", "c\n", false, true },
	{ "it reads what it is given",		"cat", "text", true, true },
	{ "it has no other descriptor",		"for i in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$i ] || echo $i; done", "", false, true },
	{ "signals do to it what they do",	"kill -PIPE $$; echo d", "", false, true },
	{ "also those that are blocked here",	"kill -TERM $$; echo e", "", false, true },
};

static void
read_all(int fd, char *out, size_t size)
{
	size_t at = 0;
	ssize_t n;

	while (at + 1 < size && (n = read(fd, out + at, size - 1 - at)) > 0)
		at += (size_t)n;
	out[at] = '\0';
}

static void
test_lines(void **state)
{
	sigset_t term;

	(void)state;
	setenv("CHILD_TEST", "here", 1);
	setenv("PATH", "/bin:/usr/bin", 1);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		const char *arguments[] = { "sh", "-c", lines[i].script, NULL };
		int in[2], out[2], status;
		char text[200];
		pid_t pid;

		assert_int_equal(pipe2(in, O_CLOEXEC), 0);
		assert_int_equal(pipe(out), 0);		/* no close-on-exec: it does not get them all the same */
		assert_int_equal(write(in[1], "text", 4), 4);
		close(in[1]);
		assert_int_equal(child_start(&(struct child){ "/bin/sh", arguments, lines[i].ours ? NULL : environment,
		    lines[i].given_in ? in[0] : -1, out[1], out[1], false }, &pid), 0);
		close(out[1]);
		read_all(out[0], text, sizeof text);
		check(strcmp(text, lines[i].says) == 0, "%s: %s", lines[i].why, text);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		check(getpgid(0) != pid, "it is in our group");
		close(in[0]);
		close(out[0]);
	}
}

static void
test_group(void **state)
{
	static const char *const arguments[] = { "sh", "-c", "sleep 100 & echo started; wait", NULL };
	int out[2], status;
	char text[20];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(child_start(&(struct child){ "sh", arguments, NULL, -1, out[1], -1, true }, &pid), 0);
	close(out[1]);
	assert_int_equal(read(out[0], text, sizeof text), 8);
	assert_int_equal(kill(-pid, SIGKILL), 0);
	read_all(out[0], text, sizeof text);		/* ends when both have let go of it */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status), "what it started ends with it");
	close(out[0]);
}

static void
test_none(void **state)
{
	static const char *const arguments[] = { "none", NULL };
	pid_t pid;

	(void)state;
	check(child_start(&(struct child){ "/no/such/program", arguments, NULL, -1, -1, -1, false }, &pid) == ENOENT,
	    "a program that is not there is an error");
	check(child_start(&(struct child){ "no-such-program", arguments, NULL, -1, -1, -1, false }, &pid) == ENOENT,
	    "in PATH, too");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_group),
		cmocka_unit_test(test_none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
