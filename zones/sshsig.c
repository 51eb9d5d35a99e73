#include "zones/sshsig.h"

#include <string.h>

#include "base/encoding.h"

#define MAGIC "SSHSIG"
#define MAGIC_SIZE 6
#define VERSION 1
#define HASH "sha512"			/* of our own signatures */
#define SIGNATURE_MAX 65536
#define LINE 70				/* characters of base64 in each, as ssh-keygen has it */

static bool
is_word(struct ssh_text t, const char *word)
{
	return t.n == strlen(word) && memcmp(t.p, word, t.n) == 0;
}

static enum err
read_parts(struct sshsig *s, struct fault *f)
{
	struct rd r = rd_over(s->octets.p, s->octets.len);
	const uint8_t *magic = rd_take(&r, MAGIC_SIZE);
	uint32_t version = rd_u32(&r);
	struct ssh_text key = ssh_read_text(&r), reserved;

	s->name_space = ssh_read_text(&r);
	reserved = ssh_read_text(&r);
	s->hash = ssh_read_text(&r);
	s->signature = ssh_read_text(&r);
	(void)reserved;				/* "should be ignored" */
	if (r.bad || r.p != r.end || memcmp(magic, MAGIC, MAGIC_SIZE) != 0)
		return fault_set(f, ERR_FORMAT, "the SSH signature is not whole");
	if (version != VERSION)
		return fault_set(f, ERR_UNSUPPORTED, "the SSH signature is of version %u, not %u", version, VERSION);
	return ssh_key_read(key.p, key.n, &s->key, f);
}

enum err
sshsig_read(const uint8_t *octets, size_t n, struct sshsig *out, struct fault *f)
{
	enum err err;

	memset(out, 0, sizeof *out);
	if (n == 0 || n > SIGNATURE_MAX)
		return fault_set(f, ERR_FORMAT, "an SSH signature of %zu octets", n);
	buf_add(&out->octets, octets, n);
	err = out->octets.failed ? fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM)) : read_parts(out, f);
	if (err != ERR_OK)
		sshsig_clear(out);
	return err;
}

void
sshsig_clear(struct sshsig *s)
{
	ssh_key_free(s->key);
	buf_clear(&s->octets);
	memset(s, 0, sizeof *s);
}

/* The armour's lines are put together, whatever their length; behind it may be nothing but white space. */
enum err
sshsig_parse(const char *text, size_t n, struct sshsig *out, struct fault *f)
{
	const char *end = text + n, *to, *p = text;
	struct buf base64 = { 0 }, octets = { 0 };
	enum err err;

	memset(out, 0, sizeof *out);
	if (n > 2 * SIGNATURE_MAX || n < strlen(SSHSIG_BEGIN) || memcmp(text, SSHSIG_BEGIN,
	    strlen(SSHSIG_BEGIN)) != 0 ||
	    (to = memmem(text, n, "\n" SSHSIG_END, strlen("\n" SSHSIG_END))) == NULL)
		return fault_set(f, ERR_FORMAT, "no SSH signature");
	for (p += strlen(SSHSIG_BEGIN); p < to; p++)
		if (*p != '\n' && *p != '\r')
			buf_u8(&base64, (uint8_t)*p);
	for (p = to + strlen("\n" SSHSIG_END); p < end && (*p == '\n' || *p == '\r' || *p == ' '); p++)
		;
	if (p == end && base64_decode((const char *)base64.p, base64.len, &octets))
		err = sshsig_read(octets.p, octets.len, out, f);
	else
		err = fault_set(f, ERR_FORMAT, "the SSH signature is no base64, or has something behind it");
	if (base64.failed || octets.failed) {
		sshsig_clear(out);
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	}
	buf_clear(&base64);
	buf_clear(&octets);
	return err;
}

/* What the key really signs: the name space and a digest of the message.  ERR_UNSUPPORTED: no such digest. */
static enum err
signed_data(struct ssh_text name_space, struct ssh_text hash, const void *message, size_t n, struct buf *out)
{
	const EVP_MD *md = is_word(hash, "sha512") ? EVP_sha512() : is_word(hash, "sha256") ? EVP_sha256() : NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size;

	if (md == NULL)
		return ERR_UNSUPPORTED;
	if (EVP_Digest(message, n, digest, &size, md, NULL) != 1)
		return ERR_CRYPTO;
	buf_add(out, MAGIC, MAGIC_SIZE);
	ssh_write_text(out, name_space.p, name_space.n);
	ssh_write_text(out, NULL, 0);		/* reserved */
	ssh_write_text(out, hash.p, hash.n);
	ssh_write_text(out, digest, size);
	return out->failed ? ERR_NOMEM : ERR_OK;
}

enum err
sshsig_verify(const struct sshsig *s, const char *name_space, const void *message, size_t n, struct fault *f)
{
	struct buf data = { 0 };
	enum err err;

	if (!is_word(s->name_space, name_space))
		return fault_set(f, ERR_REFUSED, "the signature is for '%.*s', not for '%s'",
		    s->name_space.n > 64 ? 64 : (int)s->name_space.n, (const char *)s->name_space.p, name_space);
	if ((err = signed_data(s->name_space, s->hash, message, n, &data)) == ERR_OK)
		err = ssh_key_verify(s->key, s->signature, (struct ssh_text){ data.p, data.len }, f);
	else
		fault_set(f, err, "the signature's digest '%.*s' cannot be made", s->hash.n > 64 ? 64 : (int)s->hash.n,
		    (const char *)s->hash.p);
	buf_clear(&data);
	return err;
}

static void
write_armour(const struct buf *octets, struct buf *out)
{
	struct buf base64 = { 0 };

	base64_encode(octets->p, octets->len, &base64);
	buf_add_str(out, SSHSIG_BEGIN "\n");
	for (size_t i = 0; i < base64.len; i += LINE) {
		buf_add(out, base64.p + i, base64.len - i < LINE ? base64.len - i : LINE);
		buf_u8(out, '\n');
	}
	buf_add_str(out, SSHSIG_END);
	out->failed |= base64.failed;
	buf_clear(&base64);
}

enum err
sshsig_sign(const struct ssh_private_key *k, const char *name_space, const void *message, size_t n, struct buf *out)
{
	struct ssh_text space = { (const uint8_t *)name_space, strlen(name_space) };
	struct ssh_text hash = { (const uint8_t *)HASH, strlen(HASH) };
	struct buf data = { 0 }, signature = { 0 }, octets = { 0 };
	enum err err = signed_data(space, hash, message, n, &data);

	if (err == ERR_OK)
		err = ssh_private_key_sign(k, (struct ssh_text){ data.p, data.len }, &signature);
	buf_add(&octets, MAGIC, MAGIC_SIZE);
	buf_u32(&octets, VERSION);
	ssh_write_text(&octets, k->public->plain.p, k->public->plain.len);
	ssh_write_text(&octets, space.p, space.n);
	ssh_write_text(&octets, NULL, 0);
	ssh_write_text(&octets, hash.p, hash.n);
	ssh_write_text(&octets, signature.p, signature.len);
	if (err == ERR_OK && !octets.failed)
		write_armour(&octets, out);
	if (err == ERR_OK && (octets.failed || out->failed))
		err = ERR_NOMEM;
	buf_clear(&data);
	buf_clear(&signature);
	buf_clear(&octets);
	return err;
}
