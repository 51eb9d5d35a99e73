#include "server/backup_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

static enum err
failed(const char *path, struct fault *f)
{
	return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
}

static enum err
copy_octets(int in, int out, const char *from, const char *to, uint64_t *octets, struct fault *f)
{
	char chunk[CHUNK];
	ssize_t got, put;

	while ((got = read(in, chunk, sizeof chunk)) > 0) {
		for (ssize_t at = 0; at < got; at += put)
			if ((put = write(out, chunk + at, (size_t)(got - at))) < 0)
				return failed(to, f);
		*octets += (uint64_t)got;
	}
	return got < 0 ? failed(from, f) : ERR_OK;
}

static enum err
copy_file(const char *from, const char *to, mode_t mode, uint64_t *octets, struct fault *f)
{
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out;
	enum err err;

	if (in < 0)
		return failed(from, f);
	if ((out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0) {
		err = failed(to, f);
		close(in);
		return err;
	}
	err = copy_octets(in, out, from, to, octets, f);
	if (err == ERR_OK && fchmod(out, mode) != 0)
		err = failed(to, f);
	if (close(out) != 0 && err == ERR_OK)
		err = failed(to, f);
	close(in);
	return err;
}

static enum err copy_directory(const char *from, const char *to, bool (*wanted)(const char *name), uint64_t *octets,
    struct fault *f);

static enum err
copy_entry(const char *from, const char *to, uint64_t *octets, struct fault *f)
{
	struct stat st;

	if (lstat(from, &st) != 0)
		return failed(from, f);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, st.st_mode & 0777, octets, f);
	if (!S_ISDIR(st.st_mode))
		return ERR_OK;
	if (mkdir(to, (st.st_mode & 0777) | 0700) != 0)
		return failed(to, f);
	return copy_directory(from, to, NULL, octets, f);
}

static enum err
copy_directory(const char *from, const char *to, bool (*wanted)(const char *name), uint64_t *octets, struct fault *f)
{
	struct dirent **entries;
	enum err err = ERR_OK;
	/* A clone's packs sort behind its loose objects, which may become part of one meanwhile. */
	int n = scandir(from, &entries, NULL, alphasort);

	if (n < 0)
		return failed(from, f);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		char source[PATH_MAX], target[PATH_MAX];

		if (err == ERR_OK && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    (wanted == NULL || wanted(name))) {
			if (snprintf(source, sizeof source, "%s/%s", from, name) >= PATH_MAX ||
			    snprintf(target, sizeof target, "%s/%s", to, name) >= PATH_MAX)
				err = fault_set(f, ERR_RANGE, "%s/%s: the name is too long", to, name);
			else
				err = copy_entry(source, target, octets, f);
		}
		free(entries[i]);
	}
	free(entries);
	return err;
}

enum err
tree_copy(const char *from, const char *to, bool (*wanted)(const char *name), uint64_t *octets, struct fault *f)
{
	return copy_directory(from, to, wanted, octets, f);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	(void)remove(path);
	return 0;
}

void
tree_remove(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
tree_clear(const char *path, bool (*wanted)(const char *name))
{
	DIR *d = opendir(path);
	char name[PATH_MAX];

	if (d == NULL)
		return;
	for (const struct dirent *e; (e = readdir(d)) != NULL; )
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && wanted(e->d_name) &&
		    snprintf(name, sizeof name, "%s/%s", path, e->d_name) < PATH_MAX)
			tree_remove(name);
	closedir(d);
}

enum err
tree_sync(const char *path, struct fault *f)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err err = fd < 0 || syncfs(fd) != 0 ? failed(path, f) : ERR_OK;

	if (fd >= 0)
		close(fd);
	return err;
}
