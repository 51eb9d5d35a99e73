/* The part of acme/preflight.h that asks nobody. */
#include "acme/preflight.h"

#include <ctype.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <string.h>

#define RSA_BITS_LEAST 2048
#define RSA_BITS_MOST 4096		/* at CAs that browsers trust */
#define EXPONENT_LEAST 65537		/* there, too */
#define EXPONENT_BITS_MOST 256
#define COMMON_NAME_MOST 64		/* RFC 5280, appendix A.1: ub-common-name */

/* --- the key --- */

static enum err
judge_rsa(EVP_PKEY *key, const struct acme_ca_known *ca, struct fault *f)
{
	int bits = EVP_PKEY_get_bits(key);
	BIGNUM *e = NULL, *n = NULL;
	enum err err = ERR_OK;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1 ||
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1)
		err = fault_set(f, ERR_NOMEM, "out of memory");
	else if (bits < RSA_BITS_LEAST)
		err = fault_set(f, ERR_UNSUPPORTED, "its RSA key has %d bits, and CAs want at least %d", bits,
		    RSA_BITS_LEAST);
	else if (!BN_is_odd(n))
		err = fault_set(f, ERR_UNSUPPORTED, "its RSA key is none: the modulus is even");
	else if (!BN_is_odd(e) || BN_is_one(e))
		err = fault_set(f, ERR_UNSUPPORTED, "its RSA key is none: the exponent is 1 or even");
	else if (ca->is_public &&
	    ((BN_num_bits(e) < 32 && BN_get_word(e) < EXPONENT_LEAST) || BN_num_bits(e) > EXPONENT_BITS_MOST))
		err = fault_set(f, ERR_UNSUPPORTED, "the exponent of its RSA key is not between 65537 and 2^256, as "
		    "public CAs want it");
	else if (ca->is_public && (bits % 8 != 0 || bits > RSA_BITS_MOST))
		err = fault_set(f, ERR_UNSUPPORTED, "its RSA key has %d bits, and public CAs want a multiple of 8 up "
		    "to %d", bits, RSA_BITS_MOST);
	else if (ca->is_letsencrypt && bits != 2048 && bits != 3072 && bits != 4096)
		err = fault_set(f, ERR_UNSUPPORTED, "its RSA key has %d bits, and Let's Encrypt wants 2048, 3072 or "
		    "4096", bits);
	BN_free(e);
	BN_free(n);
	return err;
}

static enum err
judge_ec(EVP_PKEY *key, const struct acme_ca_known *ca, struct fault *f)
{
	char curve[80] = "";
	size_t n;
	int nid;

	if (EVP_PKEY_get_group_name(key, curve, sizeof curve, &n) != 1)
		return fault_set(f, ERR_UNSUPPORTED, "its key is on an elliptic curve that has no name");
	nid = OBJ_sn2nid(curve);
	if (ca->is_public && nid != NID_X9_62_prime256v1 && nid != NID_secp384r1)
		return fault_set(f, ERR_UNSUPPORTED, "its key is on the curve %s, and public CAs take P-256 and P-384 "
		    "only", curve);
	return ERR_OK;
}

static enum err
judge_key(EVP_PKEY *key, const struct acme_ca_known *ca, struct fault *f)
{
	int type = EVP_PKEY_get_base_id(key);

	switch (type) {
	case EVP_PKEY_RSA:
		return judge_rsa(key, ca, f);
	case EVP_PKEY_EC:
		return judge_ec(key, ca, f);
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return !ca->is_public ? ERR_OK : fault_set(f, ERR_UNSUPPORTED,
		    "its key is of the kind %s, and public CAs take RSA, P-256 and P-384 only", OBJ_nid2sn(type));
	default:
		return fault_set(f, ERR_UNSUPPORTED, "its key is of the kind %s, which is for no certificate of a "
		    "server", type == NID_undef ? "unknown" : OBJ_nid2sn(type));
	}
}

static enum err
judge_signature(const struct acme_csr *csr, const struct acme_ca_known *ca, struct fault *f)
{
	int digest = NID_undef;

	if (ca->is_public && OBJ_find_sigid_algs(acme_csr_signature(csr), &digest, NULL) == 1 &&
	    (digest == NID_sha1 || digest == NID_md5))
		return fault_set(f, ERR_UNSUPPORTED, "it is signed with %s, which public CAs do not take",
		    OBJ_nid2sn(digest));
	return ERR_OK;
}

/* What else it asks for. */
static enum err
judge_wishes(const struct acme_csr *csr, const struct acme_ca_known *ca, struct fault *f)
{
	if (ca->is_letsencrypt && acme_csr_must_staple(csr))
		return fault_set(f, ERR_UNSUPPORTED, "it asks for OCSP must-staple, which Let's Encrypt does not give "
		    "any more");
	return ERR_OK;
}

/* --- the names --- */

static const char *
without_wildcard(const char *name)
{
	return strncmp(name, "*.", 2) == 0 ? name + 2 : name;
}

/* Names that no registry gives away: RFC 6761, RFC 6762, RFC 7686, RFC 9476, and ICANN's "internal". */
static bool
is_special_domain(const char *top)
{
	static const char *const special[] = { "alt", "example", "internal", "invalid", "local", "localhost", "onion",
		"test" };

	for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
		if (strcmp(top, special[i]) == 0)
			return true;
	return strspn(top, "0123456789") == strlen(top);
}

static enum err
judge_label(const char *name, const char *label, size_t n, const struct acme_ca_known *ca, struct fault *f)
{
	bool reserved = n >= 4 && label[2] == '-' && label[3] == '-';

	if (reserved && label[0] == 'x' && label[1] == 'n' && !acme_alabel_ok(label, n))
		return fault_set(f, ERR_RANGE, "%.253s: '%.*s' is not Punycode of anything", name, (int)n, label);
	if (ca->is_public && reserved && !(label[0] == 'x' && label[1] == 'n'))
		return fault_set(f, ERR_RANGE, "%.253s: '%.*s' is a reserved label (RFC 5891, section 4.2.3.1), which "
		    "public CAs do not take", name, (int)n, label);
	if (ca->is_public && memchr(label, '_', n) != NULL)
		return fault_set(f, ERR_RANGE, "%.253s: public CAs take no underscore in a name", name);
	return ERR_OK;
}

static enum err
judge_name(const char *name, const struct acme_ca_known *ca, struct fault *f)
{
	const char *base = without_wildcard(name), *top = strrchr(base, '.');
	enum err err = ERR_OK;

	for (const char *p = base; err == ERR_OK; p++) {
		size_t n = strcspn(p, ".");

		err = judge_label(name, p, n, ca, f);
		p += n;
		if (*p == '\0')
			break;
	}
	if (err != ERR_OK || !ca->is_public)
		return err;
	if (top == NULL)
		return fault_set(f, ERR_RANGE, "%.253s: public CAs give nothing to a top-level domain", name);
	if (is_special_domain(top + 1))
		return fault_set(f, ERR_RANGE, "%.253s: '%s' is no public domain, and public CAs do not take it", name,
		    top + 1);
	return ERR_OK;
}

/* Another name of it that is a wildcard just for this one; NULL: none. */
static const char *
covering_wildcard(const struct acme_names *names, const char *name)
{
	const char *parent = strchr(name, '.');

	for (size_t i = 0; parent != NULL && name[0] != '*' && i < names->n; i++)
		if (names->v[i][0] == '*' && strcmp(names->v[i] + 1, parent) == 0)
			return names->v[i];
	return NULL;
}

static enum err
judge_names(const struct acme_names *names, const struct acme_csr_rules *rules, struct fault *f)
{
	const char *wildcard;
	enum err err = ERR_OK;

	if (names->n > rules->ca.names_max)
		return fault_set(f, ERR_RANGE, "it has %zu names, and the CA takes %u", names->n, rules->ca.names_max);
	for (size_t i = 0; err == ERR_OK && i < names->n; i++) {
		const char *name = names->v[i];

		if ((err = judge_name(name, &rules->ca, f)) != ERR_OK)
			break;
		if (rules->ca.is_letsencrypt && (wildcard = covering_wildcard(names, name)) != NULL)
			err = fault_set(f, ERR_RANGE, "%.253s: Let's Encrypt does not take it beside %.253s, which "
			    "covers it", name, wildcard);
		else if (rules->provable != NULL)
			err = rules->provable(rules->ctx, name, f);
		if (err == ERR_OK && rules->covered != NULL && !rules->covered(rules->ctx, name))
			err = fault_set(f, ERR_REFUSED, "the key that brings it may not have a certificate for %.253s",
			    name);
	}
	return err;
}

enum err
acme_csr_judge(const struct acme_csr *csr, const struct acme_csr_rules *rules, struct fault *f)
{
	enum err err = judge_key(acme_csr_key(csr), &rules->ca, f);

	if (err == ERR_OK)
		err = judge_signature(csr, &rules->ca, f);
	if (err == ERR_OK)
		err = judge_wishes(csr, &rules->ca, f);
	if (err == ERR_OK && rules->ca.is_public && acme_csr_common_name_len(csr) > COMMON_NAME_MOST)
		err = fault_set(f, ERR_RANGE, "its common name has more than %d characters: leave it out, the names "
		    "stand in subjectAltName anyway", COMMON_NAME_MOST);
	if (err == ERR_OK)
		err = judge_names(acme_csr_names(csr), rules, f);
	ERR_clear_error();
	return err;
}
