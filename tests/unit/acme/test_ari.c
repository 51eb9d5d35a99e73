#include "tests/unit/check.h"

#include <openssl/ec.h>

#include "acme/renewal.h"
#include "tests/unit/acme/pki.h"

/* The example of RFC 9773, section 4.1. */
static const uint8_t issuer_id[20] = { 0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b,
	0xa0, 0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4 };

static const struct { const char *why, *serial; size_t id_n; const char *id; } names[] = {
	{ "the example of the RFC: a serial with a leading zero octet", "87654321",	20,
	    "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE" },
	{ "a serial without one",		"07654321",	20, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.B2VDIQ" },
	{ "a serial of one octet",		"05",		20, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.BQ" },
	{ "a key identifier of one octet",	"05",		1,  "aQ.BQ" },
};

static void
test_names(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char id[ACME_ARI_ID_SIZE];
	struct buf der = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		pki_certificate_known(key, "DNS:a.test", names[i].serial, issuer_id, names[i].id_n, key, 1000, 2000,
		    &der);
		acme_ari_id(der.p, der.len, id);
		check(strcmp(id, names[i].id) == 0, "%s: %s, not %s", names[i].why, names[i].id, id);
		for (size_t n = 0; n < der.len; n += 7) {
			acme_ari_id(der.p, n, id);
			check(id[0] == '\0', "%s: the first %zu octets have no name", names[i].why, n);
		}
		buf_clear(&der);
	}
	pki_certificate(key, "a.test", NULL, key, "Test CA", 1000, 2000, &der);
	acme_ari_id(der.p, der.len, id);
	check(id[0] == '\0', "a certificate that does not tell its issuer's key has none");
	buf_clear(&der);
	EVP_PKEY_free(key);
}

static const struct { const char *why, *text; int64_t at_s; } times[] = {
	{ "UTC",			"2026-11-22T10:00:00Z",			1795341600 },
	{ "in small letters",		"2026-11-22t10:00:00z",			1795341600 },
	{ "a fraction",			"2026-11-22T10:00:00.123456789Z",	1795341600 },
	{ "east of it",			"2026-11-22T11:30:00+01:30",		1795341600 },
	{ "west of it",			"2026-11-22T02:00:00-08:00",		1795341600 },
	{ "a leap second",		"2016-12-31T23:59:60Z",			1483228800 },
	{ "no zone",			"2026-11-22T10:00:00",			-1 },
	{ "no fraction after the point", "2026-11-22T10:00:00.Z",		-1 },
	{ "a month too many",		"2026-13-22T10:00:00Z",			-1 },
	{ "an hour too many",		"2026-11-22T24:00:00Z",			-1 },
	{ "something behind it",	"2026-11-22T10:00:00Z ",		-1 },
	{ "a number",			"1795341600",				-1 },
	{ "nothing",			"",					-1 },
	{ "before time began",		"1969-12-31T23:59:59Z",			-1 },
};

static void
test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		int64_t at_s = -1;
		bool ok = acme_ari_time(times[i].text, &at_s);

		check(ok == (times[i].at_s >= 0) && (!ok || at_s == times[i].at_s), "%s: %lld, not %lld", times[i].why,
		    (long long)times[i].at_s, (long long)at_s);
	}
}

#define WINDOW "{\"suggestedWindow\":{\"start\":\"2026-11-22T10:00:00Z\",\"end\":\"2026-11-22T11:00:00Z\"}"

static const struct { const char *why, *json, *words, *explanation; } infos[] = {
	{ "a window",		WINDOW "}", NULL, "" },
	{ "with a reason",	WINDOW ",\"explanationURL\":\"https://ca.example/why\"}", NULL,
	    "https://ca.example/why" },
	{ "and more",		WINDOW ",\"other\":[1],\"explanationURL\":7}", NULL, "" },
	{ "a reason with a line break", WINDOW ",\"explanationURL\":\"https://ca.example/\\nwhy\"}", NULL, "" },
	{ "no window",		"{}", "no suggestedWindow", NULL },
	{ "no object",		"[]", "no suggestedWindow", NULL },
	{ "no JSON",		"<html>", "no suggestedWindow", NULL },
	{ "no end",		"{\"suggestedWindow\":{\"start\":\"2026-11-22T10:00:00Z\"}}", "no suggestedWindow",
	    NULL },
	{ "an end that is the start", "{\"suggestedWindow\":{\"start\":\"2026-11-22T10:00:00Z\","
	    "\"end\":\"2026-11-22T10:00:00Z\"}}", "before it begins", NULL },
	{ "an end before the start", "{\"suggestedWindow\":{\"start\":\"2026-11-22T10:00:00Z\","
	    "\"end\":\"2026-11-22T09:00:00Z\"}}", "before it begins", NULL },
	{ "no times",		"{\"suggestedWindow\":{\"start\":\"now\",\"end\":\"then\"}}", "which are no times",
	    NULL },
};

static void
test_infos(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof infos / sizeof *infos; i++) {
		struct acme_ari_window w = { 0 };
		struct fault f = { 0 };
		enum err err = acme_ari_read(infos[i].json, strlen(infos[i].json), &w, &f);

		check((err == ERR_OK) == (infos[i].words == NULL), "%s: %s", infos[i].why, f.text);
		if (err == ERR_OK)
			check(w.start_s == 1795341600 && w.end_s == 1795345200 &&
			    strcmp(w.explanation, infos[i].explanation) == 0, "%s: '%s'", infos[i].why, w.explanation);
		else
			check(strstr(f.text, infos[i].words) != NULL && w.end_s == 0, "%s: %s", infos[i].why, f.text);
		for (size_t n = 0; n + 1 < strlen(infos[i].json); n++)
			check(acme_ari_read(infos[i].json, n, &w, &f) == ERR_PEER, "%s: %zu octets of it", infos[i].why,
			    n);
	}
}

/* ---- the plan ---- */

#define DAY 86400
#define NOW (1000 * DAY)

static struct acme_renewal
plan_of(int64_t lifetime_s)
{
	struct acme_renewal r = { 0 };
	struct acme_lifetime life = { NOW, NOW + lifetime_s };

	assert_true(acme_renewal_begin(&r, "a.b", &life, true, 77, NOW));
	return r;
}

static void
test_window(void **state)
{
	struct acme_ari_window w = { NOW + 50 * DAY, NOW + 52 * DAY, "" };
	struct acme_renewal r = plan_of(90 * DAY);

	(void)state;
	check(acme_renewal_poll_s(&r, NOW) == NOW, "a new one is asked about at once");
	check(acme_renewal_window(&r, &w, -1, 1000, NOW), "its window is new");
	check(acme_renewal_due_s(&r, 0) == w.start_s + 1000, "the instant is in it");
	check(acme_renewal_poll_s(&r, NOW) == NOW + 6 * 3600, "without a Retry-After: in six hours");
	check(!acme_renewal_window(&r, &w, 5, 2000, NOW), "the same window is nothing new");
	check(acme_renewal_due_s(&r, 0) == w.start_s + 1000, "and the instant stays");
	check(acme_renewal_poll_s(&r, NOW) == NOW + 60, "not more often than each minute");
	acme_renewal_window(&r, &w, 9 * DAY, 0, NOW);
	check(acme_renewal_poll_s(&r, NOW) == NOW + DAY, "not less often than each day");
	check(acme_renewal_poll_s(&r, NOW - 400 * DAY) == NOW - 400 * DAY,
	    "a clock that was put back does not end that");
	w.end_s++;
	check(acme_renewal_window(&r, &w, 5, 2000, NOW) && acme_renewal_due_s(&r, 0) == w.start_s + 2000,
	    "another window has another instant");
	check(acme_renewal_poll_s(&r, NOW + 90 * DAY) == INT64_MAX, "nobody asks about what has expired");
	w = (struct acme_ari_window){ NOW + 89 * DAY, NOW + 99 * DAY, "" };
	acme_renewal_window(&r, &w, -1, 9 * DAY, NOW);
	check(acme_renewal_due_s(&r, 0) == NOW + 81 * DAY, "a window that lies too late is not waited for");
	check(!acme_renewal_begin(&r, "a.b", &r.life, false, 0, NOW + 5), "the same certificate keeps its plan");
	check(r.window.end_s != 0 && r.issued_s == NOW, "all of it");
	check(acme_renewal_begin(&r, "a.c", &r.life, false, 1234, NOW + 5), "another one begins anew");
	check(r.window.end_s == 0 && r.issued_s == 0 && acme_renewal_poll_s(&r, NOW) == NOW + 5 + 1234 % 600,
	    "and one that we did not get ourselves is asked about within minutes");
	check(acme_renewal_due_s(&r, 0) == NOW + 60 * DAY, "by its lifetime");
}

/* Every instant of the window is as likely as every other. */
static void
test_instants(void **state)
{
	struct acme_ari_window w = { NOW, NOW + 1000, "" };
	unsigned hits[10] = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 10000; i++) {
		struct acme_renewal r = plan_of(90 * DAY);

		acme_renewal_window(&r, &w, -1, i * UINT64_C(0x9e3779b97f4a7c15), NOW);
		check(r.chosen_s >= w.start_s && r.chosen_s < w.end_s, "it is in the window");
		hits[(r.chosen_s - w.start_s) / 100]++;
	}
	for (int i = 0; i < 10; i++)
		check(hits[i] > 850 && hits[i] < 1150, "the tenth number %d has its share: %u of 10000", i, hits[i]);
}

static void
test_failed_polls(void **state)
{
	static const int64_t minutes[] = { 1, 2, 4, 8, 16, 360, 1 };
	struct acme_renewal r = plan_of(90 * DAY);

	(void)state;
	for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
		acme_renewal_poll_failed(&r, true, -1, 30, NOW);
		check(r.poll_s == NOW + minutes[i] * 60, "failure %zu: %lld s", i + 1, (long long)(r.poll_s - NOW));
	}
	acme_renewal_poll_failed(&r, true, 7200, 30, NOW);
	check(r.poll_s == NOW + 7200, "a Retry-After is obeyed");
	acme_renewal_poll_failed(&r, true, 1000 * DAY, 30, NOW);
	check(r.poll_s == NOW + DAY, "for a day at most");
	acme_renewal_poll_failed(&r, false, -1, 30, NOW);
	check(r.poll_s == NOW + 6 * 3600, "after a lasting error: six hours");
}

static void
test_kept(void **state)
{
	struct acme_ari_window w = { NOW + 50, NOW + 60, "https://ca.example/why" };
	struct acme_renewal r = plan_of(90 * DAY), again;
	json_t *json = json_object();

	(void)state;
	acme_renewal_window(&r, &w, 500, 7, NOW);
	acme_renewal_save(&r, json);
	acme_renewal_load(&again, json);
	check(strcmp(r.id, again.id) == 0 && r.chosen_s == again.chosen_s && r.poll_s == again.poll_s &&
	    r.issued_s == again.issued_s && memcmp(&r.life, &again.life, sizeof r.life) == 0 &&
	    strcmp(r.window.explanation, again.window.explanation) == 0, "what was kept is as it was");
	json_object_set_new(json, "chosen", json_integer(NOW + 61));
	acme_renewal_load(&again, json);
	check(again.window.end_s == 0, "an instant outside of its window is not believed");
	json_object_clear(json);
	acme_renewal_load(&again, json);
	check(again.id[0] == '\0' && acme_renewal_poll_s(&again, NOW) == INT64_MAX, "nothing is nothing");
	json_decref(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_infos),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_instants),
		cmocka_unit_test(test_failed_polls),
		cmocka_unit_test(test_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
