/* server/dnstap_sink.h -- where dnstap goes: a file, or a socket that somebody else listens on.  Frame Streams (libfstrm) runs
 * over it.  All of it is called by one thread, which may have to wait here, and for how long is bounded by who waits for it. */
#ifndef SERVER_DNSTAP_SINK_H
#define SERVER_DNSTAP_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/err.h"

#define DNSTAP_SOCKET_PREFIX "unix:"
#define DNSTAP_CONTENT_TYPE "protobuf:dnstap.Dnstap"

struct fstrm_writer;

struct dnstap_sink {
	/* Set by the owner.  is_hurried, asked while we wait: from now on nothing is waited for longer than a second.  stalled: the reader has taken
	 * nothing for some seconds, or takes again. */
	bool (*is_hurried)(void *arg);
	void (*stalled)(void *arg, bool is_stalled);
	void *arg;

	/* Its own. */
	struct fstrm_writer *writer;	/* NULL: closed */
	int fd;
	bool is_socket, broken, is_stalled;
	unsigned patience_ms;		/* of one wait; 0: any time */
	int64_t hurried_ms;		/* when the hurry was seen; 0: it was not */
	struct fault fault;		/* what went wrong in a function that libfstrm called */

	bool resumes;			/* the file begins as it should: this stream goes on with its frames */
	dev_t device;			/* the file that is open, or was last, and where its last whole frame ends */
	ino_t inode;
	off_t end;
};

/* name: "unix:/run/dnstap.sock", or that of a file.  A file that is there already is gone on with, if it holds dnstap and nothing
 * else; what a crash left incomplete at its end is cut off.  On failure nothing is open. */
enum err dnstap_sink_open(struct dnstap_sink *s, const char *name, struct fault *f);

/* Write so many frames.  On failure the sink is closed, and no frame of these is in the file; of a socket this is not known. */
enum err dnstap_sink_write(struct dnstap_sink *s, const struct iovec *frames, int n, struct fault *f);

/* End the stream as its format has it. */
void dnstap_sink_close(struct dnstap_sink *s);

/* Has the file that is open still the name?  True for a socket. */
bool dnstap_sink_has_name(const struct dnstap_sink *s, const char *name);

/* server/dnstap_file.c: open and look at a file; sets fd, resumes, device, inode and end. */
enum err dnstap_file_open(struct dnstap_sink *s, const char *name, struct fault *f);

#endif
