/* base/url.h -- the parts of a URL that say whom it leads to (RFC 3986, section 3.2).
 *
 * Whoever connects (libcurl, libgit2) takes it apart itself; this is for what is decided before, so it sees the host
 * that libcurl sees, or none.  Nothing is copied, for a URL may hold a password. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

struct slice {				/* borrowed; not terminated */
	const char *p;			/* NULL: there is no such part */
	size_t n;
};

struct url {
	struct slice scheme;
	struct slice user, password;	/* as they are written, perhaps with %XX */
	struct slice host;		/* an IPv6 address with its brackets */
	struct slice server;		/* the host, and the port where it is written */
	unsigned port;			/* 0: none is written */
};

/* Take "SCHEME://[USER[:PASSWORD]@]HOST[:PORT]..." apart; the octets of text are the caller's and have to stay.
 * False: no such URL; scheme, user and password are right even so, as far as there are any. */
bool url_split(const char *text, size_t n, struct url *out);

/* Does this URL begin with "<scheme>://"? */
bool url_has_scheme(const struct url *u, const char *scheme);

/* The same host and port?  port_default: of their scheme. */
bool url_same_server(const struct url *a, const struct url *b, unsigned port_default);

/* Is the host this name or one below it? */
bool url_host_within(const struct url *u, const char *name);

#endif
