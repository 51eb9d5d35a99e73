#include "server/cookie.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/siphash.h"

#define VERSION 1
#define HASHED 8			/* octets of the server cookie that the hash covers: version, reserved, time */
#define AGE_MAX_S 3600			/* RFC 9018, section 4.3 */
#define AHEAD_MAX_S 300
#define RENEW_S 1800
#define SECRET_FILE_MAX 4096
#define SECRET_FILE "cookie-secret"

/* RFC 9018, section 4.4.  cookie has its first half; the second is written. */
static void
put_hash(const uint8_t secret[COOKIE_SECRET], const uint8_t client[COOKIE_CLIENT], const struct sockaddr *peer,
    uint8_t cookie[COOKIE_SERVER])
{
	uint8_t text[COOKIE_CLIENT + HASHED + sizeof(struct in6_addr)];
	size_t n = COOKIE_CLIENT + HASHED;
	uint64_t hash;

	memcpy(text, client, COOKIE_CLIENT);
	memcpy(text + COOKIE_CLIENT, cookie, HASHED);
	if (peer->sa_family == AF_INET6) {
		memcpy(text + n, &((const struct sockaddr_in6 *)peer)->sin6_addr, sizeof(struct in6_addr));
		n += sizeof(struct in6_addr);
	} else {
		memcpy(text + n, &((const struct sockaddr_in *)peer)->sin_addr, sizeof(struct in_addr));
		n += sizeof(struct in_addr);
	}
	hash = siphash24(secret, text, n);
	for (unsigned i = 0; i < 8; i++)
		cookie[HASHED + i] = (uint8_t)(hash >> 8 * i);
}

static void
make(const uint8_t secret[COOKIE_SECRET], const uint8_t client[COOKIE_CLIENT], const struct sockaddr *peer,
    uint32_t now_s, uint8_t cookie[COOKIE_SERVER])
{
	const uint8_t head[HASHED] = { VERSION, 0, 0, 0, (uint8_t)(now_s >> 24), (uint8_t)(now_s >> 16),
		(uint8_t)(now_s >> 8), (uint8_t)now_s };

	memcpy(cookie, head, sizeof head);
	put_hash(secret, client, peer, cookie);
}

/* Gives the index of the secret that made the cookie, or -1. */
static int
find_maker(const struct cookie_secrets *secrets, const uint8_t client[COOKIE_CLIENT], const struct sockaddr *peer,
    const uint8_t cookie[COOKIE_SERVER])
{
	uint8_t want[COOKIE_SERVER];

	memcpy(want, cookie, HASHED);		/* reserved octets may hold anything: they are hashed as they are */
	for (unsigned i = 0; i < secrets->n; i++) {
		put_hash(secrets->octets[i], client, peer, want);
		if (CRYPTO_memcmp(want, cookie, COOKIE_SERVER) == 0)
			return (int)i;
	}
	return -1;
}

bool
cookie_check(const struct cookie_secrets *secrets, const uint8_t client[COOKIE_CLIENT], const uint8_t *server,
    size_t n, const struct sockaddr *peer, uint32_t now_s, uint8_t reply[COOKIE_SERVER])
{
	int maker = -1;
	int32_t age_s = 0;

	if (n == COOKIE_SERVER && server[0] == VERSION) {
		uint32_t made_s = (uint32_t)server[4] << 24 | (uint32_t)server[5] << 16 | (uint32_t)server[6] << 8 |
		    server[7];

		age_s = (int32_t)(now_s - made_s);	/* serial number arithmetic: the year 2106 comes */
		if (age_s <= AGE_MAX_S && age_s >= -AHEAD_MAX_S)
			maker = find_maker(secrets, client, peer, server);
	}
	if (maker == 0 && age_s <= RENEW_S)
		memcpy(reply, server, COOKIE_SERVER);
	else
		make(secrets->octets[0], client, peer, now_s, reply);
	return maker >= 0;
}

enum err
cookie_secrets_parse(const char *text, size_t n, struct cookie_secrets *out)
{
	struct buf octets = { 0 };
	enum err err = ERR_OK;
	size_t at = 0;

	out->n = 0;
	buf_reserve(&octets, COOKIE_SECRET);
	while (err == ERR_OK && at < n) {
		size_t length = 0;

		while (at < n && strchr(" \t\r\n", text[at]) != NULL)
			at++;
		while (at + length < n && strchr(" \t\r\n", text[at + length]) == NULL)
			length++;
		if (length == 0)
			break;
		octets.len = 0;
		if (length != 2 * COOKIE_SECRET || out->n == COOKIE_SECRETS_MAX ||
		    !hex_decode(text + at, length, &octets))
			err = octets.failed ? ERR_NOMEM : ERR_FORMAT;
		else
			memcpy(out->octets[out->n++], octets.p, COOKIE_SECRET);
		at += length;
	}
	buf_wipe(&octets);
	return err == ERR_OK && out->n == 0 ? ERR_FORMAT : err;
}

static enum err
make_file(const char *path, struct cookie_secrets *out, struct fault *f)
{
	struct buf text = { 0 };
	enum err err;

	random_fill(out->octets[0], COOKIE_SECRET);
	out->n = 1;
	hex_encode(out->octets[0], COOKIE_SECRET, &text);
	buf_add_str(&text, "\n");
	err = text.failed ? ERR_NOMEM : file_write(path, text.p, text.len, 0600, f);
	buf_wipe(&text);
	return err;
}

enum err
cookie_secrets_load(const char *directory, struct cookie_secrets *out, struct fault *f)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	enum err err;

	snprintf(path, sizeof path, "%s/" SECRET_FILE, directory);
	buf_reserve(&text, 2 * SECRET_FILE_MAX + 32768);	/* so that no copy is left behind as it grows */
	err = file_read(path, SECRET_FILE_MAX, &text, f);
	if (err == ERR_OK && (err = cookie_secrets_parse((const char *)text.p, text.len, out)) == ERR_FORMAT)
		fault_set(f, err, "%s: expected a secret of 32 hexadecimal digits; remove the file to get a new one",
		    path);
	buf_wipe(&text);
	return err == ERR_NOT_FOUND ? make_file(path, out, f) : err;
}
