#include "acme/leftovers.h"

#include <stdlib.h>

#include "acme/store.h"

struct acme_leftovers {
	struct acme_port *port;
	struct acme_store *store;
};

static void
drop(void *arg, const uint8_t *owner)
{
	struct acme_leftovers *l = arg;

	acme_store_drop(l->store, owner);
}

enum err
acme_leftovers_new(const struct acme_outside *outside, struct event_base *base, struct acme_leftovers **out)
{
	struct acme_leftovers *l = calloc(1, sizeof *l);
	enum err err;

	if (l == NULL)
		return ERR_NOMEM;
	if ((err = acme_port_new(outside, base, &l->port)) != ERR_OK ||
	    (err = acme_store_new(l->port, base, &l->store)) != ERR_OK) {
		acme_leftovers_free(l);
		return err;
	}
	acme_store_each(l->store, drop, l);
	*out = l;
	return ERR_OK;
}

void
acme_leftovers_free(struct acme_leftovers *l)
{
	if (l == NULL)
		return;
	acme_store_free(l->store);
	acme_port_free(l->port);
	free(l);
}
