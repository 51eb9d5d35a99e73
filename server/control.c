/* The control socket.  A connection carries one call at a time: while one waits for its reply nothing more is read, and
 * lines that were sent ahead stay in the buffer.  A call outlives its connection (the client may go) and the whole
 * struct control (the server may stop): what answers it later finds it marked gone, and the reply is dropped. */
#include "server/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/log.h"

#define REQUEST_MAX 65536
#define CONNECTIONS_MAX 64
#define WRITE_TIMEOUT_S 60

struct connection {
	LIST_ENTRY(connection) link;	/* in control->connections, until gone */
	struct control *control;
	struct bufferevent *bev;
	struct control_call *call;	/* waits for its reply, or NULL */
	bool in_step;			/* step() is on the stack */
	bool ending;			/* close when all is written */
	bool gone;			/* bev is freed; call is what keeps this */
};

struct control_call {
	struct connection *connection;
	json_t *request;		/* owns command and arguments */
};

struct control {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *resume;		/* the listener rests until then */
	struct log_seldom refused;
	char *path;
	dev_t dev;			/* of the socket's file: nobody else's is unlinked */
	ino_t ino;
	void (*handle)(void *ctx, struct control_call *call, const char *command, const json_t *arguments);
	void *ctx;
	LIST_HEAD(, connection) connections;
	unsigned nconnections;
};

static void
connection_release(struct connection *c)
{
	if (c->gone && c->call == NULL && !c->in_step)
		free(c);
}

static void
connection_close(struct connection *c)
{
	if (c->gone)
		return;
	c->gone = true;
	bufferevent_free(c->bev);
	LIST_REMOVE(c, link);
	c->control->nconnections--;
	connection_release(c);
}

static void
send_json(struct connection *c, json_t *reply)
{
	char *text = reply != NULL ? json_dumps(reply, JSON_COMPACT) : NULL;

	json_decref(reply);
	if (text == NULL) {
		log_error("control: no memory for a reply");
		c->ending = true;
		return;
	}
	bufferevent_write(c->bev, text, strlen(text));
	bufferevent_write(c->bev, "\n", 1);
	free(text);
}

/* Words may quote what a peer sent; JSON takes UTF-8 only. */
json_t *
control_words(const char *words)
{
	json_t *json = words == NULL || *words == '\0' ? json_null() : json_string(words);
	char *copy;

	if (json != NULL || (copy = strdup(words)) == NULL)
		return json;
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

json_t *
control_time(int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];

	clock_print(time_s, text);
	return time_s == 0 ? json_null() : json_string(text);
}

const char *
control_argument(const json_t *arguments, size_t i)
{
	return json_string_value(json_array_get(arguments, i));
}

static void
send_error(struct connection *c, const char *words)
{
	send_json(c, json_pack("{s:b, s:o}", "ok", 0, "error", control_words(*words != '\0' ? words : "it failed")));
}

static bool
are_texts(const json_t *list)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
		if (!json_is_string(item))
			return false;
	return json_is_array(list);
}

/* One line: either an error goes back at once, or handle() has the call. */
static void
take_request(struct connection *c, const char *line, size_t n)
{
	json_error_t error;
	json_t *request = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error);
	const char *command = json_string_value(json_object_get(request, "command"));
	struct control_call *call;

	if (json_is_object(request) && json_object_get(request, "arguments") == NULL)
		json_object_set_new(request, "arguments", json_array());
	const json_t *arguments = json_object_get(request, "arguments");
	if (command == NULL || arguments == NULL || !are_texts(arguments)) {
		send_error(c, "expected {\"command\": TEXT, \"arguments\": [TEXT, ...]}");
		json_decref(request);
		return;
	}
	if ((call = calloc(1, sizeof *call)) == NULL) {
		send_error(c, err_str(ERR_NOMEM));
		json_decref(request);
		return;
	}
	call->connection = c;
	call->request = request;
	c->call = call;
	c->control->handle(c->control->ctx, call, command, arguments);
}

/* Take requests until one waits for its reply or no whole line is there; called after whatever may change that. */
static void
step(struct connection *c)
{
	if (c->in_step)
		return;
	c->in_step = true;
	while (!c->gone && !c->ending && c->call == NULL) {
		struct evbuffer *input = bufferevent_get_input(c->bev);
		size_t n;
		char *line = evbuffer_readln(input, &n, EVBUFFER_EOL_LF);

		if (line != NULL) {
			take_request(c, line, n);
			free(line);
			continue;
		}
		if (evbuffer_get_length(input) < REQUEST_MAX)
			break;
		send_error(c, "the request is too long");
		c->ending = true;
	}
	c->in_step = false;
	if (c->gone) {
		connection_release(c);
		return;
	}
	if (c->call == NULL && !c->ending)
		bufferevent_enable(c->bev, EV_READ);
	else
		bufferevent_disable(c->bev, EV_READ);
	if (c->ending && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
		connection_close(c);
}

void
control_reply(struct control_call *call, json_t *result, const char *error)
{
	struct connection *c = call->connection;

	c->call = NULL;
	json_decref(call->request);
	free(call);
	if (c->gone) {
		json_decref(result);
		connection_release(c);
		return;
	}
	if (error != NULL) {
		json_decref(result);
		send_error(c, error);
	} else {
		send_json(c, json_pack("{s:b, s:o}", "ok", 1, "result", result != NULL ? result : json_null()));
	}
	step(c);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	step(arg);
}

/* Everything is written. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	(void)bev;
	if (c->ending)
		connection_close(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct connection *c = arg;

	/* A client that has said all it had to say still gets its reply.  (While a call waits nothing is read, so that
	 * the end is not seen before all requests are done.) */
	if ((what & BEV_EVENT_EOF) != 0 && evbuffer_get_length(bufferevent_get_output(bev)) > 0) {
		c->ending = true;
		return;
	}
	connection_close(c);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len, void *arg)
{
	static const struct timeval write_timeout = { .tv_sec = WRITE_TIMEOUT_S };
	struct control *control = arg;
	struct connection *c = NULL;

	(void)listener;
	(void)peer;
	(void)peer_len;
	if (control->nconnections >= CONNECTIONS_MAX || (c = calloc(1, sizeof *c)) == NULL ||
	    (c->bev = bufferevent_socket_new(control->base, fd, BEV_OPT_CLOSE_ON_FREE)) == NULL) {
		log_warning("control: a connection is refused: %s", control->nconnections >= CONNECTIONS_MAX ?
		    "too many are open" : err_str(ERR_NOMEM));
		free(c);
		evutil_closesocket(fd);
		return;
	}
	c->control = control;
	LIST_INSERT_HEAD(&control->connections, c, link);
	control->nconnections++;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_set_timeouts(c->bev, NULL, &write_timeout);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct control *control = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(control->listener);
}

/* What is wrong, such as too many open files, stays so for a while: the socket would be readable all the time. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct control *control = arg;
	const struct timeval rest = { .tv_sec = 1 };
	int error = EVUTIL_SOCKET_ERROR();
	uint64_t n;

	if (log_seldom(&control->refused, clock_mono_ms(), &n))
		log_warning("control: a connection cannot be taken: %s", strerror(error));
	evconnlistener_disable(listener);
	evtimer_add(control->resume, &rest);
}

/* A socket that nobody listens on is left over from a server that died. */
static enum err
remove_stale(const struct sockaddr_un *name, struct fault *f)
{
	struct stat st;
	int fd;

	if (lstat(name->sun_path, &st) != 0)
		return errno == ENOENT ? ERR_OK :
		    fault_set(f, err_from_errno(errno), "%s: %s", name->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fault_set(f, ERR_EXISTS, "%s: is there already and is no socket", name->sun_path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return fault_set(f, err_from_errno(errno), "socket: %s", strerror(errno));
	int answered = connect(fd, (const struct sockaddr *)name, sizeof *name), error = errno;
	close(fd);
	if (answered == 0 || error == EAGAIN)		/* or its queue is full */
		return fault_set(f, ERR_BUSY, "%s: another certnsd uses it", name->sun_path);
	if (error != ECONNREFUSED && error != ENOENT)
		return fault_set(f, err_from_errno(error), "%s: %s", name->sun_path, strerror(error));
	if (unlink(name->sun_path) != 0 && errno != ENOENT)
		return fault_set(f, err_from_errno(errno), "%s: %s", name->sun_path, strerror(errno));
	return ERR_OK;
}

/* The mode is set before the name exists, and nobody can connect before listen(). */
static enum err
open_socket(const char *path, int *out, struct stat *st, struct fault *f)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	enum err err;
	int fd;

	if (strlen(path) >= sizeof name.sun_path)
		return fault_set(f, ERR_RANGE, "%s: the name of a socket has at most %zu octets", path,
		    sizeof name.sun_path - 1);
	strcpy(name.sun_path, path);
	if ((err = remove_stale(&name, f)) != ERR_OK)
		return err;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return fault_set(f, err_from_errno(errno), "socket: %s", strerror(errno));
	if (fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&name, sizeof name) != 0 ||
	    chmod(path, 0600) != 0 || lstat(path, st) != 0 || listen(fd, 16) != 0) {
		err = fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
		close(fd);
		return err;
	}
	*out = fd;
	return ERR_OK;
}

enum err
control_new(struct event_base *base, const char *path,
    void (*handle)(void *ctx, struct control_call *call, const char *command, const json_t *arguments), void *ctx,
    struct control **out, struct fault *f)
{
	struct control *c = calloc(1, sizeof *c);
	struct stat st;
	enum err err;
	int fd = -1;

	if (c == NULL || (c->path = strdup(path)) == NULL) {
		free(c);
		return fault_set(f, ERR_NOMEM, "control: out of memory");
	}
	if ((err = open_socket(path, &fd, &st, f)) != ERR_OK) {
		free(c->path);
		free(c);
		return err;
	}
	c->base = base;
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	c->handle = handle;
	c->ctx = ctx;
	LIST_INIT(&c->connections);
	c->listener = evconnlistener_new(base, on_accept, c, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (c->listener == NULL)
		close(fd);
	if (c->listener == NULL || (c->resume = evtimer_new(base, on_resume, c)) == NULL) {
		control_free(c);
		return fault_set(f, ERR_NOMEM, "control: out of memory");
	}
	evconnlistener_set_error_cb(c->listener, on_accept_error);
	*out = c;
	return ERR_OK;
}

/* What is written but not yet sent, such as the reply to "stop", goes out as far as the socket takes it. */
static void
flush(struct connection *c)
{
	struct evbuffer *output = bufferevent_get_output(c->bev);

	evbuffer_unfreeze(output, 1);
	while (evbuffer_get_length(output) > 0 && evbuffer_write(output, bufferevent_getfd(c->bev)) > 0)
		continue;
}

void
control_free(struct control *c)
{
	struct connection *connection, *next;
	struct stat st;

	if (c == NULL)
		return;
	if (c->listener != NULL)
		evconnlistener_free(c->listener);
	if (c->resume != NULL)
		event_free(c->resume);
	for (connection = LIST_FIRST(&c->connections); connection != NULL; connection = next) {
		next = LIST_NEXT(connection, link);
		flush(connection);
		connection_close(connection);
	}
	if (lstat(c->path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino)
		unlink(c->path);
	free(c->path);
	free(c);
}
