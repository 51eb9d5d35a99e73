/* zones/git_pack.h -- what a server sends: a pack (gitformat-pack(5)) of a few objects, taken apart in memory. */
#ifndef ZONES_GIT_PACK_H
#define ZONES_GIT_PACK_H

#include <git2.h>

#include "base/buf.h"
#include "base/err.h"

struct git_pack_object {
	git_object_t type;
	git_oid id;			/* by a SHA-1 that finds out forgeries */
	struct buf octets;
	bool known;			/* type, id and octets are; false while a delta waits for its base */
	/* Of a delta: */
	struct buf delta;
	git_oid base;
	size_t at, base_at;		/* offsets in the pack; base_at 0: base tells */
};
struct git_pack {
	struct git_pack_object *v;
	size_t n;
};

/* How many objects the pack has, by its head, of which n octets are there.  False: not yet told, or no pack. */
bool git_pack_count(const uint8_t *octets, size_t n, uint32_t *count);

/* Take a whole pack apart.  base: an object that is not in it (a thin pack's); ERR_NOT_FOUND: there is none.
 * ERR_FORMAT: damaged, or something is missing.  ERR_NOSPACE: it would be more than max octets.  *out:
 * git_pack_clear(). */
typedef enum err git_pack_base(void *ctx, const git_oid *id, git_object_t *type, struct buf *octets, struct fault *f);
enum err git_pack_read(const uint8_t *octets, size_t n, size_t max, git_pack_base *base, void *ctx,
    struct git_pack *out, struct fault *f);
void git_pack_clear(struct git_pack *p);

#endif
