/* zones/git_loose_write.c -- one object as a file of its own below a repository's objects directory: copied from another repository, or
 * deflated.  An object is on the disk, its name too, before these return: who writes what an object leads to first can be killed at
 * any time. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "zones/git_internal.h"

#define WINDOW ((size_t)256 << 10)

struct file {
	char directory[PATH_MAX];
	char temporary[PATH_MAX + 40];		/* git and git_clone_sweep() both know the name for one that may go */
	char final[PATH_MAX];
	int fd;
};

static enum err
fault_errno(struct fault *f, const char *path)
{
	int error = errno;

	return fault_set(f, err_from_errno(error), "%s: %s", path, strerror(error));
}

static enum err
sync_directory(const char *path, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err err = fd < 0 || (fsync(fd) != 0 && errno != EINVAL) ? fault_errno(f, path) : ERR_OK;

	if (fd >= 0)
		close(fd);
	return err;
}

/* Whoever may read, write and list the directory of objects may do the same to what is put there: a remote's is not only ours. */
static enum err
dress(int fd, const struct stat *like, bool directory, const char *path, struct fault *f)
{
	mode_t mode = directory ? like->st_mode & 07777 : (like->st_mode & 0444) | 0400;

	if (geteuid() == 0 && (like->st_uid != 0 || like->st_gid != 0) && fchown(fd, like->st_uid, like->st_gid) != 0)
		return fault_errno(f, path);
	return fchmod(fd, mode) == 0 ? ERR_OK : fault_errno(f, path);
}

static enum err
directory_make(const char *objects, const char *path, const struct stat *like, struct fault *f)
{
	enum err err;
	int fd;

	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? ERR_OK : fault_errno(f, path);
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return fault_errno(f, path);
	err = dress(fd, like, true, path, f);
	close(fd);
	return err == ERR_OK ? sync_directory(objects, f) : err;
}

static enum err
file_begin(struct file *file, const char *objects, const git_oid *id, struct fault *f)
{
	struct stat st;
	enum err err;

	file->fd = -1;
	git_loose_path(objects, id, file->final);
	snprintf(file->directory, sizeof file->directory, "%.*s", (int)(strrchr(file->final, '/') - file->final), file->final);
	snprintf(file->temporary, sizeof file->temporary, "%s/tmp_obj_git2_XXXXXX", file->directory);
	if (stat(objects, &st) != 0)
		return fault_errno(f, objects);
	if ((err = directory_make(objects, file->directory, &st, f)) != ERR_OK)
		return err;
	if ((file->fd = mkostemp(file->temporary, O_CLOEXEC)) < 0)
		return fault_errno(f, file->temporary);
	return dress(file->fd, &st, false, file->temporary, f);
}

/* With the error so far: it goes into its place, or away. */
static enum err
file_end(struct file *file, enum err err, struct fault *f)
{
	if (file->fd < 0)
		return err;
	if (err == ERR_OK && (fsync(file->fd) != 0 || rename(file->temporary, file->final) != 0))
		err = fault_errno(f, file->final);
	close(file->fd);
	if (err == ERR_OK)
		return sync_directory(file->directory, f);
	(void)unlink(file->temporary);
	return err;
}

static enum err
file_check(struct file *file, size_t n, const git_oid *id, const char *from, struct fault *f)
{
	void *octets = n == 0 || n > UINT32_MAX ? MAP_FAILED : mmap(NULL, n, PROT_READ, MAP_SHARED, file->fd, 0);
	bool ok = octets != MAP_FAILED && git_loose_is(id, octets, n);

	if (octets != MAP_FAILED)
		munmap(octets, n);
	return ok ? ERR_OK : fault_set(f, ERR_FORMAT, "%s: the object is damaged: its contents are not what its name says", from);
}

/* The copy is what is looked at, so that nobody can change it after that; the disk writes it meanwhile. */
enum err
git_loose_copy(const char *from, const char *objects, const git_oid *id, struct fault *f)
{
	struct file file = { .fd = -1 };
	struct stat st;
	enum err err;
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	off_t done = 0;

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : fault_errno(f, from);
	err = fstat(fd, &st) != 0 ? fault_errno(f, from) : file_begin(&file, objects, id, f);
	while (err == ERR_OK && done < st.st_size) {
		ssize_t n = sendfile(file.fd, fd, &done, (size_t)(st.st_size - done));

		if (n <= 0 && (n == 0 || errno != EINTR))
			err = n == 0 ? fault_set(f, ERR_FORMAT, "%s: ends too early", from) : fault_errno(f, file.temporary);
	}
	close(fd);
	if (err == ERR_OK) {
		(void)sync_file_range(file.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		err = file_check(&file, (size_t)st.st_size, id, from, f);
	}
	return file_end(&file, err, f);
}

static enum err
write_all(const struct file *file, const uint8_t *p, size_t n, struct fault *f)
{
	while (n > 0) {
		ssize_t done = write(file->fd, p, n);

		if (done < 0 && errno != EINTR)
			return fault_errno(f, file->temporary);
		p += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return ERR_OK;
}

static enum err
deflate_part(const struct file *file, z_stream *z, const void *octets, size_t n, bool last, uint8_t *window, struct fault *f)
{
	enum err err = ERR_OK;
	int rc = Z_OK;

	z->next_in = (Bytef *)(uintptr_t)octets;
	z->avail_in = (uInt)n;
	do {
		z->next_out = window;
		z->avail_out = WINDOW;
		rc = deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
		err = write_all(file, window, WINDOW - z->avail_out, f);
	} while (err == ERR_OK && (last ? rc == Z_OK : z->avail_in > 0));
	return err;
}

enum err
git_loose_write(const char *objects, const git_oid *id, git_object_t type, const void *octets, size_t n, struct fault *f)
{
	struct file file = { .fd = -1 };
	z_stream z = { 0 };
	uint8_t *window = malloc(WINDOW);
	char head[32];
	int head_n = snprintf(head, sizeof head, "%s %zu", git_object_type2string(type), n) + 1;
	enum err err;

	if (window == NULL || deflateInit(&z, Z_BEST_SPEED) != Z_OK) {
		free(window);
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	}
	if ((err = file_begin(&file, objects, id, f)) == ERR_OK &&
	    (err = deflate_part(&file, &z, head, (size_t)head_n, false, window, f)) == ERR_OK)
		err = deflate_part(&file, &z, octets, n, true, window, f);
	deflateEnd(&z);
	free(window);
	return file_end(&file, err, f);
}
