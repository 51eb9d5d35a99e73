#include "tools/fetch_install.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

#define VERSIONS_KEPT 3			/* the current one and those that may still be open somewhere */
#define UNFINISHED ".new."

/* The file that ends up in the version: what is secret has the owner of the settings. */
struct member {
	const char *name;
	bool secret;
	struct buf text;
};
enum { KEY, CERTIFICATE, CHAIN, FULLCHAIN, COMBINED, REQUEST, MEMBERS };

static enum err
make_members(const struct fetch_request *r, const struct fetch_chain *chain, struct member m[MEMBERS])
{
	enum err err;

	(void)buf_reserve(&m[KEY].text, 16384);		/* no copies of the key are left behind as it grows */
	(void)buf_reserve(&m[COMBINED].text, 262144);
	if ((err = fetch_key_print(r->key, &m[KEY].text)) != ERR_OK ||
	    (err = fetch_chain_print(chain, 0, &m[FULLCHAIN].text)) != ERR_OK ||
	    (err = fetch_chain_print(chain, 1, &m[CHAIN].text)) != ERR_OK ||
	    (err = fetch_request_print(r, false, &m[REQUEST].text)) != ERR_OK)
		return err;
	/* Of the whole, the part that is not the chain. */
	buf_add(&m[CERTIFICATE].text, m[FULLCHAIN].text.p, m[FULLCHAIN].text.len - m[CHAIN].text.len);
	/* The key first, as Postfix wants it (smtpd_tls_chain_files); HAProxy and nginx take any order. */
	buf_add(&m[COMBINED].text, m[KEY].text.p, m[KEY].text.len);
	buf_add(&m[COMBINED].text, m[FULLCHAIN].text.p, m[FULLCHAIN].text.len);
	for (int i = 0; i < MEMBERS; i++)
		if (m[i].text.failed)
			return ERR_NOMEM;
	return ERR_OK;
}

struct ownership {
	uid_t uid;
	gid_t gid;
	mode_t mode;			/* of secret files */
};

static enum err
find_owner(const struct fetch_settings *s, struct ownership *o, struct fault *f)
{
	const struct passwd *user = NULL;
	const struct group *group = NULL;

	*o = (struct ownership){ (uid_t)-1, (gid_t)-1, s->group != NULL ? 0640 : 0600 };
	if (s->owner != NULL && (user = getpwnam(s->owner)) == NULL)
		return fault_set(f, ERR_NOT_FOUND, "owner: this system has no user %s", s->owner);
	if (s->group != NULL && (group = getgrnam(s->group)) == NULL)
		return fault_set(f, ERR_NOT_FOUND, "group: this system has no group %s", s->group);
	if (user != NULL)
		o->uid = user->pw_uid;
	if (group != NULL)
		o->gid = group->gr_gid;
	return ERR_OK;
}

enum err
fetch_place_check_owner(const struct fetch_settings *s, struct fault *f)
{
	struct ownership o;

	return find_owner(s, &o, f);
}

static enum err
failed(const char *what, struct fault *f)
{
	return fault_set(f, err_from_errno(errno), "%s: %s", what, strerror(errno));
}

/* It has its owner and mode before the first octet. */
static enum err
write_member(const char *directory, const struct member *m, const struct ownership *o, struct fault *f)
{
	char path[PATH_MAX + 32];
	const uint8_t *p = m->text.p;
	size_t left = m->text.len;
	enum err err = ERR_OK;
	int fd;

	snprintf(path, sizeof path, "%s/%s", directory, m->name);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return failed(path, f);
	if (m->secret && (o->uid != (uid_t)-1 || o->gid != (gid_t)-1) && fchown(fd, o->uid, o->gid) != 0)
		err = failed(path, f);
	else if (fchmod(fd, m->secret ? o->mode : 0644) != 0)
		err = failed(path, f);
	while (err == ERR_OK && left > 0) {
		ssize_t put = write(fd, p, left);

		if (put >= 0) {
			p += put;
			left -= (size_t)put;
		} else if (errno != EINTR)
			err = failed(path, f);
	}
	if (err == ERR_OK && fsync(fd) != 0)
		err = failed(path, f);
	if (close(fd) != 0 && err == ERR_OK)
		err = failed(path, f);
	return err;
}

static void
sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);	/* some file systems cannot; the rename is atomic all the same */
		close(fd);
	}
}

static void
remove_directory(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

/* A name that is not there yet and sorts behind those that are: the time, and a number if need be. */
static enum err
name_version(const struct fetch_place *p, int64_t now_s, char name[64], char path[PATH_MAX])
{
	time_t now = (time_t)now_s;
	char stamp[32];
	struct tm tm;
	struct stat st;

	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, 64, i == 0 ? "%s" : "%s.%03u", stamp, i);
		if (snprintf(path, PATH_MAX, "%s/" FETCH_VERSIONS "/%s", p->path, name) >= PATH_MAX)
			return ERR_RANGE;
		if (lstat(path, &st) != 0 && errno == ENOENT)
			return ERR_OK;
	}
	return ERR_EXISTS;
}

/* All files under a name of their own, synced, then the name that stays. */
static enum err
write_version(const struct fetch_place *p, const struct fetch_settings *s, struct member *m, int64_t now_s,
    char name[64], struct fault *f)
{
	char temporary[PATH_MAX], path[PATH_MAX];
	struct ownership owner;
	enum err err = find_owner(s, &owner, f);

	if (err != ERR_OK)
		return err;
	if ((err = name_version(p, now_s, name, path)) != ERR_OK ||
	    snprintf(temporary, sizeof temporary, "%s/" FETCH_VERSIONS "/" UNFINISHED "XXXXXX", p->path) >= PATH_MAX)
		return fault_set(f, ERR_RANGE, "%s: no name for a new version", p->path);
	if (mkdtemp(temporary) == NULL)
		return failed(temporary, f);
	if (chmod(temporary, 0755) != 0)
		err = failed(temporary, f);
	for (int i = 0; i < MEMBERS && err == ERR_OK; i++)
		err = write_member(temporary, &m[i], &owner, f);
	if (err == ERR_OK) {
		sync_directory(temporary);
		if (rename(temporary, path) != 0)
			err = failed(path, f);
	}
	if (err != ERR_OK)
		remove_directory(temporary);
	return err;
}

static enum err
make_current(const struct fetch_place *p, const char *name, struct fault *f)
{
	char target[PATH_MAX], link[PATH_MAX], path[PATH_MAX];

	if (snprintf(target, sizeof target, FETCH_VERSIONS "/%s", name) >= PATH_MAX ||
	    snprintf(link, sizeof link, "%s/" UNFINISHED FETCH_CURRENT, p->path) >= PATH_MAX ||
	    snprintf(path, sizeof path, "%s/" FETCH_CURRENT, p->path) >= PATH_MAX)
		return fault_set(f, ERR_RANGE, "%s: the path is too long", p->path);
	unlink(link);
	if (symlink(target, link) != 0)
		return failed(link, f);
	if (rename(link, path) != 0)
		return failed(path, f);
	sync_directory(p->path);
	return ERR_OK;
}

enum err
fetch_place_install(const struct fetch_place *p, const struct fetch_settings *s, const struct fetch_request *r,
    const struct fetch_chain *chain, int64_t now_s, struct fault *f)
{
	struct member m[MEMBERS] = {
		[KEY] = { .name = FETCH_KEY, .secret = true }, [CERTIFICATE] = { .name = "certificate.pem" },
		[CHAIN] = { .name = "chain.pem" }, [FULLCHAIN] = { .name = FETCH_FULLCHAIN },
		[COMBINED] = { .name = "combined.pem", .secret = true }, [REQUEST] = { .name = FETCH_REQUEST }
	};
	char name[64], path[PATH_MAX];
	enum err err = make_members(r, chain, m);

	if (err != ERR_OK)
		fault_set(f, err, "the files cannot be made: %s", err_str(err));
	else if ((err = write_version(p, s, m, now_s, name, f)) == ERR_OK) {
		snprintf(path, sizeof path, "%s/" FETCH_VERSIONS, p->path);
		sync_directory(path);
		/* Before the change: a crash right behind it must not forget the hook. */
		snprintf(path, sizeof path, "%s/" FETCH_HOOK_DUE, p->path);
		if (s->hook != NULL)
			err = file_write(path, "", 0, 0644, f);
		if (err == ERR_OK)
			err = make_current(p, name, f);
	}
	for (int i = 0; i < MEMBERS; i++)
		buf_wipe(&m[i].text);
	if (err != ERR_OK)
		return err;
	fetch_place_forget_next(p);
	fetch_install_sweep(p);
	return ERR_OK;
}

static int
newest_first(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*b)->d_name, (*a)->d_name);
}

static int
is_entry(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* The name of the version that current points to; "" if it does not point to one. */
static void
read_current(const struct fetch_place *p, char name[NAME_MAX + 1])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	name[0] = '\0';
	snprintf(path, sizeof path, "%s/" FETCH_CURRENT, p->path);
	if ((n = readlink(path, target, sizeof target - 1)) <= 0)
		return;
	target[n] = '\0';
	if (strncmp(target, FETCH_VERSIONS "/", sizeof FETCH_VERSIONS) == 0 &&
	    (size_t)n - sizeof FETCH_VERSIONS <= NAME_MAX)
		strcpy(name, target + sizeof FETCH_VERSIONS);
}

/* Temporary files of file_write(), which may hold a key. */
static void
sweep_temporary(const struct fetch_place *p)
{
	DIR *d = opendir(p->path);
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, FETCH_NEXT ".", sizeof FETCH_NEXT) == 0 ||
		    strncmp(entry->d_name, FETCH_HOOK_DUE ".", sizeof FETCH_HOOK_DUE) == 0)
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d != NULL)
		closedir(d);
}

void
fetch_install_sweep(const struct fetch_place *p)
{
	char path[PATH_MAX], current[NAME_MAX + 1];
	struct dirent **entries;
	unsigned kept = 0;
	int n;

	sweep_temporary(p);
	read_current(p, current);
	snprintf(path, sizeof path, "%s/" FETCH_VERSIONS, p->path);
	n = scandir(path, &entries, is_entry, newest_first);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		bool unfinished = strncmp(name, UNFINISHED, strlen(UNFINISHED)) == 0;

		if (strcmp(name, current) != 0 && (unfinished || ++kept >= VERSIONS_KEPT) &&
		    snprintf(path, sizeof path, "%s/" FETCH_VERSIONS "/%s", p->path, name) < PATH_MAX)
			remove_directory(path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}
