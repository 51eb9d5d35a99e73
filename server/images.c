/* server/images.c -- image files that no row of the journal names: of a transfer that was cut off between the file and
 * its row, or between the row and the removal of the file before.  A zone is what its row says, so they can go. */
#include "server/secondary_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct names {
	char **v;
	size_t n, cap;
};

static void
names_clear(struct names *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
}

static enum err
add_name(struct names *s, const char *name)
{
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 64 : s->cap * 2;
		char **v = realloc(s->v, cap * sizeof *v);

		if (v == NULL)
			return ERR_NOMEM;
		s->v = v;
		s->cap = cap;
	}
	if ((s->v[s->n] = strdup(name)) == NULL)
		return ERR_NOMEM;
	s->n++;
	return ERR_OK;
}

static enum err
note_row(void *ctx, const struct journal_zone *row)
{
	struct zone_base base = { 0 };
	enum err err;

	if (strcmp(row->source, ZONE_BY_TRANSFER) != 0)
		return ERR_OK;
	err = zone_base_parse(row->base, row->base_serial, &base);
	for (size_t i = 0; err == ERR_OK && i < base.n; i++)
		err = add_name(ctx, base.v[i].path);
	zone_base_clear(&base);
	return err;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
remove_others(DIR *dir, const char *directory, const struct names *named)
{
	const struct dirent *e;

	while ((e = readdir(dir)) != NULL) {
		const char *name = e->d_name;

		if (name[0] == '.' || (named->n > 0 && bsearch(&name, named->v, named->n, sizeof *named->v,
		    compare) != NULL))
			continue;
		if (unlinkat(dirfd(dir), name, 0) == 0)
			log_info("%s/%s: removed, no zone is read from it any more", directory, name);
		else
			log_warning("%s/%s: cannot be removed: %s", directory, name, strerror(errno));
	}
}

static bool
is_empty(const char *directory)
{
	const struct dirent *e;
	DIR *dir = opendir(directory);
	bool empty = true;

	while (empty && dir != NULL && (e = readdir(dir)) != NULL)
		empty = e->d_name[0] == '.';
	if (dir != NULL)
		closedir(dir);
	return empty;
}

void
images_tidy(struct journal *j, const char *directory)
{
	struct names named = { 0 };
	struct fault f = { 0 };
	enum err err;
	DIR *dir;

	if (is_empty(directory))
		return;			/* without a look at all rows */
	err = journal_each_zone(j, note_row, &named, &f);
	dir = err == ERR_OK ? opendir(directory) : NULL;

	if (dir != NULL) {
		if (named.n > 1)
			qsort(named.v, named.n, sizeof *named.v, compare);
		remove_others(dir, directory, &named);
		closedir(dir);
	}
	if (err != ERR_OK)
		log_warning("%s: files that are not needed may be left: %s", directory, fault_str(&f, err));
	names_clear(&named);
}
