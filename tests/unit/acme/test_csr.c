#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "acme/chain.h"
#include "acme/csr.h"
#include "tests/unit/acme/pki.h"

static EVP_PKEY *key, *other_key;

static int
setup(void **state)
{
	(void)state;
	key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	return key == NULL || other_key == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	return 0;
}

static const struct { const char *why, *cn, *san; enum err err; const char *names; } requests[] = {
	{ "a common name alone",	"host.example", NULL, ERR_OK, "host.example" },
	{ "capital letters",		"Host.EXAMPLE", "DNS:HOST.example,DNS:b.Example", ERR_OK,
	    "b.example, host.example" },
	{ "no common name",		NULL, "DNS:b.example,DNS:a.example", ERR_OK, "a.example, b.example" },
	{ "the common name again as SAN", "a.example", "DNS:a.example", ERR_OK, "a.example" },
	{ "a common name that no SAN repeats", "c.example", "DNS:a.example", ERR_OK, "a.example, c.example" },
	{ "a wildcard and its apex",	"example", "DNS:*.example,DNS:example", ERR_OK, "*.example, example" },
	{ "underscore and digits",	"_x1.0.example", NULL, ERR_OK, "_x1.0.example" },
	{ "no name at all",		NULL, NULL, ERR_RANGE, "neither" },
	{ "a common name with blanks",	"My Company", NULL, ERR_RANGE, "\"my company\"" },
	{ "a wildcard in the middle",	"a.*.example", NULL, ERR_RANGE, "a.*.example" },
	{ "a wildcard alone",		"*.", NULL, ERR_RANGE, "cannot be" },
	{ "a part of a label",		"a*.example", NULL, ERR_RANGE, "cannot be" },
	{ "an empty label",		"a..example", NULL, ERR_RANGE, "cannot be" },
	{ "a final dot",		"a.example.", NULL, ERR_RANGE, "cannot be" },
	{ "letters beyond ASCII",	"b\xc3\xbc" "cher.example", NULL, ERR_RANGE, "cannot be" },
	{ "an IP address",		"a.example", "DNS:a.example,IP:192.0.2.1", ERR_UNSUPPORTED, "IP address" },
	{ "a mail address",		"a.example", "email:x@a.example", ERR_UNSUPPORTED, "mail" },
};

static void
test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		struct buf der = { 0 }, text = { 0 };
		struct acme_csr *csr = NULL;
		struct fault f = { 0 };

		pki_csr(key, requests[i].cn, requests[i].san, &der);
		enum err err = acme_csr_parse(der.p, der.len, &csr, &f);
		check(err == requests[i].err, "%s: %s, not %s (%s)", requests[i].why, err_str(requests[i].err),
		    err_str(err),
		    f.text);
		if (err == ERR_OK) {
			acme_names_print(acme_csr_names(csr), &text);
			check(strcmp(buf_str(&text), requests[i].names) == 0, "%s: %s, not %s", requests[i].why,
			    requests[i].names, buf_str(&text));
		} else
			check(strstr(f.text, requests[i].names) != NULL, "%s: the words \"%s\" tell of %s",
			    requests[i].why, f.text, requests[i].names);
		acme_csr_free(csr);
		buf_clear(&der);
		buf_clear(&text);
	}
}

static void
test_broken_requests(void **state)
{
	struct buf der = { 0 };
	struct acme_csr *csr = NULL;
	struct fault f = { 0 };

	(void)state;
	pki_csr(key, "a.example", "DNS:b.example", &der);
	for (size_t n = 0; n < der.len; n++)
		check(acme_csr_parse(der.p, n, &csr, &f) != ERR_OK, "the first %zu octets are no CSR", n);
	for (size_t i = 0; i < der.len; i++) {
		der.p[i] ^= 0x10;
		check(acme_csr_parse(der.p, der.len, &csr, &f) != ERR_OK, "octet %zu changed breaks the CSR", i);
		der.p[i] ^= 0x10;
	}
	buf_u8(&der, 0);
	assert_int_equal(acme_csr_parse(der.p, der.len, &csr, &f), ERR_FORMAT);
	buf_clear(&der);
}

static const struct { const char *why; bool own_key; const char *cn, *san; enum err err; } answers[] = {
	{ "key and names equal",		true,  "a.example", "DNS:a.example,DNS:*.a.example", ERR_OK },
	{ "no common name",			true,  NULL, "DNS:*.a.example,DNS:a.example", ERR_OK },
	{ "a common name that is no host's",	true,  "Short Lived", "DNS:*.a.example,DNS:a.example", ERR_OK },
	{ "a common name and a SAN beside it",	true,  "a.example", "DNS:*.a.example", ERR_OK },
	{ "a name missing",			true,  "a.example", "DNS:a.example", ERR_CONFLICT },
	{ "a name too many",			true,  NULL, "DNS:*.a.example,DNS:a.example,DNS:b.example",
	    ERR_CONFLICT },
	{ "no name",				true,  NULL, NULL, ERR_CONFLICT },
	{ "another key",			false, "a.example", "DNS:a.example,DNS:*.a.example", ERR_CONFLICT },
};

static void
test_certificates(void **state)
{
	struct buf request = { 0 };
	struct acme_csr *csr = NULL;
	struct fault f = { 0 };

	(void)state;
	pki_csr(key, "a.example", "DNS:*.a.example", &request);
	assert_int_equal(acme_csr_parse(request.p, request.len, &csr, &f), ERR_OK);
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct buf der = { 0 };
		struct acme_certificate c;

		pki_certificate(answers[i].own_key ? key : other_key, answers[i].cn, answers[i].san, other_key,
		    "Test CA",
		    1000000000, 1009000000, &der);
		assert_int_equal(acme_certificate_parse(der.p, der.len, &c, &f), ERR_OK);
		check(acme_certificate_matches(&c, csr, &f) == answers[i].err, "%s: %s", answers[i].why,
		    err_str(answers[i].err));
		assert_string_equal(c.issuer, "Test CA");
		assert_int_equal(c.not_before_s, 1000000000);
		assert_int_equal(c.not_after_s, 1009000000);
		acme_certificate_clear(&c);
		for (size_t n = 0; i == 0 && n < der.len; n++)
			check(acme_certificate_parse(der.p, n, &c, &f) != ERR_OK,
			    "the first %zu octets are no certificate", n);
		buf_clear(&der);
	}
	check(!acme_csr_san_complete(csr), "its common name is no SAN");
	acme_csr_free(csr);
	buf_clear(&request);
	pki_csr(key, "A.example", "DNS:a.example,DNS:*.a.example", &request);
	assert_int_equal(acme_csr_parse(request.p, request.len, &csr, &f), ERR_OK);
	check(acme_csr_san_complete(csr), "and here it is");
	acme_csr_free(csr);
	buf_clear(&request);
}

static void
test_chain(void **state)
{
	struct buf leaf = { 0 }, ca = { 0 }, pem = { 0 };
	struct acme_chain chain = { 0 };
	struct fault f = { 0 };

	(void)state;
	pki_certificate(key, "a.example", NULL, other_key, "CA", 0, 1000, &leaf);
	pki_certificate(other_key, "CA", NULL, other_key, "CA", 0, 1000, &ca);
	pki_pem(&leaf, &pem);
	size_t first = pem.len;
	pki_pem(&ca, &pem);
	assert_int_equal(acme_chain_parse((char *)pem.p, pem.len, &chain, &f), ERR_OK);
	assert_int_equal(chain.n, 2);
	assert_int_equal(chain.v[0].n, leaf.len);
	assert_memory_equal(chain.v[0].octets, leaf.p, leaf.len);
	assert_memory_equal(chain.v[1].octets, ca.p, ca.len);
	acme_chain_clear(&chain);
	for (size_t n = 0; n < pem.len; n++) {
		enum err err = acme_chain_parse((char *)pem.p, n, &chain, &f);
		check(n < first - 1 ? err == ERR_PEER : true, "the first %zu characters hold no certificate", n);
		if (err == ERR_OK)
			acme_chain_clear(&chain);
	}
	for (int i = 0; i < ACME_CHAIN_MAX; i++)
		pki_pem(&ca, &pem);
	assert_int_equal(acme_chain_parse((char *)pem.p, pem.len, &chain, &f), ERR_PEER);
	static const char secret[] = "-----BEGIN SECRET-----\nAAAA\n-----END SECRET-----\n";
	assert_int_equal(acme_chain_parse(secret, strlen(secret), &chain, &f), ERR_PEER);
	check(strstr(f.text, "SECRET") != NULL, "the words name what stood there: %s", f.text);
	buf_clear(&leaf);
	buf_clear(&ca);
	buf_clear(&pem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_broken_requests),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_chain),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
