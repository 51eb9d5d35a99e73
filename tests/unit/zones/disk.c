#include "tests/unit/zones/disk.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define FILES 8
#define SECTOR 512
#define OCTETS_MAX (8 << 20)

struct disk_file {
	char name[200];			/* "": none */
	uint8_t *now, *synced;
	size_t n, synced_n;
	unsigned unsynced;
};

struct handle {
	sqlite3_file base;
	struct disk_file *file;
};

static struct disk_file files[FILES];
static enum disk_trouble trouble;
static unsigned trouble_in, syncs;
static bool troubled, lasting;
static sqlite3_vfs *real;

static struct disk_file *
find(const char *name, bool make)
{
	struct disk_file *none = NULL;

	for (int i = 0; i < FILES; i++) {
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
		if (files[i].name[0] == '\0')
			none = &files[i];
	}
	if (!make || none == NULL)
		return NULL;
	strncpy(none->name, name, sizeof none->name - 1);
	none->now = calloc(1, OCTETS_MAX);
	none->synced = calloc(1, OCTETS_MAX);
	return none;
}

static void
forget(struct disk_file *f)
{
	free(f->now);
	free(f->synced);
	*f = (struct disk_file){ 0 };
}

/* What becomes of this call? */
static int
meet(bool sync, bool longer)
{
	if (lasting && trouble == DISK_POWER)
		return SQLITE_IOERR;
	if (lasting && trouble == DISK_STAYS_FULL && longer)
		return SQLITE_FULL;
	if (trouble_in == 0 || --trouble_in > 0)
		return SQLITE_OK;
	troubled = true;
	lasting = trouble == DISK_POWER || trouble == DISK_STAYS_FULL;
	if (trouble == DISK_STAYS_FULL && !longer)
		return SQLITE_OK;
	return trouble == DISK_FULL || trouble == DISK_STAYS_FULL ? sync ? SQLITE_OK : SQLITE_FULL : SQLITE_IOERR;
}

/* --- files --- */

static int
file_close(sqlite3_file *h)
{
	(void)h;
	return SQLITE_OK;
}

static int
file_read(sqlite3_file *h, void *out, int n, sqlite3_int64 at)
{
	const struct disk_file *f = ((struct handle *)h)->file;
	size_t have = (size_t)at < f->n ? f->n - (size_t)at : 0;

	have = have < (size_t)n ? have : (size_t)n;
	memcpy(out, f->now + at, have);
	memset((uint8_t *)out + have, 0, (size_t)n - have);
	return have == (size_t)n ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
file_write(sqlite3_file *h, const void *octets, int n, sqlite3_int64 at)
{
	struct disk_file *f = ((struct handle *)h)->file;
	bool longer = (size_t)at + (size_t)n > f->n;
	int code = meet(false, longer);

	if (code == SQLITE_FULL)
		n /= 2;
	else if (code != SQLITE_OK)
		return SQLITE_IOERR_WRITE;
	if ((size_t)at + (size_t)n > OCTETS_MAX)
		return SQLITE_FULL;
	memcpy(f->now + at, octets, (size_t)n);
	f->n = (size_t)at + (size_t)n > f->n ? (size_t)at + (size_t)n : f->n;
	f->unsynced += (unsigned)n;
	return code;
}

static int
file_truncate(sqlite3_file *h, sqlite3_int64 size)
{
	struct disk_file *f = ((struct handle *)h)->file;

	if (meet(false, false) != SQLITE_OK)
		return SQLITE_IOERR_TRUNCATE;
	if ((size_t)size < f->n)
		memset(f->now + size, 0, f->n - (size_t)size);
	f->n = (size_t)size;
	return SQLITE_OK;
}

static int
file_sync(sqlite3_file *h, int flags)
{
	struct disk_file *f = ((struct handle *)h)->file;

	(void)flags;
	if (meet(true, false) != SQLITE_OK)
		return SQLITE_IOERR_FSYNC;
	memcpy(f->synced, f->now, f->n > f->synced_n ? f->n : f->synced_n);
	f->synced_n = f->n;
	f->unsynced = 0;
	syncs++;
	return SQLITE_OK;
}

static int
file_size(sqlite3_file *h, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)((struct handle *)h)->file->n;
	return SQLITE_OK;
}

static int
file_lock(sqlite3_file *h, int level)
{
	(void)h;
	(void)level;
	return SQLITE_OK;
}

static int
file_check_lock(sqlite3_file *h, int *out)
{
	(void)h;
	*out = 0;
	return SQLITE_OK;
}

static int
file_control(sqlite3_file *h, int what, void *arg)
{
	(void)h;
	(void)what;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int
file_sector(sqlite3_file *h)
{
	(void)h;
	return SECTOR;
}

static int
file_character(sqlite3_file *h)
{
	(void)h;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;	/* as on Unix: what was not written to stays */
}

static const sqlite3_io_methods methods = {
	1, file_close, file_read, file_write, file_truncate, file_sync, file_size, file_lock, file_lock,
	file_check_lock, file_control, file_sector, file_character, NULL, NULL, NULL, NULL, NULL, NULL
};

/* --- the file system --- */

static int
disk_file_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *h, int flags, int *out)
{
	struct handle *handle = (struct handle *)h;

	(void)vfs;
	handle->base.pMethods = NULL;
	if (name == NULL || (handle->file = find(name, (flags & SQLITE_OPEN_CREATE) != 0)) == NULL)
		return SQLITE_CANTOPEN;
	handle->base.pMethods = &methods;
	if (out != NULL)
		*out = flags;
	return SQLITE_OK;
}

static int
disk_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	struct disk_file *f = find(name, false);

	(void)vfs;
	(void)sync;
	if (lasting && trouble == DISK_POWER)
		return SQLITE_IOERR;
	if (f != NULL)
		forget(f);
	return SQLITE_OK;
}

static int
disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	(void)vfs;
	(void)flags;
	*out = find(name, false) != NULL;
	return SQLITE_OK;
}

static int
disk_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	(void)vfs;
	sqlite3_snprintf(n, out, "%s", name);
	return SQLITE_OK;
}

static int
disk_random(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	return real->xRandomness(real, n, out);
}

static int
disk_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

static int
disk_time(sqlite3_vfs *vfs, double *out)
{
	(void)vfs;
	return real->xCurrentTime(real, out);
}

static int
disk_error(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	(void)n;
	(void)out;
	return 0;
}

static sqlite3_vfs disk = {
	.iVersion = 1, .szOsFile = sizeof(struct handle), .mxPathname = 200, .zName = "disk", .xOpen = disk_file_open,
	.xDelete = disk_delete, .xAccess = disk_access, .xFullPathname = disk_path, .xRandomness = disk_random,
	.xSleep = disk_sleep, .xCurrentTime = disk_time, .xGetLastError = disk_error
};

void
disk_open(void)
{
	if (real == NULL)
		real = sqlite3_vfs_find(NULL);
	disk_mend();
	sqlite3_vfs_register(&disk, 1);
}

void
disk_close(void)
{
	for (int i = 0; i < FILES; i++)
		if (files[i].name[0] != '\0')
			forget(&files[i]);
	sqlite3_vfs_unregister(&disk);
	sqlite3_vfs_register(real, 1);
}

void
disk_trouble(enum disk_trouble kind, unsigned nth)
{
	trouble = kind;
	trouble_in = nth;
	troubled = lasting = false;
}

bool
disk_was_troubled(void)
{
	return troubled;
}

void
disk_mend(void)
{
	trouble_in = 0;
	lasting = false;
}

void
disk_crash(uint32_t (*random_below)(uint32_t limit))
{
	uint32_t luck = random_below(3);	/* all is there, by chance, nothing */

	for (int i = 0; i < FILES; i++) {
		struct disk_file *f = &files[i];
		/* The size in the directory may be the old or the new one. */
		size_t n = luck + random_below(2) < 2 ? f->n : f->synced_n;
		size_t most = f->n > f->synced_n ? f->n : f->synced_n;

		if (f->name[0] == '\0')
			continue;
		for (size_t at = 0; at < n; at += SECTOR)
			if (memcmp(f->now + at, f->synced + at, SECTOR) != 0 && luck + random_below(2) < 2)
				memcpy(f->synced + at, f->now + at, SECTOR);
		memset(f->synced + n, 0, most - n);
		memcpy(f->now, f->synced, most);
		f->n = f->synced_n = n;
		f->unsynced = 0;
	}
	disk_mend();
}

unsigned
disk_syncs(void)
{
	return syncs;
}

unsigned
disk_unsynced(const char *suffix)
{
	unsigned n = 0;

	for (int i = 0; i < FILES; i++) {
		size_t len = strlen(files[i].name);

		if (len >= strlen(suffix) && strcmp(files[i].name + len - strlen(suffix), suffix) == 0)
			n += files[i].unsynced;
	}
	return n;
}
