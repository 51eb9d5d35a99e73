#include "tsig/mac.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "tsig/tsig.h"
#include "wire/message.h"
#include "wire/rrtype.h"

static const char *const digests[] = { "MD5", "SHA1", "SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512" };

enum err
tsig_mac_prepare(struct tsig_key *key)
{
	/* OpenSSL takes the name by a pointer that is not const, and only reads it. */
	char *digest = (char *)(uintptr_t)digests[key->algorithm];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end()
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);

	EVP_MAC_free(hmac);		/* ctx holds it */
	if (ctx == NULL || EVP_MAC_init(ctx, key->secret, key->secret_len, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		return ERR_CRYPTO;
	}
	key->hmac = ctx;
	return ERR_OK;
}

void
tsig_mac_release(struct tsig_key *key)
{
	EVP_MAC_CTX_free(key->hmac);	/* overwrites the pads that it made of the secret */
	key->hmac = NULL;
}

EVP_MAC_CTX *
tsig_mac_begin(const struct tsig_key *key, const uint8_t *prior, size_t prior_len)
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(key->hmac);
	uint8_t length[2] = { (uint8_t)(prior_len >> 8), (uint8_t)prior_len };

	if (ctx == NULL || prior_len == 0)
		return ctx;
	if (EVP_MAC_update(ctx, length, sizeof length) == 1 && EVP_MAC_update(ctx, prior, prior_len) == 1)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}

bool
tsig_mac_message(EVP_MAC_CTX *ctx, const uint8_t *msg, size_t n, uint16_t id, uint16_t arcount)
{
	uint8_t header[MSG_HEADER_SIZE];
	struct wr w;

	wr_init(&w, header, sizeof header);
	wr_octets(&w, msg, sizeof header);
	wr_patch_u16(&w, 0, id);
	wr_patch_u16(&w, 10, arcount);
	return EVP_MAC_update(ctx, header, sizeof header) == 1 &&
	    EVP_MAC_update(ctx, msg + sizeof header, n - sizeof header) == 1;
}

static void
write_name(struct wr *w, const uint8_t *name)	/* in canonical form: RFC 4034, section 6.2 */
{
	uint8_t *p = wr_take(w, dname_len(name));

	if (p != NULL)
		dname_lower(p, name);
}

bool
tsig_mac_end(EVP_MAC_CTX *ctx, const struct tsig_record *rec, bool timers_only, uint8_t *out)
{
	uint8_t buffer[2 * DNAME_MAX + 32];
	struct wr w;
	size_t len;
	bool ok;

	wr_init(&w, buffer, sizeof buffer);
	if (!timers_only) {
		write_name(&w, rec->key_name.octets);
		wr_u16(&w, CLASS_ANY);
		wr_u32(&w, 0);
		write_name(&w, rec->algorithm_name.octets);
	}
	wr_u16(&w, (uint16_t)(rec->time_signed >> 32));
	wr_u32(&w, (uint32_t)rec->time_signed);
	wr_u16(&w, rec->fudge);
	if (!timers_only) {
		wr_u16(&w, rec->error);
		wr_u16(&w, rec->other_len);
	}
	ok = !w.full && EVP_MAC_update(ctx, buffer, wr_len(&w)) == 1 &&
	    (timers_only || rec->other_len == 0 || EVP_MAC_update(ctx, rec->other, rec->other_len) == 1) &&
	    EVP_MAC_final(ctx, out, &len, TSIG_MAC_MAX) == 1;
	EVP_MAC_CTX_free(ctx);
	return ok;
}
