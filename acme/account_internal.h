/* acme/account_internal.h -- shared by acme/account.c and acme/account_round.c, and by nobody else. */
#ifndef ACME_ACCOUNT_INTERNAL_H
#define ACME_ACCOUNT_INTERNAL_H

#include <jansson.h>

#include "acme/account.h"

typedef enum acme_account_want on_reply_fn(struct acme_account *a, const struct acme_reply *r);

struct acme_account {
	struct acme_account_setup setup;
	struct acme_key *key, *next;
	json_t *contact;		/* of the configuration: an array, empty without any */

	/* what is remembered */
	char *url, *terms;
	enum acme_account_status status;
	json_t *registered;		/* contacts that the CA has; NULL: not known */
	bool changed;
	bool doubtful;			/* acme_account_doubt() */

	/* this round */
	enum acme_account_job job;
	const struct acme_directory *directory;
	on_reply_fn *on_reply;
	const char *request_url;
	char *payload;
	const struct acme_key *request_key;
	bool with_jwk;
	bool probed, made, rolled, forgotten;
	enum err err;
	struct buf words;
	int64_t retry_after_s;
	char *problem;			/* the type of the CA's problem document */
	long http_status;

	json_t *refused;		/* contacts that the CA would not take; not tried again */
	char *complaint;
};

/* A copy of text, which may be NULL, in place of what is there.  Where memory is out it is NULL. */
void acme_account_set(char **where, const char *text);

#endif
