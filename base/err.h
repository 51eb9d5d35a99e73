/* base/err.h -- how functions fail.
 *
 * Functions return one enum; errors travel up and are logged once, by whoever decides what to do.
 * Where a reason is worth words (a place in a file, what a peer said), the function also takes a
 * struct fault and leaves the words there.  NXDOMAIN, REFUSED and "not yet" are outcomes, not errors. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
	ERR_OK = 0,
	ERR_NOMEM,
	ERR_IO,			/* a read or write failed; the disk may be full */
	ERR_NOSPACE,		/* does not fit: a buffer, a queue, a disk */
	ERR_ACCESS,		/* permission denied by the system */
	ERR_NOT_FOUND,
	ERR_EXISTS,
	ERR_FORMAT,		/* malformed input */
	ERR_RANGE,		/* well formed, but outside of what is allowed */
	ERR_CONFLICT,		/* two sides changed what only one may change */
	ERR_REFUSED,		/* our own rules do not allow it */
	ERR_UNSUPPORTED,
	ERR_TIMEOUT,
	ERR_NETWORK,
	ERR_PEER,		/* the other side broke its protocol, or said no */
	ERR_BUSY,
	ERR_CRYPTO,
	ERR_DATABASE,
	ERR_CANCELLED
};

/* A short English text; never NULL. */
const char *err_str(enum err err);

/* The nearest of ours for an errno value. */
enum err err_from_errno(int errnum);

/* Words for an error.  An empty text means nothing was said. */
struct fault {
	enum err err;
	char text[1024];
};

/* Set the words (printf style) and give err back, so that callers can return it.  f may be NULL. */
enum err fault_set(struct fault *f, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The words, or err_str() where there are none. */
const char *fault_str(const struct fault *f, enum err err);

#endif
