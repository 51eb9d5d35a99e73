/* acme/host.h -- one owner <label>.<host> with a CSR: what is known of it, and what happens next.
 *
 * A host lives from the first look that finds a CSR until the look that finds none.  Whatever happens to it (a change
 * of the RRset, a timer, the end of an order, an answer about its renewal) leads to one function in acme/host.c,
 * examine(), which reads the RRset and decides anew; so nothing is lost and nothing done twice.  acme/host_order.c
 * takes an order from its start to its end, acme/host_ari.c asks the CA when to renew, acme/host_keep.c keeps what must
 * survive a restart, acme/queue.c says whose turn it is.  acme/acme.c keeps the table. */
#ifndef ACME_HOST_H
#define ACME_HOST_H

#include <jansson.h>
#include <openssl/sha.h>
#include <sys/queue.h>

#include "acme/accounts.h"
#include "acme/acme.h"
#include "acme/authority.h"
#include "acme/csr.h"
#include "acme/persist.h"
#include "acme/port.h"
#include "acme/queue.h"
#include "acme/renewal.h"
#include "acme/resolve.h"
#include "acme/revoked.h"
#include "acme/store.h"
#include "acme/task.h"
#include "acme/tlsa.h"

#define ACME_BUCKETS 4096

struct acme_label {
	struct dname name;		/* absolute: "_letsencrypt._tcp." */
	unsigned n;			/* of labels */
	const char *text;
	const struct acme_label_config *config;
};

struct acme_host {
	LIST_ENTRY(acme_host) entry;
	struct acme *acme;
	struct dname owner;
	char *name;			/* in text, without the label */
	const struct acme_label *label;
	struct event *timer;
	enum acme_state state;
	uint8_t csr_digest[SHA256_DIGEST_LENGTH];	/* of the CSR that all below is about */
	char *names, *issuer, *problem;	/* NULL: "" */
	char problem_type[32];		/* "rateLimited"; "": the CA had none */
	int64_t expires_s, next_s;

	/* The certificate in place: when it is renewed. */
	struct acme_renewal renewal;
	struct acme_lifetime fresh;	/* of the one that we got last */
	uint8_t settled[SHA256_DIGEST_LENGTH];	/* the RRset at which nothing was to be done but to wait; all 0: none */
	char *issued_by;		/* the name of its authority; NULL: not known */
	struct acme_call *asking;	/* about when to renew */
	struct acme_authority *asked;
	int64_t warned_s;		/* ACME_EVENT_EXPIRING was told of the certificate that ends then */

	/* The attempts at another. */
	int64_t retry_at_ms;		/* monotonic; 0: at once */
	unsigned failures;		/* in a row */
	uint32_t refused_by;		/* authorities that will not serve this CSR: by number, a bit each */
	int64_t governor_ms;		/* a bucket (acme/bucket.h): however often one is wanted, so many are ordered */
	struct acme_rate governor;
	bool forced, gone;
	bool commanded;			/* forced just now: the next order goes before all others */
	bool published;			/* a chain just now; it takes effect at the next look */
	bool replaces;			/* the chain takes the place of a certificate for the same CSR */
	bool look_due;			/* the timer is for acme_look(), and nothing may put it off */
	struct acme_turn turn;		/* while it waits for one */
	struct acme_csr *csr;		/* while queued */
	struct acme_task *task;		/* while its order runs */
	struct acme_authority *authority;	/* of this order, or of the last one; NULL: none yet */
	bool exempt;			/* the order is beyond the CA's limits */
	struct acme_chain chain;	/* issued and not yet published */
	struct acme_ticket *publishing;
};

struct acme {
	struct acme_config config;
	struct event_base *base;
	struct acme_port *port;
	struct acme_resolve *resolve;
	struct acme_store *store;
	struct acme_persist *persist;
	struct event *ways;		/* to look again at what was refused; and when that was done last */
	int64_t ways_ms;
	struct acme_authorities authorities;
	struct acme_label *labels;
	size_t nlabels;
	LIST_HEAD(, acme_host) hosts[ACME_BUCKETS];
	struct acme_chores chores;
	struct acme_revoked *revoked;
	struct acme_queue queue;
	json_t *kept;			/* what was kept of hosts that have not been seen yet: owner -> object */
	struct event *clock;		/* now and then: is it the clock that we know? */
	int64_t clock_ahead_ms;		/* wall clock minus monotonic */
	int64_t look_ms;		/* the last slot given to a look, and how many have it */
	unsigned nlooks;
};

/* Enters the table of a; the host looks at nothing yet.  NULL: no memory. */
struct acme_host *acme_host_new(struct acme *a, const uint8_t *owner, const struct acme_label *label);

struct acme_host *acme_host_find(struct acme *a, const uint8_t *owner);	/* NULL: none */

/* Whose certificates are for that owner, the best first. */
void acme_host_choose(struct acme *a, const uint8_t *owner, const struct acme_label *label, struct acme_ranking *out);

/* Could a certificate for csr ever come from one of choice (not empty)?  client NULL: nobody brings it.  As
 * acme_csr_judge(), with the words about the first of them (acme/judge.c). */
enum err acme_host_judge(struct acme *a, const struct acme_label *label, const struct acme_ranking *choice,
    const struct acme_csr *csr, const struct acme_judge_client *client, struct fault *f);

/* Leaves the table and the queue.  An order that runs is dropped at once: for the end of the engine. */
void acme_host_free(struct acme_host *h);

/* Look at the RRset soon; the host may be freed then. */
void acme_host_look(struct acme_host *h);
void acme_host_look_in(struct acme_host *h, int64_t ms);	/* unless a look is due anyway */

/* Forget backoff and renewal time, and order now. */
void acme_host_renew(struct acme_host *h);

/* Borrowed from h; valid until anything happens to it. */
struct acme_status acme_host_status(const struct acme_host *h);

/* ---- between the files that make it ---- */

void acme_host_tell(const struct acme_host *h, enum acme_event event);
void acme_host_problem(struct acme_host *h, const char *words, const char *type);	/* words NULL: none any more */
void acme_text_replace(char **where, const char *text);
/* of the certificate in place; 0: there is none, or it has expired */
int64_t acme_host_left_s(const struct acme_host *h);

/* host_order.c: the authorities for h; one of them for its next order (NULL: there is none); an order with this CSR
 * (which is taken) as soon as it is its turn; h->chain into the zone. */
void acme_host_rank(const struct acme_host *h, struct acme_ranking *out);
struct acme_authority *acme_host_pick(const struct acme_host *h);
enum acme_class acme_host_class(const struct acme_host *h);
void acme_host_order(struct acme_host *h, struct acme_csr *csr);
void acme_host_start(struct acme_host *h);		/* its turn has come, at h->authority */
void acme_host_publish(struct acme_host *h, const struct rr_list *rrset);

/* host_ari.c: ask when to renew, if that is due; stop asking. */
void acme_host_ask(struct acme_host *h);
void acme_host_stop_asking(struct acme_host *h);

/* host_keep.c: all that was kept, by owner; what of it is about h, which takes it; write h down, or forget it. */
json_t *acme_host_kept(struct acme_port *port);
void acme_host_restore(struct acme_host *h);
void acme_host_save(struct acme_host *h);
void acme_host_forget(struct acme_host *h);

#endif
