/* tests/unit/acme/calendar.h -- a stage for the engine over days, months and years, with clocks of its own.
 *
 * Orders and the CA's advice are played (the linker puts these functions in place of task.c's and client.c's);
 * everything else is real.  Time goes in steps; what is due in one happens at its end. */
#ifndef TESTS_UNIT_ACME_CALENDAR_H
#define TESTS_UNIT_ACME_CALENDAR_H

#include <openssl/evp.h>

#include "acme/host.h"
#include "tests/unit/acme/world.h"

#define HOUR 3600
#define DAY 86400
#define CAS 2
#define HOST "host.example.test"

struct ca {
	int64_t lifetime_s;
	bool down;
	int64_t limit_s;		/* 429 with this Retry-After; 0: none */
	const char *limit_words;
	const char *bad_host;		/* its proofs fail */
	/* Renewal information: a part of each lifetime; 0: none. */
	double window_from, window_to;
	int64_t revoked_s;		/* of all that was issued before: the window is past; by the real time */
	unsigned orders, issued, refused, polls;
	struct acme_limits limits;	/* kept strictly: what is beyond them is counted */
	struct acme_buckets *buckets;
	unsigned beyond;
};

struct placed {
	int64_t at_s;			/* real time */
	size_t ca;
	char host[64];
	bool ok, replaces;
};

struct stage {
	struct event_base *base;
	struct world world;
	struct acme *engine;
	struct ca cas[CAS];
	struct acme_authority_config authorities[CAS];
	struct acme_config config;
	char directory[64];
	EVP_PKEY *key;
	struct placed *orders;
	size_t norders;
	unsigned serial;
	int64_t shift_s;		/* our clock minus the real one */
	unsigned running, most_running;
	unsigned strays;
};
extern struct stage stage;

int64_t real_s(void);			/* the time by which CAs go, whatever our clock shows */

/* Of each test.  Between setup and begin() the CAs and the configuration may be changed. */
int setup(void **state);
int teardown(void **state);
void begin(void);
void engine_restart(void);		/* as at a start of the server: every owner is looked at */

void pass(int64_t s, int64_t step_s);
void put_clock(int64_t by_s);
void put_csr(const char *host);
void put_csrs(unsigned n);		/* h0.example.test, ... */

struct acme_status status(void);	/* of the one host */
unsigned explained(void);		/* hosts that wait and are told that the CA does not answer */

#endif
