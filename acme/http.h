/* acme/http.h -- HTTPS for the ACME engine: libcurl's multi interface on the thread's event base.
 *
 * https only, also after a redirect; answers of at most ACME_HTTP_BODY_MAX octets; time-outs for connecting and for
 * the whole; connections are reused and bounded in number, requests beyond wait their turn.  The process must ignore
 * SIGPIPE (OpenSSL writes to sockets that the other side may have closed). */
#ifndef ACME_HTTP_H
#define ACME_HTTP_H

#include "acme/proxy.h"
#include "acme/reply.h"
#include "base/err.h"

#define ACME_HTTP_BODY_MAX (1024 * 1024)

struct event_base;
struct acme_http;
struct acme_http_call;

struct acme_http_config {		/* strings are borrowed for the life of the client */
	const char *ca_certificates;	/* file of trusted certificates; NULL: the system's */
	struct acme_proxy proxy;	/* whatever the environment says */
	unsigned connect_timeout_s, timeout_s;
};

/* *out is the caller's: acme_http_free(), which ends running calls without calling back.
 * ERR_NOMEM; ERR_FORMAT: the proxy is no URL. */
enum err acme_http_new(const struct acme_http_config *config, struct event_base *base, struct acme_http **out);
void acme_http_free(struct acme_http *h);

enum acme_http_method { ACME_HTTP_GET, ACME_HTTP_HEAD, ACME_HTTP_POST };

/* Called exactly once, never before acme_http_start() returns, unless the call is cancelled.  The call is gone
 * after. */
typedef void acme_http_done(void *arg, const struct acme_reply *reply);

struct acme_http_request {
	enum acme_http_method method;
	const char *url;
	const char *content_type;	/* of body; POST only */
	const char *accept;		/* NULL: anything */
	const void *body;		/* POST only */
	size_t n;
	size_t most;			/* octets of the answer; 0: ACME_HTTP_BODY_MAX */
	unsigned timeout_ms;		/* of the whole; 0: the client's */
	bool fresh;			/* no cache on the way may answer in place of the server */
};

/* All is copied.  NULL: no memory. */
struct acme_http_call *acme_http_send(struct acme_http *h, const struct acme_http_request *request,
    acme_http_done *done, void *arg);

/* The same as ACME has it: body is a JWS (RFC 8555, section 6.2). */
struct acme_http_call *acme_http_start(struct acme_http *h, enum acme_http_method method, const char *url,
    const char *body, size_t n, acme_http_done *done, void *arg);
void acme_http_cancel(struct acme_http_call *call);	/* takes NULL */

#endif
