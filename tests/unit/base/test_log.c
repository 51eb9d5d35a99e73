#include "tests/unit/check.h"

#include <fcntl.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"

static char line[8192];

/* What one call of log_info() writes to standard error. */
static const char *
logged(const char *text)
{
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_info("%s", text);
	dup2(saved, STDERR_FILENO);
	close(ends[1]);
	close(saved);
	n = read(ends[0], line, sizeof line - 1);
	close(ends[0]);
	assert_true(n >= 0);
	line[n] = '\0';
	return line;
}

static const struct { const char *why, *text, *printed, *json; } lines[] = {
	{ "plain words", "zone loaded", "zone loaded", "zone loaded" },
	{ "a quote and a backslash", "a\"b\\c", "a\"b\\c", "a\"b\\c" },
	{ "a line feed", "one\ntwo", "one\\x0atwo", "one\ntwo" },
	{ "an escape sequence", "\033[31mred", "\\x1b[31mred", "\033[31mred" },
	{ "DEL", "\177", "\\x7f", "\177" },
	{ "UTF-8", "gr\303\274n \342\202\254 \360\237\230\200", "gr\303\274n \342\202\254 \360\237\230\200",
	    "gr\303\274n \342\202\254 \360\237\230\200" },
	{ "octets that are not UTF-8", "a\377b\303", "a\\xffb\\xc3", "a\303\277b\303\203" },
	{ "an escape sequence in one character", "\302\233m", "\\xc2\\x9bm", "\303\202\302\233m" },
	{ "an overlong form", "\300\257", "\\xc0\\xaf", "\303\200\302\257" },
	{ "half of a pair", "\355\240\200", "\\xed\\xa0\\x80", "\303\255\302\240\302\200" }
};

static void
test_lines_stay_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		log_setup(LOG_LEVEL_INFO, LOG_TEXT);
		const char *text = logged(lines[i].text), *words = strstr(text, " info: ");
		size_t n = strlen(lines[i].printed);

		check(words != NULL && strncmp(words + 7, lines[i].printed, n) == 0 && strcmp(words + 7 + n, "\n") == 0,
		    "%s: %s", lines[i].why, text);
		log_setup(LOG_LEVEL_INFO, LOG_JSON);
		json_t *json = json_loads(logged(lines[i].text), 0, NULL);
		check(json != NULL, "%s is JSON: %s", lines[i].why, line);
		check(strcmp(json_string_value(json_object_get(json, "message")), lines[i].json) == 0, "%s: %s",
		    lines[i].why, line);
		check(strcmp(json_string_value(json_object_get(json, "level")), "info") == 0, "%s: the level",
		    lines[i].why);
		json_decref(json);
	}
}

static void
test_long_lines_are_cut(void **state)
{
	char text[6000];

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		for (size_t i = 0; i + 1 < sizeof text; i++)
			text[i] = kind == 0 ? 'x' : kind == 1 ? '\001' : "\303\274"[i % 2];
		text[sizeof text - 1] = '\0';
		log_setup(LOG_LEVEL_INFO, LOG_JSON);
		json_t *json = json_loads(logged(text), 0, NULL);
		check(json != NULL && strlen(line) <= 4096, "kind %d is JSON still", kind);
		json_decref(json);
		log_setup(LOG_LEVEL_INFO, LOG_TEXT);
		logged(text);
		check(strchr(line, '\n') == line + strlen(line) - 1, "kind %d is one line", kind);
	}
}

static void
test_levels(void **state)
{
	(void)state;
	log_setup(LOG_LEVEL_WARNING, LOG_TEXT);
	check(!log_wants(LOG_LEVEL_INFO) && log_wants(LOG_LEVEL_WARNING), "warnings and what is worse");
	assert_string_equal(logged("hidden"), "");
	log_set_level(LOG_LEVEL_DEBUG);
	assert_true(log_wants(LOG_LEVEL_DEBUG));
}

static void
test_seldom(void **state)
{
	struct log_seldom s = { 0 };
	uint64_t n = 0;

	(void)state;
	check(log_seldom(&s, 1000, &n) && n == 1, "the first one is told at once");
	check(!log_seldom(&s, 1001, &n) && !log_seldom(&s, 60999, &n), "those that follow are not");
	check(log_seldom(&s, 61000, &n) && n == 3, "but for one, after a minute");
	check(!log_seldom(&s, 61001, &n), "then there is quiet again");
	check(log_seldom(&s, 500, &n) && n == 2, "a clock that was set back does not silence it");
}

static void
test_nobody_reads(void **state)
{
	int ends[2], saved = dup(STDERR_FILENO);
	unsigned before, told = 0;
	ssize_t n;

	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_TEXT);
	assert_int_equal(pipe(ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	before = (unsigned)fcntl(ends[1], F_SETPIPE_SZ, 8192);
	dup2(ends[1], STDERR_FILENO);
	log_never_wait();
	for (unsigned i = 0; i < 5000; i++)
		log_info("a line that does not fit in when many of them have been written before it, %u", i);
	n = read(ends[0], line, sizeof line - 1);
	log_info("read again");
	dup2(saved, STDERR_FILENO);
	check(n > 0 && n <= (ssize_t)before && line[n - 1] == '\n', "whole lines were taken, of %zd octets", n);
	n = read(ends[0], line, sizeof line - 1);
	line[n > 0 ? n : 0] = '\0';
	check(sscanf(line, "%*s warning: %u lines of the log were lost", &told) == 1 && told > 4900 && told < 5000,
	    "the rest is counted: %s", line);
	check(strstr(line, "read again\n") != NULL, "and the log goes on");
	close(ends[0]);
	close(ends[1]);
	close(saved);
}

static void
test_errors_have_words(void **state)
{
	struct fault f;

	(void)state;
	for (int err = ERR_OK; err <= ERR_CANCELLED; err++)
		check(err_str((enum err)err)[0] != '\0', "error %d has words", err);
	assert_int_equal(fault_set(&f, ERR_FORMAT, "line %d", 7), ERR_FORMAT);
	assert_string_equal(fault_str(&f, ERR_FORMAT), "line 7");
	fault_set(&f, ERR_FORMAT, "%s, column %d", f.text, 9);
	assert_string_equal(fault_str(&f, ERR_FORMAT), "line 7, column 9");
	f.text[0] = '\0';
	assert_string_equal(fault_str(&f, ERR_FORMAT), err_str(ERR_FORMAT));
	assert_int_equal(fault_set(NULL, ERR_PEER, "unheard"), ERR_PEER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_stay_lines),
		cmocka_unit_test(test_long_lines_are_cut),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_seldom),
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_errors_have_words)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
