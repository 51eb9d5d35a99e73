#include "zones/git_internal.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static int
sweep_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	const char *name = path + where->base;
	size_t n = strlen(name);

	(void)st;
	/* libgit2 names its temporary files NAME_git2_RANDOM, and locks REF.lock, which git forbids as a ref's name */
	if (type == FTW_F && ((n > 5 && strcmp(name + n - 5, ".lock") == 0) || strstr(name, "_git2_") != NULL))
		(void)unlink(path);
	return 0;
}

void
git_clone_sweep(const char *dir)
{
	(void)nftw(dir, sweep_one, 16, FTW_PHYS);
}

static bool
directory_is_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	bool empty = true;

	if (d == NULL)
		return errno == ENOENT;
	while (empty && (e = readdir(d)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	closedir(d);
	return empty;
}

/* Made beside its place and renamed, so that a crash leaves no half of a repository there.  0700: keys are in it. */
static enum err
clone_make(const char *dir, struct fault *f)
{
	git_repository_init_options options;
	git_repository *repo = NULL;
	char *aside = NULL;
	enum err err;
	int rc;

	if (asprintf(&aside, "%s.new", dir) < 0)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	if ((err = file_mkdir(aside, 0700, f)) != ERR_OK)
		goto out;
	(void)git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_NO_DOTGIT_DIR;
	options.initial_head = "main";
	if ((rc = git_repository_init_ext(&repo, aside, &options)) < 0)
		err = git_fault(rc, f, "cannot make the clone %s", dir);
	else if (rename(aside, dir) < 0)
		err = fault_set(f, err_from_errno(errno), "%s: %s", dir, strerror(errno));
	git_repository_free(repo);
out:
	free(aside);
	return err;
}

static int library_rc;

/* Ours alone are read: what the user's or the system's git configuration says is not for the daemon.  The options
 * hold for the process, so the library stays initialised until that ends. */
static void
library_init(void)
{
	static const int levels[] = { GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
	    GIT_CONFIG_LEVEL_GLOBAL };
	int rc = git_libgit2_init();

	for (size_t i = 0; rc >= 0 && i < sizeof levels / sizeof levels[0]; i++)
		rc = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	if (rc >= 0)
		rc = git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	if (rc >= 0)
		rc = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	if (rc >= 0)	/* zones/git_tree.c looks at what is large; zlib has a checksum too */
		rc = git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	if (rc >= 0)	/* for years of commits that are read once; its default is 256 MiB */
		rc = git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)16 << 20);
	library_rc = rc;
}

enum err
git_library_setup(struct fault *f)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, library_init);
	return library_rc < 0 ? git_fault(library_rc, f, "libgit2") : ERR_OK;
}

/* The branch in use is the configured one, else what the last fetch chose. */
static enum err
branch_find(struct git_source *s, struct fault *f)
{
	char ref[GIT_REF_SIZE];
	git_reference *r = NULL;
	const char *target;
	enum err err = ERR_OK;
	int rc;

	if (s->config.branch != NULL) {
		if ((err = git_ref_name(GIT_REFS_ORIGIN, s->config.branch, ref, f)) != ERR_OK)
			return err;
		s->branch = strdup(s->config.branch);
		return s->branch == NULL ? fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM)) : ERR_OK;
	}
	if ((rc = git_reference_lookup(&r, s->repo, GIT_REF_IN_USE)) == GIT_ENOTFOUND)
		return ERR_OK;
	if (rc < 0)
		return git_clone_fault(s->dir, rc, f, "%s", GIT_REF_IN_USE);
	target = git_reference_symbolic_target(r);
	if (target == NULL || strncmp(target, GIT_REFS_ORIGIN, strlen(GIT_REFS_ORIGIN)) != 0)
		err = git_clone_fault(s->dir, GIT_ERROR, f, "%s", GIT_REF_IN_USE);
	else if (git_ref_name(GIT_REFS_ORIGIN, target + strlen(GIT_REFS_ORIGIN), ref, NULL) != ERR_OK)
		err = git_clone_fault(s->dir, GIT_EINVALIDSPEC, f, "%s", GIT_REF_IN_USE);
	else if ((s->branch = strdup(target + strlen(GIT_REFS_ORIGIN))) == NULL)
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	git_reference_free(r);
	return err;
}

static enum err
clone_open(struct git_source *s, struct fault *f)
{
	git_config *config = NULL;
	git_tree *tree = NULL;
	git_oid_text tip;
	enum err err;
	int rc;

	if (directory_is_empty(s->dir) && (err = clone_make(s->dir, f)) != ERR_OK)
		return err;
	if (chmod(s->dir, 0700) < 0)		/* zone keys are in it */
		return fault_set(f, err_from_errno(errno), "%s: %s", s->dir, strerror(errno));
	git_clone_sweep(s->dir);
	git_source_find_garbage(s);
	if ((err = git_clone_check_loose(s->dir, GIT_LOOSE_LARGE, f)) != ERR_OK)
		return err;
	if ((rc = git_repository_open_bare(&s->repo, s->dir)) < 0)
		return git_clone_fault(s->dir, rc, f, "its top");
	if ((rc = git_repository_config_snapshot(&config, s->repo)) < 0)
		return git_clone_fault(s->dir, rc, f, "config");
	git_config_free(config);
	if ((err = branch_find(s, f)) != ERR_OK)
		return err;
	if ((err = git_source_tip(s, tip, f)) == ERR_NOT_FOUND) {
		git_fault_clear(f);
		return ERR_OK;			/* a new clone */
	}
	if (err != ERR_OK)
		return err;
	if ((err = git_source_tree_of(s, tip, &tree, f)) == ERR_NOT_FOUND)
		err = git_clone_fault(s->dir, GIT_ENOTFOUND, f, "commit %s", tip);
	git_tree_free(tree);
	return err;
}

/* "NAME <ADDRESS>" apart; the configuration has seen to its form. */
static enum err
committer_set(struct git_source *s, struct fault *f)
{
	const char *text = s->config.committer, *open;
	char host[256] = "localhost";

	if (text != NULL && ((open = strchr(text, '<')) == NULL || open == text || strchr(open, '>') == NULL ||
	    strchr(open, '@') == NULL))
		return fault_set(f, ERR_FORMAT, "%s: is no NAME <ADDRESS>", text);
	if (text == NULL) {
		if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0' || strpbrk(host, "<> \n") != NULL)
			snprintf(host, sizeof host, "localhost");
		s->committer = strdup("certns");
		if (asprintf(&s->committer_address, "certns@%s", host) < 0)
			s->committer_address = NULL;
	} else {
		s->committer = strndup(text, (size_t)(open - text - (open > text && open[-1] == ' ')));
		s->committer_address = strndup(open + 1, strcspn(open + 1, ">"));
	}
	if (s->committer == NULL || s->committer_address == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	return ERR_OK;
}

enum err
git_source_open(const char *clone_dir, const struct git_remote_config *config, struct git_source **out,
    struct fault *f)
{
	struct git_source *s = NULL;
	enum err err;

	if ((err = git_library_setup(f)) != ERR_OK)
		return err;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	s->config = *config;
	s->give_way_fd = -1;
	if ((s->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		err = fault_set(f, err_from_errno(errno), "eventfd: %s", strerror(errno));
		goto out;
	}
	if ((s->dir = strdup(clone_dir)) == NULL || (s->url = strdup(config->url)) == NULL) {
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
		goto out;
	}
	git_url_redact(config->url, s->url);
	if (git_url_kind(s->url) == GIT_KIND_OTHER) {
		err = fault_set(f, ERR_UNSUPPORTED, "%s: only https, ssh, file and paths: the others do not prove who "
		    "the server is", s->url);
		goto out;
	}
	if ((err = git_path_join("", config->path != NULL ? config->path : "", &s->path, f)) != ERR_OK ||
	    (err = committer_set(s, f)) != ERR_OK || (err = clone_open(s, f)) != ERR_OK)
		goto out;
	*out = s;
	return ERR_OK;
out:
	git_source_close(s);
	return err;
}

void
git_source_close(struct git_source *s)
{
	if (s == NULL)
		return;
	git_source_forget(s);
	git_files_free(s->files);
	git_repository_free(s->repo);
	if (s->cancel_fd >= 0)
		close(s->cancel_fd);
	free(s->dir);
	free(s->url);
	free(s->branch);
	free(s->path);
	free(s->committer);
	free(s->committer_address);
	free(s);
}

void
git_source_cancel(struct git_source *s)
{
	(void)eventfd_write(s->cancel_fd, 1);
}

const char *
git_source_url(const struct git_source *s)
{
	return s->url;
}

const char *
git_source_branch(const struct git_source *s)
{
	return s->branch;
}

const char *
git_source_domain(const struct git_source *s)
{
	return strchr(s->committer_address, '@') + 1;
}

enum err
git_source_ref(struct git_source *s, const char *refs, const char *never, git_oid_text commit, struct fault *f)
{
	char ref[GIT_REF_SIZE];
	git_oid id;
	enum err err;
	int rc;

	if (s->branch == NULL)
		return fault_set(f, ERR_NOT_FOUND, "nothing was fetched yet");
	if ((err = git_ref_name(refs, s->branch, ref, f)) != ERR_OK)
		return err;
	if ((rc = git_reference_name_to_id(&id, s->repo, ref)) == GIT_ENOTFOUND)
		return fault_set(f, ERR_NOT_FOUND, "nothing was %s yet of branch %s", never, s->branch);
	if (rc < 0)
		return git_clone_fault(s->dir, rc, f, "%s", ref);
	git_oid_tostr(commit, GIT_OID_TEXT, &id);
	return ERR_OK;
}

enum err
git_source_tip(struct git_source *s, git_oid_text tip, struct fault *f)
{
	return git_source_ref(s, GIT_REFS_ORIGIN, "fetched", tip, f);
}

enum err
git_source_commit_of(struct git_source *s, const char *text, git_commit **out, struct fault *f)
{
	git_oid id;
	enum err err;
	int rc;

	if ((err = git_oid_of(text, &id, f)) != ERR_OK)
		return err;
	if ((rc = git_commit_lookup(out, s->repo, &id)) == GIT_ENOTFOUND)
		return fault_set(f, ERR_NOT_FOUND, "the clone %s has no commit %s", s->dir, text);
	return rc < 0 ? git_clone_fault(s->dir, rc, f, "commit %s", text) : ERR_OK;
}

enum err
git_source_is_ancestor(struct git_source *s, const git_oid_text ancestor, const git_oid_text commit, bool *yes,
    struct fault *f)
{
	git_commit *above = NULL, *below = NULL;
	enum err err;
	int rc;

	if ((err = git_source_commit_of(s, commit, &below, f)) != ERR_OK)
		return err;
	/* The clone has the whole history of commit: what it does not have is no part of that. */
	*yes = false;
	if ((err = git_source_commit_of(s, ancestor, &above, f)) == ERR_NOT_FOUND) {
		git_fault_clear(f);
		err = ERR_OK;
		goto out;
	}
	if (err != ERR_OK)
		goto out;
	rc = git_oid_equal(git_commit_id(above), git_commit_id(below)) ? 1
	    : git_graph_descendant_of(s->repo, git_commit_id(below), git_commit_id(above));
	if (rc < 0)
		err = git_clone_fault(s->dir, rc, f, "the history of commit %s", commit);
	*yes = rc == 1;
out:
	git_commit_free(above);
	git_commit_free(below);
	return err;
}
