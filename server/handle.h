/* server/handle.h -- one request of any opcode in, what becomes of it out.  No sockets: UDP and TCP share it.  One
 * struct handler per worker thread. */
#ifndef SERVER_HANDLE_H
#define SERVER_HANDLE_H

#include "base/log.h"
#include "server/axfr.h"
#include "server/counters.h"
#include "server/dnstap.h"
#include "server/plain.h"
#include "server/ratelimit.h"
#include "server/shared.h"

struct client {				/* where a request came from; job_* fields say where its answer goes */
	const struct sockaddr_storage *peer, *local;	/* local may be NULL */
	socklen_t peer_len, local_len;
	bool tcp;
	int64_t now_ms;			/* UDP: since the epoch, for the rate limit */
	unsigned socket;		/* UDP: as in struct job */
	int interface;
	void *connection;		/* TCP: as in struct job */
	uint64_t generation;
};

struct handler {
	struct shared *shared;
	struct queue *replies;		/* the worker's: jobs come back here */
	unsigned worker;
	struct ratelimit *limits;	/* of all workers; NULL: none */
	struct dnstap_tap *tap;		/* the thread's; NULL: none */
	struct counters counters;

	/* Complaints about peers are limited, so that a flood of bad requests does not become a flood of lines. */
	int64_t complaint_second;
	unsigned complaints, complaints_dropped;
	struct log_seldom limited;	/* answers that the rate limit held back */
};

enum handled {
	HANDLED_NOTHING,		/* not to be answered */
	HANDLED_ANSWER,			/* n octets of out */
	HANDLED_LATER,			/* the keeper has it; the job comes back to replies */
	HANDLED_TRANSFER_LATER,		/* the same, and the answer may be a stream */
	HANDLED_TRANSFER		/* TCP only: the answer is a stream */
};

struct outcome {
	enum handled what;
	unsigned rcode;			/* of the answer */
	size_t n;
	bool listens;			/* the client waits for NOTIFY on its connection, which is to be kept */
	struct axfr *transfer;		/* the caller's, to free with axfr_free() */
};

/* Work on msg, which is overwritten.  now_s: seconds since the epoch.  room: of out, at least HANDLE_ROOM_MIN; over TCP
 * MSG_MAX.  The calling thread is online (RCU) for the call. */
#define HANDLE_ROOM_MIN 2048
void handle_request(struct handler *h, const struct client *client, uint8_t *msg, size_t n, int64_t now_s, uint8_t *out,
    size_t room, struct outcome *o);

/* The same for a request that went through plain_read() and plain_look_up() before, since when the thread has been
 * online without a break. */
void handle_looked_up(struct handler *h, const struct client *client, const struct plain *p, uint8_t *msg, size_t n,
    int64_t now_s, uint8_t *out, size_t room, struct outcome *o);

/* The keeper's answer to JOB_IXFR: a stream over TCP, one message over UDP.  Sets o.  Online (RCU). */
void handle_history(struct handler *h, struct job *j, int64_t now_s, uint8_t *out, size_t room, struct outcome *o);

/* The keeper's verdict on another job as a response.  Returns its length; 0: none can be made. */
size_t handle_reply(struct handler *h, struct job *j, int64_t now_s, uint8_t *out, size_t room);

#endif
