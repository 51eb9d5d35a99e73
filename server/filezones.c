/* server/filezones.c -- zones with "file" in the configuration: each directory that has such files is a source of its
 * own, so that one which cannot be written is in nobody else's way. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "zones/git_files.h"
#include "zones/keyfile.h"

#define LOOK_S 5			/* between looks at the files' times */

/* The rest is as repositories have it by default. */
static const struct config_git file_config = { .poll_s = LOOK_S, .push = true, .commit_delay_s = 1,
    .commit_delay_max_s = 10,
    .removal_limit = REMOVAL_LIMIT_DEFAULT, .removal_floor = REMOVAL_FLOOR_DEFAULT };

static size_t
directory_len(const char *file)
{
	return (size_t)(strrchr(file, '/') - file);
}

static int
compare_files(const void *a, const void *b)
{
	const struct config_zone *x = *(const struct config_zone *const *)a, *y = *(const struct config_zone *const *)b;
	size_t n = directory_len(x->file), m = directory_len(y->file);
	int d = strncmp(x->file, y->file, n < m ? n : m);

	if (d == 0 && n != m)
		d = n < m ? -1 : 1;
	return d != 0 ? d : strcmp(x->file + n, y->file + m);
}

/* The zones with files, those of a directory together and in the order of their names.  The caller frees the list. */
static enum err
list_files(const struct config *c, const struct config_zone ***out, size_t *n)
{
	const struct config_zone **v = calloc(c->nzones + 1, sizeof *v);

	*n = 0;
	if (v == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->nzones; i++)
		if (c->zones[i].file != NULL)
			v[(*n)++] = &c->zones[i];
	qsort(v, *n, sizeof *v, compare_files);
	*out = v;
	return ERR_OK;
}

static bool
same_directory(const struct config_zone *a, const struct config_zone *b)
{
	size_t n = directory_len(a->file);

	return n == directory_len(b->file) && memcmp(a->file, b->file, n) == 0;
}

size_t
filezones_count(const struct config *c)
{
	const struct config_zone **v;
	size_t n, count = 0;

	if (list_files(c, &v, &n) != ERR_OK)
		return 0;
	for (size_t i = 0; i < n; i++)
		count += i == 0 || !same_directory(v[i - 1], v[i]);
	free(v);
	return count;
}

static enum err
open_directory(struct source *s, const struct config_zone **v, size_t n, struct fault *f)
{
	char parent[PATH_MAX];
	uint32_t hash = 2166136261u;
	enum err err;

	if ((s->files = calloc(1, sizeof *s->files)) == NULL ||
	    (s->files->directory = strndup(v[0]->file, directory_len(v[0]->file))) == NULL ||
	    (s->files->names = calloc(n, sizeof *s->files->names)) == NULL ||
	    (s->files->apexes = calloc(n, sizeof *s->files->apexes)) == NULL)
		return ERR_NOMEM;
	s->config = &file_config;
	s->files->n = n;
	for (size_t i = 0; i < n; i++) {
		s->files->names[i] = strrchr(v[i]->file, '/') + 1;
		s->files->apexes[i] = v[i]->name;
	}
	for (const char *p = s->files->directory; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	snprintf(parent, sizeof parent, "%s/files", s->keeper->boot_view->config->state_directory);
	if (asprintf(&s->directory, "%s/%s-%08x", parent, strrchr(s->files->directory, '/') + 1, hash) < 0) {
		s->directory = NULL;
		return ERR_NOMEM;
	}
	if ((err = file_mkdir(parent, 0700, f)) != ERR_OK)
		return err;
	return git_files_open(s->directory, s->files->directory, s->files->names, n, &s->git, f);
}

enum err
filezones_open(struct keeper *k, struct source *s, size_t which, struct fault *f)
{
	const struct config_zone **v;
	size_t n, first = 0, end, at = 0;
	enum err err = list_files(k->boot_view->config, &v, &n);

	if (err != ERR_OK)
		return err;
	for (;; first = end, at++) {
		for (end = first + 1; end < n && same_directory(v[first], v[end]); end++)
			;
		if (at == which)
			break;
	}
	s->keeper = k;
	err = open_directory(s, v + first, end - first, f);
	free(v);
	return err;
}

void
filezones_free(struct file_zones *z)
{
	if (z == NULL)
		return;
	free(z->directory);
	free(z->names);
	free(z->apexes);
	free(z);
}

bool
source_zone_of(const struct source *s, const char *file, struct dname *apex)
{
	size_t low = 0, high;

	if (s->files == NULL)
		return zonefile_name(file, apex);
	for (high = s->files->n; low < high; ) {
		size_t middle = (low + high) / 2;
		int d = strcmp(s->files->names[middle], file);

		if (d == 0) {
			*apex = s->files->apexes[middle];
			return true;
		}
		if (d < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
