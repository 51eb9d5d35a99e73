#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *
err_str(enum err err)
{
	switch (err) {
	case ERR_OK:		return "no error";
	case ERR_NOMEM:		return "out of memory";
	case ERR_IO:		return "input/output error";
	case ERR_NOSPACE:	return "no space left";
	case ERR_ACCESS:	return "permission denied";
	case ERR_NOT_FOUND:	return "not found";
	case ERR_EXISTS:	return "exists already";
	case ERR_FORMAT:	return "malformed";
	case ERR_RANGE:		return "out of range";
	case ERR_CONFLICT:	return "conflict";
	case ERR_REFUSED:	return "refused";
	case ERR_UNSUPPORTED:	return "not supported";
	case ERR_TIMEOUT:	return "timed out";
	case ERR_NETWORK:	return "network error";
	case ERR_PEER:		return "peer error";
	case ERR_BUSY:		return "busy";
	case ERR_CRYPTO:	return "cryptographic error";
	case ERR_DATABASE:	return "database error";
	case ERR_CANCELLED:	return "cancelled";
	}
	return "unknown error";
}

enum err
err_from_errno(int errnum)
{
	switch (errnum) {
	case 0:			return ERR_OK;
	case ENOMEM:		return ERR_NOMEM;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:		return ERR_NOSPACE;
	case EACCES:
	case EPERM:
	case EROFS:		return ERR_ACCESS;
	case ENOENT:
	case ENOTDIR:		return ERR_NOT_FOUND;
	case EEXIST:
	case EADDRINUSE:	return ERR_EXISTS;
	case EAGAIN:
	case EBUSY:		return ERR_BUSY;
	case ETIMEDOUT:		return ERR_TIMEOUT;
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EPIPE:		return ERR_NETWORK;
	case EINVAL:
	case ERANGE:		return ERR_RANGE;
	default:		return ERR_IO;
	}
}

enum err
fault_set(struct fault *f, enum err err, const char *format, ...)
{
	char text[sizeof f->text];	/* the old words may be among the arguments */
	va_list args;

	if (f == NULL)
		return err;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	f->err = err;
	memcpy(f->text, text, strlen(text) + 1);
	return err;
}

const char *
fault_str(const struct fault *f, enum err err)
{
	return f != NULL && f->text[0] != '\0' ? f->text : err_str(err);
}
