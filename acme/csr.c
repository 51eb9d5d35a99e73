#include "acme/csr.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "acme/kept.h"
#include "acme/x509.h"

#define NAMES_MAX 1000		/* no CA takes more, and a hostile CSR must not cost more */

struct acme_csr {
	atomic_uint refs;
	X509_REQ *request;
	struct acme_names names;
	bool san_complete;
	uint8_t *der;
	size_t der_n;
};

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_sort(struct acme_names *names)
{
	size_t kept = 0;

	if (names->n > 1)
		qsort(names->v, names->n, sizeof names->v[0], compare_names);
	for (size_t i = 0; i < names->n; i++) {
		if (kept > 0 && strcmp(names->v[kept - 1], names->v[i]) == 0)
			free(names->v[i]);
		else
			names->v[kept++] = names->v[i];
	}
	names->n = kept;
}

bool
acme_names_equal(const struct acme_names *a, const struct acme_names *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

void
acme_names_print(const struct acme_names *names, struct buf *out)
{
	for (size_t i = 0; i < names->n; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", names->v[i]);
}

void
acme_names_clear(struct acme_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	*names = (struct acme_names){ 0 };
}

/* One label of a host name: letters, digits, hyphen inside (RFC 5890's LDH), and the underscore that real names
 * have. */
static bool
label_ok(const char *p, size_t n)
{
	if (n == 0 || n > 63 || p[0] == '-' || p[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '-' || p[i] == '_'))
			return false;
	return true;
}

/* A host name in lower case, perhaps with a leading "*." (RFC 6125, section 6.4.3). */
static bool
host_ok(const char *name)
{
	const char *p = strncmp(name, "*.", 2) == 0 ? name + 2 : name;

	if (strlen(p) > 253)
		return false;
	for (;;) {
		size_t n = strcspn(p, ".");

		if (!label_ok(p, n))
			return false;
		if (p[n] == '\0')
			return true;
		p += n + 1;
	}
}

/* strict: an impossible name is an error; else it is passed over. */
static enum err
names_add(struct acme_names *names, const ASN1_STRING *text, bool strict, struct fault *f)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, text);
	enum err err = ERR_OK;
	char *name = NULL, **v;

	if (n < 0 || memchr(utf8, '\0', (size_t)n) != NULL || (name = strndup((char *)utf8, (size_t)n)) == NULL) {
		err = fault_set(f, ERR_RANGE, "a name in it is not text");
		goto out;
	}
	for (char *p = name; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 'a' - 'A');
	if (!host_ok(name)) {
		if (strict)
			err = fault_set(f, ERR_RANGE, "\"%.300s\" cannot be the name of a host", name);
		goto out;
	}
	if (names->n == NAMES_MAX) {
		err = fault_set(f, ERR_RANGE, "more than %d names", NAMES_MAX);
		goto out;
	}
	if ((v = realloc(names->v, (names->n + 1) * sizeof *v)) == NULL) {
		err = fault_set(f, ERR_NOMEM, "out of memory");
		goto out;
	}
	names->v = v;
	names->v[names->n++] = name;
	name = NULL;
out:
	free(name);
	OPENSSL_free(utf8);
	return err;
}

static enum err
names_add_subject(struct acme_names *names, const X509_NAME *subject, bool strict, struct fault *f)
{
	enum err err = ERR_OK;

	for (int i = -1; err == ERR_OK && (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
		err = names_add(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)), strict, f);
	return err;
}

static enum err
names_add_san(struct acme_names *names, const GENERAL_NAMES *san, bool strict, struct fault *f)
{
	enum err err = ERR_OK;

	for (int i = 0; err == ERR_OK && i < sk_GENERAL_NAME_num(san); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(san, i);

		if (g->type == GEN_DNS)
			err = names_add(names, g->d.dNSName, strict, f);
		else if (strict)
			err = fault_set(f, ERR_UNSUPPORTED, "it asks for %s; only DNS names can be proved by DNS",
			    g->type == GEN_IPADD ? "an IP address" : g->type == GEN_EMAIL ? "a mail address" :
			    g->type == GEN_URI ? "a URI" : "a name that is no DNS name");
	}
	return err;
}

static enum err
csr_names(struct acme_csr *csr, struct fault *f)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr->request);
	int critical = -1;
	size_t nsan;
	GENERAL_NAMES *san = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	enum err err = ERR_OK;

	if (san == NULL && critical != -1)	/* -1: there is none; else malformed or there twice */
		err = fault_set(f, ERR_FORMAT, "its subjectAltName is malformed or there twice");
	if (err == ERR_OK)
		err = names_add_san(&csr->names, san, true, f);
	names_sort(&csr->names);
	nsan = csr->names.n;
	if (err == ERR_OK)
		err = names_add_subject(&csr->names, X509_REQ_get_subject_name(csr->request), true, f);
	names_sort(&csr->names);
	csr->san_complete = csr->names.n == nsan;
	GENERAL_NAMES_free(san);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	if (err == ERR_OK && csr->names.n == 0)
		err = fault_set(f, ERR_RANGE, "it has no name: neither a common name nor a subjectAltName");
	return err;
}

static enum err
csr_load(struct acme_csr *csr, const uint8_t *der, size_t n, struct fault *f)
{
	const uint8_t *p = der;
	EVP_PKEY *key;

	if (n == 0 || n > 65535 || (csr->der = malloc(n)) == NULL)
		return fault_set(f, n == 0 ? ERR_FORMAT : ERR_NOMEM, n == 0 ? "it is empty" : "out of memory");
	memcpy(csr->der, der, n);
	csr->der_n = n;
	if ((csr->request = d2i_X509_REQ(NULL, &p, (long)n)) == NULL || p != der + n)
		return fault_set(f, ERR_FORMAT, "it is not a PKCS#10 request in DER");
	if ((key = X509_REQ_get0_pubkey(csr->request)) == NULL)
		return fault_set(f, ERR_UNSUPPORTED, "its public key is of an unknown kind or malformed");
	if (X509_REQ_verify(csr->request, key) != 1)
		return fault_set(f, ERR_CRYPTO, "its signature was not made by its key");
	return csr_names(csr, f);
}

static int
csr_ref(void *csr)
{
	return ++((struct acme_csr *)csr)->refs != 0;
}

static void
csr_unref(void *csr)
{
	acme_csr_free(csr);
}

static struct kept kept = KEPT(csr_ref, csr_unref);

enum err
acme_csr_parse(const uint8_t *der, size_t n, struct acme_csr **out, struct fault *f)
{
	struct acme_csr *csr = kept_find(&kept, der, n);
	enum err err;

	if (csr != NULL) {
		*out = csr;
		return ERR_OK;
	}
	if ((csr = calloc(1, sizeof *csr)) == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	csr->refs = 1;
	if ((err = csr_load(csr, der, n, f)) == ERR_OK) {
		kept_put(&kept, der, n, csr);
		*out = csr;
	} else {
		acme_csr_free(csr);
	}
	ERR_clear_error();
	return err;
}

void
acme_csr_free(struct acme_csr *csr)
{
	if (csr == NULL || --csr->refs > 0)
		return;
	X509_REQ_free(csr->request);
	acme_names_clear(&csr->names);
	free(csr->der);
	free(csr);
}

const struct acme_names *
acme_csr_names(const struct acme_csr *csr)
{
	return &csr->names;
}

bool
acme_csr_san_complete(const struct acme_csr *csr)
{
	return csr->san_complete;
}

void *
acme_csr_key(const struct acme_csr *csr)
{
	return X509_REQ_get0_pubkey(csr->request);
}

int
acme_csr_signature(const struct acme_csr *csr)
{
	return X509_REQ_get_signature_nid(csr->request);
}

bool
acme_csr_must_staple(const struct acme_csr *csr)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(csr->request);
	bool has = X509v3_get_ext_by_NID(extensions, NID_tlsfeature, -1) >= 0;

	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return has;
}

size_t
acme_csr_common_name_len(const struct acme_csr *csr)
{
	const X509_NAME *subject = X509_REQ_get_subject_name(csr->request);
	size_t longest = 0;

	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;) {
		size_t n = (size_t)ASN1_STRING_length(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));

		longest = n > longest ? n : longest;
	}
	return longest;
}

const uint8_t *
acme_csr_der(const struct acme_csr *csr, size_t *n)
{
	*n = csr->der_n;
	return csr->der;
}

enum err
acme_csr_digest(const struct acme_csr *csr, uint8_t digest[SHA256_DIGEST_LENGTH])
{
	return EVP_Digest(csr->der, csr->der_n, digest, NULL, EVP_sha256(), NULL) == 1 ? ERR_OK : ERR_CRYPTO;
}

static bool
time_read(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = (int64_t)timegm(&tm);
	return true;
}

static char *
issuer_name(const X509 *x)
{
	const X509_NAME *name = X509_get_issuer_name(x);
	int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	char *out, *line;

	if (i >= 0 && ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i))) >= 0) {
		out = strdup((char *)utf8);
		OPENSSL_free(utf8);
		return out;
	}
	line = X509_NAME_oneline(name, NULL, 0);
	out = strdup(line != NULL ? line : "");
	OPENSSL_free(line);
	return out;
}

static enum err
certificate_load(X509 *x, struct acme_certificate *c, struct fault *f)
{
	GENERAL_NAMES *san;
	enum err err;

	if (!time_read(X509_get0_notBefore(x), &c->not_before_s) || !time_read(X509_get0_notAfter(x), &c->not_after_s))
		return fault_set(f, ERR_FORMAT, "its times of validity are malformed");
	if ((c->key = X509_get_pubkey(x)) == NULL)
		return fault_set(f, ERR_UNSUPPORTED, "its public key is of an unknown kind or malformed");
	if ((c->issuer = issuer_name(x)) == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	san = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	/* A CA may write a common name that is no host's, as long as it is not all there is. */
	if ((err = names_add_san(&c->names, san, false, f)) == ERR_OK)
		err = names_add_subject(&c->names, X509_get_subject_name(x), false, f);
	GENERAL_NAMES_free(san);
	names_sort(&c->names);
	return err;
}

enum err
acme_certificate_parse(const uint8_t *der, size_t n, struct acme_certificate *out, struct fault *f)
{
	X509 *x = acme_x509(der, n);
	struct acme_certificate c = { 0 };
	enum err err;

	if (x == NULL)
		err = fault_set(f, ERR_FORMAT, "it is not an X.509 certificate in DER");
	else
		err = certificate_load(x, &c, f);
	X509_free(x);
	if (err == ERR_OK)
		*out = c;
	else
		acme_certificate_clear(&c);
	ERR_clear_error();
	return err;
}

void
acme_certificate_clear(struct acme_certificate *c)
{
	acme_names_clear(&c->names);
	free(c->issuer);
	EVP_PKEY_free(c->key);
	*c = (struct acme_certificate){ 0 };
}

enum err
acme_certificate_matches(const struct acme_certificate *c, const struct acme_csr *csr, struct fault *f)
{
	struct buf have = { 0 }, want = { 0 };
	enum err err = ERR_OK;

	if (EVP_PKEY_eq(c->key, X509_REQ_get0_pubkey(csr->request)) != 1)
		err = fault_set(f, ERR_CONFLICT, "the certificate is for another key than the CSR's");
	else if (!acme_names_equal(&c->names, &csr->names)) {
		acme_names_print(&c->names, &have);
		acme_names_print(&csr->names, &want);
		const char *h = buf_str(&have), *w = buf_str(&want);
		err = fault_set(f, ERR_CONFLICT, "the certificate is for %.400s, the CSR for %.400s",
		    h == NULL || *h == '\0' ? "no name" : h, w == NULL ? "?" : w);
	}
	buf_clear(&have);
	buf_clear(&want);
	ERR_clear_error();
	return err;
}
