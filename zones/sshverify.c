/* zones/sshverify.c -- signatures of SSH keys: RFC 4253, section 6.6 (their frame), RFC 8332 (RSA with SHA-2),
 * RFC 5656, section 3.1.2 (ECDSA), RFC 8709, section 6 (Ed25519), and OpenSSH's PROTOCOL.u2f (what hardware keys
 * sign). */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "zones/sshkey.h"

static bool
is_word(struct ssh_text t, const char *word)
{
	return t.n == strlen(word) && memcmp(t.p, word, t.n) == 0;
}

/* The digest that a signature of this name is made with.  False: not one of this key's. */
static bool
find_digest(const struct ssh_key *k, struct ssh_text name, const char **digest)
{
	*digest = k->kind->digest;
	if (k->kind->family != SSH_RSA)
		return is_word(name, k->kind->name);
	*digest = is_word(name, "rsa-sha2-256") ? "SHA256" : "SHA512";
	return is_word(name, "rsa-sha2-256") || is_word(name, "rsa-sha2-512");
}

/* Two numbers to what OpenSSL takes: DER. */
static bool
ecdsa_to_der(struct ssh_text numbers, struct buf *out)
{
	struct rd r = rd_over(numbers.p, numbers.n);
	struct ssh_text tr = ssh_read_text(&r), ts = ssh_read_text(&r);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *br = NULL, *bs = NULL;
	bool ok = false;
	int n;

	/* Positive numbers of at most the curve's size, with a zero in front where that is needed. */
	if (sig == NULL || r.bad || r.p != r.end || tr.n == 0 || ts.n == 0 || tr.n > 67 || ts.n > 67 ||
	    ((tr.p[0] | ts.p[0]) & 0x80) != 0)
		goto out;
	br = BN_bin2bn(tr.p, (int)tr.n, NULL);
	bs = BN_bin2bn(ts.p, (int)ts.n, NULL);
	if (br == NULL || bs == NULL || ECDSA_SIG_set0(sig, br, bs) != 1)
		goto out;
	br = bs = NULL;				/* the signature's now */
	if ((n = i2d_ECDSA_SIG(sig, NULL)) > 0) {
		unsigned char *p = buf_reserve(out, (size_t)n);

		if (p != NULL) {
			out->len += (size_t)i2d_ECDSA_SIG(sig, &p);
			ok = true;
		}
	}
out:
	BN_free(br);
	BN_free(bs);
	ECDSA_SIG_free(sig);
	return ok;
}

/* A number may come without its leading zeros; OpenSSL wants as many octets as the modulus has. */
static bool
rsa_pad(const struct ssh_key *k, struct ssh_text s, struct buf *out)
{
	size_t want = (size_t)EVP_PKEY_get_size(k->pkey);

	if (s.n == 0 || s.n > want)
		return false;
	for (size_t i = s.n; i < want; i++)
		buf_u8(out, 0);
	buf_add(out, s.p, s.n);
	return !out->failed;
}

/* What a hardware key signs in place of the data. */
static bool
hardware_data(const struct ssh_key *k, struct rd *r, struct ssh_text data, struct buf *out)
{
	uint8_t digest[32];
	const uint8_t *flags_and_counter = rd_take(r, 5);

	if (flags_and_counter == NULL ||
	    EVP_Digest(k->application.p, k->application.n, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	buf_add(out, digest, sizeof digest);
	buf_add(out, flags_and_counter, 5);
	if (EVP_Digest(data.p, data.n, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	buf_add(out, digest, sizeof digest);
	return !out->failed;
}

static bool
check(EVP_PKEY *pkey, const char *digest, struct ssh_text signature, struct ssh_text data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, pkey, NULL) == 1 &&
	    EVP_DigestVerify(ctx, signature.p, signature.n, data.p, data.n) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

enum err
ssh_key_verify(const struct ssh_key *k, struct ssh_text signature, struct ssh_text data, struct fault *f)
{
	static const uint8_t nothing[1];
	struct rd r = rd_over(signature.n > 0 ? signature.p : nothing, signature.n);
	struct ssh_text name = ssh_read_text(&r), octets = ssh_read_text(&r);
	struct buf hardware = { 0 }, converted = { 0 };
	const char *digest = NULL;
	enum err err = ERR_OK;

	if (r.bad)
		return fault_set(f, ERR_FORMAT, "the signature is not whole");
	if (!find_digest(k, name, &digest))
		return fault_set(f, ERR_UNSUPPORTED, "a signature of type %.*s by a key of type %s is not taken",
		    name.n > 64 ? 64 : (int)name.n, (const char *)name.p, k->kind->name);
	if (k->kind->hardware) {
		if (!hardware_data(k, &r, data, &hardware))
			err = fault_set(f, ERR_FORMAT, "the hardware key's signature is not whole");
		data = (struct ssh_text){ hardware.p, hardware.len };
	}
	if (err == ERR_OK && r.p != r.end)
		err = fault_set(f, ERR_FORMAT, "the signature has something behind it");
	if (err == ERR_OK && ((k->kind->family == SSH_ECDSA && !ecdsa_to_der(octets, &converted)) ||
	    (k->kind->family == SSH_RSA && !rsa_pad(k, octets, &converted))))
		err = fault_set(f, ERR_FORMAT, "no signature of a key of type %s", k->kind->name);
	if (converted.len > 0)
		octets = (struct ssh_text){ converted.p, converted.len };
	if (err == ERR_OK && !check(k->pkey, digest, octets, data))
		err = fault_set(f, ERR_CRYPTO, "the signature is false: what was signed is not what is there");
	buf_clear(&hardware);
	buf_clear(&converted);
	return err;
}
