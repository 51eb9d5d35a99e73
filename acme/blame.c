#include "acme/blame.h"

#include <stddef.h>
#include <string.h>

#define URN "urn:ietf:params:acme:error:"

static const struct problem {
	const char *type;
	struct acme_cause cause;
} problems[] = {
	{ "accountDoesNotExist",	{ BLAME_LOCAL, AGAIN_LATER } },
	{ "alreadyReplaced",		{ BLAME_HOST, AGAIN_SOON } },	/* RFC 9773, section 5: order without it */
	{ "alreadyRevoked",		{ BLAME_HOST, AGAIN_NEVER } },
	{ "badCSR",			{ BLAME_HOST, AGAIN_NEVER } },
	{ "badNonce",			{ BLAME_CA, AGAIN_SOON } },
	{ "badPublicKey",		{ BLAME_LOCAL, AGAIN_NEVER } },
	{ "badRevocationReason",	{ BLAME_HOST, AGAIN_NEVER } },
	{ "badSignatureAlgorithm",	{ BLAME_LOCAL, AGAIN_NEVER } },
	{ "caa",			{ BLAME_HOST, AGAIN_LATER } },
	{ "compound",			{ BLAME_HOST, AGAIN_LATER } },
	{ "connection",			{ BLAME_HOST, AGAIN_SOON } },
	{ "dns",			{ BLAME_HOST, AGAIN_SOON } },
	{ "externalAccountRequired",	{ BLAME_LOCAL, AGAIN_NEVER } },
	{ "incorrectResponse",		{ BLAME_HOST, AGAIN_SOON } },
	{ "invalidContact",		{ BLAME_LOCAL, AGAIN_NEVER } },
	{ "invalidProfile",		{ BLAME_LOCAL, AGAIN_NEVER } },
	{ "malformed",			{ BLAME_CA, AGAIN_LATER } },	/* others sent the same, and it was taken */
	{ "orderNotReady",		{ BLAME_CA, AGAIN_SOON } },
	{ "rateLimited",		{ BLAME_LIMIT, AGAIN_LATER } },
	{ "rejectedIdentifier",		{ BLAME_HOST, AGAIN_NEVER } },
	{ "serverInternal",		{ BLAME_CA, AGAIN_SOON } },
	{ "tls",			{ BLAME_HOST, AGAIN_SOON } },
	{ "unsupportedContact",		{ BLAME_LOCAL, AGAIN_NEVER } },
	{ "unsupportedIdentifier",	{ BLAME_HOST, AGAIN_NEVER } },
	{ "userActionRequired",		{ BLAME_LOCAL, AGAIN_LATER } },
};

const char *
acme_problem_short(const char *type)
{
	return strncmp(type, URN, strlen(URN)) == 0 ? type + strlen(URN) : type;
}

static struct acme_cause
cause_of_status(long status)
{
	if (status == 429)
		return (struct acme_cause){ BLAME_LIMIT, AGAIN_LATER };
	if (status == 401 || status == 403 || status == 407)
		return (struct acme_cause){ BLAME_LOCAL, AGAIN_LATER };
	if (status >= 500 || status == 408)
		return (struct acme_cause){ BLAME_CA, AGAIN_SOON };
	return (struct acme_cause){ BLAME_CA, AGAIN_LATER };
}

struct acme_cause
acme_cause_of_problem(const char *type, long status, bool proof)
{
	const char *word = type == NULL ? "" : acme_problem_short(type);

	for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
		if (strcmp(word, problems[i].type) == 0)
			return problems[i].cause;
	if (proof)
		return (struct acme_cause){ BLAME_HOST, AGAIN_SOON };
	if (strcmp(word, "unauthorized") == 0)
		return (struct acme_cause){ BLAME_LOCAL, AGAIN_LATER };
	return cause_of_status(status);
}

struct acme_cause
acme_cause_of_err(enum err err)
{
	switch (err) {
	case ERR_OK:
	case ERR_CANCELLED:
		return (struct acme_cause){ BLAME_NONE, AGAIN_SOON };
	case ERR_NETWORK:
	case ERR_TIMEOUT:
		return (struct acme_cause){ BLAME_CA, AGAIN_SOON };
	case ERR_PEER:
		return (struct acme_cause){ BLAME_CA, AGAIN_LATER };
	case ERR_NOMEM:
	case ERR_BUSY:
	case ERR_CONFLICT:
		return (struct acme_cause){ BLAME_LOCAL, AGAIN_SOON };
	case ERR_IO:
	case ERR_NOSPACE:
	case ERR_ACCESS:
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_FORMAT:
	case ERR_RANGE:
	case ERR_REFUSED:
	case ERR_UNSUPPORTED:
	case ERR_CRYPTO:
	case ERR_DATABASE:
		break;
	}
	return (struct acme_cause){ BLAME_LOCAL, AGAIN_LATER };
}
