/* tests/bench/load.h -- a load generator: asks the questions of a file over and over, keeps a window of them
 * outstanding, and counts what comes back. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_WINDOW_MAX 1024
#define LOAD_PATIENCE_NS 500000000	/* a question without an answer for so long is lost */
#define LOAD_SLOWEST_US (1 << 20)	/* longer latencies count as this */

struct load_slot {			/* one outstanding question */
	int64_t sent_ns;
	uint16_t id;			/* the slot's index in the low ten bits, above it a count of its uses */
	bool busy;
};

struct load {
	struct sockaddr_in server;
	unsigned window, connections, rate;	/* rate: questions per second; 0: as fast as answers come */
	uint64_t count;				/* questions to ask */
	int64_t start_ns, end_ns;		/* no new ones after that */

	uint8_t *octets;		/* the messages, their IDs to be filled in */
	size_t *at;			/* where each begins; one more for the end */
	size_t n, next;

	struct load_slot slots[LOAD_WINDOW_MAX];
	uint16_t free[LOAD_WINDOW_MAX];
	unsigned nfree;
	int64_t looked_ns;		/* for lost ones, last */

	uint64_t sent, answered, lost, strange, octets_in, rcodes[16];
	uint32_t latency_us[LOAD_SLOWEST_US + 1];
};

int64_t load_now_ns(void);

/* May another question go out now?  In *wait_ns how long until it may; -1: not before an answer or an end. */
bool load_may_ask(const struct load *l, int64_t now_ns, int64_t *wait_ns);

/* Copy the next question to out (512 octets will do) and book it.  Returns its length. */
size_t load_ask(struct load *l, int64_t now_ns, uint8_t *out);

/* Book an answer. */
void load_take(struct load *l, int64_t now_ns, const uint8_t *msg, size_t n);

/* Give up on questions that wait too long; now and then. */
void load_look(struct load *l, int64_t now_ns);

/* Everything was asked, and answered or lost. */
bool load_is_over(const struct load *l, int64_t now_ns);

void load_udp(struct load *l);
void load_tcp(struct load *l);

#endif
