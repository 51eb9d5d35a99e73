/* zones/git_files.h -- zone files of one directory, as a repository: what the files hold is what a remote would have.
 *
 * A bare repository in the state directory keeps the texts.  git_source_fetch() of such a source reads the files that
 * changed, with what they $INCLUDE, and makes a commit of them; git_source_push() writes a commit's files out.  So
 * pull, merge, write-back and journal are the same as with git.  There is no child process: files are local. */
#ifndef ZONES_GIT_FILES_H
#define ZONES_GIT_FILES_H

#include "zones/git.h"

/* As git_source_open(); directory: absolute; names: the zone files in it, n of them (all borrowed for the life of the
 * source).  Paths of the source are relative to the directory. */
enum err git_files_open(const char *clone_dir, const char *directory, const char *const *names, size_t n,
    struct git_source **out, struct fault *f);

/* Other names from the next fetch on (borrowed).  ERR_NOMEM: they are what they were.  Not while anything is under way. */
enum err git_files_rename(struct git_source *s, const char *const *names, size_t n);

/* Is it a source of this kind? */
bool git_source_is_files(const struct git_source *s);

/* Why a zone file could not be read by the last fetch: its last text stands.  NULL: it was read.  i: as in names. */
const char *git_files_problem(const struct git_source *s, size_t i);

#endif
