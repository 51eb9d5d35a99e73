#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "acme/tlsa.h"
#include "tests/unit/acme/pki.h"
#include "wire/rrtype.h"

#define NOW 1000000000
#define DAY 86400

static EVP_PKEY *key, *other_key, *ca_key;
static struct dname owner;

static int
setup(void **state)
{
	(void)state;
	key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	ca_key = EVP_EC_gen("P-256");
	return dname_from_str("_letsencrypt._tcp.a.test", &owner) != ERR_OK || key == NULL || other_key == NULL ||
	    ca_key == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	EVP_PKEY_free(ca_key);
	return 0;
}

/* One record of the RRset, as a letter:
 *   c our CSR                     C another CSR             j junk as CSR
 *   l a leaf that is good for long    d one that is due     x expired    f not yet valid   o with another key
 *   n other names
 *   J junk as leaf                a b two CAs               t a TLSA record of another kind */
static void
make_data(char letter, struct buf *out)
{
	EVP_PKEY *leaf_key = letter == 'o' ? other_key : key;
	const char *san = letter == 'n' ? "DNS:b.test" : "DNS:a.test";
	int64_t from = letter == 'f' ? NOW + DAY : letter == 'd' ? NOW - 70 * DAY : NOW - 10 * DAY;
	int64_t until = letter == 'x' ? NOW - DAY : letter == 'd' ? NOW + 20 * DAY : NOW + 80 * DAY;

	switch (letter) {
	case 'c': pki_csr(key, "a.test", NULL, out); break;
	case 'C': pki_csr(other_key, "a.test", NULL, out); break;
	case 'a': pki_certificate(ca_key, "CA 1", NULL, ca_key, "CA 1", 0, NOW, out); break;
	case 'b': pki_certificate(ca_key, "CA 2", NULL, ca_key, "CA 2", 0, NOW, out); break;
	case 'j': case 'J': case 't': buf_add_str(out, "junk"); break;
	default: pki_certificate(leaf_key, NULL, san, ca_key, "CA 1", from, until, out); break;
	}
}

static void
add_letter(struct rr_list *list, char letter)
{
	static const struct { const char *letters; uint8_t octets[3]; } kinds[] = {
		{ "cCj", { 3, 255, 0 } }, { "ab", { 0, 0, 0 } }, { "t", { 3, 1, 1 } }, { "", { 3, 0, 0 } },
	};
	struct buf rdata = { 0 };
	size_t k = 0;

	while (k < 3 && strchr(kinds[k].letters, letter) == NULL)
		k++;
	buf_add(&rdata, kinds[k].octets, 3);
	make_data(letter, &rdata);
	assert_int_equal(rr_list_add(list, &(struct rr){ owner.octets, rdata.p, 300, TYPE_TLSA,
	    (uint16_t)rdata.len }), ERR_OK);
	buf_clear(&rdata);
}

static const struct { const char *why, *letters; enum acme_verdict verdict; const char *words; } rrsets[] = {
	{ "nothing",				"",	VERDICT_NOTHING, "" },
	{ "a leaf without CSR",			"lab",	VERDICT_NOTHING, "" },
	{ "other TLSA records",			"t",	VERDICT_NOTHING, "" },
	{ "a CSR alone",			"c",	VERDICT_ORDER, "no certificate yet" },
	{ "a CSR and a good leaf",		"clab",	VERDICT_VALID, "" },
	{ "a good leaf without CAs",		"cl",	VERDICT_VALID, "" },
	{ "a leaf that is due",			"cda",	VERDICT_VALID, "" },
	{ "an expired leaf",			"cxa",	VERDICT_VALID, "" },
	{ "a leaf of tomorrow",			"cf",	VERDICT_VALID, "" },
	{ "a leaf for another key",		"co",	VERDICT_ORDER, "another key" },
	{ "a leaf for other names",		"cn",	VERDICT_ORDER, "for b.test" },
	{ "a leaf that is junk",		"cJ",	VERDICT_ORDER, "cannot be read" },
	{ "a good leaf among bad ones",		"cJonld", VERDICT_VALID, "" },
	{ "two CSRs",				"cC",	VERDICT_REFUSED, "2 CSRs" },
	{ "two CSRs and a good leaf",		"cCl",	VERDICT_REFUSED, "2 CSRs" },
	{ "a CSR that is junk",			"j",	VERDICT_REFUSED, "PKCS#10" },
};

static void
test_assess(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rrsets / sizeof rrsets[0]; i++) {
		struct rr_list list = { 0 };
		struct acme_assessment as;

		for (const char *p = rrsets[i].letters; *p != '\0'; p++)
			add_letter(&list, *p);
		acme_assess(&list, &as);
		check(as.verdict == rrsets[i].verdict, "%s: verdict %d, not %d (%s)", rrsets[i].why,
		    rrsets[i].verdict, as.verdict,
		    as.fault.text);
		check(strstr(as.fault.text, rrsets[i].words) != NULL, "%s: \"%s\" says \"%s\"", rrsets[i].why,
		    as.fault.text,
		    rrsets[i].words);
		check((as.csr != NULL) == (as.verdict == VERDICT_VALID || as.verdict == VERDICT_ORDER),
		    "%s: the CSR is there when used",
		    rrsets[i].why);
		acme_assessment_clear(&as);
		rr_list_clear(&list);
	}
}

static const struct { const char *why, *present, *chain; size_t removed, added; } changes[] = {
	{ "the first certificate",		"c",	"lab",	0, 3 },
	{ "a renewal with the same CAs",	"cdab",	"lab",	1, 1 },
	{ "a renewal with another CA",		"cda",	"lb",	2, 2 },
	{ "several old leaves",			"cdxoJa", "la",	4, 1 },
	{ "other TLSA records stay",		"ct",	"l",	0, 1 },
	{ "a CA sent twice is added once",	"c",	"laa",	0, 2 },
};

static void
test_replace(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct rr_list list = { 0 }, remove = { 0 }, add = { 0 };
		struct acme_der ders[8];
		struct acme_chain chain = { ders, 0 };
		const uint8_t *data;
		size_t n;

		for (const char *p = changes[i].chain; *p != '\0'; p++) {
			struct rr_list single = { 0 };

			/* A CA that is there already comes with the same octets (ECDSA would sign it anew). */
			const char *same = strchr(changes[i].present, *p);
			const char *twice = strchr(changes[i].chain, *p);
			if (twice < p) {
				ders[chain.n] = ders[twice - changes[i].chain];
			} else {
				add_letter(&single, *p);
				assert_int_not_equal(acme_tlsa_read(&single.v[0], &data, &n), ACME_TLSA_OTHER);
				ders[chain.n] = (struct acme_der){ malloc(n), n };
				memcpy(ders[chain.n].octets, data, n);
				if (same != NULL)
					assert_int_equal(rr_list_add(&list, &single.v[0]), ERR_OK);
			}
			chain.n++;
			rr_list_clear(&single);
		}
		for (const char *p = changes[i].present; *p != '\0'; p++)
			if (strchr(changes[i].chain, *p) == NULL)
				add_letter(&list, *p);
		assert_int_equal(acme_tlsa_replace(owner.octets, &list, &chain, &remove, &add), ERR_OK);
		check(remove.n == changes[i].removed, "%s: %zu records go, not %zu", changes[i].why,
		    changes[i].removed, remove.n);
		check(add.n == changes[i].added, "%s: %zu records come, not %zu", changes[i].why, changes[i].added,
		    add.n);
		for (size_t k = 0; k < remove.n; k++) {
			enum acme_tlsa_kind kind = acme_tlsa_read(&remove.v[k], &data, &n);
			check(kind == ACME_TLSA_LEAF || kind == ACME_TLSA_CA, "%s: only certificates go",
			    changes[i].why);
		}
		for (size_t k = 0; k < add.n; k++)
			check(add.v[k].ttl == 3600 && add.v[k].type == TYPE_TLSA && add.v[k].rdata[0] == (k == 0 ? 3 :
			    0),
			    "%s: record %zu has its usage and a TTL of 3600", changes[i].why, k);
		for (size_t k = 0; k < chain.n; k++)
			if (strchr(changes[i].chain, changes[i].chain[k]) == changes[i].chain + k)
				free(ders[k].octets);
		rr_list_clear(&list);
		rr_list_clear(&remove);
		rr_list_clear(&add);
	}
}

static void
test_short_rdata(void **state)
{
	static const uint8_t rdata[] = { 3, 255, 0, 0x30 };
	const uint8_t *data;
	size_t n;

	(void)state;
	for (uint16_t i = 0; i <= sizeof rdata; i++) {
		struct rr rr = { owner.octets, rdata, 0, TYPE_TLSA, i };

		check((acme_tlsa_read(&rr, &data, &n) == ACME_TLSA_CSR) == (i >= 3), "%u octets", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assess),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_short_rdata),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
