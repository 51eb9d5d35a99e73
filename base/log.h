/* base/log.h -- one line per event, to standard error; safe from every thread.  When nobody takes the lines, or the disk is
 * full, they get lost, and a later one tells how many.
 * Secrets never reach these functions: callers print names, not values. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

void log_setup(enum log_level level, enum log_format format);
void log_set_level(enum log_level level);

/* For threads that serve others: they do not even wait for a moment until a line is taken. */
void log_never_wait(void);

/* Is a line of this level printed?  For messages that are costly to make. */
bool log_wants(enum log_level level);

/* Of what may happen very often, a line a minute.  Counts the event; true: it is time for a line, and *n events came since the
 * last one, with this one.  One thread; zeroed at the beginning. */
struct log_seldom {
	int64_t told_ms;
	uint64_t n;
};
bool log_seldom(struct log_seldom *s, int64_t now_ms, uint64_t *n);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
