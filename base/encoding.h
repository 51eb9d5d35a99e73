/* base/encoding.h -- octets as text: base64 (RFC 4648, sections 4 and 5) and base16 (section 8).
 * The decoders are strict: no foreign character, right padding, no stray bits. */
#ifndef BASE_ENCODING_H
#define BASE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Append to out; a failed allocation shows in out->failed. */
void base64_encode(const uint8_t *octets, size_t n, struct buf *out);
void base64url_encode(const uint8_t *octets, size_t n, struct buf *out);	/* without padding */
void hex_encode(const uint8_t *octets, size_t n, struct buf *out);		/* lower case */

/* Append the octets that text stands for.  False: malformed, out may hold a part. */
bool base64_decode(const char *text, size_t n, struct buf *out);		/* padded */
bool base64url_decode(const char *text, size_t n, struct buf *out);		/* unpadded */
bool hex_decode(const char *text, size_t n, struct buf *out);			/* either case */

#endif
