/* zones/git_child_net.c -- inside the child: the callbacks for libgit2, and a push over the network. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "zones/git_internal.h"

static int
certificate_check(git_cert *cert, int valid, const char *host, void *payload)
{
	if (cert->cert_type != GIT_CERT_HOSTKEY_LIBSSH2)
		return valid ? 0 : GIT_PASSTHROUGH;	/* libgit2's verdict, in its words */
	return git_child_hostkey(payload, (const git_cert_hostkey *)cert, host);
}

static int
credentials(git_credential **out, const char *url, const char *user, unsigned allowed, void *payload)
{
	struct git_child *c = payload;

	(void)url;				/* the request's is as the operator wrote it */
	if ((allowed & GIT_CREDENTIAL_USERNAME) != 0)
		return git_child_username(out);
	if ((allowed & GIT_CREDENTIAL_SSH_KEY) != 0)
		return git_child_ssh_key(c, out, user);
	if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) != 0 &&
	    git_url_kind(c->request->v[GIT_FIELD_URL]) == GIT_KIND_HTTPS)
		return git_child_password(c, out, user);
	fault_set(&c->fault, ERR_PEER, "%s: authentication required, of a kind that is not supported (ssh with a "
	    "key is, https with a password)", c->request->v[GIT_FIELD_URL]);
	return GIT_EAUTH;
}

/* What the server's hooks print: kept for the words of a refusal. */
static int
sideband(const char *text, int n, void *payload)
{
	struct git_child *c = payload;

	if (n > 0 && c->server_words.len < 512)
		buf_add(&c->server_words, text, (size_t)n);
	return 0;
}

static int
push_update_reference(const char *ref, const char *status, void *payload)
{
	struct git_child *c = payload;

	(void)ref;
	if (status != NULL && c->push_status == NULL)
		c->push_status = strdup(status);
	return 0;
}

static int
transfer_progress(const git_indexer_progress *p, void *payload)
{
	struct git_child *c = payload;
	char words[128];

	if (p->received_bytes < 2 * c->told_octets + 1)
		return 0;			/* seldom enough, however much comes */
	c->told_octets = p->received_bytes;
	snprintf(words, sizeof words, "%u of %u objects had come, at least %zu octets", p->received_objects,
	    p->total_objects, p->received_bytes);
	git_child_tell(words);
	return 0;
}

void
git_child_callbacks(git_remote_callbacks *callbacks, struct git_child *c)
{
	callbacks->certificate_check = certificate_check;
	callbacks->credentials = credentials;
	callbacks->sideband_progress = sideband;
	callbacks->transfer_progress = transfer_progress;
	callbacks->push_update_reference = push_update_reference;
	if (c->by_git)
		callbacks->transport = git_child_pipe;
	callbacks->payload = c;
}

void
git_child_connect_options(git_remote_connect_options *options, struct git_child *c)
{
	(void)git_remote_connect_options_init(options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
	git_child_callbacks(&options->callbacks, c);
	options->proxy_opts.type = GIT_PROXY_AUTO;
}

/* libgit2 calls a path that leads nowhere an unsupported protocol. */
static enum err
check_directory(const char *url, struct fault *f)
{
	char *path = git_url_directory(url);
	struct stat st;
	int error = path == NULL ? EINVAL : stat(path, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;

	free(path);
	return error == 0 ? ERR_OK : fault_set(f, err_from_errno(error), "%s: no repository there: %s", url,
	    strerror(error));
}

enum err
git_child_remote(struct git_child *c, git_remote **out, struct fault *f)
{
	git_remote_create_options options;
	enum err err;
	int rc;

	if (git_url_kind(c->request->v[GIT_FIELD_URL]) == GIT_KIND_LOCAL &&
	    (err = check_directory(c->request->v[GIT_FIELD_URL], f)) != ERR_OK)
		return err;

	(void)git_remote_create_options_init(&options, GIT_REMOTE_CREATE_OPTIONS_VERSION);
	options.repository = c->repo;
	options.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
	if ((rc = git_remote_create_with_opts(out, c->request->v[GIT_FIELD_URL], &options)) < 0)
		return git_fault(rc, f, "%s", c->request->v[GIT_FIELD_URL]);
	return ERR_OK;
}

/* The words a server gives when another push came first; all others are a no that trying again will not change. */
static enum err
status_err(const char *status)
{
	static const char *const races[] = { "non-fast-forward", "fetch first", "stale", "failed to lock",
	    "failed to update ref", "cannot lock ref", "incorrect old value", "reference already exists" };

	for (size_t i = 0; i < sizeof races / sizeof races[0]; i++)
		if (strstr(status, races[i]) != NULL)
			return ERR_CONFLICT;
	return ERR_REFUSED;
}

/* One line, blanks for whatever is no printable ASCII. */
static const char *
server_words(struct git_child *c)
{
	const char *text = buf_str(&c->server_words);

	for (size_t i = 0; text != NULL && i < c->server_words.len; i++)
		if (c->server_words.p[i] < ' ' || c->server_words.p[i] > '~')
			c->server_words.p[i] = ' ';
	while (c->server_words.len > 0 && c->server_words.p[c->server_words.len - 1] == ' ')
		c->server_words.len--;
	return text != NULL ? buf_str(&c->server_words) : "";
}

/* The value that the server advertised goes back to it as the old one, so its comparison closes the race. */
static enum err
head_compare(git_remote *remote, const char *ref, const char *expected, struct fault *f)
{
	const git_remote_head **heads;
	size_t n;
	int rc;

	if ((rc = git_remote_ls(&heads, &n, remote)) < 0)
		return git_fault(rc, f, "the remote's branches");
	for (size_t i = 0; i < n; i++) {
		if (strcmp(heads[i]->name, ref) != 0)
			continue;
		if (strcmp(git_oid_tostr_s(&heads[i]->oid), expected) == 0)
			return ERR_OK;
		return fault_set(f, ERR_CONFLICT, "%s of the remote is at %s and no longer at %s", ref,
		    git_oid_tostr_s(&heads[i]->oid), expected);
	}
	return fault_set(f, ERR_CONFLICT, "%s of the remote is gone", ref);
}

static enum err
push_to(struct git_child *c, git_remote *remote, const char *source, const char *ref, struct fault *f)
{
	git_remote_connect_options connect;
	git_push_options options;
	const char *url = c->request->v[GIT_FIELD_URL];
	char spec[2 * GIT_REF_SIZE + 1];
	char *specs[1] = { spec };
	git_strarray array = { specs, 1 };
	enum err err;
	int rc;

	git_child_connect_options(&connect, c);
	(void)git_push_options_init(&options, GIT_PUSH_OPTIONS_VERSION);
	options.callbacks = connect.callbacks;
	options.proxy_opts = connect.proxy_opts;
	git_child_tell("while connecting");
	if ((rc = git_remote_connect_ext(remote, GIT_DIRECTION_PUSH, &connect)) < 0)
		return git_fault(rc, f, "%s", url);
	git_child_tell("connected, while pushing");
	if ((err = head_compare(remote, ref, c->request->v[GIT_FIELD_EXPECTED], f)) != ERR_OK)
		return err;
	snprintf(spec, sizeof spec, "%s:%s", source, ref);
	buf_clear(&c->server_words);
	rc = git_remote_upload(remote, &array, &options);
	if (c->push_status != NULL)
		return fault_set(f, status_err(c->push_status), "%s: the server refused the push: %s; %s", url,
		    c->push_status, server_words(c));
	return rc < 0 ? git_fault(rc, f, "%s", url) : ERR_OK;
}

/* libgit2 pushes refs, not commits: source is one for the time it takes. */
enum err
git_child_push_network(struct git_child *c, const char *ref, struct fault *f)
{
	const char *commit = c->request->v[GIT_FIELD_COMMIT];
	char source[GIT_REF_SIZE];
	git_remote *remote = NULL;
	git_reference *r = NULL;
	enum err err;
	git_oid id;
	int rc;

	if ((err = git_oid_of(commit, &id, f)) != ERR_OK ||
	    (err = git_ref_name(GIT_REFS_PUSH, commit, source, f)) != ERR_OK)
		return err;
	if ((rc = git_reference_create(&r, c->repo, source, &id, 1, NULL)) < 0)
		return git_fault(rc, f, "the clone %s", c->request->v[GIT_FIELD_CLONE]);
	if ((err = git_child_remote(c, &remote, f)) == ERR_OK)
		err = push_to(c, remote, source, ref, f);
	git_remote_free(remote);
	(void)git_reference_remove(c->repo, source);
	git_reference_free(r);
	return err;
}
