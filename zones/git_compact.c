/* zones/git_compact.c -- when the clone is to be made small again, and having it done by the child.  How that is done,
 * and why it is safe, is told in git_child_compact.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "zones/git_internal.h"

#define LOOSE_MAX 1000
#define LOOSE_OCTETS_MAX ((uint64_t)64 << 20)
#define PACKS_MAX 64			/* there are so many when there are some of each size */
#define DISCARDED_MAX 500		/* commits of ours that were never pushed */
#define DEADLINE_S 1800

/* A file of the clone tells, also after a restart, that parts of it may be reached by nothing any more. */
#define GARBAGE "certns-garbage"

static void
path_in(const struct git_source *s, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.3000s/%s", s->dir, name);
}

void
git_source_note_garbage(struct git_source *s)
{
	char path[PATH_MAX];
	int fd;

	s->garbage = true;
	path_in(s, GARBAGE, path);
	if ((fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) >= 0)
		close(fd);
}

void
git_source_note_discarded(struct git_source *s)
{
	if (++s->discarded >= DISCARDED_MAX) {
		s->discarded = 0;
		git_source_note_garbage(s);
	}
}

void
git_source_find_garbage(struct git_source *s)
{
	char path[PATH_MAX];

	path_in(s, GARBAGE, path);
	s->garbage = access(path, F_OK) == 0;
}

bool
git_source_has_garbage(const struct git_source *s)
{
	return s->garbage;
}

/* Files with names of so many characters. */
static size_t
count_files(const char *directory, size_t length, const char *end, uint64_t *octets)
{
	DIR *d = opendir(directory);
	struct dirent *e;
	struct stat st;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name), m = strlen(end);

		if ((length != 0 && len != length) || len < m || strcmp(e->d_name + len - m, end) != 0)
			continue;
		n++;
		if (octets != NULL && fstatat(dirfd(d), e->d_name, &st, 0) == 0)
			*octets += (uint64_t)st.st_size;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

static bool
is_due(const struct git_source *s)
{
	char path[PATH_MAX], name[32];
	uint64_t octets = 0;
	size_t loose = 0;

	for (unsigned i = 0; i < 256; i++) {
		snprintf(name, sizeof name, "objects/%02x", i);
		path_in(s, name, path);
		loose += count_files(path, GIT_OID_HEXSZ - 2, "", &octets);
	}
	path_in(s, "objects/pack", path);
	return loose > LOOSE_MAX || octets > LOOSE_OCTETS_MAX || count_files(path, 0, ".idx", NULL) > PACKS_MAX;
}

static enum err
write_pins(const char *path, const git_oid_text *pins, size_t n, struct fault *f)
{
	struct buf text = { 0 };
	enum err err;

	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s\n", pins[i]);
	err = text.failed ? ERR_NOMEM : file_write(path, text.p, text.len, 0600, f);
	buf_clear(&text);
	return err;
}

enum err
git_source_compact(struct git_source *s, const git_oid_text *pins, size_t n, int give_way_fd, struct buf *words,
    struct fault *f)
{
	bool collect = s->garbage && pins != NULL;
	struct git_exchange request = { 0 }, answer = { 0 };
	char path[PATH_MAX], marker[PATH_MAX];
	enum err err = ERR_OK;

	if (!collect && !is_due(s))
		return ERR_OK;
	path_in(s, "certns-pins", path);
	path_in(s, GARBAGE, marker);
	if (collect && (err = write_pins(path, pins, n, f)) != ERR_OK)
		return err;
	if (!git_request_fill(s, "compact", &request) || (collect && !git_exchange_set(&request, GIT_FIELD_PINS, path)))
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	else {
		s->give_way_fd = give_way_fd;
		err = git_child_do(s, &request, DEADLINE_S, &answer, f);
		s->give_way_fd = -1;
	}
	if (err == ERR_OK && answer.v[GIT_FIELD_WORDS] != NULL)
		buf_add_str(words, answer.v[GIT_FIELD_WORDS]);
	git_exchange_clear(&request);
	git_exchange_clear(&answer);
	if (collect)
		(void)unlink(path);
	if (collect && (err == ERR_OK || err == ERR_TIMEOUT)) {
		s->garbage = false;		/* what takes too long once would do so again */
		(void)unlink(marker);
	}
	if (err == ERR_OK)
		return git_source_reopen(s, f);
	if (err == ERR_CANCELLED)
		(void)git_source_reopen(s, NULL);	/* packs may be others all the same */
	return err;
}
