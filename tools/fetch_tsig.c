/* The TSIG key of a service.  It comes by file, by file descriptor or by environment variable, and never by the command
 * line, which every user of the machine can read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tools/fetch_key.h"

#define KEY_TEXT_MAX 65536

/* NAME:ALGORITHM:SECRET, perhaps with a line's end, and comment lines before it. */
static enum err
parse_line(const char *where, const char *text, size_t n, struct tsig_key **out, struct fault *f)
{
	const char *end = text + n;
	struct fault words = { 0 };
	enum err err;

	while (text < end && (*text == '#' || *text == '\n' || *text == '\r' || *text == ' ')) {
		const char *eol = *text == '#' ? memchr(text, '\n', (size_t)(end - text)) : text;
		text = eol == NULL ? end : eol + 1;
	}
	const char *eol = memchr(text, '\n', (size_t)(end - text));
	size_t line = (size_t)((eol == NULL ? end : eol) - text);
	while (line > 0 && (text[line - 1] == '\r' || text[line - 1] == ' '))
		line--;
	if (memchr(text, '\0', line) != NULL)
		return fault_set(f, ERR_FORMAT, "%s: expected a key, found a zero octet", where);
	char *copy = strndup(text, line);
	if (copy == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	if ((err = tsig_key_parse(copy, out, &words)) != ERR_OK)
		err = fault_set(f, err, "%s: %s", where, line == 0 ? "expected a key, found nothing" :
		    fault_str(&words, err));
	explicit_bzero(copy, line);
	free(copy);
	return err;
}

enum err
fetch_tsig_parse(const char *where, const char *text, size_t n, struct tsig_key **out, struct fault *f)
{
	if (memchr(text, '{', n) != NULL)
		return tsig_key_parse_statement(where, text, n, out, f);
	return parse_line(where, text, n, out, f);
}

static enum err
read_fd(int fd, struct buf *out, struct fault *f)
{
	ssize_t got = -1;
	uint8_t *p = buf_reserve(out, KEY_TEXT_MAX);	/* once: no copy is left behind as it grows */

	while (p != NULL && out->len < KEY_TEXT_MAX &&
	    ((got = read(fd, out->p + out->len, KEY_TEXT_MAX - out->len)) > 0 || (got < 0 && errno == EINTR)))
		out->len += got > 0 ? (size_t)got : 0;
	if (p == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	if (got < 0)
		return fault_set(f, err_from_errno(errno), "file descriptor %d: %s", fd, strerror(errno));
	return got == 0 ? ERR_OK : fault_set(f, ERR_NOSPACE, "file descriptor %d: more than a key", fd);
}

enum err
fetch_tsig_load(const char *file, int fd, struct tsig_key **out, struct fault *f)
{
	const char *variable = getenv(FETCH_TSIG_VARIABLE);
	char where[32];
	struct buf text = { 0 };
	struct stat st;
	enum err err;

	if (file != NULL) {
		(void)buf_reserve(&text, KEY_TEXT_MAX + 16384);
		if ((err = file_read(file, KEY_TEXT_MAX, &text, f)) == ERR_OK)
			err = fetch_tsig_parse(file, (const char *)text.p, text.len, out, f);
		if (err == ERR_OK && stat(file, &st) == 0 && (st.st_mode & S_IROTH) != 0)
			fprintf(stderr, "certns-fetch: %s can be read by everybody on this machine\n", file);
	} else if (fd >= 0) {
		snprintf(where, sizeof where, "file descriptor %d", fd);
		if ((err = read_fd(fd, &text, f)) == ERR_OK)
			err = fetch_tsig_parse(where, (const char *)text.p, text.len, out, f);
	} else if (variable != NULL)
		err = fetch_tsig_parse(FETCH_TSIG_VARIABLE, variable, strlen(variable), out, f);
	else
		err = fault_set(f, ERR_NOT_FOUND,
		    "no TSIG key: give its file with -k, or in the configuration with key-file; "
		    "the server's operator makes one with \"certnsctl keygen\"");
	buf_wipe(&text);
	return err;
}
