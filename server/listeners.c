/* server/listeners.c -- secondaries that wait on a TCP connection: whoever asks for an SOA, signed with a key that may
 * transfer the zone, and keeps the connection open gets its NOTIFYs there.  So a secondary behind a NAT, or without a
 * fixed address, hears of changes. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#define LISTENERS_MAX 4096

struct listener {
	struct listener *next;
	struct dname apex;		/* the root: of all zones that the key is good for */
	struct queue *worker;
	void *connection;
	uint64_t generation;
	struct view *view;		/* a reference: has the key */
	const struct tsig_key *key;
};

static void
listener_free(struct listener *l)
{
	view_unref(l->view);
	free(l);
}

/* Connections that had the slot before this generation. */
static void
forget(struct keeper *k, const void *connection, uint64_t generation)
{
	for (struct listener **p = &k->listeners; *p != NULL; ) {
		struct listener *l = *p;

		if (l->connection != connection || l->generation >= generation) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		k->nlisteners--;
		listener_free(l);
	}
}

void
keeper_listen(struct keeper *k, struct job *j)
{
	struct listener *l;

	forget(k, j->connection, j->generation);
	for (l = k->listeners; l != NULL; l = l->next)
		if (l->connection == j->connection && dname_equal(l->apex.octets, j->request.question.qname.octets))
			break;
	if (l == NULL && k->nlisteners < LISTENERS_MAX && (l = calloc(1, sizeof *l)) != NULL) {
		*l = (struct listener){ .next = k->listeners, .apex = j->request.question.qname, .worker = j->reply_to,
		    .connection = j->connection, .generation = j->generation, .view = view_ref(j->view),
		    .key = j->request.tsig.key };
		k->listeners = l;
		k->nlisteners++;
	}
	job_free(j);
}

void
keeper_gone(struct keeper *k, struct job *j)
{
	forget(k, j->connection, j->generation + 1);	/* the next one there may be listening already */
	job_free(j);
}

static void
send_to(const struct listener *l, const uint8_t *msg, size_t n)
{
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	struct job *j = calloc(1, sizeof *j);

	if (j == NULL || (j->reply = malloc(NOTIFY_MAX)) == NULL) {
		job_free(j);
		return;
	}
	memcpy(j->reply, msg, n);
	random_fill(j->reply, 2);
	j->kind = JOB_SEND;
	j->connection = l->connection;
	j->generation = l->generation;
	j->nreply = tsig_sign_request(l->key, j->reply, n, NOTIFY_MAX, clock_now_s(), &x);
	tsig_exchange_clear(&x);
	/* What is lost here is made up for by the secondary's own timers. */
	if (j->nreply == 0 || !queue_push(l->worker, j))
		job_free(j);
}

void
listeners_notify(struct keeper *k, const struct zone *z)
{
	uint8_t msg[NOTIFY_MAX];
	struct rr soa;
	size_t n;

	if (k->listeners == NULL || !zone_version_soa(zone_newest(z), &soa) ||
	    (n = notify_write(&soa, msg, sizeof msg)) == 0)
		return;
	for (const struct listener *l = k->listeners; l != NULL; l = l->next)
		if (dname_equal(l->apex.octets, z->apex.octets) || (dname_is_root(l->apex.octets) &&
		    tsig_key_may(l->key, TSIG_RIGHT_TRANSFER, z->apex.octets)))
			send_to(l, msg, n);
}

/* Their keys as the present view has them, so that old views may go; who has none any more hears no more. */
void
listeners_review(struct keeper *k)
{
	for (struct listener **p = &k->listeners; *p != NULL; ) {
		struct listener *l = *p;
		const struct tsig_key *key = tsig_keyring_find(k->view->ring, l->key->name.octets);

		if (key != NULL && key->algorithm == l->key->algorithm && key->secret_len == l->key->secret_len &&
		    memcmp(key->secret, l->key->secret, key->secret_len) == 0) {
			l->key = key;
			view_unref(l->view);
			l->view = view_ref(k->view);
			p = &l->next;
		} else {
			*p = l->next;
			k->nlisteners--;
			listener_free(l);
		}
	}
}

void
listeners_free(struct keeper *k)
{
	while (k->listeners != NULL) {
		struct listener *l = k->listeners;

		k->listeners = l->next;
		listener_free(l);
	}
}
