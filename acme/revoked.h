/* acme/revoked.h -- what was revoked here, remembered over restarts: certificates, which are then replaced at once, and
 * compromised keys, for which nothing is ordered any more.  Certificates are forgotten when they have expired. */
#ifndef ACME_REVOKED_H
#define ACME_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct acme_port;
struct acme_revoked;

/* With all that is remembered.  *out is the caller's: acme_revoked_free(), which forgets nothing. */
enum err acme_revoked_new(struct acme_port *port, int64_t now_s, struct acme_revoked **out);
void acme_revoked_free(struct acme_revoked *r);

/* leaf: DER of the certificate; compromised: its key is to be used no more. */
enum err acme_revoked_add(struct acme_revoked *r, const uint8_t *leaf, size_t n, bool compromised, int64_t now_s);

bool acme_revoked_certificate(const struct acme_revoked *r, const uint8_t *leaf, size_t n);

/* csr: DER of a request; true: its key is known as compromised, with words. */
bool acme_revoked_key(const struct acme_revoked *r, const uint8_t *csr, size_t n, struct fault *f);

#endif
