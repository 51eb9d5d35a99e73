/* journal.mark: MARK_SIZE octets that are overwritten in place: a checksum, then the state, then zeros.  One write of
 * so many octets inside of one page of the page cache is there as a whole after the process is killed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "wire/reader.h"
#include "zones/journal_internal.h"

#define MARK_SIZE 4096
#define MARK_NAME "journal.mark"

static const uint8_t magic[8] = "certns1";

_Static_assert(JOURNAL_SUM + sizeof magic + 8 + 8 + 1 + MARK_ZONES * (DNAME_MAX + 4) <= MARK_SIZE,
    "all zones find room");

enum err
mark_init(struct mark *m, const char *database)
{
	const char *slash = strrchr(database, '/');
	int n = slash == NULL ? 0 : (int)(slash - database) + 1;

	m->fd = -1;
	return asprintf(&m->path, "%.*s" MARK_NAME, n, database) < 0 ? ERR_NOMEM : ERR_OK;
}

void
mark_clear(struct mark *m)
{
	if (m->path == NULL)
		return;
	if (m->fd >= 0)
		close(m->fd);
	free(m->path);
	m->path = NULL;
}

void
mark_note(struct mark *m, const uint8_t *apex, uint32_t serial)
{
	struct mark_state *s = &m->next;
	unsigned at = 0;

	while (at < s->n && !dname_equal(s->zones[at].apex.octets, apex))
		at++;
	if (at == s->n && s->n < MARK_ZONES)
		s->n++;
	if (at == MARK_ZONES)
		at--;				/* the oldest one goes */
	memmove(&s->zones[1], &s->zones[0], at * sizeof s->zones[0]);
	dname_copy(&s->zones[0].apex, apex);
	s->zones[0].serial = serial;
}

void
mark_forget(struct mark *m)
{
	m->next = m->now;
}

static enum err
compose(const struct mark_state *s, uint8_t out[MARK_SIZE])
{
	struct buf b = { 0 };
	enum err err = ERR_NOMEM;

	buf_add(&b, magic, sizeof magic);
	buf_u64(&b, s->records);
	buf_u64(&b, s->puts);
	buf_u8(&b, (uint8_t)s->n);
	for (unsigned i = 0; i < s->n; i++) {
		buf_add(&b, s->zones[i].apex.octets, dname_len(s->zones[i].apex.octets));
		buf_u32(&b, s->zones[i].serial);
	}
	if (!b.failed) {
		memset(out, 0, MARK_SIZE);
		memcpy(out + JOURNAL_SUM, b.p, b.len);
		err = journal_sum_octets(out + JOURNAL_SUM, MARK_SIZE - JOURNAL_SUM, out);
	}
	buf_clear(&b);
	return err;
}

static enum err
put(struct mark *m)
{
	uint8_t octets[MARK_SIZE];
	enum err err = compose(&m->now, octets);
	ssize_t n;

	if (err != ERR_OK)
		return err;
	if (m->fd < 0 && (m->fd = open(m->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return err_from_errno(errno);
	n = pwrite(m->fd, octets, MARK_SIZE, 0);
	return n == MARK_SIZE ? ERR_OK : n < 0 ? err_from_errno(errno) : ERR_NOSPACE;
}

void
mark_synced(struct mark *m)
{
	m->now = m->next;
	m->owed = true;
}

void
mark_write(struct mark *m)
{
	enum err err;

	if (!m->owed)
		return;
	m->owed = false;
	err = put(m);
	if (err != ERR_OK && !m->complained)
		log_warning("%s: %s: the next start may not notice if changes are lost", m->path, err_str(err));
	m->complained = err != ERR_OK;
}

static enum err
parse(struct rd *r, struct mark_state *out)
{
	const uint8_t *start = rd_take(r, sizeof magic);

	if (start == NULL || memcmp(start, magic, sizeof magic) != 0)
		return ERR_FORMAT;
	out->records = (uint64_t)rd_u32(r) << 32;
	out->records |= rd_u32(r);
	out->puts = (uint64_t)rd_u32(r) << 32;
	out->puts |= rd_u32(r);
	out->n = rd_u8(r);
	if (out->n > MARK_ZONES)
		return ERR_FORMAT;
	for (unsigned i = 0; i < out->n; i++) {
		rd_dname(r, &out->zones[i].apex);
		out->zones[i].serial = rd_u32(r);
	}
	return r->bad ? ERR_FORMAT : ERR_OK;
}

enum err
mark_read(const struct mark *m, struct mark_state *out, struct fault *f)
{
	uint8_t sum[JOURNAL_SUM];
	struct buf b = { 0 };
	struct rd r;
	enum err err;

	if ((err = file_read(m->path, MARK_SIZE, &b, f)) != ERR_OK)
		return err;
	/* A power failure may leave what was never synced as nothing, or as zeros. */
	if (b.len == 0 || (b.len == MARK_SIZE && b.p[0] == 0 && memcmp(b.p, b.p + 1, MARK_SIZE - 1) == 0)) {
		buf_clear(&b);
		return fault_set(f, ERR_NOT_FOUND, "%s: it is empty", m->path);
	}
	r = rd_over(b.p + JOURNAL_SUM, b.len == MARK_SIZE ? MARK_SIZE - JOURNAL_SUM : 0);
	if (b.len != MARK_SIZE || journal_sum_octets(b.p + JOURNAL_SUM, MARK_SIZE - JOURNAL_SUM, sum) != ERR_OK ||
	    memcmp(sum, b.p, sizeof sum) != 0 || parse(&r, out) != ERR_OK)
		err = fault_set(f, ERR_FORMAT, "%s: it is damaged", m->path);
	buf_clear(&b);
	return err;
}
