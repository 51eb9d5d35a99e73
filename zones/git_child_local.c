/* zones/git_child_local.c -- inside the child: what stands in the way of a push to a local path: hooks that only git
 * can run, and locks that a killed process left. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "zones/git_internal.h"

#define LOCK_STALE_S 600		/* git holds a ref's lock for much less than a second */

bool
git_local_hook(git_repository *remote, const char **name, bool *may_refuse)
{
	static const char *const hooks[] = { "pre-receive", "update", "proc-receive", "reference-transaction",
	    "post-receive", "post-update" };
	git_config *config = NULL;
	git_buf elsewhere = { 0 };
	char path[PATH_MAX];
	const char *place = "hooks";
	bool found = false;

	if (git_repository_config_snapshot(&config, remote) == 0 &&
	    git_config_get_string_buf(&elsewhere, config, "core.hooksPath") == 0 && elsewhere.size > 0)
		place = elsewhere.ptr;
	for (size_t i = 0; !found && i < sizeof hooks / sizeof hooks[0]; i++) {
		snprintf(path, sizeof path, "%.2000s%.2000s/%s",
		    place[0] == '/' ? "" : git_repository_commondir(remote), place,
		    hooks[i]);
		if ((found = access(path, X_OK) == 0)) {
			*name = hooks[i];
			*may_refuse = strncmp(hooks[i], "post-", 5) != 0;
		}
	}
	git_buf_dispose(&elsewhere);
	git_config_free(config);
	return found;
}

bool
git_local_is_trusted(git_repository *remote)
{
	struct stat st;

	return stat(git_repository_commondir(remote), &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0);
}

/* A lock holds the id that the ref is to get, or nothing yet.  Ours: an id that the clone has. */
static bool
lock_is_ours(git_repository *clone, const char *path, const struct stat *st)
{
	char text[GIT_OID_HEXSZ + 1] = "";
	git_commit *commit = NULL;
	bool ours = st->st_size == 0;
	git_oid id;
	int fd;

	if (st->st_uid != geteuid())
		return false;
	if (!ours && (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) >= 0) {
		ours = read(fd, text, GIT_OID_HEXSZ) == GIT_OID_HEXSZ && git_oid_fromstr(&id, text) == 0 &&
		    git_commit_lookup(&commit, clone, &id) == 0;
		close(fd);
	}
	git_commit_free(commit);
	return ours;
}

enum err
git_local_lock(struct git_child *c, git_repository *remote, const char *ref, struct fault *f)
{
	char path[PATH_MAX], since[CLOCK_TEXT_SIZE], words[512];
	struct stat st;
	int64_t age_s;

	snprintf(path, sizeof path, "%.3000s%.500s.lock", git_repository_commondir(remote), ref);
	if (lstat(path, &st) != 0)
		return ERR_OK;
	age_s = clock_now_s() - st.st_mtime;
	clock_print(st.st_mtime, since);
	if (age_s < LOCK_STALE_S || !S_ISREG(st.st_mode) || !lock_is_ours(c->repo, path, &st))
		return fault_set(f, ERR_BUSY,
		    "%s is there since %s: somebody else pushes, or was killed while he did; if no git "
		    "process is at work there, remove it", path, since);
	if (unlink(path) != 0)
		return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	snprintf(words, sizeof words, "removed %.300s, which a killed push of ours left behind at %s", path, since);
	return git_exchange_set(c->reply, GIT_FIELD_WORDS, words) ? ERR_OK :
	    fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
}
