#include "zones/git_files_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

static enum err
fault_errno(struct fault *f, const char *path, const char *what)
{
	int error = errno;

	return fault_set(f, err_from_errno(error), "%s: %s: %s", path, what, strerror(error));
}

static enum err
write_all(int fd, const struct buf *octets, const char *path, struct fault *f)
{
	for (size_t done = 0; done < octets->len; ) {
		ssize_t n = write(fd, octets->p + done, octets->len - done);

		if (n < 0 && errno != EINTR)
			return fault_errno(f, path, "cannot write its new text");
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) == 0 ? ERR_OK : fault_errno(f, path, "cannot sync its new text");
}

/* The temporary file looks to others like the one that it will replace. */
static enum err
dress(int fd, const struct stat *like, const char *path, struct fault *f)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fault_errno(f, path, "fstat");
	if ((st.st_uid != like->st_uid || st.st_gid != like->st_gid) && fchown(fd, like->st_uid, like->st_gid) != 0)
		return fault_set(f, err_from_errno(errno), "%s: it belongs to user %u and group %u, and cannot be "
		    "replaced by a file of theirs: %s", path, (unsigned)like->st_uid, (unsigned)like->st_gid,
		    strerror(errno));
	return fchmod(fd, like->st_mode & 07777) == 0 ? ERR_OK : fault_errno(f, path, "cannot keep its mode");
}

/* real: without links.  The last look at the file comes right before the rename: what a person saves after it is
 * found by the next fetch, and only what is saved between the two would be lost. */
static enum err
replace(const char *real, const struct stat *st, const struct buf *old, const struct buf *new, struct fault *f)
{
	char temporary[PATH_MAX];
	struct buf now = { 0 };
	enum err err;
	int fd;

	/* A name that no tool takes for a zone's, in the same directory. */
	snprintf(temporary, sizeof temporary, "%.*s/.%s.certns-XXXXXX", (int)(strrchr(real, '/') - real), real,
	    strrchr(real, '/') + 1);
	if ((fd = mkostemp(temporary, O_CLOEXEC)) < 0)
		return fault_errno(f, real, "no file can be made beside it");
	if ((err = dress(fd, st, real, f)) == ERR_OK)
		err = write_all(fd, new, real, f);
	close(fd);
	if (err == ERR_OK && (err = file_read(real, old->len + 1, &now, f)) == ERR_NOSPACE)
		err = ERR_OK;		/* longer, so another one */
	if (err == ERR_OK && !same(&now, old))
		err = fault_set(f, ERR_CONFLICT, "%s: was changed meanwhile", real);
	if (err == ERR_OK && rename(temporary, real) != 0)
		err = fault_errno(f, real, "cannot be replaced");
	if (err != ERR_OK)
		unlink(temporary);
	else
		file_sync_directory_of(real);
	buf_clear(&now);
	return err;
}

enum err
git_files_write(const char *path, const struct buf *old, const struct buf *new, struct fault *f)
{
	char real[PATH_MAX];
	struct buf now = { 0 };
	struct stat st;
	enum err err;

	if (realpath(path, real) == NULL || stat(real, &st) != 0)
		return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	if (strlen(real) + 32 > sizeof real)
		return fault_set(f, ERR_RANGE, "%s: its name is too long", path);
	if ((err = file_read(real, (size_t)1 << 31, &now, f)) == ERR_OK && !same(&now, new))
		err = replace(real, &st, old, new, f);
	buf_clear(&now);
	return err;
}
