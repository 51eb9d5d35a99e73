/* zones/git_child.c -- the child's main.  One request, one reply, then it ends. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "zones/git_internal.h"

static bool
request_read(struct git_exchange *x)
{
	struct buf b = { 0 };
	bool ok;

	for (;;) {
		uint8_t *p = buf_reserve(&b, 4096);
		ssize_t n = p == NULL || b.len > GIT_EXCHANGE_MAX ? -1 : read(STDIN_FILENO, p, 4096);

		if (n < 0 && p != NULL && errno == EINTR && b.len <= GIT_EXCHANGE_MAX)
			continue;
		if (n <= 0)
			break;
		b.len += (size_t)n;
	}
	ok = !b.failed && git_exchange_read(b.p, b.len, x);
	buf_wipe(&b);
	return ok && x->v[GIT_FIELD_OPERATION] != NULL && x->v[GIT_FIELD_PARENT] != NULL &&
	    x->v[GIT_FIELD_CLONE] != NULL && x->v[GIT_FIELD_URL] != NULL;
}

static bool
reply_write(const struct git_exchange *x)
{
	struct buf b = { 0 };
	bool ok;

	git_exchange_write(x, &b);
	while (!b.failed && b.len > 0) {
		ssize_t n = write(STDOUT_FILENO, b.p, b.len);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			buf_consume(&b, (size_t)n);
	}
	ok = !b.failed && b.len == 0;
	buf_clear(&b);
	return ok;
}

void
git_child_tell(const char *phase)
{
	struct git_exchange x = { 0 };

	if (git_exchange_set(&x, GIT_FIELD_PHASE, phase))
		(void)reply_write(&x);
	git_exchange_clear(&x);
}

/* libgit2 looks for .ssh/known_hosts below HOME and fails without one, even where pins make it needless. */
static void
home_setup(void)
{
	const char *home = getenv("HOME");
	struct passwd *me;

	if (home != NULL && access(home, R_OK | X_OK) == 0)
		return;				/* else it is that of the user we were before */
	me = getpwuid(geteuid());
	(void)setenv("HOME", me != NULL && me->pw_dir[0] == '/' ? me->pw_dir : "/nonexistent", 1);
}

/* mbedTLS knows one list of authorities: to add to the system's, both are loaded again. */
static int
trust_setup(const char *ca_file)
{
	int rc;

	if (ca_file == NULL)
		return 0;
	if (access("/etc/ssl/certs", R_OK) == 0 &&
	    git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, ca_file, "/etc/ssl/certs") >= 0)
		return 0;
	rc = git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, ca_file, NULL);
	return rc;
}

static enum err
child_open(struct git_child *c, struct fault *f)
{
	const struct git_exchange *x = c->request;
	int rc;

	home_setup();
	if ((rc = git_libgit2_init()) < 0 || (rc = git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1)) < 0 ||
	    (rc = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0)) < 0)
		return git_fault(rc, f, "libgit2");
	if ((rc = trust_setup(x->v[GIT_FIELD_CA_FILE])) < 0)
		return git_fault(rc, f, "%s", x->v[GIT_FIELD_CA_FILE]);
	if ((rc = git_repository_open_bare(&c->repo, x->v[GIT_FIELD_CLONE])) < 0)
		return git_clone_fault(x->v[GIT_FIELD_CLONE], rc, f, "its top");
	return ERR_OK;
}

/* libssh2 complains of "private key file" and does not say which. */
static void
key_name_add(const struct git_exchange *request, struct fault *f)
{
	const char *key = request->v[GIT_FIELD_SSH_KEY];
	size_t n = strlen(f->text);

	if (key != NULL && strstr(f->text, "private key") != NULL && strstr(f->text, key) == NULL)
		snprintf(f->text + n, sizeof f->text - n, " (%s)", key);
}

static enum err
child_try(struct git_child *c, struct fault *f)
{
	const char *operation = c->request->v[GIT_FIELD_OPERATION];
	enum err err;

	if ((err = child_open(c, f)) != ERR_OK)
		return err;
	if (strcmp(operation, "fetch") == 0)
		return git_child_fetch(c, f);
	if (strcmp(operation, "push") == 0)
		return git_child_push(c, f);
	if (strcmp(operation, "compact") == 0)
		return git_child_compact(c, f);
	return fault_set(f, ERR_UNSUPPORTED, "no operation '%s'", operation);
}

static enum err
child_serve(struct git_child *c, struct fault *f)
{
	enum err err = child_try(c, f);

	if (err != ERR_OK && git_child_other_hostkey(c)) {
		git_repository_free(c->repo);
		c->repo = NULL;
		git_libgit2_shutdown();		/* it keeps HOME as it was at its start */
		err = child_try(c, f);
	}
	return err;
}

/* What happened, to the parent. */
static bool
report(enum err err, const struct fault *f, struct git_exchange *reply)
{
	char number[16];

	snprintf(number, sizeof number, "%d", (int)err);
	return git_exchange_set(reply, GIT_FIELD_ERROR, number) &&
	    (err == ERR_OK || git_exchange_set(reply, GIT_FIELD_WORDS, fault_str(f, err))) && reply_write(reply);
}

int
git_child_main(void)
{
	struct git_exchange request = { 0 }, reply = { 0 };
	struct git_child c = { .request = &request, .reply = &reply };
	struct fault f = { 0 };
	enum err err;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!request_read(&request) || atoi(request.v[GIT_FIELD_PARENT]) != (int)getppid())
		_exit(EXIT_FAILURE);		/* not started by us, or the parent is gone already */
	err = child_serve(&c, &f);
	if (err != ERR_OK && c.fault.err != ERR_OK) {
		err = c.fault.err;
		f = c.fault;
	}
	key_name_add(&request, &f);
	git_url_redact(request.v[GIT_FIELD_URL], f.text);	/* libgit2's own words may quote it */
	/* Nothing is given back one by one: the process ends, and libssh2 forgets some of its own. */
	_exit(report(err, &f, &reply) ? EXIT_SUCCESS : EXIT_FAILURE);
}
