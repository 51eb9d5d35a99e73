/* zones/sshprivate.c -- private keys in OpenSSH's own form (PROTOCOL.key), without a passphrase, and signing. */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/encoding.h"
#include "base/file.h"
#include "zones/sshkey.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END "-----END OPENSSH PRIVATE KEY-----"
#define MAGIC "openssh-key-v1"		/* with its terminator */
#define FILE_MAX 65536

static bool
is_word(struct ssh_text t, const char *word)
{
	return t.n == strlen(word) && memcmp(t.p, word, t.n) == 0;
}

static void
read_secret(struct ssh_private_key *k, struct rd *r)
{
	const struct ssh_kind *kind = k->public->kind;
	struct ssh_text a, b, c;

	switch (kind->family) {
	case SSH_ED25519:			/* the public key, then the seed with the public key behind it */
		(void)ssh_read_text(r);
		a = ssh_read_text(r);
		k->pkey = a.n == 64 ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, a.p, 32) : NULL;
		break;
	case SSH_ECDSA:
		(void)ssh_read_text(r);
		b = ssh_read_text(r);
		c = ssh_read_text(r);
		k->pkey = r->bad || c.n == 0 ? NULL : ssh_pkey_ec(kind->group, b, c);
		break;
	case SSH_RSA:				/* n, e, d; the rest only makes it faster */
		a = ssh_read_text(r);
		b = ssh_read_text(r);
		c = ssh_read_text(r);
		k->pkey = r->bad || c.n == 0 ? NULL : ssh_pkey_rsa(a, b, c);
		break;
	}
}

/* The halves belong together when one understands the other. */
static bool
fits(const struct ssh_private_key *k)
{
	static const uint8_t words[] = "certns";
	struct ssh_text data = { words, sizeof words };
	struct buf signature = { 0 };
	bool good = ssh_private_key_sign(k, data, &signature) == ERR_OK &&
	    ssh_key_verify(k->public, (struct ssh_text){ signature.p, signature.len }, data, NULL) == ERR_OK;

	buf_clear(&signature);
	return good;
}

static enum err
read_private(struct ssh_private_key *k, const uint8_t *octets, size_t n, struct fault *f)
{
	struct rd r = rd_over(octets, n), inner;
	const uint8_t *magic = rd_take(&r, sizeof MAGIC);
	struct ssh_text cipher = ssh_read_text(&r), kdf = ssh_read_text(&r), options = ssh_read_text(&r), public,
	    secret, name;
	uint32_t nkeys = rd_u32(&r), check1, check2;
	bool certificate;
	enum err err;

	(void)options;
	public = ssh_read_text(&r);
	secret = ssh_read_text(&r);
	if (r.bad || memcmp(magic, MAGIC, sizeof MAGIC) != 0 || nkeys != 1)
		return fault_set(f, ERR_FORMAT, "the private key is not whole");
	if (!is_word(cipher, "none") || !is_word(kdf, "none"))
		return fault_set(f, ERR_UNSUPPORTED,
		    "the private key has a passphrase, and nobody is there to type it");
	if ((err = ssh_key_read(public.p, public.n, &k->public, f)) != ERR_OK)
		return err;
	inner = rd_over(secret.p, secret.n);
	check1 = rd_u32(&inner);
	check2 = rd_u32(&inner);
	name = ssh_read_text(&inner);
	if (inner.bad || check1 != check2 || ssh_kind_find(name, &certificate) != k->public->kind || certificate)
		return fault_set(f, ERR_FORMAT, "the private key is not whole");
	if (k->public->kind->hardware)
		return fault_set(f, ERR_UNSUPPORTED, "the private key is in hardware, which would want to be touched");
	read_secret(k, &inner);
	return k->pkey != NULL && fits(k) ? ERR_OK :
	    fault_set(f, ERR_FORMAT, "the private key is damaged: it does not fit its public key");
}

/* Base64 in lines, between BEGIN and END. */
static bool
unarmour(const char *text, size_t n, struct buf *out)
{
	const char *from = memmem(text, n, BEGIN, strlen(BEGIN)), *to;
	struct buf joined = { 0 };
	bool ok;

	if (from == NULL)
		return false;
	from += strlen(BEGIN);
	if ((to = memmem(from, (size_t)(text + n - from), END, strlen(END))) == NULL)
		return false;
	buf_reserve(&joined, n);		/* so that no copy of a secret is left behind as it grows */
	buf_reserve(out, n);
	for (; from < to; from++)
		if (*from != '\n' && *from != '\r')
			buf_u8(&joined, (uint8_t)*from);
	ok = !joined.failed && base64_decode((const char *)joined.p, joined.len, out) && !out->failed;
	buf_wipe(&joined);
	return ok;
}

enum err
ssh_private_key_parse(const char *text, size_t n, struct ssh_private_key **out, struct fault *f)
{
	struct ssh_private_key *k = calloc(1, sizeof *k);
	struct buf octets = { 0 };
	enum err err;

	if (k == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	if (!unarmour(text, n, &octets) || octets.len == 0)
		err = fault_set(f, ERR_FORMAT, "no private key in OpenSSH's form, as ssh-keygen makes it");
	else
		err = read_private(k, octets.p, octets.len, f);
	buf_wipe(&octets);
	if (err != ERR_OK) {
		ssh_private_key_free(k);
		return err;
	}
	*out = k;
	return ERR_OK;
}

enum err
ssh_private_key_load(const char *path, struct ssh_private_key **out, struct fault *f)
{
	struct buf text = { 0 };
	struct fault why = { 0 };
	struct stat st;
	enum err err;

	if (stat(path, &st) != 0)
		return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return fault_set(f, ERR_ACCESS, "%s: others may read this private key (mode %04o): chmod 600 it", path,
		    (unsigned)st.st_mode & 07777);
	buf_reserve(&text, FILE_MAX + 32768);
	if ((err = file_read(path, FILE_MAX, &text, f)) == ERR_OK &&
	    (err = ssh_private_key_parse((const char *)text.p, text.len, out, &why)) != ERR_OK)
		fault_set(f, err, "%s: %s", path, fault_str(&why, err));
	buf_wipe(&text);
	return err;
}

void
ssh_private_key_free(struct ssh_private_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	ssh_key_free(k->public);
	free(k);
}

/* --- signing --- */

static bool
sign_octets(EVP_PKEY *pkey, const char *digest, struct ssh_text data, struct buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 0;
	uint8_t *p;
	bool ok = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, pkey, NULL) == 1 &&
	    EVP_DigestSign(ctx, NULL, &n, data.p, data.n) == 1 && (p = buf_reserve(out, n)) != NULL &&
	    EVP_DigestSign(ctx, p, &n, data.p, data.n) == 1;

	EVP_MD_CTX_free(ctx);
	if (ok)
		out->len += n;
	return ok;
}

static void
write_number(struct buf *out, const BIGNUM *number)
{
	uint8_t octets[68];
	int n = BN_bn2bin(number, octets + 1);
	size_t skip = n > 0 && (octets[1] & 0x80) != 0 ? 0 : 1;	/* a zero in front keeps it positive */

	octets[0] = 0;
	ssh_write_text(out, octets + skip, (size_t)n + 1 - skip);
}

/* DER to two numbers. */
static bool
ecdsa_from_der(struct buf *octets)
{
	const unsigned char *p = octets->p;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)octets->len);
	struct buf numbers = { 0 };

	if (sig == NULL)
		return false;
	write_number(&numbers, ECDSA_SIG_get0_r(sig));
	write_number(&numbers, ECDSA_SIG_get0_s(sig));
	ECDSA_SIG_free(sig);
	buf_clear(octets);
	*octets = numbers;
	return !numbers.failed;
}

enum err
ssh_private_key_sign(const struct ssh_private_key *k, struct ssh_text data, struct buf *out)
{
	const struct ssh_kind *kind = k->public->kind;
	const char *name = kind->family == SSH_RSA ? "rsa-sha2-512" : kind->name;
	struct buf octets = { 0 };
	enum err err = ERR_OK;

	if (!sign_octets(k->pkey, kind->family == SSH_RSA ? "SHA512" : kind->digest, data, &octets) ||
	    (kind->family == SSH_ECDSA && !ecdsa_from_der(&octets)))
		err = octets.failed ? ERR_NOMEM : ERR_CRYPTO;
	ssh_write_text(out, name, strlen(name));
	ssh_write_text(out, octets.p, octets.len);
	buf_clear(&octets);
	return err == ERR_OK && out->failed ? ERR_NOMEM : err;
}
