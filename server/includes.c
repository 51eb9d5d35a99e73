/* server/includes.c -- which zones include a file: a table from its path, from the repository's top, to zones.
 *
 * It is added to when a zone is read.  An entry may be out of date, and then is passed over; a zone may come twice. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>

struct include_file {
	struct include_file *next;
	struct zone **v;
	size_t n, cap;
	uint32_t hash;
	char path[];
};

static uint32_t
hash_of(const char *path)
{
	uint32_t hash = 2166136261u;

	for (; *path != '\0'; path++)
		hash = (hash ^ (uint8_t)*path) * 16777619u;
	return hash;
}

static struct include_file *
find(const struct includes *t, const char *path)
{
	uint32_t hash = hash_of(path);
	struct include_file *e = t->nslots == 0 ? NULL : t->slots[hash & (t->nslots - 1)];

	while (e != NULL && (e->hash != hash || strcmp(e->path, path) != 0))
		e = e->next;
	return e;
}

static enum err
grow(struct includes *t)
{
	size_t n = t->nslots == 0 ? 16 : t->nslots * 2;
	struct include_file **slots = calloc(n, sizeof *slots);

	if (slots == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < t->nslots; i++)
		for (struct include_file *e = t->slots[i], *next; e != NULL; e = next) {
			next = e->next;
			e->next = slots[e->hash & (n - 1)];
			slots[e->hash & (n - 1)] = e;
		}
	free(t->slots);
	t->slots = slots;
	t->nslots = n;
	return ERR_OK;
}

static struct include_file *
find_or_add(struct includes *t, const char *path)
{
	struct include_file *e = find(t, path);
	size_t n = strlen(path) + 1;

	if (e != NULL || (t->n == t->nslots && grow(t) != ERR_OK) || (e = calloc(1, sizeof *e + n)) == NULL)
		return e;
	e->hash = hash_of(path);
	memcpy(e->path, path, n);
	e->next = t->slots[e->hash & (t->nslots - 1)];
	t->slots[e->hash & (t->nslots - 1)] = e;
	t->n++;
	return e;
}

/* Does the zone, as it is read now, include the file? */
static bool
does_include(const struct source *s, const struct zone *z, const char *path)
{
	bool found = false;

	for (size_t i = 1; !found && z->owner == s && i < z->base.n; i++) {
		char *full;

		if (git_source_full_path(s->git, z->base.v[i].path, &full) != ERR_OK)
			continue;
		found = strcmp(full, path) == 0;
		free(full);
	}
	return found;
}

static int
compare_pointers(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)*(struct zone *const *)a, y = (uintptr_t)*(struct zone *const *)b;

	return (x > y) - (x < y);
}

/* Before it grows: whatever is out of date, or there twice, goes. */
static void
tidy(const struct source *s, struct include_file *e)
{
	size_t kept = 0;

	if (e->n > 1)
		qsort(e->v, e->n, sizeof *e->v, compare_pointers);
	for (size_t i = 0; i < e->n; i++)
		if ((kept == 0 || e->v[kept - 1] != e->v[i]) && does_include(s, e->v[i], e->path))
			e->v[kept++] = e->v[i];
	e->n = kept;
}

static enum err
add(struct source *s, const char *path, struct zone *z)
{
	struct include_file *e = find_or_add(&s->includes, path);
	struct zone **v;

	if (e == NULL)
		return ERR_NOMEM;
	if (e->n == e->cap) {
		tidy(s, e);
		if (e->n * 2 >= e->cap) {	/* so that the next time is far off */
			size_t cap = e->cap == 0 ? 4 : e->cap * 2;

			if ((v = realloc(e->v, cap * sizeof *v)) == NULL)
				return ERR_NOMEM;
			e->v = v;
			e->cap = cap;
		}
	}
	e->v[e->n++] = z;
	return ERR_OK;
}

enum err
includes_note(struct source *s, struct zone *z)
{
	uint32_t sum = 0;
	enum err err = ERR_OK;

	for (size_t i = 1; i < z->base.n; i++)
		sum = sum * 31 + hash_of(z->base.v[i].path) + 1;
	if (sum == z->includes_noted)
		return ERR_OK;			/* the same ones as before */
	for (size_t i = 1; err == ERR_OK && i < z->base.n; i++) {
		char *full;

		if ((err = git_source_full_path(s->git, z->base.v[i].path, &full)) != ERR_OK)
			break;
		err = add(s, full, z);
		free(full);
	}
	if (err == ERR_OK)
		z->includes_noted = sum;
	return err;
}

void
includes_each(const struct source *s, const char *path, void (*each)(void *arg, struct zone *z), void *arg)
{
	const struct include_file *e = find(&s->includes, path);

	for (size_t i = 0; e != NULL && i < e->n; i++)
		if (does_include(s, e->v[i], path))
			each(arg, e->v[i]);
}

void
includes_clear(struct includes *t)
{
	for (size_t i = 0; i < t->nslots; i++)
		for (struct include_file *e = t->slots[i], *next; e != NULL; e = next) {
			next = e->next;
			free(e->v);
			free(e);
		}
	free(t->slots);
	*t = (struct includes){ 0 };
}
