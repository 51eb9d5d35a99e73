/* tests/unit/acme/pki.h -- keys, CSRs and certificates made at run time, for the tests of acme/. */
#ifndef TESTS_UNIT_ACME_PKI_H
#define TESTS_UNIT_ACME_PKI_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A request in DER, appended to out.  cn may be NULL; san is OpenSSL's text ("DNS:a.example,DNS:*.a.example") or
 * NULL. */
void pki_csr(EVP_PKEY *key, const char *cn, const char *san, struct buf *out);

/* A certificate for key, signed by issuer_key in the name issuer; valid from..until are seconds since the epoch. */
void pki_certificate(EVP_PKEY *key, const char *cn, const char *san, EVP_PKEY *issuer_key, const char *issuer,
    int64_t from_s, int64_t until_s, struct buf *out);

/* The same with a serial number (hex) and the key identifier of its issuer (octets): what renewals are asked about
 * by. */
void pki_certificate_known(EVP_PKEY *key, const char *san, const char *serial, const uint8_t *issuer_id, size_t n,
    EVP_PKEY *issuer_key, int64_t from_s, int64_t until_s, struct buf *out);

/* The same for a CA's. */
void pki_ca(EVP_PKEY *key, const char *cn, EVP_PKEY *issuer_key, const char *issuer, int64_t from_s, int64_t until_s,
    struct buf *out);

/* DER as PEM, appended to out. */
void pki_pem(const struct buf *der, struct buf *out);

#endif
