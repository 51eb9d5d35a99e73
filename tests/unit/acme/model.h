/* tests/unit/acme/model.h -- a CA in memory for whole orders: acme/order.c asks, the model answers, nothing else is
 * there. */
#ifndef TESTS_UNIT_ACME_MODEL_H
#define TESTS_UNIT_ACME_MODEL_H

#include <openssl/evp.h>

#include "acme/order.h"

#define NAMES_MAX 4
#define REQUESTS_MAX 200

enum trouble { NO_FAULT, NO_ANSWER, TIMED_OUT, HTTP_500, HTTP_503_LATER, HTTP_429_NOW, HTTP_429_LATER, HTTP_403,
    HTTP_302, NOT_JSON,
	EMPTY_OBJECT, UNKNOWN_STATUS };

/* How this CA behaves; all zero is an honest one. */
struct model {
	size_t n;				/* authorizations */
	const char *names[NAMES_MAX];
	bool wildcard[NAMES_MAX];
	bool reused[NAMES_MAX];			/* valid from the start */
	const char *challenges;			/* instead of the usual ones */
	bool persistent;			/* dns-persist-01 is offered as well */
	const char *bad_authorization;		/* the first ends so instead of valid */
	unsigned slow_checks, slow_order, slow_issue;	/* so many polls until it moves */
	const char *alternates[3];		/* names of further roots */
	bool bad_alternates;			/* they answer 404 */
	bool knows_no_replaces, gone, over;	/* the order to be taken up is not there; or invalid */
	bool ready_for_long;			/* says "ready" also after finalize, once */
	bool order_invalid, not_ready_once, http_location, no_location, wrong_key, no_pem, stays_ready, leaf_twice;
	const char *identifiers;		/* of the order; NULL: none */
	const char *content_type;
	int64_t date_s;				/* with each answer */
	int64_t retry_after_s;			/* with every "wait"; 0: none */
	enum trouble fault;			/* at the fault_at-th request and fault_times - 1 after it */
	unsigned fault_at, fault_times;

	/* What happened. */
	unsigned requests, responses, published, checked, unpublished, sleeps, placed;
	char payload[500];			/* of the last newOrder */
	uint64_t slept_ms;
	bool answered[NAMES_MAX];
	bool finalized;
	struct buf body, location;
};

struct outcome {
	enum err err;
	char words[1024];
	int64_t retry_after_s;
	size_t ntxts, nchain, nstanding;
	bool standing_wildcard;
	struct acme_cause cause;
	bool resumable;
	char problem[40], location[40];
	bool under_b;			/* the chain is below Root B */
};

struct zones { enum err publish, check; };	/* what the name servers do */

/* The CSR's key and another; the one makes, the other frees them, for cmocka. */
extern EVP_PKEY *model_key, *model_other_key;
int model_setup(void **state);
int model_teardown(void **state);

extern struct acme_order_setup wishes;		/* what run() orders beyond the names */

/* One order for the names of san from start to end; what holds for every order is checked. */
struct outcome run(struct model *m, const struct zones *zones, const char *san, unsigned limit_ms);

extern const struct zones good_zones;
extern const char one[], two[];
#define ONE .n = 1, .names = { "a.test" }
#define TWO .n = 2, .names = { "a.test", "a.test" }, .wildcard = { false, true }
#define CHALLENGE(type, rest) "{\"type\":\"" type "\",\"url\":\"https://ca/chall/0\",\"status\":\"pending\"" rest "}"

#endif
