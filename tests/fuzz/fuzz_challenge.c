/* tests/fuzz/fuzz_challenge.c -- challenges as a CA offers them, standing records as anybody may write them, and
 * answers about aliases.  The first octet chooses. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "acme/delegation.h"
#include "acme/persist_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

/* Whatever the CA says, nothing but our own account is named, and what is made can be read again. */
static void
check_choice(const char *text, size_t n)
{
	static const enum acme_challenge_type all[] = { ACME_DNS_PERSIST_01, ACME_DNS_ACCOUNT_01, ACME_DNS_01 };
	struct acme_challenge_means m = { .preferred = all, .npreferred = 3, .directory = "https://ca.test/d",
		.account = "https://ca.test/1", .thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		.hash_prefix = "https://ca.test/h/" };
	json_t *challenges = json_loadb(text, n, 0, NULL);
	struct acme_persist_record r = { .wildcard = true, .until_s = 1767225600 }, again;
	struct acme_choice c;
	struct fault f = { 0 };
	struct buf printed = { 0 };

	if (acme_challenge_choose(&m, challenges, "www.example.com", true, &c, &f) == ERR_OK) {
		if (c.type == ACME_DNS_PERSIST_01) {
			size_t len = strcspn(c.standing.issuers, ",");

			assert(strcmp(c.standing.account, m.account) == 0 || strncmp(c.standing.account, m.hash_prefix,
			    18) == 0);
			assert(len <= ACME_ISSUER_MAX && strlen(c.standing.account) <= ACME_ACCOUNTURI_MAX);
			memcpy(r.issuer, c.standing.issuers, len);
			strcpy(r.account, c.standing.account);
			acme_persist_print(&r, &printed);
			assert(acme_persist_read((const char *)printed.p, printed.len, &again));
			assert(acme_persist_fits(&again, &c.standing, 0));
		}
		acme_choice_clear(&c);
	}
	buf_clear(&printed);
	json_decref(challenges);
}

/* What is read is the same after it was printed. */
static void
check_record(const char *text, size_t n)
{
	struct acme_persist_record r, again;
	struct buf printed = { 0 };

	if (acme_persist_read(text, n, &r)) {
		acme_persist_print(&r, &printed);
		assert(acme_persist_read((const char *)printed.p, printed.len, &again));
		assert(strcmp(r.issuer, again.issuer) == 0 && strcmp(r.account, again.account) == 0 &&
		    r.wildcard == again.wildcard && r.until_s == again.until_s);
	}
	buf_clear(&printed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const uint8_t name[] = "\1a\4test";
	struct buf text = { 0 };
	struct dname target;
	char *copy;

	if (n == 0 || (copy = malloc(n)) == NULL)
		return 0;
	memcpy(copy, octets + 1, n - 1);
	switch (octets[0] % 4) {
	case 0:
		check_choice(copy, n - 1);
		break;
	case 1:
		check_record(copy, n - 1);
		break;
	case 2:
		if (acme_txt_join((const uint8_t *)copy, n - 1, ACME_PERSIST_TEXT_MAX, &text))
			check_record((const char *)text.p, text.len);
		break;
	case 3:
		acme_delegation_alias((const uint8_t *)copy, n - 1, name, &target);
		break;
	}
	buf_clear(&text);
	free(copy);
	return 0;
}
