/* zones/git_credentials.c -- user and password for a server: from a file of lines as git-credential-store(1) keeps
 * them (https://USER:PASSWORD@HOST[:PORT][/PATH], with %XX for what would disturb), or from a program that speaks the
 * protocol of git-credential(1). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/url.h"
#include "zones/git_internal.h"

#define FILE_MAX 262144
#define ANSWER_MAX 65536
#define HELPER_S 20
#define HTTPS_PORT 443

/* --- parts of an URL --- */

static bool
https_split(const char *text, size_t n, struct url *out)
{
	return url_split(text, n, out) && url_has_scheme(out, "https");
}

/* Without the port that goes without saying. */
static int
server_length(const struct url *u)
{
	return (int)(u->port == 0 || u->port == HTTPS_PORT ? u->host.n : u->server.n);
}

static bool
percent_decode(const char *text, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] != '%') {
			buf_u8(out, (uint8_t)text[i]);
			continue;
		}
		if (n - i < 3 || !hex_decode(text + i + 1, 2, out))
			return false;
		i += 2;
	}
	return memchr(out->p == NULL ? (const void *)"" : out->p, '\0', out->len) == NULL;
}

/* --- the file --- */

static enum err
file_open(const char *path, struct buf *out, struct fault *f)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return fault_set(f, ERR_ACCESS, "%s: others may read these passwords (mode %04o): chmod 600 it", path,
		    (unsigned)st.st_mode & 07777);
	buf_reserve(out, FILE_MAX + 32768);	/* so that no copy is left behind as it grows */
	return file_read(path, FILE_MAX, out, f);
}

static bool
line_read(const char *line, size_t n, struct url *parts, struct git_password *out)
{
	return https_split(line, n, parts) && parts->user.n > 0 && parts->password.p != NULL &&
	    percent_decode(parts->user.p, parts->user.n, &out->user) &&
	    percent_decode(parts->password.p, parts->password.n, &out->secret);
}

static bool
fits(const struct url *line, const struct git_password *found, const struct url *wanted, const char *user)
{
	return wanted == NULL || (url_same_server(line, wanted, HTTPS_PORT) &&
	    (user == NULL || strcmp(user, (const char *)found->user.p) == 0));
}

/* The first line that fits; wanted NULL: none does, but all are read.  The words never quote a line. */
static enum err
search(const char *path, const struct buf *text, const struct url *wanted, const char *user,
    struct git_password *out, struct fault *f)
{
	const char *p = (const char *)text->p, *end = p + text->len;

	for (unsigned number = 1; p < end; number++) {
		const char *line = p, *line_end = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((line_end == NULL ? end : line_end) - p);
		struct url parts;
		bool good;

		p += n + (line_end != NULL);
		while (n > 0 && strchr(" \t\r", line[n - 1]) != NULL)
			n--;
		if (n == 0 || *line == '#')
			continue;
		good = line_read(line, n, &parts, out) && buf_str(&out->user) != NULL && buf_str(&out->secret) != NULL;
		if (good && wanted != NULL && fits(&parts, out, wanted, user))
			return ERR_OK;
		git_password_clear(out);
		if (!good)
			return fault_set(f, ERR_FORMAT, "%s:%u: expected https://USER:PASSWORD@HOST", path, number);
	}
	return wanted == NULL ? ERR_OK : fault_set(f, ERR_NOT_FOUND, "%s: no line for https://%.*s%s%s", path,
	    server_length(wanted), wanted->server.p, user != NULL ? " and user " : "", user != NULL ? user : "");
}

enum err
git_credentials_check(const char *path, struct fault *f)
{
	struct git_password none = { 0 };
	struct buf text = { 0 };
	enum err err = file_open(path, &text, f);

	if (err == ERR_OK && buf_str(&text) != NULL)
		err = search(path, &text, NULL, NULL, &none, f);
	buf_wipe(&text);
	return err;
}

enum err
git_credentials_find(const char *path, const char *url, const char *user, struct git_password *out, struct fault *f)
{
	struct url wanted;
	struct buf text = { 0 };
	enum err err;

	if (!https_split(url, strlen(url), &wanted))
		return fault_set(f, ERR_UNSUPPORTED, "passwords are for https alone");
	if ((err = file_open(path, &text, f)) == ERR_OK && buf_str(&text) != NULL)
		err = search(path, &text, &wanted, user, out, f);
	buf_wipe(&text);
	return err;
}

void
git_password_clear(struct git_password *p)
{
	buf_wipe(&p->user);
	buf_wipe(&p->secret);
}

/* --- the program --- */

/* As git has it: a shell's line behind '!', a path as it is, else the rest of the name of one of git's own. */
static bool
helper_command(const char *helper, const char *operation, struct buf *out)
{
	if (*helper == '!')
		buf_printf(out, "%s %s", helper + 1, operation);
	else
		buf_printf(out, "%s%s %s", *helper == '/' ? "" : "git credential-", helper, operation);
	return buf_str(out) != NULL;
}

/* What it has to say, until it closes its end. */
static enum err
helper_listen(int fd, struct buf *answer, struct fault *f)
{
	int64_t deadline_ms = clock_mono_ms() + HELPER_S * 1000;

	buf_reserve(answer, 2 * ANSWER_MAX);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left_ms = deadline_ms - clock_mono_ms();
		uint8_t octets[4096];
		ssize_t n;

		if (left_ms <= 0)
			return fault_set(f, ERR_TIMEOUT, "the credential helper gave no answer within %d s", HELPER_S);
		if (poll(&p, 1, (int)left_ms) <= 0)
			continue;
		if ((n = recv(fd, octets, sizeof octets, 0)) < 0 && errno == EINTR)
			continue;
		if (n > 0 && answer->len < ANSWER_MAX)
			buf_add(answer, octets, (size_t)n);
		explicit_bzero(octets, sizeof octets);
		if (n <= 0)
			return ERR_OK;
	}
}

static enum err
helper_run(const char *command, struct buf *request, struct buf *answer, struct fault *f)
{
	int fds[2], error, status = 0;
	enum err err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return fault_set(f, err_from_errno(errno), "socketpair: %s", strerror(errno));
	error = child_start(&(struct child){ .program = "/bin/sh",
	    .arguments = (const char *const []){ "sh", "-c", command, NULL }, .in = fds[1], .out = fds[1], .err = -1 },
	    &pid);
	close(fds[1]);
	if (error != 0) {
		close(fds[0]);
		return fault_set(f, err_from_errno(error), "cannot start the credential helper: %s", strerror(error));
	}
	(void)send(fds[0], request->p, request->len, MSG_NOSIGNAL);	/* short: it fits the socket's buffer */
	(void)shutdown(fds[0], SHUT_WR);
	if ((err = helper_listen(fds[0], answer, f)) != ERR_OK)
		(void)kill(pid, SIGKILL);
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (err == ERR_OK && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
		err = fault_set(f, ERR_PEER, "the credential helper failed (%s %d)",
		    WIFSIGNALED(status) ? "signal" : "exit status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return err;
}

/* The value of a line KEY=VALUE.  False: there is none. */
static bool
answer_value(struct buf *answer, const char *key, struct buf *out)
{
	size_t n = strlen(key);

	for (const char *p = buf_str(answer); p != NULL && *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
		if (strncmp(p, key, n) != 0 || p[n] != '=')
			continue;
		buf_add(out, p + n + 1, strcspn(p + n + 1, "\r\n"));
		return buf_str(out) != NULL;
	}
	return false;
}

enum err
git_helper_ask(const char *helper, const char *operation, const char *url, const char *user, struct git_password *out,
    struct fault *f)
{
	bool get = strcmp(operation, "get") == 0;
	struct buf command = { 0 }, request = { 0 }, answer = { 0 };
	struct url parts;
	enum err err = ERR_OK;

	if (!https_split(url, strlen(url), &parts))
		return fault_set(f, ERR_UNSUPPORTED, "passwords are for https alone");
	buf_reserve(&request, 65536);
	buf_printf(&request, "protocol=https\nhost=%.*s\n", server_length(&parts), parts.server.p);
	if (user != NULL)
		buf_printf(&request, "username=%s\n", user);
	if (!get && out->secret.len > 0)
		buf_printf(&request, "password=%s\n", buf_str(&out->secret));
	buf_add_str(&request, "\n");
	if (!helper_command(helper, operation, &command) || request.failed)
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	else
		err = helper_run(buf_str(&command), &request, &answer, f);
	if (err == ERR_OK && get && (!answer_value(&answer, "username", &out->user) && (user == NULL ||
	    (buf_add_str(&out->user, user), buf_str(&out->user) == NULL))))
		err = fault_set(f, ERR_NOT_FOUND, "the credential helper names no user for https://%.*s",
		    server_length(&parts), parts.server.p);
	if (err == ERR_OK && get && !answer_value(&answer, "password", &out->secret))
		err = fault_set(f, ERR_NOT_FOUND, "the credential helper gives no password for https://%.*s",
		    server_length(&parts), parts.server.p);
	buf_clear(&command);
	buf_wipe(&request);
	buf_wipe(&answer);
	return err;
}
