/* The acme: section of certns.yaml. */
#include "server/config_acme.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/authority.h"
#include "base/url.h"
#include "server/config_schema.h"

/* RFC 8555, section 6.1; nobody there takes a user and a password, which would be in the log. */
static bool
valid_directory(const char *text)
{
	struct url url;

	return strcmp(text, "letsencrypt") == 0 || strcmp(text, "letsencrypt-staging") == 0 ||
	    (url_split(text, strlen(text), &url) && url_has_scheme(&url, "https") && url.user.p == NULL);
}

static bool
valid_contact(const char *text)
{
	const char *at = strchr(text, '@');

	return strncasecmp(text, "mailto:", 7) == 0 && at != NULL && at > text + 7 && at[1] != '\0';
}

static bool
valid_words(const char *text)
{
	return *text != '\0';
}

#define LETSENCRYPT "https://acme-v02.api.letsencrypt.org/directory"

static enum err
finish_authority(struct config_reader *r, const yaml_node_t *node, void *base)
{
	struct config_authority *a = base;
	const char *url = NULL;
	enum err err;

	if (!a->terms_agreed)
		return config_fault(r, node, ERR_REFUSED, "expected 'terms-agreed: yes' for an authority: "
		    "it makes no account for who does not agree to its terms of service");
	if ((err = config_check_account(r, node, a)) != ERR_OK)
		return err;
	if (strcmp(a->directory, "letsencrypt") == 0)
		url = LETSENCRYPT;
	else if (strcmp(a->directory, "letsencrypt-staging") == 0)
		url = "https://acme-staging-v02.api.letsencrypt.org/directory";
	if (!a->has_limits && strcmp(url != NULL ? url : a->directory, LETSENCRYPT) == 0)
		a->limits = acme_limits_letsencrypt;
	if (url == NULL)
		return ERR_OK;
	if (a->name == NULL)
		a->name = a->directory;
	else
		free(a->directory);
	a->directory = strdup(url);
	return a->directory != NULL ? ERR_OK : ERR_NOMEM;
}

static const char *const key_types[] = { "es256", "es384", "ed25519", "rsa2048", "rsa3072", "rsa4096", NULL };
static const struct option authority_options[] = {
	{ "directory", OPTION_TEXT, AT(config_authority, directory), .needed = true, .valid = valid_directory,
	    .expected = "letsencrypt, letsencrypt-staging or a URL that begins with https://, without a user" },
	{ "ca-certificates", OPTION_FILE, AT(config_authority, ca_certificates) },
	{ "contact", OPTION_TEXTS, AT(config_authority, contact), .valid = valid_contact,
	    .expected = "mailto:ADDRESS" },
	{ "terms-agreed", OPTION_YESNO, AT(config_authority, terms_agreed), .fallback = "no" },
	{ "key-type", OPTION_CHOICE, AT(config_authority, key_type), .choices = key_types, .fallback = "es256" },
	{ "key-file", OPTION_FILE, AT(config_authority, key_file) },
	{ "eab", OPTION_OWN, .read = config_read_eab },
	{ "name", OPTION_TEXT, AT(config_authority, name), .valid = config_valid_authority_name,
	    .expected = "a name without spaces and slashes, neither yes nor no" },
	{ "challenges", OPTION_OWN, .read = config_read_challenges },
	{ "persist-lifetime", OPTION_DURATION, AT(config_authority, persist_lifetime_s), .min = 86400,
	    .max = 3650 * 86400 },
	{ "failover-after", OPTION_DURATION, AT(config_authority, failover_after_s), .min = 60, .max = 30 * 86400,
	    .fallback = "6h" },
	{ "limits", OPTION_OWN, .read = config_read_limits },
	{ "profile", OPTION_TEXT, AT(config_authority, profile), .valid = valid_words,
	    .expected = "the name of a profile" },
	{ "preferred-chain", OPTION_TEXT, AT(config_authority, preferred_chain), .valid = valid_words,
	    .expected = "the common name of an issuer, such as ISRG Root X1" },
};
static const struct section authority = {
	.what = "an authority", .options = authority_options, .noptions = COUNT(authority_options),
	.size = sizeof(struct config_authority),
	.finish = finish_authority,
};

static const struct option hooks_options[] = {
	{ "issued", OPTION_TEXT, AT(config_hooks, issued), .expected = "a command" },
	{ "renewed", OPTION_TEXT, AT(config_hooks, renewed), .expected = "a command" },
	{ "failed", OPTION_TEXT, AT(config_hooks, failed), .expected = "a command" },
	{ "expiring", OPTION_TEXT, AT(config_hooks, expiring), .expected = "a command" },
	{ "timeout", OPTION_DURATION, AT(config_hooks, timeout_s), .min = 1, .max = 3600, .fallback = "60" },
};
static const struct section hooks = {
	.what = "hooks", .options = hooks_options, .noptions = COUNT(hooks_options),
	    .size = sizeof(struct config_hooks),
};

static const char *const silent_policies[] = { "fatal", "waive", NULL };

static const struct option acme_options[] = {
	{ "authorities", OPTION_SECTIONS, LIST(config_acme, authorities), .section = &authority,
	    .max = ACME_AUTHORITIES_MAX },
	{ "labels", OPTION_OWN, .fallback = "_letsencrypt._tcp", .read = config_read_labels },
	{ "challenge-ttl", OPTION_DURATION, AT(config_acme, challenge_ttl), .min = 1, .max = 3600, .fallback = "60" },
	{ "proxy", OPTION_TEXT, AT(config_acme, proxy), .valid = config_valid_proxy,
	    .expected = "a URL that begins with http://, https://, socks5:// or socks5h://" },
	{ "proxy-credentials-file", OPTION_TEXT, AT(config_acme, proxy_credentials_file),
	    .expected = "the name of a file" },
	{ "proxy-ca-certificates", OPTION_FILE, AT(config_acme, proxy_certificates) },
	{ "request-timeout", OPTION_DURATION, AT(config_acme, request_timeout_s), .min = 1, .max = 600,
	    .fallback = "60" },
	{ "resolvers", OPTION_OWN, .read = config_read_resolvers },
	{ "resolver-ca-certificates", OPTION_FILE, AT(config_acme, resolver_certificates) },
	{ "self-check", OPTION_OWN, AT(config_acme, self_check), .read = config_read_self_check,
	    .fallback = "authoritative" },
	{ "self-check-timeout", OPTION_DURATION, AT(config_acme, self_check_timeout_s), .min = 1, .max = 3600,
	    .fallback = "2m" },
	{ "self-check-silent", OPTION_CHOICE, AT(config_acme, silent), .choices = silent_policies,
	    .fallback = "fatal" },
	{ "self-check-silent-after", OPTION_DURATION, AT(config_acme, silent_s), .min = 1, .max = 3600,
	    .fallback = "1m" },
	{ "accept-hopeless", OPTION_YESNO, AT(config_acme, accept_hopeless), .fallback = "no" },
	{ "status", OPTION_YESNO, AT(config_acme, status), .fallback = "yes" },
	{ "hooks", OPTION_SECTION, AT(config_acme, hooks), .section = &hooks },
};

/* Every scalar with its length, every list and map with its kind and end: so no two sections have the same digest. */
static void
digest_node(struct config_reader *r, const yaml_node_t *node, EVP_MD_CTX *digest)
{
	EVP_DigestUpdate(digest, &node->type, sizeof node->type);
	if (node->type == YAML_SCALAR_NODE) {
		EVP_DigestUpdate(digest, &node->data.scalar.length, sizeof node->data.scalar.length);
		EVP_DigestUpdate(digest, node->data.scalar.value, node->data.scalar.length);
	} else if (node->type == YAML_SEQUENCE_NODE) {
		for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
			digest_node(r, yaml_document_get_node(r->document, *i), digest);
	} else {
		for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
			digest_node(r, yaml_document_get_node(r->document, p->key), digest);
			digest_node(r, yaml_document_get_node(r->document, p->value), digest);
		}
	}
	EVP_DigestUpdate(digest, "", 1);
}

/* What the files hold that are read with the configuration.  Trusted certificates are not: they are read when somebody
 * is asked. */
static void
digest_files(const struct config_acme *c, EVP_MD_CTX *digest)
{
	for (size_t i = 0; i < c->nauthorities; i++) {
		const struct config_authority *a = &c->authorities[i];

		EVP_DigestUpdate(digest, a->key_thumbprint, sizeof a->key_thumbprint);
		EVP_DigestUpdate(digest, &a->eab.secret.len, sizeof a->eab.secret.len);
		EVP_DigestUpdate(digest, a->eab.secret.p, a->eab.secret.len);
	}
	if (c->proxy_credentials != NULL)
		EVP_DigestUpdate(digest, c->proxy_credentials, strlen(c->proxy_credentials));
}

static enum err
finish_acme(struct config_reader *r, const yaml_node_t *node, void *base)
{
	struct config_acme *c = base;
	enum err err = config_name_authorities(r, node, c);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (err == ERR_OK)
		err = config_check_shared_accounts(r, node, c);
	if (err == ERR_OK)
		err = config_check_labels(r, node, c);
	if (err == ERR_OK)
		err = config_check_proxy(r, node, c);
	if (err != ERR_OK) {
		EVP_MD_CTX_free(digest);
		return err;
	}
	if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(digest);
		return ERR_NOMEM;
	}
	digest_node(r, node, digest);
	digest_files(c, digest);
	EVP_DigestFinal_ex(digest, c->digest, NULL);
	EVP_MD_CTX_free(digest);
	return ERR_OK;
}

const struct section config_acme_section = {
	.what = "acme", .options = acme_options, .noptions = COUNT(acme_options), .size = sizeof(struct config_acme),
	.finish = finish_acme,
};

void
config_acme_clear(struct config_acme *c)
{
	for (size_t i = 0; i < c->nauthorities; i++) {
		free(c->authorities[i].directory);
		free(c->authorities[i].ca_certificates);
		free(c->authorities[i].key_file);
		config_eab_clear(&c->authorities[i].eab);
		config_texts_free(c->authorities[i].contact);
		free(c->authorities[i].name);
		free(c->authorities[i].profile);
		free(c->authorities[i].preferred_chain);
	}
	free(c->authorities);
	config_labels_free(c->labels, c->nlabels);
	config_proxy_clear(c);
	config_self_check_clear(c);
	free(c->hooks.issued);
	free(c->hooks.renewed);
	free(c->hooks.failed);
	free(c->hooks.expiring);
}

