/* Octets as if from the journal: refused, or a changeset that is written again as it was. */
#include <stdlib.h>
#include <string.h>

#include "zones/changeset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct changeset cs = { 0 }, again = { 0 };
	struct buf b = { 0 };

	if (changeset_read(data, size, &cs) != ERR_OK) {
		if (cs.n != 0 || cs.v != NULL)
			abort();
		return 0;
	}
	changeset_write(&cs, &b);
	if (b.failed || b.len != size || changeset_read(b.p, b.len, &again) != ERR_OK || again.n != cs.n)
		abort();
	for (size_t i = 0; i < cs.n; i++)
		if (!rr_same(&cs.v[i].rr, &again.v[i].rr) || cs.v[i].rr.ttl != again.v[i].rr.ttl)
			abort();
	changeset_clear(&cs);
	changeset_clear(&again);
	buf_clear(&b);
	return 0;
}
