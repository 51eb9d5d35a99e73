/* What was made of octets is found by them until something else takes its place, and has the references that it should. */
#include "tests/unit/check.h"

#include "acme/kept.h"
#include "acme/x509.h"
#include "base/buf.h"
#include "base/clock.h"
#include "tests/unit/acme/pki.h"

#include <openssl/ec.h>
#include <openssl/x509.h>

static int references[3];		/* of things 0 to 2 */
static bool refuses;

static int
ref(void *thing)
{
	return refuses ? 0 : ++*(int *)thing;
}

static void
unref(void *thing)
{
	--*(int *)thing;
}

static struct kept kept = KEPT(ref, unref);

static void
test_places(void **state)
{
	static const uint8_t a[] = "first!", same_place[] = "second!", other_place[] = "third?", longer[] = "first!first!";
	const size_t an = sizeof a - 1, sn = sizeof same_place - 1, on = sizeof other_place - 1;

	(void)state;
	check(kept_find(&kept, a, an) == NULL, "nothing is there at first");
	kept_put(&kept, a, an, &references[0]);
	kept_put(&kept, other_place, on, &references[1]);
	check(references[0] == 1 && references[1] == 1, "each is held once");
	check(kept_find(&kept, a, an) == &references[0] && references[0] == 2, "found, with a reference more");
	unref(&references[0]);
	for (size_t n = 0; n < an; n++)
		check(kept_find(&kept, a, n) == NULL, "the first %zu octets are something else", n);
	check(kept_find(&kept, longer, sizeof longer - 1) == NULL, "so is what is longer");
	check(kept_find(&kept, same_place, sn) == NULL, "and what only ends alike");
	kept_put(&kept, same_place, sn, &references[2]);
	check(kept_find(&kept, a, an) == NULL && references[0] == 0, "one place, one thing: the older is let go");
	check(kept_find(&kept, other_place, on) == &references[1], "what has another place stays");
	kept_put(&kept, a, 0, &references[0]);
	check(kept_find(&kept, a, 0) == NULL && references[0] == 0, "nothing is kept for no octets");
	refuses = true;
	kept_put(&kept, a, an, &references[0]);
	check(kept_find(&kept, same_place, sn) == NULL && references[2] == 1, "without a reference nothing is given");
	refuses = false;
	check(kept_find(&kept, same_place, sn) == &references[2], "nor taken away");
}

static void
test_certificates(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int64_t now_s = clock_now_s();
	struct buf der = { 0 };

	(void)state;
	pki_certificate(key, "host", "DNS:host.example", key, "host", now_s - 60, now_s + 60, &der);
	X509 *one = acme_x509(der.p, der.len), *two = acme_x509(der.p, der.len);
	check(one != NULL && one == two, "the same octets, the same certificate");
	X509_free(one);
	check(X509_get0_serialNumber(two) != NULL, "each has a reference of its own");
	X509_free(two);
	for (size_t n = 0; n < der.len; n++)
		check(acme_x509(der.p, n) == NULL, "no certificate in its first %zu octets", n);
	buf_add(&der, "", 1);
	check(acme_x509(der.p, der.len) == NULL, "nor with an octet behind it");
	buf_clear(&der);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
