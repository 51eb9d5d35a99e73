/* Random signed zones, with NSEC and NSEC3 and with opt-out, and random questions: the short way gives octet for octet
 * what the long way does, and the NSEC records that both find are those that a walk over the zone finds. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "tests/unit/server/plain_ways.h"
#include "tests/unit/server/signed_text.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

#define ROUNDS 90
#define QUESTIONS 600
#define NAMES 24

static const char *const apexes[] = { "z.", "some.zone.example.", "." };
static const struct answer_settings settings = { .udp_size = MSG_UDP_EDNS };
static uint32_t seed = 1;
static struct { unsigned nxdomain, nodata, referral, positive; } with_do, short_with_do;

static uint32_t
draw(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % limit;
}

/* Up to n labels below the apex, or often below a name that was drawn before. */
static void
draw_name(char name[DNAME_TEXT_MAX], uint32_t n, const char *apex)
{
	static const char *const labels[] = { "a", "b", "ab", "*", "!", "_tcp", "B", "a-label-of-thirty-octets-or-so" };
	char text[DNAME_TEXT_MAX] = "";

	for (n = draw(n + 1); n > 0; n--) {
		strcat(text, labels[draw(draw(4) == 0 ? 8 : 4)]);
		strcat(text, ".");
	}
	snprintf(name, DNAME_TEXT_MAX, "%s%s", text, strcmp(apex, ".") == 0 && text[0] != '\0' ? "" : apex);
}

/* ldns loses some of the records that it makes for zones like these; LeakSanitizer asks here. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libldns\n";
}

struct names {
	char owner[NAMES][DNAME_TEXT_MAX];
	unsigned n;
};

static bool
is_new(const struct names *names, const char *owner, const char *apex)
{
	for (unsigned i = 0; i < names->n; i++)
		if (strcasecmp(names->owner[i], owner) == 0)
			return false;
	return strcasecmp(owner, apex) != 0;
}

/* Servers below the cut, elsewhere in the zone and outside, with and without addresses. */
static void
print_cut(FILE *f, const char *owner, const char *apex)
{
	static const char *const below[] = { "ns1.", "ns2.", "a.", "" };
	char name[DNAME_TEXT_MAX];

	for (uint32_t n = 1 + draw(draw(8) == 0 ? 10 : 3); n > 0; n--) {
		switch (draw(4)) {
		case 0:
			snprintf(name, sizeof name, "ns%u.provider.test.", draw(4));
			if (draw(3) == 0)
				fprintf(f, "%s A 192.0.2.%u\n", name, draw(200));
			break;
		case 1:
			draw_name(name, 3, apex);
			break;
		default:
			snprintf(name, sizeof name, "%s%s", below[draw(4)], owner);
			break;
		}
		fprintf(f, "%s NS %s\n", owner, name);
		if (draw(3) > 0)
			fprintf(f, "%s%s A 192.0.2.%u\n", below[draw(4)], owner, draw(200));
		if (draw(3) == 0)
			fprintf(f, "%s%s AAAA 2001:db8::%u\n", below[draw(4)], owner, draw(200));
	}
	if (draw(2) == 0)
		fprintf(f, "%s DS 1 13 2 %064u\n", owner, draw(1000));
}

static void
print_name(FILE *f, const char *owner, const char *apex)
{
	char target[DNAME_TEXT_MAX];

	switch (draw(8)) {
	case 0:
	case 1:
		print_cut(f, owner, apex);
		break;
	case 2:
		draw_name(target, 3, apex);
		fprintf(f, "%s CNAME %s\n", owner, target);
		break;
	case 3:
		for (uint32_t n = 1 + draw(3); n > 0; n--) {
			draw_name(target, 3, draw(3) > 0 ? owner : draw(3) > 0 ? apex : "elsewhere.test.");
			fprintf(f, "%s MX %u %s\n", owner, draw(3), target);
		}
		break;
	case 4:
		fprintf(f, "%s TXT \"%.*s\"\n", owner, (int)draw(200),
		    "tttttttttttttttttttttttttttttttttttttttttttttttttttttt"
		    "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"
		    "tttttttttttttttttttttttttttttttttttttttttttttttttttttttt");
		break;
	default:
		for (uint32_t n = 1 + draw(2); n > 0; n--)
			fprintf(f, "%s A 192.0.2.%u\n", owner, draw(200));
		if (draw(2) == 0)
			fprintf(f, "%s AAAA 2001:db8::%u\n", owner, draw(200));
		break;
	}
}

/* The caller's. */
static char *
draw_text(struct names *names, const char *apex)
{
	char *text = NULL, soa[2][DNAME_TEXT_MAX];
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	draw_name(soa[0], 2, draw(2) == 0 ? apex : "elsewhere.test.");
	draw_name(soa[1], 2, draw(2) == 0 ? apex : "elsewhere.test.");
	fprintf(f, "$TTL 3600\n%s SOA %s %s 1 2 3 4 %u\n", apex, soa[0], soa[1], draw(7200));
	fprintf(f, "%s NS ns.provider.test.\n", apex);
	names->n = 0;
	for (uint32_t n = draw(NAMES); n > 0; n--) {
		char *owner = names->owner[names->n];

		draw_name(owner, 3, apex);
		if (!is_new(names, owner, apex))
			continue;
		print_name(f, owner, apex);
		names->n++;
	}
	fclose(f);
	return text;
}

/* The last name of the zone at or before this one that has an NSEC. */
static const struct zone_node *
walk_nsec(const struct zone_version *v, const uint8_t *name)
{
	const struct zone_node *node, *best = NULL;
	struct zone_walk w;

	zone_walk_start(&w, v);
	while ((node = zone_walk_next(&w)) != NULL)
		if ((zone_node_flags(node) & ZONE_NODE_NSEC) != 0 && dname_compare(zone_node_owner(node), name) <= 0 &&
		    (best == NULL || dname_compare(zone_node_owner(best), zone_node_owner(node)) < 0))
			best = node;
	return best;
}

static void
check_denial(const struct zone_version *v, const struct plain *p)
{
	const uint8_t *name = p->msg + MSG_HEADER_SIZE;
	const struct zone_lookup *found = &p->asked.found;
	struct dname wildcard;

	if (found->node != NULL || found->encloser == NULL || zone_version_denial(v) != ZONE_DENIAL_NSEC)
		return;
	check(zone_version_nsec_found(v, &p->asked.key, found) == walk_nsec(v, name), "the NSEC of the name");
	if (found->wildcard == NULL &&
	    dname_join(&wildcard, (const uint8_t *)"\1*", 1, zone_node_owner(found->encloser)))
		check(zone_version_nsec_wildcard(v, found) == walk_nsec(v, wildcard.octets),
		    "the NSEC of the wildcard");
}

/* What did the long way say? */
static void
count(const struct plain *p, size_t n, const uint8_t *answer)
{
	const struct zone_lookup *found = &p->asked.found;
	unsigned went_short = n > 0;

	if (!p->do_bit || p->asked.zone == NULL || found->dname != NULL || found->encloser == NULL)
		return;
	if (found->cut != NULL) {
		with_do.referral++;
		short_with_do.referral += went_short;
	} else if (found->node == NULL && found->wildcard == NULL) {
		with_do.nxdomain++;
		short_with_do.nxdomain += went_short;
	} else if (n > 0 && answer[7] == 0) {
		short_with_do.nodata++;
	} else if (n > 0) {
		short_with_do.positive++;
	}
}

static void
ask(const struct zoneset *zones, const struct zone_version *v, const char *name)
{
	static const uint16_t types[] = { TYPE_A, TYPE_A, TYPE_AAAA, TYPE_TXT, TYPE_MX, TYPE_MX, TYPE_SRV, TYPE_NS, TYPE_DS,
	    TYPE_CNAME };
	static const uint16_t sizes[] = { 512, 600, 700, 800, 900, 1000, 1100, 1232, 4096 };
	bool tcp = draw(3) == 0, edns = draw(5) > 0;
	const uint8_t *answer;
	struct query q;
	struct plain p;
	size_t n;

	query_make(&q, name, types[draw(10)], 0, draw(4) == 0 ? draw(65536) * 65537u : 0);
	if (edns)
		query_add_opt(&q, sizes[draw(9)], draw(6) > 0);
	plain_read(&p, q.msg, q.n);
	plain_look_up(&p, 1, zones);
	n = ways_compare(name, &q, &p, zones, &settings, tcp, &answer);
	count(&p, n, answer);
	check_denial(v, &p);
}

static void
test_random_zones(void **state)
{
	static struct names names;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		enum signing how = (enum signing)(round % 3);
		const char *apex = apexes[round / 3 % 10 == 0 ? 2 : draw(2)];
		char *plain = draw_text(&names, apex), *text = signed_text(apex, plain, how, draw(3));
		char name[DNAME_TEXT_MAX];
		struct zone_store *store = zone_from_text(apex, text);
		struct zoneset *zones;

		check(zoneset_new(&zones) == ERR_OK &&
		    zoneset_add(zones, zone_store_apex(store), store) == ERR_OK, "%s", apex);
		for (unsigned i = 0; i < QUESTIONS; i++) {
			draw_name(name, 4, i % 4 == 0 && names.n > 0 ? names.owner[draw(names.n)] : apex);
			ask(zones, zone_store_current(store), name);
		}
		free(text);
		free(plain);
		zoneset_free(zones);
		zone_store_free(store);
	}
}

static void
test_most_went_short(void **state)
{
	(void)state;
	check(short_with_do.nxdomain > with_do.nxdomain / 2, "of %u without a name %u", with_do.nxdomain,
	    short_with_do.nxdomain);
	check(short_with_do.referral > with_do.referral / 2, "of %u below a cut %u", with_do.referral,
	    short_with_do.referral);
	check(short_with_do.nodata > 100 && short_with_do.positive > 100, "some without data, and with");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_zones),
		cmocka_unit_test(test_most_went_short),
	};
	int failed;

	rcu_register_thread();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_drain();
	rcu_unregister_thread();
	return failed;
}
