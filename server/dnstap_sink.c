/* libfstrm makes the frames and does the handshake; reading, writing and waiting is done here.  Its own sockets wait for a reader for as
 * long as that likes, which would keep the server from stopping, and its own files begin anew at each start. */
#include "server/dnstap_sink.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstrm.h>

#include "base/clock.h"

#define HANDSHAKE_MS 5000
#define CLOSING_MS 1000
#define HURRIED_MS 1000
#define STALLED_MS 5000
#define LOOK_MS 100			/* after the owner's hurry */
#define IOVS_MAX 512			/* what one call takes */

/* Is somebody waiting for us, and has he long enough? */
static bool
hurry_is_over(struct dnstap_sink *s, int64_t now_ms)
{
	if (!s->is_hurried(s->arg)) {
		s->hurried_ms = 0;
		return false;
	}
	if (s->hurried_ms == 0)
		s->hurried_ms = now_ms;
	return now_ms - s->hurried_ms > HURRIED_MS;
}

static void
set_stalled(struct dnstap_sink *s, bool is_stalled)
{
	if (s->is_stalled == is_stalled)
		return;
	s->is_stalled = is_stalled;
	s->stalled(s->arg, is_stalled);
}

/* Until the socket can be read or written.  False: not within the time there is. */
static bool
wait_for(struct dnstap_sink *s, short events)
{
	int64_t start_ms = clock_mono_ms(), now_ms;
	struct pollfd p = { .fd = s->fd, .events = events };

	for (;;) {
		if (poll(&p, 1, LOOK_MS) > 0) {
			set_stalled(s, false);
			return true;
		}
		now_ms = clock_mono_ms();
		if ((s->patience_ms > 0 && now_ms - start_ms > s->patience_ms) || hurry_is_over(s, now_ms)) {
			fault_set(&s->fault, ERR_TIMEOUT, "the reader does not go on with its part of the protocol");
			return false;
		}
		if (now_ms - start_ms > STALLED_MS)
			set_stalled(s, true);
	}
}

static fstrm_res
give_up(struct dnstap_sink *s)
{
	s->broken = true;
	return fstrm_res_failure;
}

static fstrm_res
give_up_errno(struct dnstap_sink *s, int error)
{
	fault_set(&s->fault, err_from_errno(error), "%s", strerror(error));
	return give_up(s);
}

/* Leave out the first n octets. */
static void
advance(struct iovec **iov, int *count, size_t n)
{
	while (*count > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (*count > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

static fstrm_res
send_all(struct dnstap_sink *s, struct iovec *iov, int count)
{
	while (count > 0) {
		struct msghdr h = { .msg_iov = iov, .msg_iovlen = (size_t)count };
		ssize_t n = sendmsg(s->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			advance(&iov, &count, (size_t)n);
		else if (errno == EAGAIN) {
			if (!wait_for(s, POLLOUT))
				return give_up(s);
		} else if (errno != EINTR) {
			return give_up_errno(s, errno);
		}
	}
	return fstrm_res_success;
}

/* Of a file whole frames are kept, whatever happens. */
static fstrm_res
append_all(struct dnstap_sink *s, struct iovec *iov, int count)
{
	off_t at = s->end;

	while (count > 0) {
		ssize_t n = pwritev(s->fd, iov, count, at);

		if (n > 0) {
			at += n;
			advance(&iov, &count, (size_t)n);
		} else if (n == 0 || errno != EINTR) {
			int error = n == 0 ? ENOSPC : errno;

			if (ftruncate(s->fd, s->end) != 0)
				s->end = -1;		/* to be looked at */
			return give_up_errno(s, error);
		}
	}
	s->end = at;
	return fstrm_res_success;
}

static fstrm_res
on_write(void *obj, const struct iovec *iov, int count)
{
	struct dnstap_sink *s = obj;
	struct iovec copy[IOVS_MAX];

	if (s->broken)
		return fstrm_res_failure;
	if (s->resumes) {		/* the START that is in the file already */
		s->resumes = false;
		return fstrm_res_success;
	}
	while (count > 0) {
		int n = count < IOVS_MAX ? count : IOVS_MAX;

		memcpy(copy, iov, (size_t)n * sizeof *copy);
		if ((s->is_socket ? send_all(s, copy, n) : append_all(s, copy, n)) != fstrm_res_success)
			return fstrm_res_failure;
		iov += n;
		count -= n;
	}
	return fstrm_res_success;
}

static fstrm_res
on_read(void *obj, void *data, size_t count)
{
	struct dnstap_sink *s = obj;
	char *p = data;

	while (count > 0 && !s->broken) {
		ssize_t n = recv(s->fd, p, count, MSG_DONTWAIT);

		if (n > 0) {
			p += n;
			count -= (size_t)n;
		} else if (n == 0) {
			fault_set(&s->fault, ERR_PEER, "the reader closed the connection");
			return give_up(s);
		} else if (errno == EAGAIN) {
			if (!wait_for(s, POLLIN))
				return give_up(s);
		} else if (errno != EINTR) {
			return give_up_errno(s, errno);
		}
	}
	return s->broken ? fstrm_res_failure : fstrm_res_success;
}

/* It is open by then. */
static fstrm_res
on_open(void *obj)
{
	(void)obj;
	return fstrm_res_success;
}

static fstrm_res
on_close(void *obj)
{
	struct dnstap_sink *s = obj;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return fstrm_res_success;
}

static enum err
connect_to(struct dnstap_sink *s, const char *path, struct fault *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path)
		return fault_set(f, ERR_RANGE, "the name of the socket is too long");
	strcpy(address.sun_path, path);
	if ((s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) >= 0 &&
	    connect(s->fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return ERR_OK;
	return fault_set(f, err_from_errno(errno), "%s", strerror(errno));
}

static struct fstrm_writer *
make_writer(struct dnstap_sink *s)
{
	struct fstrm_writer_options *options = fstrm_writer_options_init();
	struct fstrm_rdwr *io = fstrm_rdwr_init(s);
	struct fstrm_writer *w;

	fstrm_rdwr_set_open(io, on_open);
	fstrm_rdwr_set_close(io, on_close);
	fstrm_rdwr_set_write(io, on_write);
	if (s->is_socket)		/* with it there is a handshake */
		fstrm_rdwr_set_read(io, on_read);
	(void)fstrm_writer_options_add_content_type(options, DNSTAP_CONTENT_TYPE, strlen(DNSTAP_CONTENT_TYPE));
	w = fstrm_writer_init(options, &io);
	fstrm_writer_options_destroy(&options);
	return w;
}

static enum err
pass_fault(const struct dnstap_sink *s, struct fault *f)
{
	return fault_set(f, s->fault.text[0] != '\0' ? s->fault.err : ERR_PEER, "%s", s->fault.text[0] != '\0' ?
	    s->fault.text : "the reader does not speak Frame Streams, or does not want dnstap");
}

static void
drop(struct dnstap_sink *s)
{
	s->broken = true;		/* nothing more is said */
	if (s->writer != NULL)
		fstrm_writer_destroy(&s->writer);
	(void)on_close(s);
	s->writer = NULL;
	s->is_stalled = false;
}

enum err
dnstap_sink_open(struct dnstap_sink *s, const char *name, struct fault *f)
{
	const size_t prefix = strlen(DNSTAP_SOCKET_PREFIX);
	enum err err;

	s->fd = -1;
	s->broken = s->resumes = false;
	s->hurried_ms = 0;
	s->fault.text[0] = '\0';
	s->is_socket = strncmp(name, DNSTAP_SOCKET_PREFIX, prefix) == 0;
	err = s->is_socket ? connect_to(s, name + prefix, f) : dnstap_file_open(s, name, f);
	s->patience_ms = HANDSHAKE_MS;
	if (err == ERR_OK && ((s->writer = make_writer(s)) == NULL || fstrm_writer_open(s->writer) != fstrm_res_success))
		err = pass_fault(s, f);
	s->patience_ms = 0;
	if (err != ERR_OK)
		drop(s);
	return err;
}

enum err
dnstap_sink_write(struct dnstap_sink *s, const struct iovec *frames, int n, struct fault *f)
{
	enum err err;

	if (fstrm_writer_writev(s->writer, frames, n) == fstrm_res_success)
		return ERR_OK;
	err = pass_fault(s, f);
	drop(s);
	return err;
}

void
dnstap_sink_close(struct dnstap_sink *s)
{
	if (s->writer == NULL)
		return;
	s->patience_ms = CLOSING_MS;
	(void)fstrm_writer_close(s->writer);
	s->end = -1;			/* a STOP is behind it */
	drop(s);
}

bool
dnstap_sink_has_name(const struct dnstap_sink *s, const char *name)
{
	struct stat st;

	return s->is_socket || (stat(name, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode);
}
