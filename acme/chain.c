#include "acme/chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

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

static X509 *
certificate_of(const struct acme_der *der)
{
	const uint8_t *p = der->octets;
	X509 *x = d2i_X509(NULL, &p, (long)der->n);

	if (x != NULL && p != der->octets + der->n) {
		X509_free(x);
		return NULL;
	}
	return x;
}

/* NULL: issuer certifies x; else why not. */
static const char *
not_certified(X509 *x, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	if (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(issuer)) != 0)
		return "which is not its issuer by name";
	if (X509_check_ca(issuer) == 0)
		return "which is no CA's";
	if (key == NULL || X509_verify(x, key) != 1)
		return "whose key did not sign it";
	return NULL;
}

enum err
acme_chain_check(const struct acme_chain *chain, struct fault *f)
{
	X509 *x = NULL, *next = NULL;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < chain->n; i++) {
		const char *why = NULL;

		if ((next = certificate_of(&chain->v[i])) == NULL)
			err = fault_set(f, ERR_PEER, "number %zu of the CA's chain is not an X.509 certificate", i + 1);
		else if (x != NULL && (why = not_certified(x, next)) != NULL)
			err = fault_set(f, ERR_PEER, "the CA's chain does not verify: after certificate %zu comes one %s", i, why);
		X509_free(x);
		x = next;
	}
	X509_free(x);
	ERR_clear_error();
	return err;
}

void
acme_chain_clear(struct acme_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		free(chain->v[i].octets);
	free(chain->v);
	*chain = (struct acme_chain){ 0 };
}
