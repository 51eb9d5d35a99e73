/* tests/fuzz/fuzz_acme_json.c -- every parser of what a CA sends.  The first octet chooses. */
#include <stdlib.h>
#include <string.h>

#include "acme/chain.h"
#include "acme/account.h"
#include "acme/csr.h"
#include "acme/link.h"
#include "acme/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static struct acme_account *known;
	struct acme_key *key = NULL;
	struct acme_directory d;
	struct acme_order_object o;
	struct acme_authorization a;
	struct acme_chain chain;
	struct acme_account_object account;
	struct fault f = { 0 };
	struct buf words = { 0 };
	char *text;

	if (n == 0 || (text = malloc(n)) == NULL)
		return 0;
	memcpy(text, octets + 1, n - 1);
	text[n - 1] = '\0';
	struct acme_reply r = { .status = 400, .body = text, .n = n - 1, .retry_after_s = acme_retry_after(text,
	    1000000000) };
	switch (octets[0] % 8) {
	case 0:
		if (acme_directory_read(text, r.n, &d, &f) == ERR_OK)
			acme_directory_clear(&d);
		break;
	case 1:
		if (acme_account_read(text, r.n, &account, &f) == ERR_OK)
			acme_account_object_clear(&account);
		break;
	case 2:
		if (acme_order_object_read(text, r.n, &o, &f) == ERR_OK) {
			acme_problem_print(o.error, &words);
			acme_order_object_clear(&o);
		}
		break;
	case 3:
		if (acme_authorization_read(text, r.n, &a, &f) == ERR_OK) {
			acme_problem_print(a.error, &words);
			acme_authorization_clear(&a);
		}
		break;
	case 4:
		acme_problem_read(&r, &words);
		break;
	case 5:
		if (acme_chain_parse(text, r.n, &chain, &f) == ERR_OK)
			acme_chain_clear(&chain);
		break;
	case 7:
		if (known == NULL && (acme_key_make(ACME_KEY_ES256, &key) != ERR_OK ||
		    acme_account_new(&(struct acme_account_setup){ .terms_agreed = true }, key, &known) != ERR_OK))
			break;
		if (acme_account_recall(known, text, r.n))
			acme_account_record(known, &words);
		break;
	case 6:
		r.links = (const char *const[]){ text };
		r.nlinks = 1;
		r.url = "https://ca.example/";
		acme_link_find(&r, "alternate", 0, &words);
		break;
	}
	buf_clear(&words);
	free(text);
	return 0;
}
