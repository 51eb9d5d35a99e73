#include "server/resend.h"

#include <stdlib.h>
#include <string.h>

/* the window holds what keys send in 11 minutes, which may be millions; slots never used take no memory */
#define NSLOTS (1 << 17)

struct entry {
	struct entry *next_in_slot, *newer;
	uint8_t digest[32];
	unsigned rcode;
	int64_t time_s;
};

struct resend {
	struct entry *slots[NSLOTS];
	struct entry *oldest, **newest;
};

static struct entry **
slot_of(const struct resend *r, const uint8_t digest[32])
{
	return (struct entry **)(uintptr_t)&r->slots[(digest[0] | digest[1] << 8 | digest[2] << 16) & (NSLOTS - 1)];
}

enum err
resend_new(struct resend **out)
{
	struct resend *r = calloc(1, sizeof *r);

	if (r == NULL)
		return ERR_NOMEM;
	r->newest = &r->oldest;
	*out = r;
	return ERR_OK;
}

enum err
resend_add(struct resend *r, const uint8_t digest[32], unsigned rcode, int64_t now_s)
{
	struct entry *e = malloc(sizeof *e), **slot = slot_of(r, digest);

	if (e == NULL)
		return ERR_NOMEM;
	memcpy(e->digest, digest, sizeof e->digest);
	e->rcode = rcode;
	e->time_s = now_s;
	e->next_in_slot = *slot;
	e->newer = NULL;
	*slot = e;
	*r->newest = e;
	r->newest = &e->newer;
	return ERR_OK;
}

bool
resend_find(const struct resend *r, const uint8_t digest[32], unsigned *rcode)
{
	for (const struct entry *e = *slot_of(r, digest); e != NULL; e = e->next_in_slot) {
		if (memcmp(e->digest, digest, sizeof e->digest) == 0) {
			*rcode = e->rcode;
			return true;
		}
	}
	return false;
}

/* Take e out of its slot; its place in the order of time is the caller's. */
static void
unlink_from_slot(struct resend *r, struct entry *e)
{
	struct entry **at = slot_of(r, e->digest);

	while (*at != e)
		at = &(*at)->next_in_slot;
	*at = e->next_in_slot;
}

void
resend_remove(struct resend *r, const uint8_t digest[32])
{
	for (struct entry **at = &r->oldest, *e; (e = *at) != NULL; at = &e->newer) {
		if (memcmp(e->digest, digest, sizeof e->digest) != 0)
			continue;
		unlink_from_slot(r, e);
		if ((*at = e->newer) == NULL)
			r->newest = at;
		free(e);
		return;
	}
}

void
resend_expire(struct resend *r, int64_t now_s)
{
	struct entry *e;

	while ((e = r->oldest) != NULL && e->time_s < now_s - RESEND_WINDOW_S) {
		unlink_from_slot(r, e);
		if ((r->oldest = e->newer) == NULL)
			r->newest = &r->oldest;
		free(e);
	}
}

void
resend_free(struct resend *r)
{
	if (r == NULL)
		return;
	resend_expire(r, INT64_MAX);
	free(r);
}
