/* zones/git_loose_write.c -- one object as a file of its own below a repository's objects directory: copied from
 * another repository, or deflated.  An object is on the disk, its name too, before these return: who writes what an
 * object leads to first can be killed at any time. */
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

#include "base/digest.h"
#include "base/parallel.h"
#include "zones/git_internal.h"

#define WINDOW ((size_t)64 << 10)
#define PART ((size_t)1 << 20)

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

/* Whoever may read, write and list the directory of objects may do the same to what is put there: a remote's is not
 * only ours. */
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

/* Is it there already?  Then it is as young as if it were written now: git's gc leaves it alone. */
static bool
freshen(const char *path)
{
	return utimensat(AT_FDCWD, path, NULL, 0) == 0;
}

static enum err
file_begin(struct file *file, const char *objects, const git_oid *id, struct fault *f)
{
	struct stat st;
	enum err err;

	file->fd = -1;
	git_loose_path(objects, id, file->final);
	snprintf(file->directory, sizeof file->directory, "%.*s", (int)(strrchr(file->final, '/') - file->final),
	    file->final);
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
	return ok ? ERR_OK : fault_set(f, ERR_FORMAT, "%s: the object is damaged: its contents are not what its name "
	    "says", from);
}

/* The copy is what is looked at, so that nobody can change it after that; the disk writes it meanwhile. */
enum err
git_loose_copy(const char *from, const char *objects, const git_oid *id, struct fault *f)
{
	struct file file = { .fd = -1 };
	char path[PATH_MAX];
	struct stat st;
	enum err err;
	off_t done = 0;
	int fd;

	git_loose_path(objects, id, path);
	if (freshen(path))
		return ERR_OK;
	if ((fd = open(from, O_RDONLY | O_CLOEXEC)) < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : fault_errno(f, from);
	err = fstat(fd, &st) != 0 ? fault_errno(f, from) : file_begin(&file, objects, id, f);
	while (err == ERR_OK && done < st.st_size) {
		ssize_t n = sendfile(file.fd, fd, &done, (size_t)(st.st_size - done));

		if (n <= 0 && (n == 0 || errno != EINTR))
			err = n == 0 ? fault_set(f, ERR_FORMAT, "%s: ends too early", from) : fault_errno(f,
			    file.temporary);
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

/* --- deflating --- */

/* The octets are cut into parts that the CPUs deflate side by side, each ending on a boundary of octets (RFC 1951,
 * section 3.2.4): one behind the other they are one stream. */
struct part {
	struct buf out;
	uLong adler;			/* of what went in (RFC 1950) */
	size_t n;
};
struct deflation {
	char head[32];
	size_t head_n, n, nparts;
	const uint8_t *octets;
	struct part *parts;
};

static bool
deflate_some(z_stream *z, const void *octets, size_t n, int flush, struct part *part)
{
	z->next_in = (Bytef *)(uintptr_t)octets;
	z->avail_in = (uInt)n;
	if (n > 0)			/* of NULL it would be that of nothing at all */
		part->adler = adler32(part->adler, octets, (uInt)n);
	part->n += n;
	do {
		uint8_t *p = buf_reserve(&part->out, WINDOW);

		if (p == NULL)
			return false;
		z->next_out = p;
		z->avail_out = WINDOW;
		(void)deflate(z, flush);
		part->out.len += WINDOW - z->avail_out;
	} while (z->avail_out == 0);
	return true;
}

static void
deflate_part(void *ctx, size_t i)
{
	struct deflation *d = ctx;
	struct part *part = &d->parts[i];
	size_t start = i * PART, n = i + 1 < d->nparts ? PART : d->n - start;
	z_stream z = { 0 };

	part->adler = adler32(0, NULL, 0);
	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY) != Z_OK ||
	    (i == 0 && !deflate_some(&z, d->head, d->head_n, Z_NO_FLUSH, part)) ||
	    !deflate_some(&z, d->octets + start, n, i + 1 < d->nparts ? Z_SYNC_FLUSH : Z_FINISH, part))
		part->out.failed = true;
	deflateEnd(&z);
}

static enum err
deflation_write(struct deflation *d, const struct file *file, struct fault *f)
{
	static const uint8_t start[2] = { 0x78, 0x01 };		/* RFC 1950: 32 KB, the quickest level */
	uLong adler = adler32(0, NULL, 0);
	uint8_t end[4];
	enum err err = write_all(file, start, sizeof start, f);

	for (size_t i = 0; err == ERR_OK && i < d->nparts; i++) {
		const struct part *part = &d->parts[i];

		err = part->out.failed ? fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM)) :
		    write_all(file, part->out.p, part->out.len, f);
		adler = adler32_combine(adler, part->adler, (z_off_t)part->n);
	}
	for (unsigned i = 0; i < 4; i++)
		end[i] = (uint8_t)(adler >> (24 - 8 * i));
	return err == ERR_OK ? write_all(file, end, sizeof end, f) : err;
}

enum err
git_loose_write(const char *objects, git_object_t type, const void *octets, size_t n, git_oid *id, struct fault *f)
{
	struct deflation d = { .octets = octets, .n = n, .nparts = n / PART + 1 };
	struct file file = { .fd = -1 };
	uint8_t name[DIGEST_SHA1];
	char path[PATH_MAX];
	enum err err;

	d.head_n = (size_t)snprintf(d.head, sizeof d.head, "%s %zu", git_object_type2string(type), n) + 1;
	if (!digest_make_sha1(d.head, d.head_n, octets, n, name))
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	(void)git_oid_fromraw(id, name);
	git_loose_path(objects, id, path);
	if (freshen(path))
		return ERR_OK;
	if ((d.parts = calloc(d.nparts, sizeof *d.parts)) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	if ((err = file_begin(&file, objects, id, f)) == ERR_OK) {
		parallel_run(parallel_cpus(), d.nparts, deflate_part, &d);
		err = deflation_write(&d, &file, f);
	}
	for (size_t i = 0; i < d.nparts; i++)
		buf_clear(&d.parts[i].out);
	free(d.parts);
	return file_end(&file, err, f);
}
