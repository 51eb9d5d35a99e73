/* zones/git_loose.c -- loose objects whose compressed text does not end.  libgit2 1.5 waits for the rest of such a file
 * for ever, so they are looked for before it reads any; large files of zones, for which looking takes as long as
 * reading, git_loose_read.c reads. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "zones/git_internal.h"

void
git_loose_path(const char *objects, const git_oid *id, char path[PATH_MAX])
{
	char hex[GIT_OID_TEXT];

	git_oid_tostr(hex, sizeof hex, id);
	snprintf(path, PATH_MAX, "%.4000s/%.2s/%s", objects, hex, hex + 2);
}

/* To its end, or to where it is damaged: that libgit2 tells itself. */
static bool
has_end(const void *octets, size_t n)
{
	static _Thread_local uint8_t out[65536];
	z_stream z = { .next_in = (Bytef *)(uintptr_t)octets, .avail_in = (uInt)n };
	int rc;

	if (inflateInit(&z) != Z_OK)
		return true;
	do {
		z.next_out = out;
		z.avail_out = sizeof out;
		rc = inflate(&z, Z_NO_FLUSH);
	} while (rc == Z_OK && (z.avail_in > 0 || z.avail_out == 0));
	inflateEnd(&z);
	return rc != Z_OK && rc != Z_BUF_ERROR;
}

bool
git_loose_is_whole(const char *path, off_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool whole = true;
	struct stat st;
	void *octets;

	if (fd < 0)
		return true;			/* it is gone, or libgit2 cannot read it either */
	if (fstat(fd, &st) != 0 || st.st_size > max) {
		close(fd);
		return true;
	}
	if (S_ISREG(st.st_mode) && st.st_size == 0) {
		whole = false;
	} else if (st.st_size > 0 && st.st_size < UINT32_MAX &&
	    (octets = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) != MAP_FAILED) {
		whole = has_end(octets, (size_t)st.st_size);
		munmap(octets, (size_t)st.st_size);
	}
	close(fd);
	return whole;
}

static enum err
check_directory(const char *dir, const char *two, off_t max, struct fault *f)
{
	char path[PATH_MAX];
	const struct dirent *e;
	enum err err = ERR_OK;
	DIR *d;

	snprintf(path, sizeof path, "%s/objects/%s", dir, two);
	if ((d = opendir(path)) == NULL)
		return ERR_OK;
	while (err == ERR_OK && (e = readdir(d)) != NULL) {
		/* Others are no objects, and nobody reads them. */
		if (strlen(e->d_name) != 38 || snprintf(path, sizeof path, "%s/objects/%s/%s", dir, two,
		    e->d_name) >= PATH_MAX)
			continue;
		if (!git_loose_is_whole(path, max))
			err = fault_set(f, ERR_FORMAT, "the clone %s is damaged at objects/%s/%s (it is cut off); move "
			    "it away and restart: it is fetched anew, and changes not yet pushed are in the state "
			    "database", dir, two, e->d_name);
	}
	closedir(d);
	return err;
}

enum err
git_clone_check_loose(const char *dir, off_t max, struct fault *f)
{
	enum err err = ERR_OK;

	for (unsigned i = 0; err == ERR_OK && i < 256; i++) {
		char two[3];

		snprintf(two, sizeof two, "%02x", i);
		err = check_directory(dir, two, max, f);
	}
	return err;
}
