/* tsig/keyring.h -- a set of keys, found by name.  Built by one thread, then never changed: readers share it by
 * reference count, and a change of keys is a new ring. */
#ifndef TSIG_KEYRING_H
#define TSIG_KEYRING_H

#include "tsig/key.h"

struct tsig_keyring;

enum err tsig_keyring_new(struct tsig_keyring **out);		/* with one reference, the caller's */

/* Takes key over, also on failure.  ERR_EXISTS: a key of that name is in the ring already, and stays. */
enum err tsig_keyring_add(struct tsig_keyring *ring, struct tsig_key *key);

const struct tsig_key *tsig_keyring_find(const struct tsig_keyring *ring, const uint8_t *name);	/* borrowed; or NULL */
size_t tsig_keyring_count(const struct tsig_keyring *ring);
const struct tsig_key *tsig_keyring_at(const struct tsig_keyring *ring, size_t i);

/* Any thread.  The last unref frees the keys.  Both take NULL. */
struct tsig_keyring *tsig_keyring_ref(struct tsig_keyring *ring);
void tsig_keyring_unref(struct tsig_keyring *ring);

#endif
