#include "tests/unit/check.h"

#include <event2/event.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "acme/persist.h"
#include "acme/persist_record.h"
#include "base/clock.h"
#include "tests/unit/acme/pki.h"
#include "tests/unit/acme/world.h"
#include "wire/rrtype.h"

#define NAME "_validation-persist.www.example.test"
#define CSR "_letsencrypt._tcp.www.example.test"
#define ACCOUNT "https://ca.test/acct/1"
#define DAY 86400

struct stage {
	struct world world;
	struct event_base *base;
	struct acme_port *port;
	struct acme_authorities authorities;
	struct acme_authority_config config;
	enum acme_challenge_type preferred[ACME_CHALLENGE_TYPES];
	struct acme_persist *persist;
	EVP_PKEY *key;
	unsigned done;				/* how often, and how the last time */
	enum err err;
	char text[2048];
};

static void
persist_open(struct stage *s)
{
	struct acme_outside outside = world_outside(&s->world);

	assert_int_equal(acme_port_new(&outside, s->base, &s->port), ERR_OK);
	assert_int_equal(acme_persist_new(s->port, s->base, &s->authorities, &s->persist), ERR_OK);
}

static void
persist_close(struct stage *s)
{
	acme_persist_free(s->persist);
	acme_port_free(s->port);
}

static void
stage_init(struct stage *s)
{
	static char names[][10] = { "ca", "other" };

	*s = (struct stage){ .base = event_base_new(), .preferred = { ACME_DNS_PERSIST_01 } };
	world_init(&s->world, s->base);
	s->world.zones[0] = "example.test";
	s->world.zones[1] = "other.test";
	s->key = EVP_EC_gen("P-256");
	s->config = (struct acme_authority_config){ .challenges = s->preferred, .nchallenges = 1 };
	for (s->authorities.n = 0; s->authorities.n < 2; s->authorities.n++)
		s->authorities.v[s->authorities.n] = (struct acme_authority){ .config = &s->config,
		    .name = names[s->authorities.n] };
	persist_open(s);
}

static void
stage_clear(struct stage *s)
{
	persist_close(s);
	world_clear(&s->world);
	EVP_PKEY_free(s->key);
	event_base_free(s->base);
}

static void
put_csr(struct stage *s, const char *owner, const char *san)
{
	struct buf der = { 0 };

	pki_csr(s->key, NULL, san, &der);
	world_put_csr(&s->world, owner, der.p, der.len);
	buf_clear(&der);
}

static void
on_done(void *arg, enum err err, const char *words, const char *text)
{
	struct stage *s = arg;

	s->done++;
	s->err = err;
	snprintf(s->text, sizeof s->text, "%s", err == ERR_OK ? text : words);
}

struct want {
	const char *name, *owner, *zone, *authority, *issuers, *account, *csr;
	bool wildcard, frozen;
};
static const struct want usual = { NAME, NAME, "example.test", "ca", "ca.test", ACCOUNT, CSR, false, false };

static struct acme_persist_need *
require(struct stage *s, struct want w)
{
	struct acme_standing want = { .issuers = strdup(w.issuers), .account = strdup(w.account),
	    .wildcard = w.wildcard };
	struct acme_delegation way = { .frozen = w.frozen };
	struct acme_persist_need *n = NULL;
	struct dname csr;

	assert_int_equal(dname_from_str(w.name, &want.owner), ERR_OK);
	assert_int_equal(dname_from_str(w.owner, &way.owner), ERR_OK);
	assert_int_equal(dname_from_str(w.zone, &way.zone), ERR_OK);
	assert_int_equal(dname_from_str(w.csr, &csr), ERR_OK);
	assert_int_equal(acme_persist_require(s->persist, &(struct acme_persist_request){ &want, &way, w.authority,
	    csr.octets, on_done, s }, &n), ERR_OK);
	acme_standing_clear(&want);
	return n;
}

/* So many steps that whatever was to happen has, even where the machine lets this process wait. */
static void
run(struct stage *s)
{
	for (unsigned i = 0; i < 15; i++) {
		event_base_loopexit(s->base, &(struct timeval){ 0, 2000 });
		event_base_dispatch(s->base);
	}
}

static void
obtain(struct stage *s, struct want w)
{
	unsigned before = s->done;

	require(s, w);
	check(s->done == before, "done comes later");
	run(s);
	check(s->done == before + 1 && s->err == ERR_OK, "a record is there: %s", s->text);
}

/* All texts at owner, sorted and joined by "|". */
static const char *
texts(const struct stage *s, const char *owner)
{
	static char joined[4096];
	const char *found[20];
	struct dname name;
	struct buf text[20] = { { 0 } };
	size_t n = 0;

	assert_int_equal(dname_from_str(owner, &name), ERR_OK);
	for (size_t i = 0; i < s->world.rrs.n && n < 20; i++)
		if (s->world.rrs.v[i].type == TYPE_TXT && dname_equal(s->world.rrs.v[i].owner, name.octets)) {
			assert_true(acme_txt_join(s->world.rrs.v[i].rdata, s->world.rrs.v[i].rdlen, 4096, &text[n]));
			found[n] = buf_str(&text[n]);
			n++;
		}
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (strcmp(found[j], found[i]) < 0) {
				const char *swap = found[i];

				found[i] = found[j];
				found[j] = swap;
			}
	joined[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		strcat(joined, i > 0 ? "|" : "");
		strcat(joined, found[i]);
	}
	for (size_t i = 0; i < n; i++)
		buf_clear(&text[i]);
	return joined;
}

static void
says(const struct stage *s, const char *wanted, const char *why)
{
	check(strcmp(texts(s, NAME), wanted) == 0, "%s: %s", why, texts(s, NAME));
}

static void
by_hand(struct stage *s, const char *owner, const char *text, bool add)
{
	struct buf rdata = { 0 };
	struct dname name;

	assert_int_equal(dname_from_str(owner, &name), ERR_OK);
	acme_txt_write(text, strlen(text), &rdata);
	struct rr rr = { name.octets, rdata.p, 300, TYPE_TXT, (uint16_t)rdata.len };
	if (add)
		assert_int_equal(rr_list_add(&s->world.rrs, &rr), ERR_OK);
	for (size_t i = 0; !add && i < s->world.rrs.n; i++)
		if (rr_same(&s->world.rrs.v[i], &rr))
			s->world.rrs.v[i] = s->world.rrs.v[--s->world.rrs.n];
	buf_clear(&rdata);
}

static void
review(struct stage *s)
{
	acme_persist_review(s->persist, clock_now_s());
	run(s);
}

#define PLAIN "ca.test; accounturi=" ACCOUNT
#define WILD PLAIN "; policy=wildcard"

static void
test_made_once_and_gone_with_its_csr(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	put_csr(&s, CSR, "DNS:www.example.test");
	obtain(&s, usual);
	says(&s, PLAIN, "it is made");
	assert_string_equal(s.text, PLAIN);
	check(s.world.edits == 1 && s.world.passing_edits == 0, "by one lasting edit");
	check(world_note(&s.world, "persist/" NAME "/ca") != NULL, "and remembered");
	obtain(&s, usual);
	check(s.world.edits == 1, "the next order finds it");
	review(&s);
	says(&s, PLAIN, "it stays while it is needed");
	world_remove_tlsa(&s.world, CSR);
	persist_close(&s);
	persist_open(&s);
	review(&s);
	says(&s, "", "it goes with the CSR, over a restart");
	check(world_note(&s.world, "persist/" NAME "/ca") == NULL, "and is forgotten");
	stage_clear(&s);
}

static void
test_a_look_is_enough(void **state)
{
	struct stage s;
	struct dname csr;

	(void)state;
	stage_init(&s);
	put_csr(&s, CSR, "DNS:www.example.test");
	obtain(&s, usual);
	world_remove_tlsa(&s.world, CSR);
	assert_int_equal(dname_from_str("_LetsEncrypt._tcp.www.example.TEST", &csr), ERR_OK);
	acme_persist_look(s.persist, csr.octets);
	run(&s);
	says(&s, PLAIN, "not at once: it may come back");
	for (int64_t end = clock_mono_ms() + 60000; clock_mono_ms() < end && texts(&s, NAME)[0] != '\0';)
		run(&s);
	says(&s, "", "but soon");
	stage_clear(&s);
}

static void
test_policy(void **state)
{
	struct want wild = usual, other = usual;
	struct stage s;

	(void)state;
	stage_init(&s);
	put_csr(&s, CSR, "DNS:www.example.test");
	obtain(&s, usual);
	wild.csr = "_rsa._tcp.www.example.test";
	wild.wildcard = true;
	put_csr(&s, wild.csr, "DNS:*.www.example.test");
	obtain(&s, wild);
	says(&s, WILD, "a second CSR has the wildcard");
	assert_string_equal(s.text, WILD);
	obtain(&s, usual);
	says(&s, WILD, "the first does not take it away");
	other.csr = wild.csr;
	put_csr(&s, wild.csr, "DNS:www.example.test");
	obtain(&s, other);
	says(&s, PLAIN, "it goes when nobody has it any more");
	assert_string_equal(s.text, PLAIN);
	stage_clear(&s);
}

static void
test_another_account(void **state)
{
	struct want w = usual;
	struct stage s;

	(void)state;
	stage_init(&s);
	put_csr(&s, CSR, "DNS:www.example.test");
	by_hand(&s, NAME, "other.test; accounturi=https://other.test/1", true);
	obtain(&s, usual);
	w.account = "https://ca.test/acct/2";
	w.issuers = "new.ca.test,ca.test";
	obtain(&s, w);
	says(&s, "new.ca.test; accounturi=https://ca.test/acct/2|other.test; accounturi=https://other.test/1",
	    "ours names the new account; others stay");
	stage_clear(&s);
}

static void
test_two_authorities(void **state)
{
	struct want w = usual;
	struct stage s;

	(void)state;
	stage_init(&s);
	put_csr(&s, CSR, "DNS:www.example.test");
	obtain(&s, usual);
	w.authority = "other";
	w.issuers = "other.test";
	w.account = "https://other.test/7";
	obtain(&s, w);
	says(&s, PLAIN "|other.test; accounturi=https://other.test/7", "each has its own");
	s.authorities.n = 1;			/* the other is not configured any more */
	review(&s);
	says(&s, PLAIN, "and they go one by one");
	stage_clear(&s);
}

static void
test_by_hand(void **state)
{
	static const char own[] = WILD "; note=mine", ends[] = PLAIN "; persistUntil=1000";
	struct stage s;

	(void)state;
	stage_init(&s);
	put_csr(&s, CSR, "DNS:www.example.test");
	by_hand(&s, NAME, own, true);
	obtain(&s, usual);
	assert_string_equal(s.text, own);
	check(s.world.edits == 0, "an operator's record that fits is used as it is");
	world_remove_tlsa(&s.world, CSR);
	review(&s);
	says(&s, own, "and never taken away");
	by_hand(&s, NAME, own, false);
	put_csr(&s, CSR, "DNS:www.example.test");
	by_hand(&s, NAME, ends, true);
	obtain(&s, usual);
	says(&s, PLAIN, "one for our account that has ended is put right");
	by_hand(&s, NAME, PLAIN, false);
	by_hand(&s, NAME, own, true);
	review(&s);
	world_remove_tlsa(&s.world, CSR);
	review(&s);
	says(&s, own, "what somebody wrote in place of ours is theirs");
	stage_clear(&s);
}

static void
test_ends(void **state)
{
	struct acme_persist_record r;
	struct stage s;
	int64_t now_s = clock_now_s();

	(void)state;
	stage_init(&s);
	s.config.persist_lifetime_s = 30 * DAY;
	put_csr(&s, CSR, "DNS:www.example.test");
	obtain(&s, usual);
	check(acme_persist_read(texts(&s, NAME), strlen(texts(&s, NAME)), &r) && r.until_s >= now_s + 30 * DAY &&
	    r.until_s < now_s + 31 * DAY, "it ends in 30 days");
	review(&s);
	check(s.world.edits == 1, "there is time");
	s.config.persist_lifetime_s = 100 * DAY;	/* so 30 are less than a third */
	review(&s);
	check(acme_persist_read(texts(&s, NAME), strlen(texts(&s, NAME)), &r) && r.until_s >= now_s + 100 * DAY,
	    "a later end in time");
	s.config.persist_lifetime_s = 10 * DAY;
	s.world.edit_err = ERR_IO;
	review(&s);
	check(acme_persist_read(texts(&s, NAME), strlen(texts(&s, NAME)), &r) && r.until_s >= now_s + 100 * DAY,
	    "what cannot be written stays");
	s.world.edit_err = ERR_OK;
	review(&s);
	check(r.until_s >= now_s + 100 * DAY, "and is left alone for a while");
	acme_persist_review(s.persist, now_s + 2 * 3600);
	run(&s);
	check(acme_persist_read(texts(&s, NAME), strlen(texts(&s, NAME)), &r) && r.until_s < now_s + 11 * DAY,
	    "until it is tried again");
	check(world_count(&s.world, NAME, TYPE_TXT) == 1, "there is one");
	s.config.persist_lifetime_s = 0;
	acme_persist_review(s.persist, now_s + 4 * 3600);
	run(&s);
	says(&s, PLAIN, "no end at all");
	stage_clear(&s);
}

static void
test_failures(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	put_csr(&s, CSR, "DNS:www.example.test");
	s.world.edit_err = ERR_REFUSED;
	require(&s, usual);
	run(&s);
	check(s.done == 1 && s.err == ERR_REFUSED && strstr(s.text, "says the test") != NULL, "an order hears why: %s",
	    s.text);
	s.world.edit_err = ERR_OK;
	obtain(&s, usual);
	says(&s, PLAIN, "the next one may succeed");
	s.config.nchallenges = 0;
	s.world.edit_err = ERR_IO;
	review(&s);
	says(&s, PLAIN, "what cannot be removed");
	s.world.edit_err = ERR_OK;
	acme_persist_review(s.persist, clock_now_s() + 2 * 3600);
	run(&s);
	says(&s, "", "is removed later");
	stage_clear(&s);
}

static void
test_a_frozen_zone(void **state)
{
	struct want w = usual;
	struct stage s;

	(void)state;
	stage_init(&s);
	s.config.persist_lifetime_s = 30 * DAY;
	put_csr(&s, CSR, "DNS:www.example.test");
	w.frozen = w.wildcard = true;
	require(&s, w);
	run(&s);
	check(s.err == ERR_REFUSED && strstr(s.text, "put this TXT record at " NAME ": \"" WILD "\"") != NULL,
	    "the operator is asked: %s", s.text);
	check(s.world.edits == 0, "and nothing is tried");
	by_hand(&s, NAME, WILD, true);
	obtain(&s, w);
	check(s.world.edits == 0, "what is there will do");
	stage_clear(&s);
}

static void
test_at_once(void **state)
{
	struct want wild = usual;
	struct stage s;
	struct acme_persist_need *n;

	(void)state;
	stage_init(&s);
	s.world.edit_later = true;
	wild.csr = "_rsa._tcp.www.example.test";
	wild.wildcard = true;
	put_csr(&s, CSR, "DNS:www.example.test");
	put_csr(&s, wild.csr, "DNS:*.www.example.test");
	require(&s, usual);
	require(&s, wild);
	n = require(&s, usual);
	acme_persist_cancel(n);
	run(&s);
	check(s.done == 2 && s.err == ERR_OK, "two of three are told, the third was cancelled: %u", s.done);
	says(&s, WILD, "and there is one record");
	n = require(&s, usual);
	event_base_loop(s.base, EVLOOP_NONBLOCK);
	require(&s, wild);
	persist_close(&s);			/* in the midst of it */
	persist_open(&s);
	stage_clear(&s);
}

static void
test_moved(void **state)
{
	struct want w = usual;
	struct stage s;

	(void)state;
	stage_init(&s);
	put_csr(&s, CSR, "DNS:www.example.test");
	obtain(&s, usual);
	w.owner = "www.other.test";
	w.zone = "other.test";
	obtain(&s, w);
	says(&s, "", "the old place is left");
	check(strcmp(texts(&s, "www.other.test"), PLAIN) == 0, "for the new one");
	world_remove_tlsa(&s.world, CSR);
	review(&s);
	check(world_count(&s.world, NULL, TYPE_TXT) == 0, "which is left, too");
	stage_clear(&s);
}

static void
test_a_zone_that_is_not_there(void **state)
{
	struct want w = usual;
	struct stage s;

	(void)state;
	stage_init(&s);
	w.csr = "_letsencrypt._tcp.other.test";
	put_csr(&s, w.csr, "DNS:www.example.test");
	obtain(&s, w);
	s.world.zones[1] = NULL;
	review(&s);
	says(&s, PLAIN, "the zone of the CSR may come back");
	s.world.zones[1] = "other.test";
	world_remove_tlsa(&s.world, w.csr);
	s.world.zones[0] = "other.test";
	persist_close(&s);
	persist_open(&s);
	review(&s);
	check(world_note(&s.world, "persist/" NAME "/ca") != NULL, "and so may that of the record");
	s.world.zones[0] = "example.test";
	review(&s);
	says(&s, "", "then it is removed");
	stage_clear(&s);
}

static void
test_long_values(void **state)
{
	char account[700] = "https://ca.test/";
	struct want w = usual;
	struct stage s;

	(void)state;
	stage_init(&s);
	memset(account + 16, 'a', sizeof account - 17);
	account[sizeof account - 1] = '\0';
	w.account = account;
	put_csr(&s, CSR, "DNS:www.example.test");
	obtain(&s, w);
	obtain(&s, w);
	check(s.world.edits == 1 && strlen(texts(&s, NAME)) == strlen("ca.test; accounturi=") + strlen(account),
	    "more than one string is found again");
	stage_clear(&s);
}

static const char *const memories[] = {
	"", "null", "[]", "{}", "{\"version\":2}",
	"{\"version\":1,\"name\":\"a.example.test\",\"owner\":\"a.example.test\",\"zone\":\"other.test\",\"authority\":\"ca\","
	    "\"texts\":[],\"users\":[]}",
	"{\"version\":1,\"name\":\"a.example.test\",\"owner\":\"a.example.test\",\"zone\":\"example.test\",\"authority\":\"ca\","
	    "\"texts\":[1],\"users\":[]}",
	"{\"version\":1,\"name\":\"a.example.test\",\"owner\":\"a.example.test\",\"zone\":\"example.test\",\"authority\":\"ca\","
	    "\"texts\":[],\"users\":[{\"csr\":\"a..b\"}]}",
	"{\"version\":1,\"name\":\"a.example.test\",\"owner\":\"a.example.test\",\"zone\":\"example.test\",\"authority\":\"ca\","
	    "\"texts\":[]}",
};

static void
test_what_cannot_be_read_is_forgotten(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	for (size_t i = 0; i < sizeof memories / sizeof memories[0]; i++) {
		struct acme_outside outside = world_outside(&s.world);

		persist_close(&s);
		outside.remember(outside.ctx, "persist/x/y", memories[i],
		    strlen(memories[i]) + (memories[i][0] == '\0'), NULL, NULL);
		persist_open(&s);
		run(&s);
		check(world_note(&s.world, "persist/x/y") == NULL, "%s is forgotten", memories[i]);
	}
	stage_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_once_and_gone_with_its_csr),
		cmocka_unit_test(test_a_look_is_enough),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_another_account),
		cmocka_unit_test(test_two_authorities),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_a_frozen_zone),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_a_zone_that_is_not_there),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_what_cannot_be_read_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
