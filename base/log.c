#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int wanted_level = LOG_LEVEL_INFO;
static _Atomic int wanted_format = LOG_TEXT;

static const char *const level_names[] = { "error", "warning", "info", "debug" };

void
log_setup(enum log_level level, enum log_format format)
{
	wanted_level = (int)level;
	wanted_format = (int)format;
}

void
log_set_level(enum log_level level)
{
	wanted_level = (int)level;
}

bool
log_wants(enum log_level level)
{
	return (int)level <= wanted_level;
}

bool
log_seldom(struct log_seldom *s, int64_t now_ms, uint64_t *n)
{
	s->n++;
	if (s->told_ms != 0 && now_ms >= s->told_ms && now_ms - s->told_ms < 60000)
		return false;
	s->told_ms = now_ms;
	*n = s->n;
	s->n = 0;
	return true;
}

/* Octets of the UTF-8 character at p (RFC 3629, section 4); 0: it is none. */
static size_t
utf8_length(const unsigned char *p)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90))
		return 0;			/* overlong */
	if ((p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;			/* a surrogate; above U+10FFFF */
	return n;
}

/* What peers and files made us print must not break the line, nor JSON. */
static size_t
copy_escaped(char *to, size_t room, const char *text, bool json)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = 0;

	while (*p != '\0' && n + 7 < room) {
		size_t length = utf8_length(p);

		/* U+0080 to U+009F steer terminals as well as the controls of ASCII do. */
		if (length == 0 || *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
			n += (size_t)snprintf(to + n, room - n, json ? "\\u%04x" : "\\x%02x", *p++);
			continue;
		}
		if (json && (*p == '"' || *p == '\\'))
			to[n++] = '\\';
		memcpy(to + n, p, length);
		n += length;
		p += length;
	}
	to[n] = '\0';
	return n;
}

#define LINE_MAX 4096			/* what a pipe takes at once (PIPE_BUF), or not at all */

static size_t
make_line(enum log_level level, const char *text, char line[LINE_MAX])
{
	bool json = wanted_format == LOG_JSON;
	struct timespec now;
	char stamp[40];
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp + n, sizeof stamp - n, ".%03ldZ", now.tv_nsec / 1000000);

	n = (size_t)snprintf(line, LINE_MAX,
	    json ? "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"" : "%s %s: ", stamp, level_names[level]);
	n += copy_escaped(line + n, LINE_MAX - n - 4, text, json);
	return n + (size_t)snprintf(line + n, LINE_MAX - n, json ? "\"}\n" : "\n");
}

/* --- Whoever reads standard error may have stopped to, as a terminal does at Ctrl-S, or a collector of logs whose disk
 * is full.  That must not stop us: lines get lost then, and are counted. --- */

#define PATIENCE_MS 1000
#define TURN_MS 100

static atomic_flag writing = ATOMIC_FLAG_INIT;
static _Atomic unsigned lost;
static _Atomic bool stuck;
static _Thread_local bool in_a_hurry;

void
log_never_wait(void)
{
	in_a_hurry = true;
}

/* Does it take a line?  What is broken does, to say so by write(). */
static bool
is_writable(int wait_ms)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	int n;

	while ((n = poll(&p, 1, wait_ms)) < 0 && errno == EINTR)
		;
	return n != 0;
}

/* With two threads behind is_writable() there may be room for one.  Who has the turn does not wait for anything; but it
 * may be another process's, after fork(). */
static bool
take_turn(void)
{
	for (unsigned i = 0; i < 10 * TURN_MS; i++) {
		if (!atomic_flag_test_and_set_explicit(&writing, memory_order_acquire))
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
	return false;
}

/* One write per line keeps lines of several threads apart. */
static bool
write_line(const char *line, size_t n)
{
	return is_writable(0) && write(STDERR_FILENO, line, n) == (ssize_t)n;
}

static void
tell_of_lost(void)
{
	unsigned n = atomic_exchange(&lost, 0);
	char text[80], line[LINE_MAX];

	if (n == 0)
		return;
	snprintf(text, sizeof text, "%u lines of the log were lost: they could not be written", n);
	if (!write_line(line, make_line(LOG_LEVEL_WARNING, text, line)))
		atomic_fetch_add(&lost, n);
}

static void
log_line(enum log_level level, const char *format, va_list args)
{
	char text[3072], line[LINE_MAX];
	size_t n;

	vsnprintf(text, sizeof text, format, args);
	n = make_line(level, text, line);
	stuck = !is_writable(in_a_hurry || stuck ? 0 : PATIENCE_MS);
	if (stuck || !take_turn()) {
		atomic_fetch_add(&lost, 1);
		return;
	}
	tell_of_lost();
	if (!write_line(line, n))
		atomic_fetch_add(&lost, 1);
	atomic_flag_clear_explicit(&writing, memory_order_release);
}

#define LOG_FUNCTION(name, level)			\
	void						\
	name(const char *format, ...)			\
	{						\
		va_list args;				\
							\
		if (!log_wants(level))			\
			return;				\
		va_start(args, format);			\
		log_line(level, format, args);		\
		va_end(args);				\
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
