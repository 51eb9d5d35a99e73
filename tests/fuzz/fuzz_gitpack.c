/* Octets as if from a git server, with a checksum that is right: refused, or objects that have names. */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "zones/git_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Half of all names are those of a text. */
static enum err
base(void *ctx, const git_oid *id, git_object_t *type, struct buf *octets, struct fault *f)
{
	(void)ctx;
	(void)f;
	if ((id->id[0] & 1) != 0)
		return ERR_NOT_FOUND;
	*type = GIT_OBJECT_BLOB;
	buf_add_str(octets, "a text that deltas copy parts of");
	return ERR_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct buf octets = { 0 };
	uint8_t sum[EVP_MAX_MD_SIZE];
	struct git_pack p;
	enum err err;

	if (!ready && git_libgit2_init() > 0)
		ready = true;
	buf_add(&octets, data, size);
	if (EVP_Digest(data, size, sum, NULL, digest_sha1(), NULL) != 1)
		abort();
	buf_add(&octets, sum, GIT_OID_RAWSZ);
	err = git_pack_read(octets.p, octets.len, 1 << 20, base, NULL, &p, NULL);
	if ((err == ERR_OK) != (p.v != NULL) || (err != ERR_OK && err != ERR_FORMAT && err != ERR_NOSPACE))
		abort();
	for (size_t i = 0; i < p.n; i++)
		if (!p.v[i].known || git_oid_is_zero(&p.v[i].id))
			abort();
	git_pack_clear(&p);
	buf_clear(&octets);
	return 0;
}
