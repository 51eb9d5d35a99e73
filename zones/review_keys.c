/* Keys before and after.  Of a secret only that it changed is told. */
#include <stdlib.h>
#include <string.h>

#include "zones/keyfile.h"
#include "zones/review_internal.h"

static bool
is_key_file(const struct git_file *file)
{
	struct dname domain;

	return file->regular && keyfile_name(file->name, &domain);
}

static enum err
read_ring(struct reviewing *r, const struct git_listing *files, bool tell, struct tsig_keyring *ring)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < files->n; i++) {
		const struct git_file *file = &files->v[i], *old = review_find_file(&r->old_files, file->name);
		struct complaints mine = { 0 };
		struct buf text = { 0 };

		if (!is_key_file(file))
			continue;
		if ((err = git_source_read_blob(r->git, file->blob, GIT_ZONE_FILE_MAX, &text, r->f)) == ERR_OK)
			err = zone_read_keys(file->name, (const char *)text.p, text.len, ring,
			    tell && (old == NULL || strcmp(old->blob, file->blob) != 0) ? &r->out->complaints : &mine);
		complaints_clear(&mine);
		buf_wipe(&text);
	}
	return err;
}

static bool
is_same_key(const struct tsig_key *a, const struct tsig_key *b)
{
	return a->algorithm == b->algorithm && a->secret_len == b->secret_len &&
	    memcmp(a->secret, b->secret, a->secret_len) == 0;
}

static enum err
add_key(struct review *out, const struct tsig_key *key, int kind)
{
	struct review_key *v = review_grow(out->keys, out->nkeys, sizeof *v);

	if (v == NULL)
		return ERR_NOMEM;
	out->keys = v;
	v[out->nkeys].name = key->name;
	v[out->nkeys].kind = kind;
	v[out->nkeys++].algorithm = key->algorithm;
	return ERR_OK;
}

static int
compare_keys(const void *a, const void *b)
{
	return dname_compare(((const struct review_key *)a)->name.octets, ((const struct review_key *)b)->name.octets);
}

static enum err
compare_rings(struct review *out, const struct tsig_keyring *old, const struct tsig_keyring *new)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < tsig_keyring_count(new); i++) {
		const struct tsig_key *key = tsig_keyring_at(new, i), *before = tsig_keyring_find(old,
		    key->name.octets);

		if (before == NULL || !is_same_key(before, key))
			err = add_key(out, key, before == NULL ? REVIEW_KEY_ADDED : REVIEW_KEY_CHANGED);
	}
	for (size_t i = 0; err == ERR_OK && i < tsig_keyring_count(old); i++) {
		const struct tsig_key *key = tsig_keyring_at(old, i);

		if (tsig_keyring_find(new, key->name.octets) == NULL)
			err = add_key(out, key, REVIEW_KEY_REMOVED);
	}
	if (out->nkeys > 1)
		qsort(out->keys, out->nkeys, sizeof *out->keys, compare_keys);
	return err;
}

static bool
any_changed(const struct git_listing *files, const struct git_listing *others)
{
	for (size_t i = 0; i < files->n; i++) {
		const struct git_file *other = is_key_file(&files->v[i]) ? review_find_file(others,
		    files->v[i].name) : &files->v[i];

		if (other == NULL || strcmp(other->blob, files->v[i].blob) != 0)
			return true;
	}
	return false;
}

enum err
review_keys(struct reviewing *r)
{
	struct tsig_keyring *old = NULL, *new = NULL;
	enum err err = ERR_OK;

	if (!any_changed(&r->new_files, &r->old_files) && !any_changed(&r->old_files, &r->new_files))
		return ERR_OK;
	if ((err = tsig_keyring_new(&old)) == ERR_OK && (err = tsig_keyring_new(&new)) == ERR_OK &&
	    (err = read_ring(r, &r->old_files, false, old)) == ERR_OK &&
	    (err = read_ring(r, &r->new_files, true, new)) == ERR_OK)
		err = compare_rings(r->out, old, new);
	tsig_keyring_unref(old);
	tsig_keyring_unref(new);
	return err;
}
