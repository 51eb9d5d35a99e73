#include "tests/unit/check.h"

#include <event2/event.h>
#include <stdlib.h>

#include "acme/leftovers.h"
#include "acme/store.h"
#include "tests/unit/acme/world.h"
#include "wire/rrtype.h"

#define DIGEST "0101010101010101010101010101010101010101010101010101010101010101"
#define RECORD(owner, zone, value) "{\"owner\":\"" owner "\",\"zone\":\"" zone "\",\"value\":\"" value "\"}"

static struct dname
name(const char *text)
{
	struct dname d;

	assert_int_equal(dname_from_str(text, &d), ERR_OK);
	return d;
}

static struct acme_record
record(const char *owner, const char *value)
{
	struct acme_record r = { .owner = name(owner), .zone = name("example.test") };

	snprintf(r.value, sizeof r.value, "%s", value);
	return r;
}

/* ---- text ---- */

static const struct { const char *why, *json; enum err err; } texts[] = {
	{ "an order with a record", "{\"version\":1,\"csr\":\""
	    DIGEST "\",\"since\":5,\"order\":\"https://ca/o\",\"directory\":"
	    "\"https://ca/d\",\"records\":[" RECORD("_acme-challenge.a.example.test.", "example.test.", "v") "]}",
	    ERR_OK },
	{ "only records", "{\"version\":1,\"csr\":\"" DIGEST "\",\"records\":[]}", ERR_OK },
	{ "members that we do not know", "{\"version\":1,\"csr\":\"" DIGEST "\",\"more\":{}}", ERR_OK },
	{ "no JSON", "order", ERR_FORMAT },
	{ "no object", "[]", ERR_FORMAT },
	{ "no version", "{\"csr\":\"" DIGEST "\"}", ERR_FORMAT },
	{ "a later version", "{\"version\":2,\"csr\":\"" DIGEST "\"}", ERR_FORMAT },
	{ "no CSR", "{\"version\":1}", ERR_FORMAT },
	{ "half a digest", "{\"version\":1,\"csr\":\"0101\"}", ERR_FORMAT },
	{ "a digest that is none", "{\"version\":1,\"csr\":7}", ERR_FORMAT },
	{ "an order without https", "{\"version\":1,\"csr\":\""
	    DIGEST "\",\"order\":\"http://ca/o\",\"directory\":\"https://ca/d\"}", ERR_FORMAT },
	{ "nobody's order", "{\"version\":1,\"csr\":\"" DIGEST "\",\"order\":\"https://ca/o\"}", ERR_FORMAT },
	{ "a record outside of its zone", "{\"version\":1,\"csr\":\"" DIGEST "\",\"records\":["
	    RECORD("a.example.", "example.test.", "v") "]}", ERR_FORMAT },
	{ "a record without value", "{\"version\":1,\"csr\":\"" DIGEST "\",\"records\":["
	    RECORD("a.example.test.", "example.test.", "") "]}", ERR_FORMAT },
	{ "a value that is too long", "{\"version\":1,\"csr\":\"" DIGEST "\",\"records\":[" RECORD("a.example.test.",
	    "example.test.", "01234567890123456789012345678901234567890123") "]}", ERR_FORMAT },
	{ "a record that is none", "{\"version\":1,\"csr\":\"" DIGEST "\",\"records\":[1]}", ERR_FORMAT },
	{ "a name that is none", "{\"version\":1,\"csr\":\"" DIGEST "\",\"records\":[" RECORD("a..test.", ".",
	    "v") "]}", ERR_FORMAT },
};

static void
test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		size_t n = strlen(texts[i].json);
		struct acme_memory m = { 0 };
		struct fault f = { 0 };
		enum err err = acme_memory_parse(texts[i].json, n, &m, &f);

		check(err == texts[i].err, "%s: %s (%s)", texts[i].why, err_str(err), f.text);
		check(err == ERR_OK || f.text[0] != '\0', "%s: words", texts[i].why);
		acme_memory_clear(&m);
		for (size_t k = 0; k < n; k++)
			check(acme_memory_parse(texts[i].json, k, &m, NULL) == ERR_FORMAT, "%s: %zu octets of it",
			    texts[i].why, k);
	}
}

static struct acme_memory
memory(const char *order, const char *value)
{
	struct acme_memory m = { .order = order != NULL ? strdup(order) : NULL, .directory = strdup("https://ca/d"),
	    .since_s = 7 };
	struct acme_record r = record("_acme-challenge.a.example.test", value);

	memset(m.csr_digest, 1, sizeof m.csr_digest);
	assert_int_equal(acme_records_add(&m.records, &r), ERR_OK);
	return m;
}

static void
test_round_trip(void **state)
{
	struct acme_memory m = memory("https://ca/o/1", "value"), back = { 0 };
	char *text = acme_memory_print(&m);

	(void)state;
	m.issued = true;
	free(text);
	text = acme_memory_print(&m);
	assert_int_equal(acme_memory_parse(text, strlen(text), &back, NULL), ERR_OK);
	assert_string_equal(back.order, m.order);
	assert_string_equal(back.directory, m.directory);
	assert_memory_equal(back.csr_digest, m.csr_digest, sizeof m.csr_digest);
	assert_int_equal(back.since_s, 7);
	assert_true(back.issued);
	assert_int_equal(back.records.n, 1);
	assert_true(acme_records_has(&back.records, &m.records.v[0]));
	free(text);
	acme_memory_clear(&m);
	acme_memory_clear(&back);
}

/* ---- the store ---- */

struct stage {
	struct event_base *base;
	struct world w;
	struct acme_port *port;
	struct acme_store *store;
	struct dname owner;
	unsigned durable;
};

static void
stage_start(struct stage *s)
{
	struct acme_outside outside = world_outside(&s->w);

	assert_int_equal(acme_port_new(&outside, s->base, &s->port), ERR_OK);
	assert_int_equal(acme_store_new(s->port, s->base, &s->store), ERR_OK);
}

static void
stage_stop(struct stage *s)
{
	acme_store_free(s->store);
	acme_port_free(s->port);
}

static void
stage_init(struct stage *s)
{
	*s = (struct stage){ .base = event_base_new(), .owner = name("_letsencrypt._tcp.a.example.test") };
	world_init(&s->w, s->base);
	stage_start(s);
}

static void
stage_clear(struct stage *s)
{
	stage_stop(s);
	world_clear(&s->w);
	event_base_free(s->base);
}

static void
on_durable(void *arg, enum err err, const char *words)
{
	struct stage *s = arg;

	(void)words;
	s->durable += err == ERR_OK;
}

static void
put(struct stage *s, const struct dname *owner, const char *order, const char *value)
{
	struct acme_memory m = memory(order, value);

	assert_int_equal(acme_store_put(s->store, owner->octets, &m, on_durable, s, NULL), ERR_OK);
	acme_memory_clear(&m);
}

static void
publish(struct stage *s, const char *value)
{
	struct acme_record r = record("_acme-challenge.a.example.test", value);
	uint8_t rdata[1 + sizeof r.value] = { (uint8_t)strlen(value) };

	memcpy(rdata + 1, value, strlen(value));
	assert_int_equal(rr_list_add(&s->w.rrs, &(struct rr){ r.owner.octets, rdata, 60, TYPE_TXT,
	    (uint16_t)(rdata[0] + 1) }), ERR_OK);
}

static void
run(struct stage *s)
{
	for (int i = 0; i < 10; i++)
		event_base_loop(s->base, EVLOOP_NONBLOCK);
}

static void
test_it_outlasts_a_restart(void **state)
{
	static const uint8_t other[SHA256_DIGEST_LENGTH] = { 9 };
	struct stage s;
	struct dname upper = name("_LetsEncrypt._tcp.A.example.test");
	const struct acme_memory *m;

	(void)state;
	stage_init(&s);
	put(&s, &s.owner, "https://ca/o/1", "one");
	put(&s, &s.owner, "https://ca/o/1", "two");
	run(&s);
	check(s.durable == 2, "it is told when it is durable: %u", s.durable);
	stage_stop(&s);
	stage_start(&s);
	check((m = acme_store_find(s.store, upper.octets)) != NULL && strcmp(m->order, "https://ca/o/1") == 0 &&
	    m->records.n == 1 && strcmp(m->records.v[0].value, "two") == 0, "the last is found again");
	check(acme_store_unfinished(s.store, s.owner.octets, m->csr_digest), "its CSR has an order on its way");
	check(!acme_store_unfinished(s.store, s.owner.octets, other), "another CSR has none");
	stage_clear(&s);
}

static void
test_what_is_dropped_is_removed(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	put(&s, &s.owner, "https://ca/o/1", "one");
	publish(&s, "one");
	publish(&s, "other's");
	acme_store_drop(s.store, s.owner.octets);
	acme_store_drop(s.store, s.owner.octets);
	run(&s);
	check(world_count(&s.w, NULL, TYPE_TXT) == 1, "the record goes, and only that");
	check(acme_store_find(s.store, s.owner.octets) == NULL && s.w.nnotes == 0, "and it is forgotten");
	acme_store_drop(s.store, s.owner.octets);	/* nothing is there: no harm */
	stage_clear(&s);
}

static void
test_what_cannot_be_removed_stays_in_memory(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	put(&s, &s.owner, NULL, "one");
	publish(&s, "one");
	s.w.edit_err = ERR_NETWORK;
	acme_store_drop(s.store, s.owner.octets);
	run(&s);
	check(s.w.nnotes == 1, "it is tried again, also after a restart");
	s.w.edit_err = ERR_OK;
	stage_stop(&s);
	stage_start(&s);
	acme_store_drop(s.store, s.owner.octets);
	run(&s);
	check(world_count(&s.w, NULL, TYPE_TXT) == 0 && s.w.nnotes == 0, "and then it is gone");
	stage_clear(&s);
}

static void
test_tidying_keeps_the_order(void **state)
{
	struct stage s;
	const struct acme_memory *m;

	(void)state;
	stage_init(&s);
	put(&s, &s.owner, "https://ca/o/1", "one");
	publish(&s, "one");
	acme_store_tidy(s.store, s.owner.octets);
	acme_store_tidy(s.store, s.owner.octets);
	run(&s);
	check(world_count(&s.w, NULL, TYPE_TXT) == 0, "the record goes");
	stage_stop(&s);
	stage_start(&s);
	check((m = acme_store_find(s.store, s.owner.octets)) != NULL && m->order != NULL && m->records.n == 0,
	    "the order stays");
	acme_store_tidy(s.store, s.owner.octets);
	acme_store_drop(s.store, s.owner.octets);
	run(&s);
	check(s.w.nnotes == 0, "until it is dropped");
	stage_clear(&s);
}

static void
test_a_claim_ends_the_dropping(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	s.w.edit_later = true;
	put(&s, &s.owner, "https://ca/o/1", "one");
	acme_store_drop(s.store, s.owner.octets);
	check(acme_store_claim(s.store, s.owner.octets) != NULL, "it is still there");
	run(&s);
	check(acme_store_find(s.store, s.owner.octets) != NULL && s.w.nnotes == 1, "and stays, for whoever claims it");
	stage_clear(&s);
}

static void
test_a_shared_record_goes_with_the_last(void **state)
{
	struct stage s;
	struct dname other = name("_rsa._tcp.a.example.test");
	struct acme_record r = record("_acme-challenge.a.example.test", "one");
	struct acme_records mine = { 0 };

	(void)state;
	stage_init(&s);
	put(&s, &s.owner, "https://ca/o/1", "one");
	put(&s, &other, "https://ca/o/2", "one");
	publish(&s, "one");
	assert_int_equal(acme_records_add(&mine, &r), ERR_OK);
	acme_store_spare(s.store, s.owner.octets, &mine);
	check(mine.n == 0, "the other order needs it");
	acme_records_clear(&mine);
	acme_store_drop(s.store, other.octets);
	run(&s);
	check(world_count(&s.w, NULL, TYPE_TXT) == 0, "the last one removes it");
	stage_clear(&s);
}

static void
test_leftovers(void **state)
{
	struct stage s;
	struct acme_leftovers *l = NULL;
	struct acme_outside outside;

	(void)state;
	stage_init(&s);
	put(&s, &s.owner, "https://ca/o/1", "one");
	publish(&s, "one");
	outside = world_outside(&s.w);
	assert_int_equal(acme_leftovers_new(&outside, s.base, &l), ERR_OK);
	run(&s);
	check(world_count(&s.w, NULL, TYPE_TXT) == 0 && s.w.nnotes == 0,
	    "without an engine, too, nothing is left behind");
	acme_leftovers_free(l);
	acme_leftovers_free(NULL);
	stage_clear(&s);
}

static void
test_what_cannot_be_read_is_forgotten(void **state)
{
	struct stage s;
	struct acme_outside outside;

	(void)state;
	stage_init(&s);
	outside = world_outside(&s.w);
	outside.remember(outside.ctx, "order/a.example.test", "{}", 2, NULL, NULL);
	outside.remember(outside.ctx, "host/a.example.test", "{}", 2, NULL, NULL);
	stage_stop(&s);
	stage_start(&s);
	check(s.w.nnotes == 1 && world_note(&s.w, "host/a.example.test") != NULL, "what is not ours is left alone");
	stage_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_it_outlasts_a_restart),
		cmocka_unit_test(test_what_is_dropped_is_removed),
		cmocka_unit_test(test_what_cannot_be_removed_stays_in_memory),
		cmocka_unit_test(test_tidying_keeps_the_order),
		cmocka_unit_test(test_a_claim_ends_the_dropping),
		cmocka_unit_test(test_a_shared_record_goes_with_the_last),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_what_cannot_be_read_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
