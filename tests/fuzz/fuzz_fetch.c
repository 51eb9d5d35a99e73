/* tests/fuzz/fuzz_fetch.c -- what certns-fetch reads from the network: an answer with TLSA records, one with the status
 * record, the answer to an UPDATE; and its files.  The first octet chooses. */
#include <stdlib.h>
#include <string.h>

#include "tools/fetch_chain.h"
#include "tools/fetch_dns.h"
#include "tools/fetch_key.h"
#include "tools/fetch_state.h"
#include "tsig/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

#define NOW 1800000000

/* A request that no certificate of the corpus answers: the seeds bring their own CSR along, which is taken instead. */
static void
try_rrset(const uint8_t *msg, size_t n)
{
	struct fetch_chain chain = { 0 };
	struct acme_csr *csr = NULL;
	struct fetch_tlsa rrset;
	struct dname owner;
	struct buf pem = { 0 };
	struct fault f = { 0 };

	if (dname_from_str("_letsencrypt._tcp.www.example.com", &owner) != ERR_OK ||
	    fetch_tlsa_read(msg, n, owner.octets, &rrset) != ERR_OK || rrset.ncsrs == 0 ||
	    acme_csr_parse(rrset.csrs[0].octets, rrset.csrs[0].n, &csr, &f) != ERR_OK)
		return;
	if (fetch_chain_build(&rrset, csr, NOW, &chain, &f) == ERR_OK) {
		(void)fetch_chain_verify(&chain, FETCH_VERIFY_CHAIN, NULL, NOW, &f);
		(void)fetch_chain_print(&chain, 0, &pem);
	}
	fetch_chain_clear(&chain);
	acme_csr_free(csr);
	buf_clear(&pem);
}

static void
try_answer(const uint8_t *msg, size_t n)
{
	struct tsig_key *key = NULL;
	struct tsig_exchange x = { 0 };
	uint8_t request[512] = { 0 };
	struct fault f = { 0 };
	uint8_t *copy = malloc(n + 1);
	size_t size = n;

	if (copy == NULL || tsig_key_parse("a:hmac-sha256:c2VjcmV0", &key, &f) != ERR_OK ||
	    tsig_sign_request(key, request, 12, sizeof request, NOW, &x) == 0)
		abort();
	memcpy(copy, msg, n);
	enum err verified = tsig_verify_response(&x, copy, &size, true, NOW, &f);
	(void)fetch_judge(&x, verified, copy, size, "example.com", NOW, &f);
	tsig_exchange_clear(&x);
	tsig_key_free(key);
	free(copy);
}

static void
try_texts(const char *text, size_t n)
{
	struct fetch_request r = { 0 };
	struct tsig_key *key = NULL;
	struct fault f = { 0 };

	if (fetch_request_parse(text, n, &r, &f) == ERR_OK)
		fetch_request_clear(&r);
	if (fetch_tsig_parse("FILE", text, n, &key, &f) == ERR_OK)
		tsig_key_free(key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct fetch_state state;
	struct dname owner;

	if (n == 0)
		return 0;
	switch (octets[0] % 4) {
	case 0:
		try_rrset(octets + 1, n - 1);
		break;
	case 1:
		if (dname_from_str("_status._letsencrypt._tcp.www.example.com", &owner) == ERR_OK)
			(void)fetch_state_read(octets + 1, n - 1, owner.octets, &state);
		break;
	case 2:
		try_answer(octets + 1, n - 1);
		break;
	case 3:
		try_texts((const char *)octets + 1, n - 1);
		break;
	}
	return 0;
}
