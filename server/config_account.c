/* acme: the key of an authority's account, and what binds it to an account elsewhere. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "acme/key.h"
#include "base/encoding.h"
#include "server/config_schema.h"

/* RFC 8555, section 7.3.4: base64url; CAs hand it out with padding and without. */
static bool
decode_hmac(const char *text, size_t n, struct buf *out)
{
	size_t padding = 0;

	while (padding < 2 && n > 0 && text[n - 1] == '=') {
		padding++;
		n--;
	}
	return base64url_decode(text, n, out) && out->len > 0 && (padding == 0 || (n + padding) % 4 == 0);
}

static enum err
finish_eab(struct config_reader *r, const yaml_node_t *node, void *base)
{
	struct config_eab *e = base;
	const yaml_node_t *at = config_value(r, node, e->hmac_file != NULL ? "hmac-file" : "hmac");
	struct buf text = { 0 };
	enum err err = ERR_OK;

	if ((e->hmac != NULL) == (e->hmac_file != NULL))
		return config_fault(r, node, ERR_FORMAT,
		    "expected either 'hmac' or 'hmac-file' for an external account");
	if (e->hmac != NULL)
		buf_add_str(&text, e->hmac);
	else
		err = config_read_secret_file(r, at, e->hmac_file, &text);
	if (err == ERR_OK && text.failed)
		err = ERR_NOMEM;
	else if (err == ERR_OK && !decode_hmac((const char *)text.p, text.len, &e->secret))
		err = e->secret.failed ? ERR_NOMEM : config_fault(r, at, ERR_FORMAT, e->hmac != NULL ?
		    "expected an HMAC key in base64url" :
		    "expected a file with an HMAC key in base64url, and nothing else in it");
	buf_wipe(&text);
	return err;
}

static const struct option eab_options[] = {
	{ "kid", OPTION_TEXT, AT(config_eab, kid), .needed = true,
	    .expected = "the key identifier that the CA gave you" },
	{ "hmac", OPTION_SECRET, AT(config_eab, hmac), .expected = "an HMAC key in base64url" },
	{ "hmac-file", OPTION_FILE, AT(config_eab, hmac_file) },
};
static const struct section eab = {
	.what = "eab", .options = eab_options, .noptions = COUNT(eab_options), .size = sizeof(struct config_eab),
	.finish = finish_eab,
};

/* The section may be absent, and then nothing in it is needed. */
enum err
config_read_eab(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	(void)o;
	return config_read_section(r, &eab, node, &((struct config_authority *)base)->eab);
}

enum err
config_check_account(struct config_reader *r, const yaml_node_t *node, struct config_authority *a)
{
	const yaml_node_t *at = config_value(r, node, "key-file"), *type = config_value(r, node, "key-type");
	struct acme_key *key = NULL;
	struct fault f = { 0 };
	enum err err;

	if (a->key_file == NULL)
		return ERR_OK;
	if (type != NULL)
		return config_fault(r, type, ERR_FORMAT,
		    "expected no 'key-type' beside 'key-file': that key is used as it is");
	if ((err = acme_key_read(a->key_file, &key, &f)) != ERR_OK)
		return config_fault(r, at, err, "%s", fault_str(&f, err));
	memcpy(a->key_thumbprint, acme_key_thumbprint(key), sizeof a->key_thumbprint);
	acme_key_free(key);
	return ERR_OK;
}

static bool
same_text(const char *a, const char *b)	/* or both none */
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_texts(char *const *a, char *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != NULL && same_text(*a, *b)) {
		a++;
		b++;
	}
	return *a == *b;
}

static bool
same_eab(const struct config_eab *a, const struct config_eab *b)
{
	return same_text(a->kid, b->kid) && a->secret.len == b->secret.len &&
	    (a->secret.len == 0 || CRYPTO_memcmp(a->secret.p, b->secret.p, a->secret.len) == 0);
}

enum err
config_check_shared_accounts(struct config_reader *r, const yaml_node_t *node, const struct config_acme *c)
{
	for (size_t i = 0; i < c->nauthorities; i++)
		for (size_t k = 0; k < i; k++) {
			const struct config_authority *a = &c->authorities[k], *b = &c->authorities[i];

			if (strcmp(a->directory, b->directory) != 0 || !same_text(a->key_file, b->key_file) ||
			    (same_texts(a->contact, b->contact) && a->key_type == b->key_type &&
			    same_eab(&a->eab, &b->eab)))
				continue;
			return config_fault(r, yaml_document_get_node(r->document,
			    config_value(r, node, "authorities")->data.sequence.items.start[i]), ERR_EXISTS,
			    "'%.100s' and '%.100s' have one directory and so one account: expected the same contact, "
			    "key-type and eab, or a key-file of its own for one of them", a->name, b->name);
		}
	return ERR_OK;
}

void
config_eab_clear(struct config_eab *e)
{
	free(e->kid);
	if (e->hmac != NULL)
		explicit_bzero(e->hmac, strlen(e->hmac));
	free(e->hmac);
	free(e->hmac_file);
	buf_wipe(&e->secret);
}
