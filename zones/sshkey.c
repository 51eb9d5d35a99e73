#include "zones/sshkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"

#define KEY_MAX 65536			/* octets of a key or certificate */
#define RSA_BITS_LEAST 2048
#define RSA_BITS_MOST 16384
#define CERTIFICATE_SUFFIX "-cert-v01@openssh.com"
#define CERTIFICATE_USER 1

static const struct ssh_kind kinds[] = {
	{ "ssh-ed25519", SSH_ED25519, false, NULL, NULL, NULL },
	{ "ecdsa-sha2-nistp256", SSH_ECDSA, false, "nistp256", "P-256", "SHA256" },
	{ "ecdsa-sha2-nistp384", SSH_ECDSA, false, "nistp384", "P-384", "SHA384" },
	{ "ecdsa-sha2-nistp521", SSH_ECDSA, false, "nistp521", "P-521", "SHA512" },
	{ "ssh-rsa", SSH_RSA, false, NULL, NULL, NULL },
	{ "sk-ssh-ed25519@openssh.com", SSH_ED25519, true, NULL, NULL, NULL },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", SSH_ECDSA, true, "nistp256", "P-256", "SHA256" },
};

struct ssh_text
ssh_read_text(struct rd *r)
{
	uint32_t n = rd_u32(r);
	const uint8_t *p = rd_take(r, n);

	return p == NULL ? (struct ssh_text){ NULL, 0 } : (struct ssh_text){ p, n };
}

void
ssh_write_text(struct buf *out, const void *octets, size_t n)
{
	buf_u32(out, (uint32_t)n);
	buf_add(out, octets, n);
}

static bool
text_is(struct ssh_text t, const char *word, size_t n)
{
	return t.n == n && memcmp(t.p, word, n) == 0;
}

/* A certificate's kind is its key's with a suffix, behind which the domain stands only once. */
const struct ssh_kind *
ssh_kind_find(struct ssh_text name, bool *certificate)
{
	size_t suffix = strlen(CERTIFICATE_SUFFIX);

	*certificate = name.n > suffix && memcmp(name.p + name.n - suffix, CERTIFICATE_SUFFIX, suffix) == 0;
	if (*certificate)
		name.n -= suffix;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = *certificate ? strcspn(kinds[i].name, "@") : strlen(kinds[i].name);

		if (text_is(name, kinds[i].name, n))
			return &kinds[i];
	}
	return NULL;
}

bool
ssh_key_is_type(const char *text, size_t n)
{
	bool certificate;

	return ssh_kind_find((struct ssh_text){ (const uint8_t *)text, n }, &certificate) != NULL;
}

/* --- keys from numbers --- */

/* Positive and in its one shortest form (RFC 4251, section 5): keys are compared by their octets. */
static struct ssh_text
read_number(struct rd *r)
{
	struct ssh_text t = ssh_read_text(r);

	if (t.n == 0 || (t.p[0] & 0x80) != 0 || (t.p[0] == 0 && (t.n == 1 || (t.p[1] & 0x80) == 0)))
		r->bad = true;
	return t;
}

static bool
push_number(OSSL_PARAM_BLD *params, const char *name, struct ssh_text t, BIGNUM **keep)
{
	return t.n == 0 || ((*keep = BN_bin2bn(t.p, (int)t.n, BN_secure_new())) != NULL &&
	    OSSL_PARAM_BLD_push_BN(params, name, *keep) == 1);
}

static EVP_PKEY *
pkey_make(const char *type, OSSL_PARAM_BLD *builder, bool private)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

EVP_PKEY *
ssh_pkey_ec(const char *group, struct ssh_text point, struct ssh_text private_part)
{
	OSSL_PARAM_BLD *params = OSSL_PARAM_BLD_new();
	BIGNUM *d = NULL;
	EVP_PKEY *key = NULL;

	if (params != NULL && point.n > 0 && point.p[0] == POINT_CONVERSION_UNCOMPRESSED &&
	    	/* RFC 5656, section 3.1 */
	    OSSL_PARAM_BLD_push_utf8_string(params, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(params, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n) == 1 &&
	    push_number(params, OSSL_PKEY_PARAM_PRIV_KEY, private_part, &d))
		key = pkey_make("EC", params, private_part.n > 0);
	OSSL_PARAM_BLD_free(params);
	BN_clear_free(d);
	return key;
}

EVP_PKEY *
ssh_pkey_rsa(struct ssh_text n, struct ssh_text e, struct ssh_text private_part)
{
	OSSL_PARAM_BLD *params = OSSL_PARAM_BLD_new();
	BIGNUM *bn = NULL, *be = NULL, *bd = NULL;
	EVP_PKEY *key = NULL;

	if (params != NULL && push_number(params, OSSL_PKEY_PARAM_RSA_N, n, &bn) &&
	    push_number(params, OSSL_PKEY_PARAM_RSA_E, e, &be) &&
	    push_number(params, OSSL_PKEY_PARAM_RSA_D, private_part, &bd))
		key = pkey_make("RSA", params, private_part.n > 0);
	OSSL_PARAM_BLD_free(params);
	BN_free(bn);
	BN_free(be);
	BN_clear_free(bd);
	return key;
}

static size_t
number_bits(struct ssh_text t)			/* of one that read_number() was content with */
{
	size_t zero = t.p[0] == 0, bits = 8 * (t.n - zero);

	for (unsigned top = t.p[zero]; (top & 0x80) == 0; top <<= 1)
		bits--;
	return bits;
}

static enum err
read_rsa(struct ssh_key *k, struct rd *r, struct fault *f)
{
	struct ssh_text e = read_number(r), n = read_number(r);
	size_t bits;

	if (r->bad)
		return ERR_OK;			/* the caller asks */
	bits = number_bits(n);
	if (bits < RSA_BITS_LEAST || bits > RSA_BITS_MOST)
		return fault_set(f, ERR_RANGE, "an RSA key of %zu bits; %u to %u are taken", bits, RSA_BITS_LEAST,
		    RSA_BITS_MOST);
	if (e.n > 8)				/* a huge exponent only costs time */
		return fault_set(f, ERR_RANGE, "an RSA key with an exponent of %zu octets", e.n);
	k->pkey = ssh_pkey_rsa(n, e, (struct ssh_text){ NULL, 0 });
	return ERR_OK;
}

/* What the kinds have after their name (and, in certificates, a nonce). */
static enum err
read_numbers(struct ssh_key *k, struct rd *r, struct fault *f)
{
	struct ssh_text t;
	enum err err = ERR_OK;

	switch (k->kind->family) {
	case SSH_ED25519:			/* RFC 8709, section 4 */
		t = ssh_read_text(r);
		k->pkey = t.n == 32 ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, t.p, t.n) : NULL;
		break;
	case SSH_ECDSA:				/* RFC 5656, section 3.1 */
		t = ssh_read_text(r);
		if (!text_is(t, k->kind->curve, strlen(k->kind->curve)))
			r->bad = true;
		t = ssh_read_text(r);
		k->pkey = r->bad ? NULL : ssh_pkey_ec(k->kind->group, t, (struct ssh_text){ NULL, 0 });
		break;
	case SSH_RSA:				/* RFC 4253, section 6.6 */
		err = read_rsa(k, r, f);
		break;
	}
	if (err == ERR_OK && k->kind->hardware)
		k->application = ssh_read_text(r);
	if (err == ERR_OK && !r->bad && k->pkey == NULL)
		err = fault_set(f, ERR_FORMAT, "no key of type %s", k->kind->name);
	return err;
}

/* --- certificates --- */

static enum err
read_certificate(struct ssh_key *k, struct rd *r, struct fault *f)
{
	struct ssh_certificate *c = calloc(1, sizeof *c);
	struct ssh_text authority, signature, covered;
	struct rd inner;
	bool nested;
	enum err err;

	if ((k->certificate = c) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	c->serial = rd_u64(r);
	c->for_user = rd_u32(r) == CERTIFICATE_USER;
	c->key_id = ssh_read_text(r);
	c->principals = ssh_read_text(r);
	c->valid_after_s = rd_u64(r);
	c->valid_before_s = rd_u64(r);
	c->critical = ssh_read_text(r);
	(void)ssh_read_text(r);			/* extensions: what a login may do */
	(void)ssh_read_text(r);			/* reserved */
	authority = ssh_read_text(r);
	covered = (struct ssh_text){ r->start, rd_offset(r) };
	signature = ssh_read_text(r);
	if (r->bad)
		return fault_set(f, ERR_FORMAT, "a certificate that is not whole");
	inner = rd_over(authority.p, authority.n);
	if (ssh_kind_find(ssh_read_text(&inner), &nested) != NULL && nested)
		return fault_set(f, ERR_FORMAT, "a certificate by a certificate");
	if ((err = ssh_key_read(authority.p, authority.n, &c->authority, f)) != ERR_OK)
		return err;
	return ssh_key_verify(c->authority, signature, covered, f);
}

/* --- whole keys --- */

static enum err
read_key(struct ssh_key *k, struct fault *f)
{
	struct rd r = rd_over(k->octets.p, k->octets.len);
	struct ssh_text name = ssh_read_text(&r);
	bool certificate;
	size_t numbers;
	enum err err;

	if (r.bad)
		return fault_set(f, ERR_FORMAT, "no public key");
	if ((k->kind = ssh_kind_find(name, &certificate)) == NULL)
		return fault_set(f, ERR_UNSUPPORTED, "keys of type %.*s are not taken", name.n > 64 ? 64 : (int)name.n,
		    (const char *)name.p);
	if (certificate)
		(void)ssh_read_text(&r);	/* a nonce */
	numbers = rd_offset(&r);
	if ((err = read_numbers(k, &r, f)) != ERR_OK)
		return err;
	ssh_write_text(&k->plain, k->kind->name, strlen(k->kind->name));
	if (!r.bad)
		buf_add(&k->plain, r.start + numbers, rd_offset(&r) - numbers);
	if (k->plain.failed)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	if (!r.bad && certificate && (err = read_certificate(k, &r, f)) != ERR_OK)
		return err;
	if (r.bad || r.p != r.end)
		return fault_set(f, ERR_FORMAT, "a key of type %s that is not whole, or has something behind it",
		    k->kind->name);
	return ERR_OK;
}

enum err
ssh_key_read(const uint8_t *octets, size_t n, struct ssh_key **out, struct fault *f)
{
	struct ssh_key *k;
	enum err err;

	if (n == 0 || n > KEY_MAX)
		return fault_set(f, ERR_FORMAT, "a public key of %zu octets", n);
	if ((k = calloc(1, sizeof *k)) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	buf_add(&k->octets, octets, n);
	err = k->octets.failed ? fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM)) : read_key(k, f);
	if (err != ERR_OK) {
		ssh_key_free(k);
		return err;
	}
	*out = k;
	return ERR_OK;
}

void
ssh_key_free(struct ssh_key *k)
{
	if (k == NULL)
		return;
	if (k->certificate != NULL)
		ssh_key_free(k->certificate->authority);
	free(k->certificate);
	EVP_PKEY_free(k->pkey);
	buf_clear(&k->plain);
	buf_clear(&k->octets);
	free(k);
}

enum err
ssh_key_parse(const char *text, const char **end, struct ssh_key **out, struct fault *f)
{
	size_t type = strcspn(text, " \t\r\n"), gap = strspn(text + type, " \t");
	const char *base64 = text + type + gap;
	size_t n = strcspn(base64, " \t\r\n");
	struct buf octets = { 0 };
	struct rd r;
	struct ssh_text name;
	enum err err;

	if (n == 0)
		return fault_set(f, ERR_FORMAT, "expected a public key: TYPE BASE64");
	if (!base64_decode(base64, n, &octets) || octets.failed || octets.len == 0) {
		err = fault_set(f, octets.failed ? ERR_NOMEM : ERR_FORMAT, "the public key is no base64");
		goto out;
	}
	r = rd_over(octets.p, octets.len);
	name = ssh_read_text(&r);
	if (!r.bad && !text_is(name, text, type))
		err = fault_set(f, ERR_FORMAT, "the public key is of type %.*s and not %.*s", name.n > 64 ? 64 :
		    (int)name.n,
		    (const char *)name.p, type > 64 ? 64 : (int)type, text);
	else
		err = ssh_key_read(octets.p, octets.len, out, f);
	*end = base64 + n;
out:
	buf_clear(&octets);
	return err;
}

bool
ssh_key_same(const struct ssh_key *a, const struct ssh_key *b)
{
	return a->plain.len == b->plain.len && memcmp(a->plain.p, b->plain.p, a->plain.len) == 0;
}

const char *
ssh_key_type(const struct ssh_key *k)
{
	return k->kind->name;
}

char *
ssh_key_fingerprint(const struct ssh_key *k, char text[SSH_FINGERPRINT])
{
	uint8_t digest[32] = { 0 }, base64[45];

	(void)EVP_Digest(k->plain.p, k->plain.len, digest, NULL, EVP_sha256(), NULL);
	(void)EVP_EncodeBlock(base64, digest, sizeof digest);
	snprintf(text, SSH_FINGERPRINT, "SHA256:%.43s", (const char *)base64);	/* without its padding */
	return text;
}
