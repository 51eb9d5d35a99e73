/* acme/x509.h -- certificates in DER, taken apart. */
#ifndef ACME_X509_H
#define ACME_X509_H

#include <stddef.h>
#include <stdint.h>

/* X509 * of exactly these octets, which nobody may change, with a reference of the caller's: X509_free().  NULL: they are
 * no certificate, or memory is out.  From any thread. */
void *acme_x509(const uint8_t *der, size_t n);

#endif
