#include "acme/port.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct acme_port {
	struct acme_outside outside;
	struct event_base *base;
	LIST_HEAD(, acme_ticket) tickets;
};

struct acme_ticket {
	LIST_ENTRY(acme_ticket) entry;
	acme_port_done *done;		/* one of these two; NULL both: cancelled */
	acme_port_answered *answered;
	void *arg;
	struct event *deliver;		/* of an edit or a note: its answer may come while we still ask */
	struct rr_list remove, add;
	struct dname zone;
	char *why;
	enum err err;
	char *words;
};

enum err
acme_port_new(const struct acme_outside *outside, struct event_base *base, struct acme_port **out)
{
	struct acme_port *port = calloc(1, sizeof *port);

	if (port == NULL)
		return ERR_NOMEM;
	port->outside = *outside;
	port->base = base;
	LIST_INIT(&port->tickets);
	*out = port;
	return ERR_OK;
}

static void
ticket_free(struct acme_ticket *t)
{
	LIST_REMOVE(t, entry);
	if (t->deliver != NULL)
		event_free(t->deliver);
	rr_list_clear(&t->remove);
	rr_list_clear(&t->add);
	free(t->why);
	free(t->words);
	free(t);
}

void
acme_port_free(struct acme_port *port)
{
	if (port == NULL)
		return;
	while (!LIST_EMPTY(&port->tickets))
		ticket_free(LIST_FIRST(&port->tickets));
	free(port);
}

const struct acme_outside *
acme_port_outside(const struct acme_port *port)
{
	return &port->outside;
}

void
acme_port_cancel(struct acme_ticket *t)
{
	if (t == NULL)
		return;
	t->done = NULL;
	t->answered = NULL;
}

static struct acme_ticket *
ticket_new(struct acme_port *port, void *arg)
{
	struct acme_ticket *t = calloc(1, sizeof *t);

	if (t != NULL) {
		t->arg = arg;
		LIST_INSERT_HEAD(&port->tickets, t, entry);
	}
	return t;
}

static void
deliver_done(evutil_socket_t fd, short what, void *arg)
{
	struct acme_ticket *t = arg;

	(void)fd, (void)what;
	if (t->done != NULL)
		t->done(t->arg, t->err, t->words != NULL ? t->words : err_str(t->err));
	ticket_free(t);
}

static void
on_done(void *arg, enum err err, const char *words)
{
	struct acme_ticket *t = arg;

	t->err = err;
	t->words = words != NULL && *words != '\0' ? strdup(words) : NULL;
	event_active(t->deliver, EV_TIMEOUT, 0);
}

static enum err
copy_rrs(struct rr_list *to, const struct rr *v, size_t n)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < n; i++)
		err = rr_list_add(to, &v[i]);
	return err;
}

enum err
acme_port_edit(struct acme_port *port, const struct acme_edit *edit, acme_port_done *done, void *arg,
    struct acme_ticket **out)
{
	struct acme_ticket *t = ticket_new(port, arg);
	struct acme_edit copy = *edit;

	if (t == NULL)
		return ERR_NOMEM;
	t->done = done;
	t->why = strdup(edit->why);
	t->deliver = event_new(port->base, -1, 0, deliver_done, t);
	if (t->why == NULL || t->deliver == NULL || copy_rrs(&t->remove, edit->remove, edit->nremove) != ERR_OK ||
	    copy_rrs(&t->add, edit->add, edit->nadd) != ERR_OK) {
		ticket_free(t);
		return ERR_NOMEM;
	}
	dname_copy(&t->zone, edit->zone);
	copy.zone = t->zone.octets;
	copy.remove = t->remove.v;
	copy.add = t->add.v;
	copy.why = t->why;
	if (out != NULL)
		*out = t;
	port->outside.edit(port->outside.ctx, &copy, on_done, t);
	return ERR_OK;
}

enum err
acme_port_remember(struct acme_port *port, const char *key, const void *octets, size_t n, acme_port_done *done,
    void *arg, struct acme_ticket **out)
{
	struct acme_ticket *t;

	if (done == NULL) {
		port->outside.remember(port->outside.ctx, key, octets, n, NULL, NULL);
		return ERR_OK;
	}
	if ((t = ticket_new(port, arg)) == NULL)
		return ERR_NOMEM;
	t->done = done;
	if ((t->deliver = event_new(port->base, -1, 0, deliver_done, t)) == NULL) {
		ticket_free(t);
		return ERR_NOMEM;
	}
	if (out != NULL)
		*out = t;
	port->outside.remember(port->outside.ctx, key, octets, n, on_done, t);
	return ERR_OK;
}

static void
on_answered(void *arg, const uint8_t *msg, size_t n, const char *words)
{
	struct acme_ticket *t = arg;

	if (t->answered != NULL)
		t->answered(t->arg, msg, n, words);
	ticket_free(t);
}

enum err
acme_port_ask(struct acme_port *port, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype,
    uint16_t flags, unsigned timeout_ms, acme_port_answered *answered, void *arg, struct acme_ticket **out)
{
	struct acme_ticket *t = ticket_new(port, arg);

	if (t == NULL)
		return ERR_NOMEM;
	t->answered = answered;
	if (out != NULL)
		*out = t;
	port->outside.ask(port->outside.ctx, address, qname, qtype, flags, timeout_ms, on_answered, t);
	return ERR_OK;
}
