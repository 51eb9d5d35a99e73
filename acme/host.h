/* acme/host.h -- one owner <label>.<host> with a CSR: what is known of it, and what happens next.
 *
 * A host lives from the first look that finds a CSR until the look that finds none.  Whatever happens to it (a change
 * of
 * the RRset, a timer, the end of an order) leads to one function in acme/host.c, examine(), which reads the RRset and
 * decides anew; so nothing is lost and nothing done twice.  acme/acme.c keeps the table. */
#ifndef ACME_HOST_H
#define ACME_HOST_H

#include <openssl/sha.h>
#include <sys/queue.h>

#include "acme/accounts.h"
#include "acme/acme.h"
#include "acme/authority.h"
#include "acme/csr.h"
#include "acme/port.h"
#include "acme/resolve.h"
#include "acme/revoked.h"
#include "acme/task.h"

#define ACME_BUCKETS 4096

struct acme_label {
	struct dname name;		/* absolute: "_letsencrypt._tcp." */
	unsigned n;			/* of labels */
	const char *text;
	const struct acme_label_config *config;
};

struct acme_host {
	LIST_ENTRY(acme_host) entry;
	TAILQ_ENTRY(acme_host) turn;		/* in waiting, while queued */
	struct acme *acme;
	struct dname owner;
	char *name;			/* in text, without the label */
	const struct acme_label *label;
	struct event *timer;
	enum acme_state state;
	uint8_t csr_digest[SHA256_DIGEST_LENGTH];	/* of the CSR that all below is about */
	char *names, *issuer, *problem;	/* NULL: "" */
	int64_t expires_s, next_s;
	int64_t retry_at_ms;		/* monotonic; 0: at once */
	unsigned failures;
	bool queued, forced, gone;
	bool published;			/* a chain just now; it takes effect at the next look */
	bool replaces;			/* the chain takes the place of a certificate for the same CSR */
	int64_t warned_s;		/* ACME_EVENT_EXPIRING was told of the certificate that ends then */
	bool look_due;			/* the timer is for acme_look(), and nothing may put it off */
	struct acme_csr *csr;		/* while queued */
	struct acme_task *task;		/* while its order runs */
	struct acme_authority *authority;	/* of this order, or of the last one; NULL: none yet */
	struct acme_chain chain;	/* issued and not yet published */
	struct acme_ticket *publishing;
};

struct acme {
	struct acme_config config;
	struct event_base *base;
	struct acme_port *port;
	struct acme_resolve *resolve;
	struct acme_authorities authorities;
	struct acme_label *labels;
	size_t nlabels;
	LIST_HEAD(, acme_host) hosts[ACME_BUCKETS];
	struct acme_chores chores;
	struct acme_revoked *revoked;
	TAILQ_HEAD(, acme_host) waiting;
	unsigned running;
	int64_t look_ms;		/* the last slot given to a look, and how many have it */
	unsigned nlooks;
};

/* Enters the table of a; the host looks at nothing yet.  NULL: no memory. */
struct acme_host *acme_host_new(struct acme *a, const uint8_t *owner, const struct acme_label *label);

/* Leaves the table and the queue.  An order that runs is dropped at once: for the end of the engine. */
void acme_host_free(struct acme_host *h);

/* Look at the RRset soon; the host may be freed then. */
void acme_host_look(struct acme_host *h);

/* Forget backoff and renewal time, and order now. */
void acme_host_renew(struct acme_host *h);

/* Borrowed from h; valid until anything happens to it. */
struct acme_status acme_host_status(const struct acme_host *h);

#endif
