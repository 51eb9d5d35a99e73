/* acme/client_internal.h -- what the files of the client share:
 *
 *   client.c          making and ending; what others read
 *   client_post.c     nonces, signed and other requests
 *   client_prepare.c  the directory; who waits for what
 *   client_account.c  the account, its key's files, its memory
 */
#ifndef ACME_CLIENT_INTERNAL_H
#define ACME_CLIENT_INTERNAL_H

#include <jansson.h>
#include <sys/queue.h>

#include "acme/account.h"
#include "acme/client.h"
#include "acme/http.h"

#define NONCES_MAX 64			/* more than run at once are of no use, and they age */

TAILQ_HEAD(call_list, acme_call);

struct acme_call {
	TAILQ_ENTRY(acme_call) entry;
	struct call_list *list;			/* it is in one of the client's */
	struct acme_client *client;
	acme_client_done *done;
	void *arg;
	uint64_t round;				/* of the preparation that it waits for */
	enum acme_account_job job;		/* one of the list jobs */
	int64_t until_ms;			/* likewise: how long it waits for the orders under way */
	char *url, *payload;			/* of a POST */
	const struct acme_key *key;		/* NULL: the account's, when it goes out */
	bool with_jwk;				/* newAccount: no account URL yet */
	const char *kid;			/* else the account that it went out with; kept by the client */
	bool again;				/* it goes out once more, after the account had to be made anew */
	unsigned nonce_tries;
	struct acme_http_call *http;
};

struct acme_client {
	const struct acme_authority_config *authority;
	struct event_base *base;
	struct acme_http *http;
	struct acme_port *port;			/* to remember; NULL: nothing is remembered */
	char *nonces[NONCES_MAX];		/* the last is the freshest */
	size_t nnonces;

	struct acme_directory directory;	/* json NULL: none */
	int64_t directory_at_ms;
	json_t *retired;			/* directories of before, which orders under way may still look into */
	struct acme_http_call *fetching;

	struct acme_account *account;
	char *key_path, *next_path;		/* next_path NULL: the key is not ours to change */
	char *memory_key;			/* "account/<digest>" */
	unsigned orders;			/* under way: acme_client_hold() */

	/* What others borrow as long as they like, whatever becomes of directory and account.  Strings live in kept. */
	json_t *kept;
	const char *new_order, *renewal_info, *revoke_cert, *hash_prefix, *url, *thumbprint;

	char *trouble;				/* why the last preparation failed; NULL: it did not */
	bool preparing;
	uint64_t round;
	struct event *wake;
	struct acme_call *asking;		/* a POST about the account */
	struct acme_call *job;			/* that this round is for; NULL: only to prepare */
	struct call_list waiting, jobs;		/* for directory and account; to be done to the account */
	struct call_list posting, to_place;	/* for the CA's answer; new orders, which go out one after the other: */
	struct acme_call *placing;
};

/* client_post.c */
struct acme_call *client_call_new(struct acme_client *c, struct call_list *list, acme_client_done *done, void *arg);
void client_call_finish(struct acme_call *call, const struct acme_reply *r);
void client_calls_clear(struct call_list *list);
void client_nonces_clear(struct acme_client *c);
void client_place_next(struct acme_client *c);

/* A POST about the account itself.  NULL: no memory, or no nonce can be asked for. */
struct acme_call *client_post_as(struct acme_client *c, const struct acme_account_request *q, acme_client_done *done,
    void *arg);

/* client_prepare.c */
void client_prepare_init(struct acme_client *c);
void client_prepare_end(struct acme_client *c, const struct acme_reply *r);
void client_prepare_fail(struct acme_client *c, enum err err, const char *words, int64_t retry_after_s);
void client_wake(struct acme_client *c);

/* client_account.c */
enum err client_account_open(struct acme_client *c, const struct acme_config *config, struct fault *f);
void client_account_close(struct acme_client *c);
void client_account_round(struct acme_client *c);	/* ends in client_prepare_end() */
void client_account_gone(struct acme_client *c);

/* client.c: a copy of text that lives as long as the client; NULL for NULL, or without memory. */
const char *client_keep(struct acme_client *c, const char *text);
void client_refresh(struct acme_client *c);		/* new_order and so on */

#endif
