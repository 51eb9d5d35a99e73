/* server/cookie.h -- DNS cookies (RFC 7873) as all servers make them (RFC 9018): version 1, SipHash-2-4.  No state, no
 * allocation: a server cookie says when it was made, and only who has the secret can have made it. */
#ifndef SERVER_COOKIE_H
#define SERVER_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

#define COOKIE_CLIENT 8			/* octets of the client's part */
#define COOKIE_SERVER 16		/* of ours */
#define COOKIE_SECRET 16
#define COOKIE_SECRETS_MAX 2

struct cookie_secrets {
	unsigned n;			/* 0: no cookies are made or looked at */
	uint8_t octets[COOKIE_SECRETS_MAX][COOKIE_SECRET];	/* the first makes cookies, all are accepted */
};

/* Was server (n octets; 0: the client has none yet) made here, or by a sibling with the same secret, for this client,
 * from an hour ago to five minutes ahead (RFC 9018, section 4.3)?  reply is what the answer carries: the same cookie,
 * or a fresh one where it is not valid, older than half an hour, or of the second secret.  secrets->n is not 0. */
bool cookie_check(const struct cookie_secrets *secrets, const uint8_t client[COOKIE_CLIENT], const uint8_t *server,
    size_t n, const struct sockaddr *peer, uint32_t now_s, uint8_t reply[COOKIE_SERVER]);

/* One or two secrets in hexadecimal, with white space between them.  ERR_FORMAT: something else. */
enum err cookie_secrets_parse(const char *text, size_t n, struct cookie_secrets *out);

/* The secret that the state directory keeps; it is made if there is none. */
enum err cookie_secrets_load(const char *directory, struct cookie_secrets *out, struct fault *f);

#endif
