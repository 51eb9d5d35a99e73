/* tests/unit/server/update_run.h -- an UPDATE message on a zone, as the server and commit treat it. */
#ifndef TESTS_UNIT_SERVER_UPDATE_RUN_H
#define TESTS_UNIT_SERVER_UPDATE_RUN_H

#include "server/update.h"
#include "zones/zone.h"

#define UPDATE_NOW 1700000000

/* The rcode; the message is a copy, so that reads past its end are seen. */
unsigned update_run(const struct zone_version *v, const uint8_t *msg, size_t n, struct changeset *changes, char *reason,
    size_t size);
void update_apply(struct zone_store *store, const struct changeset *changes);
struct rr_list zone_content(const struct zone_store *store);	/* the caller's to clear */

int register_thread(void **state);
int unregister_thread(void **state);

#endif
