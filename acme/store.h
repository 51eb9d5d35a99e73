/* acme/store.h -- the orders on their way, by the owner of their CSR: remembered over restarts, and cleaned up behind.
 *
 * An order is written down when the CA has given it a URL, again before its challenge records are published, and
 * forgotten when its certificate is published, or when it has ended and its records are removed.  What a restart
 * finds is taken up by the task for the same CSR; what nobody takes up is dropped: its records are removed. */
#ifndef ACME_STORE_H
#define ACME_STORE_H

#include "acme/memory.h"

struct acme_store;

/* With all that is remembered.  *out is the caller's: acme_store_free(), which forgets nothing. */
enum err acme_store_new(struct acme_port *port, struct event_base *base, struct acme_store **out);
void acme_store_free(struct acme_store *s);

/* NULL: nothing is remembered.  Borrowed until the next call for owner. */
const struct acme_memory *acme_store_find(const struct acme_store *s, const uint8_t *owner);

/* The same for who goes on with it: if it was being dropped, that ends. */
const struct acme_memory *acme_store_claim(struct acme_store *s, const uint8_t *owner);

/* Is an order for this CSR on its way, or its certificate issued and not published? */
bool acme_store_unfinished(const struct acme_store *s, const uint8_t *owner,
    const uint8_t csr_digest[SHA256_DIGEST_LENGTH]);

/* Remember m (copied) for owner.  done (NULL: nobody waits) comes when it is durable, or could not be written; *out
 * (may be NULL) is as in acme_port_remember().  ERR_NOMEM: it is as before. */
enum err acme_store_put(struct acme_store *s, const uint8_t *owner, const struct acme_memory *m, acme_port_done *done,
    void *arg, struct acme_ticket **out);

/* The order is through, or nobody wants it any more: remove the records that it may have left, as often as it takes,
 * and forget it. */
void acme_store_drop(struct acme_store *s, const uint8_t *owner);

/* Nobody goes on with it now, but perhaps later: only its records are removed. */
void acme_store_tidy(struct acme_store *s, const uint8_t *owner);

/* Take from records, and from what owner has in memory, those that another owner's order needs as well (a CA may give
 * two orders the same authorization): that one will remove them. */
void acme_store_spare(struct acme_store *s, const uint8_t *owner, struct acme_records *records);

/* But for those that are being dropped.  each may drop. */
void acme_store_each(struct acme_store *s, void (*each)(void *arg, const uint8_t *owner), void *arg);

#endif
