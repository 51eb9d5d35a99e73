/* zones/git_child_pipe.c -- inside the child: a push to a local path by git's own receive-pack, where git is
 * installed.  libgit2 speaks its protocol with it over a socket as with any server, so the repository's hooks run
 * and may refuse, its configuration holds, and it is packed when it is time to. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "zones/git_internal.h"

#include <git2/sys/transport.h>

struct pipe_stream {
	git_smart_subtransport_stream stream;
	struct pipe_transport *transport;
	struct buf line;		/* of the advertisement, what libgit2 has not read yet */
	bool advertised;		/* that is over: the rest passes as it comes */
	int fd;
	pid_t pid;
};
struct pipe_transport {
	git_smart_subtransport subtransport;
	struct git_child *child;
	struct pipe_stream *stream;
	int words;			/* a file that takes git's standard error; -1: none */
};

bool
git_child_finds_git(void)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	for (path = path != NULL ? path : "/usr/local/bin:/usr/bin:/bin"; *path != '\0'; ) {
		size_t n = strcspn(path, ":");

		snprintf(file, sizeof file, "%.*s/git", (int)(n < 4000 ? n : 4000), path);
		if (n > 0 && access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* The last line that git printed: "fatal: ..." */
static void
take_words(struct pipe_transport *t)
{
	char text[2048], *line;
	ssize_t n = t->words < 0 ? 0 : pread(t->words, text, sizeof text - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	line = strstr(text, "fatal: ");
	line = line != NULL ? line : text;
	line[strcspn(line, "\n")] = '\0';
	fault_set(&t->child->fault, ERR_ACCESS, "%s: git receive-pack: %s", t->child->request->v[GIT_FIELD_URL], line);
}

static ssize_t
read_some(int fd, void *to, size_t n)
{
	ssize_t got;

	do
		got = read(fd, to, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* One more line of the advertisement (gitprotocol-common(5)), four digits of length first; at its end ".have" tells
 * of a commit that is there though no branch leads to it (gitprotocol-pack(5)).  So libgit2 sends nothing of ours
 * that has been placed.  0: the end; -1: errno. */
static ssize_t
read_line(struct pipe_stream *p)
{
	const struct git_child *c = p->transport->child;
	char digits[5] = "";
	ssize_t got = 0;
	size_t have = 0, length;
	uint8_t *to;

	for (; have < 4 && (got = read_some(p->fd, digits + have, 4 - have)) > 0; have += (size_t)got)
		;
	if (have < 4)
		return got;
	length = strtoul(digits, NULL, 16);
	p->advertised = length < 4;
	if (p->advertised && c->placed)
		buf_printf(&p->line, "%04x%s .have\n", 4 + GIT_OID_HEXSZ + 7, c->request->v[GIT_FIELD_COMMIT]);
	buf_add(&p->line, digits, 4);
	for (have = 4; have < length; have += (size_t)got) {
		if ((to = buf_reserve(&p->line, length - have)) == NULL ||
		    (got = read_some(p->fd, to, length - have)) <= 0)
			return -1;
		p->line.len += (size_t)got;
	}
	return p->line.failed ? -1 : (ssize_t)p->line.len;
}

static int
on_read(git_smart_subtransport_stream *stream, char *buffer, size_t size, size_t *n)
{
	struct pipe_stream *p = (struct pipe_stream *)stream;
	ssize_t got = 1;

	if (!p->advertised && p->line.len == 0)
		got = read_line(p);
	if (got > 0 && p->line.len > 0) {
		got = (ssize_t)(p->line.len < size ? p->line.len : size);
		memcpy(buffer, p->line.p, (size_t)got);
		buf_consume(&p->line, (size_t)got);
	} else if (got > 0) {
		got = read_some(p->fd, buffer, size);
	}
	*n = got > 0 ? (size_t)got : 0;
	if (got == 0)
		take_words(p->transport);
	if (got < 0)
		git_error_set_str(GIT_ERROR_OS, strerror(errno));
	return got < 0 ? GIT_ERROR : 0;
}

static int
on_write(git_smart_subtransport_stream *stream, const char *buffer, size_t n)
{
	struct pipe_stream *p = (struct pipe_stream *)stream;

	while (n > 0) {
		ssize_t sent = send(p->fd, buffer, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			take_words(p->transport);
			git_error_set_str(GIT_ERROR_OS, strerror(errno));
			return GIT_ERROR;
		}
		buffer += sent;
		n -= (size_t)sent;
	}
	return 0;
}

/* post-receive may still be at work: it is let finish. */
static void
on_free(git_smart_subtransport_stream *stream)
{
	struct pipe_stream *p = (struct pipe_stream *)stream;
	char rest[4096];
	ssize_t n;

	(void)shutdown(p->fd, SHUT_WR);
	while ((n = read(p->fd, rest, sizeof rest)) > 0 || (n < 0 && errno == EINTR))
		;
	close(p->fd);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	p->transport->stream = NULL;
	buf_clear(&p->line);
	free(p);
}

static int
start(struct pipe_transport *t, struct pipe_stream *p)
{
	char *directory = git_url_directory(t->child->request->v[GIT_FIELD_URL]);
	int fds[2], error;

	if (directory == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		git_error_set_str(GIT_ERROR_OS, directory == NULL ? "a bad escape" : strerror(errno));
		free(directory);
		return GIT_ERROR;
	}
	error = child_start(&(struct child){ .program = "git",
	    .arguments = (const char *const []){ "git", "receive-pack", directory, NULL }, .in = fds[1], .out = fds[1],
	    .err = t->words }, &p->pid);
	free(directory);
	close(fds[1]);
	p->fd = fds[0];
	if (error == 0)
		return 0;
	git_error_set_str(GIT_ERROR_OS, strerror(error));
	close(fds[0]);
	return GIT_ERROR;
}

static int
on_action(git_smart_subtransport_stream **out, git_smart_subtransport *subtransport, const char *url,
    git_smart_service_t action)
{
	struct pipe_transport *t = (struct pipe_transport *)subtransport;
	struct pipe_stream *p;

	(void)url;				/* the request's is as the operator wrote it */
	if (action == GIT_SERVICE_RECEIVEPACK && t->stream != NULL) {
		*out = &t->stream->stream;
		return 0;
	}
	if (action != GIT_SERVICE_RECEIVEPACK_LS || (p = calloc(1, sizeof *p)) == NULL) {
		git_error_set_str(GIT_ERROR_NET, "the wrong service, or no memory");
		return GIT_ERROR;
	}
	*p = (struct pipe_stream){ { subtransport, on_read, on_write, on_free }, t, { 0 }, false, -1, 0 };
	if (start(t, p) < 0) {
		free(p);
		return GIT_ERROR;
	}
	t->stream = p;
	*out = &p->stream;
	return 0;
}

static int
on_close(git_smart_subtransport *subtransport)
{
	(void)subtransport;			/* the stream has all there is to close */
	return 0;
}

static void
on_free_transport(git_smart_subtransport *subtransport)
{
	struct pipe_transport *t = (struct pipe_transport *)subtransport;

	if (t->words >= 0)
		close(t->words);
	free(t);
}

static int
make_subtransport(git_smart_subtransport **out, git_transport *owner, void *child)
{
	struct pipe_transport *t = calloc(1, sizeof *t);

	(void)owner;
	if (t == NULL) {
		git_error_set_oom();
		return GIT_ERROR;
	}
	t->subtransport = (git_smart_subtransport){ on_action, on_close, on_free_transport };
	t->child = child;
	t->words = memfd_create("words", MFD_CLOEXEC);
	*out = &t->subtransport;
	return 0;
}

int
git_child_pipe(git_transport **out, git_remote *owner, void *child)
{
	git_smart_subtransport_definition definition = { make_subtransport, 0, child };

	return git_transport_smart(out, owner, &definition);
}
