#include "base/log.h"

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

enum log_level
log_get_level(void)
{
	return (enum log_level)wanted_level;
}

bool
log_wants(enum log_level level)
{
	return (int)level <= wanted_level;
}

/* What peers and files made us print must not break the line, nor JSON. */
static size_t
copy_escaped(char *to, size_t room, const char *text, bool json)
{
	size_t n = 0;

	for (; *text != '\0' && n + 7 < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			n += (size_t)snprintf(to + n, room - n, json ? "\\u%04x" : "\\x%02x", c);
		else if (json && (c == '"' || c == '\\'))
			n += (size_t)snprintf(to + n, room - n, "\\%c", c);
		else
			to[n++] = (char)c;
	}
	to[n] = '\0';
	return n;
}

static void
log_line(enum log_level level, const char *format, va_list args)
{
	char text[3072], line[4096], stamp[40];
	struct timespec now;
	struct tm tm;
	bool json = wanted_format == LOG_JSON;
	size_t n;

	vsnprintf(text, sizeof text, format, args);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp + n, sizeof stamp - n, ".%03ldZ", now.tv_nsec / 1000000);

	n = (size_t)snprintf(line, sizeof line,
	    json ? "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"" : "%s %s: ", stamp, level_names[level]);
	n += copy_escaped(line + n, sizeof line - n - 4, text, json);
	n += (size_t)snprintf(line + n, sizeof line - n, json ? "\"}\n" : "\n");
	/* One write per line keeps lines of several threads apart; where stderr is gone, nobody listens. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
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
