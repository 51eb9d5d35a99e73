#include "acme/revoked.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acme/csr.h"
#include "acme/port.h"
#include "acme/x509.h"
#include "base/buf.h"
#include "base/encoding.h"
#include "base/log.h"

#define PREFIX "revoked/"
#define RECORD_VERSION 1

/* table: "certificate/<hex of SHA-256>" or "key/<hex of SHA-256 of the SubjectPublicKeyInfo>" -> {v, at, until}, times
 * in seconds; until 0: for ever.  The same, with PREFIX in front of the names, is what is remembered. */
struct acme_revoked {
	struct acme_port *port;
	json_t *table;
	size_t nkeys;			/* compromised ones: most often none */
};

static enum err
name_of(const char *kind, const uint8_t *octets, size_t n, struct buf *out)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	if (EVP_Digest(octets, n, digest, NULL, EVP_sha256(), NULL) != 1)
		return ERR_CRYPTO;
	buf_add_str(out, kind);
	hex_encode(digest, sizeof digest, out);
	return buf_str(out) != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err
name_of_key(const X509_PUBKEY *pub, struct buf *out)
{
	uint8_t *der = NULL;
	int n = pub != NULL ? i2d_X509_PUBKEY(pub, &der) : -1;
	enum err err = n > 0 ? name_of("key/", der, (size_t)n, out) : ERR_CRYPTO;

	OPENSSL_free(der);
	return err;
}

static enum err
put(struct acme_revoked *r, const char *name, int64_t at_s, int64_t until_s)
{
	json_t *json = json_pack("{s:i, s:I, s:I}", "v", RECORD_VERSION, "at", (json_int_t)at_s,
	    "until", (json_int_t)until_s);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	struct buf key = { 0 };
	enum err err = ERR_NOMEM;
	bool known = json_object_get(r->table, name) != NULL;

	buf_printf(&key, PREFIX "%s", name);
	if (text != NULL && buf_str(&key) != NULL && json_object_set_new(r->table, name, json) == 0) {
		r->nkeys += !known && strncmp(name, "key/", 4) == 0;
		err = acme_port_remember(r->port, buf_str(&key), text, strlen(text), NULL, NULL, NULL);
	}
	free(text);
	buf_clear(&key);
	return err;
}

enum err
acme_revoked_add(struct acme_revoked *r, const uint8_t *leaf, size_t n, bool compromised, int64_t now_s)
{
	struct acme_certificate certificate;
	struct buf name = { 0 }, key = { 0 };
	enum err err = acme_certificate_parse(leaf, n, &certificate, NULL);
	X509 *x;

	if (err != ERR_OK)
		return err;
	x = acme_x509(leaf, n);
	if ((err = name_of("certificate/", leaf, n, &name)) == ERR_OK)
		err = put(r, buf_str(&name), now_s, certificate.not_after_s);
	if (err == ERR_OK && compromised &&
	    (err = name_of_key(x != NULL ? X509_get_X509_PUBKEY(x) : NULL, &key)) == ERR_OK)
		err = put(r, buf_str(&key), now_s, 0);
	acme_certificate_clear(&certificate);
	buf_clear(&name);
	buf_clear(&key);
	X509_free(x);
	return err;
}

bool
acme_revoked_certificate(const struct acme_revoked *r, const uint8_t *leaf, size_t n)
{
	struct buf name = { 0 };
	bool found = json_object_size(r->table) > r->nkeys && name_of("certificate/", leaf, n, &name) == ERR_OK &&
	    json_object_get(r->table, buf_str(&name)) != NULL;

	buf_clear(&name);
	return found;
}

bool
acme_revoked_key(const struct acme_revoked *r, const uint8_t *csr, size_t n, struct fault *f)
{
	X509_REQ *request = r->nkeys > 0 ? d2i_X509_REQ(NULL, &csr, (long)n) : NULL;
	struct buf name = { 0 };
	const json_t *found = NULL;
	struct tm tm;
	char date[16];

	if (request != NULL && name_of_key(X509_REQ_get_X509_PUBKEY(request), &name) == ERR_OK)
		found = json_object_get(r->table, buf_str(&name));
	if (found != NULL) {
		time_t at = (time_t)json_integer_value(json_object_get(found, "at"));

		strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&at, &tm));
		fault_set(f, ERR_REFUSED, "the key of this CSR was compromised, and its certificate revoked for that "
		    "on %s: a CSR with another key is needed", date);
	}
	X509_REQ_free(request);
	buf_clear(&name);
	return found != NULL;
}

/* ---- over restarts ---- */

static void
on_recalled(void *arg, const char *key, const uint8_t *octets, size_t n)
{
	struct acme_revoked *r = arg;
	const char *name = key + strlen(PREFIX);
	json_t *json = json_loadb((const char *)octets, n, 0, NULL);

	if (json_integer_value(json_object_get(json, "v")) != RECORD_VERSION) {
		log_warning("acme: what is remembered under %s cannot be read, and is passed over", key);
		json_decref(json);
		return;
	}
	if (json_object_set_new(r->table, name, json) == 0)
		r->nkeys += strncmp(name, "key/", 4) == 0;
}

static void
forget_expired(struct acme_revoked *r, int64_t now_s)
{
	const char *name;
	json_t *entry;
	void *next;

	json_object_foreach_safe(r->table, next, name, entry) {
		int64_t until_s = json_integer_value(json_object_get(entry, "until"));
		struct buf key = { 0 };

		if (until_s == 0 || until_s >= now_s)
			continue;
		buf_printf(&key, PREFIX "%s", name);
		if (buf_str(&key) != NULL)
			acme_port_remember(r->port, buf_str(&key), NULL, 0, NULL, NULL, NULL);
		buf_clear(&key);
		json_object_del(r->table, name);
	}
}

enum err
acme_revoked_new(struct acme_port *port, int64_t now_s, struct acme_revoked **out)
{
	const struct acme_outside *outside = acme_port_outside(port);
	struct acme_revoked *r = calloc(1, sizeof *r);

	if (r == NULL || (r->table = json_object()) == NULL) {
		free(r);
		return ERR_NOMEM;
	}
	r->port = port;
	outside->recall(outside->ctx, PREFIX, on_recalled, r);
	forget_expired(r, now_s);
	*out = r;
	return ERR_OK;
}

void
acme_revoked_free(struct acme_revoked *r)
{
	if (r == NULL)
		return;
	json_decref(r->table);
	free(r);
}
