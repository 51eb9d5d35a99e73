/* Chains as a CA might send them, honest and otherwise. */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "acme/chain.h"
#include "tests/unit/acme/pki.h"

#define NOW_S 1500
#define CERTIFICATES_MAX 4

enum who { NOBODY, LEAF, MIDDLE, ROOT };
enum flaw { GOOD, FOREIGN_SIGNATURE, NO_CA, OVER, EARLY, GARBAGE, OTHER_NAME };

static EVP_PKEY *keys[ROOT + 1], *foreign_key;
static const char *const names[] = { [LEAF] = "a.test", [MIDDLE] = "Middle", [ROOT] = "Root" };

/* One certificate: of whom, by whom, and what is wrong with it. */
struct made {
	enum who who, by;
	enum flaw flaw;
};

static int
setup(void **state)
{
	(void)state;
	for (int i = LEAF; i <= ROOT; i++)
		keys[i] = EVP_EC_gen("P-256");
	foreign_key = EVP_EC_gen("P-256");
	return foreign_key == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	for (int i = LEAF; i <= ROOT; i++)
		EVP_PKEY_free(keys[i]);
	EVP_PKEY_free(foreign_key);
	return 0;
}

static const struct { const char *why; struct made v[CERTIFICATES_MAX]; const char *words; } chains[] = {
	{ "leaf and intermediate", { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, GOOD } }, NULL },
	{ "with the root", { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, GOOD }, { ROOT, ROOT, GOOD } }, NULL },
	{ "the leaf alone", { { LEAF, ROOT, GOOD } }, NULL },
	{ "a root that directly issues", { { LEAF, ROOT, GOOD }, { ROOT, ROOT, GOOD } }, NULL },
	{ "nobody checks who signed the last", { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, FOREIGN_SIGNATURE } }, NULL },
	{ "upside down", { { MIDDLE, ROOT, GOOD }, { LEAF, MIDDLE, GOOD } },
	    "does not fit: the certificate is for another key" },
	{ "a certificate is missing", { { LEAF, MIDDLE, GOOD }, { ROOT, ROOT, GOOD } },
	    "certificate 1 (a.test) was not issued by certificate 2 (Root)" },
	{ "the intermediate twice", { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, GOOD }, { MIDDLE, ROOT, GOOD } },
	    "certificate 2 (Middle) was not issued by certificate 3 (Middle)" },
	{ "something behind the root",
	    { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, GOOD }, { ROOT, ROOT, GOOD }, { MIDDLE, ROOT, GOOD } },
	    "certificate 3 (Root) was not issued by certificate 4 (Middle)" },
	{ "the right names and another key", { { LEAF, MIDDLE, FOREIGN_SIGNATURE }, { MIDDLE, ROOT, GOOD } },
	    "certificate 1 (a.test) was not signed by the key of certificate 2 (Middle)" },
	{ "a foreign signature higher up", { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, FOREIGN_SIGNATURE },
	    { ROOT, ROOT, GOOD } }, "certificate 2 (Middle) was not signed by the key of certificate 3 (Root)" },
	{ "an issuer that is no CA", { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, NO_CA } },
	    "certificate 2 (Middle) is not a CA's" },
	{ "an intermediate that is over", { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, OVER } },
	    "certificate 2 of the CA's chain (Middle) is not valid now" },
	{ "and one of tomorrow", { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, EARLY } },
	    "certificate 2 of the CA's chain (Middle) is not valid now" },
	{ "something that is no certificate", { { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, GARBAGE } },
	    "certificate 2 of the CA's chain is not an X.509" },
	{ "a leaf that is none", { { LEAF, MIDDLE, GARBAGE } }, "certificate cannot be used" },
	{ "a leaf for another name", { { LEAF, MIDDLE, OTHER_NAME }, { MIDDLE, ROOT, GOOD } },
	    "does not fit: the certificate is for b.test" },
};

static void
make(const struct made *m, struct buf *pem)
{
	int64_t from_s = m->flaw == EARLY ? NOW_S + 1 : 1000, until_s = m->flaw == OVER ? NOW_S - 1 : 2000;
	EVP_PKEY *signer = m->flaw == FOREIGN_SIGNATURE ? foreign_key : keys[m->by];
	struct buf der = { 0 };

	if (m->flaw == GARBAGE)
		buf_add_str(&der, "garbage");
	else if (m->who == LEAF || m->flaw == NO_CA)
		pki_certificate(keys[m->who], m->flaw == OTHER_NAME ? "b.test" : names[m->who], m->who != LEAF ?
		    "DNS:ca.test" : m->flaw == OTHER_NAME ? "DNS:b.test" : "DNS:a.test",
		    signer, names[m->by], from_s, until_s, &der);
	else
		pki_ca(keys[m->who], names[m->who], signer, names[m->by], from_s, until_s, &der);
	pki_pem(&der, pem);
	buf_clear(&der);
}

static void
read_chain(const struct made *v, struct acme_chain *out)
{
	struct buf pem = { 0 };

	for (size_t i = 0; i < CERTIFICATES_MAX && v[i].who != NOBODY; i++)
		make(&v[i], &pem);
	assert_int_equal(acme_chain_parse((char *)pem.p, pem.len, out, NULL), ERR_OK);
	buf_clear(&pem);
}

static void
test_chains(void **state)
{
	struct acme_csr *csr = NULL;
	struct buf der = { 0 };

	(void)state;
	pki_csr(keys[LEAF], NULL, "DNS:a.test", &der);
	assert_int_equal(acme_csr_parse(der.p, der.len, &csr, NULL), ERR_OK);
	for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
		struct acme_chain chain = { 0 };
		struct fault f = { 0 };
		enum err err;

		read_chain(chains[i].v, &chain);
		err = acme_chain_verify(&chain, csr, NOW_S, &f);
		check(err == (chains[i].words == NULL ? ERR_OK : ERR_PEER), "%s: %s (%s)", chains[i].why, err_str(err),
		    f.text);
		check(chains[i].words == NULL || strstr(f.text, chains[i].words) != NULL, "%s: \"%s\" says \"%s\"",
		    chains[i].why, f.text, chains[i].words);
		acme_chain_clear(&chain);
	}
	acme_csr_free(csr);
	buf_clear(&der);
}

static void
test_under(void **state)
{
	struct acme_chain chain = { 0 };

	(void)state;
	read_chain((struct made[CERTIFICATES_MAX]){ { LEAF, MIDDLE, GOOD }, { MIDDLE, ROOT, GOOD } }, &chain);
	check(acme_chain_is_under(&chain, "Root"), "the topmost is by the root");
	check(!acme_chain_is_under(&chain, "Middle"), "which is not the intermediate");
	check(!acme_chain_is_under(&chain, "root"), "nor written otherwise");
	acme_chain_clear(&chain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_under),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
