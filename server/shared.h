/* server/shared.h -- what the threads share: who publishes it, who reads it, and the messages between them.
 *
 *   main     makes everything, owns signals; tells the keeper to reload or stop
 *   workers  read zones and the view inside RCU sections; send jobs to the keeper
 *   keeper   owns the mutable side of everything; publishes zones and views; sends jobs back */
#ifndef SERVER_SHARED_H
#define SERVER_SHARED_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/queue.h"
#include "server/answer.h"
#include "server/config.h"
#include "server/ixfr.h"
#include "tsig/keyring.h"
#include "zones/rcu.h"
#include "zones/zoneset.h"

/* Configuration and keys as of now.  Immutable; replaced as a whole by the keeper.  Readers take it from
 * shared->view inside an RCU section, or hold a reference. */
struct config_holder;			/* private: views made for new keys share the configuration */
struct view {
	struct rcu_head rcu;
	_Atomic unsigned refs;
	struct config_holder *holder;
	const struct config *config;
	struct tsig_keyring *ring;	/* one reference: keys from git and from the configuration */
	struct answer_settings settings;	/* points into config */
};

struct view *view_new(struct config *config, struct tsig_keyring *ring); /* takes both over, if not NULL: no memory */
struct view *view_with_ring(const struct view *v, struct tsig_keyring *ring);	/* the same with other keys */
struct view *view_ref(struct view *v);
void view_unref(struct view *v);

struct dnstap;
struct shared;

/* Make v (taken over) what readers see; the old view goes when the last reader of it is done.  One thread. */
void view_publish(struct shared *shared, struct view *v);

struct shared {
	struct zoneset *zones;
	struct view *_Atomic view;
	struct queue *to_keeper;	/* of struct job */
	struct dnstap *dnstap;		/* a tap for each worker, and behind these the keeper's */
	_Atomic unsigned transfers;	/* out, that run now */
};

/* A message between a worker and the keeper.  The sender gives it away. */
enum job_kind {
	JOB_UPDATE,			/* to the keeper, and back with rcode set */
	JOB_FORWARD,			/* to the keeper, and back with the primary's answer in reply, or with rcode */
	JOB_IXFR,			/* to the keeper, and back with ixfr set: it reads the journal */
	JOB_LISTEN,			/* to the keeper, which frees it: NOTIFY is wanted on this connection */
	JOB_SEND,	/* to a worker: reply is for the connection; it comes back as JOB_GONE if that is gone */
	JOB_GONE,
	JOB_NOTIFY,			/* to the keeper, which frees it */
	JOB_STOP,			/* to a worker or the keeper: leave the loop */
	JOB_RELOAD			/* to the keeper, from main: take config over, pull; or reason says why not */
};

struct job {
	enum job_kind kind;
	unsigned worker;		/* index of the worker to go back to */
	struct queue *reply_to;		/* the worker's queue */
	struct view *view;		/* a reference: request.tsig.key points into its ring */

	/* Where the answer goes; the worker's own business. */
	void *connection;		/* TCP: the connection's slot; NULL: UDP */
	uint64_t generation;		/* of the slot: a later connection there is not meant */
	unsigned socket;		/* UDP: index of the listening socket */
	struct sockaddr_storage peer, local;
	socklen_t peer_len, local_len;
	int interface;			/* UDP: for IP_PKTINFO */

	int64_t received_ns;		/* for dnstap: since the epoch; 0: not known */
	struct request request;		/* TSIG verified, key rights not yet looked at */
	uint8_t *reply;			/* JOB_SEND; JOB_FORWARD: as the primary sent it, but for its ID; or NULL */
	size_t nreply;
	uint32_t serial;		/* JOB_IXFR: the client's */
	struct ixfr *ixfr;		/* JOB_IXFR: a reference; NULL: there is no history, so the whole zone it is */
	unsigned rcode;			/* the keeper's verdict */
	char reason[400];		/* its words, for the log and the client; empty: none */
	uint8_t digest[TSIG_IDENTITY];	/* what a signed request is known by: finds resends */
	struct config *config;		/* JOB_RELOAD: the new one; NULL: it is bad */
	size_t n;			/* of msg */
	uint8_t msg[];			/* without TSIG; JOB_FORWARD: as it came */
};

void job_free(struct job *j);		/* also its references; takes NULL */

#endif
