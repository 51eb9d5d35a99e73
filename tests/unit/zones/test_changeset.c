#include "tests/unit/check.h"

#include <stdlib.h>

#include "wire/rrtype.h"
#include "zones/changeset.h"

#define RR(owner, ttl, type, octets) { (const uint8_t *)owner, (const uint8_t *)octets, ttl, type, sizeof octets - 1 }
#define TEXT_A "\0011"
#define TEXT_B "\0012"

static const struct change samples[] = {
	{ RR("\1a", 300, TYPE_TXT, TEXT_A), true, false, CHANGE_LASTING, 0 },
	{ RR("\1a\1b", 0, TYPE_A, "\300\0\2\1"), false, false, CHANGE_LASTING, 0 },
	{ RR("", 4294967295u, TYPE_MX, "\0\12\1A"), true, true, CHANGE_PASSING, 1700000000000 },
	{ RR("\1a", 1, 65400, ""), true, false, CHANGE_PASSING, -1 },
};

#define NSAMPLES (sizeof samples / sizeof samples[0])

static void
fill(struct changeset *cs)
{
	for (size_t i = 0; i < NSAMPLES; i++) {
		struct change c = samples[i];

		if (c.rr.type == TYPE_MX) {		/* the name in it ends in the root label */
			c.rr.rdata = (const uint8_t *)"\0\12\1A\0";
			c.rr.rdlen = 5;
		}
		assert_int_equal(changeset_add(cs, &c), ERR_OK);
	}
}

static bool
same(const struct changeset *a, const struct changeset *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct change *x = &a->v[i], *y = &b->v[i];

		if (!dname_equal(x->rr.owner, y->rr.owner) || x->rr.type != y->rr.type || x->rr.ttl != y->rr.ttl ||
		    x->rr.rdlen != y->rr.rdlen || memcmp(x->rr.rdata, y->rr.rdata, x->rr.rdlen) != 0 ||
		    x->add != y->add || x->present != y->present || x->class != y->class || x->until_s != y->until_s)
			return false;
	}
	return true;
}

static void
test_round_trip(void **state)
{
	struct changeset cs = { 0 }, back = { 0 }, nothing = { 0 };
	struct buf b = { 0 };

	(void)state;
	fill(&cs);
	changeset_write(&cs, &b);
	assert_int_equal(changeset_read(b.p, b.len, &back), ERR_OK);
	assert_true(same(&cs, &back));
	assert_int_equal(changeset_read(NULL, 0, &nothing), ERR_OK);
	assert_int_equal(nothing.n, 0);
	changeset_clear(&cs);
	changeset_clear(&back);
	buf_clear(&b);
}

/* A prefix ends between two changes, or it is damaged; so is one with an octet too many. */
static void
test_prefixes(void **state)
{
	struct changeset cs = { 0 };
	struct buf b = { 0 };
	size_t good = 0;

	(void)state;
	fill(&cs);
	changeset_write(&cs, &b);
	for (size_t n = 0; n <= b.len; n++) {
		struct changeset back = { 0 };
		uint8_t *copy = malloc(n + (n == 0));
		enum err err;

		memcpy(copy, b.p, n);
		err = changeset_read(copy, n, &back);
		check(err == ERR_OK || (err == ERR_FORMAT && back.n == 0 && back.v == NULL), "%zu octets: %s", n,
		    err_str(err));
		good += err == ERR_OK;
		changeset_clear(&back);
		free(copy);
	}
	assert_int_equal(good, NSAMPLES + 1);
	changeset_clear(&cs);
	buf_clear(&b);
}

static const struct { const char *why, *from, *to, *want; } diffs[] = {
	{ "nothing",			"", "", "" },
	{ "all new",			"", "a1 b1", "+a1 +b1 " },
	{ "all gone",			"a1 b1", "", "-a1 -b1 " },
	{ "the same",			"a1 b1", "a1 b1", "" },
	{ "another TTL",		"a1 b1", "a2 b1", "-a1 +a2 " },
	{ "one comes, one goes",	"a1 c1", "b1 c1", "-a1 +b1 " },
	{ "one at each end",		"b1 c1", "a1 b1", "+a1 -c1 " },
};

static void
parse(const char *text, struct rr_list *out)
{
	for (; *text != '\0'; text += 2 + (text[2] == ' ')) {
		const uint8_t owner[] = { 1, (uint8_t)text[0], 0 };

		assert_int_equal(rr_list_add(out, &(struct rr){ owner, (const uint8_t *)TEXT_A,
		    (uint32_t)(text[1] - '0'), TYPE_TXT, 2 }), ERR_OK);
	}
}

static void
test_diff(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof diffs / sizeof diffs[0]; i++) {
		struct rr_list from = { 0 }, to = { 0 };
		struct changeset cs = { 0 };
		char have[64] = "";

		parse(diffs[i].from, &from);
		parse(diffs[i].to, &to);
		assert_int_equal(changeset_diff(&from, &to, &cs), ERR_OK);
		for (size_t k = 0; k < cs.n; k++)
			snprintf(have + strlen(have), sizeof have - strlen(have), "%c%c%u ", cs.v[k].add ? '+' : '-',
			    cs.v[k].rr.owner[1], cs.v[k].rr.ttl);
		check(strcmp(have, diffs[i].want) == 0, "%s: want %s, have %s", diffs[i].why, diffs[i].want, have);
		rr_list_clear(&from);
		rr_list_clear(&to);
		changeset_clear(&cs);
	}
}

static void
test_diff_without_soa(void **state)
{
	static const uint8_t soa[22] = { 0 };
	struct rr_list from = { 0 }, to = { 0 };
	struct changeset cs = { 0 };

	(void)state;
	assert_int_equal(rr_list_add(&from, &(struct rr){ (const uint8_t *)"\1a", soa, 1, TYPE_SOA, sizeof soa }),
	    ERR_OK);
	assert_int_equal(rr_list_add(&to, &(struct rr){ (const uint8_t *)"\1a", soa, 2, TYPE_SOA, sizeof soa }),
	    ERR_OK);
	assert_int_equal(changeset_diff(&from, &to, &cs), ERR_OK);
	assert_int_equal(cs.n, 0);
	rr_list_clear(&from);
	rr_list_clear(&to);
	changeset_clear(&cs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_diff_without_soa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
