/* zones/git_reader.c -- handles on a clone: one more, for another thread that reads, and the same anew. */
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
	reader->cancel_fd = reader->give_way_fd = -1;
	if ((reader->dir = strdup(s->dir)) == NULL || (reader->url = strdup(s->url)) == NULL ||
	    (reader->path = strdup(s->path)) == NULL ||
	    (s->branch != NULL && (reader->branch = strdup(s->branch)) == NULL)) {
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

enum err
git_source_reopen(struct git_source *s, struct fault *f)
{
	git_repository *repo = NULL;
	int rc;

	if ((rc = git_repository_open_bare(&repo, s->dir)) < 0)
		return git_clone_fault(s->dir, rc, f, "its top");
	git_source_forget(s);
	git_repository_free(s->repo);
	s->repo = repo;
	return ERR_OK;
}
