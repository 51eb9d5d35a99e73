#include "tools/fetch_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

#define COMMON_NAME_MAX 64		/* RFC 5280, ub-common-name */
#define CSR_MAX 16384

const char *const fetch_key_types[] = { "p256", "p384", "rsa2048", "rsa3072", "rsa4096", NULL };

static const struct { const char *group; int bits; } kinds[] = {
	[FETCH_P256] = { "P-256", 256 },
	[FETCH_P384] = { "P-384", 384 },
	[FETCH_RSA2048] = { NULL, 2048 },
	[FETCH_RSA3072] = { NULL, 3072 },
	[FETCH_RSA4096] = { NULL, 4096 },
};

void
fetch_request_clear(struct fetch_request *r)
{
	EVP_PKEY_free(r->key);
	acme_csr_free(r->csr);
	*r = (struct fetch_request){ 0 };
}

bool
fetch_key_is(const EVP_PKEY *key, enum fetch_key_type type)
{
	return type == FETCH_ANY_KEY || (EVP_PKEY_is_a(key, kinds[type].group != NULL ? "EC" : "RSA") &&
	    EVP_PKEY_get_bits(key) == kinds[type].bits);
}

bool
fetch_request_is_for(const struct fetch_request *r, char *const *names)
{
	const struct acme_names *have;
	size_t n = 0;

	if (r->csr == NULL)
		return false;
	have = acme_csr_names(r->csr);
	for (; names[n] != NULL; n++) {
		bool found = false;

		for (size_t i = 0; i < have->n; i++)
			found |= strcmp(have->v[i], names[n]) == 0;
		if (!found)
			return false;
	}
	return n == have->n;			/* neither has a name twice */
}

static EVP_PKEY *
make_key(enum fetch_key_type type)
{
	return kinds[type].group != NULL ? EVP_EC_gen(kinds[type].group) : EVP_RSA_gen((size_t)kinds[type].bits);
}

static bool
add_names(X509_REQ *request, char *const *names)
{
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	GENERAL_NAMES *san = sk_GENERAL_NAME_new_null();
	X509_EXTENSION *extension = NULL;
	bool good = extensions != NULL && san != NULL;

	for (size_t i = 0; good && names[i] != NULL; i++) {
		GENERAL_NAME *name = a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_DNS, names[i], 0);

		if (name == NULL || sk_GENERAL_NAME_push(san, name) == 0) {
			GENERAL_NAME_free(name);
			good = false;
		}
	}
	if (good && (extension = X509V3_EXT_i2d(NID_subject_alt_name, 0, san)) != NULL &&
	    sk_X509_EXTENSION_push(extensions, extension) > 0) {
		extension = NULL;
		good = X509_REQ_add_extensions(request, extensions) == 1;
	} else
		good = false;
	X509_EXTENSION_free(extension);
	sk_GENERAL_NAME_pop_free(san, GENERAL_NAME_free);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return good;
}

static bool
add_subject(X509_REQ *request, const char *name)
{
	return strlen(name) > COMMON_NAME_MAX || X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN",
	    MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1;
}

static const EVP_MD *
digest_for(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
		return NULL;			/* these have their own (RFC 8410) */
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
}

/* In DER, parsed again. */
static enum err
make_csr(EVP_PKEY *key, char *const *names, struct acme_csr **out, struct fault *f)
{
	X509_REQ *request = X509_REQ_new();
	const EVP_MD *digest = digest_for(key);
	unsigned char *der = NULL;
	enum err err = ERR_CRYPTO;
	int n;

	if (request != NULL && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
	    add_subject(request, names[0]) && add_names(request, names) && X509_REQ_set_pubkey(request, key) == 1 &&
	    X509_REQ_sign(request, key, digest) > 0 && (n = i2d_X509_REQ(request, &der)) > 0)
		err = n > CSR_MAX ? fault_set(f, ERR_RANGE, "the CSR would have %d octets; ask for fewer names", n) :
		    acme_csr_parse(der, (size_t)n, out, f);
	else
		fault_set(f, err, "the CSR cannot be made");
	OPENSSL_free(der);
	X509_REQ_free(request);
	return err;
}

enum err
fetch_request_make(EVP_PKEY *key, enum fetch_key_type type, char *const *names, struct fetch_request *out,
    struct fault *f)
{
	struct fetch_request r = { .key = key };
	enum err err;

	type = type == FETCH_ANY_KEY ? FETCH_P256 : type;
	if (key != NULL)
		EVP_PKEY_up_ref(key);
	else if ((r.key = make_key(type)) == NULL)
		return fault_set(f, ERR_CRYPTO, "a %s key cannot be made", fetch_key_types[type]);
	if ((err = make_csr(r.key, names, &r.csr, f)) == ERR_OK)
		*out = r;
	else
		fetch_request_clear(&r);
	ERR_clear_error();
	return err;
}

/* Append what was written to bio. */
static enum err
take_bio(BIO *bio, bool written, struct buf *out)
{
	char *octets;
	long n = bio == NULL ? 0 : BIO_get_mem_data(bio, &octets);

	if (written && n > 0)
		buf_add(out, octets, (size_t)n);
	if (n > 0)
		OPENSSL_cleanse(octets, (size_t)n);
	BIO_free(bio);
	ERR_clear_error();
	return out->failed ? ERR_NOMEM : written && n > 0 ? ERR_OK : ERR_CRYPTO;
}

enum err
fetch_key_print(EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	return take_bio(bio, bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, out);
}

enum err
fetch_request_print(const struct fetch_request *r, bool with_key, struct buf *out)
{
	size_t n;
	const uint8_t *der = acme_csr_der(r->csr, &n);
	enum err err = with_key ? fetch_key_print(r->key, out) : ERR_OK;
	BIO *bio = err == ERR_OK ? BIO_new(BIO_s_mem()) : NULL;

	if (err != ERR_OK)
		return err;
	return take_bio(bio, bio != NULL && PEM_write_bio(bio, PEM_STRING_X509_REQ, "", der, (long)n) > 0, out);
}

/* No passphrase: nobody is there to type it. */
static int
no_passphrase(char *to, int size, int writing, void *arg)
{
	(void)to, (void)size, (void)writing, (void)arg;
	return -1;
}

enum err
fetch_request_parse(const char *text, size_t n, struct fetch_request *out, struct fault *f)
{
	struct fetch_request r = { 0 };
	enum err err = ERR_OK;
	BIO *bio = n > INT32_MAX ? NULL : BIO_new_mem_buf(text, (int)n);
	char *name, *header;
	unsigned char *der;
	long der_n;

	if (bio == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	r.key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_seek(bio, 0);
	while (r.csr == NULL && err == ERR_OK && PEM_read_bio(bio, &name, &header, &der, &der_n) == 1) {
		if (strcmp(name, PEM_STRING_X509_REQ) == 0 || strcmp(name, PEM_STRING_X509_REQ_OLD) == 0)
			err = acme_csr_parse(der, (size_t)der_n, &r.csr, f);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)der_n);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (err == ERR_OK)
		*out = r;
	else
		fetch_request_clear(&r);
	return err;
}
