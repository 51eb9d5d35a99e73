#include "acme/kept.h"

#include <stdlib.h>
#include <string.h>

/* The last octet is a signature's, and so as good as any hash. */
static struct kept_slot *
place_of(struct kept *k, const uint8_t *octets, size_t n)
{
	return &k->slots[n == 0 ? 0 : octets[n - 1] % KEPT_SLOTS];
}

void *
kept_find(struct kept *k, const uint8_t *octets, size_t n)
{
	const struct kept_slot *s = place_of(k, octets, n);
	void *made = NULL;

	pthread_mutex_lock(&k->lock);
	if (s->made != NULL && s->n == n && memcmp(s->octets, octets, n) == 0 && k->ref(s->made))
		made = s->made;
	pthread_mutex_unlock(&k->lock);
	return made;
}

void
kept_put(struct kept *k, const uint8_t *octets, size_t n, void *made)
{
	struct kept_slot *s = place_of(k, octets, n), old;
	uint8_t *copy = n == 0 ? NULL : malloc(n);

	if (copy == NULL)
		return;
	memcpy(copy, octets, n);
	if (!k->ref(made)) {
		free(copy);
		return;
	}
	pthread_mutex_lock(&k->lock);
	old = *s;
	*s = (struct kept_slot){ copy, n, made };
	pthread_mutex_unlock(&k->lock);
	free(old.octets);
	if (old.made != NULL)
		k->unref(old.made);
}
