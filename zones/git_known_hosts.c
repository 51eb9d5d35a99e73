/* zones/git_known_hosts.c -- what known_hosts says of an ssh server's key (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
 * libgit2 looks into that file itself, but takes keys that are marked @revoked, knows no patterns, and does not tell a
 * host that is unknown from one whose key is another. */
#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/url.h"
#include "zones/git_internal.h"
#include "zones/signers.h"

#define FILE_MAX ((size_t)16 << 20)
#define BLANKS " \t\r"

/* As the file names it: with the port where that is not 22. */
static void
name_of(const char *url, const char *host, char *name, size_t size)
{
	struct url u;

	(void)url_split(url, strlen(url), &u);	/* git's short form has no port */
	snprintf(name, size, u.port == 0 || u.port == 22 ? "%s" : "[%s]:%u", host, u.port);
	for (char *p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
}

/* "|1|SALT|HMAC": names that were hashed, so that the file tells nobody where one has been. */
static bool
hash_matches(const char *field, const char *name)
{
	const char *salt = field + 3, *bar = strchr(salt, '|');
	struct buf key = { 0 }, wanted = { 0 };
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t n = 0;
	bool same = bar != NULL && base64_decode(salt, (size_t)(bar - salt), &key) && key.len > 0 &&
	    base64_decode(bar + 1, strlen(bar + 1), &wanted) &&
	    EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, key.p, key.len, (const uint8_t *)name, strlen(name), digest,
	    sizeof digest, &n) != NULL && n == wanted.len && memcmp(digest, wanted.p, n) == 0;

	buf_clear(&key);
	buf_clear(&wanted);
	return same;
}

static bool
same_key(const char *base64, const uint8_t *key, size_t n)
{
	struct buf octets = { 0 };
	bool same = base64_decode(base64, strlen(base64), &octets) && octets.len == n && memcmp(octets.p, key, n) == 0;

	buf_clear(&octets);
	return same;
}

/* [@MARKER] NAMES TYPE BASE64; what is no such line says nothing. */
static void
read_line(char *line, const char *name, const uint8_t *key, size_t n, enum git_known_host *verdict)
{
	char *rest = line, *names = strtok_r(line, BLANKS, &rest), *type, *base64;
	bool revoked = false;

	if (names == NULL || *names == '#')
		return;
	if (*names == '@') {
		if (strcmp(names, "@revoked") != 0)
			return;			/* of certificates, which the library does not know */
		revoked = true;
		names = strtok_r(NULL, BLANKS, &rest);
	}
	type = names == NULL ? NULL : strtok_r(NULL, BLANKS, &rest);
	base64 = type == NULL ? NULL : strtok_r(NULL, BLANKS, &rest);
	if (base64 == NULL || !(strncmp(names, "|1|", 3) == 0 ? hash_matches(names, name) :
	    ssh_list_matches(names, name, strlen(name))))
		return;
	if (same_key(base64, key, n))
		*verdict = revoked || *verdict == GIT_KNOWN_REVOKED ? GIT_KNOWN_REVOKED : GIT_KNOWN_HOST;
	else if (!revoked && *verdict == GIT_KNOWN_NOT)
		*verdict = GIT_KNOWN_OTHER;
}

static void
read_file(const char *path, const char *name, const uint8_t *key, size_t n, enum git_known_host *verdict)
{
	struct buf text = { 0 };

	if (file_read(path, FILE_MAX, &text, NULL) == ERR_OK && buf_str(&text) != NULL) {
		char *rest = NULL, *line = strtok_r((char *)text.p, "\n", &rest);

		for (; line != NULL; line = strtok_r(NULL, "\n", &rest))
			read_line(line, name, key, n, verdict);
	}
	buf_clear(&text);
}

enum git_known_host
git_known_host_find(const char *home, const char *url, const char *host, const uint8_t *key, size_t n)
{
	enum git_known_host verdict = GIT_KNOWN_NOT;
	char name[512], path[4096];

	name_of(url, host, name, sizeof name);
	if (snprintf(path, sizeof path, "%s/.ssh/known_hosts", home) < (int)sizeof path)
		read_file(path, name, key, n, &verdict);
	read_file("/etc/ssh/ssh_known_hosts", name, key, n, &verdict);
	return verdict;
}
