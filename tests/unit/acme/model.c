#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <stdlib.h>

#include "tests/unit/acme/model.h"
#include "tests/unit/acme/pki.h"

EVP_PKEY *model_key, *model_other_key;
struct acme_order_setup wishes;
const struct zones good_zones;
const char one[] = "DNS:a.test", two[] = "DNS:a.test,DNS:*.a.test";

static const char challenges_usual[] =
    "{\"type\":\"http-01\",\"url\":\"https://ca/h/%1$zu\",\"token\":\"h%1$zu\",\"status\":\"pending\"},"
    "{\"type\":\"dns-01\",\"url\":\"https://ca/chall/%1$zu\",\"token\":\"t%1$zu\",\"status\":\"pending\"},"
    "{\"type\":\"tls-alpn-01\",\"url\":\"https://ca/t/%1$zu\",\"token\":\"a%1$zu\",\"status\":\"pending\"}";

int
model_setup(void **state)
{
	(void)state;
	model_key = EVP_EC_gen("P-256");
	model_other_key = EVP_EC_gen("P-256");
	return model_key == NULL || model_other_key == NULL;
}

int
model_teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(model_key);
	EVP_PKEY_free(model_other_key);
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
	if (m->persistent)
		buf_printf(&m->body,
		    ",{\"type\":\"dns-persist-01\",\"url\":\"https://ca/chall/%zu\",\"status\":\"pending\","
		    "\"issuer-domain-names\":[\"ca\"]}", i);
	buf_add_str(&m->body, "]}");
}

static void
write_certificate(struct model *m, const struct acme_csr *csr, const char *root)
{
	const struct acme_names *names = acme_csr_names(csr);
	struct buf san = { 0 }, der = { 0 };

	for (size_t i = 0; i < names->n; i++)
		buf_printf(&san, "%sDNS:%s", i > 0 ? "," : "", names->v[i]);
	pki_certificate(m->wrong_key ? model_other_key : model_key, NULL, buf_str(&san), model_other_key, "CA", 1000,
	    2000, &der);
	if (m->no_pem)
		buf_add_str(&m->body, "certificate");
	else {
		pki_pem(&der, &m->body);
		if (!m->leaf_twice) {
			buf_clear(&der);
			pki_ca(model_other_key, "CA", model_key, root, 500, 3000, &der);
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
			buf_add_str(&m->body,
			    "{\"type\":\"urn:ietf:params:acme:error:alreadyReplaced\",\"detail\":\"was it\"}");
			return 409;
		}
		buf_add_str(&m->location, m->http_location ? "http://ca/order" : "https://ca/order");
		write_order(m);
		return 201;
	}
	if (strcmp(url, "https://ca/order") == 0)
		write_order(m);
	else if (strcmp(url, "https://ca/order-before") == 0 && m->gone) {
		buf_add_str(&m->body, "{\"type\":\"urn:ietf:params:acme:error:malformed\",\"detail\":\"no such "
		    "order\"}");
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
	    "<cert/1>; rel=alternate, <http://ca/cert/7>;rel=\"alternate\"",
	    "<https://ca/cert/2>;rel=\"alternate up\"" };
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

struct outcome
run(struct model *m, const struct zones *zones, const char *san, unsigned limit_ms)
{
	struct buf der = { 0 };
	struct acme_csr *csr = NULL;
	struct acme_order *o = NULL;
	struct outcome out = { 0 };
	int64_t now_ms = 5000;
	enum acme_want want;

	pki_csr(model_key, NULL, san, &der);
	assert_int_equal(acme_csr_parse(der.p, der.len, &csr, NULL), ERR_OK);
	struct acme_order_setup setup = wishes;
	setup.csr = csr;
	setup.new_order = "https://ca/new-order";
	setup.means = (struct acme_challenge_means){ .directory = "https://ca/directory",
	    .account = "https://ca/account/1",
		.thumbprint = "thumbprint", .preferred = wishes.means.preferred,
		    .npreferred = wishes.means.npreferred };
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
	const struct acme_standing *standing = acme_order_standing(o, &out.nstanding);
	for (size_t i = 0; i < out.nstanding; i++)
		out.standing_wildcard |= standing[i].wildcard;
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

