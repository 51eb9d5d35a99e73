#include "server/shared.h"

#include <stdlib.h>

#include <config.h>

struct view *
view_new(struct config *config, struct tsig_keyring *ring)
{
	struct view *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	atomic_init(&v->refs, 1);
	v->config = config;
	v->ring = ring;
	v->settings.identity = config->identity;
	v->settings.version = PACKAGE_STRING;
	v->settings.udp_size = MSG_UDP_EDNS;
	return v;
}

struct view *
view_ref(struct view *v)
{
	atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
	return v;
}

void
view_unref(struct view *v)
{
	if (v == NULL || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
		return;
	tsig_keyring_unref(v->ring);
	config_free(v->config);
	free(v);
}

void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	tsig_exchange_clear(&j->request.tsig);
	view_unref(j->view);
	free(j);
}
