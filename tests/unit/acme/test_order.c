/* Whole orders against a CA in memory: acme/order.c asks, model_reply() answers, nothing else is there. */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "acme/order.h"
#include "tests/unit/acme/pki.h"

#define NAMES_MAX 4
#define REQUESTS_MAX 200

enum trouble { NO_FAULT, NO_ANSWER, TIMED_OUT, HTTP_500, HTTP_503_LATER, HTTP_429_NOW, HTTP_429_LATER, HTTP_403,
    HTTP_302, NOT_JSON,
	EMPTY_OBJECT, UNKNOWN_STATUS };

/* How this CA behaves; all zero is an honest one. */
struct model {
	size_t n;				/* authorizations */
	const char *names[NAMES_MAX];
	bool wildcard[NAMES_MAX];
	bool reused[NAMES_MAX];			/* valid from the start */
	const char *challenges;			/* instead of the usual ones: %d is the number */
	const char *bad_authorization;		/* the first ends so instead of valid */
	unsigned slow_checks, slow_order, slow_issue;	/* so many polls until it moves */
	const char *alternates[3];		/* names of further roots */
	bool bad_alternates;			/* they answer 404 */
	bool knows_no_replaces, gone, over;	/* the order to be taken up is not there; or invalid */
	bool ready_for_long;			/* says "ready" also after finalize, once */
	bool order_invalid, not_ready_once, http_location, no_location, wrong_key, no_pem, stays_ready, leaf_twice;
	const char *identifiers;		/* of the order; NULL: none */
	const char *content_type;
	int64_t date_s;				/* with each answer */
	int64_t retry_after_s;			/* with every "wait"; 0: none */
	enum trouble fault;			/* at the fault_at-th request and fault_times - 1 after it */
	unsigned fault_at, fault_times;

	/* What happened. */
	unsigned requests, responses, published, checked, unpublished, sleeps, placed;
	char payload[500];			/* of the last newOrder */
	uint64_t slept_ms;
	bool answered[NAMES_MAX];
	bool finalized;
	struct buf body, location;
};

static EVP_PKEY *key, *other_key;

static const char challenges_usual[] =
    "{\"type\":\"http-01\",\"url\":\"https://ca/h/%1$zu\",\"token\":\"h%1$zu\",\"status\":\"pending\"},"
    "{\"type\":\"dns-01\",\"url\":\"https://ca/chall/%1$zu\",\"token\":\"t%1$zu\",\"status\":\"pending\"},"
    "{\"type\":\"tls-alpn-01\",\"url\":\"https://ca/t/%1$zu\",\"token\":\"a%1$zu\",\"status\":\"pending\"}";

static int
setup(void **state)
{
	(void)state;
	key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	return key == NULL || other_key == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	return 0;
}

/* ---- the CA ---- */

static bool
all_answered(const struct model *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!m->reused[i] && !m->answered[i])
			return false;
	return true;
}

static void
write_order(struct model *m)
{
	const char *status = "pending";

	if (m->finalized && (m->ready_for_long || m->stays_ready)) {
		status = "ready";
		m->ready_for_long = false;
	} else if (m->finalized)
		status = m->order_invalid ? "invalid" : m->slow_issue > 0 ? "processing" : "valid";
	else if (all_answered(m))
		status = m->slow_order > 0 ? "pending" : "ready";
	if (m->finalized && m->slow_issue > 0)
		m->slow_issue--;
	if (!m->finalized && all_answered(m) && m->slow_order > 0)
		m->slow_order--;
	buf_printf(&m->body,
	    "{\"status\":\"%s\",\"finalize\":\"https://ca/finalize\",\"certificate\":\"https://ca/cert\","
	    "\"error\":{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"no\"},\"authorizations\":[", status);
	for (size_t i = 0; i < m->n; i++)
		buf_printf(&m->body, "%s\"https://ca/authz/%zu\"", i > 0 ? "," : "", i);
	buf_printf(&m->body, "]%s%s}", m->identifiers != NULL ? ",\"identifiers\":" : "",
	    m->identifiers != NULL ? m->identifiers : "");
}

static void
write_authorization(struct model *m, size_t i)
{
	const char *status = m->reused[i] ? "valid" : "pending";

	if (m->answered[i] && m->slow_checks > 0)
		m->slow_checks--;
	else if (m->answered[i])
		status = i == 0 && m->bad_authorization != NULL ? m->bad_authorization : "valid";
	buf_printf(&m->body, "{\"status\":\"%s\",\"identifier\":{\"type\":\"dns\",\"value\":\"%s\"},\"wildcard\":%s,"
	    "\"challenges\":[", status, m->names[i], m->wildcard[i] ? "true" : "false");
	if (strcmp(status, "invalid") == 0)
		buf_add_str(&m->body, "{\"type\":\"dns-01\",\"status\":\"invalid\",\"error\":{\"type\":"
		    "\"urn:ietf:params:acme:error:unauthorized\",\"detail\":\"wrong TXT\"}}");
	else if (m->challenges != NULL)
		buf_add_str(&m->body, m->challenges);
	else
		buf_printf(&m->body, challenges_usual, i);
	buf_add_str(&m->body, "]}");
}

static void
write_certificate(struct model *m, const struct acme_csr *csr, const char *root)
{
	const struct acme_names *names = acme_csr_names(csr);
	struct buf san = { 0 }, der = { 0 };

	for (size_t i = 0; i < names->n; i++)
		buf_printf(&san, "%sDNS:%s", i > 0 ? "," : "", names->v[i]);
	pki_certificate(m->wrong_key ? other_key : key, NULL, buf_str(&san), other_key, "CA", 1000, 2000, &der);
	if (m->no_pem)
		buf_add_str(&m->body, "certificate");
	else {
		pki_pem(&der, &m->body);
		if (!m->leaf_twice) {
			buf_clear(&der);
			pki_ca(other_key, "CA", key, root, 500, 3000, &der);
		}
		pki_pem(&der, &m->body);
	}
	buf_clear(&san);
	buf_clear(&der);
}

static long
model_answer(struct model *m, const char *url, const char *payload, const struct acme_csr *csr)
{
	size_t i = (size_t)strtoul(strrchr(url, '/') + 1, NULL, 10);

	if (strcmp(url, "https://ca/new-order") == 0) {
		assert_non_null(payload);
		snprintf(m->payload, sizeof m->payload, "%s", payload);
		m->placed++;
		if (m->knows_no_replaces && strstr(payload, "replaces") != NULL) {
			buf_add_str(&m->body, "{\"type\":\"urn:ietf:params:acme:error:alreadyReplaced\",\"detail\":\"was it\"}");
			return 409;
		}
		buf_add_str(&m->location, m->http_location ? "http://ca/order" : "https://ca/order");
		write_order(m);
		return 201;
	}
	if (strcmp(url, "https://ca/order") == 0)
		write_order(m);
	else if (strcmp(url, "https://ca/order-before") == 0 && m->gone) {
		buf_add_str(&m->body, "{\"type\":\"urn:ietf:params:acme:error:malformed\",\"detail\":\"no such order\"}");
		return 404;
	} else if (strcmp(url, "https://ca/order-before") == 0 && m->over) {
		buf_add_str(&m->body, "{\"status\":\"invalid\",\"finalize\":\"https://ca/finalize\",\"authorizations\":[\"https://ca/a\"]}");
	} else if (strcmp(url, "https://ca/order-before") == 0)
		write_order(m);
	else if (strncmp(url, "https://ca/cert/", 16) == 0 && !m->bad_alternates)
		write_certificate(m, csr, m->alternates[i]);
	else if (strncmp(url, "https://ca/cert/", 16) == 0)
		return 404;
	else if (strncmp(url, "https://ca/authz/", 17) == 0)
		write_authorization(m, i);
	else if (strncmp(url, "https://ca/chall/", 17) == 0) {
		assert_string_equal(payload, "{}");
		check(m->checked > 0, "no challenge is answered before it is seen everywhere");
		m->responses++;
		m->answered[i] = true;
		buf_add_str(&m->body, "{}");
	} else if (strcmp(url, "https://ca/finalize") == 0) {
		check(payload != NULL && strncmp(payload, "{\"csr\":\"", 8) == 0, "finalize carries the CSR");
		if (m->not_ready_once) {
			m->not_ready_once = false;
			buf_add_str(&m->body,
			    "{\"type\":\"urn:ietf:params:acme:error:orderNotReady\",\"detail\":\"wait\"}");
			return 403;
		}
		m->finalized = true;
		write_order(m);
	} else if (strcmp(url, "https://ca/cert") == 0)
		write_certificate(m, csr, "Root A");
	else
		check(false, "%s is no URL of this CA", url);
	return 200;
}

/* Spoil the answer; the CA may have acted already. */
static void
spoil(struct model *m, struct acme_reply *r)
{
	static const char *const bodies[] = {
		[NOT_JSON] = "<html>", [EMPTY_OBJECT] = "{}", [UNKNOWN_STATUS] = "{\"status\":\"perhaps\"}",
		[HTTP_403] = "{\"type\":\"urn:ietf:params:acme:error:unauthorized\",\"detail\":\"go away\"}",
		[HTTP_429_NOW] = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many\"}",
		[HTTP_429_LATER] = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many\"}",
		[HTTP_500] = "", [HTTP_503_LATER] = "", [HTTP_302] = ""
	};
	static const long statuses[] = { [NOT_JSON] = 200, [EMPTY_OBJECT] = 200, [UNKNOWN_STATUS] = 200,
	    [HTTP_403] = 403,
		[HTTP_429_NOW] = 429, [HTTP_429_LATER] = 429, [HTTP_500] = 500, [HTTP_503_LATER] = 503,
		    [HTTP_302] = 302 };

	if (m->fault == NO_ANSWER || m->fault == TIMED_OUT) {
		*r = (struct acme_reply){ .err = m->fault == NO_ANSWER ? ERR_NETWORK : ERR_TIMEOUT,
			.words = "no answer", .retry_after_s = -1, .body = "" };
		return;
	}
	r->status = statuses[m->fault];
	buf_clear(&m->body);
	buf_add_str(&m->body, bodies[m->fault]);
	r->retry_after_s = m->fault == HTTP_429_NOW ? 2 : m->fault == HTTP_429_LATER ? 7200 :
	    m->fault == HTTP_503_LATER ? 30 : -1;
}

static enum acme_want
model_reply(struct model *m, struct acme_order *o, const struct acme_csr *csr, int64_t now_ms)
{
	static const char *const links[] = { "<https://ca/directory>;rel=\"index\"", "</cert/0>;rel=\"alternate\"",
	    "<cert/1>; rel=alternate, <http://ca/cert/7>;rel=\"alternate\"", "<https://ca/cert/2>;rel=\"alternate up\"" };
	struct acme_reply r = { .retry_after_s = m->retry_after_s > 0 ? m->retry_after_s : -1 };
	enum acme_want want;

	buf_clear(&m->body);
	buf_clear(&m->location);
	r.status = model_answer(m, acme_order_url(o), acme_order_payload(o), csr);
	m->requests++;
	if (m->fault != NO_FAULT && m->requests >= m->fault_at && m->requests < m->fault_at + m->fault_times)
		spoil(m, &r);
	if (m->location.len > 0 && !m->no_location)
		r.location = buf_str(&m->location);
	r.url = acme_order_url(o);
	r.links = links;
	for (r.nlinks = 1; r.nlinks <= 3 && m->alternates[r.nlinks - 1] != NULL;)
		r.nlinks++;
	r.content_type = strncmp(acme_order_url(o), "https://ca/cert", 15) == 0 ? m->content_type : "application/json";
	r.date_s = m->date_s;
	r.body = buf_str(&m->body);
	r.n = m->body.len;
	want = acme_order_reply(o, &r, now_ms);
	buf_clear(&m->body);
	buf_clear(&m->location);
	return want;
}

/* ---- one order from start to end ---- */

struct outcome {
	enum err err;
	char words[1024];
	int64_t retry_after_s;
	size_t ntxts, nchain;
	struct acme_cause cause;
	bool resumable;
	char problem[40], location[40];
	bool under_b;			/* the chain is below Root B */
};

struct zones { enum err publish, check; };	/* what the name servers do */

static struct acme_order_setup wishes;		/* what run() orders beyond the names */

static struct outcome
run(struct model *m, const struct zones *zones, const char *san, unsigned limit_ms)
{
	struct buf der = { 0 };
	struct acme_csr *csr = NULL;
	struct acme_order *o = NULL;
	struct outcome out = { 0 };
	int64_t now_ms = 5000;
	enum acme_want want;

	pki_csr(key, NULL, san, &der);
	assert_int_equal(acme_csr_parse(der.p, der.len, &csr, NULL), ERR_OK);
	struct acme_order_setup setup = wishes;
	setup.csr = csr;
	setup.new_order = "https://ca/new-order";
	setup.means = (struct acme_challenge_means){ .directory = "https://ca/directory", .account = "https://ca/account/1",
		.thumbprint = "thumbprint" };
	setup.now_s = 1500;
	setup.now_ms = now_ms;
	setup.limit_ms = limit_ms;
	assert_int_equal(acme_order_new(&setup, &o), ERR_OK);
	for (want = acme_order_start(o); want != ACME_FINISHED;) {
		check(m->requests < REQUESTS_MAX, "an order ends");
		check(m->unpublished == 0, "nothing comes after the challenge is removed");
		now_ms += 10;
		switch (want) {
		case ACME_POST:
			want = model_reply(m, o, csr, now_ms);
			break;
		case ACME_PUBLISH:
			m->published++;
			want = acme_order_published(o, zones->publish, "the zone says no");
			break;
		case ACME_CHECK:
			m->checked++;
			want = acme_order_checked(o, zones->check, "ns2 is silent");
			break;
		case ACME_SLEEP:
			m->sleeps++;
			m->slept_ms += acme_order_delay_ms(o);
			check(acme_order_delay_ms(o) >= 100, "no sleep is shorter than 100 ms");
			now_ms += acme_order_delay_ms(o);
			want = acme_order_slept(o);
			break;
		case ACME_UNPUBLISH:
			m->unpublished++;
			want = acme_order_unpublished(o);
			break;
		case ACME_FINISHED:
			break;
		}
	}
	check(m->unpublished == (m->published > 0 || wishes.leftovers), "what was published is removed, and only that");
	struct acme_order_result r = acme_order_result(o);
	out.err = r.err;
	snprintf(out.words, sizeof out.words, "%s", r.words);
	out.retry_after_s = r.retry_after_s;
	acme_order_txts(o, &out.ntxts);
	out.nchain = r.chain->n;
	out.cause = r.cause;
	out.resumable = r.resumable;
	snprintf(out.problem, sizeof out.problem, "%s", r.problem);
	snprintf(out.location, sizeof out.location, "%s", acme_order_location(o) != NULL ? acme_order_location(o) : "");
	out.under_b = r.chain->n > 0 && acme_chain_is_under(r.chain, "Root B");
	check((out.err == ERR_OK) == (out.nchain > 0), "a chain comes exactly with success");
	check(out.err == ERR_OK || out.words[0] != '\0', "a failure has words");
	acme_order_free(o);
	acme_csr_free(csr);
	buf_clear(&der);
	return out;
}

static const struct zones good_zones;
static const char one[] = "DNS:a.test", two[] = "DNS:a.test,DNS:*.a.test";
#define ONE .n = 1, .names = { "a.test" }
#define TWO .n = 2, .names = { "a.test", "a.test" }, .wildcard = { false, true }
#define CHALLENGE(type, rest) "{\"type\":\"" type "\",\"url\":\"https://ca/chall/0\",\"status\":\"pending\"" rest "}"

static const struct {
	const char *why, *san;
	struct model model;
	struct zones zones;
	enum err err;
	const char *words;
	size_t ntxts;
	unsigned responses;
} orders[] = {
	{ "one name", one, { ONE }, { 0 }, ERR_OK, "", 1, 1 },
	{ "apex and wildcard", two, { TWO }, { 0 }, ERR_OK, "", 2, 2 },
	{ "an authorization that is valid already", two, { TWO, .reused = { true } }, { 0 }, ERR_OK, "", 1, 1 },
	{ "nothing to prove", two, { TWO, .reused = { true, true } }, { 0 }, ERR_OK, "", 0, 0 },
	{ "a CA that takes its time everywhere", one, { ONE, .slow_checks = 3, .slow_order = 3, .slow_issue = 3 },
	    { 0 },
	    ERR_OK, "", 1, 1 },
	{ "and says how long to wait", one, { ONE, .slow_checks = 2, .slow_issue = 2, .retry_after_s = 7 }, { 0 },
	    ERR_OK, "", 1, 1 },
	{ "an order that stays ready for a moment", one, { ONE, .ready_for_long = true }, { 0 }, ERR_OK, "", 1, 1 },
	{ "an order that is not ready at first", one, { ONE, .not_ready_once = true }, { 0 }, ERR_OK, "", 1, 1 },
	{ "challenges without token and of new types", one, { ONE, .challenges = CHALLENGE("dns-01", "") ","
	    CHALLENGE("dns-persist-01", "") ",{}," CHALLENGE("dns-01", ",\"token\":\"t\"") }, { 0 }, ERR_OK, "", 1, 1 },
	{ "no dns-01", one, { ONE, .challenges = CHALLENGE("http-01", ",\"token\":\"t\"") }, { 0 }, ERR_PEER,
	    "offers no challenge for a.test that we are to use: it offers http-01", 0, 0 },
	{ "no challenge at all", one, { ONE, .challenges = "" }, { 0 }, ERR_PEER, "it offers nothing", 0, 0 },
	{ "a name that was not ordered", one, { .n = 1, .names = { "b.test" } }, { 0 }, ERR_PEER,
	    "not ordered: b.test", 0, 0 },
	{ "a wildcard that was not ordered", one, { ONE, .wildcard = { true } }, { 0 }, ERR_PEER, "not ordered", 0, 0 },
	{ "a proof that is not accepted", one, { ONE, .bad_authorization = "invalid" }, { 0 }, ERR_PEER,
	    "does not accept the proof for a.test: unauthorized: wrong TXT", 1, 1 },
	{ "an authorization that expires", one, { ONE, .bad_authorization = "expired" }, { 0 }, ERR_PEER, "expire", 1,
	    1 },
	{ "an order that becomes invalid", one, { ONE, .order_invalid = true }, { 0 }, ERR_PEER,
	    "given up the order: caa: no", 1, 1 },
	{ "no Location", one, { ONE, .no_location = true }, { 0 }, ERR_PEER, "no https URL", 0, 0 },
	{ "a Location without https", one, { ONE, .http_location = true }, { 0 }, ERR_PEER, "no https URL", 0, 0 },
	{ "a certificate for another key", one, { ONE, .wrong_key = true }, { 0 }, ERR_PEER, "another key", 1, 1 },
	{ "a chain that says what it is", one, { ONE,
	    .content_type = "application/pem-certificate-chain; charset=utf-8" }, { 0 },
	    ERR_OK, "", 1, 1 },
	{ "a certificate that is valid by the CA's clock", one, { ONE, .date_s = 1500 }, { 0 }, ERR_OK, "", 1, 1 },
	{ "one that has expired by it", one, { ONE, .date_s = 2000 }, { 0 }, ERR_PEER, "has expired, by the CA's own clock", 1, 1 },
	{ "one that will be valid in a moment", one, { ONE, .date_s = 990 }, { 0 }, ERR_OK, "", 1, 1 },
	{ "one that will not", one, { ONE, .date_s = 600 }, { 0 }, ERR_PEER, "not valid yet, by the CA's own clock", 1, 1 },
	{ "a chain of another type", one, { ONE, .content_type = "application/pkix-cert" }, { 0 }, ERR_PEER,
	    "comes as application/pkix-cert", 1, 1 },
	{ "no PEM", one, { ONE, .no_pem = true }, { 0 }, ERR_PEER, "no certificate in PEM", 1, 1 },
	{ "a chain that does not verify", one, { ONE, .leaf_twice = true }, { 0 }, ERR_PEER, "chain does not verify", 1, 1 },
	{ "an order that stays ready", one, { ONE, .stays_ready = true }, { 0 }, ERR_PEER, "stays ready", 1, 1 },
	{ "an order with the names that were ordered", two, { TWO, .identifiers = "[{\"type\":\"dns\",\"value\":\"*.A.test\"},"
	    "{\"type\":\"dns\",\"value\":\"a.test\"}]" }, { 0 }, ERR_OK, "", 2, 2 },
	{ "an order with another name", one, { ONE, .identifiers = "[{\"type\":\"dns\",\"value\":\"b.test\"}]" }, { 0 },
	    ERR_PEER, "not ordered: b.test", 0, 0 },
	{ "an order with a name too few", two, { TWO, .identifiers = "[{\"type\":\"dns\",\"value\":\"a.test\"}]" }, { 0 },
	    ERR_PEER, "1 identifiers; 2 were ordered", 0, 0 },
	{ "an order with identifiers of another kind", one, { ONE, .identifiers = "[7]" }, { 0 }, ERR_PEER, "not ordered", 0, 0 },
	{ "a zone that refuses the challenge", one, { ONE }, { .publish = ERR_REFUSED }, ERR_REFUSED,
	    "the zone says no", 1, 0 },
	{ "a server that does not show it", one, { ONE }, { .check = ERR_TIMEOUT }, ERR_TIMEOUT, "ns2 is silent", 1,
	    0 },
};

static void
test_orders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct model m = orders[i].model;
		struct outcome out = run(&m, &orders[i].zones, orders[i].san, 600000);

		check(out.err == orders[i].err, "%s: %s, not %s (%s)", orders[i].why, err_str(orders[i].err),
		    err_str(out.err),
		    out.words);
		check(out.err == ERR_OK || strstr(out.words, orders[i].words) != NULL, "%s: \"%s\" says \"%s\"",
		    orders[i].why,
		    out.words, orders[i].words);
		check(out.ntxts == orders[i].ntxts, "%s: %zu records, not %zu", orders[i].why, orders[i].ntxts,
		    out.ntxts);
		check(m.responses == orders[i].responses, "%s: %u responses, not %u", orders[i].why,
		    orders[i].responses,
		    m.responses);
	}
}

static const struct { const char *why; enum trouble fault; bool passes; } faults[] = {
	{ "no answer",			NO_ANSWER, true },
	{ "a time-out",			TIMED_OUT, true },
	{ "HTTP 500",			HTTP_500, true },
	{ "HTTP 503 with Retry-After",	HTTP_503_LATER, true },
	{ "a rate limit of seconds",	HTTP_429_NOW, true },
	{ "a rate limit of hours",	HTTP_429_LATER, false },
	{ "a refusal",			HTTP_403, false },
	{ "a redirect",			HTTP_302, false },
	{ "HTML",			NOT_JSON, false },
	{ "an empty object",		EMPTY_OBJECT, false },
	{ "an unknown status",		UNKNOWN_STATUS, false },
};

/* Each fault at each request of an order, once: what may pass does not end the order, except at its first request,
 * whose order has no URL yet. */
static void
test_fault_at_every_step(void **state)
{
	struct model plain = { TWO, .slow_checks = 1, .slow_issue = 1 };

	(void)state;
	assert_int_equal(run(&plain, &good_zones, two, 600000).err, ERR_OK);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		for (unsigned at = 1; at <= plain.requests; at++) {
			struct model m = { TWO, .slow_checks = 1, .slow_issue = 1, .fault = faults[i].fault,
			    .fault_at = at,
				.fault_times = 1 };
			struct outcome out = run(&m, &good_zones, two, 600000);

			/* The CA's word on a challenge is not needed: the authorization tells. */
			bool unread = m.responses == 2 && (at == 4 || at == 5) && faults[i].fault >= NOT_JSON;
			bool good = unread || (faults[i].passes && at > 1);
			check((out.err == ERR_OK) == good, "%s at request %u: %s (%s)", faults[i].why, at, good ?
			    "passes" : "ends it",
			    out.words);
			check(faults[i].fault != HTTP_429_LATER || out.retry_after_s == 7200,
			    "%s at request %u tells when",
			    faults[i].why, at);
		}
}

/* The same fault from some request on for ever: the order ends, and the challenge is removed (run() checks both). */
static void
test_fault_for_ever(void **state)
{
	struct model plain = { TWO };

	(void)state;
	assert_int_equal(run(&plain, &good_zones, two, 600000).err, ERR_OK);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		for (unsigned at = 1; at <= plain.requests; at++) {
			struct model m = { TWO, .fault = faults[i].fault, .fault_at = at, .fault_times = 1000 };
			struct outcome out = run(&m, &good_zones, two, 600000);

			check(out.err != ERR_OK, "%s from request %u on is a failure", faults[i].why, at);
		}
}

static void
test_time(void **state)
{
	struct model slow = { ONE, .slow_checks = 100000 };
	struct model patient = { ONE, .slow_checks = 2, .retry_after_s = 7 };
	struct outcome out = run(&slow, &good_zones, one, 60000);

	(void)state;
	check(out.err == ERR_TIMEOUT, "a CA that never checks: the order ends at its limit, not with %s",
	    err_str(out.err));
	check(strstr(out.words, "waiting for the CA to check a.test") != NULL,
	    "the words tell what it waited for: %s", out.words);
	check(slow.slept_ms <= 60000 && slow.requests < 30, "polls come less and less often: %u", slow.requests);
	out = run(&patient, &good_zones, one, 60000);
	check(out.err == ERR_OK && patient.slept_ms == 14000, "Retry-After is obeyed: %llu ms",
	    (unsigned long long)patient.slept_ms);
}

/* ---- taken up again ---- */

static const struct { const char *why; struct model model; const char *location; unsigned placed; } lives[] = {
	{ "the CA wants us to wait", { ONE, .fault = HTTP_429_NOW, .fault_at = 1, .fault_times = 1 }, "https://ca/order-before", 0 },
	{ "nothing was done yet", { ONE }, "https://ca/order-before", 0 },
	{ "all was proved", { ONE, .reused = { true } }, "https://ca/order-before", 0 },
	{ "the CSR was sent", { ONE, .reused = { true }, .finalized = true, .slow_issue = 2 }, "https://ca/order-before", 0 },
	{ "it was issued", { ONE, .reused = { true }, .finalized = true }, "https://ca/order-before", 0 },
	{ "the CA has forgotten it", { ONE, .gone = true }, "https://ca/order", 1 },
	{ "it has ended", { ONE, .over = true }, "https://ca/order", 1 },
	{ "the CA is away for a moment", { ONE, .fault = NO_ANSWER, .fault_at = 1, .fault_times = 2 }, "https://ca/order-before", 0 },
	{ "the CA is overloaded", { ONE, .fault = HTTP_503_LATER, .fault_at = 1, .fault_times = 1 }, "https://ca/order-before", 0 },
};

static void
test_orders_go_on(void **state)
{
	(void)state;
	wishes = (struct acme_order_setup){ .resume = "https://ca/order-before", .leftovers = true };
	for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
		struct model m = lives[i].model;
		struct outcome out = run(&m, &good_zones, one, 600000);

		check(out.err == ERR_OK, "%s: %s", lives[i].why, out.words);
		check(m.placed == lives[i].placed, "%s: %u orders", lives[i].why, m.placed);
		check(strcmp(out.location, lives[i].location) == 0, "%s: it is %s", lives[i].why, out.location);
	}
	wishes = (struct acme_order_setup){ 0 };
}

static const struct { const char *why; struct model model; struct zones zones; const char *blame, *again, *problem; bool resumable; }
failures[] = {
	{ "the CA cannot be reached", { ONE, .fault = NO_ANSWER, .fault_at = 1, .fault_times = 99 }, { 0 }, "CA", "soon", "", false },
	{ "nor in the middle of it", { ONE, .fault = NO_ANSWER, .fault_at = 3, .fault_times = 99 }, { 0 }, "CA", "soon", "", true },
	{ "a limit of hours", { ONE, .fault = HTTP_429_LATER, .fault_at = 2, .fault_times = 99 }, { 0 }, "limit", "later",
	    "rateLimited", true },
	{ "a limit before the order is there", { ONE, .fault = HTTP_429_LATER, .fault_at = 1, .fault_times = 99 }, { 0 }, "limit",
	    "later", "rateLimited", false },
	{ "a proof that fails", { ONE, .bad_authorization = "invalid" }, { 0 }, "host", "soon", "unauthorized", false },
	{ "an order that fails", { ONE, .order_invalid = true }, { 0 }, "host", "later", "caa", false },
	{ "a zone that says no", { ONE }, { .publish = ERR_REFUSED }, "local", "soon", "", true },
	{ "a server that lags", { ONE }, { .check = ERR_TIMEOUT }, "host", "soon", "", true },
	{ "not JSON", { ONE, .fault = NOT_JSON, .fault_at = 2, .fault_times = 1 }, { 0 }, "CA", "later", "", false },
	{ "another key's certificate", { ONE, .wrong_key = true }, { 0 }, "CA", "later", "", false },
	{ "hours until it issues", { ONE, .slow_issue = 100000, .retry_after_s = 3600 }, { 0 }, "host", "soon", "", true },
	{ "no end", { ONE, .slow_checks = 100000 }, { 0 }, "CA", "soon", "", true },
};

static void
test_failures_have_a_cause(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		struct model m = failures[i].model;
		struct outcome out = run(&m, &failures[i].zones, one, 60000);

		check(out.err != ERR_OK, "%s is a failure", failures[i].why);
		check(strcmp(acme_blame_str(out.cause.blame), failures[i].blame) == 0, "%s: blames %s (%s)", failures[i].why,
		    acme_blame_str(out.cause.blame), out.words);
		check(strcmp(acme_again_str(out.cause.again), failures[i].again) == 0, "%s: again %s (%s)", failures[i].why,
		    acme_again_str(out.cause.again), out.words);
		check(strcmp(out.problem, failures[i].problem) == 0, "%s: problem \"%s\"", failures[i].why, out.problem);
		check(out.resumable == failures[i].resumable, "%s: goes on later: %d", failures[i].why, out.resumable);
	}
}

/* ---- profiles, replaces, chains ---- */

static void
test_profiles(void **state)
{
	struct model m = { ONE };
	struct outcome out;
	json_t *profiles = json_pack("{s:s, s:s}", "classic", "as ever", "shortlived", "six days");

	(void)state;
	wishes = (struct acme_order_setup){ .profile = "shortlived", .profiles = profiles };
	out = run(&m, &good_zones, one, 60000);
	check(out.err == ERR_OK && strstr(m.payload, "\"profile\":\"shortlived\"") != NULL, "a profile is asked for: %s", m.payload);
	m = (struct model){ ONE };
	wishes.profile = "longlived";
	out = run(&m, &good_zones, one, 60000);
	check(out.err == ERR_UNSUPPORTED && m.requests == 0, "an unknown one is not");
	check(strstr(out.words, "no profile \"longlived\": it has \"classic\", \"shortlived\"") != NULL, "it says which there are: %s",
	    out.words);
	check(out.cause.again == AGAIN_NEVER && strcmp(out.problem, "invalidProfile") == 0, "and that it is for ever");
	wishes.profiles = NULL;
	out = run(&m, &good_zones, one, 60000);
	check(strstr(out.words, "offers no profiles") != NULL, "or that there are none: %s", out.words);
	wishes = (struct acme_order_setup){ 0 };
	json_decref(profiles);
}

static void
test_replaces(void **state)
{
	struct model m = { ONE };
	struct outcome out;

	(void)state;
	wishes = (struct acme_order_setup){ .replaces = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE" };
	out = run(&m, &good_zones, one, 60000);
	check(out.err == ERR_OK && m.placed == 1 && strstr(m.payload, "\"replaces\":\"aYhba4") != NULL, "it is said: %s", m.payload);
	m = (struct model){ ONE, .knows_no_replaces = true };
	out = run(&m, &good_zones, one, 60000);
	check(out.err == ERR_OK && m.placed == 2 && strstr(m.payload, "replaces") == NULL, "and left out when the CA refuses it: %s",
	    out.words);
	wishes = (struct acme_order_setup){ 0 };
}

static const struct { const char *why, *preferred; struct model model; bool under_b; unsigned requests; } preferences[] = {
	{ "no wish", NULL, { ONE, .alternates = { "Root B" } }, false, 0 },
	{ "the default is the wish", "Root A", { ONE, .alternates = { "Root B" } }, false, 0 },
	{ "the second of two", "Root B", { ONE, .alternates = { "Root C", "Root B", "Root D" } }, true, 2 },
	{ "the last of three", "Root B", { ONE, .alternates = { "Root C", "Root D", "Root B" } }, true, 3 },
	{ "none fits", "Root E", { ONE, .alternates = { "Root B", "Root C" } }, false, 2 },
	{ "there are no others", "Root B", { ONE }, false, 0 },
	{ "the others are gone", "Root B", { ONE, .alternates = { "Root B", "Root C" }, .bad_alternates = true }, false, 2 },
};

static void
test_preferred_chain(void **state)
{
	struct model plain = { ONE };

	(void)state;
	run(&plain, &good_zones, one, 60000);
	for (size_t i = 0; i < sizeof preferences / sizeof preferences[0]; i++) {
		struct model m = preferences[i].model;
		struct outcome out;

		wishes = (struct acme_order_setup){ .preferred_chain = preferences[i].preferred };
		out = run(&m, &good_zones, one, 60000);
		check(out.err == ERR_OK && out.nchain == 2, "%s: %s", preferences[i].why, out.words);
		check(out.under_b == preferences[i].under_b, "%s: below Root B: %d", preferences[i].why, out.under_b);
		check(m.requests == plain.requests + preferences[i].requests, "%s: %u requests more", preferences[i].why,
		    m.requests - plain.requests);
	}
	wishes = (struct acme_order_setup){ 0 };
}

static const struct { const char *name, *owner; } owners[] = {
	{ "a.test", "_acme-challenge.a.test" },
	{ "*.a.test", "_acme-challenge.a.test" },
	{ "test", "_acme-challenge.test" },
};

static void
test_owner(void **state)
{
	char text[DNAME_TEXT_MAX], label[64], longest[260];
	struct dname d;

	(void)state;
	for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
		assert_int_equal(acme_challenge_record(ACME_DNS_01, owners[i].name, NULL, &d), ERR_OK);
		assert_string_equal(dname_print_host(d.octets, text), owners[i].owner);
	}
	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(longest, sizeof longest, "%s.%s.%s.%.55s", label, label, label, label);
	check(acme_challenge_record(ACME_DNS_01, longest, NULL, &d) == ERR_RANGE, "a name may be too long for a challenge");
}

static void
test_abort(void **state)
{
	struct buf der = { 0 };
	struct acme_csr *csr = NULL;
	struct acme_order *o = NULL;

	(void)state;
	pki_csr(key, NULL, one, &der);
	assert_int_equal(acme_csr_parse(der.p, der.len, &csr, NULL), ERR_OK);
	struct acme_order_setup setup = { .csr = csr, .new_order = "https://ca/new-order", .means.thumbprint = "thumbprint",
		.limit_ms = 1000 };
	assert_int_equal(acme_order_new(&setup, &o), ERR_OK);
	assert_int_equal(acme_order_start(o), ACME_POST);
	assert_int_equal(acme_order_abort(o, ERR_CANCELLED, "the CSR was removed"), ACME_FINISHED);
	assert_string_equal(acme_order_result(o).words, "the CSR was removed");
	acme_order_free(o);
	acme_csr_free(csr);
	buf_clear(&der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_fault_at_every_step),
		cmocka_unit_test(test_fault_for_ever),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_orders_go_on),
		cmocka_unit_test(test_failures_have_a_cause),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_preferred_chain),
		cmocka_unit_test(test_abort),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
