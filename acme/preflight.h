/* acme/preflight.h -- what would make an order fail is found before it is placed: attempts are counted at the CA, and its
 * words come late. */
#ifndef ACME_PREFLIGHT_H
#define ACME_PREFLIGHT_H

#include "acme/acme.h"
#include "acme/ca_known.h"
#include "acme/csr.h"

/* What a CSR is judged against; all borrowed.  No I/O. */
struct acme_csr_rules {
	struct acme_ca_known ca;

	/* Could a challenge for name (which may begin with "*.") be answered from here?  May be NULL. */
	enum err (*provable)(void *ctx, const char *name, struct fault *f);

	/* May whoever brings the CSR have a certificate for name?  NULL: for any. */
	bool (*covered)(void *ctx, const char *name);
	void *ctx;
};

/* Can a certificate for this CSR ever come of it?  acme_csr_parse() has seen to signature and form of the names.
 * ERR_OK; ERR_UNSUPPORTED: the key, or how the CSR is signed; ERR_RANGE: the names as such; ERR_REFUSED: not here, or not
 * for this client.  f has the reason. */
enum err acme_csr_judge(const struct acme_csr *csr, const struct acme_csr_rules *rules, struct fault *f);

/* Is label, of n octets in lower case, an A-label whose Punycode (RFC 3492) can be read?  For what begins with "xn--". */
bool acme_alabel_ok(const char *label, size_t n);

#endif
