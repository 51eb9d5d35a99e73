/* A file of Frame Streams begins with a START frame, which names what is in it, and ends with a STOP frame; readers go no further than
 * that.  To go on with a file after a restart its STOP is cut off.  Where a crash left none, the file is gone through, frame by
 * frame, to find where the last whole one ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstrm.h>

#include "server/dnstap_sink.h"
#include "wire/reader.h"

#define BUFFER (256 * 1024)
#define CONTROL_HEADER 8		/* an escape (a length of 0), and the length of what follows */
#define STOP_SIZE 12

/* Frames of control as they stand in a file. */
struct control_octets {
	uint8_t v[CONTROL_HEADER + FSTRM_CONTROL_FRAME_LENGTH_MAX];
	size_t n;
};

static bool
make_control(fstrm_control_type type, struct control_octets *out)
{
	struct fstrm_control *c = fstrm_control_init();
	bool good = fstrm_control_set_type(c, type) == fstrm_res_success;

	if (type == FSTRM_CONTROL_START)
		good = good && fstrm_control_add_field_content_type(c, (const uint8_t *)DNSTAP_CONTENT_TYPE,
		    strlen(DNSTAP_CONTENT_TYPE)) == fstrm_res_success;
	out->n = sizeof out->v;
	good = good && fstrm_control_encode(c, out->v, &out->n, FSTRM_CONTROL_FLAG_WITH_HEADER) == fstrm_res_success;
	fstrm_control_destroy(&c);
	return good;
}

/* Are these octets at this place? */
static bool
has_octets(int fd, off_t at, const struct control_octets *wanted)
{
	uint8_t found[sizeof wanted->v];

	return at >= 0 && pread(fd, found, wanted->n, at) == (ssize_t)wanted->n && memcmp(found, wanted->v, wanted->n) == 0;
}

/* Where the last whole data frame ends, from *at on. */
static enum err
find_end(int fd, uint8_t *buffer, off_t *at, off_t size, struct fault *f)
{
	off_t start = *at;		/* of what is in buffer */
	size_t held = 0;

	while (size - *at > 4) {
		uint32_t n;

		if ((size_t)(*at - start) + 4 > held) {
			ssize_t got = pread(fd, buffer, BUFFER, *at);

			if (got < 4)
				return fault_set(f, ERR_IO, "%s", got < 0 ? strerror(errno) : "the file became shorter");
			start = *at;
			held = (size_t)got;
		}
		n = load_u32(buffer + (*at - start));
		if (n == 0 && size - *at > STOP_SIZE)
			return fault_set(f, ERR_FORMAT, "the file goes on behind the end of its stream: it is left alone");
		if (n == 0 || n > size - *at - 4)
			break;			/* not whole */
		*at += 4 + (off_t)n;
	}
	return ERR_OK;
}

/* What is there already is gone on with. */
static enum err
resume(struct dnstap_sink *s, off_t size, struct fault *f)
{
	struct control_octets start, stop;
	enum err err = ERR_OK;
	uint8_t *buffer;
	off_t at;

	if (!make_control(FSTRM_CONTROL_START, &start) || !make_control(FSTRM_CONTROL_STOP, &stop))
		return ERR_NOMEM;
	if (!has_octets(s->fd, 0, &start))
		return fault_set(f, ERR_FORMAT, "the file is there and holds no dnstap: it is left alone");
	if ((buffer = malloc(BUFFER)) == NULL)
		return ERR_NOMEM;
	at = (off_t)start.n;
	if (has_octets(s->fd, size - (off_t)stop.n, &stop))
		s->end = size - (off_t)stop.n;
	else if ((err = find_end(s->fd, buffer, &at, size, f)) == ERR_OK)
		s->end = at;
	free(buffer);
	if (err != ERR_OK)
		return err;
	if (ftruncate(s->fd, s->end) != 0)
		return fault_set(f, err_from_errno(errno), "%s", strerror(errno));
	s->resumes = true;
	return ERR_OK;
}

enum err
dnstap_file_open(struct dnstap_sink *s, const char *name, struct fault *f)
{
	struct stat st;
	bool is_known;

	if ((s->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640)) < 0 || fstat(s->fd, &st) != 0)
		return fault_set(f, err_from_errno(errno), "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fault_set(f, ERR_FORMAT, "this is no file");
	if (flock(s->fd, LOCK_EX | LOCK_NB) != 0)
		return fault_set(f, ERR_BUSY, "another process writes this file");
	/* as we left it when a disk was full: nothing to look for */
	is_known = st.st_dev == s->device && st.st_ino == s->inode && st.st_size == s->end;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	s->end = st.st_size;
	s->resumes = is_known && st.st_size > 0;
	return s->resumes || st.st_size == 0 ? ERR_OK : resume(s, st.st_size, f);
}
