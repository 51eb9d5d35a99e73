#include "acme/account_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/jws.h"

/* The way of a round; every arrow back leads through decide(), which asks for what is still missing:
 *
 *   a next key is there     on_next: known -> ADOPT, unknown -> DROP
 *   no URL                  on_probe (where making an account may be wrong), on_account
 *   other contacts          on_contact
 *   the job                 MAKE_KEY, on_roll (then on_next if it failed), on_deactivated */

static on_reply_fn on_next, on_probe, on_account, on_contact, on_roll, on_deactivated;
static enum acme_account_want decide(struct acme_account *a);

/* ---- failures ---- */

static enum acme_account_want __attribute__((format(printf, 3, 4)))
fail(struct acme_account *a, enum err err, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (a->err == ERR_OK) {			/* the first is the reason */
		a->err = err;
		buf_add_str(&a->words, text);
	}
	return ACME_ACCOUNT_FAILED;
}

static enum acme_account_want
fail_nomem(struct acme_account *a)
{
	return fail(a, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
}

/* what, and all that the CA said, or why there is no answer. */
static enum acme_account_want
fail_reply(struct acme_account *a, const struct acme_reply *r, const char *what)
{
	json_t *problem;

	if (a->err != ERR_OK)
		return ACME_ACCOUNT_FAILED;
	a->err = r->err != ERR_OK ? r->err : ERR_PEER;
	a->retry_after_s = r->retry_after_s;
	buf_printf(&a->words, "%s: ", what);
	if (r->err != ERR_OK) {
		buf_add_str(&a->words, r->words);
		return ACME_ACCOUNT_FAILED;
	}
	problem = acme_problem_load(r);
	acme_account_set(&a->problem, acme_problem_of(problem).urn);
	json_decref(problem);
	a->http_status = r->status;
	acme_problem_read(r, &a->words);
	return ACME_ACCOUNT_FAILED;
}

static bool
is_good(const struct acme_reply *r)
{
	return r->err == ERR_OK && r->status >= 200 && r->status < 300;
}

static enum acme_problem_type
problem_of(const struct acme_reply *r)
{
	struct buf words = { 0 };
	enum acme_problem_type type = r->err == ERR_OK ? acme_problem_read(r, &words) : PROBLEM_OTHER;

	buf_clear(&words);
	return type;
}

/* ---- requests ---- */

/* Takes payload.  url is the directory's or a->url. */
static enum acme_account_want
post(struct acme_account *a, const char *url, json_t *payload, const struct acme_key *key, bool with_jwk,
    on_reply_fn *next)
{
	free(a->payload);
	a->payload = payload != NULL ? json_dumps(payload, JSON_COMPACT) : NULL;
	json_decref(payload);
	if (a->payload == NULL)
		return fail_nomem(a);
	a->request_url = url;
	a->request_key = key;
	a->with_jwk = with_jwk;
	a->on_reply = next;
	return ACME_ACCOUNT_POST;
}

/* RFC 8555, section 7.3.1 */
static enum acme_account_want
probe(struct acme_account *a, const struct acme_key *key, on_reply_fn *next)
{
	return post(a, a->directory->new_account, json_pack("{s:b}", "onlyReturnExisting", 1), key, true, next);
}

/* RFC 8555, section 7.3.4; NULL: no memory. */
static json_t *
binding(const struct acme_account *a)
{
	const struct acme_account_setup *s = &a->setup;
	struct buf jws = { 0 };
	json_t *json = NULL;

	if (acme_jws_bind(s->eab_secret, s->eab_secret_n, s->eab_kid, a->directory->new_account, acme_key_jwk(a->key),
	    &jws) == ERR_OK)
		json = json_loadb((const char *)jws.p, jws.len, 0, NULL);
	buf_clear(&jws);
	return json;
}

static enum acme_account_want
register_account(struct acme_account *a)
{
	json_t *payload = json_pack("{s:b}", "termsOfServiceAgreed", a->setup.terms_agreed);

	if ((json_array_size(a->contact) > 0 && json_object_set(payload, "contact", a->contact) != 0) ||
	    (a->setup.eab_kid != NULL && json_object_set_new(payload, "externalAccountBinding", binding(a)) != 0)) {
		json_decref(payload);
		return fail_nomem(a);
	}
	return post(a, a->directory->new_account, payload, a->key, true, on_account);
}

static enum acme_account_want
update_contact(struct acme_account *a)			/* RFC 8555, section 7.3.2 */
{
	return post(a, a->url, json_pack("{s:O}", "contact", a->contact), a->key, false, on_contact);
}

static enum acme_account_want
roll(struct acme_account *a)				/* RFC 8555, section 7.3.5 */
{
	json_t *old = json_loads(acme_key_jwk(a->key), 0, NULL);
	json_t *change = json_pack("{s:s, s:o}", "account", a->url, "oldKey", old), *payload = NULL;
	char *text = change != NULL ? json_dumps(change, JSON_COMPACT) : NULL;
	struct buf inner = { 0 };

	if (text != NULL && acme_jws_sign(a->next, a->directory->key_change, NULL, NULL, text, &inner) == ERR_OK)
		payload = json_loadb((const char *)inner.p, inner.len, 0, NULL);
	a->rolled = true;
	json_decref(change);
	free(text);
	buf_clear(&inner);
	return post(a, a->directory->key_change, payload, a->key, false, on_roll);
}

/* ---- what is missing ---- */

/* Where an account is not to be made, or could not be, it is only looked for. */
static bool
must_probe(const struct acme_account *a)
{
	return !a->probed && (a->setup.imported || a->job != ACME_ACCOUNT_KEEP ||
	    (a->directory->external_account_required && a->setup.eab_kid == NULL));
}

static enum acme_account_want
find_or_register(struct acme_account *a)
{
	if (must_probe(a))
		return probe(a, a->key, on_probe);
	if (a->job != ACME_ACCOUNT_KEEP)
		return fail(a, ERR_NOT_FOUND, "the CA has no account for this key");
	if (a->directory->external_account_required && a->setup.eab_kid == NULL)
		return fail(a, ERR_REFUSED, "the CA makes accounts only for its customers: the authority's \"eab:\" "
		    "must have the key identifier and the HMAC key that it gave you");
	return register_account(a);
}

static bool
contact_differs(const struct acme_account *a)
{
	return !json_equal(a->contact, a->registered) && !json_equal(a->contact, a->refused);
}

static enum acme_account_want
decide(struct acme_account *a)
{
	if (a->next != NULL && (!a->made || a->rolled))
		return probe(a, a->next, on_next);
	if (a->err != ERR_OK)
		return ACME_ACCOUNT_FAILED;
	if (acme_account_is_deactivated(a))
		return fail(a, ERR_REFUSED, "the account %s is %s, which cannot be undone; a new one needs another key",
		    a->url != NULL ? a->url : "", acme_account_status_str(a));
	if (a->url != NULL && a->doubtful)
		return probe(a, a->key, on_probe);
	if (a->url == NULL)
		return find_or_register(a);
	if (a->job == ACME_ACCOUNT_DEACTIVATE)		/* RFC 8555, section 7.3.6 */
		return post(a, a->url, json_pack("{s:s}", "status", "deactivated"), a->key, false, on_deactivated);
	if (contact_differs(a))
		return update_contact(a);
	if (a->job == ACME_ACCOUNT_ROLL && a->directory->key_change == NULL)
		return fail(a, ERR_UNSUPPORTED, "the CA's directory has no keyChange");
	if (a->job == ACME_ACCOUNT_ROLL && !a->made)
		return ACME_ACCOUNT_MAKE_KEY;
	if (a->job == ACME_ACCOUNT_ROLL && !a->rolled)
		return roll(a);
	return ACME_ACCOUNT_READY;
}

enum acme_account_want
acme_account_start(struct acme_account *a, enum acme_account_job job, const struct acme_directory *directory)
{
	a->job = job;
	a->directory = directory;
	a->probed = a->made = a->rolled = a->forgotten = false;
	a->err = ERR_OK;
	a->retry_after_s = -1;
	a->http_status = 0;
	acme_account_set(&a->problem, NULL);
	buf_clear(&a->words);
	return decide(a);
}

enum acme_account_want
acme_account_reply(struct acme_account *a, const struct acme_reply *r)
{
	return a->on_reply(a, r);
}

/* ---- answers ---- */

/* Which contacts an account has that was there already: it keeps them (RFC 8555, section 7.3.1).  Where the
 * configuration says nothing of contacts, they are left to whoever set them. */
static json_t *
contacts_found(const struct acme_account *a, const struct acme_account_object *object)
{
	if (json_array_size(a->contact) == 0)
		return json_incref(a->contact);
	return object->contact != NULL ? json_deep_copy(object->contact) : json_array();
}

/* A good answer to newAccount.  ACME_ACCOUNT_READY stands for "go on". */
static enum acme_account_want
take_account(struct acme_account *a, const struct acme_reply *r)
{
	struct acme_account_object object;
	struct fault f = { 0 };
	enum err err = acme_account_read(r->body, r->n, &object, &f);

	if (err != ERR_OK)
		return fail(a, err, "%s", f.text);
	if (!acme_is_https(r->location))
		err = ERR_PEER;
	else {
		acme_account_set(&a->url, r->location);
		json_decref(a->registered);
		a->registered = contacts_found(a, &object);
		a->status = object.status;
		a->changed = true;
	}
	acme_account_object_clear(&object);
	if (err != ERR_OK)
		return fail(a, err, "the CA's newAccount gave no https URL of the account");
	return a->url != NULL ? ACME_ACCOUNT_READY : fail_nomem(a);
}

static enum acme_account_want
on_probe(struct acme_account *a, const struct acme_reply *r)
{
	enum acme_account_want want;

	a->probed = true;
	if (a->doubtful && problem_of(r) == PROBLEM_ACCOUNT_DOES_NOT_EXIST)
		acme_account_forget(a);
	a->doubtful = false;
	if (is_good(r))
		return (want = take_account(a, r)) == ACME_ACCOUNT_READY ? decide(a) : want;
	if (problem_of(r) == PROBLEM_ACCOUNT_DOES_NOT_EXIST)
		return decide(a);
	return fail_reply(a, r, "the CA does not say whether there is an account");
}

/* RFC 8555, section 7.3: 201 for a new account, 200 for the one that this key has already. */
static enum acme_account_want
on_account(struct acme_account *a, const struct acme_reply *r)
{
	enum acme_account_want want;

	if (!is_good(r))
		return fail_reply(a, r, "the CA gives no account");
	if ((want = take_account(a, r)) != ACME_ACCOUNT_READY)
		return want;
	if (r->status == 201) {			/* with our contacts, whether it shows them or not */
		json_decref(a->registered);
		a->registered = json_incref(a->contact);
		acme_account_set(&a->terms, a->directory->terms);
	}
	return decide(a);
}

/* Gone since we last looked (a CA restored from an old backup, a test CA started anew). */
static bool
is_gone(struct acme_account *a, const struct acme_reply *r)
{
	if (a->forgotten || problem_of(r) != PROBLEM_ACCOUNT_DOES_NOT_EXIST)
		return false;
	a->forgotten = true;
	acme_account_forget(a);
	return true;
}

/* Orders need no contact: one that the CA will not have is complained of, and no more. */
static enum acme_account_want
on_contact(struct acme_account *a, const struct acme_reply *r)
{
	enum acme_problem_type type = is_good(r) ? PROBLEM_OTHER : problem_of(r);
	struct buf words = { 0 };

	if (is_gone(a, r))
		return decide(a);
	if (r->err != ERR_OK || type == PROBLEM_UNAUTHORIZED || type == PROBLEM_USER_ACTION_REQUIRED ||
	    r->status >= 500 || r->status == 429)
		return fail_reply(a, r, "the CA does not take the account's contact");
	if (is_good(r)) {
		json_decref(a->registered);
		a->registered = json_incref(a->contact);
		acme_account_set(&a->complaint, NULL);
		a->changed = true;
		return decide(a);
	}
	json_decref(a->refused);
	a->refused = json_incref(a->contact);
	buf_add_str(&words, "the CA does not take the account's contact: ");
	acme_problem_read(r, &words);
	acme_account_set(&a->complaint, buf_str(&words));
	buf_clear(&words);
	return decide(a);
}

static enum acme_account_want
on_deactivated(struct acme_account *a, const struct acme_reply *r)
{
	if (!is_good(r))
		return fail_reply(a, r, "the CA does not deactivate the account");
	a->status = ACCOUNT_DEACTIVATED;
	a->changed = true;
	return ACME_ACCOUNT_READY;
}

/* Which key holds now is not taken from this answer (it may be the second one, or none): the CA is asked.  But what it
 * refused for is what is told, if the old one still holds. */
static enum acme_account_want
on_roll(struct acme_account *a, const struct acme_reply *r)
{
	if (is_good(r))
		return ACME_ACCOUNT_ADOPT;
	fail_reply(a, r, "the CA does not change the key");
	return probe(a, a->next, on_next);
}

static enum acme_account_want
on_next(struct acme_account *a, const struct acme_reply *r)
{
	enum err err = a->err;
	enum acme_account_want want;

	if (is_good(r)) {
		a->err = ERR_OK;
		buf_clear(&a->words);
		return (want = take_account(a, r)) == ACME_ACCOUNT_READY ? ACME_ACCOUNT_ADOPT : want;
	}
	if (problem_of(r) == PROBLEM_ACCOUNT_DOES_NOT_EXIST)
		return ACME_ACCOUNT_DROP;
	if (err != ERR_OK)
		buf_add_str(&a->words, "; whether it has the new key all the same is asked again later");
	return fail_reply(a, r, "the CA does not say which key of the account holds after a key change");
}

enum acme_account_want
acme_account_made(struct acme_account *a, struct acme_key *next, enum err err, const char *words)
{
	if (err != ERR_OK)
		return fail(a, err, "no new key for the account: %s", words);
	a->made = true;
	a->next = next;
	return decide(a);
}

enum acme_account_want
acme_account_adopted(struct acme_account *a, enum err err, const char *words)
{
	if (err != ERR_OK)
		return fail(a, err, "the account's new key cannot take the place of the old one: %s", words);
	acme_key_free(a->key);
	a->key = a->next;
	a->next = NULL;
	a->changed = true;
	a->rolled = a->made;
	return decide(a);
}

enum acme_account_want
acme_account_dropped(struct acme_account *a)
{
	acme_key_free(a->next);
	a->next = NULL;
	if (a->made && a->err == ERR_OK)
		return fail(a, ERR_PEER, "the CA has not changed the key");
	return decide(a);
}

struct acme_account_request
acme_account_request(const struct acme_account *a)
{
	return (struct acme_account_request){ a->request_url, a->payload, a->request_key, a->with_jwk };
}

struct acme_reply
acme_account_failure(struct acme_account *a)
{
	const char *words = buf_str(&a->words);

	return (struct acme_reply){ .err = a->err, .words = words != NULL && *words != '\0' ? words : err_str(a->err),
		.problem = a->problem, .status = a->http_status, .retry_after_s = a->retry_after_s, .body = "" };
}
