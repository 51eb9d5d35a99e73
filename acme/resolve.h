/* acme/resolve.h -- questions about names outside of our zones, and what the rest of the world sees of ours: asked at
 * the resolvers of the configuration, by plain DNS, by DNS over HTTPS (RFC 8484) or by the JSON API of public
 * resolvers.
 *
 * Answers are whole messages, those of the JSON API too, with AD as the resolver set it: they are as true as the way to
 * the resolver is safe.  A resolver that asks to be left alone (Retry-After) is. */
#ifndef ACME_RESOLVE_H
#define ACME_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/port.h"
#include "base/err.h"

struct event_base;
struct acme_resolve;
struct acme_resolve_call;

struct acme_resolve_config {		/* pointers are borrowed for its life */
	const struct acme_resolver *resolvers;	/* in the order of preference */
	size_t n;
	const char *ca_certificates;	/* trust for DOH and JSON; NULL: the system's */
	struct acme_proxy proxy;	/* for DOH and JSON */
	bool closed;			/* nothing but the proxy may be contacted */
};

/* *out is the caller's: acme_resolve_free(), after which no done() comes. */
enum err acme_resolve_new(const struct acme_resolve_config *config, struct acme_port *port, struct event_base *base,
    struct acme_resolve **out);
void acme_resolve_free(struct acme_resolve *r);

/* May names outside of our zones be looked up on the way to a certificate, to follow a CNAME or to find a name server?
 * Not where nothing but a proxy may be contacted, and not without a resolver.  Takes NULL. */
bool acme_resolve_outside_allowed(const struct acme_resolve *r);

/* ERR_OK: a response to the question, of n octets: NOERROR, NXDOMAIN or SERVFAIL (a validating resolver's word for what
 * is bogus).  Else (ERR_TIMEOUT, ERR_NETWORK, ERR_PEER) msg is NULL, and words say what each resolver did. */
typedef void acme_resolve_done(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words);

enum { ACME_RESOLVE_CD = 1 };		/* flags: answer also what does not validate (RFC 4035, section 3.2.2) */

/* Ask one resolver after the other until one answers; timeout_ms is for all together.  done comes exactly once and
 * never before this returns, unless the call is cancelled; *out (may be NULL) is gone with it.
 * ERR_NOT_FOUND: no resolver is configured (or r is NULL), or none that may be contacted; ERR_NOMEM. */
enum err acme_resolve_start(struct acme_resolve *r, const uint8_t *qname, uint16_t qtype, unsigned flags,
    unsigned timeout_ms, acme_resolve_done *done, void *arg, struct acme_resolve_call **out);

/* The same at the one of this number, and no other. */
enum err acme_resolve_start_at(struct acme_resolve *r, size_t number, const uint8_t *qname, uint16_t qtype,
    unsigned flags, unsigned timeout_ms, acme_resolve_done *done, void *arg, struct acme_resolve_call **out);

void acme_resolve_cancel(struct acme_resolve_call *call);	/* takes NULL */

/* The resolver of this number, from 0; NULL: there are not so many.  Takes r NULL. */
const struct acme_resolver *acme_resolve_at(const struct acme_resolve *r, size_t number);

#endif
