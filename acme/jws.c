#include "acme/jws.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"

/* "protected" "." "payload": what is signed.  The header is the caller's still; NULL: no memory. */
static enum err
input_write(json_t *header, const char *payload, size_t *header_n, struct buf *out)
{
	char *text = header != NULL ? json_dumps(header, JSON_COMPACT) : NULL;

	if (text == NULL)
		return ERR_NOMEM;
	base64url_encode((const uint8_t *)text, strlen(text), out);
	free(text);
	*header_n = out->len;
	buf_add_str(out, ".");
	if (payload != NULL)
		base64url_encode((const uint8_t *)payload, strlen(payload), out);
	return out->failed ? ERR_NOMEM : ERR_OK;
}

static enum err
jws_write(const struct buf *input, size_t header_n, const struct buf *signature, struct buf *out)
{
	buf_add_str(out, "{\"protected\":\"");
	buf_add(out, input->p, header_n);
	buf_add_str(out, "\",\"payload\":\"");
	buf_add(out, input->p + header_n + 1, input->len - header_n - 1);
	buf_add_str(out, "\",\"signature\":\"");
	base64url_encode(signature->p, signature->len, out);
	buf_add_str(out, "\"}");
	return out->failed ? ERR_NOMEM : ERR_OK;
}

/* The protected header (RFC 8555, section 6.2).  NULL: no memory. */
static json_t *
header_make(const struct acme_key *key, const char *url, const char *nonce, const char *kid)
{
	json_t *header = json_pack("{s:s}", "alg", acme_key_algorithm(key));

	if (kid != NULL)
		json_object_set_new(header, "kid", json_string(kid));
	else
		json_object_set_new(header, "jwk", json_loads(acme_key_jwk(key), 0, NULL));
	if (nonce != NULL)
		json_object_set_new(header, "nonce", json_string(nonce));
	if (json_object_set_new(header, "url", json_string(url)) == 0 &&
	    json_object_size(header) == (nonce != NULL ? 4 : 3))
		return header;
	json_decref(header);
	return NULL;
}

enum err
acme_jws_sign(const struct acme_key *key, const char *url, const char *nonce, const char *kid, const char *payload,
    struct buf *out)
{
	json_t *header = header_make(key, url, nonce, kid);
	struct buf input = { 0 }, signature = { 0 };
	size_t header_n;
	enum err err;

	if ((err = input_write(header, payload, &header_n, &input)) == ERR_OK &&
	    (err = acme_key_sign(key, input.p, input.len, &signature)) == ERR_OK)
		err = jws_write(&input, header_n, &signature, out);
	json_decref(header);
	buf_clear(&input);
	buf_clear(&signature);
	return err;
}

enum err
acme_jws_bind(const uint8_t *secret, size_t n, const char *kid, const char *url, const char *jwk,
    struct buf *out)
{
	json_t *header = json_pack("{s:s, s:s, s:s}", "alg", "HS256", "kid", kid, "url", url);
	struct buf input = { 0 }, signature = { 0 };
	uint8_t mac[SHA256_DIGEST_LENGTH];
	size_t header_n;
	enum err err;

	if ((err = input_write(header, jwk, &header_n, &input)) != ERR_OK)
		;
	else if (HMAC(EVP_sha256(), secret, (int)n, input.p, input.len, mac, NULL) == NULL)
		err = ERR_CRYPTO;
	else {
		buf_add(&signature, mac, sizeof mac);
		err = signature.failed ? ERR_NOMEM : jws_write(&input, header_n, &signature, out);
	}
	json_decref(header);
	buf_clear(&input);
	buf_clear(&signature);
	return err;
}

enum err
acme_txt_value(const char *thumbprint, const char *token, char value[ACME_TXT_VALUE_LEN + 1])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct buf b = { 0 }, text = { 0 };
	enum err err = ERR_NOMEM;

	buf_printf(&b, "%s.%s", token, thumbprint);
	if (!b.failed && EVP_Digest(b.p, b.len, digest, NULL, EVP_sha256(), NULL) != 1)
		err = ERR_CRYPTO;
	else if (!b.failed) {
		base64url_encode(digest, sizeof digest, &text);
		if (buf_str(&text) != NULL) {
			memcpy(value, buf_str(&text), ACME_TXT_VALUE_LEN + 1);
			err = ERR_OK;
		}
	}
	buf_clear(&b);
	buf_clear(&text);
	return err;
}
