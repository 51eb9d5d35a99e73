/* tests/fuzz/fuzz_csr.c -- CSRs and certificates in TLSA records, CAA, and the answers of name servers about a
 * challenge.  The first octet chooses. */
#include <stdlib.h>
#include <string.h>

#include "acme/caa.h"
#include "acme/csr.h"
#include "acme/preflight.h"
#include "acme/propagation.h"
#include "wire/rrtype.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void
check_answer(const uint8_t *octets, size_t n)
{
	static const char *const values[] = { "0123456789012345678901234567890123456789012" };
	struct dname owner;
	uint32_t cached_s;

	if (acme_challenge_record(ACME_DNS_01, "a.test", NULL, &owner) != ERR_OK)
		return;
	acme_txt_missing(octets, n, owner.octets, values, 1, &cached_s);
	acme_alias_missing(octets, n, owner.octets, owner.octets);
}

/* As the door for updates does, at a public CA. */
static void
judge(const struct acme_csr *csr)
{
	struct acme_csr_rules rules = { .ca = acme_ca_known("https://acme-v02.api.letsencrypt.org/directory", NULL) };
	struct fault f = { 0 };

	if (acme_csr_judge(csr, &rules, &f) != ERR_OK && f.text[0] == '\0')
		abort();
}

/* The octets as one RR. */
static void
check_caa(const uint8_t *octets, size_t n)
{
	static const char *const identities[] = { "ca.test" };
	static const enum acme_challenge_type methods[] = { ACME_DNS_01 };
	struct acme_caa_issuer issuer = { identities, 1, "https://ca.test/1", methods, 1 };
	struct rr rr = { (const uint8_t *)"\1a", octets, 300, TYPE_CAA, (uint16_t)n };
	struct rr_list set = { 0 };
	struct fault f = { 0 };

	if (n <= UINT16_MAX && rr_list_add(&set, &rr) == ERR_OK)
		for (int wildcard = 0; wildcard < 2; wildcard++)
			if (acme_caa_judge(&set, wildcard, &issuer, &f) != ERR_OK && f.text[0] == '\0')
				abort();
	rr_list_clear(&set);
}

/* What a resolver says. */
static void
check_caa_answer(const uint8_t *octets, size_t n)
{
	struct rr_list set = { 0 };

	acme_preflight_read_caa(octets, n, (const uint8_t *)"\1a\4test", &set);
	for (size_t i = 0; i < set.n; i++)
		if (set.v[i].type != TYPE_CAA || !dname_equal(set.v[i].owner, set.v[0].owner))
			abort();
	rr_list_clear(&set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct acme_csr *csr;
	struct acme_certificate c;
	struct fault f = { 0 };
	struct buf names = { 0 };

	if (n == 0)
		return 0;
	switch (octets[0] % 5) {
	case 0:
		if (acme_csr_parse(octets + 1, n - 1, &csr, &f) == ERR_OK) {
			acme_names_print(acme_csr_names(csr), &names);
			judge(csr);
			acme_csr_free(csr);
		}
		break;
	case 1:
		if (acme_certificate_parse(octets + 1, n - 1, &c, &f) == ERR_OK) {
			acme_names_print(&c.names, &names);
			acme_certificate_clear(&c);
		}
		break;
	case 2:
		check_answer(octets + 1, n - 1);
		break;
	case 3:
		check_caa(octets + 1, n - 1);
		break;
	case 4:
		check_caa_answer(octets + 1, n - 1);
		break;
	}
	buf_clear(&names);
	return 0;
}
