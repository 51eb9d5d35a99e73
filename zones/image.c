#include "zones/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "zones/load.h"
#include "zones/writer.h"

#define IMAGE_MAX ((size_t)1 << 33)
#define PATH_ROOM (PATH_MAX + DNAME_TEXT_MAX)

/* The first 20 octets of the SHA-256, in the form of a blob's name. */
static enum err
checksum(const struct buf *text, git_oid_text out)
{
	uint8_t digest[32];
	struct buf hex = { 0 };

	if (EVP_Digest(text->p, text->len, digest, NULL, digest_sha256(), NULL) != 1)
		return ERR_CRYPTO;
	hex_encode(digest, (GIT_OID_TEXT - 1) / 2, &hex);
	if (buf_str(&hex) == NULL)
		return ERR_NOMEM;
	memcpy(out, hex.p, GIT_OID_TEXT - 1);
	out[GIT_OID_TEXT - 1] = '\0';
	buf_clear(&hex);
	return ERR_OK;
}

/* A zone's name may hold any octet, and be longer than a file's may be: such a one is left out.  The same content may
 * be written again while the older file is still in use, hence the random part. */
static void
file_name(const uint8_t *apex, const git_oid_text sum, char *out, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	uint8_t lower[DNAME_MAX];
	char name[DNAME_TEXT_MAX];
	uint32_t unique;

	dname_lower(lower, apex);
	dname_print_host(lower, name);
	if (name[0] == '.' || strlen(name) > 180 || strspn(name, plain) != strlen(name))
		strcpy(name, "zone");
	random_fill(&unique, sizeof unique);
	snprintf(out, size, "%.180s.%.8s%08x", name, sum, unique);
}

static bool
path_of(const char *directory, const struct zone_base *base, char path[PATH_ROOM])
{
	return base->n == 1 && snprintf(path, PATH_ROOM, "%s/%s", directory, base->v[0].path) < PATH_ROOM;
}

enum err
image_write(const char *directory, const uint8_t *apex, const struct rr_list *sorted, struct zone_base *base,
    struct fault *f)
{
	char name[NAME_MAX], path[PATH_ROOM];
	struct buf text = { 0 };
	git_oid_text sum;
	enum err err;

	zone_write(apex, sorted, &text);
	err = text.failed ? ERR_NOMEM : checksum(&text, sum);
	if (err == ERR_OK) {
		file_name(apex, sum, name, sizeof name);
		err = zone_base_add(base, name, sum);
	}
	if (err == ERR_OK) {
		memcpy(base->commit, sum, sizeof sum);
		for (size_t i = 0; i < sorted->n; i++)
			if (sorted->v[i].type == TYPE_SOA)
				base->serial = soa_serial(&sorted->v[i]);
		err = path_of(directory, base, path) ? file_write(path, text.p, text.len, 0600, f) : ERR_RANGE;
	}
	buf_clear(&text);
	if (err != ERR_OK)
		zone_base_clear(base);
	return err;
}

enum err
image_read(const char *directory, const uint8_t *apex, const struct zone_base *base, struct rr_list *out,
    struct fault *f)
{
	struct buf text = { 0 }, complaints = { 0 };
	char path[PATH_ROOM];
	git_oid_text sum;
	enum err err;

	if (!path_of(directory, base, path))
		return fault_set(f, ERR_NOT_FOUND, "there is no file of the zone in %s", directory);
	if ((err = file_read(path, IMAGE_MAX, &text, f)) == ERR_OK && (err = checksum(&text, sum)) == ERR_OK &&
	    strcmp(sum, base->v[0].blob) != 0)
		err = fault_set(f, ERR_FORMAT, "%s is not what was written there: it is damaged", path);
	if (err == ERR_OK && (err = zone_load(apex, path, (const char *)text.p, text.len, NULL, NULL, out, &complaints,
	    NULL)) != ERR_OK && err != ERR_NOMEM)
		fault_set(f, err, "%.900s", buf_str(&complaints) == NULL ? path : buf_str(&complaints));
	buf_clear(&text);
	buf_clear(&complaints);
	return err;
}

void
image_touch(const char *directory, const struct zone_base *base, int64_t time_s)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = (time_t)time_s } };
	char path[PATH_ROOM];

	if (path_of(directory, base, path) && utimensat(AT_FDCWD, path, times, 0) != 0)
		log_warning("%s: its time cannot be set, so the zone would expire early after a restart: %s", path,
		    strerror(errno));
}

int64_t
image_time_s(const char *directory, const struct zone_base *base)
{
	char path[PATH_ROOM];
	struct stat st;

	return path_of(directory, base, path) && stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec : 0;
}

void
image_remove(const char *directory, const struct zone_base *base)
{
	char path[PATH_ROOM];

	if (path_of(directory, base, path) && unlink(path) != 0 && errno != ENOENT)
		log_warning("%s: cannot be removed: %s", path, strerror(errno));
}
