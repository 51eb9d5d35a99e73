/* server/filezones.c -- zones with "file" in the configuration: each directory that has such files is a source of its
 * own, so that one which cannot be written is in nobody else's way.
 *
 * A reload changes which files those are.  A directory lets go first (FILES_LET_GO), once it is idle and what waits is
 * in the files, and then takes (FILES_TAKE), once all have let go; so a file or a zone may go from any directory to any
 * other.  What was let go is retired; what was taken comes with the pull that follows.  A source that has no files left
 * stays, unused, for the zones that it had. */
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

/* Where the directory ends that begins at v[i]. */
static size_t
end_of(const struct config_zone **v, size_t n, size_t i)
{
	size_t end = i + 1;

	while (end < n && same_directory(v[i], v[end]))
		end++;
	return end;
}

size_t
filezones_count(const struct config *c)
{
	const struct config_zone **v;
	size_t n, count = 0;

	if (list_files(c, &v, &n) != ERR_OK)
		return 0;
	for (size_t i = 0; i < n; i = end_of(v, n, i))
		count++;
	free(v);
	return count;
}

static void
free_names(char **names, size_t n)
{
	for (size_t i = 0; names != NULL && i < n; i++)
		free(names[i]);
	free(names);
}

/* The files of the directory are those of v, which are its only ones and in order. */
static enum err
set_names(struct source *s, const struct config_zone **v, size_t n)
{
	char **names = calloc(n + 1, sizeof *names);
	struct dname *apexes = calloc(n + 1, sizeof *apexes);
	enum err err = names == NULL || apexes == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < n; i++) {
		if ((names[i] = strdup(strrchr(v[i]->file, '/') + 1)) == NULL)
			err = ERR_NOMEM;
		apexes[i] = v[i]->name;
	}
	if (err == ERR_OK && s->git != NULL)
		err = git_files_rename(s->git, (const char *const *)names, n);
	if (err != ERR_OK) {
		free_names(names, names == NULL ? 0 : n);
		free(apexes);
		return err;
	}
	free_names(s->files->names, s->files->n);
	free(s->files->apexes);
	s->files->names = names;
	s->files->apexes = apexes;
	s->files->n = n;
	return ERR_OK;
}

/* The directory of v[0], with the files of v; or, n being 0, with none yet. */
static enum err
open_directory(struct source *s, const struct config_zone **v, size_t n, struct fault *f)
{
	char parent[PATH_MAX];
	uint32_t hash = 2166136261u;
	enum err err;

	if ((s->files = calloc(1, sizeof *s->files)) == NULL ||
	    (s->files->directory = strndup(v[0]->file, directory_len(v[0]->file))) == NULL ||
	    set_names(s, v, n) != ERR_OK)
		return ERR_NOMEM;
	source_configure(s, &file_config);
	for (const char *p = s->files->directory; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	snprintf(parent, sizeof parent, "%s/files", s->keeper->boot_view->config->state_directory);
	if (asprintf(&s->directory, "%s/%s-%08x", parent, strrchr(s->files->directory, '/') + 1, hash) < 0) {
		s->directory = NULL;
		return ERR_NOMEM;
	}
	if ((err = file_mkdir(parent, 0700, f)) != ERR_OK)
		return err;
	return git_files_open(s->directory, s->files->directory, (const char *const *)s->files->names, n, &s->git, f);
}

enum err
filezones_open(struct keeper *k, struct source *s, size_t which, struct fault *f)
{
	const struct config_zone **v;
	size_t n, first = 0;
	enum err err = list_files(k->boot_view->config, &v, &n);

	if (err != ERR_OK)
		return err;
	for (size_t at = 0; at < which; at++)
		first = end_of(v, n, first);
	err = open_directory(s, v + first, end_of(v, n, first) - first, f);
	free(v);
	return err;
}

void
filezones_free(struct file_zones *z)
{
	if (z == NULL)
		return;
	free(z->directory);
	free_names(z->names, z->n);
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

/* Does the file lie in the source's directory? */
static bool
is_in(const struct source *s, const char *file)
{
	size_t n = strlen(s->files->directory);

	return directory_len(file) == n && memcmp(file, s->files->directory, n) == 0;
}

const char *
source_file_of(const struct source *s, const uint8_t *apex)
{
	const char *file = config_zone_for(s->keeper->view->config, apex)->file;

	return s->files != NULL && file != NULL && is_in(s, file) ? file + directory_len(file) + 1 : NULL;
}

/* --- a reload --- */

static struct source *
find_source(const struct keeper *k, const char *file)
{
	for (size_t i = 0; i < k->nsources; i++)
		if (k->sources[i]->files != NULL && is_in(k->sources[i], file))
			return k->sources[i];
	return NULL;
}

/* All files as the configuration has them now. */
struct files_list {
	const struct config_zone **v;
	size_t n;
};

/* Those of the source's directory. */
static struct files_list
of_directory(const struct source *s, const struct files_list *all)
{
	size_t first = 0;

	while (first < all->n && !is_in(s, all->v[first]->file))
		first = end_of(all->v, all->n, first);
	return (struct files_list){ all->v + first, first < all->n ? end_of(all->v, all->n, first) - first : 0 };
}

static bool
same_names(const struct source *s, const struct files_list *l)
{
	const struct file_zones *z = s->files;
	bool same = z->n == l->n;

	for (size_t i = 0; same && i < l->n; i++)
		same = strcmp(z->names[i], strrchr(l->v[i]->file, '/') + 1) == 0 &&
		    dname_equal(z->apexes[i].octets, l->v[i]->name.octets);
	return same;
}

static enum err
new_directory(struct keeper *k, const struct config_zone *zone, struct fault *f)
{
	struct source *s;
	enum err err = source_new(k, &s);

	if (err == ERR_OK && (err = open_directory(s, &zone, 0, f)) != ERR_OK) {
		k->nsources--;
		source_free(s);
	}
	return err;
}

enum err
filezones_configure(struct keeper *k, struct fault *f)
{
	struct files_list all;
	enum err err = list_files(k->view->config, &all.v, &all.n);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; err == ERR_OK && i < all.n; i = end_of(all.v, all.n, i))
		if (find_source(k, all.v[i]->file) == NULL)
			err = new_directory(k, all.v[i], f);
	for (size_t i = 0; i < k->nsources; i++) {
		struct source *s = k->sources[i];
		struct files_list wanted;

		if (s->files == NULL || (wanted = of_directory(s, &all), same_names(s, &wanted)))
			continue;
		s->files->state = FILES_LET_GO;
		s->want_write = s->head[0] != '\0';
	}
	free(all.v);
	/* All are in their states before the first one moves. */
	for (size_t i = 0; i < k->nsources; i++)
		if (k->sources[i]->files != NULL)
			source_go_on(k->sources[i]);
	return err;
}

/* Also zones that are in a repository too: it is looked at again. */
static void
retire_zones(struct source *s)
{
	struct keeper *k = s->keeper;
	struct fault f = { 0 };
	size_t gone = 0;
	enum err err;

	keeper_flush(k);
	err = commits_batch_begin(k->commits, &f);	/* one sync for all of them */
	for (size_t i = 0; i < k->zones.n; i++) {
		struct zone *z = k->zones.v[i];
		const struct config_zone *c = config_zone_for(k->view->config, z->apex.octets);

		if (z->owner != s || z->retired || c->file != NULL || c->nprimaries > 0)
			continue;	/* with primaries it is something else after a restart, and stays until then */
		merge_retire_zone(k, z, "the configuration has no file for it any more");
		gone++;
	}
	if (err == ERR_OK)
		err = commits_batch_end(k->commits, ERR_OK, &f);
	if (err != ERR_OK)
		log_error("%s: that zones were retired is not in the journal: %s", s->files->directory, fault_str(&f, err));
	for (size_t i = 0; gone > 0 && i < k->nsources; i++)
		if (k->sources[i]->files == NULL)
			source_look_at_all(k->sources[i]);
}

static void
take_names(struct source *s, const struct files_list *l)
{
	if (set_names(s, l->v, l->n) != ERR_OK)
		log_error("%s: out of memory: its files are what they were", s->files->directory);
}

/* Of its files those stay that are still wanted for the same zone. */
static void
let_go(struct source *s, const struct files_list *all)
{
	struct files_list wanted = of_directory(s, all), kept = { calloc(wanted.n + 1, sizeof *kept.v), 0 };
	struct dname apex;

	retire_zones(s);
	for (size_t i = 0; kept.v != NULL && i < wanted.n; i++)
		if (source_zone_of(s, strrchr(wanted.v[i]->file, '/') + 1, &apex) &&
		    dname_equal(apex.octets, wanted.v[i]->name.octets))
			kept.v[kept.n++] = wanted.v[i];
	if (kept.v != NULL)
		take_names(s, &kept);
	free(kept.v);
	s->files->state = FILES_TAKE;
}

static void
take(struct source *s, const struct files_list *all)
{
	struct files_list wanted = of_directory(s, all);

	take_names(s, &wanted);
	s->files->state = FILES_SETTLED;
	if (s->files->n > 0) {
		source_start(s);
	} else {
		event_del(s->poll);
		source_go_on(s);
	}
}

void
filezones_go_on(struct keeper *k)
{
	struct files_list all;
	bool left = false;

	if (list_files(k->view->config, &all.v, &all.n) != ERR_OK) {
		log_error("out of memory: the configuration's files are not all taken");
		return;
	}
	for (size_t i = 0; i < k->nsources; i++) {
		struct source *s = k->sources[i];

		if (s->files == NULL || s->files->state != FILES_LET_GO)
			continue;
		if (s->busy)
			left = true;
		else
			let_go(s, &all);
	}
	for (size_t i = 0; i < k->nsources && !left; i++)
		if (k->sources[i]->files != NULL && k->sources[i]->files->state == FILES_TAKE && !k->sources[i]->busy)
			take(k->sources[i], &all);
	free(all.v);
}
