#include "acme/chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "acme/x509.h"

static enum err
chain_add(struct acme_chain *chain, const uint8_t *der, long n, struct fault *f)
{
	struct acme_der *v;

	if (chain->n == ACME_CHAIN_MAX)
		return fault_set(f, ERR_PEER, "the CA's chain has more than %d certificates", ACME_CHAIN_MAX);
	if ((v = realloc(chain->v, (chain->n + 1) * sizeof *v)) == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	chain->v = v;
	if ((v[chain->n].octets = malloc((size_t)n)) == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	memcpy(v[chain->n].octets, der, (size_t)n);
	v[chain->n++].n = (size_t)n;
	return ERR_OK;
}

enum err
acme_chain_parse(const char *pem, size_t n, struct acme_chain *out, struct fault *f)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)n);
	struct acme_chain chain = { 0 };
	char *name, *header;
	unsigned char *der;
	long der_n;
	enum err err = bio == NULL ? fault_set(f, ERR_NOMEM, "out of memory") : ERR_OK;

	while (err == ERR_OK && PEM_read_bio(bio, &name, &header, &der, &der_n) == 1) {
		if (strcmp(name, PEM_STRING_X509) != 0)		/* RFC 8555, section 9.1: certificates only */
			err = fault_set(f, ERR_PEER, "the CA's chain holds a \"%.60s\"", name);
		else if (der_n <= 0 || der_n > 60000)
			err = fault_set(f, ERR_PEER, "the CA's chain holds a certificate of %ld octets", der_n);
		else
			err = chain_add(&chain, der, der_n, f);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (err == ERR_OK && chain.n == 0)
		err = fault_set(f, ERR_PEER, "the CA's chain holds no certificate in PEM");
	if (err == ERR_OK)
		*out = chain;
	else
		acme_chain_clear(&chain);
	return err;
}

/* ---- does it fit? ---- */

static enum err
leaf_verify(const struct acme_chain *chain, const struct acme_csr *csr, struct fault *f)
{
	struct acme_certificate leaf;
	struct fault inner = { 0 };
	enum err err;

	if ((err = acme_certificate_parse(chain->v[0].octets, chain->v[0].n, &leaf, &inner)) != ERR_OK)
		return fault_set(f, ERR_PEER, "the CA's certificate cannot be used: %.900s", inner.text);
	if ((err = acme_certificate_matches(&leaf, csr, &inner)) != ERR_OK)
		fault_set(f, ERR_PEER, "the CA's answer does not fit: %.900s", inner.text);
	acme_certificate_clear(&leaf);
	return err == ERR_OK ? ERR_OK : ERR_PEER;
}

static const char *
subject_of(X509 *x, char text[200])
{
	X509_NAME *name = X509_get_subject_name(x);

	if (X509_NAME_get_text_by_NID(name, NID_commonName, text, 200) < 0 &&
	    X509_NAME_oneline(name, text, 200) == NULL)
		text[0] = '\0';
	return text;
}

/* upper, certificate number at + 1 from 0 on, must have issued lower. */
static enum err
link_verify(X509 *lower, X509 *upper, size_t at, int64_t now_s, struct fault *f)
{
	char low[200], up[200];
	time_t now = (time_t)now_s;
	int code;

	subject_of(lower, low);
	subject_of(upper, up);
	if ((code = X509_check_issued(upper, lower)) != X509_V_OK)
		return fault_set(f, ERR_PEER, "the CA's chain does not verify: certificate %zu (%s) was not issued by "
		    "certificate %zu (%s): %s", at + 1, low, at + 2, up, X509_verify_cert_error_string(code));
	if (X509_verify(lower, X509_get0_pubkey(upper)) != 1)
		return fault_set(f, ERR_PEER, "the CA's chain does not verify: certificate %zu (%s) was not signed by "
		    "the key of certificate %zu (%s)", at + 1, low, at + 2, up);
	if (X509_check_ca(upper) == 0)
		return fault_set(f, ERR_PEER, "the CA's chain does not verify: certificate %zu (%s) is not a CA's",
		    at + 2, up);
	if (X509_cmp_time(X509_get0_notBefore(upper), &now) > 0 || X509_cmp_time(X509_get0_notAfter(upper), &now) < 0)
		return fault_set(f, ERR_PEER,
		    "certificate %zu of the CA's chain (%s) is not valid now; is this machine's clock right?",
		    at + 2, up);
	return ERR_OK;
}

enum err
acme_chain_verify(const struct acme_chain *chain, const struct acme_csr *csr, int64_t now_s, struct fault *f)
{
	enum err err = leaf_verify(chain, csr, f);
	X509 *lower = err == ERR_OK ? acme_x509(chain->v[0].octets, chain->v[0].n) : NULL, *upper;

	for (size_t i = 0; err == ERR_OK && i + 1 < chain->n; i++) {
		if ((upper = acme_x509(chain->v[i + 1].octets, chain->v[i + 1].n)) == NULL)
			err = fault_set(f, ERR_PEER, "certificate %zu of the CA's chain is not an X.509 certificate in "
			    "DER", i + 2);
		else
			err = link_verify(lower, upper, i, now_s, f);
		X509_free(lower);
		lower = upper;
	}
	X509_free(lower);
	ERR_clear_error();
	return err;
}

bool
acme_chain_is_under(const struct acme_chain *chain, const char *common_name)
{
	const struct acme_der *top = &chain->v[chain->n - 1];
	struct acme_certificate c;
	bool is = false;

	if (acme_certificate_parse(top->octets, top->n, &c, NULL) == ERR_OK) {
		is = strcmp(c.issuer, common_name) == 0;
		acme_certificate_clear(&c);
	}
	return is;
}

void
acme_chain_clear(struct acme_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		free(chain->v[i].octets);
	free(chain->v);
	*chain = (struct acme_chain){ 0 };
}
