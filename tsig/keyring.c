/* Keys in the order in which they came, and an open hash table of their places: slot 0 is free, i + 1 is keys[i].
 * The table is at least twice as large as there are keys, so every search ends. */
#include "tsig/keyring.h"

#include <stdatomic.h>
#include <stdlib.h>

struct tsig_keyring {
	_Atomic unsigned references;
	struct tsig_key **keys;
	uint32_t *slots;
	size_t count, nslots;		/* nslots is 0 or a power of two; keys has room for half of it */
};

enum err
tsig_keyring_new(struct tsig_keyring **out)
{
	struct tsig_keyring *ring = calloc(1, sizeof *ring);

	if (ring == NULL)
		return ERR_NOMEM;
	atomic_init(&ring->references, 1);
	*out = ring;
	return ERR_OK;
}

/* Where name is, or would be. */
static uint32_t *
slot_of(const struct tsig_keyring *ring, const uint8_t *name)
{
	for (size_t i = dname_hash(name);; i++) {
		uint32_t *slot = &ring->slots[i & (ring->nslots - 1)];

		if (*slot == 0 || dname_equal(ring->keys[*slot - 1]->name.octets, name))
			return slot;
	}
}

static enum err
grow(struct tsig_keyring *ring)
{
	size_t nslots = ring->nslots == 0 ? 16 : ring->nslots * 2;
	struct tsig_key **keys = reallocarray(ring->keys, nslots / 2, sizeof *keys);
	uint32_t *slots = calloc(nslots, sizeof *slots);

	if (keys != NULL)
		ring->keys = keys;
	if (keys == NULL || slots == NULL) {
		free(slots);
		return ERR_NOMEM;
	}
	free(ring->slots);
	ring->slots = slots;
	ring->nslots = nslots;
	for (size_t i = 0; i < ring->count; i++)
		*slot_of(ring, ring->keys[i]->name.octets) = (uint32_t)i + 1;
	return ERR_OK;
}

enum err
tsig_keyring_add(struct tsig_keyring *ring, struct tsig_key *key)
{
	enum err err = ERR_OK;
	uint32_t *slot;

	if (ring->count == ring->nslots / 2)
		err = grow(ring);
	if (err == ERR_OK && *(slot = slot_of(ring, key->name.octets)) != 0)
		err = ERR_EXISTS;
	if (err != ERR_OK) {
		tsig_key_free(key);
		return err;
	}
	ring->keys[ring->count++] = key;
	*slot = (uint32_t)ring->count;
	return ERR_OK;
}

const struct tsig_key *
tsig_keyring_find(const struct tsig_keyring *ring, const uint8_t *name)
{
	uint32_t *slot = ring->nslots == 0 ? NULL : slot_of(ring, name);

	return slot == NULL || *slot == 0 ? NULL : ring->keys[*slot - 1];
}

size_t
tsig_keyring_count(const struct tsig_keyring *ring)
{
	return ring->count;
}

const struct tsig_key *
tsig_keyring_at(const struct tsig_keyring *ring, size_t i)
{
	return i < ring->count ? ring->keys[i] : NULL;
}

struct tsig_keyring *
tsig_keyring_ref(struct tsig_keyring *ring)
{
	if (ring != NULL)
		atomic_fetch_add_explicit(&ring->references, 1, memory_order_relaxed);
	return ring;
}

void
tsig_keyring_unref(struct tsig_keyring *ring)
{
	/* Release and acquire: what other threads did with the keys happens before they are freed. */
	if (ring == NULL || atomic_fetch_sub_explicit(&ring->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < ring->count; i++)
		tsig_key_free(ring->keys[i]);
	free(ring->keys);
	free(ring->slots);
	free(ring);
}
