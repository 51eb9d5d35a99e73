/* From TLSA records and a status record to what certns-fetch makes of them. */
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/file.h"
#include "tests/unit/check.h"
#include "tests/unit/tools/authority.h"
#include "tools/fetch_chain.h"
#include "tools/fetch_state.h"

#define OWNER "_letsencrypt._tcp.www.example.com"

static char *names[] = { (char []){ "www.example.com" }, (char []){ "example.com" }, NULL };
static char *other_names[] = { (char []){ "www.example.com" }, NULL };

static struct authority root, middle, cross, stranger;
static struct fetch_request request, foreign;

static int
set_up(void **state)
{
	struct fault f;

	(void)state;
	authority_make(&root, "Root", NULL);
	authority_make(&middle, "Middle", &root);
	authority_make(&stranger, "Stranger", NULL);
	authority_make(&cross, "Cross", &stranger);
	assert_int_equal(fetch_request_make(NULL, FETCH_P256, names, &request, &f), ERR_OK);
	assert_int_equal(fetch_request_make(NULL, FETCH_P256, names, &foreign, &f), ERR_OK);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	authority_clear(&root);
	authority_clear(&middle);
	authority_clear(&cross);
	authority_clear(&stranger);
	fetch_request_clear(&request);
	fetch_request_clear(&foreign);
	return 0;
}

/* What a message gives for our CSR. */
static enum err
build(struct rrset_message *m, struct fetch_chain *chain, struct fault *f)
{
	struct fetch_tlsa rrset;

	assert_int_equal(fetch_tlsa_read(m->octets.p, m->octets.len, m->owner.octets, &rrset), ERR_OK);
	return fetch_chain_build(&rrset, request.csr, clock_now_s(), chain, f);
}

static void
add_leaf(struct rrset_message *m, const struct authority *by, EVP_PKEY *key, char *const *of, int64_t from_s,
    int64_t to_s)
{
	X509 *x = authority_sign(by, key, of, from_s, to_s);

	message_add_certificate(m, 3, x);
	X509_free(x);
}

static void
test_the_leaf_that_is_ours(void **state)
{
	static const struct {
		const char *why;
		bool ours, all_names;
		int64_t from_s, to_s;
		const char *words;		/* NULL: it is taken */
	} rows[] = {
		{ "our key, our names, valid", true, true, -DAY, DAY, NULL },
		{ "another key", false, true, -DAY, DAY, "another key" },
		{ "a name is missing", true, false, -DAY, DAY, "the certificate is for www.example.com" },
		{ "valid from tomorrow on", true, true, DAY, 2 * DAY, "our clock says" },
		{ "over since yesterday", true, true, -2 * DAY, -DAY, "has expired" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rrset_message m;
		struct fetch_chain chain = { 0 };
		struct fault f = { 0 };

		message_begin(&m, OWNER);
		add_leaf(&m, &middle, rows[i].ours ? request.key : foreign.key, rows[i].all_names ? names : other_names,
		    rows[i].from_s, rows[i].to_s);
		enum err err = build(&m, &chain, &f);
		check((err == ERR_OK) == (rows[i].words == NULL), "%s: %s", rows[i].why, f.text);
		check(err == ERR_OK || (err == ERR_NOT_FOUND && strstr(f.text, rows[i].words) != NULL),
		    "%s: the words say why: %s", rows[i].why, f.text);
		fetch_chain_clear(&chain);
		buf_clear(&m.octets);
	}
}

static void
test_the_best_of_several(void **state)
{
	struct rrset_message m;
	struct fetch_chain chain = { 0 };
	struct fault f = { 0 };
	char expected[CLOCK_TEXT_SIZE], got[CLOCK_TEXT_SIZE];

	(void)state;
	message_begin(&m, OWNER);
	add_leaf(&m, &middle, request.key, names, -DAY, 5 * DAY);
	add_leaf(&m, &middle, request.key, names, -DAY, 9 * DAY);
	add_leaf(&m, &middle, request.key, names, -DAY, 7 * DAY);
	add_leaf(&m, &middle, foreign.key, names, -DAY, 99 * DAY);
	message_add(&m, 3, 0, (const uint8_t *)"\x30\x03nonsense", 10);
	assert_int_equal(build(&m, &chain, &f), ERR_OK);
	clock_print(clock_now_s() + 9 * DAY, expected);
	clock_print(chain.leaf.not_after_s, got);
	check(memcmp(expected, got, 13) == 0, "the one that lasts longest: %s", got);
	fetch_chain_clear(&chain);
	buf_clear(&m.octets);
}

static void
test_the_way_up(void **state)
{
	struct rrset_message m;
	struct fetch_chain chain = { 0 };
	struct fault f = { 0 };
	char subject[100];

	(void)state;
	message_begin(&m, OWNER);
	message_add_certificate(&m, 0, root.certificate);
	message_add_certificate(&m, 0, stranger.certificate);
	message_add_certificate(&m, 0, cross.certificate);
	message_add_certificate(&m, 0, middle.certificate);
	message_add(&m, 0, 0, (const uint8_t *)"nonsense", 8);
	add_leaf(&m, &middle, request.key, names, -DAY, DAY);
	assert_int_equal(build(&m, &chain, &f), ERR_OK);
	assert_int_equal(sk_X509_num(chain.v), 2);
	X509_NAME_oneline(X509_get_subject_name(sk_X509_value(chain.v, 1)), subject, sizeof subject);
	check(strcmp(subject, "/CN=Middle") == 0, "the intermediate and nothing else, neither root nor stranger: %s",
	    subject);
	check(fetch_chain_verify(&chain, FETCH_VERIFY_CHAIN, NULL, clock_now_s(), &f) == ERR_OK, "it holds: %s",
	    f.text);
	check(fetch_chain_verify(&chain, FETCH_VERIFY_SYSTEM, NULL, clock_now_s(), &f) == ERR_CRYPTO &&
	    strstr(f.text, "system") != NULL, "the system does not know our root: %s", f.text);
	check(fetch_chain_verify(&chain, FETCH_VERIFY_CHAIN, NULL, clock_now_s() + 2 * DAY, &f) == ERR_CRYPTO &&
	    strstr(f.text, "expired") != NULL, "nor does it hold later: %s", f.text);
	fetch_chain_clear(&chain);
	buf_clear(&m.octets);
}

/* Two CAs that signed each other must not lead round for ever. */
static void
test_a_ring(void **state)
{
	struct authority a, b, a_by_b;
	struct rrset_message m;
	struct fetch_chain chain = { 0 };
	struct fault f = { 0 };

	(void)state;
	authority_make(&a, "A", NULL);
	authority_make(&b, "B", &a);
	a_by_b.key = a.key;
	a_by_b.certificate = X509_dup(a.certificate);
	X509_set_issuer_name(a_by_b.certificate, X509_get_subject_name(b.certificate));
	assert_true(X509_sign(a_by_b.certificate, b.key, EVP_sha256()) > 0);
	message_begin(&m, OWNER);
	message_add_certificate(&m, 0, a_by_b.certificate);
	message_add_certificate(&m, 0, b.certificate);
	add_leaf(&m, &b, request.key, names, -DAY, DAY);
	assert_int_equal(build(&m, &chain, &f), ERR_OK);
	check(sk_X509_num(chain.v) == 3, "leaf, B, A: %d", sk_X509_num(chain.v));
	fetch_chain_clear(&chain);
	X509_free(a_by_b.certificate);
	authority_clear(&a);
	authority_clear(&b);
	buf_clear(&m.octets);
}

static void
test_a_trusted_file(void **state)
{
	char path[] = "/tmp/certns-test-trust.XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct rrset_message m;
	struct fetch_chain chain = { 0 };
	struct fault f = { 0 };

	(void)state;
	assert_non_null(file);
	PEM_write_X509(file, root.certificate);
	fclose(file);
	message_begin(&m, OWNER);
	message_add_certificate(&m, 0, middle.certificate);
	add_leaf(&m, &middle, request.key, names, -DAY, DAY);
	assert_int_equal(build(&m, &chain, &f), ERR_OK);
	check(fetch_chain_verify(&chain, FETCH_VERIFY_FILE, path, clock_now_s(), &f) == ERR_OK,
	    "the file has the root: %s", f.text);
	assert_int_equal(file_write(path, "words\n", 6, 0600, &f), ERR_OK);
	check(fetch_chain_verify(&chain, FETCH_VERIFY_FILE, path, clock_now_s(), &f) == ERR_FORMAT &&
	    strstr(f.text, path) != NULL, "the file has no certificate: %s", f.text);
	fetch_chain_clear(&chain);
	buf_clear(&m.octets);
	unlink(path);
}

/* Pieces that were put together wrongly: a leaf that names a CA which did not sign it. */
static void
test_a_signature_that_is_none(void **state)
{
	struct authority impostor;
	struct rrset_message m;
	struct fetch_chain chain = { 0 };
	struct fault f = { 0 };

	(void)state;
	authority_make(&impostor, "Middle", NULL);
	message_begin(&m, OWNER);
	message_add_certificate(&m, 0, middle.certificate);
	add_leaf(&m, &impostor, request.key, names, -DAY, DAY);
	assert_int_equal(build(&m, &chain, &f), ERR_OK);
	check(sk_X509_num(chain.v) == 1, "the CA is not taken for its issuer");
	fetch_chain_clear(&chain);
	authority_clear(&impostor);
	buf_clear(&m.octets);
}

static void
test_pem_there_and_back(void **state)
{
	struct rrset_message m;
	struct fetch_chain chain = { 0 }, again = { 0 };
	struct buf pem = { 0 };
	struct fault f = { 0 };

	(void)state;
	message_begin(&m, OWNER);
	message_add_certificate(&m, 0, middle.certificate);
	add_leaf(&m, &middle, request.key, names, -DAY, DAY);
	assert_int_equal(build(&m, &chain, &f), ERR_OK);
	assert_int_equal(fetch_chain_print(&chain, 0, &pem), ERR_OK);
	assert_int_equal(fetch_chain_parse((char *)pem.p, pem.len, &again, &f), ERR_OK);
	check(fetch_chain_same_leaf(&chain, &again) && sk_X509_num(again.v) == 2, "the same two certificates");
	fetch_chain_clear(&again);
	for (size_t n = 0; n < pem.len; n += 7)
		if (fetch_chain_parse((char *)pem.p, n, &again, &f) == ERR_OK)
			fetch_chain_clear(&again);
	fetch_chain_clear(&chain);
	buf_clear(&pem);
	buf_clear(&m.octets);
}

static void
test_every_prefix_of_an_answer(void **state)
{
	struct rrset_message m;
	struct fetch_tlsa rrset;
	struct fetch_state s;
	const char *strings[] = { "state=valid", "problem=none", NULL };

	(void)state;
	message_begin(&m, OWNER);
	message_add_certificate(&m, 0, middle.certificate);
	message_add_txt(&m, strings);
	for (size_t n = 0; n < m.octets.len; n++) {
		check(fetch_tlsa_read(m.octets.p, n, m.owner.octets, &rrset) == ERR_FORMAT, "%zu octets are no answer",
		    n);
		check(fetch_state_read(m.octets.p, n, m.owner.octets, &s) == ERR_FORMAT, "%zu octets are no answer", n);
	}
	assert_int_equal(fetch_tlsa_read(m.octets.p, m.octets.len, m.owner.octets, &rrset), ERR_OK);
	assert_int_equal(rrset.ncas, 1);
	buf_clear(&m.octets);
}

static void
test_many_records(void **state)
{
	struct rrset_message m;
	struct fetch_tlsa rrset;

	(void)state;
	message_begin(&m, OWNER);
	for (int i = 0; i < 200; i++)
		message_add(&m, 3, 255, (const uint8_t *)&i, sizeof i);
	assert_int_equal(fetch_tlsa_read(m.octets.p, m.octets.len, m.owner.octets, &rrset), ERR_OK);
	assert_int_equal(rrset.ncsrs, FETCH_RECORDS_MAX);
	buf_clear(&m.octets);
}

static void
test_the_status_record(void **state)
{
	char long_problem[256];
	const char *strings[] = { "state=waiting", "csr=0123456789abcdef", "next=2026-11-23T10:00:00Z",
	    "unheard-of=1", "no key", long_problem, "problem= and\tmore", "authority=ca.example", NULL };
	const char *other[] = { "v=spf1 -all", NULL };
	struct rrset_message m;
	struct fetch_state s;

	(void)state;
	memset(long_problem, 'x', 255);
	memcpy(long_problem, "problem=", 8);
	long_problem[255] = '\0';
	message_begin(&m, OWNER);
	message_add_txt(&m, other);
	assert_int_equal(fetch_state_read(m.octets.p, m.octets.len, m.owner.octets, &s), ERR_OK);
	check(!s.known, "another's TXT record is none of ours");
	message_add_txt(&m, strings);
	assert_int_equal(fetch_state_read(m.octets.p, m.octets.len, m.owner.octets, &s), ERR_OK);
	check(s.known && strcmp(s.state, "waiting") == 0 && strcmp(s.next, "2026-11-23T10:00:00Z") == 0 &&
	    strcmp(s.authority, "ca.example") == 0, "what it says is known");
	check(strlen(s.problem) == 247 + 9 && strcmp(s.problem + 247, " and?more") == 0, "long words go on: %s",
	    s.problem);
	buf_clear(&m.octets);
}

static void
test_whose_status_it_is(void **state)
{
	struct fetch_state s = { .known = true };
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct buf hex = { 0 };

	(void)state;
	check(fetch_state_is_about(&s, (const uint8_t *)"csr", 3), "it names no CSR");
	SHA256((const uint8_t *)"csr", 3, digest);
	hex_encode(digest, 8, &hex);
	snprintf(s.csr, sizeof s.csr, "%s", buf_str(&hex));
	check(fetch_state_is_about(&s, (const uint8_t *)"csr", 3), "it names ours");
	check(!fetch_state_is_about(&s, (const uint8_t *)"CSR", 3), "it names another one");
	buf_clear(&hex);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_leaf_that_is_ours),
		cmocka_unit_test(test_the_best_of_several),
		cmocka_unit_test(test_the_way_up),
		cmocka_unit_test(test_a_ring),
		cmocka_unit_test(test_a_trusted_file),
		cmocka_unit_test(test_a_signature_that_is_none),
		cmocka_unit_test(test_pem_there_and_back),
		cmocka_unit_test(test_every_prefix_of_an_answer),
		cmocka_unit_test(test_many_records),
		cmocka_unit_test(test_the_status_record),
		cmocka_unit_test(test_whose_status_it_is),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
