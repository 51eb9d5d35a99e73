/* Random UPDATE messages against a naive model: RFC 2136, section 3.4.2.7 word for word, on a plain array. */
#include <stdlib.h>

#include "tests/unit/check.h"
#include "tests/unit/server/update_run.h"
#include "tests/unit/server/update_text.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/serial.h"

static const char *const owners[] = { "@", "a", "b.a", "*", "_acme-challenge" };
static const struct { const char *type, *rdata[3]; } kinds[] = {
	{ "A", { "192.0.2.1", "192.0.2.2", "192.0.2.3" } },
	{ "TXT", { "\"x\"", "\"X\"", "\"y\" \"z\"" } },
	{ "NS", { "ns1", "NS1", "ns2.example.org." } },
	{ "MX", { "10 mail", "10 MAIL", "20 mail" } },
	{ "CNAME", { "a", "A", "b" } },
	{ "DNAME", { "example.org.", "example.net.", "EXAMPLE.net." } },
	{ "WKS", { "192.0.2.1 6 25", "192.0.2.1 6 80", "192.0.2.1 17 53" } },
	{ "NSEC", { "a A", "b A", "a TXT" } },
};

struct one {
	struct dname owner;
	uint16_t type, n;
	uint32_t ttl;
	uint8_t rdata[256];
};

struct model {
	struct one v[512];
	size_t n;
};

static uint32_t seed = 1;

static uint32_t
any_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(seed >> 8) * n >> 24);
}

static bool
same_one(const struct one *a, const struct one *b)
{
	return a->type == b->type && dname_equal(a->owner.octets, b->owner.octets) &&
	    rdata_equal(a->type, a->rdata, a->n, b->rdata, b->n);
}

static bool
at(const struct one *a, const struct one *b, uint16_t type)
{
	return dname_equal(a->owner.octets, b->owner.octets) && (type == TYPE_ANY || a->type == type);
}

static bool
is_apex(const struct one *o)
{
	return dname_equal(o->owner.octets, (const uint8_t *)"\7example\3com");
}

static size_t
model_count(const struct model *m, const struct one *o, uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += at(&m->v[i], o, type);
	return n;
}

static void
model_drop(struct model *m, size_t i)
{
	memmove(&m->v[i], &m->v[i + 1], (m->n - i - 1) * sizeof m->v[0]);
	m->n--;
}

static uint32_t
one_serial(const struct one *o)
{
	struct soa soa;

	soa_read(o->rdata, o->n, &soa);
	return soa.serial;
}

static void
model_add(struct model *m, const struct one *o)
{
	bool replace = false;

	if (o->type == TYPE_CNAME) {
		for (size_t i = 0; i < m->n; i++)
			if (at(&m->v[i], o, TYPE_ANY) && m->v[i].type != TYPE_CNAME && m->v[i].type != TYPE_NSEC)
				return;
	} else if (o->type != TYPE_NSEC && model_count(m, o, TYPE_CNAME) > 0) {
		return;
	}
	if (o->type == TYPE_SOA && (!is_apex(o) || !serial_lt(one_serial(&m->v[0]), one_serial(o))))
		return;
	for (size_t i = 0; i < m->n; i++) {
		struct one *x = &m->v[i];

		if (!at(x, o, o->type))
			continue;
		x->ttl = o->ttl;			/* RFC 2181, section 5.2 */
		if (same_one(x, o)) {
			replace = true;
		} else if (o->type == TYPE_CNAME || o->type == TYPE_DNAME || o->type == TYPE_SOA ||
		    (o->type == 11 && memcmp(x->rdata, o->rdata, 5) == 0)) {
			*x = *o;
			replace = true;
		}
	}
	if (!replace)
		m->v[m->n++] = *o;
}

static void
model_delete(struct model *m, const struct one *o, uint16_t type, bool exact)
{
	for (size_t i = m->n; i-- > 0; ) {
		const struct one *x = &m->v[i];

		if (!at(x, o, type) || (exact && !same_one(x, o)) || x->type == TYPE_SOA)
			continue;
		if (is_apex(x) && x->type == TYPE_NS && (!exact || model_count(m, x, TYPE_NS) == 1))
			continue;
		model_drop(m, i);
	}
}

static bool
model_agrees(const struct model *m, const struct zone_store *store)
{
	struct rr_list list = zone_content(store);
	bool same = list.n == m->n;

	for (size_t i = 0; same && i < m->n; i++) {
		const struct one *o = &m->v[i];
		const struct rr *rr = rr_list_find(&list, &(struct rr){ o->owner.octets, o->rdata, 0, o->type, o->n });

		same = rr != NULL && rr->ttl == o->ttl;
	}
	rr_list_clear(&list);
	return same;
}

/* One line of an update section, at random; the model does it at once. */
static void
random_update(struct model *m, struct buf *text)
{
	static const uint32_t ttls[] = { 0, 60, 300 };
	const char *owner = owners[any_below(sizeof owners / sizeof owners[0])];
	size_t kind = any_below(sizeof kinds / sizeof kinds[0]);
	const char *type = kinds[kind].type, *rdata = kinds[kind].rdata[any_below(3)];
	struct one o;
	char soa[100];
	int what = (int)any_below(10);

	if (any_below(12) == 0) {
		snprintf(soa, sizeof soa, "ns1 admin %u 1 2 3 4", one_serial(&m->v[0]) + any_below(3) - 1);
		type = "SOA";
		rdata = soa;
	}
	dname_parse(owner, strlen(owner), (const uint8_t *)"\7example\3com", &o.owner);
	o.n = (uint16_t)rdata_from_words(type, rdata, &o.type, o.rdata);
	o.ttl = ttls[any_below(3)];
	if (what < 6) {
		buf_printf(text, "up IN %s %u %s %s\n", owner, o.ttl, type, rdata);
		model_add(m, &o);
	} else if (what < 8) {
		buf_printf(text, "up NONE %s 0 %s %s\n", owner, type, rdata);
		model_delete(m, &o, o.type, true);
	} else {
		bool whole = what == 9;

		buf_printf(text, "up ANY %s 0 %s\n", owner, whole ? "ANY" : type);
		model_delete(m, &o, whole ? TYPE_ANY : o.type, false);
	}
}

static void
model_start(struct model *m, const struct zone_store *store)
{
	struct rr_list list = zone_content(store);

	m->n = 0;
	for (int soa_first = 1; soa_first >= 0; soa_first--) {
		for (size_t i = 0; i < list.n; i++) {
			struct one *o = &m->v[m->n];

			if ((list.v[i].type == TYPE_SOA) != soa_first)
				continue;
			dname_copy(&o->owner, list.v[i].owner);
			o->type = list.v[i].type;
			o->ttl = list.v[i].ttl;
			o->n = list.v[i].rdlen;
			memcpy(o->rdata, list.v[i].rdata, o->n);
			m->n++;
		}
	}
	rr_list_clear(&list);
}

static void
test_random(void **state)
{
	static struct model model;
	struct zone_store *store = zone_from_text("example.com", "$TTL 60\n@ SOA ns1 admin 10 1 2 3 4\n@ NS ns1\nns1 A "
	    "192.0.2.1\n");
	static uint8_t msg[MSG_MAX];
	char reason[256];

	(void)state;
	model_start(&model, store);
	for (int round = 0; round < 3000; round++) {
		struct changeset changes = { 0 };
		struct buf text = { 0 };
		size_t n;

		for (uint32_t lines = 1 + any_below(12); lines > 0; lines--)
			random_update(&model, &text);
		n = update_from_text(buf_str(&text), msg, sizeof msg);
		assert_int_equal(update_run(zone_store_newest(store), msg, n, &changes, reason, sizeof reason),
		    RCODE_NOERROR);
		update_apply(store, &changes);
		check(model_agrees(&model, store), "round %d: the model and the zone agree after\n%s", round,
		    buf_str(&text));
		changeset_clear(&changes);
		buf_clear(&text);
	}
	zone_store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}
