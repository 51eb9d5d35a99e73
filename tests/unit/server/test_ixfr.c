/* Steps become one difference. */
#include "server/ixfr.h"

#include <stdlib.h>

#include "tests/unit/check.h"
#include "wire/rrtype.h"

static const uint8_t apex[] = "\7example", owner[] = "\1a\7example";

/* Steps are set apart by "|": "-A1/300" removes the address 1 with TTL 300, "+A1/300" adds it, "=A1/300" tells of its
 * class only.  Step n leads from serial n to n + 1. */
static const struct { const char *why, *steps, *result; } rows[] = {
	{ "one step stays as it is", "-A1/300 +A2/300", "S1 -A1/300 S2 +A2/300" },
	{ "steps become one", "+A1/300|+A2/300", "S1 S3 +A1/300 +A2/300" },
	{ "what comes and goes again is nothing", "+A1/300|-A1/300", "S1 S3" },
	{ "what goes and comes again is nothing", "-A1/300|+A1/300", "S1 S3" },
	{ "but with another TTL it is both", "-A1/300|+A1/60", "S1 -A1/300 S3 +A1/60" },
	{ "a TTL that changes", "-A1/300 +A1/60", "S1 -A1/300 S2 +A1/60" },
	{ "and changes back", "-A1/300 +A1/60|-A1/60 +A1/300", "S1 S3" },
	{ "a class is no difference", "=A1/300", "S1 S2" },
	{ "the order is canonical", "+A3/1 +A1/1|-A5/1 -A4/1 +A2/1", "S1 -A4/1 -A5/1 S3 +A1/1 +A2/1 +A3/1" },
	{ "serial only", "|", "S1 S3" },
};

static void
add_soa(struct changeset *cs, uint32_t serial, bool add)
{
	uint8_t rdata[22] = { 0, 0, 0, 0, 0, (uint8_t)serial };

	check(changeset_add(cs, &(struct change){ .rr = { apex, rdata, 1, TYPE_SOA, sizeof rdata }, .add = add }) ==
	    ERR_OK, "an SOA");
}

static void
add_changes(struct changeset *cs, const char *step, bool add)
{
	char words[200], *save, *word;

	snprintf(words, sizeof words, "%.*s", (int)strcspn(step, "|"), step);
	for (word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		uint8_t rdata[4] = { 192, 0, 2, (uint8_t)atoi(word + 2) };
		struct change c = { .rr = { owner, rdata, (uint32_t)atoi(strchr(word, '/') + 1), TYPE_A, 4 },
		    .add = word[0] != '-',
		    .present = word[0] == '=' };

		if (c.add == add)
			check(changeset_add(cs, &c) == ERR_OK, "a change");
	}
}

static void
print(const struct ixfr *x, char *text, size_t size)
{
	unsigned soas = 0;

	text[0] = '\0';
	for (size_t i = 0; i < x->rrs.n; i++) {
		const struct rr *rr = &x->rrs.v[i];
		size_t n = strlen(text);

		soas += rr->type == TYPE_SOA;
		if (rr->type == TYPE_SOA)
			snprintf(text + n, size - n, "%sS%u", i > 0 ? " " : "", soa_serial(rr));
		else
			snprintf(text + n, size - n, " %cA%u/%u", soas == 1 ? '-' : '+', rr->rdata[3], rr->ttl);
	}
}

static void
test_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *step = rows[i].steps;
		struct ixfr_builder *b;
		uint32_t serial = 1;
		struct ixfr *x;
		char text[300];

		check(ixfr_builder_new(&b) == ERR_OK, "a builder");
		for (bool more = true; more; serial++) {
			struct changeset cs = { 0 };

			add_soa(&cs, serial, false);
			add_changes(&cs, step, false);
			add_soa(&cs, serial + 1, true);
			add_changes(&cs, step, true);
			check(ixfr_builder_add(b, &cs) == ERR_OK, "%s: a step", rows[i].why);
			changeset_clear(&cs);
			step += strcspn(step, "|");
			more = *step == '|';
			step += more;
		}
		check(ixfr_builder_finish(b, &x) == ERR_OK, "%s: a difference", rows[i].why);
		print(x, text, sizeof text);
		check(strcmp(text, rows[i].result) == 0, "%s: %s, not %s", rows[i].why, text, rows[i].result);
		check(x->from == 1 && x->to == serial && x->octets > 0, "%s: its serials", rows[i].why);
		ixfr_unref(ixfr_ref(x));
		ixfr_unref(x);
		ixfr_builder_free(b);
	}
}

static void
test_nothing(void **state)
{
	struct ixfr_builder *b;
	struct ixfr *x;

	(void)state;
	check(ixfr_builder_new(&b) == ERR_OK && ixfr_builder_finish(b, &x) == ERR_NOT_FOUND,
	    "no step is no difference");
	ixfr_builder_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
