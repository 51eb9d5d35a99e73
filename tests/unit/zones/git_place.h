/* tests/unit/zones/git_place.h -- a temporary directory with real repositories, made by the git command. */
#ifndef TESTS_UNIT_ZONES_GIT_PLACE_H
#define TESTS_UNIT_ZONES_GIT_PLACE_H

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "zones/git.h"

static char place[PATH_MAX];

/* Run a shell command inside the temporary directory; its exit status. */
__attribute__((format(printf, 1, 2), unused)) static int
try_sh(const char *format, ...)
{
	char command[4096], line[PATH_MAX + 8192];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	snprintf(line, sizeof line, "cd '%s' && { %s\n} >>log 2>&1", place, command);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define sh(...) check(try_sh(__VA_ARGS__) == 0, __VA_ARGS__)

static int
place_make(void **state)
{
	(void)state;
	snprintf(place, sizeof place, "%s/certns-git-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(place) == NULL)
		return -1;
	setenv("HOME", place, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	setenv("GIT_AUTHOR_NAME", "A", 1);
	setenv("GIT_AUTHOR_EMAIL", "a@example.com", 1);
	setenv("GIT_COMMITTER_NAME", "A", 1);
	setenv("GIT_COMMITTER_EMAIL", "a@example.com", 1);
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("SSH_AUTH_SOCK");
	return 0;
}

static int
place_remove(void **state)
{
	(void)state;
	return try_sh("chmod -R u+w . && cd / && rm -rf '%s'", place) == 0 ? 0 : -1;
}

/* A bare repository "r" with one commit on main, and a work tree "w" of it. */
__attribute__((unused)) static void
repository_make(void)
{
	sh("git init -q --bare -b main r && git init -q -b main w && cd w && git remote add origin ../r && "
	    "mkdir -p sub/deep && echo 'one' >example.com && echo key >_keys && echo read >README.md && "
	    "echo inc >sub/inc && echo deep >sub/deep/x && ln -s example.com link && ln -s sub dirlink && "
	    "printf x >tool && chmod +x tool && git add -A && git commit -qm first && git push -q -u origin main");
}

__attribute__((unused)) static int
place_make_with_repository(void **state)
{
	int rc = place_make(state);

	if (rc == 0)
		repository_make();
	return rc;
}

__attribute__((unused)) static struct git_source *
source_open(const char *clone, const struct git_remote_config *config)
{
	struct git_source *s = NULL;
	struct fault f = { 0 };
	char dir[PATH_MAX + 32];
	enum err err;

	snprintf(dir, sizeof dir, "%s/%s", place, clone);
	err = git_source_open(dir, config, &s, &f);
	check(err == ERR_OK && f.text[0] == '\0', "%s opens: %s", clone, fault_str(&f, err));
	return s;
}

/* URL of a repository in the temporary directory; static, so one at a time. */
__attribute__((unused)) static const char *
path_of(const char *name)
{
	static char url[PATH_MAX + 64];

	snprintf(url, sizeof url, "%s/%s", place, name);
	return url;
}

#endif
