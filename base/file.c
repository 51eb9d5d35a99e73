#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
file_take_standard(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);	/* the lowest that is free: this one */
}

enum err
file_read(const char *path, size_t max, struct buf *out, struct fault *f)
{
	size_t start = out->len;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	for (;;) {
		uint8_t *p = buf_reserve(out, 16384);

		if (p == NULL || out->len - start > max || (got = read(fd, p, 16384)) <= 0)
			break;
		out->len += (size_t)got;
	}
	int error = errno;
	close(fd);
	if (out->failed)
		return fault_set(f, ERR_NOMEM, "%s: out of memory", path);
	if (got < 0)
		return fault_set(f, err_from_errno(error), "%s: %s", path, strerror(error));
	if (out->len - start > max)
		return fault_set(f, ERR_NOSPACE, "%s: larger than %zu octets", path, max);
	return ERR_OK;
}

static int
write_all(int fd, const void *octets, size_t n)
{
	const char *p = octets;

	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

void
file_sync_directory_of(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof copy, "%s", path);
	if ((fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return;
	/* Some file systems cannot sync a directory; the rename itself is atomic all the same. */
	(void)fsync(fd);
	close(fd);
}

enum err
file_write(const char *path, const void *octets, size_t n, mode_t mode, struct fault *f)
{
	char temporary[PATH_MAX];
	int fd, error;

	if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary)
		return fault_set(f, ERR_NOSPACE, "%s: path too long", path);
	if ((fd = mkostemp(temporary, O_CLOEXEC)) < 0)
		return fault_set(f, err_from_errno(errno), "%s: %s", temporary, strerror(errno));
	if (fchmod(fd, mode) != 0 || write_all(fd, octets, n) != 0 || fsync(fd) != 0) {
		error = errno;
		close(fd);
		unlink(temporary);
		return fault_set(f, err_from_errno(error), "%s: %s", temporary, strerror(error));
	}
	close(fd);
	if (rename(temporary, path) != 0) {
		error = errno;
		unlink(temporary);
		return fault_set(f, err_from_errno(error), "%s: %s", path, strerror(error));
	}
	file_sync_directory_of(path);
	return ERR_OK;
}

enum err
file_mkdir(const char *path, mode_t mode, struct fault *f)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return ERR_OK;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return ERR_OK;
	return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
}
