/* acme/account.h -- one account at one CA (RFC 8555, section 7.3): registered, found again, bound to an account
 * elsewhere, with the contacts of the configuration, its key changed, deactivated.
 *
 * A state machine without I/O, like acme/order.h: it says what is to be asked of the CA and is given what came.  A
 * round begins with acme_account_start() and ends with ACME_ACCOUNT_READY or ACME_ACCOUNT_FAILED; one that has nothing
 * to ask ends at once.  acme/client_account.c joins it to the network and to files.
 *
 * A key change is safe against crashes because the new key is in a file of its own before the CA hears of it.  Whenever
 * such a next key is there, the CA is asked whether it knows it before anything else is done. */
#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include "acme/key.h"
#include "acme/reply.h"

enum acme_account_want {
	ACME_ACCOUNT_POST,	/* acme_account_request(); then acme_account_reply() */
	ACME_ACCOUNT_MAKE_KEY,	/* to change over to; durable in a file of its own; then acme_account_made() */
	ACME_ACCOUNT_ADOPT,	/* the CA knows the next key: it takes the other's place; then acme_account_adopted() */
	ACME_ACCOUNT_DROP,	/* the CA does not: its file can go; then acme_account_dropped() */
	ACME_ACCOUNT_READY,
	ACME_ACCOUNT_FAILED	/* acme_account_failure() */
};

/* What a round is for, beside the account's being there. */
enum acme_account_job {
	ACME_ACCOUNT_KEEP,		/* as it is configured: registered if need be */
	ACME_ACCOUNT_ROLL,		/* another key */
	ACME_ACCOUNT_DEACTIVATE
};

struct acme_account;			/* private to acme/account*.c */

struct acme_account_setup {		/* borrowed for the life of the account */
	const char *const *contact;	/* NULL-terminated, or NULL */
	bool terms_agreed;
	bool imported;			/* the key came from elsewhere: look for its account before making one */
	const char *eab_kid;		/* NULL: no external account binding */
	const uint8_t *eab_secret;
	size_t eab_secret_n;
};

/* Takes key, also on failure.  ERR_NOMEM. */
enum err acme_account_new(const struct acme_account_setup *setup, struct acme_key *key, struct acme_account **out);
void acme_account_free(struct acme_account *a);

const struct acme_key *acme_account_key(const struct acme_account *a);
const struct acme_key *acme_account_next_key(const struct acme_account *a);	/* NULL: no key change is open */
const char *acme_account_location(const struct acme_account *a);			/* NULL: not known */
const char *acme_account_status_str(const struct acme_account *a);		/* "valid", "unknown", ... */
const char *acme_account_terms(const struct acme_account *a);			/* URL agreed to; NULL: not known */
bool acme_account_is_deactivated(const struct acme_account *a);

/* The last thing that the CA said no to without harm to orders (a contact); NULL: nothing. */
const char *acme_account_complaint(const struct acme_account *a);

/* There may be a key change under way, begun before a restart, to this key, which is taken. */
void acme_account_next(struct acme_account *a, struct acme_key *next);

/* directory is borrowed until the round is over. */
enum acme_account_want acme_account_start(struct acme_account *a, enum acme_account_job job,
    const struct acme_directory *directory);
enum acme_account_want acme_account_reply(struct acme_account *a, const struct acme_reply *r);
/* next is taken with ERR_OK. */
enum acme_account_want acme_account_made(struct acme_account *a, struct acme_key *next, enum err err,
    const char *words);
enum acme_account_want acme_account_adopted(struct acme_account *a, enum err err, const char *words);
enum acme_account_want acme_account_dropped(struct acme_account *a);

struct acme_account_request {		/* borrowed until the next call */
	const char *url, *payload;
	const struct acme_key *key;
	bool with_jwk;			/* else with the account's URL as kid */
};
struct acme_account_request acme_account_request(const struct acme_account *a);

/* Why the round failed, as an answer that has an error; borrowed until the next one. */
struct acme_reply acme_account_failure(struct acme_account *a);

/* The CA does not know the account any more. */
void acme_account_forget(struct acme_account *a);

/* It may be that the key is not the account's (a state restored from before a key change): the next round asks. */
void acme_account_doubt(struct acme_account *a);

/* What is to be known after a restart, as JSON.  Nothing is asked of the CA as long as it fits key and configuration.
 * acme_account_changed() is true once after each change.  False of _recall: it cannot be read, or is about another
 * key. */
bool acme_account_changed(struct acme_account *a);
enum err acme_account_record(const struct acme_account *a, struct buf *out);
bool acme_account_recall(struct acme_account *a, const char *json, size_t n);

#endif
