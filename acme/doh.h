/* acme/doh.h -- one question over HTTPS: RFC 8484 by GET or POST, or the JSON API that public resolvers have. */
#ifndef ACME_DOH_H
#define ACME_DOH_H

#include "acme/http.h"
#include "acme/resolve.h"
#include "base/buf.h"
#include "wire/message.h"

struct acme_doh_call;

/* ERR_OK: a response to this question.  Else words say what was wrong; wait_s: the server wants to be left alone for so
 * long; -1: it said nothing about that. */
typedef void acme_doh_done(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words, int64_t wait_s);

/* flags: of the message header, RD, AD and CD.  done comes exactly once and never before this returns, unless
 * cancelled.  ERR_NOMEM: *out is untouched. */
enum err acme_doh_start(struct acme_http *http, const struct acme_resolver *resolver, const struct question *q,
    uint16_t flags, unsigned timeout_ms, acme_doh_done *done, void *arg, struct acme_doh_call **out);
void acme_doh_cancel(struct acme_doh_call *call);	/* takes NULL */

/* Is msg a response, to this question?  The reason why not in words, or NULL. */
const char *acme_doh_mismatch(const uint8_t *msg, size_t n, const struct question *q);

/* A JSON answer to this question as a message with ID 0.  out has room for MSG_MAX octets.
 * ERR_PEER with words: it is none.  Members and sections that are not known are passed over. */
enum err acme_doh_json_read(const char *json, size_t n, const struct question *q, uint8_t *out, size_t *out_n,
    struct fault *f);

#endif
