/* server/backup_tree.h -- copies of directories. */
#ifndef SERVER_BACKUP_TREE_H
#define SERVER_BACKUP_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Copy the files and directories in from into to, which is there; wanted() is asked about what lies directly in from,
 * by name.  Modes are kept; links, sockets and the like are passed over.  *octets grows by what was copied.  Files may
 * be added meanwhile, and may or may not be copied.  ERR_NOT_FOUND: one went while it was looked at. */
enum err tree_copy(const char *from, const char *to, bool (*wanted)(const char *name), uint64_t *octets,
    struct fault *f);

/* Whatever is in path, and path itself. */
void tree_remove(const char *path);

/* What lies directly in path and is wanted, with all that is in it. */
void tree_clear(const char *path, bool (*wanted)(const char *name));

/* All that was written below path is on the disk when this returns ERR_OK. */
enum err tree_sync(const char *path, struct fault *f);

#endif
