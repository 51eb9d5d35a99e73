/* zones/git_files_write.h -- a zone's file replaced. */
#ifndef ZONES_GIT_FILES_WRITE_H
#define ZONES_GIT_FILES_WRITE_H

#include "base/buf.h"
#include "base/err.h"

/* Replace the file's octets, by a temporary file in its directory that is synced and renamed; owner, group and mode are
 * kept, and a link is followed.  Already new: ERR_OK.  ERR_CONFLICT: it does not hold old.  ERR_ACCESS, ERR_NOSPACE,
 * ... with words. */
enum err git_files_write(const char *path, const struct buf *old, const struct buf *new, struct fault *f);

#endif
