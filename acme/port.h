/* acme/port.h -- struct acme_outside made safe for work that may be given up half-way.
 *
 * What is asked of the outside cannot be taken back, and its answer comes when it comes.  Each question therefore
 * gets a ticket, which the port owns and which keeps all octets that the outside may still look at.  Whoever loses
 * interest cancels the ticket; the answer then ends here.  Callbacks never come before the asking function returns. */
#ifndef ACME_PORT_H
#define ACME_PORT_H

#include "acme/acme.h"

struct acme_port;
struct acme_ticket;

enum err acme_port_new(const struct acme_outside *outside, struct event_base *base, struct acme_port **out);
void acme_port_free(struct acme_port *port);	/* with all tickets; nothing is called any more */

/* For what answers at once: lookup, zone_of, servers. */
const struct acme_outside *acme_port_outside(const struct acme_port *port);

typedef void acme_port_done(void *arg, enum err err, const char *words);
typedef void acme_port_answered(void *arg, const uint8_t *msg, size_t n, const char *words);

/* edit is copied.  *out (may be NULL) is for acme_port_cancel() and gone once done has been called.  ERR_NOMEM. */
enum err acme_port_edit(struct acme_port *port, const struct acme_edit *edit, acme_port_done *done, void *arg,
    struct acme_ticket **out);
enum err acme_port_ask(struct acme_port *port, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype,
    uint16_t flags, unsigned timeout_ms, acme_port_answered *answered, void *arg, struct acme_ticket **out);

/* Over restarts (struct acme_outside).  done NULL: nobody waits; a failure is logged. */
enum err acme_port_remember(struct acme_port *port, const char *key, const void *octets, size_t n, acme_port_done *done,
    void *arg, struct acme_ticket **out);

/* The callback will not be called.  Takes NULL. */
void acme_port_cancel(struct acme_ticket *t);

#endif
