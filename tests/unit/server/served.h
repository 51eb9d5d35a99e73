/* tests/unit/server/served.h -- zones, keys and settings as the workers share them, without a keeper: what is sent to
 * it stays in the queue. */
#ifndef TESTS_UNIT_SERVER_SERVED_H
#define TESTS_UNIT_SERVER_SERVED_H

#include "server/shared.h"

/* The zones are "example." (unsigned transfers to 127.0.0.0/8 only with the key plain.), "open.example." (to 127.0.0.1
 * and ::1), and "big.example.", of BIG_RECORDS addresses and one record that needs a message for itself. */
#define BIG_RECORDS 5000

struct served {
	struct shared shared;
	struct zone_store *stores[3];
	struct config *config;			/* the view's */
};

/* listen: a YAML list.  The calling thread is registered with RCU and online, for the other call too. */
void served_start(struct served *s, const char *listen, unsigned workers);
void served_stop(struct served *s);

/* One of the ring's keys: "u._update.example.", "t._transfer.example.", "n._notify.example.", "plain."; or "stranger.",
 * which is not in the ring; or "wrong", named as u._update.example. but with another secret. */
const struct tsig_key *served_key(const char *name);

/* What leads open.example. from serial 9 to 10; the caller's. */
struct ixfr *served_history(void);

#endif
