/* acme/chain.h -- a certificate with the CAs above it, as a CA sends it. */
#ifndef ACME_CHAIN_H
#define ACME_CHAIN_H

#include "acme/csr.h"

/* The leaf first. */
struct acme_chain {
	struct acme_der { uint8_t *octets; size_t n; } *v;
	size_t n;
};
#define ACME_CHAIN_MAX 20		/* certificates; a TLSA RRset must still fit in a message */

/* PEM text (RFC 8555, section 9.1) to DER.  ERR_PEER: no certificate, too many, or something else than certificates. */
enum err acme_chain_parse(const char *pem, size_t n, struct acme_chain *out, struct fault *f);
/* Is it what we ordered, and does it fit together?  The leaf has the CSR's key and names; each certificate was signed
 * by the next, which is a CA and valid now.  Nobody vouches for the last: where trust begins is for others to say.
 * ERR_PEER with words that name the certificate. */
enum err acme_chain_verify(const struct acme_chain *chain, const struct acme_csr *csr, int64_t now_s, struct fault *f);

/* Was its topmost certificate issued by this common name? */
bool acme_chain_is_under(const struct acme_chain *chain, const char *common_name);

void acme_chain_clear(struct acme_chain *chain);

#endif
