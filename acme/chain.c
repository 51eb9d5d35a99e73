#include "acme/chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
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

void
acme_chain_clear(struct acme_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		free(chain->v[i].octets);
	free(chain->v);
	*chain = (struct acme_chain){ 0 };
}
