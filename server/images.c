/* server/images.c -- image files that are not needed: those that no row of the journal names, of a transfer that was cut
 * off between the file and its row, or between the row and the removal of the file before; and those of zones that are
 * not configured any more, when that is long ago.  A zone is what its row says, so they can go. */
#include "server/secondary_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define KEPT_S (30 * 86400)		/* the image of a zone that nobody wants, since a primary confirmed it */

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

struct tidying {
	struct keeper *keeper;
	struct names named;
	struct journal_zone *left;	/* rows of zones that nobody wants, and whose images go */
	size_t nleft;
};

static enum err
note_left(struct tidying *t, const struct journal_zone *row)
{
	struct journal_zone *v = realloc(t->left, (t->nleft + 1) * sizeof *v);

	if (v == NULL)
		return ERR_NOMEM;
	t->left = v;
	v[t->nleft++] = (struct journal_zone){ .apex = row->apex, .source = ZONE_BY_TRANSFER, .serial = row->serial,
	    .retired = true };
	return ERR_OK;
}

static bool
is_left(const struct keeper *k, const struct journal_zone *row, const struct zone_base *base)
{
	int64_t time_s = image_time_s(k->secondaries->images, base);

	return zonetable_find(&k->zones, row->apex.octets) == NULL && time_s != 0 && time_s < clock_now_s() - KEPT_S;
}

static enum err
note_row(void *ctx, const struct journal_zone *row)
{
	struct tidying *t = ctx;
	struct zone_base base = { 0 };
	enum err err;

	if (strcmp(row->source, ZONE_BY_TRANSFER) != 0)
		return ERR_OK;
	err = zone_base_parse(row->base, row->base_serial, &base);
	if (err == ERR_OK && is_left(t->keeper, row, &base))
		err = note_left(t, row);
	else
		for (size_t i = 0; err == ERR_OK && i < base.n; i++)
			err = add_name(&t->named, base.v[i].path);
	zone_base_clear(&base);
	return err;
}

/* Their rows first: one without an image is complained of. */
static enum err
forget_left(struct tidying *t, struct fault *f)
{
	struct journal *j = t->keeper->journal;
	char name[DNAME_TEXT_MAX];
	uint64_t kept, octets;
	enum err err;

	if (t->nleft == 0)
		return ERR_OK;
	if ((err = journal_begin(j, f)) != ERR_OK)
		return err;
	for (size_t i = 0; err == ERR_OK && i < t->nleft; i++) {
		t->left[i].base = (char[]){ "" };
		if ((err = journal_put_zone(j, &t->left[i], f)) == ERR_OK)
			err = journal_prune(j, t->left[i].apex.octets, 0, 0, 0, &kept, &octets, f);
		log_info("zone %s: is not configured, and was not for long: its content is forgotten",
		    dname_print_host(t->left[i].apex.octets, name));
	}
	if (err == ERR_OK)
		return journal_commit(j, f);
	journal_rollback(j);
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
images_tidy(struct keeper *k)
{
	const char *directory = k->secondaries->images;
	struct tidying t = { .keeper = k };
	struct fault f = { 0 };
	enum err err;
	DIR *dir;

	if (is_empty(directory))
		return;			/* without a look at all rows */
	if ((err = journal_each_zone(k->journal, note_row, &t, &f)) == ERR_OK)
		err = forget_left(&t, &f);
	dir = err == ERR_OK ? opendir(directory) : NULL;
	if (dir != NULL) {
		if (t.named.n > 1)
			qsort(t.named.v, t.named.n, sizeof *t.named.v, compare);
		remove_others(dir, directory, &t.named);
		closedir(dir);
	}
	if (err != ERR_OK)
		log_warning("%s: files that are not needed may be left: %s", directory, fault_str(&f, err));
	names_clear(&t.named);
	free(t.left);
}
