#include "zones/removal.h"

static bool
same_rrset(const struct rr *a, const struct rr *b)
{
	return a->type == b->type && dname_equal(a->owner, b->owner);
}

size_t
removal_count(const struct changeset *changes)
{
	size_t removed = 0;

	for (size_t i = 0, end; i < changes->n; i = end) {
		size_t out = 0, in = 0;

		for (end = i; end < changes->n && same_rrset(&changes->v[i].rr, &changes->v[end].rr); end++) {
			if (changes->v[end].add)
				in++;
			else
				out++;
		}
		removed += out > in ? out - in : 0;
	}
	return removed;
}
