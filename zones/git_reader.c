/* zones/git_reader.c -- one more handle on a clone, for another thread that reads. */
#include <stdlib.h>
#include <string.h>

#include "zones/git_internal.h"

enum err
git_source_reader(const struct git_source *s, struct git_source **out, struct fault *f)
{
	struct git_source *reader = calloc(1, sizeof *reader);
	int rc;

	if (reader == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	reader->cancel_fd = -1;
	if ((reader->dir = strdup(s->dir)) == NULL || (reader->url = strdup(s->url)) == NULL ||
	    (reader->path = strdup(s->path)) == NULL || (s->branch != NULL && (reader->branch = strdup(s->branch)) == NULL)) {
		git_source_close(reader);
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	}
	if ((rc = git_repository_open_bare(&reader->repo, s->dir)) < 0) {
		git_source_close(reader);
		return git_clone_fault(s->dir, rc, f, "its top");
	}
	*out = reader;
	return ERR_OK;
}
