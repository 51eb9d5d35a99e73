/* A repository that is not ours: a hook's, or somebody's working copy. */
#include <stdlib.h>
#include <string.h>

#include "zones/git_internal.h"

/* One element of a list of paths with ':' between, quoted like a C string if it starts with a quote: that is how git
 * writes GIT_ALTERNATE_OBJECT_DIRECTORIES.  The end of the list gives NULL; the path is the caller's. */
static const char *
next_path(const char *list, struct buf *path)
{
	bool quoted = *list == '"';

	if (*list == '\0')
		return NULL;
	for (list += quoted; *list != '\0' && *list != (quoted ? '"' : ':'); list++) {
		if (quoted && *list == '\\' && list[1] != '\0')
			list++;
		buf_u8(path, (uint8_t)*list);
	}
	list += quoted && *list == '"';
	return *list == ':' ? list + 1 : list;
}

/* While a push is judged its objects are in a directory of their own (git-receive-pack(1), "Quarantine
 * Environment"). */
static enum err
add_quarantine(struct git_source *s, struct fault *f)
{
	const char *own = getenv("GIT_OBJECT_DIRECTORY"), *list = getenv("GIT_ALTERNATE_OBJECT_DIRECTORIES");
	git_odb *odb = NULL;
	int rc = git_repository_odb(&odb, s->repo);

	if (rc >= 0 && own != NULL && *own != '\0')
		rc = git_odb_add_disk_alternate(odb, own);
	while (rc >= 0 && list != NULL) {
		struct buf path = { 0 };

		if ((list = next_path(list, &path)) != NULL && path.len > 0)
			rc = buf_str(&path) == NULL ? GIT_ERROR : git_odb_add_disk_alternate(odb, buf_str(&path));
		buf_clear(&path);
	}
	git_odb_free(odb);
	return rc < 0 ? git_fault(rc, f, "the objects of %s", s->dir) : ERR_OK;
}

enum err
git_source_open_repository(const char *dir, const char *path, struct git_source **out, struct fault *f)
{
	struct git_source *s = NULL;
	enum err err;
	int rc;

	if ((err = git_library_setup(f)) != ERR_OK)
		return err;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	s->cancel_fd = s->give_way_fd = -1;
	if ((s->dir = strdup(dir)) == NULL || (s->url = strdup(dir)) == NULL)
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	else if ((rc = git_repository_open(&s->repo, dir)) < 0)
		err = git_fault(rc, f, "cannot open the repository %s", dir);
	else if ((err = git_path_join("", path != NULL ? path : "", &s->path, f)) == ERR_OK)
		err = add_quarantine(s, f);
	if (err != ERR_OK) {
		git_source_close(s);
		return err;
	}
	*out = s;
	return ERR_OK;
}

enum err
git_source_resolve(struct git_source *s, const char *revision, git_oid_text commit, struct fault *f)
{
	git_object *object = NULL, *peeled = NULL;
	enum err err = ERR_OK;
	int rc = git_revparse_single(&object, s->repo, revision);

	if (rc >= 0)
		rc = git_object_peel(&peeled, object, GIT_OBJECT_COMMIT);
	if (rc == GIT_ENOTFOUND || rc == GIT_EINVALIDSPEC)
		err = fault_set(f, ERR_NOT_FOUND, "%s has no commit '%s'%s", s->dir, revision,
		    git_repository_is_shallow(s->repo) == 1 ? " (it is a shallow clone: fetch more of its history)" :
		    "");
	else if (rc < 0)
		err = git_fault(rc, f, "commit '%s'", revision);
	else
		git_oid_tostr(commit, GIT_OID_TEXT, git_object_id(peeled));
	git_object_free(object);
	git_object_free(peeled);
	return err;
}

const char *
git_source_path(const struct git_source *s)
{
	return s->path;
}
