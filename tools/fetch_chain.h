/* tools/fetch_chain.h -- from a TLSA RRset to a certificate for our key with its chain, verified. */
#ifndef TOOLS_FETCH_CHAIN_H
#define TOOLS_FETCH_CHAIN_H

#include <openssl/x509.h>

#include "acme/csr.h"
#include "base/buf.h"
#include "tools/fetch.h"

/* The records of one answer, by what they are for.  They borrow the answer's octets. */
#define FETCH_RECORDS_MAX 64
struct fetch_tlsa {
	struct fetch_der { const uint8_t *octets; size_t n; } csrs[FETCH_RECORDS_MAX], leaves[FETCH_RECORDS_MAX],
	    cas[FETCH_RECORDS_MAX];
	size_t ncsrs, nleaves, ncas;
	bool alias;			/* the owner is a CNAME: no UPDATE can put TLSA records there */
};

/* The TLSA records at owner in the answer section of a message.  ERR_FORMAT: it cannot be read.  What is more than
 * FETCH_RECORDS_MAX of a kind is passed over. */
enum err fetch_tlsa_read(const uint8_t *msg, size_t n, const uint8_t *owner, struct fetch_tlsa *out);

/* A certificate with those between it and a root, and what we need to know of it. */
struct fetch_chain {
	STACK_OF(X509) *v;		/* the leaf first; NULL: none */
	struct acme_certificate leaf;
};
void fetch_chain_clear(struct fetch_chain *c);

/* Of the leaves for csr's key and names, the one that lasts longest, with the path above it, without roots.
 * ERR_NOT_FOUND with words (none, for another key, for other names, not valid yet, expired). */
enum err fetch_chain_build(const struct fetch_tlsa *rrset, const struct acme_csr *csr, int64_t now_s,
    struct fetch_chain *out, struct fault *f);

/* Signatures and times along the chain, and up to what is trusted (X509_verify_cert()).  ERR_CRYPTO with words. */
enum err fetch_chain_verify(const struct fetch_chain *c, enum fetch_verify how, const char *trust, int64_t now_s,
    struct fault *f);

/* Does the file have certificates to trust?  ERR_FORMAT with words. */
enum err fetch_trust_check(const char *trust, struct fault *f);

/* PEM of the certificates from the first-th on; and back. */
enum err fetch_chain_print(const struct fetch_chain *c, int first, struct buf *out);
enum err fetch_chain_parse(const char *pem, size_t n, struct fetch_chain *out, struct fault *f);

bool fetch_chain_same_leaf(const struct fetch_chain *a, const struct fetch_chain *b);

#endif
