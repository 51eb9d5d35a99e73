/* zones/git_child_ssh.c -- inside the child: is it the right ssh server, and which key do we show it. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "zones/git_internal.h"

static const char *
key_type(const git_cert_hostkey *key)
{
	if ((key->type & GIT_CERT_SSH_RAW) == 0)
		return "unknown";
	switch (key->raw_type) {
	case GIT_CERT_SSH_RAW_TYPE_UNKNOWN:		break;
	case GIT_CERT_SSH_RAW_TYPE_RSA:			return "ssh-rsa";
	case GIT_CERT_SSH_RAW_TYPE_DSS:			return "ssh-dss";
	case GIT_CERT_SSH_RAW_TYPE_KEY_ECDSA_256:	return "ecdsa-sha2-nistp256";
	case GIT_CERT_SSH_RAW_TYPE_KEY_ECDSA_384:	return "ecdsa-sha2-nistp384";
	case GIT_CERT_SSH_RAW_TYPE_KEY_ECDSA_521:	return "ecdsa-sha2-nistp521";
	case GIT_CERT_SSH_RAW_TYPE_KEY_ED25519:		return "ssh-ed25519";
	}
	return "unknown";
}

/* "SHA256:" and base64 without padding, as ssh-keygen -l prints it. */
static bool
fingerprint(const git_cert_hostkey *key, char text[64])
{
	struct buf b = { 0 };
	bool ok;

	if ((key->type & GIT_CERT_SSH_SHA256) == 0)
		return false;
	buf_add_str(&b, "SHA256:");
	base64_encode(key->hash_sha256, sizeof key->hash_sha256, &b);
	while (b.len > 0 && b.p[b.len - 1] == '=')
		b.len--;
	ok = !b.failed && b.len < 64;
	if (ok)
		memcpy(text, buf_str(&b), b.len + 1);
	buf_clear(&b);
	return ok;
}

static bool
is_pinned(const char *pins, const char *seen)
{
	size_t n = strlen(seen);

	for (const char *p = pins; *p != '\0'; p += strspn(p, " ")) {
		size_t length = strcspn(p, " "), bare = length;

		if (bare > n && p[bare - 1] == '=')
			bare--;				/* somebody kept the padding */
		if (bare == n && memcmp(p, seen, n) == 0)
			return true;
		p += length;
	}
	return false;
}

/* Pins alone decide where there are some; else known_hosts. */
int
git_child_hostkey(struct git_child *c, const git_cert_hostkey *key, const char *host)
{
	const char *pins = c->request->v[GIT_FIELD_HOST_KEYS];
	size_t n = strlen(c->keys_seen);
	char seen[64];

	if (!fingerprint(key, seen)) {
		fault_set(&c->fault, ERR_PEER, "%s: no SHA256 fingerprint of the host key to be had", host);
		return GIT_ECERTIFICATE;
	}
	if (!c->home_made && getenv("HOME") != NULL)
		snprintf(c->home, sizeof c->home, "%s", getenv("HOME"));
	if (pins == NULL && (key->type & GIT_CERT_SSH_RAW) != 0)
		c->known = git_known_host_find(c->home, c->request->v[GIT_FIELD_URL], host,
		    (const uint8_t *)key->hostkey, key->hostkey_len);
	if (pins != NULL ? is_pinned(pins, seen) : c->known == GIT_KNOWN_HOST) {
		c->fault = (struct fault){ 0 };
		return 0;
	}
	snprintf(c->keys_seen + n, sizeof c->keys_seen - n, "%s%s %s", n > 0 ? " and " : "", key_type(key), seen);
	snprintf(c->host, sizeof c->host, "%s", host);
	if (pins != NULL)
		fault_set(&c->fault, ERR_PEER, "%s shows the host key %s, which is not among host-keys: the server's "
		    "key was changed, or somebody is in between", host, c->keys_seen);
	else if (c->known == GIT_KNOWN_REVOKED)
		fault_set(&c->fault, ERR_PEER, "%s shows the host key %s, which known_hosts marks as revoked", host,
		    c->keys_seen);
	else if (c->known == GIT_KNOWN_OTHER)
		fault_set(&c->fault, ERR_PEER,
		    "%s shows the host key %s, and known_hosts has another key of it: the server's key was "
		    "changed, or somebody is in between", host, c->keys_seen);
	else
		fault_set(&c->fault, ERR_PEER, "%s shows the host key %s, which known_hosts does not have; once you "
		    "have checked it, write it into host-keys", host, c->keys_seen);
	return GIT_ECERTIFICATE;
}

/* A server has keys of several types and shows one.  libgit2 asks for the type that known_hosts has for the host,
 * else libssh2 asks for ecdsa first; so the only way to ask for another is a known_hosts that has a key of that type
 * (here: zeros) for it.  What is trusted does not depend on that file. */
bool
git_child_other_hostkey(struct git_child *c)
{
	const char *type = strstr(c->keys_seen, "ssh-ed25519") == NULL ? "ssh-ed25519" : "ecdsa-sha2-nistp256";
	char home[4096], ssh[4096 + 16], file[4096 + 32], line[512];

	if ((c->request->v[GIT_FIELD_HOST_KEYS] == NULL && c->known != GIT_KNOWN_OTHER) || c->keys_seen[0] == '\0' ||
	    c->home_made || c->fault.err == ERR_OK)
		return false;
	c->home_made = true;
	snprintf(home, sizeof home, "%s/ssh", c->request->v[GIT_FIELD_CLONE]);
	snprintf(ssh, sizeof ssh, "%s/.ssh", home);
	snprintf(file, sizeof file, "%s/known_hosts", ssh);
	snprintf(line, sizeof line, "%s %s %064d\n", c->host, type, 0);
	return file_mkdir(home, 0700, NULL) == ERR_OK && file_mkdir(ssh, 0700, NULL) == ERR_OK &&
	    file_write(file, line, strlen(line), 0600, NULL) == ERR_OK && setenv("HOME", home, 1) == 0;
}

/* As git has it: the user of the URL, else the one we run as. */
int
git_child_username(git_credential **out)
{
	struct passwd *me = getpwuid(geteuid());

	return git_credential_username_new(out, me != NULL ? me->pw_name : "git");
}

/* A server that is not content with the key asks again, and would do so for ever. */
static int
key_rejected(struct git_child *c, const char *user)
{
	const char *key = c->request->v[GIT_FIELD_SSH_KEY], *url = c->request->v[GIT_FIELD_URL];

	if (key != NULL)
		fault_set(&c->fault, ERR_PEER, "%s: the server does not accept the key %s for user %s (new servers "
		    "take no RSA key from this library; ed25519 is best)", url, key, user);
	else
		fault_set(&c->fault, ERR_PEER, "%s: the server accepts no key of the ssh agent for user %s; set "
		    "ssh-key", url, user);
	return GIT_EAUTH;
}

int
git_child_ssh_key(struct git_child *c, git_credential **out, const char *user)
{
	const char *key = c->request->v[GIT_FIELD_SSH_KEY], *url = c->request->v[GIT_FIELD_URL];
	const char *name = user != NULL ? user : "git";

	if (c->credentials_asked++ > 0)
		return key_rejected(c, name);
	if (key == NULL && getenv("SSH_AUTH_SOCK") == NULL) {
		fault_set(&c->fault, ERR_PEER, "%s: authentication required, and there is neither ssh-key nor an ssh "
		    "agent", url);
		return GIT_EAUTH;
	}
	if (key == NULL)
		return git_credential_ssh_key_from_agent(out, name);
	if (access(key, R_OK) != 0) {
		fault_set(&c->fault, ERR_ACCESS, "the ssh key %s cannot be read: %m", key);
		return GIT_EAUTH;
	}
	return git_credential_ssh_key_new(out, name, NULL, key, NULL);
}
