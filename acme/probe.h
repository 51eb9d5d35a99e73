/* acme/probe.h -- one name at one place: asked until it shows what is to be found there.  Private to acme/propagation.c
 * and acme/probe.c. */
#ifndef ACME_PROBE_H
#define ACME_PROBE_H

#include <event2/event.h>
#include <sys/socket.h>

#include "acme/propagation.h"
#include "base/buf.h"

enum probe_kind { PROBE_HERE, PROBE_SERVER, PROBE_NAME, PROBE_RESOLVER };

struct probe {
	struct acme_propagation *all;
	enum probe_kind kind;
	const uint8_t *name;			/* that the CA asks for */
	const uint8_t *owner;			/* to be asked for; of TXT values, or */
	const uint8_t *target;			/* of a CNAME to this; else NULL */
	const char **values;
	size_t nvalues;
	struct acme_check check;		/* of the zone */
	struct sockaddr_storage address;	/* SERVER */
	size_t number;				/* RESOLVER */
	char *server;				/* for messages */
	struct event *timer;
	struct acme_ticket *ticket;
	struct acme_resolve_call *call;
	uint16_t address_type;			/* NAME: looked up now: A, then AAAA */
	bool has_address;			/* NAME */
	unsigned wait_ms;
	int64_t silent_since_ms;		/* asked then, and no answer since; 0: none is missing */
	bool done;
	char last[160];				/* what it said last */
};

struct acme_propagation {
	struct acme_propagation_setup setup;
	struct probe **probes;
	size_t nprobes, ndone;
	bool second_round;
	bool unseen_servers;			/* there are some that are not asked */
	bool shown_by_resolver;
	const struct probe *model;		/* while probes are made */
	struct event *deadline;			/* of all, whether a server answers or not */
	struct event *ended;			/* done() comes from the loop */
	int64_t deadline_ms;
	acme_propagation_done *done;
	void *arg;
	enum err err;
	struct buf words;
	bool failed;				/* no memory */
	char step[512];
};

/* propagation.c */
void acme_probe_done(struct probe *p);				/* it has seen all */
/* Nothing is asked any more; done() comes soon. */
void acme_propagation_end(struct acme_propagation *all, enum err err);

void acme_probe_host(const struct probe *p, char text[DNAME_TEXT_MAX]);	/* whom the challenge is for */
const char *acme_probe_server(const struct probe *p);		/* for messages */

/* One more that asks what model asks, at this server; NULL: it is asked already, or there is no memory. */
struct probe *acme_probe_add_server(struct acme_propagation *all, const struct probe *model,
    const struct sockaddr *address, const char *server);

/* probe.c */

/* A probe of model's kind, name, place and check.  NULL: no memory. */
struct probe *acme_probe_new(struct acme_propagation *all, const struct probe *model, const char *server);
void acme_probe_free(struct probe *p);
void acme_probe_start(struct probe *p);
void acme_probe_stop(struct probe *p);				/* it asks nothing any more */

#endif
