/* The account: acme/account.h joined to the CA, to the files of its key, and to what is remembered over restarts. */
#include "acme/client_internal.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/port.h"
#include "base/encoding.h"
#include "base/log.h"

#define NEXT_SUFFIX ".next"

static void account_step(struct acme_client *c, enum acme_account_want want);

/* ---- memory ---- */

static void
remember(struct acme_client *c)
{
	struct buf record = { 0 };

	if (c->port == NULL || !acme_account_changed(c->account))
		return;
	if (acme_account_location(c->account) == NULL)
		acme_port_remember(c->port, c->memory_key, NULL, 0, NULL, NULL, NULL);
	else if (acme_account_record(c->account, &record) == ERR_OK)
		acme_port_remember(c->port, c->memory_key, record.p, record.len, NULL, NULL, NULL);
	buf_clear(&record);
}

static void
on_recalled(void *arg, const char *key, const uint8_t *octets, size_t n)
{
	struct acme_client *c = arg;

	if (strcmp(key, c->memory_key) != 0)
		return;
	if (acme_account_recall(c->account, (const char *)octets, n))
		client_refresh(c);
	else
		log_info("acme: what is remembered of the account at %s is about another key, and forgotten",
		    c->authority->directory);
}

void
acme_client_recall(struct acme_client *c, struct acme_port *port)
{
	const struct acme_outside *outside = acme_port_outside(port);

	if (outside->recall == NULL || outside->remember == NULL)
		return;
	c->port = port;
	outside->recall(outside->ctx, c->memory_key, on_recalled, c);
}

/* A CA restored from an old backup, a test CA started anew: register again before the next order. */
void
client_account_gone(struct acme_client *c)
{
	if (acme_account_location(c->account) != NULL)
		log_warning("acme: the CA does not know account %s any more", acme_account_location(c->account));
	acme_account_forget(c->account);
	c->directory_at_ms = INT64_MIN / 2;
	remember(c);
}

/* ---- a round ---- */

static void
on_reply(void *arg, const struct acme_reply *r)
{
	struct acme_client *c = arg;
	bool had_url = acme_account_location(c->account) != NULL, is_new = r->status == 201;
	enum acme_account_want want;

	c->asking = NULL;
	want = acme_account_reply(c->account, r);
	if (!had_url && acme_account_location(c->account) != NULL)
		log_info("acme: account %s %s%s%s", acme_account_location(c->account), is_new ? "registered" : "found",
		    is_new && c->directory.terms != NULL ? ", agreeing to " : "",
		    is_new && c->directory.terms != NULL ? c->directory.terms : "");
	account_step(c, want);
}

static void
ask(struct acme_client *c)
{
	struct acme_account_request q = acme_account_request(c->account);

	c->asking = client_post_as(c, &q, on_reply, c);
	if (c->asking == NULL)
		client_prepare_fail(c, ERR_NOMEM, "a request about the account could not be made", -1);
}

static enum acme_account_want
make_key(struct acme_client *c)
{
	struct acme_key *key = NULL;
	struct fault f = { 0 };
	enum err err;

	if (c->next_path == NULL)
		err = fault_set(&f, ERR_REFUSED, "the key is in a file of yours (%s), which is never written to",
		    c->key_path);
	else if ((err = acme_key_make(c->authority->key_type, &key)) != ERR_OK)
		fault_set(&f, err, "%s", err_str(err));
	else
		err = acme_key_write(key, c->next_path, &f);
	if (err != ERR_OK) {
		acme_key_free(key);
		key = NULL;
	}
	return acme_account_made(c->account, key, err, f.text);
}

static void
remove_next(struct acme_client *c)
{
	if (unlink(c->next_path) != 0 && errno != ENOENT)
		log_warning("acme: %s: %s", c->next_path, strerror(errno));
}

static enum acme_account_want
adopt_key(struct acme_client *c)
{
	struct fault f = { 0 };
	enum err err = acme_key_write(acme_account_next_key(c->account), c->key_path, &f);

	if (err == ERR_OK) {
		remove_next(c);
		log_info("acme: account %s has a new key, with the thumbprint %s", acme_account_location(c->account),
		    acme_key_thumbprint(acme_account_next_key(c->account)));
	}
	return acme_account_adopted(c->account, err, f.text);
}

static enum acme_account_want
drop_key(struct acme_client *c)
{
	log_info("acme: a change of the account's key did not take place: the old key stays");
	remove_next(c);
	return acme_account_dropped(c->account);
}

static void
account_step(struct acme_client *c, enum acme_account_want want)
{
	struct acme_reply failure;

	while (want == ACME_ACCOUNT_MAKE_KEY || want == ACME_ACCOUNT_ADOPT || want == ACME_ACCOUNT_DROP)
		want = want == ACME_ACCOUNT_MAKE_KEY ? make_key(c) : want == ACME_ACCOUNT_ADOPT ? adopt_key(c) :
		    drop_key(c);
	if (want == ACME_ACCOUNT_POST) {
		ask(c);
		return;
	}
	remember(c);
	if (want == ACME_ACCOUNT_READY) {
		client_prepare_end(c, &(struct acme_reply){ .status = 200, .retry_after_s = -1, .body = "" });
		return;
	}
	failure = acme_account_failure(c->account);
	client_prepare_end(c, &failure);
}

void
client_account_round(struct acme_client *c)
{
	enum acme_account_job job = c->job != NULL ? c->job->job : ACME_ACCOUNT_KEEP;

	account_step(c, acme_account_start(c->account, job, &c->directory));
}

/* ---- keys in files ---- */

/* acme-account-<16 hex of SHA-256 of the directory URL>.pem in the state directory: one key per CA, unless others come
 * in files of their own: then each has its own memory. */
static enum err
name_files(struct acme_client *c, const char *state_directory)
{
	const char *url = c->authority->directory, *file = c->authority->key_file;
	uint8_t digest[EVP_MAX_MD_SIZE], file_digest[EVP_MAX_MD_SIZE];
	struct buf hex = { 0 }, memory = { 0 };
	int n = -1;

	if (EVP_Digest(url, strlen(url), digest, NULL, EVP_sha256(), NULL) != 1 ||
	    (file != NULL && EVP_Digest(file, strlen(file), file_digest, NULL, EVP_sha256(), NULL) != 1))
		return ERR_CRYPTO;
	hex_encode(digest, 8, &hex);
	buf_printf(&memory, "account/%s%s", buf_str(&hex) != NULL ? buf_str(&hex) : "", file != NULL ? "/" : "");
	if (file != NULL)
		hex_encode(file_digest, 8, &memory);
	if (buf_str(&hex) != NULL && (c->memory_key = buf_take(&memory, NULL)) != NULL) {
		if (c->authority->key_file != NULL)
			n = (c->key_path = strdup(c->authority->key_file)) != NULL ? 0 : -1;
		else if ((n = asprintf(&c->key_path, "%s/acme-account-%s.pem", state_directory, buf_str(&hex))) >= 0)
			n = asprintf(&c->next_path, "%s" NEXT_SUFFIX, c->key_path);
	}
	buf_clear(&hex);
	buf_clear(&memory);
	return n >= 0 ? ERR_OK : ERR_NOMEM;
}

/* A key change was under way when we ended. */
static enum err
open_next(struct acme_client *c, struct fault *f)
{
	struct acme_key *next;
	enum err err = acme_key_read(c->next_path, &next, f);

	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	if (err == ERR_OK) {
		log_info("acme: %s: a change of the account's key was interrupted; the CA is asked which one holds",
		    c->next_path);
		acme_account_next(c->account, next);
	}
	return err;
}

enum err
client_account_open(struct acme_client *c, const struct acme_config *config, struct fault *f)
{
	const struct acme_authority_config *a = c->authority;
	struct acme_account_setup setup = { .contact = a->contact, .terms_agreed = a->terms_agreed,
		.imported = a->key_file != NULL, .eab_kid = a->eab_kid, .eab_secret = a->eab_secret,
		.eab_secret_n = a->eab_secret_n };
	struct acme_key *key = NULL;
	enum err err = name_files(c, config->state_directory);

	if (err != ERR_OK)
		return fault_set(f, err, "%s", err_str(err));
	err = a->key_file != NULL ? acme_key_read(c->key_path, &key, f) :
	    acme_key_load(c->key_path, a->key_type, &key, f);
	if (err != ERR_OK)
		return err;
	if ((err = acme_account_new(&setup, key, &c->account)) != ERR_OK)
		return fault_set(f, err, "%s", err_str(err));
	return c->next_path != NULL ? open_next(c, f) : ERR_OK;
}

void
client_account_close(struct acme_client *c)
{
	acme_account_free(c->account);
	free(c->key_path);
	free(c->next_path);
	free(c->memory_key);
}
