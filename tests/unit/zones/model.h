/* tests/unit/zones/model.h -- a zone as a heap of RRs, and what the tree must say of it: slow and obvious. */
#ifndef TESTS_UNIT_ZONES_MODEL_H
#define TESTS_UNIT_ZONES_MODEL_H

#include "zones/store.h"

#define MODEL_MAX 256
#define MODEL_APEX ((const uint8_t *)"\7example\3com")

struct model_rr {
	struct dname owner;
	uint8_t rdata[48];
	uint32_t ttl;
	uint16_t type, rdlen;
};

struct model {
	struct model_rr v[MODEL_MAX];
	size_t n;
};

struct rr model_view(const struct model_rr *m);

/* A random RR for this zone: mostly below the apex, in it, or glue beside it. */
struct model_rr model_random_rr(void);

/* Do as zone_store_add() and zone_store_remove(); true: something changed. */
bool model_add(struct model *m, const struct model_rr *rr);
bool model_remove(struct model *m, const struct model_rr *rr);

/* Fails the test unless the version says what the model does, in every respect. */
void model_check(const struct model *m, const struct zone_version *v);

/* Random edits of both, in the open transaction; then the model has at most MODEL_MAX - 8 RRs. */
void model_edit(struct model *m, struct zone_store *s, unsigned edits);

#endif
