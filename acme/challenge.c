#include "acme/challenge.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/persist_record.h"
#include "base/encoding.h"
#include "base/url.h"

#define ISSUERS_MAX 10			/* draft-ietf-acme-dns-persist-02, section 3.1: more are malformed */
#define ISSUER_MAX 253
#define TOKEN_MAX 500

static const char *const type_names[ACME_CHALLENGE_TYPES] = {
	[ACME_DNS_01] = "dns-01", [ACME_DNS_ACCOUNT_01] = "dns-account-01", [ACME_DNS_PERSIST_01] = "dns-persist-01"
};

bool
acme_challenge_type_parse(const char *text, enum acme_challenge_type *out)
{
	for (unsigned i = 0; i < ACME_CHALLENGE_TYPES; i++)
		if (strcmp(text, type_names[i]) == 0) {
			*out = (enum acme_challenge_type)i;
			return true;
		}
	return false;
}

const char *
acme_challenge_type_str(enum acme_challenge_type type)
{
	return type_names[type];
}

void
acme_standing_clear(struct acme_standing *s)
{
	free(s->issuers);
	free(s->account);
	free(s->fleet);
	*s = (struct acme_standing){ 0 };
}

enum err
acme_standing_copy(struct acme_standing *to, const struct acme_standing *from)
{
	struct acme_standing copy = { from->owner, strdup(from->issuers), strdup(from->account),
		from->fleet != NULL ? strdup(from->fleet) : NULL, from->wildcard };

	if (copy.issuers == NULL || copy.account == NULL || (from->fleet != NULL && copy.fleet == NULL)) {
		acme_standing_clear(&copy);
		return ERR_NOMEM;
	}
	*to = copy;
	return ERR_OK;
}

void
acme_choice_clear(struct acme_choice *c)
{
	acme_standing_clear(&c->standing);
}

/* ---- names and hashes ---- */

enum err
acme_account_label(const char *account, char label[ACME_ACCOUNT_LABEL_LEN + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";	/* RFC 4648, section 6, in lower case */
	uint8_t digest[EVP_MAX_MD_SIZE];
	uint64_t bits = 0;
	unsigned nbits = 0;
	char *p = label;

	if (EVP_Digest(account, strlen(account), digest, NULL, EVP_sha256(), NULL) != 1)
		return ERR_CRYPTO;
	*p++ = '_';
	for (unsigned i = 0; i < 10; i++) {
		bits = bits << 8 | digest[i];
		for (nbits += 8; nbits >= 5; nbits -= 5)
			*p++ = alphabet[bits >> (nbits - 5) & 31];
	}
	*p = '\0';
	return ERR_OK;
}

enum err
acme_challenge_record(enum acme_challenge_type type, const char *name, const char *account, struct dname *out)
{
	char label[ACME_ACCOUNT_LABEL_LEN + 2] = "", text[DNAME_TEXT_MAX];
	enum err err;

	if (type == ACME_DNS_ACCOUNT_01) {
		if ((err = acme_account_label(account, label)) != ERR_OK)
			return err;
		strcat(label, ".");
	}
	if (strncmp(name, "*.", 2) == 0)
		name += 2;
	if (snprintf(text, sizeof text, "%s%s.%s", label,
	    type == ACME_DNS_PERSIST_01 ? "_validation-persist" : "_acme-challenge", name) >= (int)sizeof text)
		return ERR_RANGE;
	return dname_from_str(text, out);
}

char *
acme_account_hash(const char *prefix, const char *domain, const char *thumbprint, const char *account)
{
	size_t n = strlen(domain);
	struct buf in = { 0 }, out = { 0 };
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (n > ISSUER_MAX)
		return NULL;
	buf_u8(&in, (uint8_t)n);
	for (size_t i = 0; i < n; i++)
		buf_u8(&in, (uint8_t)tolower((unsigned char)domain[i]));
	buf_add_str(&in, thumbprint);
	buf_add_str(&in, account);
	if (!in.failed && EVP_Digest(in.p, in.len, digest, &len, EVP_sha256(), NULL) == 1) {
		buf_printf(&out, "%ssha-256/", prefix);
		base64url_encode(digest, len, &out);
	}
	buf_clear(&in);
	if (len == 0 || buf_str(&out) == NULL) {
		buf_clear(&out);
		return NULL;
	}
	return buf_take(&out, NULL);
}

/* ---- the standing record ---- */

/* The record lets whoever holds the account have certificates, as long as it stands.  A CA that called the account of
 * somebody at another CA ours would get exactly that; so the account has to be where the directory is. */
static bool
is_account_at(const char *account, const char *directory)
{
	struct url a, d;

	return url_split(account, strlen(account), &a) && url_split(directory, strlen(directory), &d) &&
	    url_same_server(&a, &d, 443);
}

/* The CA's names for itself, joined by commas. */
static bool
issuers_read(const json_t *array, struct acme_standing *out)
{
	struct buf joined = { 0 };
	char issuer[ACME_ISSUER_MAX + 1];
	size_t n = json_array_size(array);
	bool ok = n > 0 && n <= ISSUERS_MAX;

	for (size_t i = 0; ok && i < n; i++) {
		const char *text = json_string_value(json_array_get(array, i));

		ok = text != NULL && acme_issuer_normalize(text, strlen(text), issuer);
		if (ok)
			buf_printf(&joined, "%s%s", i > 0 ? "," : "", issuer);
	}
	if (!ok || buf_str(&joined) == NULL) {
		buf_clear(&joined);
		return false;
	}
	out->issuers = buf_take(&joined, NULL);
	return true;
}

/* NULL: done; else why this challenge will not do. */
static const char *
standing_fill(const struct acme_challenge_means *m, const json_t *object, const char *name, struct acme_standing *out)
{
	const json_t *hashed = json_object_get(object, "issuerDomainNames");
	const json_t *clear = json_object_get(object, "issuer-domain-names");
	const json_t *account = json_object_get(object, "accounturi");

	if (!is_account_at(m->account, m->directory))
		return "its account is not where its directory is, so no standing record will name it";
	if (account != NULL && (!json_is_string(account) || strcmp(json_string_value(account), m->account) != 0))
		return "it names an account that is not ours";
	if (hashed != NULL && clear == NULL && account == NULL) {
		if (m->hash_prefix == NULL || !acme_persist_value_valid(m->hash_prefix))
			return "its directory has no usable accountHashPrefix";
		if (!issuers_read(hashed, out))
			return "its issuerDomainNames are malformed";
		out->account = acme_account_hash(m->hash_prefix, name, m->thumbprint, m->account);
		out->fleet = acme_account_hash(m->hash_prefix, "*", m->thumbprint, m->account);
		return out->account != NULL && out->fleet != NULL ? NULL : "its record cannot be made";
	}
	if (!issuers_read(clear, out))
		return "its issuer-domain-names are missing or malformed";
	if (!acme_persist_value_valid(m->account))
		return "its account's URL cannot stand in a record";
	return (out->account = strdup(m->account)) != NULL ? NULL : "its record cannot be made";
}

/* ---- the choice ---- */

/* RFC 8555, section 8: of the base64url alphabet alone, without padding. */
static bool
is_token(const char *token)
{
	size_t n = strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return n > 0 && n <= TOKEN_MAX && token[n] == '\0';
}

static const char *
string_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

/* NULL: *out is what is used; else why this challenge will not do.  An error of our own comes in *err. */
static const char *
try_challenge(const struct acme_challenge_means *m, const json_t *object, enum acme_challenge_type type,
    const char *name, bool wildcard, struct acme_choice *out, enum err *err)
{
	struct acme_choice c = { .type = type };
	const char *why;

	if (!acme_challenge_read(object, &c.challenge))
		return "without a status or https URL";
	if (c.challenge.status == CHALLENGE_INVALID)
		return "already failed";
	if (type != ACME_DNS_PERSIST_01 && (c.challenge.token == NULL || !is_token(c.challenge.token)))
		return c.challenge.token == NULL ? "without token" : "its token is none";
	if ((*err = acme_challenge_record(type, name, m->account, &c.owner)) != ERR_OK)
		return "its record's name is too long";
	if (type != ACME_DNS_PERSIST_01) {
		*err = acme_txt_value(m->thumbprint, c.challenge.token, c.value);
		why = *err == ERR_OK ? NULL : err_str(*err);
	} else if ((why = standing_fill(m, object, name, &c.standing)) == NULL) {
		c.standing.owner = c.owner;
		c.standing.wildcard = wildcard;
	} else
		acme_standing_clear(&c.standing);
	if (why == NULL)
		*out = c;
	return why;
}

static bool
is_under_way(const json_t *object)
{
	struct acme_challenge c;

	return acme_challenge_read(object, &c) && (c.status == CHALLENGE_PROCESSING || c.status == CHALLENGE_VALID);
}

struct choosing {
	const struct acme_challenge_means *means;
	const json_t *challenges;
	const char *name;
	bool wildcard, under_way;	/* under_way: only what the CA already looks at */
	bool possible;			/* only what has a place */
	struct buf refused;
	enum err err;
};

static bool
choose_type(struct choosing *c, enum acme_challenge_type type, struct acme_choice *out)
{
	for (size_t i = 0; i < json_array_size(c->challenges); i++) {
		const json_t *object = json_array_get(c->challenges, i);
		const char *text = string_of(object, "type"), *why;
		enum err err = ERR_OK;

		if (text == NULL || strcmp(text, type_names[type]) != 0 || (c->under_way && !is_under_way(object)))
			continue;
		if ((why = try_challenge(c->means, object, type, c->name, c->wildcard, out, &err)) == NULL) {
			if (!c->possible || c->means->possible == NULL || c->means->possible(c->means->ctx, out))
				return true;
			acme_choice_clear(out);
			continue;
		}
		if (!c->under_way && !c->possible)
			buf_printf(&c->refused, "%s%s: %s", c->refused.len > 0 ? "; " : "", text, why);
		if (c->err == ERR_OK)
			c->err = err;
	}
	return false;
}

static bool
choose(struct choosing *c, struct acme_choice *out)
{
	static const enum acme_challenge_type plain[] = { ACME_DNS_01 };
	const enum acme_challenge_type *preferred = c->means->npreferred > 0 ? c->means->preferred : plain;
	size_t n = c->means->npreferred > 0 ? c->means->npreferred : 1;

	for (size_t i = 0; i < n; i++)
		if (choose_type(c, preferred[i], out))
			return true;
	return false;
}

static void
add_offers(const json_t *challenges, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(challenges); i++) {
		const char *type = string_of(json_array_get(challenges, i), "type");

		if (type != NULL)
			buf_printf(out, "%s%.50s", n++ > 0 ? ", " : "", type);
	}
	if (n == 0)
		buf_add_str(out, "nothing");
}

/* What the CA was told to look at already it goes on with, whatever is preferred by now: after a restart, or where an
 * earlier order left a pending authorization behind. */
enum err
acme_challenge_choose(const struct acme_challenge_means *m, const json_t *challenges, const char *name,
    bool wildcard, struct acme_choice *out, struct fault *f)
{
	struct choosing c = { .means = m, .challenges = challenges, .name = name, .wildcard = wildcard,
	    .under_way = true };
	struct buf offers = { 0 };
	bool found = choose(&c, out);

	c.under_way = false;
	c.possible = true;
	found = found || choose(&c, out);
	c.possible = false;
	if (!found && !(found = choose(&c, out))) {
		add_offers(challenges, &offers);
		const char *o = buf_str(&offers), *r = c.refused.len > 0 ? buf_str(&c.refused) : NULL;

		if (c.err == ERR_OK)
			c.err = ERR_PEER;
		fault_set(f, c.err, "the CA offers no challenge for %.253s that we are to use: it offers "
		    "%.200s%s%.400s%s", name, o != NULL ? o : "something", r != NULL ? " (" : "", r != NULL ? r : "",
		    r != NULL ? ")" : "");
	}
	buf_clear(&offers);
	buf_clear(&c.refused);
	return found ? ERR_OK : c.err;
}
