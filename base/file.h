/* base/file.h -- whole files. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Before anything else: descriptors 0, 1 and 2 are taken, if they came closed, so that no file is opened as one of them, and has in
 * it later what was meant for standard error.  Reading the first and writing the others fails as it would have. */
void file_take_standard(void);

/* Append the file's octets to out, at most max of them (more is ERR_NOSPACE). */
enum err file_read(const char *path, size_t max, struct buf *out, struct fault *f);

/* Write by temporary file, sync and rename, then sync the directory: after a crash path holds the old or the
 * new octets.  mode is set before the first octet is written. */
enum err file_write(const char *path, const void *octets, size_t n, mode_t mode, struct fault *f);

/* Sync the directory that path is in, where the file system can. */
void file_sync_directory_of(const char *path);

/* Make a directory; ERR_OK too when it is there already. */
enum err file_mkdir(const char *path, mode_t mode, struct fault *f);

#endif
