/* tools/fetch_key.h -- private keys, the CSRs made with them (RFC 2986), and TSIG keys from where a service has
 * them. */
#ifndef TOOLS_FETCH_KEY_H
#define TOOLS_FETCH_KEY_H

#include <openssl/evp.h>

#include "acme/csr.h"
#include "base/buf.h"
#include "tools/fetch.h"
#include "tsig/key.h"

/* A key and the CSR that asks for a certificate of it. */
struct fetch_request {
	EVP_PKEY *key;
	struct acme_csr *csr;
};
void fetch_request_clear(struct fetch_request *r);

/* key NULL: make a new one of the type (FETCH_ANY_KEY: P-256); else it is shared.  The names in the order given; the
 * first is the common name, where it is short enough for one. */
enum err fetch_request_make(EVP_PKEY *key, enum fetch_key_type type, char *const *names, struct fetch_request *out,
    struct fault *f);

/* Is it what the settings ask for?  Every key is FETCH_ANY_KEY. */
bool fetch_key_is(const EVP_PKEY *key, enum fetch_key_type type);
bool fetch_request_is_for(const struct fetch_request *r, char *const *names);

/* PEM: a private key (PKCS#8) and a certificate request.  Parsing takes the first of each kind that text has; either
 * may be NULL after it.  The buf has a secret in it: buf_wipe(). */
enum err fetch_request_print(const struct fetch_request *r, bool with_key, struct buf *out);
enum err fetch_request_parse(const char *text, size_t n, struct fetch_request *out, struct fault *f);
enum err fetch_key_print(EVP_PKEY *key, struct buf *out);

/* The TSIG key: of a file, else of a descriptor (-1: none), else of the environment's CERTNS_TSIG_KEY.
 * Each holds a key statement as nsupdate -k takes it, or NAME:ALGORITHM:SECRET.  Words never quote it. */
#define FETCH_TSIG_VARIABLE "CERTNS_TSIG_KEY"
enum err fetch_tsig_load(const char *file, int fd, struct tsig_key **out, struct fault *f);
enum err fetch_tsig_parse(const char *where, const char *text, size_t n, struct tsig_key **out, struct fault *f);

#endif
