/* zones/git_path.c -- the names that git parts go by: URLs, branches, paths inside the repository. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/url.h"
#include "zones/git_internal.h"

enum err
git_url_split(const char *text, char **url, char **branch)
{
	const char *hash = strrchr(text, '#');
	size_t n = hash != NULL ? (size_t)(hash - text) : strlen(text);
	char *u = NULL, *b = NULL;

	if (n == 0 || (hash != NULL && hash[1] == '\0'))
		return ERR_FORMAT;
	if ((u = strndup(text, n)) == NULL || (hash != NULL && (b = strdup(hash + 1)) == NULL)) {
		free(u);
		return ERR_NOMEM;
	}
	*url = u;
	*branch = b;
	return ERR_OK;
}

enum git_transport_kind
git_url_kind(const char *url)
{
	const char *colon = strchr(url, ':'), *slash = strchr(url, '/');

	if (strncasecmp(url, "https://", 8) == 0)
		return GIT_KIND_HTTPS;
	if (strncasecmp(url, "ssh://", 6) == 0)
		return GIT_KIND_SSH;
	if (strncasecmp(url, "file://", 7) == 0)
		return GIT_KIND_LOCAL;
	if (strstr(url, "://") != NULL)
		return GIT_KIND_OTHER;
	/* git@host:path, unless a slash before the colon says that it is a path, as git has it */
	return colon != NULL && (slash == NULL || colon < slash) ? GIT_KIND_SSH : GIT_KIND_LOCAL;
}

/* The part of an URL that nobody may see: all before '@' for https (a name alone may be a token there), what
 * follows ':' for ssh, where the user's name is none. */
static size_t
url_secret(const char *url, const char **secret)
{
	struct url u;

	(void)url_split(url, strlen(url), &u);	/* what leads nowhere may hold a password, too */
	*secret = git_url_kind(url) == GIT_KIND_SSH ? u.password.p : u.user.p;
	if (*secret == NULL)
		return 0;
	return u.password.p != NULL ? (size_t)(u.password.p + u.password.n - *secret) : u.user.n;
}

bool
git_url_has_secret(const char *url)
{
	const char *secret = NULL;

	return url_secret(url, &secret) > 0;
}

void
git_url_redact(const char *url, char *text)
{
	const char *secret = NULL;
	size_t n = url_secret(url, &secret);
	char *p = text;

	if (n == 0)
		return;
	while ((p = memmem(p, strlen(p), secret, n)) != NULL) {
		memset(p, '*', n);
		p += n;
	}
}

char *
git_url_directory(const char *url)
{
	struct buf out = { 0 };

	if (strncasecmp(url, "file://", 7) != 0)
		return strdup(url);
	url += 7;
	if (strncmp(url, "localhost/", 10) == 0)
		url += 9;
	for (; *url != '\0'; url++) {
		if (*url != '%') {
			buf_add(&out, url, 1);
			continue;
		}
		if (strlen(url) < 3 || !hex_decode(url + 1, 2, &out) || out.p[out.len - 1] == '\0') {
			buf_clear(&out);
			return NULL;
		}
		url += 2;
	}
	return buf_take(&out, NULL);
}

enum err
git_ref_name(const char *prefix, const char *branch, char ref[GIT_REF_SIZE], struct fault *f)
{
	int valid = 0;

	if (snprintf(ref, GIT_REF_SIZE, "%s%s", prefix, branch) >= GIT_REF_SIZE)
		return fault_set(f, ERR_RANGE, "the branch name is too long");
	if (git_reference_name_is_valid(&valid, ref) < 0 || !valid)
		return fault_set(f, ERR_RANGE, "'%s' is no name for a branch", branch);
	return ERR_OK;
}

enum err
git_oid_of(const char *text, git_oid *id, struct fault *f)
{
	if (strlen(text) != GIT_OID_HEXSZ || git_oid_fromstr(id, text) < 0)
		return fault_set(f, ERR_FORMAT, "'%s' is no commit or object id", text);
	return ERR_OK;
}

/* Drop the last component of out.  False: there is none. */
static bool
path_up(struct buf *out)
{
	if (out->len == 0)
		return false;
	while (out->len > 0 && out->p[out->len - 1] != '/')
		out->len--;
	if (out->len > 0)
		out->len--;			/* the slash itself */
	return true;
}

/* Append the components of path.  False: ".." above the top. */
static bool
path_add(struct buf *out, const char *path)
{
	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n == 2 && memcmp(path, "..", 2) == 0) {
			if (!path_up(out))
				return false;
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			if (out->len > 0)
				buf_u8(out, '/');
			buf_add(out, path, n);
		}
		path += n;
		if (*path == '/')
			path++;
	}
	return true;
}

enum err
git_path_join(const char *base, const char *path, char **out, struct fault *f)
{
	struct buf b = { 0 };

	if (path[0] == '/')
		return fault_set(f, ERR_RANGE, "%s: paths are relative to the zones' directory", path);
	if (!path_add(&b, base) || !path_add(&b, path)) {
		buf_clear(&b);
		return fault_set(f, ERR_RANGE, "%s: leads out of the repository", path);
	}
	if ((*out = buf_take(&b, NULL)) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	return ERR_OK;
}
