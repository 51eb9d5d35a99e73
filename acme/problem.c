#include "acme/problem.h"

#include <stdlib.h>
#include <string.h>

#include "acme/link.h"
#include "acme/reply.h"

#define URN "urn:ietf:params:acme:error:"
#define WORDS_MAX 2000			/* these go to logs, to status records, to people */
#define SUBPROBLEMS_SHOWN 10

/* NULL where absent or not a string. */
static const char *
string_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

static enum acme_problem_type
type_of(const char *urn)
{
	static const struct { const char *word; enum acme_problem_type type; } types[] = {
		{ "accountDoesNotExist",	PROBLEM_ACCOUNT_DOES_NOT_EXIST },
		{ "alreadyReplaced",		PROBLEM_ALREADY_REPLACED },
		{ "alreadyRevoked",		PROBLEM_ALREADY_REVOKED },
		{ "badCSR",			PROBLEM_BAD_CSR },
		{ "badNonce",			PROBLEM_BAD_NONCE },
		{ "badPublicKey",		PROBLEM_BAD_PUBLIC_KEY },
		{ "badRevocationReason",	PROBLEM_BAD_REVOCATION_REASON },
		{ "badSignatureAlgorithm",	PROBLEM_BAD_SIGNATURE_ALGORITHM },
		{ "caa",			PROBLEM_CAA },
		{ "compound",			PROBLEM_COMPOUND },
		{ "connection",			PROBLEM_CONNECTION },
		{ "dns",			PROBLEM_DNS },
		{ "externalAccountRequired",	PROBLEM_EXTERNAL_ACCOUNT_REQUIRED },
		{ "incorrectResponse",		PROBLEM_INCORRECT_RESPONSE },
		{ "invalidContact",		PROBLEM_INVALID_CONTACT },
		{ "invalidProfile",		PROBLEM_INVALID_PROFILE },
		{ "malformed",			PROBLEM_MALFORMED },
		{ "orderNotReady",		PROBLEM_ORDER_NOT_READY },
		{ "rateLimited",		PROBLEM_RATE_LIMITED },
		{ "rejectedIdentifier",		PROBLEM_REJECTED_IDENTIFIER },
		{ "serverInternal",		PROBLEM_SERVER_INTERNAL },
		{ "tls",			PROBLEM_TLS },
		{ "unauthorized",		PROBLEM_UNAUTHORIZED },
		{ "unsupportedContact",		PROBLEM_UNSUPPORTED_CONTACT },
		{ "unsupportedIdentifier",	PROBLEM_UNSUPPORTED_IDENTIFIER },
		{ "userActionRequired",		PROBLEM_USER_ACTION_REQUIRED },
	};

	if (urn == NULL || strncmp(urn, URN, strlen(URN)) != 0)
		return PROBLEM_OTHER;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(urn + strlen(URN), types[i].word) == 0)
			return types[i].type;
	return PROBLEM_OTHER;
}

struct acme_problem
acme_problem_of(const json_t *json)
{
	const json_t *status = json_object_get(json, "status"), *sub = json_object_get(json, "subproblems");
	const json_t *algorithms = json_object_get(json, "algorithms");
	struct acme_problem p = {
		.urn = string_of(json, "type"), .detail = string_of(json, "detail"),
		.instance = string_of(json, "instance"),
		.algorithms = json_is_array(algorithms) ? algorithms : NULL,
		.subproblems = json_is_array(sub) ? sub : NULL,
		.identifier = string_of(json_object_get(json, "identifier"), "value"),
	};

	p.type = type_of(p.urn);
	if (json_is_integer(status) && json_integer_value(status) > 0 && json_integer_value(status) < 1000)
		p.status = (long)json_integer_value(status);
	return p;
}

/* "unauthorized: No TXT record found" without the urn that all of them share. */
static void
print_line(const struct acme_problem *p, struct buf *words)
{
	const char *type = p->urn != NULL ? p->urn : "about:blank";

	if (strncmp(type, URN, strlen(URN)) == 0)
		type += strlen(URN);
	buf_printf(words, "%s: %s", type, p->detail != NULL ? p->detail : "no detail given");
	if (p->identifier != NULL)
		buf_printf(words, " (for %s)", p->identifier);
	if (p->status != 0)
		buf_printf(words, " (status %ld)", p->status);
	if (p->instance != NULL)
		buf_printf(words, " (see %s)", p->instance);
	for (size_t i = 0; i < json_array_size(p->algorithms); i++) {
		const char *one = json_string_value(json_array_get(p->algorithms, i));

		buf_printf(words, "%s%s", i == 0 ? "; it takes " : ", ", one != NULL ? one : "?");
	}
}

/* The CA may say as much as it likes, but it is not repeated for ever.  Not in the middle of a character. */
static void
add_cut(struct buf *words, const struct buf *more)
{
	size_t n = more->len < WORDS_MAX ? more->len : WORDS_MAX;

	while (n < more->len && n > 0 && (more->p[n] & 0xc0) == 0x80)
		n--;
	buf_add(words, more->p, n);
	if (n < more->len)
		buf_add_str(words, "...");
	words->failed |= more->failed;
}

void
acme_problem_print(const json_t *problem, struct buf *words)
{
	struct acme_problem p = acme_problem_of(problem), sub;
	size_t n = json_array_size(p.subproblems);
	struct buf all = { 0 };

	if (!json_is_object(problem))
		return;
	print_line(&p, &all);
	for (size_t i = 0; i < n && i < SUBPROBLEMS_SHOWN; i++) {
		buf_add_str(&all, "; ");
		sub = acme_problem_of(json_array_get(p.subproblems, i));
		print_line(&sub, &all);
	}
	if (n > SUBPROBLEMS_SHOWN)
		buf_printf(&all, "; and %zu more", n - SUBPROBLEMS_SHOWN);
	add_cut(words, &all);
	buf_clear(&all);
}

json_t *
acme_problem_load(const struct acme_reply *r)
{
	json_t *json = json_loadb(r->body, r->n, 0, NULL);

	if (string_of(json, "type") != NULL || string_of(json, "detail") != NULL)
		return json;
	json_decref(json);
	return NULL;
}

enum acme_problem_type
acme_problem_read(const struct acme_reply *r, struct buf *words)
{
	json_t *json = acme_problem_load(r);
	enum acme_problem_type type = acme_problem_of(json).type;
	struct buf terms = { 0 };

	if (json != NULL)
		acme_problem_print(json, words);
	else
		buf_printf(words, "HTTP status %ld without a problem document", r->status);
	/* RFC 8555, section 7.3.3: the terms have changed. */
	if (type == PROBLEM_USER_ACTION_REQUIRED && acme_link_find(r, "terms-of-service", 0, &terms) &&
	    buf_str(&terms) != NULL)
		buf_printf(words, "; the terms of service to agree to: %s", buf_str(&terms));
	buf_clear(&terms);
	json_decref(json);
	return type;
}
