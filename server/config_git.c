/* git: the files with passwords, those that say who may sign and what we sign with, and how much a pull may remove. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/config_schema.h"
#include "zones/git.h"
#include "zones/signers.h"

/* "30%"; none (or 0): no limit. */
enum err
config_read_removal_limit(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	static const char what[] = "a share such as 30%, or none";
	struct config_git *g = base;
	const char *text = node == NULL ? o->fallback : config_scalar(r, node, what);
	char *end;
	unsigned long percent;

	if (text == NULL)
		return ERR_FORMAT;
	if (strcmp(text, "none") == 0 || strcmp(text, "0") == 0) {
		g->removal_limit = 0;
		return ERR_OK;
	}
	percent = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || strcmp(end, "%") != 0 || percent > 100)
		return config_expected(r, node, what);
	g->removal_limit = (unsigned)percent;
	return ERR_OK;
}

static enum err
check_signers(struct config_reader *r, const yaml_node_t *node, const struct config_git *g)
{
	struct signers *signers = NULL;
	struct fault words = { 0 };
	enum err err;

	if (g->allowed_signers == NULL)
		return g->revoked_signers == NULL ? ERR_OK :
		    config_fault(r, config_value(r, node, "revoked-signers"), ERR_FORMAT,
		    "expected allowed-signers too: without them nobody's signature is looked at");
	if ((err = signers_load(g->allowed_signers, g->revoked_signers, &signers, &words)) != ERR_OK)
		return config_fault(r, config_value(r, node, "allowed-signers"), err, "%s", fault_str(&words, err));
	signers_unref(signers);
	return ERR_OK;
}

static enum err
check_credentials(struct config_reader *r, const yaml_node_t *node, const struct config_git *g)
{
	const yaml_node_t *at = config_value(r, node,
	    g->credentials_file != NULL ? "credentials-file" : "credential-helper");
	struct fault words = { 0 };
	enum err err;

	if (g->credentials_file == NULL && g->credential_helper == NULL)
		return ERR_OK;
	if (g->credentials_file != NULL && g->credential_helper != NULL)
		return config_fault(r, at, ERR_FORMAT,
		    "expected either credentials-file or credential-helper, found both");
	if (strncasecmp(g->url, "https://", 8) != 0)
		return config_fault(r, at, ERR_RANGE, "passwords are for remotes that begin with https://");
	if (g->credentials_file != NULL && (err = git_credentials_check(g->credentials_file, &words)) != ERR_OK)
		return config_fault(r, at, err, "%s", fault_str(&words, err));
	return ERR_OK;
}

enum err
config_check_git(struct config_reader *r, const yaml_node_t *node, struct config_git *g)
{
	struct ssh_private_key *key = NULL;
	struct fault words = { 0 };
	enum err err = check_signers(r, node, g);

	if (err == ERR_OK)
		err = check_credentials(r, node, g);
	if (err == ERR_OK && g->signing_key != NULL &&
	    (err = ssh_private_key_load(g->signing_key, &key, &words)) != ERR_OK)
		err = config_fault(r, config_value(r, node, "signing-key"), err, "%s", fault_str(&words, err));
	ssh_private_key_free(key);
	return err;
}
