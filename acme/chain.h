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

/* Each certificate is certified by the next one (RFC 8555, section 9.1): name, signature, and that it is a CA's.  Whether
 * anybody trusts the last is for others to judge.  ERR_PEER with words that name the first that is not. */
enum err acme_chain_check(const struct acme_chain *chain, struct fault *f);
void acme_chain_clear(struct acme_chain *chain);

#endif
