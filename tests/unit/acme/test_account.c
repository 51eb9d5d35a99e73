/* The account's state machine against a script: what it asks, and what it makes of each answer. */
#include "tests/unit/check.h"

#include <jansson.h>
#include <stdlib.h>

#include "acme/account.h"
#include "tests/unit/zones/memory.h"

#define URN "urn:ietf:params:acme:error:"
#define URL "https://ca.example/acct/1"
#define VALID "{\"status\":\"valid\",\"contact\":[\"mailto:a@example.com\"],\"orders\":\"https://ca.example/o\"}"
#define BARE "{\"status\":\"valid\"}"
#define UNKNOWN "{\"type\":\"" URN "accountDoesNotExist\",\"detail\":\"none\"}"

static const char *const one_contact[] = { "mailto:a@example.com", NULL };
static const char *const other_contact[] = { "mailto:b@example.com", NULL };
static const uint8_t secret[] = "secret";

static const struct acme_directory directory = {
	.new_nonce = "https://ca.example/nonce", .new_account = "https://ca.example/new-account",
	.new_order = "https://ca.example/new-order", .key_change = "https://ca.example/key-change",
	.terms = "https://ca.example/terms"
};

/* One exchange: what is asked, and what the CA says.  payload is a part of it. */
struct step {
	const char *url, *payload;
	enum err err;
	long status;
	const char *location, *body;
};
#define STEPS_MAX 4

struct scenario {
	const char *why;
	const char *const *contact;
	bool imported, bound, needs_binding;
	const char *record;		/* from before a restart; "KEY" stands for the thumbprint */
	bool next;			/* a key change was interrupted */
	bool doubtful;
	enum acme_account_job job;
	struct step steps[STEPS_MAX];
	enum err err;			/* of the round */
	const char *words;
	const char *location;		/* of the account, in the end */
	bool rolled;			/* another key is in force in the end */
};
#define NEW "https://ca.example/new-account"
#define RECORD(status, contact) "{\"v\":1,\"url\":\"" URL "\",\"key\":\"KEY\",\"status\":\"" status "\",\"contact\":" contact "}"
#define KNOWN RECORD("valid", "[\"mailto:a@example.com\"]")

static const struct scenario scenarios[] = {
	{ "a new account", .contact = one_contact, .steps = {
		{ NEW, "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:a@example.com\"]}", 0, 201, URL, BARE } },
	    .location = URL },
	{ "an account that was there, with these contacts", .contact = one_contact, .steps = {
		{ NEW, "\"contact\"", 0, 200, URL, VALID } }, .location = URL },
	{ "an account that was there, with other contacts", .contact = other_contact, .steps = {
		{ NEW, "\"contact\"", 0, 200, URL, VALID },
		{ URL, "{\"contact\":[\"mailto:b@example.com\"]}", 0, 200, NULL, VALID } }, .location = URL },
	{ "contacts that nobody wants changed", .steps = { { NEW, "{\"termsOfServiceAgreed\":true}", 0, 200, URL,
	    VALID } },
	    .location = URL },
	{ "one that is known from before", .contact = one_contact, .record = KNOWN, .location = URL },
	{ "contacts that have changed since", .contact = other_contact, .record = KNOWN, .steps = {
		{ URL, "{\"contact\":[\"mailto:b@example.com\"]}", 0, 200, NULL, BARE } }, .location = URL },
	{ "contacts that are no longer wanted", .record = KNOWN, .steps = {
		{ URL, "{\"contact\":[]}", 0, 200, NULL, BARE } }, .location = URL },
	{ "contacts that the CA does not take", .contact = other_contact, .record = KNOWN, .steps = {
		{ URL, "contact", 0, 400, NULL, "{\"type\":\"" URN "invalidContact\",\"detail\":\"no\"}" } },
		    .location = URL },
	{ "an account that is gone when its contacts are set", .contact = other_contact, .record = KNOWN, .steps = {
		{ URL, "contact", 0, 400, NULL, UNKNOWN }, { NEW, "termsOfServiceAgreed", 0, 201, URL "1", BARE } },
	    .location = URL "1" },
	{ "an account that is gone, and so is the next", .contact = other_contact, .record = KNOWN, .steps = {
		{ URL, "contact", 0, 400, NULL, UNKNOWN }, { NEW, "termsOfServiceAgreed", 0, 200, URL, VALID },
		{ URL, "contact", 0, 400, NULL, UNKNOWN } }, .location = URL },
	{ "a record of another key", .contact = one_contact, .record = "{\"v\":1,\"url\":\""
	    URL "\",\"key\":\"x\",\"status\":\"valid\"}",
	    .steps = { { NEW, "termsOfServiceAgreed", 0, 201, URL "2", BARE } }, .location = URL "2" },
	{ "a record that says nothing of contacts", .contact = one_contact, .record = RECORD("valid", "null"),
	    .steps = {
		{ URL, "contact", 0, 200, NULL, BARE } }, .location = URL },
	{ "an account that is in doubt, without need", .contact = one_contact, .record = KNOWN, .doubtful = true,
	    .steps = {
		{ NEW, "onlyReturnExisting", 0, 200, URL, VALID } }, .location = URL },
	{ "one that has another key by now", .contact = one_contact, .record = KNOWN, .doubtful = true, .steps = {
		{ NEW, "onlyReturnExisting", 0, 400, NULL, UNKNOWN },
		{ NEW, "termsOfServiceAgreed", 0, 201, URL "3", BARE } }, .location = URL "3" },
	{ "one of which the CA does not say", .contact = one_contact, .record = KNOWN, .doubtful = true, .steps = {
		{ NEW, "onlyReturnExisting", 0, 500, NULL, "" } }, .err = ERR_PEER, .words = "does not say",
		    .location = URL },
	{ "an imported key with an account", .contact = one_contact, .imported = true, .steps = {
		{ NEW, "{\"onlyReturnExisting\":true}", 0, 200, URL, VALID } }, .location = URL },
	{ "an imported key without one", .imported = true, .steps = {
		{ NEW, "{\"onlyReturnExisting\":true}", 0, 400, NULL, UNKNOWN },
		{ NEW, "termsOfServiceAgreed", 0, 201, URL, BARE } }, .location = URL },
	{ "a binding", .bound = true, .needs_binding = true, .steps = {
		{ NEW, "\"externalAccountBinding\":{\"protected\":", 0, 201, URL, BARE } }, .location = URL },
	{ "a binding that is missing, for an account that is there", .needs_binding = true, .steps = {
		{ NEW, "onlyReturnExisting", 0, 200, URL, VALID } }, .location = URL },
	{ "a binding that is missing", .needs_binding = true, .steps = {
		{ NEW, "onlyReturnExisting", 0, 400, NULL, UNKNOWN } }, .err = ERR_REFUSED, .words = "\"eab:\"" },
	{ "an account that is deactivated", .steps = {
		{ NEW, "terms", 0, 200, URL, "{\"status\":\"deactivated\"}" } }, .err = ERR_REFUSED,
	    .words = "is deactivated", .location = URL },
	{ "one that is known as deactivated", .record = RECORD("deactivated", "[]"), .err = ERR_REFUSED,
	    .words = "is deactivated", .location = URL },
	{ "no URL of the account", .steps = { { NEW, "terms", 0, 201, NULL, BARE } }, .err = ERR_PEER,
	    .words = "no https URL" },
	{ "a URL that is not https", .steps = { { NEW, "terms", 0, 201, "http://ca.example/acct/1", BARE } },
	    .err = ERR_PEER,
	    .words = "no https URL" },
	{ "an account that is none", .steps = { { NEW, "terms", 0, 201, URL, "[]" } }, .err = ERR_PEER,
	    .words = "no JSON object" },
	{ "terms that have changed", .steps = { { NEW, "terms", 0, 403, NULL,
		"{\"type\":\"" URN "userActionRequired\",\"detail\":\"new "
		    "terms\",\"instance\":\"https://ca.example/agree\"}" } },
	    .err = ERR_PEER, .words = "see https://ca.example/agree" },
	{ "no answer", .steps = { { NEW, "terms", ERR_NETWORK, 0, NULL, "" } }, .err = ERR_NETWORK,
	    .words = "the CA gives no account: no route" },
	{ "deactivation", .record = KNOWN, .contact = one_contact, .job = ACME_ACCOUNT_DEACTIVATE, .steps = {
		{ URL, "{\"status\":\"deactivated\"}", 0, 200, NULL, "{\"status\":\"deactivated\"}" } },
		    .location = URL },
	{ "deactivation of what is not there", .job = ACME_ACCOUNT_DEACTIVATE, .steps = {
		{ NEW, "onlyReturnExisting", 0, 400, NULL, UNKNOWN } }, .err = ERR_NOT_FOUND,
		    .words = "no account for this key" },
	{ "deactivation that is refused", .record = KNOWN, .contact = one_contact, .job = ACME_ACCOUNT_DEACTIVATE,
	    .steps = {
		{ URL, "deactivated", 0, 403, NULL, "{\"type\":\"" URN "unauthorized\",\"detail\":\"no\"}" } },
		    .err = ERR_PEER,
	    .words = "does not deactivate the account: unauthorized: no", .location = URL },
	{ "another key", .record = KNOWN, .contact = one_contact, .job = ACME_ACCOUNT_ROLL, .steps = {
		{ "https://ca.example/key-change", "\"signature\":", 0, 200, NULL, BARE } }, .location = URL,
		    .rolled = true },
	{ "another key that is refused", .record = KNOWN, .contact = one_contact, .job = ACME_ACCOUNT_ROLL, .steps = {
		{ "https://ca.example/key-change", "", 0, 403, NULL, "{\"type\":\""
		    URN "malformed\",\"detail\":\"bad\"}" },
		{ NEW, "onlyReturnExisting", 0, 400, NULL, UNKNOWN } }, .err = ERR_PEER,
	    .words = "does not change the key: malformed: bad", .location = URL },
	{ "another key, and an answer that was lost", .record = KNOWN, .contact = one_contact, .job = ACME_ACCOUNT_ROLL,
	    .steps = {
		{ "https://ca.example/key-change", "", ERR_TIMEOUT, 0, NULL, "" },
		{ NEW, "onlyReturnExisting", 0, 200, URL, VALID } }, .location = URL, .rolled = true },
	{ "another key, and a CA that is lost", .record = KNOWN, .contact = one_contact, .job = ACME_ACCOUNT_ROLL,
	    .steps = {
		{ "https://ca.example/key-change", "", ERR_TIMEOUT, 0, NULL, "" },
		{ NEW, "onlyReturnExisting", ERR_TIMEOUT, 0, NULL, "" } }, .err = ERR_TIMEOUT,
	    .words = "asked again later", .location = URL },
	{ "a key change that was interrupted when it was done", .record = KNOWN, .contact = one_contact, .next = true,
	    .steps = {
		{ NEW, "onlyReturnExisting", 0, 200, URL, VALID } }, .location = URL, .rolled = true },
	{ "one that was interrupted before", .record = KNOWN, .contact = one_contact, .next = true, .steps = {
		{ NEW, "onlyReturnExisting", 0, 400, NULL, UNKNOWN } }, .location = URL },
	{ "one that nobody can tell of", .record = KNOWN, .contact = one_contact, .next = true, .steps = {
		{ NEW, "onlyReturnExisting", 0, 500, NULL, "" } }, .err = ERR_PEER,
		    .words = "which key of the account holds",
	    .location = URL },
};
#define NSCENARIOS (sizeof scenarios / sizeof scenarios[0])

static char *key_pem[2];		/* the account's, the next one's */

static struct acme_key *
key_make(int which)
{
	struct acme_key *key = NULL;

	return acme_key_from_pem(key_pem[which], strlen(key_pem[which]), &key, NULL) == ERR_OK ? key : NULL;
}

/* A record with the key's thumbprint in it. */
static void
recall(struct acme_account *a, const char *record)
{
	const char *at = strstr(record, "KEY");
	char text[512];

	snprintf(text, sizeof text, "%.*s%s%s", at != NULL ? (int)(at - record) : (int)strlen(record), record,
	    at != NULL ? acme_key_thumbprint(acme_account_key(a)) : "", at != NULL ? at + 3 : "");
	acme_account_recall(a, text, strlen(text));
}

static struct acme_account *
begin(const struct scenario *s)
{
	struct acme_account_setup setup = { .contact = s->contact, .terms_agreed = true, .imported = s->imported,
		.eab_kid = s->bound ? "kid" : NULL, .eab_secret = secret, .eab_secret_n = sizeof secret };
	struct acme_key *key = key_make(0);
	struct acme_account *a = NULL;

	if (key == NULL || acme_account_new(&setup, key, &a) != ERR_OK)
		return NULL;
	if (s->record != NULL)
		recall(a, s->record);
	if (s->doubtful)
		acme_account_doubt(a);
	if (s->next && (key = key_make(1)) != NULL)
		acme_account_next(a, key);
	return a;
}

static struct acme_reply
reply_of(const struct step *step)
{
	return (struct acme_reply){ .err = step->err, .words = "no route", .status = step->status,
	    .location = step->location,
		.body = step->body, .n = strlen(step->body), .retry_after_s = -1 };
}

/* The keys' files are always good here. */
static enum acme_account_want
handle_keys(struct acme_account *a, enum acme_account_want want)
{
	struct acme_key *next;

	while (want != ACME_ACCOUNT_POST && want != ACME_ACCOUNT_READY && want != ACME_ACCOUNT_FAILED) {
		if (want == ACME_ACCOUNT_ADOPT)
			want = acme_account_adopted(a, ERR_OK, "");
		else if (want == ACME_ACCOUNT_DROP)
			want = acme_account_dropped(a);
		else {
			next = key_make(1);
			want = acme_account_made(a, next, next != NULL ? ERR_OK : ERR_NOMEM, "no key");
		}
	}
	return want;
}

static void
check_request(const struct acme_account *a, const struct scenario *s, const struct step *step)
{
	struct acme_account_request q = acme_account_request(a);
	bool is_new = strcmp(q.url, NEW) == 0;

	check(step->url != NULL && strcmp(q.url, step->url) == 0, "%s: %s is asked, not %s", s->why, q.url,
	    step->url != NULL ? step->url : "nothing");
	check(strstr(q.payload, step->payload) != NULL, "%s: %s has %s", s->why, q.payload, step->payload);
	check(q.with_jwk == is_new, "%s: the JWK goes to newAccount, the URL elsewhere", s->why);
	check(q.key == acme_account_key(a) || q.key == acme_account_next_key(a), "%s: by a key of ours", s->why);
}

/* strict: the script is kept to, else whatever comes is answered by it as far as it goes. */
static enum acme_account_want
play(struct acme_account *a, const struct scenario *s, bool strict)
{
	struct acme_directory d = directory;
	enum acme_account_want want;
	size_t n = 0;

	d.external_account_required = s->needs_binding;
	want = handle_keys(a, acme_account_start(a, s->job, &d));
	while (want == ACME_ACCOUNT_POST && n < STEPS_MAX && s->steps[n].url != NULL) {
		struct acme_reply r = reply_of(&s->steps[n]);

		if (strict)
			check_request(a, s, &s->steps[n]);
		want = handle_keys(a, acme_account_reply(a, &r));
		n++;
	}
	check(!strict || want != ACME_ACCOUNT_POST, "%s: nothing more is asked", s->why);
	check(!strict || n == STEPS_MAX || s->steps[n].url == NULL, "%s: all is asked", s->why);
	return want;
}

static void
test_scenarios(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSCENARIOS; i++) {
		const struct scenario *s = &scenarios[i];
		struct acme_account *a = begin(s);
		struct acme_key *other = key_make(1);
		enum acme_account_want want = play(a, s, true);
		const char *location = acme_account_location(a);

		check((want == ACME_ACCOUNT_READY) == (s->err == ERR_OK), "%s: %s", s->why,
		    want == ACME_ACCOUNT_READY ? "it is ready" : acme_account_failure(a).words);
		if (s->err != ERR_OK) {
			struct acme_reply r = acme_account_failure(a);

			check(r.err == s->err && strstr(r.words, s->words) != NULL, "%s: \"%s\" says %s", s->why,
			    r.words, s->words);
		}
		check(location == NULL ? s->location == NULL : s->location != NULL &&
		    strcmp(location, s->location) == 0, "%s: the account is %s", s->why, location != NULL ?
		    location : "not known");
		check((strcmp(acme_key_thumbprint(acme_account_key(a)), acme_key_thumbprint(other)) == 0) == s->rolled,
		    "%s: the key in force", s->why);
		acme_key_free(other);
		acme_account_free(a);
	}
}

/* What is remembered after a round that went well is enough for the next one to ask nothing. */
static void
test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSCENARIOS; i++) {
		const struct scenario *s = &scenarios[i];
		struct acme_account *a = begin(s), *again;
		struct buf record = { 0 };

		if (play(a, s, true) == ACME_ACCOUNT_READY && !acme_account_is_deactivated(a) &&
		    acme_account_complaint(a) == NULL) {
			struct acme_account_setup setup = { .contact = s->contact, .terms_agreed = true };
			struct acme_key *key = key_make(s->rolled ? 1 : 0);

			assert_int_equal(acme_account_record(a, &record), ERR_OK);
			assert_int_equal(acme_account_new(&setup, key, &again), ERR_OK);
			check(acme_account_recall(again, (const char *)record.p, record.len), "%s: it is read again",
			    s->why);
			check(acme_account_start(again, ACME_ACCOUNT_KEEP, &directory) == ACME_ACCOUNT_READY,
			    "%s: nothing is asked again", s->why);
			for (size_t n = 0; n < record.len; n++)
				check(!acme_account_recall(again, (const char *)record.p, n),
				    "%s: not its first %zu octets", s->why, n);
			acme_account_free(again);
		}
		buf_clear(&record);
		acme_account_free(a);
	}
}

static const struct { const char *why; struct step step; } faults[] = {
	{ "no answer",			{ "", "", ERR_NETWORK, 0, NULL, "" } },
	{ "too large an answer",	{ "", "", ERR_PEER, 0, NULL, "" } },
	{ "an internal error",		{ "", "", 0, 500, NULL, "<html>" } },
	{ "a limit",			{ "", "", 0, 429, NULL, "{\"type\":\"" URN "rateLimited\"}" } },
	{ "no right",			{ "", "", 0, 403, NULL, "{\"type\":\"" URN "unauthorized\"}" } },
	{ "no such account",		{ "", "", 0, 400, NULL, UNKNOWN } },
	{ "a good answer of nothing",	{ "", "", 0, 200, NULL, "" } },
	{ "a good answer of another",	{ "", "", 0, 200, "ftp://x", "{\"status\":\"odd\"}" } },
	{ "an answer of 300",		{ "", "", 0, 300, URL, BARE } },
};

/* Any fault at any step ends the round, with words, and the next round can be had. */
static void
test_fault_at_every_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSCENARIOS; i++)
		for (size_t at = 0; at < STEPS_MAX && scenarios[i].steps[at].url != NULL; at++)
			for (size_t k = 0; k < sizeof faults / sizeof faults[0]; k++) {
				struct scenario s = scenarios[i];
				struct acme_account *a = begin(&s);
				enum acme_account_want want;

				s.steps[at] = faults[k].step;
				s.steps[at].url = "";
				for (size_t rest = at + 1; rest < STEPS_MAX; rest++)
					s.steps[rest] = s.steps[at];
				want = play(a, &s, false);
				check(want == ACME_ACCOUNT_READY || want == ACME_ACCOUNT_FAILED,
				    "%s at step %zu of %s is an end", faults[k].why, at, s.why);
				check(want == ACME_ACCOUNT_READY || *acme_account_failure(a).words != '\0',
				    "%s at step %zu of %s has words", faults[k].why, at, s.why);
				want = play(a, &scenarios[0], false);
				check(want == ACME_ACCOUNT_READY || want == ACME_ACCOUNT_FAILED ||
				    want == ACME_ACCOUNT_POST, "and another round can be had");
				acme_account_free(a);
			}
}

static void
test_files_that_fail(void **state)
{
	struct acme_account *a;
	enum acme_account_want want;

	(void)state;
	a = begin(&(struct scenario){ .contact = one_contact, .record = KNOWN });
	want = acme_account_start(a, ACME_ACCOUNT_ROLL, &directory);
	assert_int_equal(want, ACME_ACCOUNT_MAKE_KEY);
	want = acme_account_made(a, NULL, ERR_NOSPACE, "the disk is full");
	check(want == ACME_ACCOUNT_FAILED && strstr(acme_account_failure(a).words, "the disk is full") != NULL,
	    "a key that cannot be written is not used: %s", acme_account_failure(a).words);
	acme_account_free(a);

	a = begin(&(struct scenario){ .contact = one_contact, .record = KNOWN, .next = true });
	want = acme_account_start(a, ACME_ACCOUNT_KEEP, &directory);
	assert_int_equal(want, ACME_ACCOUNT_POST);
	want = acme_account_reply(a, &(struct acme_reply){ .status = 200, .location = URL, .body = BARE,
	    .n = strlen(BARE) });
	assert_int_equal(want, ACME_ACCOUNT_ADOPT);
	want = acme_account_adopted(a, ERR_NOSPACE, "the disk is full");
	check(want == ACME_ACCOUNT_FAILED && acme_account_next_key(a) != NULL,
	    "a key that is in force and cannot be kept stays");
	acme_account_free(a);
}

static void
test_each_allocation_fails_once(void **state)
{
	long allocations = 0;

	(void)state;
	json_set_alloc_funcs(malloc, free);
	for (size_t i = 0; i < NSCENARIOS; i++)
		for (long n = 1;; n++) {
			long before = memory_live();
			struct acme_account *a;
			bool fired;

			memory_fail_nth(n);
			if ((a = begin(&scenarios[i])) != NULL)
				play(a, &scenarios[i], false);
			fired = memory_fail_left() <= 0;
			memory_fail_nth(0);
			acme_account_free(a);
			check(memory_live() == before, "%s: allocation %ld leaves %ld behind", scenarios[i].why, n,
			    memory_live() - before);
			allocations += fired;
			if (!fired)
				break;
		}
	check(allocations > 300, "%ld allocations have failed", allocations);
}

static int
make_keys(void **state)
{
	char path[] = "/tmp/certns-account-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	fclose(fdopen(fd, "r"));
	for (int i = 0; i < 2; i++) {
		struct acme_key *key;
		FILE *f;
		char text[1024];
		size_t n;

		if (acme_key_make(ACME_KEY_ES256, &key) != ERR_OK || acme_key_write(key, path, NULL) != ERR_OK)
			return -1;
		acme_key_free(key);
		f = fopen(path, "r");
		n = fread(text, 1, sizeof text - 1, f);
		fclose(f);
		text[n] = '\0';
		key_pem[i] = strdup(text);
	}
	remove(path);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_fault_at_every_step),
		cmocka_unit_test(test_files_that_fail),
		cmocka_unit_test(test_each_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
