/* tests/fuzz/fuzz_csr.c -- CSRs and certificates in TLSA records, and the answers of name servers about a challenge.
 * The first octet chooses. */
#include <string.h>

#include "acme/csr.h"
#include "acme/propagation.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct acme_csr *csr;
	struct acme_certificate c;
	struct fault f = { 0 };
	struct buf names = { 0 };

	if (n == 0)
		return 0;
	switch (octets[0] % 3) {
	case 0:
		if (acme_csr_parse(octets + 1, n - 1, &csr, &f) == ERR_OK) {
			acme_names_print(acme_csr_names(csr), &names);
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
	}
	buf_clear(&names);
	return 0;
}
