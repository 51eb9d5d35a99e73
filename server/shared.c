#include "server/shared.h"

#include <stdlib.h>
#include <string.h>

#include <config.h>

struct config_holder {
	_Atomic unsigned refs;
	struct config *config;
};

/* What is told for text: "none" for nothing, no text for what is told otherwise. */
static const char *
told(const char *text, const char *otherwise)
{
	if (text == NULL)
		return otherwise;
	return strcmp(text, "none") == 0 ? NULL : text;
}

static struct answer_settings
settings_of(const struct config *c)
{
	const char *identity = told(c->identity, NULL);

	return (struct answer_settings){
		.nsid = told(c->nsid, identity),
		.identity = identity,
		.hostname = told(c->hostname, identity),
		.version = told(c->version, PACKAGE_STRING),
		.udp_size = (uint16_t)c->edns_udp_size,
		.tcp_idle_s = c->tcp_idle_timeout_s,
		.report_agent = dname_is_root(c->report_agent.octets) ? NULL : c->report_agent.octets,
	};
}

static struct view *
view_over(struct config_holder *holder, struct tsig_keyring *ring)
{
	struct view *v = calloc(1, sizeof *v);

	if (v == NULL)
		return NULL;
	atomic_init(&v->refs, 1);
	v->holder = holder;
	v->config = holder->config;
	v->ring = ring;
	v->settings = settings_of(holder->config);
	return v;
}

struct view *
view_new(struct config *config, struct tsig_keyring *ring)
{
	struct config_holder *holder = malloc(sizeof *holder);
	struct view *v;

	if (holder == NULL)
		return NULL;
	atomic_init(&holder->refs, 1);
	holder->config = config;
	if ((v = view_over(holder, ring)) == NULL)
		free(holder);
	return v;
}

struct view *
view_with_ring(const struct view *old, struct tsig_keyring *ring)
{
	struct view *v = view_over(old->holder, ring);

	if (v != NULL)
		atomic_fetch_add_explicit(&old->holder->refs, 1, memory_order_relaxed);
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
	if (atomic_fetch_sub_explicit(&v->holder->refs, 1, memory_order_acq_rel) == 1) {
		config_free(v->holder->config);
		free(v->holder);
	}
	free(v);
}

static void
drop_old_view(struct rcu_head *head)
{
	rcu_order_after();
	view_unref(caa_container_of(head, struct view, rcu));
}

void
view_publish(struct shared *shared, struct view *v)
{
	struct view *old = atomic_exchange(&shared->view, v);

	if (old == NULL || old == v)
		return;
	rcu_thread_online();
	rcu_order_before();
	call_rcu(&old->rcu, drop_old_view);
	rcu_thread_offline();
}

void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	tsig_exchange_clear(&j->request.tsig);
	ixfr_unref(j->ixfr);
	free(j->reply);
	view_unref(j->view);
	config_free(j->config);
	free(j);
}
