/* What was revoked is known again after a restart; and the names of reasons. */
#include "tests/unit/check.h"

#include <event2/event.h>
#include <openssl/ec.h>

#include "acme/port.h"
#include "acme/revoke.h"
#include "acme/revoked.h"
#include "tests/unit/acme/pki.h"
#include "tests/unit/acme/world.h"

#define NOW 1800000000
#define DAY 86400

static struct event_base *base;
static struct world world;
static struct acme_port *port;
static EVP_PKEY *keys[2];
static struct buf leaf, other_leaf, csr, other_csr;	/* other_: with keys[1] */

static int
set_up(void **state)
{
	struct acme_outside outside;

	(void)state;
	base = event_base_new();
	world_init(&world, base);
	outside = world_outside(&world);
	for (int i = 0; i < 2; i++) {
		keys[i] = EVP_EC_gen("P-256");
		pki_certificate(keys[i], NULL, "DNS:a.example", keys[i], "Issuer", NOW - DAY, NOW + DAY,
		    i == 0 ? &leaf : &other_leaf);
		pki_csr(keys[i], NULL, "DNS:b.example", i == 0 ? &csr : &other_csr);
	}
	return acme_port_new(&outside, base, &port) == ERR_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	acme_port_free(port);
	world_clear(&world);
	event_base_free(base);
	for (int i = 0; i < 2; i++)
		EVP_PKEY_free(keys[i]);
	buf_clear(&leaf);
	buf_clear(&other_leaf);
	buf_clear(&csr);
	buf_clear(&other_csr);
	return 0;
}

static struct acme_revoked *
open_at(int64_t now_s)
{
	struct acme_revoked *r = NULL;

	assert_int_equal(acme_revoked_new(port, now_s, &r), ERR_OK);
	return r;
}

static void
expect(const struct acme_revoked *r, bool certificate, bool key, const char *when)
{
	struct fault f = { 0 };

	check(acme_revoked_certificate(r, leaf.p, leaf.len) == certificate, "%s the certificate is %s", when,
	    certificate ? "revoked" : "not revoked");
	check(acme_revoked_key(r, csr.p, csr.len, &f) == key, "%s its key is %s", when, key ? "compromised" : "good");
	check(!key || strstr(f.text, "on 2027-01-15") != NULL, "with the day: %s", f.text);
	check(!acme_revoked_certificate(r, other_leaf.p, other_leaf.len), "%s another one is good", when);
	check(!acme_revoked_key(r, other_csr.p, other_csr.len, &f), "%s and so is another key", when);
}

static void
test_revoked(void **state)
{
	struct acme_revoked *r = open_at(NOW);

	(void)state;
	expect(r, false, false, "before");
	assert_int_equal(acme_revoked_add(r, leaf.p, leaf.len, false, NOW), ERR_OK);
	expect(r, true, false, "superseded,");
	acme_revoked_free(r);

	r = open_at(NOW);
	expect(r, true, false, "after a restart");
	assert_int_equal(acme_revoked_add(r, leaf.p, leaf.len, true, NOW), ERR_OK);
	assert_int_equal(acme_revoked_add(r, leaf.p, leaf.len, true, NOW), ERR_OK);
	expect(r, true, true, "for its key,");
	acme_revoked_free(r);

	assert_int_equal(world.nnotes, 2);
	r = open_at(NOW + DAY);
	expect(r, true, true, "as long as it lasts");
	acme_revoked_free(r);
	r = open_at(NOW + DAY + 1);
	expect(r, false, true, "when it has expired");
	acme_revoked_free(r);
	check(world.nnotes == 1, "what has expired is forgotten");
}

static void
test_what_cannot_be_read(void **state)
{
	struct acme_outside outside = world_outside(&world);
	struct acme_revoked *r;

	(void)state;
	outside.remember(outside.ctx, "revoked/certificate/00", "{\"v\":2}", 7, NULL, NULL);
	outside.remember(outside.ctx, "revoked/key/00", "junk", 4, NULL, NULL);
	r = open_at(NOW);
	check(!acme_revoked_certificate(r, (const uint8_t *)"junk", 4), "junk is not revoked");
	check(!acme_revoked_key(r, (const uint8_t *)"junk", 4, NULL), "and has no key");
	check(acme_revoked_add(r, (const uint8_t *)"junk", 4, true, NOW) == ERR_FORMAT, "nor can it be revoked");
	world.remember_err = ERR_NOSPACE;
	assert_int_equal(acme_revoked_add(r, other_leaf.p, other_leaf.len, false, NOW), ERR_OK);
	check(acme_revoked_certificate(r, other_leaf.p, other_leaf.len),
	    "what cannot be written is known until the end");
	world.remember_err = ERR_OK;
	acme_revoked_free(r);
}

static const struct { const char *text; int reason; } reasons[] = {
	{ "unspecified", 0 }, { "keyCompromise", 1 }, { "KEYCOMPROMISE", 1 }, { "cACompromise", 2 },
	    { "affiliationChanged", 3 },
	{ "superseded", 4 }, { "cessationOfOperation", 5 }, { "certificateHold", 6 }, { "removeFromCRL", 8 },
	{ "privilegeWithdrawn", 9 }, { "aACompromise", 10 }, { "0", 0 }, { "1", 1 }, { "10", 10 }, { "7", -1 },
	    { "11", -1 },
	{ "-1", -1 }, { "1 ", -1 }, { " 1", -1 }, { "", -1 }, { "key", -1 }, { "99999999999999999999", -1 },
	    { "0x1", -1 },
};

static void
test_reasons(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		int reason = -1;

		check(acme_reason_parse(reasons[i].text, &reason) == (reasons[i].reason >= 0) &&
		    reason == reasons[i].reason, "\"%s\" is reason %d, not %d", reasons[i].text, reasons[i].reason,
		    reason);
	}
	assert_string_equal(acme_reason_str(ACME_REASON_KEY_COMPROMISE), "keyCompromise");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
