#include "tests/unit/server/update_run.h"

#include <stdlib.h>

#include "tests/unit/check.h"
#include "zones/rcu.h"

unsigned
update_run(const struct zone_version *v, const uint8_t *msg, size_t n, struct changeset *changes, char *reason,
    size_t size)
{
	uint8_t *copy = malloc(n + (n == 0));		/* so that reads past the end are seen */
	struct request q;
	unsigned rcode;

	memcpy(copy, msg, n);
	rcode = (unsigned)request_parse(&q, copy, n, true);
	if (rcode == RCODE_NOERROR)
		rcode = update_evaluate(v, &q, copy, n, NULL, UPDATE_NOW, changes, reason, size);
	free(copy);
	return rcode;
}

/* Make the changes, as commit does. */
void
update_apply(struct zone_store *store, const struct changeset *changes)
{
	struct zone_version *v;

	assert_int_equal(zone_store_begin(store), ERR_OK);
	for (size_t i = 0; i < changes->n; i++)
		assert_int_equal(changes->v[i].add ? zone_store_add(store, &changes->v[i].rr, NULL) :
		    zone_store_remove(store, &changes->v[i].rr, NULL), ERR_OK);
	assert_int_equal(zone_store_seal(store, &v), ERR_OK);
	zone_store_publish(store);
}

struct rr_list
zone_content(const struct zone_store *store)
{
	struct rr_list list = { 0 };

	assert_int_equal(zone_version_collect(zone_store_newest(store), NULL, &list), ERR_OK);
	return list;
}

int
register_thread(void **state)
{
	(void)state;
	rcu_register_thread();
	return 0;
}

int
unregister_thread(void **state)
{
	(void)state;
	rcu_drain();
	rcu_unregister_thread();
	return 0;
}
