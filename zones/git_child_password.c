/* zones/git_child_password.c -- inside the child: user and password for https. */
#include <stdlib.h>
#include <string.h>

#include "zones/git_internal.h"

static enum err
password_find(struct git_child *c, const char *user, struct fault *f)
{
	const char *file = c->request->v[GIT_FIELD_CREDENTIALS], *helper = c->request->v[GIT_FIELD_HELPER];
	const char *url = c->request->v[GIT_FIELD_URL];

	if (file != NULL)
		return git_credentials_find(file, url, user, &c->password, f);
	if (helper != NULL)
		return git_helper_ask(helper, "get", url, user, &c->password, f);
	return fault_set(f, ERR_PEER,
	    "authentication required, and there is neither credentials-file nor credential-helper");
}

/* A helper that keeps passwords is told, so that it asks for a new one. */
static int
rejected(struct git_child *c)
{
	const char *helper = c->request->v[GIT_FIELD_HELPER], *url = c->request->v[GIT_FIELD_URL];
	const char *user = buf_str(&c->password.user);

	fault_set(&c->fault, ERR_PEER, "%s: the server does not accept the password of user %s from %s", url,
	    user == NULL ? "?" : user, helper != NULL ? "the credential helper" : c->request->v[GIT_FIELD_CREDENTIALS]);
	if (helper != NULL)
		(void)git_helper_ask(helper, "erase", url, user, &c->password, NULL);
	return GIT_EAUTH;
}

int
git_child_password(struct git_child *c, git_credential **out, const char *user)
{
	struct fault f = { 0 };
	enum err err;

	if (c->credentials_asked++ > 0)
		return rejected(c);
	if ((err = password_find(c, user, &f)) != ERR_OK) {
		fault_set(&c->fault, err, "%s: %s", c->request->v[GIT_FIELD_URL], fault_str(&f, err));
		return GIT_EAUTH;
	}
	return git_credential_userpass_plaintext_new(out, buf_str(&c->password.user), buf_str(&c->password.secret));
}
