/* Readers on several threads, in RCU sections and with references, while one writer publishes, undoes, removes zones
 * and frees their stores.  Every version must be of one piece: each of its names carries its serial. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "tests/unit/check.h"
#include "tests/unit/rcu_thread.h"
#include "tests/unit/zones/memory.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"
#include "zones/zoneset.h"

#define ZONES 3
#define HOSTS 12
#define READERS 3
#define RUN_MS 1200

static struct zoneset *set;
static atomic_bool stop;
static atomic_ulong looks;

static const uint8_t *const apexes[ZONES] = { (const uint8_t *)"\3one", (const uint8_t *)"\3two\3one",
    (const uint8_t *)"\5three\3two\3one" };

static void
host_name(unsigned zone, unsigned host, struct dname *out)
{
	uint8_t label[] = { 2, 'h', (uint8_t)('a' + host), 0 };

	assert_true(dname_join(out, label, 1, apexes[zone]));
}

static uint32_t
serial_in(const struct zone_node *node)
{
	const uint8_t *at = NULL, *rdata;
	struct zone_rrset rrset;
	uint16_t n;

	if (node == NULL || !zone_node_rrset(node, 65280, &rrset) || rrset.count != 1 ||
	    !zone_rrset_next(&rrset, &at, &rdata, &n) || n != 4)
		return 0;
	return (uint32_t)rdata[0] << 24 | (uint32_t)rdata[1] << 16 | (uint32_t)rdata[2] << 8 | rdata[3];
}

/* cmocka's fail() is for the main thread only. */
static void
must(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "not so: %s\n", what);
		abort();
	}
}

static void
look(const struct zone_version *v, unsigned zone)
{
	struct zone_lookup l;
	struct dname name;
	struct zone_walk walk;
	unsigned n = 0;

	for (unsigned i = 0; i < HOSTS; i++) {
		host_name(zone, i, &name);
		zone_version_lookup(v, name.octets, &l);
		must(l.node != NULL && serial_in(l.node) == zone_version_serial(v), "a host has its version's serial");
	}
	for (zone_walk_start(&walk, v); zone_walk_next(&walk) != NULL; n++)
		;
	must(n == HOSTS + 1, "the walk meets them all");
	looks++;
}

/* Hosts of all zones at once.  One whose zone was taken away just now is in none, or in the zone above, which lacks it. */
static void
look_together(unsigned turn)
{
	static _Thread_local struct zoneset_question questions[ZONESET_TOGETHER];
	struct zoneset_question *v[ZONESET_TOGETHER];
	struct dname names[ZONESET_TOGETHER];
	unsigned n = 1 + turn % ZONESET_TOGETHER;

	for (unsigned i = 0; i < n; i++) {
		host_name((turn + i) % ZONES, i % HOSTS, &names[i]);
		if (i % 4 == 3)
			must(dname_join(&names[i], (const uint8_t *)"\4none", 1, apexes[(turn + i) % ZONES]), "none");
		qp_key_init(&questions[i].key, names[i].octets);
		v[i] = &questions[i];
	}
	zoneset_look_up(set, v, n);
	for (unsigned i = 0; i < n; i++) {
		bool own = v[i]->zone != NULL &&
		    dname_equal(zone_version_apex_name(v[i]->zone), apexes[(turn + i) % ZONES]);

		must(own && i % 4 < 3 ? v[i]->found.node != NULL &&
		    serial_in(v[i]->found.node) == zone_version_serial(v[i]->zone) : v[i]->zone == NULL ||
		    v[i]->found.node == NULL, "a host of many has its version's serial");
	}
}

static void *
reader(void *arg)
{
	unsigned turn = (unsigned)(uintptr_t)arg;

	rcu_register_thread();
	rcu_thread_offline();
	while (!stop) {
		struct zone_version *held = NULL;
		unsigned zone = 0;

		rcu_thread_online();
		look_together(turn);
		for (unsigned i = 0; i < 5; i++, turn++) {
			struct zone_store *s = zoneset_find(set, apexes[turn % ZONES], false);
			struct zone_version *v = s == NULL ? NULL : zone_store_current(s);

			zone = turn % ZONES;
			if (v == NULL || !dname_equal(zone_version_apex_name(v), apexes[zone]))
				continue;	/* taken away just now: the zone above */
			look(v, zone);
			if (held == NULL && turn % 7 == 0) {
				held = zone_version_ref(v);
				break;
			}
		}
		rcu_thread_offline();
		if (held != NULL) {
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 * (turn % 25) }, NULL);
			look(held, zone);
			zone_version_unref(held);
		}
	}
	rcu_unregister_thread();
	return NULL;
}

/* Every host from one serial to the next; serial 1 is the first. */
static void
move_on(struct zone_store *s, unsigned zone, uint32_t serial)
{
	for (unsigned i = 0; i <= HOSTS; i++) {
		uint8_t soa[22] = { 0 }, *p = i == HOSTS ? soa + 2 : soa;
		struct rr rr = { apexes[zone], soa, 60, TYPE_SOA, sizeof soa };
		struct dname name;
		bool changed;

		if (i < HOSTS) {
			host_name(zone, i, &name);
			rr = (struct rr){ name.octets, soa, 60, 65280, 4 };
		}
		for (uint32_t n = serial - 1; n <= serial; n++) {
			for (int k = 0; k < 4; k++)
				p[k] = (uint8_t)(n >> (24 - 8 * k));
			if (n == 0)
				continue;
			assert_int_equal((n == serial ? zone_store_add : zone_store_remove)(s, &rr, &changed), ERR_OK);
			assert_true(changed);
		}
	}
}

static void
commit(struct zone_store *s, unsigned zone, uint32_t *serial, unsigned stacked, bool undo)
{
	for (unsigned i = 0; i < stacked; i++) {
		assert_int_equal(zone_store_begin(s), ERR_OK);
		move_on(s, zone, *serial + 1);
		if (undo && i == stacked - 1 && stacked % 2 == 0) {
			zone_store_abort(s);
			break;
		}
		assert_int_equal(zone_store_seal(s, NULL), ERR_OK);
		if (undo && i == stacked - 1)
			zone_store_abort(s);
		else
			++*serial;
	}
	zone_store_publish(s);
}

static struct zone_store *
new_zone(unsigned zone, uint32_t *serial)
{
	struct zone_store *s;

	*serial = 0;
	assert_int_equal(zone_store_new(apexes[zone], &s), ERR_OK);
	commit(s, zone, serial, 1, false);
	assert_int_equal(zoneset_add(set, apexes[zone], s), ERR_OK);
	return s;
}

static void
write_for_a_while(void)
{
	struct zone_store *stores[ZONES];
	uint32_t serials[ZONES];
	int64_t end_ms = clock_mono_ms() + RUN_MS;

	for (unsigned i = 0; i < ZONES; i++)
		stores[i] = new_zone(i, &serials[i]);
	for (unsigned n = 0; clock_mono_ms() < end_ms; n++) {
		unsigned zone = n % ZONES;

		if (n % 40 == 0) {
			assert_int_equal(zoneset_remove(set, apexes[zone]), ERR_OK);
			zone_store_free(stores[zone]);
			stores[zone] = new_zone(zone, &serials[zone]);
		}
		commit(stores[zone], zone, &serials[zone], 1 + n % 4, n % 5 == 0);
		rcu_quiescent_state();
		if (n % 64 == 0)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	for (unsigned i = 0; i < ZONES; i++) {
		assert_int_equal(zoneset_remove(set, apexes[i]), ERR_OK);
		zone_store_free(stores[i]);
	}
}

static void
test_readers_and_writer(void **state)
{
	pthread_t readers[READERS];
	long live = memory_live();

	(void)state;
	assert_int_equal(zoneset_new(&set), ERR_OK);
	for (uintptr_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, reader, (void *)i), 0);
	write_for_a_while();
	rcu_thread_offline();
	stop = true;
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	rcu_thread_online();
	zoneset_free(set);
	check(looks > 100, "the readers had their share: %lu", (unsigned long)looks);
	rcu_drain();
	check(memory_live() == live, "%ld allocations are left", memory_live() - live);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_and_writer),
	};

	return cmocka_run_group_tests(tests, rcu_set_up, rcu_tear_down);
}
