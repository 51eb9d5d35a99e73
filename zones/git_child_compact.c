/* zones/git_child_compact.c -- inside the child: keep the clone small.
 *
 * Each commit of ours leaves loose objects, each fetch a pack.  Folding puts the loose ones and packs of like size
 * into one new pack, with deltas, and looks at nothing else: an object is packed again only a few times in its life,
 * so the work follows the changes and not the history.  Collecting is for when history was rewritten: what the refs
 * reach, and the pins, go into one pack, and all else goes away.
 *
 * A new pack is complete, checked and on the disk before anything that it holds is removed; killed at any time, the
 * clone has each object at least once.  Nobody else uses the clone meanwhile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "wire/reader.h"
#include "zones/git_internal.h"

#define LIKE_MAX 8			/* packs of like size before they are folded */
#define OBJECTS_MAX 250000		/* of a pack that is folded once more */
#define RAW_MAX ((uint64_t)4 << 30)	/* octets, unpacked, that are folded at once: it takes minutes */
#define WINDOW_OCTETS (256 << 20)
#define IDX_MAX ((size_t)1 << 30)

struct oids {
	git_oid *v;
	size_t n, cap;
	bool failed;
};
struct pack {
	char name[PATH_MAX];		/* full path without .pack or .idx */
	size_t objects;
};
struct item {				/* of the new pack */
	git_oid id;
	uint64_t path;			/* a hash; 0: commits and their trees */
	size_t turn;			/* smaller is newer */
};
struct compaction {
	struct git_child *c;
	char objects[PATH_MAX];		/* directory */
	git_odb *odb;
	git_packbuilder *builder;
	struct pack *packs;		/* smallest first */
	size_t npacks;
	size_t nfold;			/* so many of them go into the new one */
	struct oids loose, set;		/* set: what the new pack must have; sorted */
	struct item *items;
	size_t nitems, capitems;
};

static void
oids_add(struct oids *o, const git_oid *id)
{
	if (o->n == o->cap && !o->failed) {
		size_t cap = o->cap == 0 ? 1024 : o->cap * 2;
		git_oid *v = realloc(o->v, cap * sizeof *v);

		o->failed = v == NULL;
		o->v = v != NULL ? v : o->v;
		o->cap = v != NULL ? cap : o->cap;
	}
	if (!o->failed)
		o->v[o->n++] = *id;
}

static int
compare_oids(const void *a, const void *b)
{
	return git_oid_cmp(a, b);
}

static bool
oids_have(const struct oids *o, const git_oid *id)
{
	return o->n > 0 && bsearch(id, o->v, o->n, sizeof *o->v, compare_oids) != NULL;
}

/* --- what there is --- */

/* The object ids of a pack's index, version 2 (gitformat-pack(5)): magic, fan-out table, sorted names. */
static enum err
idx_read(const char *pack, struct oids *out, size_t *count, struct fault *f)
{
	char path[PATH_MAX + 8];
	struct buf octets = { 0 };
	struct rd r;
	enum err err;
	git_oid id;

	snprintf(path, sizeof path, "%s.idx", pack);
	if ((err = file_read(path, IDX_MAX, &octets, f)) != ERR_OK)
		return err;
	r = rd_over(octets.p, octets.len);
	if (rd_u32(&r) != 0xff744f63 || rd_u32(&r) != 2 || rd_take(&r, 255 * 4) == NULL)
		r.bad = true;
	*count = rd_u32(&r);
	for (size_t i = 0; out != NULL && !r.bad && i < *count; i++) {
		const uint8_t *p = rd_take(&r, GIT_OID_RAWSZ);

		if (p != NULL && git_oid_fromraw(&id, p) == 0)
			oids_add(out, &id);
	}
	err = r.bad ? fault_set(f, ERR_FORMAT, "%s: is no index of a pack", path) :
	    out != NULL && out->failed ? fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM)) : ERR_OK;
	buf_clear(&octets);
	return err;
}

static int
compare_packs(const void *a, const void *b)
{
	const struct pack *x = a, *y = b;

	return x->objects != y->objects ? (x->objects < y->objects ? -1 : 1) : strcmp(x->name, y->name);
}

static enum err
packs_find(struct compaction *k, struct fault *f)
{
	char path[PATH_MAX + 8];
	struct dirent *e;
	enum err err = ERR_OK;
	DIR *d;

	snprintf(path, sizeof path, "%s/pack", k->objects);
	if ((d = opendir(path)) == NULL)
		return errno == ENOENT ? ERR_OK : fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	while (err == ERR_OK && (e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);
		struct pack *v;

		if (n < 10 || strncmp(e->d_name, "pack-", 5) != 0 || strcmp(e->d_name + n - 4, ".idx") != 0)
			continue;
		if ((v = realloc(k->packs, (k->npacks + 1) * sizeof *v)) == NULL) {
			err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
			break;
		}
		k->packs = v;
		snprintf(v[k->npacks].name, sizeof v->name, "%.3000s/pack/%.*s", k->objects, (int)(n - 4), e->d_name);
		err = idx_read(v[k->npacks].name, NULL, &v[k->npacks].objects, f);
		k->npacks += err == ERR_OK;
	}
	closedir(d);
	if (k->npacks > 1)
		qsort(k->packs, k->npacks, sizeof *k->packs, compare_packs);
	return err;
}

static void
loose_find(struct compaction *k)
{
	char path[PATH_MAX + 8], hex[GIT_OID_HEXSZ + 1];
	struct dirent *e;
	git_oid id;

	for (unsigned i = 0; i < 256; i++) {
		DIR *d;

		snprintf(path, sizeof path, "%s/%02x", k->objects, i);
		if ((d = opendir(path)) == NULL)
			continue;
		while ((e = readdir(d)) != NULL) {
			if (strlen(e->d_name) != GIT_OID_HEXSZ - 2)
				continue;
			snprintf(hex, sizeof hex, "%02x%.38s", i, e->d_name);
			if (git_oid_fromstr(&id, hex) == 0)
				oids_add(&k->loose, &id);
		}
		closedir(d);
	}
}

/* --- folding --- */

static unsigned
size_class(size_t objects)
{
	unsigned class = 0;

	while ((objects /= 4) > 0)
		class++;
	return class;
}

/* The largest class of which there are many, with all that are smaller. */
static size_t
packs_choose(const struct compaction *k)
{
	size_t in_class[32] = { 0 }, n = 0;

	for (size_t i = 0; i < k->npacks && k->packs[i].objects <= OBJECTS_MAX; i++)
		if (++in_class[size_class(k->packs[i].objects)] >= LIKE_MAX)
			n = i + 1;
	return n;
}

static uint64_t
raw_size(struct compaction *k, const git_oid *v, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		git_object_t type;
		size_t size;

		if (git_odb_read_header(&size, &type, k->odb, &v[i]) == 0)
			sum += size;
	}
	return sum;
}

/* The loose objects, and as many of the chosen packs as can be done in reasonable time. */
static enum err
set_fill(struct compaction *k, struct fault *f)
{
	uint64_t raw = raw_size(k, k->loose.v, k->loose.n);
	size_t n = 0, wanted = packs_choose(k), count;
	enum err err = ERR_OK;

	for (size_t i = 0; i < k->loose.n; i++)
		oids_add(&k->set, &k->loose.v[i]);
	for (; err == ERR_OK && n < wanted; n++) {
		size_t before = k->set.n;

		if ((err = idx_read(k->packs[n].name, &k->set, &count, f)) != ERR_OK)
			break;
		raw += raw_size(k, k->set.v + before, k->set.n - before);
		if (raw > RAW_MAX) {
			k->set.n = before;
			break;
		}
	}
	k->nfold = n;
	if (k->loose.n == 0 && k->nfold < 2)
		k->nfold = k->set.n = 0;
	if (err == ERR_OK && (k->set.failed || k->loose.failed))
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	if (k->set.n > 1)
		qsort(k->set.v, k->set.n, sizeof *k->set.v, compare_oids);
	return err;
}

/* Note an object under its path, if it is one of the set. */
static int
note(struct compaction *k, const git_oid *id, uint64_t path)
{
	if (!oids_have(&k->set, id))
		return 0;
	if (k->nitems == k->capitems) {
		size_t cap = k->capitems == 0 ? 1024 : k->capitems * 2;
		struct item *v = realloc(k->items, cap * sizeof *v);

		if (v == NULL) {
			git_error_set_oom();
			return GIT_ERROR;
		}
		k->items = v;
		k->capitems = cap;
	}
	k->items[k->nitems] = (struct item){ *id, path, k->nitems };
	k->nitems++;
	return 0;
}

static uint64_t
path_below(uint64_t path, const char *name)
{
	for (; *name != '\0'; name++)
		path = (path ^ (uint8_t)*name) * 1099511628211u;
	return path * 31 + 1;
}

/* The files and directories that new has and old (may be NULL) has not. */
static int
note_news(struct compaction *k, const git_tree *old, const git_tree *new, uint64_t path)
{
	size_t n = git_tree_entrycount(new), nold = old != NULL ? git_tree_entrycount(old) : 0;
	int rc = 0;

	for (size_t i = 0, j = 0; rc == 0 && i < n; i++) {
		const git_tree_entry *e = git_tree_entry_byindex(new, i), *o = NULL;
		git_tree *below = NULL, *was = NULL;
		uint64_t own = path_below(path, git_tree_entry_name(e));
		int d = -1;

		while (j < nold && (d = git_tree_entry_cmp(o = git_tree_entry_byindex(old, j), e)) < 0)
			j++;
		if (j >= nold || d != 0)
			o = NULL;
		if ((o != NULL && git_oid_equal(git_tree_entry_id(o), git_tree_entry_id(e))) ||
		    git_tree_entry_type(e) == GIT_OBJECT_COMMIT)
			continue;
		if ((rc = note(k, git_tree_entry_id(e), own)) != 0 || git_tree_entry_type(e) != GIT_OBJECT_TREE ||
		    git_tree_lookup(&below, k->c->repo, git_tree_entry_id(e)) != 0)
			continue;
		if (o != NULL && git_tree_entry_type(o) == GIT_OBJECT_TREE)
			(void)git_tree_lookup(&was, k->c->repo, git_tree_entry_id(o));
		rc = note_news(k, was, below, own);
		git_tree_free(was);
		git_tree_free(below);
	}
	return rc;
}

static int
note_commit(struct compaction *k, git_commit *commit)
{
	git_commit *parent = NULL;
	git_tree *old = NULL, *new = NULL;
	int rc;

	if ((rc = note(k, git_commit_id(commit), 0)) != 0 || (rc = note(k, git_commit_tree_id(commit), 0)) != 0)
		return rc;
	/* What cannot be read here has no path, or is found missing when it is packed. */
	if (git_commit_tree(&new, commit) == 0) {
		if (git_commit_parentcount(commit) > 0 && git_commit_parent(&parent, commit, 0) == 0)
			(void)git_commit_tree(&old, parent);
		rc = note_news(k, old, new, 0);
	}
	git_tree_free(new);
	git_tree_free(old);
	git_commit_free(parent);
	return rc;
}

static int
newest_first(const void *a, const void *b)
{
	git_time_t x = git_commit_time(*(git_commit *const *)a), y = git_commit_time(*(git_commit *const *)b);

	return x > y ? -1 : x < y;
}

static int
note_set(struct compaction *k)
{
	git_commit **commits = calloc(k->set.n + 1, sizeof *commits);
	size_t n = 0;
	int rc = commits == NULL ? (git_error_set_oom(), GIT_ERROR) : 0;

	for (size_t i = 0; rc == 0 && i < k->set.n; i++) {
		git_object_t type;
		size_t size;

		if (git_odb_read_header(&size, &type, k->odb, &k->set.v[i]) == 0 && type == GIT_OBJECT_COMMIT &&
		    git_commit_lookup(&commits[n], k->c->repo, &k->set.v[i]) == 0)
			n++;
	}
	if (n > 1)
		qsort(commits, n, sizeof *commits, newest_first);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = note_commit(k, commits[i]);
	for (size_t i = 0; rc == 0 && i < k->set.n; i++)
		rc = note(k, &k->set.v[i], UINT64_MAX);		/* the rest; the others are known by then */
	for (size_t i = 0; i < n; i++)
		git_commit_free(commits[i]);
	free(commits);
	return rc;
}

static int
compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->path != y->path ? (x->path < y->path ? -1 : 1) : x->turn < y->turn ? -1 : x->turn > y->turn;
}

/* The packer looks for deltas among ten neighbours, and sorts by type, then by a hash of the name, larger ones
 * first, and only then by what we know better than it does: versions of a file that follow each other in time differ
 * least.  Its hash is hash / 4 + (character << 24) for each character, so a name can be made for any place in the
 * order. */
static void
name_for(size_t place, char name[14])
{
	for (size_t i = 0; i < 12; i++, place /= 4)
		name[i] = (char)('A' + place % 4);
	name[12] = (char)('A' + place % 50);
	name[13] = '\0';
}

static int
insert_set(struct compaction *k)
{
	int rc = note_set(k);
	char name[14];

	if (rc == 0 && k->nitems > 1)
		qsort(k->items, k->nitems, sizeof *k->items, compare_items);
	for (size_t i = 0; rc == 0 && i < k->nitems; i++) {
		name_for(k->nitems - i, name);
		rc = git_packbuilder_insert(k->builder, &k->items[i].id, name);
	}
	return rc;
}

/* --- collecting --- */

static int
push_ref(const char *name, void *walk)
{
	(void)git_revwalk_push_ref(walk, name);		/* one that leads to no commit keeps none */
	return 0;
}

static int
insert_reachable(struct compaction *k)
{
	git_revwalk *walk = NULL;
	int rc;

	if ((rc = git_revwalk_new(&walk, k->c->repo)) == 0 && (rc = git_revwalk_sorting(walk, GIT_SORT_TIME)) == 0 &&
	    (rc = git_reference_foreach_name(k->c->repo, push_ref, walk)) == 0)
		rc = git_packbuilder_insert_walk(k->builder, walk);
	git_revwalk_free(walk);
	return rc;
}

/* Blobs that zones were read from and that perhaps no commit has any more: an id a line. */
static enum err
insert_pins(struct compaction *k, struct fault *f)
{
	struct buf text = { 0 };
	char *line, *rest;
	enum err err = file_read(k->c->request->v[GIT_FIELD_PINS], IDX_MAX, &text, f);
	int rc = 0;

	if (err == ERR_OK && buf_str(&text) == NULL)
		err = ERR_NOMEM;
	for (rest = (char *)text.p; err == ERR_OK && rc == 0 && (line = strsep(&rest, "\n")) != NULL; ) {
		git_oid id;

		if (strlen(line) == GIT_OID_HEXSZ && git_oid_fromstr(&id, line) == 0 && git_odb_exists(k->odb, &id))
			rc = git_packbuilder_insert(k->builder, &id, NULL);
	}
	buf_clear(&text);
	return rc < 0 ? git_fault(rc, f, "what zones were read from") : err;
}

/* --- the new pack, and what it replaces --- */

static enum err
pack_check(struct compaction *k, const char *pack, struct fault *f)
{
	struct oids have = { 0 };
	size_t count;
	enum err err = idx_read(pack, &have, &count, f);

	if (err == ERR_OK && count != git_packbuilder_object_count(k->builder))
		err = fault_set(f, ERR_IO, "%s: has %zu objects and not %zu", pack, count,
		    git_packbuilder_object_count(k->builder));
	for (size_t i = 0; err == ERR_OK && i < k->set.n; i++)
		if (!oids_have(&have, &k->set.v[i]))
			err = fault_set(f, ERR_IO, "%s: object %s is missing", pack, git_oid_tostr_s(&k->set.v[i]));
	free(have.v);
	return err;
}

static enum err
pack_write(struct compaction *k, char pack[PATH_MAX], struct fault *f)
{
	char directory[PATH_MAX + 8];
	int rc, fd;
	enum err err;

	snprintf(directory, sizeof directory, "%s/pack", k->objects);
	if ((rc = git_packbuilder_write(k->builder, directory, 0, NULL, NULL)) < 0)
		return git_fault(rc, f, "a new pack in %s", directory);
	snprintf(pack, PATH_MAX, "%.3000s/pack-%s", directory, git_packbuilder_name(k->builder));
	if ((err = pack_check(k, pack, f)) != ERR_OK)
		return err;
	if ((fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fsync(fd) != 0)
		err = fault_set(f, err_from_errno(errno), "%s: %s", directory, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

/* The index first: a pack without one is not looked at. */
static void
packs_remove(struct compaction *k, const char *new)
{
	char path[PATH_MAX + 8];

	for (size_t i = 0; i < k->nfold; i++) {
		if (strcmp(k->packs[i].name, new) == 0)
			continue;
		snprintf(path, sizeof path, "%s.idx", k->packs[i].name);
		(void)unlink(path);
		snprintf(path, sizeof path, "%s.pack", k->packs[i].name);
		(void)unlink(path);
	}
}

static void
loose_remove(struct compaction *k)
{
	char path[PATH_MAX + 64], hex[GIT_OID_HEXSZ + 1];

	for (size_t i = 0; i < k->loose.n; i++) {
		git_oid_tostr(hex, sizeof hex, &k->loose.v[i]);
		snprintf(path, sizeof path, "%s/%.2s/%s", k->objects, hex, hex + 2);
		(void)unlink(path);
	}
}

static enum err
set_config(git_repository *repo, struct fault *f)
{
	git_config *config = NULL;
	int rc = git_repository_config(&config, repo);
	int64_t have = 0;

	/* A window holds ten versions of a file: of a big one fewer must do. */
	if (rc == 0 && (git_config_get_int64(&have, config, "pack.windowmemory") != 0 || have != WINDOW_OCTETS))
		rc = git_config_set_int64(config, "pack.windowmemory", WINDOW_OCTETS);
	git_config_free(config);
	return rc < 0 ? git_fault(rc, f, "the clone's configuration") : ERR_OK;
}

static enum err
tell(struct compaction *k, struct fault *f)
{
	char words[128];

	snprintf(words, sizeof words, "%zu objects, from %zu packs and %zu loose ones",
	    git_packbuilder_object_count(k->builder), k->nfold, k->loose.n);
	return git_exchange_set(k->c->reply, GIT_FIELD_WORDS, words) ? ERR_OK :
	    fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
}

static enum err
compact(struct compaction *k, bool collect, struct fault *f)
{
	char pack[PATH_MAX];
	enum err err;
	int rc;

	if ((rc = git_repository_odb(&k->odb, k->c->repo)) < 0 ||
	    (rc = git_packbuilder_new(&k->builder, k->c->repo)) < 0)
		return git_fault(rc, f, "the clone %s", k->c->request->v[GIT_FIELD_CLONE]);
	if ((err = git_clone_check_loose(k->c->request->v[GIT_FIELD_CLONE], UINT32_MAX, f)) != ERR_OK ||
	    (err = packs_find(k, f)) != ERR_OK)
		return err;
	loose_find(k);
	if (collect) {
		k->nfold = k->npacks;
		if ((rc = insert_reachable(k)) == 0)
			err = insert_pins(k, f);
	} else if ((err = set_fill(k, f)) == ERR_OK && k->set.n > 0) {
		rc = insert_set(k);
	}
	if (rc < 0)
		return git_fault(rc, f, "the clone %s", k->c->request->v[GIT_FIELD_CLONE]);
	if (err != ERR_OK || git_packbuilder_object_count(k->builder) == 0)
		return err;
	if ((err = pack_write(k, pack, f)) != ERR_OK)
		return err;
	packs_remove(k, pack);
	loose_remove(k);
	return tell(k, f);
}

enum err
git_child_compact(struct git_child *c, struct fault *f)
{
	struct compaction k = { .c = c };
	enum err err;

	(void)setpriority(PRIO_PROCESS, 0, 10);
	snprintf(k.objects, sizeof k.objects, "%.3000s/objects", c->request->v[GIT_FIELD_CLONE]);
	if ((err = set_config(c->repo, f)) == ERR_OK)
		err = compact(&k, c->request->v[GIT_FIELD_PINS] != NULL, f);
	git_packbuilder_free(k.builder);
	git_odb_free(k.odb);
	free(k.packs);
	free(k.loose.v);
	free(k.set.v);
	free(k.items);
	return err;
}
