/* acme/memory.h -- an order on its way, as it is remembered over restarts: JSON with a version, a few hundred
 * octets. */
#ifndef ACME_MEMORY_H
#define ACME_MEMORY_H

#include <openssl/sha.h>

#include "acme/records.h"

struct acme_memory {
	char *order;			/* URL; NULL: only records are left of it */
	char *directory;		/* of the authority: URL */
	uint8_t csr_digest[SHA256_DIGEST_LENGTH];
	int64_t since_s;		/* when the order was placed */
	bool issued;			/* the CA has issued; the certificate is not published yet */
	struct acme_records records;	/* that may have been published, and are to be removed */
};

/* NULL: no memory; else the caller's to free(). */
char *acme_memory_print(const struct acme_memory *m);

/* *out is the caller's: acme_memory_clear().  ERR_FORMAT with words, ERR_NOMEM. */
enum err acme_memory_parse(const void *octets, size_t n, struct acme_memory *out, struct fault *f);
enum err acme_memory_copy(struct acme_memory *to, const struct acme_memory *from);	/* to is empty */
void acme_memory_clear(struct acme_memory *m);

#endif
