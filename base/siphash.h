/* base/siphash.h -- SipHash-2-4 (Aumasson and Bernstein, 2012): a short keyed hash, for cookies and for tables whose
 * keys strangers choose. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY 16			/* octets */

/* The first octet of the hash is the result's lowest. */
uint64_t siphash24(const uint8_t key[SIPHASH_KEY], const void *octets, size_t n);

#endif
