/* zones/git_child_unpack.c -- inside the child: what a server sends is put into the clone.
 *
 * libgit2 would make a pack of it that stands on its own: the base of each delta, which the clone has, is deflated
 * once more and goes into it; of a large text that takes longer than all else.  So a few objects become files of
 * their own, an object after all of the pack that it leads to.  More of them, or more octets than the memory should
 * hold, are left to libgit2's own backend for packs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/git_internal.h"
#include "zones/git_pack.h"

#include <git2/sys/odb_backend.h>

#define FEW 100				/* as git has it for what is pushed */
#define PACK_MAX ((size_t)64 << 20)
#define RAW_MAX ((size_t)256 << 20)
#define BASE_MAX ((size_t)1 << 31)	/* as GIT_ZONE_FILE_MAX */

struct unpacking {
	git_odb_writepack writepack;	/* first: libgit2 knows no more */
	struct git_child *c;
	git_odb *odb;
	git_indexer_progress_cb progress;
	void *progress_ctx;
	struct buf octets;		/* so far */
	git_odb_writepack *other;	/* libgit2's, once it has been left to it */
	struct git_pack pack;
	bool *written;			/* of each object of the pack */
};
struct unpacker {
	git_odb_backend backend;
	struct git_child *c;
};

/* --- objects --- */

static enum err
base_find(void *ctx, const git_oid *id, git_object_t *type, struct buf *octets, struct fault *f)
{
	struct unpacking *u = ctx;
	struct git_source clone = { .repo = u->c->repo, .dir = u->c->request->v[GIT_FIELD_CLONE] };
	git_odb_object *object = NULL;
	git_oid_text text;
	size_t size;
	int rc;

	if (!git_odb_exists(u->odb, id))
		return ERR_NOT_FOUND;
	if ((rc = git_odb_read_header(&size, type, u->odb, id)) == 0 && *type == GIT_OBJECT_BLOB)
		return git_source_read_blob(&clone, git_oid_tostr(text, sizeof text, id), BASE_MAX, octets, f);
	if (rc < 0 || (rc = git_odb_read(&object, u->odb, id)) < 0)
		return git_clone_fault(clone.dir, rc, f, "object %s", git_oid_tostr_s(id));
	buf_add(octets, git_odb_object_data(object), git_odb_object_size(object));
	git_odb_object_free(object);
	return octets->failed ? fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM)) : ERR_OK;
}

static enum err write_with_below(struct unpacking *u, const git_oid *id, struct fault *f);

static enum err
write_entries(struct unpacking *u, const struct buf *tree, struct fault *f)
{
	const uint8_t *p = tree->p, *end = p + tree->len, *zero;
	enum err err = ERR_OK;
	git_oid id;

	while (err == ERR_OK && p < end && (zero = memchr(p, '\0', (size_t)(end - p))) != NULL &&
	    end - zero > GIT_OID_RAWSZ) {
		(void)git_oid_fromraw(&id, zero + 1);
		err = write_with_below(u, &id, f);
		p = zero + 1 + GIT_OID_RAWSZ;
	}
	return err;
}

/* "tree ID", "parent ID", "object ID": the lines that a commit or a tag begins with. */
static enum err
write_named(struct unpacking *u, const struct buf *text, struct fault *f)
{
	const char *p = (const char *)text->p, *end = p + text->len, *line;
	enum err err = ERR_OK;
	git_oid id;

	for (; err == ERR_OK && p < end && (line = memchr(p, '\n', (size_t)(end - p))) != NULL && line > p;
	    p = line + 1) {
		const char *blank = memchr(p, ' ', (size_t)(line - p));

		if (blank == NULL || line - blank != 1 + GIT_OID_HEXSZ ||
		    git_oid_fromstrn(&id, blank + 1, GIT_OID_HEXSZ) < 0)
			break;
		err = write_with_below(u, &id, f);
	}
	return err;
}

static enum err
write_with_below(struct unpacking *u, const git_oid *id, struct fault *f)
{
	char objects[PATH_MAX];
	const struct git_pack_object *x = NULL;
	git_oid written;
	enum err err = ERR_OK;

	for (size_t i = 0; x == NULL && i < u->pack.n; i++)
		if (!u->written[i] && git_oid_equal(&u->pack.v[i].id, id)) {
			u->written[i] = true;
			x = &u->pack.v[i];
		}
	if (x == NULL)
		return ERR_OK;			/* it is there, by now or since long */
	if (x->type == GIT_OBJECT_TREE)
		err = write_entries(u, &x->octets, f);
	else if (x->type != GIT_OBJECT_BLOB)
		err = write_named(u, &x->octets, f);
	if (err != ERR_OK || git_odb_exists(u->odb, id))
		return err;
	snprintf(objects, sizeof objects, "%.3000s/objects", u->c->request->v[GIT_FIELD_CLONE]);
	return git_loose_write(objects, x->type, x->octets.p, x->octets.len, &written, f);
}

static enum err
unpack(struct unpacking *u, struct fault *f)
{
	enum err err = git_pack_read(u->octets.p, u->octets.len, RAW_MAX, base_find, u, &u->pack, f);

	if (err == ERR_OK && (u->written = calloc(u->pack.n + 1, sizeof *u->written)) == NULL)
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	for (size_t i = 0; err == ERR_OK && i < u->pack.n; i++)
		err = write_with_below(u, &u->pack.v[i].id, f);
	return err;
}

/* --- for libgit2 --- */

/* To the backend that would have had it without us. */
static int
leave_to_other(struct unpacking *u, git_indexer_progress *stats)
{
	git_odb_backend *b = NULL;
	int rc = GIT_ERROR;

	for (size_t i = 0; rc != 0 && git_odb_get_backend(&b, u->odb, i) == 0; i++)
		if (b != u->writepack.backend && b->writepack != NULL)
			rc = b->writepack(&u->other, b, u->odb, u->progress, u->progress_ctx);
	if (rc == 0)
		rc = u->other->append(u->other, u->octets.p, u->octets.len, stats);
	buf_clear(&u->octets);
	return rc;
}

static int
on_append(git_odb_writepack *w, const void *data, size_t n, git_indexer_progress *stats)
{
	struct unpacking *u = (struct unpacking *)w;
	uint32_t count = 0;

	if (u->other != NULL)
		return u->other->append(u->other, data, n, stats);
	buf_add(&u->octets, data, n);
	if (u->octets.failed) {
		git_error_set_oom();
		return GIT_ERROR;
	}
	if (git_pack_count(u->octets.p, u->octets.len, &count))
		stats->total_objects = count;
	if (count > FEW || u->octets.len > PACK_MAX)
		return leave_to_other(u, stats);
	return u->progress != NULL ? u->progress(stats, u->progress_ctx) : 0;
}

static int
on_commit(git_odb_writepack *w, git_indexer_progress *stats)
{
	struct unpacking *u = (struct unpacking *)w;
	struct fault f = { 0 };
	enum err err;

	if (u->other == NULL && (err = unpack(u, &f)) != ERR_NOSPACE) {
		stats->received_objects = stats->indexed_objects = stats->total_objects;
		if (err == ERR_OK)
			return 0;
		u->c->fault = f;
		git_error_set_str(GIT_ERROR_INDEXER, fault_str(&f, err));
		return GIT_ERROR;
	}
	if (u->other == NULL && leave_to_other(u, stats) != 0)
		return GIT_ERROR;
	return u->other->commit(u->other, stats);
}

static void
on_free(git_odb_writepack *w)
{
	struct unpacking *u = (struct unpacking *)w;

	if (u->other != NULL)
		u->other->free(u->other);
	git_pack_clear(&u->pack);
	buf_clear(&u->octets);
	free(u->written);
	free(u);
}

static int
on_writepack(git_odb_writepack **out, git_odb_backend *backend, git_odb *odb, git_indexer_progress_cb progress,
    void *ctx)
{
	struct unpacking *u = calloc(1, sizeof *u);

	if (u == NULL) {
		git_error_set_oom();
		return GIT_ERROR;
	}
	*u = (struct unpacking){ .writepack = { backend, on_append, on_commit, on_free },
		.c = ((struct unpacker *)backend)->c, .odb = odb, .progress = progress, .progress_ctx = ctx };
	*out = &u->writepack;
	return 0;
}

static void
on_free_backend(git_odb_backend *backend)
{
	free(backend);
}

enum err
git_child_unpack(struct git_child *c, struct fault *f)
{
	struct unpacker *u = calloc(1, sizeof *u);
	git_odb *odb = NULL;
	int rc;

	if (u == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	u->c = c;
	if ((rc = git_odb_init_backend(&u->backend, GIT_ODB_BACKEND_VERSION)) == 0)
		rc = git_repository_odb(&odb, c->repo);
	u->backend.writepack = on_writepack;
	u->backend.free = on_free_backend;
	if (rc == 0 && (rc = git_odb_add_backend(odb, &u->backend, INT32_MAX)) == 0)
		u = NULL;			/* the odb's now */
	git_odb_free(odb);
	free(u);
	return rc < 0 ? git_fault(rc, f, "the clone %s", c->request->v[GIT_FIELD_CLONE]) : ERR_OK;
}
