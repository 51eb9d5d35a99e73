/* zones/git_loose_read.c -- what a loose object holds: one deflated stream of "blob 3", a zero, and the octets; its
 * name is their SHA-1.  The stream is hashed while the processor's cache has it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/digest.h"
#include "zones/git_internal.h"

#define PART ((size_t)128 << 10)
#define HEAD 32				/* more than the longest has */

struct stream {
	z_stream z;
	EVP_MD_CTX *md;			/* of all that has come out */
	bool ended, bad;
};

static void
stream_start(struct stream *s, const void *octets, size_t n)
{
	*s = (struct stream){ .z = { .next_in = (Bytef *)(uintptr_t)octets, .avail_in = (uInt)n },
	    .md = EVP_MD_CTX_new() };
	s->bad = inflateInit(&s->z) != Z_OK || s->md == NULL || EVP_DigestInit_ex(s->md, digest_sha1(), NULL) != 1;
}

/* So many octets came out; fewer than n: the stream has ended, or is bad. */
static size_t
stream_take(struct stream *s, uint8_t *out, size_t n)
{
	size_t got = 0;

	while (got < n && !s->ended && !s->bad) {
		size_t part = n - got < PART ? n - got : PART;
		int rc;

		s->z.next_out = out + got;
		s->z.avail_out = (uInt)part;
		rc = inflate(&s->z, Z_NO_FLUSH);
		part -= s->z.avail_out;
		s->ended = rc == Z_STREAM_END;
		s->bad = (rc != Z_OK && !s->ended) || EVP_DigestUpdate(s->md, out + got, part) != 1;
		got += part;
	}
	return got;
}

/* Nothing is left on either side, and it was the object of that name. */
static bool
stream_finish(struct stream *s, const git_oid *id)
{
	uint8_t sum[EVP_MAX_MD_SIZE], none;
	bool ok = stream_take(s, &none, 1) == 0 && s->ended && s->z.avail_in == 0 &&
	    EVP_DigestFinal_ex(s->md, sum, NULL) == 1 && memcmp(sum, id->id, GIT_OID_RAWSZ) == 0;

	inflateEnd(&s->z);
	EVP_MD_CTX_free(s->md);
	return ok;
}

bool
git_loose_is(const git_oid *id, const void *octets, size_t n)
{
	uint8_t *window = malloc(PART);
	struct stream s;

	stream_start(&s, octets, n);
	s.bad = s.bad || window == NULL;
	while (stream_take(&s, window, PART) == PART)
		;
	free(window);
	return stream_finish(&s, id);
}

static enum err
blob_take(struct stream *s, size_t max, struct buf *out)
{
	uint8_t head[HEAD + 1] = { 0 }, *p;
	size_t got = stream_take(s, head, HEAD), at = strlen((char *)head) + 1, size;
	int end = 0;

	if (sscanf((char *)head, "blob %zu%n", &size, &end) != 1 || (size_t)end + 1 != at || at > got)
		return ERR_FORMAT;
	if (size > max)
		return ERR_NOSPACE;
	if (got - at > size || (p = buf_reserve(out, size)) == NULL)
		return got - at > size ? ERR_FORMAT : ERR_NOMEM;
	memcpy(p, head + at, got - at);
	if (stream_take(s, p + got - at, size - (got - at)) != size - (got - at))
		return ERR_FORMAT;
	out->len += size;
	return ERR_OK;
}

enum err
git_loose_read(const char *objects, const git_oid *id, size_t max, struct buf *out)
{
	char path[PATH_MAX];
	size_t before = out->len;
	struct stream s;
	struct stat st;
	void *octets;
	enum err err;
	int fd;

	git_loose_path(objects, id, path);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return ERR_NOT_FOUND;
	octets = fstat(fd, &st) != 0 || st.st_size == 0 || st.st_size > UINT32_MAX ? MAP_FAILED :
	    mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (octets == MAP_FAILED)
		return ERR_FORMAT;
	stream_start(&s, octets, (size_t)st.st_size);
	err = blob_take(&s, max, out);
	if (!stream_finish(&s, id) && err == ERR_OK)
		err = ERR_FORMAT;
	munmap(octets, (size_t)st.st_size);
	if (err != ERR_OK)
		out->len = before;
	return err;
}
