/* server/dnstap_internal.h -- what the receiver's thread (dnstap_thread.c) and those who give it orders (dnstap.c) share.  Private to
 * server/dnstap*.c. */
#ifndef SERVER_DNSTAP_INTERNAL_H
#define SERVER_DNSTAP_INTERNAL_H

#include <pthread.h>

#include "base/log.h"
#include "server/dnstap.h"
#include "server/dnstap_sink.h"

#define DNSTAP_FRAMES 256		/* that are written together */
#define DNSTAP_BUFFER (256 * 1024)	/* and their octets */

/* Bits of a tap's wants. */
#define DNSTAP_WANTS_QUERIES 1u
#define DNSTAP_WANTS_RESPONSES 2u
#define DNSTAP_WANTS_UPDATES 4u		/* and their responses */

struct dnstap_settings {			/* the thread's own copy; sink NULL: off */
	char *sink, *identity, *version;
};

struct dnstap {
	pthread_mutex_t lock;		/* of these: */
	struct dnstap_settings next;		/* taken over where has_next is set */
	bool has_next, reopen, stopping, running;
	struct dnstap_status status;	/* but for the counters */

	_Atomic bool ordered;		/* the thread has something new to look at there */
	_Atomic uint64_t written;
	int wake_fd;
	pthread_t thread;

	/* the thread's */
	struct dnstap_settings now;
	struct dnstap_sink sink;
	bool is_open, obeys, has_problem, failed_to_write;
	int64_t retry_ms;		/* when to open the sink again */
	uint64_t dropped_told;
	struct log_seldom dropping;
	struct iovec frames[DNSTAP_FRAMES];
	uint8_t buffer[DNSTAP_BUFFER];

	unsigned ntaps;
	struct dnstap_tap *taps;
};

void dnstap_settings_clear(struct dnstap_settings *s);
uint64_t dnstap_count_dropped(const struct dnstap *d);

void *dnstap_main(void *arg);		/* the thread; arg: struct dnstap */

#endif
