/* acme/task.h -- one order on its way: joins acme/order.h to the event loop, the CA, the zones and the memory that
 * outlasts restarts (acme/store.h).  An order that is remembered for the CSR, at the same authority, is gone on
 * with. */
#ifndef ACME_TASK_H
#define ACME_TASK_H

#include "acme/client.h"
#include "acme/order.h"
#include "acme/persist.h"
#include "acme/port.h"
#include "acme/resolve.h"
#include "acme/store.h"

struct acme_task;

/* Called exactly once, after all challenge records were removed; the task is freed when it returns.  An order that
 * succeeded stays in the store until acme_store_drop(), so that its certificate is not lost before it is published. */
typedef void acme_task_done(void *arg, struct acme_task *t, const struct acme_order_result *r);

struct acme_task_setup {		/* pointers are borrowed for the life of the task */
	struct acme_client *client;
	struct acme_port *port;
	struct event_base *base;
	struct acme_store *store;
	const uint8_t *owner;		/* of the CSR: under it the order is remembered */
	const char *host;		/* for messages; copied */
	const char *profile, *replaces, *preferred_chain;	/* as in struct acme_order_setup; replaces is copied */
	unsigned challenge_ttl_s, propagation_timeout_s;
	acme_task_done *done;
	void *arg;
	struct acme_resolve *resolve;	/* for what is outside of our zones */
	struct acme_persist *persist;
	unsigned failed_proofs;		/* in a row, in earlier orders */
	const char *authority;		/* name; for standing records */
};

/* Begins.  csr is the task's with ERR_OK.  ERR_NOMEM. */
enum err acme_task_start(const struct acme_task_setup *setup, struct acme_csr *csr, struct acme_task **out);

/* Give up: what was published is removed, then done comes with ERR_CANCELLED (perhaps before this returns).  words are
 * borrowed until then.  A second call, and one while the end is already being tidied up, does nothing. */
void acme_task_abort(struct acme_task *t, const char *words);

/* At once, without done: for the end of the engine. */
void acme_task_free(struct acme_task *t);

const struct acme_csr *acme_task_csr(const struct acme_task *t);
const char *acme_task_step(const struct acme_task *t);		/* in words; valid until the next call */

#endif
