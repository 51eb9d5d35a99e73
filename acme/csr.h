/* acme/csr.h -- certificate signing requests (PKCS#10, RFC 2986) and certificates (RFC 5280): the names they are for,
 * their key, and whether one answers the other. */
#ifndef ACME_CSR_H
#define ACME_CSR_H

#include <openssl/sha.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Common name and dNSNames together: lower case, sorted, each once. */
struct acme_names {
	char **v;
	size_t n;
};
bool acme_names_equal(const struct acme_names *a, const struct acme_names *b);
void acme_names_print(const struct acme_names *names, struct buf *out);		/* "a.example, b.example" */
void acme_names_clear(struct acme_names *names);

struct acme_csr;			/* private to acme/csr.c */

/* der is copied.  *out never changes, is shared with others who read the same octets, and given back by acme_csr_free();
 * from any thread.  ERR_FORMAT: no PKCS#10.  ERR_CRYPTO: its signature is not by its key.  ERR_RANGE: no name, or one that
 * cannot be a host's.  ERR_UNSUPPORTED: asks for more than host names. */
enum err acme_csr_parse(const uint8_t *der, size_t n, struct acme_csr **out, struct fault *f);
void acme_csr_free(struct acme_csr *csr);
const struct acme_names *acme_csr_names(const struct acme_csr *csr);
bool acme_csr_san_complete(const struct acme_csr *csr);		/* the common name is among the dNSNames, too */
void *acme_csr_key(const struct acme_csr *csr);		/* an EVP_PKEY, borrowed */
int acme_csr_signature(const struct acme_csr *csr);		/* OpenSSL's number of how it is signed */
bool acme_csr_must_staple(const struct acme_csr *csr);		/* it asks for that extension (RFC 7633) */
size_t acme_csr_common_name_len(const struct acme_csr *csr);	/* the longest one; 0: there is none */
const uint8_t *acme_csr_der(const struct acme_csr *csr, size_t *n);
/* SHA-256 of that; or ERR_CRYPTO */
enum err acme_csr_digest(const struct acme_csr *csr, uint8_t digest[SHA256_DIGEST_LENGTH]);

struct acme_certificate {
	struct acme_names names;
	int64_t not_before_s, not_after_s;
	char *issuer;			/* common name of the issuer, or its whole name; never NULL */
	void *key;			/* private to acme/csr.c */
};
enum err acme_certificate_parse(const uint8_t *der, size_t n, struct acme_certificate *out, struct fault *f);
void acme_certificate_clear(struct acme_certificate *c);

/* The MirageOS rule: the same key and the same set of names; a certificate without common name is fine.
 * ERR_CONFLICT with words that say what differs. */
enum err acme_certificate_matches(const struct acme_certificate *c, const struct acme_csr *csr, struct fault *f);

#endif
