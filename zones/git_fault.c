/* zones/git_fault.c -- libgit2's errors as ours.  libgit2 gives a return code, a class and a sentence; errno is
 * gone by then, so a full disk is told by its words. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zones/git_internal.h"

static bool
says(const git_error *e, int errnum)
{
	return e->message != NULL && strstr(e->message, strerror(errnum)) != NULL;
}

static enum err
err_of_class(const git_error *e)
{
	static const struct { int klass; enum err err; } classes[] = {
		{ GIT_ERROR_NOMEMORY,	ERR_NOMEM },
		{ GIT_ERROR_NET,	ERR_NETWORK },
		{ GIT_ERROR_SSH,	ERR_PEER },
		{ GIT_ERROR_SSL,	ERR_PEER },
		{ GIT_ERROR_HTTP,	ERR_PEER },
		{ GIT_ERROR_CALLBACK,	ERR_CANCELLED },
		{ GIT_ERROR_ZLIB,	ERR_FORMAT },
		{ GIT_ERROR_ODB,	ERR_FORMAT },
		{ GIT_ERROR_OBJECT,	ERR_FORMAT },
		{ GIT_ERROR_TREE,	ERR_FORMAT },
		{ GIT_ERROR_INDEXER,	ERR_FORMAT },
		{ GIT_ERROR_SHA,	ERR_FORMAT },
		{ GIT_ERROR_REFERENCE,	ERR_FORMAT },
		{ GIT_ERROR_REPOSITORY,	ERR_FORMAT },
		{ GIT_ERROR_CONFIG,	ERR_FORMAT },
	};

	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (classes[i].klass == e->klass)
			return classes[i].err;
	return ERR_IO;
}

static enum err
err_of(int rc)
{
	static const int network[] = { ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EPIPE,
	    ENETDOWN, EHOSTDOWN };
	const git_error *e = git_error_last();

	if (e != NULL && (says(e, ENOSPC) || says(e, EDQUOT)))
		return ERR_NOSPACE;
	for (size_t i = 0; e != NULL && i < sizeof network / sizeof network[0]; i++)
		if (says(e, network[i]))
			return ERR_NETWORK;
	if (e != NULL && (says(e, EACCES) || says(e, EROFS) || says(e, EPERM)))
		return ERR_ACCESS;
	switch (rc) {
	case GIT_EAUTH:
	case GIT_ECERTIFICATE:		return ERR_PEER;
	case GIT_ENONFASTFORWARD:
	case GIT_EMODIFIED:		return ERR_CONFLICT;
	case GIT_ELOCKED:		return ERR_BUSY;
	case GIT_ENOTFOUND:		return ERR_NOT_FOUND;
	case GIT_EMISMATCH:		return ERR_FORMAT;
	default:			return e != NULL ? err_of_class(e) : ERR_IO;
	}
}

static const char *
words(void)
{
	const git_error *e = git_error_last();

	return e != NULL && e->message != NULL ? e->message : "no reason given";
}

void
git_fault_clear(struct fault *f)
{
	if (f != NULL)
		*f = (struct fault){ 0 };
}

enum err
git_fault(int rc, struct fault *f, const char *format, ...)
{
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return fault_set(f, err_of(rc), "%s: %s", what, words());
}

enum err
git_clone_fault(const char *dir, int rc, struct fault *f, const char *format, ...)
{
	enum err err = err_of(rc);
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	if (err == ERR_NOMEM || err == ERR_NOSPACE || err == ERR_ACCESS)
		return fault_set(f, err, "%s in %s: %s", what, dir, words());
	return fault_set(f, ERR_FORMAT, "the clone %s is damaged at %s (%s); move it away and restart: it is fetched "
	    "anew, and changes not yet pushed are in the state database", dir, what, words());
}
