/* One call over the control socket (server/control.h has the protocol). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "tools/ctl.h"

#define REPLY_MAX (256u << 20)
#define TIMEOUT_S 300			/* a pull may wait for a slow remote */

static enum err
connect_to(const char *path, int *out, struct fault *f)
{
	static const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof name.sun_path)
		return fault_set(f, ERR_RANGE, "%s: the name of a socket has at most %zu octets", path,
		    sizeof name.sun_path - 1);
	strcpy(name.sun_path, path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return fault_set(f, ERR_IO, "socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (connect(fd, (const struct sockaddr *)&name, sizeof name) != 0) {
		enum err err = errno == EACCES ? fault_set(f, ERR_ACCESS, "%s: %s: the socket is for root and the server's "
		    "user", path, strerror(errno)) : fault_set(f, ERR_NOT_FOUND, "no server answers at %s: %s", path,
		    strerror(errno));

		close(fd);
		return err;
	}
	*out = fd;
	return ERR_OK;
}

static json_t *
make_request(const char *command, char *const *arguments, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list, json_string(arguments[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:s, s:o}", "command", command, "arguments", list);
}

static enum err
send_request(int fd, const char *command, char *const *arguments, size_t n, struct fault *f)
{
	json_t *request = make_request(command, arguments, n);
	char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
	enum err err = ERR_OK;

	json_decref(request);
	if (text == NULL)
		return fault_set(f, ERR_FORMAT, "an argument is no UTF-8");
	size_t len = strlen(text);
	text[len++] = '\n';		/* in the terminator's place */
	for (size_t sent = 0; sent < len;) {
		ssize_t put = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			err = fault_set(f, ERR_IO, "the server closed the connection: %s", strerror(errno));
			break;
		}
		sent += (size_t)put;
	}
	free(text);
	return err;
}

static enum err
read_line(int fd, struct buf *line, struct fault *f)
{
	for (;;) {
		uint8_t *p = buf_reserve(line, 65536);
		ssize_t got = p != NULL ? recv(fd, p, 65536, 0) : 0;

		if (p == NULL || line->len > REPLY_MAX)
			return fault_set(f, ERR_NOMEM, "no memory for the reply");
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return fault_set(f, ERR_TIMEOUT, "the server did not reply within %d seconds", TIMEOUT_S);
		if (got < 0)
			return fault_set(f, ERR_IO, "the connection broke: %s", strerror(errno));
		if (got == 0)
			return fault_set(f, ERR_IO, "the server closed the connection without a reply");
		line->len += (size_t)got;
		if (p[got - 1] == '\n')		/* nothing follows a reply */
			return ERR_OK;
	}
}

static enum err
take_reply(const struct buf *line, json_t **result, struct fault *f)
{
	json_t *reply = json_loadb((const char *)line->p, line->len, 0, NULL);
	json_t *ok = json_object_get(reply, "ok"), *value = json_object_get(reply, "result");
	const char *words = json_string_value(json_object_get(reply, "error"));
	enum err err = ERR_OK;

	if (json_is_true(ok) && value != NULL)
		*result = json_incref(value);
	else if (json_is_false(ok) && words != NULL)
		err = fault_set(f, ERR_REFUSED, "%s", words);
	else
		err = fault_set(f, ERR_PEER, "the server's reply is not understood");
	json_decref(reply);
	return err;
}

enum err
ctl_call(const char *socket, const char *command, char *const *arguments, size_t n, json_t **result, struct fault *f)
{
	struct buf line = { 0 };
	enum err err;
	int fd = -1;

	if ((err = connect_to(socket, &fd, f)) != ERR_OK)
		return err;
	if ((err = send_request(fd, command, arguments, n, f)) == ERR_OK && (err = read_line(fd, &line, f)) == ERR_OK)
		err = take_reply(&line, result, f);
	buf_clear(&line);
	close(fd);
	return err;
}
