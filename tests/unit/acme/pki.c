#include "tests/unit/acme/pki.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static X509_NAME *
name_of(const char *cn)
{
	X509_NAME *name = X509_NAME_new();

	if (cn != NULL)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	return name;
}

void
pki_csr(EVP_PKEY *key, const char *cn, const char *san, struct buf *out)
{
	X509_REQ *r = X509_REQ_new();
	X509_NAME *name = name_of(cn);
	uint8_t *der = NULL;

	X509_REQ_set_version(r, 0);
	X509_REQ_set_subject_name(r, name);
	X509_REQ_set_pubkey(r, key);
	if (san != NULL) {
		STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
		sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
		X509_REQ_add_extensions(r, list);
		sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	}
	X509_REQ_sign(r, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256());
	int n = i2d_X509_REQ(r, &der);
	assert(n > 0);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_NAME_free(name);
	X509_REQ_free(r);
}

static void
add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

struct identity {			/* for pki_certificate_known() */
	const char *serial;
	const uint8_t *issuer_id;
	size_t n;
};

static void
identify(X509 *x, const struct identity *id)
{
	AUTHORITY_KEYID *a = AUTHORITY_KEYID_new();
	BIGNUM *serial = NULL;

	BN_hex2bn(&serial, id->serial);
	BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x));
	a->keyid = ASN1_OCTET_STRING_new();
	ASN1_OCTET_STRING_set(a->keyid, id->issuer_id, (int)id->n);
	X509_add1_ext_i2d(x, NID_authority_key_identifier, a, 0, 0);
	AUTHORITY_KEYID_free(a);
	BN_free(serial);
}

static void
certificate(EVP_PKEY *key, const char *cn, const char *san, bool is_ca, EVP_PKEY *issuer_key, const char *issuer,
    int64_t from_s, int64_t until_s, const struct identity *id, struct buf *out)
{
	X509 *x = X509_new();
	X509_NAME *subject = name_of(cn), *by = name_of(issuer);
	uint8_t *der = NULL;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 42);
	X509_set_subject_name(x, subject);
	X509_set_issuer_name(x, by);
	X509_set_pubkey(x, key);
	X509_time_adj_ex(X509_getm_notBefore(x), 0, 0, &(time_t){ from_s });
	X509_time_adj_ex(X509_getm_notAfter(x), 0, 0, &(time_t){ until_s });
	if (san != NULL)
		add_extension(x, NID_subject_alt_name, san);
	if (is_ca)
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	if (id != NULL)
		identify(x, id);
	X509_sign(x, issuer_key, EVP_sha256());
	int n = i2d_X509(x, &der);
	assert(n > 0);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_NAME_free(subject);
	X509_NAME_free(by);
	X509_free(x);
}

void
pki_certificate(EVP_PKEY *key, const char *cn, const char *san, EVP_PKEY *issuer_key, const char *issuer,
    int64_t from_s, int64_t until_s, struct buf *out)
{
	certificate(key, cn, san, false, issuer_key, issuer, from_s, until_s, NULL, out);
}

void
pki_certificate_known(EVP_PKEY *key, const char *san, const char *serial, const uint8_t *issuer_id, size_t n,
    EVP_PKEY *issuer_key, int64_t from_s, int64_t until_s, struct buf *out)
{
	certificate(key, NULL, san, false, issuer_key, "Test CA", from_s, until_s, &(struct identity){ serial,
	    issuer_id, n }, out);
}

void
pki_ca(EVP_PKEY *key, const char *cn, EVP_PKEY *issuer_key, const char *issuer, int64_t from_s, int64_t until_s,
    struct buf *out)
{
	certificate(key, cn, NULL, true, issuer_key, issuer, from_s, until_s, NULL, out);
}

void
pki_pem(const struct buf *der, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;

	PEM_write_bio(bio, PEM_STRING_X509, "", der->p, (long)der->len);
	long n = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)n);
	BIO_free(bio);
}
