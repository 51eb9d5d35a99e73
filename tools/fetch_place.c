#include "tools/fetch_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tools/fetch_install.h"

#define FILE_MAX 1048576

static enum err
join(const struct fetch_place *p, const char *name, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/%s", p->path, name) < PATH_MAX ? ERR_OK : ERR_RANGE;
}

static enum err
set_path(const struct fetch_settings *s, struct fetch_place *p, struct fault *f)
{
	*p = (struct fetch_place){ .lock = -1 };
	if (asprintf(&p->path, "%s/%s", s->directory, s->host) < 0) {
		p->path = NULL;
		return fault_set(f, ERR_NOMEM, "out of memory");
	}
	if (strlen(p->path) + 64 > PATH_MAX)
		return fault_set(f, ERR_RANGE, "%s: the path is too long", s->directory);
	return ERR_OK;
}

static enum err
lock(struct fetch_place *p, struct fault *f)
{
	char path[PATH_MAX];

	join(p, "lock", path);
	if ((p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	if (flock(p->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? fault_set(f, ERR_BUSY, "another certns-fetch is at work in %s", p->path) :
		    fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	return ERR_OK;
}

/* With the directories above it. */
static enum err
make_directory(const char *path, struct fault *f)
{
	char part[PATH_MAX];
	enum err err = ERR_OK;

	snprintf(part, sizeof part, "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL && err == ERR_OK; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		err = file_mkdir(part, 0755, f);
		*slash = '/';
	}
	return err == ERR_OK ? file_mkdir(path, 0755, f) : err;
}

enum err
fetch_place_open(const struct fetch_settings *s, struct fetch_place *p, struct fault *f)
{
	char versions[PATH_MAX];
	enum err err;

	if ((err = set_path(s, p, f)) == ERR_OK && (err = make_directory(p->path, f)) == ERR_OK &&
	    (err = lock(p, f)) == ERR_OK) {
		join(p, FETCH_VERSIONS, versions);
		if ((err = file_mkdir(versions, 0755, f)) == ERR_OK)
			fetch_install_sweep(p);
	}
	if (err != ERR_OK)
		fetch_place_close(p);
	return err;
}

enum err
fetch_place_look(const struct fetch_settings *s, struct fetch_place *p, struct fault *f)
{
	enum err err = set_path(s, p, f);

	if (err != ERR_OK)
		fetch_place_close(p);
	return err;
}

void
fetch_place_close(struct fetch_place *p)
{
	if (p->path != NULL && p->lock >= 0)
		close(p->lock);
	free(p->path);
	*p = (struct fetch_place){ .lock = -1 };
}

/* A file's text; ERR_NOT_FOUND without words. */
static enum err
read_file(const struct fetch_place *p, const char *name, struct buf *text, struct fault *f)
{
	char path[PATH_MAX];
	enum err err = join(p, name, path);

	(void)buf_reserve(text, 65536);			/* keys are not copied as it grows */
	return err == ERR_OK && access(path, F_OK) != 0 && errno == ENOENT ? ERR_NOT_FOUND : err != ERR_OK ? err :
	    file_read(path, FILE_MAX, text, f);
}

/* Damage in a file costs what it held and no more, but somebody should know. */
static enum err
pass_over(enum err err, const char *name, const struct fault *words, struct fault *f)
{
	if (err == ERR_OK || err == ERR_NOMEM || err == ERR_IO || err == ERR_ACCESS) {
		if (err != ERR_OK)
			fault_set(f, err, "%s", fault_str(words, err));
		return err;
	}
	if (err != ERR_NOT_FOUND)
		fault_set(f, err, "%s is damaged and not used: %.800s", name, fault_str(words, err));
	return ERR_OK;
}

/* PEM with a key, a CSR or both, into what is empty of out. */
static enum err
read_request(const struct fetch_place *p, const char *name, struct fetch_request *out, struct fault *f)
{
	struct fetch_request got = { 0 };
	struct fault words = { 0 };
	struct buf text = { 0 };
	enum err err = read_file(p, name, &text, &words);

	if (err == ERR_OK)
		err = fetch_request_parse((const char *)text.p, text.len, &got, &words);
	buf_wipe(&text);
	if (out->key == NULL) {
		out->key = got.key;
		got.key = NULL;
	}
	if (out->csr == NULL) {
		out->csr = got.csr;
		got.csr = NULL;
	}
	fetch_request_clear(&got);
	return pass_over(err, name, &words, f);
}

static enum err
read_chain(const struct fetch_place *p, const char *name, struct fetch_chain *out, struct fault *f)
{
	struct fault words = { 0 };
	struct buf text = { 0 };
	enum err err = read_file(p, name, &text, &words);

	if (err == ERR_OK)
		err = fetch_chain_parse((const char *)text.p, text.len, out, &words);
	buf_clear(&text);
	return pass_over(err, name, &words, f);
}

/* A certificate is of use with its own key only. */
static void
check_pair(struct fetch_have *h, struct fault *f)
{
	if (h->chain.v != NULL && (h->request.key == NULL ||
	    X509_check_private_key(sk_X509_value(h->chain.v, 0), h->request.key) != 1)) {
		fault_set(f, ERR_FORMAT, "the certificate in place has not its key beside it and is not used");
		fetch_chain_clear(&h->chain);
	}
}

enum err
fetch_place_read(const struct fetch_place *p, struct fetch_have *out, struct fault *f)
{
	struct fetch_have h = { 0 };
	char path[PATH_MAX];
	enum err err;

	if ((err = read_request(p, FETCH_CURRENT "/" FETCH_KEY, &h.request, f)) == ERR_OK &&
	    (err = read_request(p, FETCH_CURRENT "/" FETCH_REQUEST, &h.request, f)) == ERR_OK &&
	    (err = read_request(p, FETCH_NEXT, &h.next, f)) == ERR_OK &&
	    (err = read_chain(p, FETCH_CURRENT "/" FETCH_FULLCHAIN, &h.chain, f)) == ERR_OK)
		check_pair(&h, f);
	if (h.next.key == NULL || h.next.csr == NULL)
		fetch_request_clear(&h.next);
	h.hook_due = join(p, FETCH_HOOK_DUE, path) == ERR_OK && access(path, F_OK) == 0;
	if (err == ERR_OK)
		*out = h;
	else
		fetch_have_clear(&h);
	return err;
}

void
fetch_have_clear(struct fetch_have *h)
{
	fetch_request_clear(&h->request);
	fetch_request_clear(&h->next);
	fetch_chain_clear(&h->chain);
	*h = (struct fetch_have){ 0 };
}

enum err
fetch_place_keep_next(const struct fetch_place *p, const struct fetch_request *r, struct fault *f)
{
	struct buf text = { 0 };
	char path[PATH_MAX];
	enum err err;

	(void)buf_reserve(&text, 65536);
	if ((err = join(p, FETCH_NEXT, path)) == ERR_OK && (err = fetch_request_print(r, true, &text)) == ERR_OK)
		err = file_write(path, text.p, text.len, 0600, f);
	else
		fault_set(f, err, "the key cannot be written down: %s", err_str(err));
	buf_wipe(&text);
	return err;
}

void
fetch_place_forget_next(const struct fetch_place *p)
{
	char path[PATH_MAX];

	if (join(p, FETCH_NEXT, path) == ERR_OK)
		unlink(path);
}

enum err
fetch_place_hook_done(const struct fetch_place *p, struct fault *f)
{
	char path[PATH_MAX];

	if (join(p, FETCH_HOOK_DUE, path) == ERR_OK && unlink(path) != 0 && errno != ENOENT)
		return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	return ERR_OK;
}
