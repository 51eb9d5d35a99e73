/* The account as such: its keys, and what is known of it, also over restarts.  acme/account_round.c is how it comes to be, changes and
 * ends. */
#include "acme/account_internal.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_VERSION 1

void
acme_account_set(char **where, const char *text)
{
	free(*where);
	*where = text != NULL ? strdup(text) : NULL;
}

enum err
acme_account_new(const struct acme_account_setup *setup, struct acme_key *key, struct acme_account **out)
{
	struct acme_account *a = calloc(1, sizeof *a);

	if (a == NULL || (a->contact = json_array()) == NULL) {
		free(a);
		acme_key_free(key);
		return ERR_NOMEM;
	}
	a->setup = *setup;
	a->key = key;
	for (size_t i = 0; setup->contact != NULL && setup->contact[i] != NULL; i++)
		if (json_array_append_new(a->contact, json_string(setup->contact[i])) != 0) {
			acme_account_free(a);
			return ERR_NOMEM;
		}
	*out = a;
	return ERR_OK;
}

void
acme_account_free(struct acme_account *a)
{
	if (a == NULL)
		return;
	acme_key_free(a->key);
	acme_key_free(a->next);
	json_decref(a->contact);
	json_decref(a->registered);
	json_decref(a->refused);
	free(a->url);
	free(a->terms);
	free(a->payload);
	free(a->complaint);
	free(a->problem);
	buf_clear(&a->words);
	free(a);
}

/* ---- over restarts ---- */

bool
acme_account_changed(struct acme_account *a)
{
	bool changed = a->changed;

	a->changed = false;
	return changed;
}

enum err
acme_account_record(const struct acme_account *a, struct buf *out)
{
	json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:s?, s:O?}", "v", RECORD_VERSION,
	    "url", a->url != NULL ? a->url : "", "key", acme_key_thumbprint(a->key),
	    "status", acme_account_status_str(a), "terms", a->terms, "contact", a->registered);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	if (text != NULL)
		buf_add_str(out, text);
	free(text);
	json_decref(json);
	return text != NULL && !out->failed ? ERR_OK : ERR_NOMEM;
}

bool
acme_account_recall(struct acme_account *a, const char *text, size_t n)
{
	static const char *const words[] = {
		[ACCOUNT_VALID] = "valid", [ACCOUNT_DEACTIVATED] = "deactivated", [ACCOUNT_REVOKED] = "revoked"
	};
	json_t *json = json_loadb(text, n, 0, NULL), *contact = json_object_get(json, "contact");
	const char *url = json_string_value(json_object_get(json, "url"));
	const char *key = json_string_value(json_object_get(json, "key"));
	const char *status = json_string_value(json_object_get(json, "status"));
	size_t s = 0;
	bool good;

	while (s < 3 && (status == NULL || strcmp(status, words[s]) != 0))
		s++;
	good = json_integer_value(json_object_get(json, "v")) == RECORD_VERSION && s < 3 && key != NULL &&
	    strcmp(key, acme_key_thumbprint(a->key)) == 0 && acme_is_https(url);
	if (good) {
		acme_account_set(&a->url, url);
		acme_account_set(&a->terms, json_string_value(json_object_get(json, "terms")));
		a->status = (enum acme_account_status)s;
		json_decref(a->registered);
		a->registered = json_is_array(contact) ? json_incref(contact) : NULL;
	}
	json_decref(json);
	return good;
}

void
acme_account_forget(struct acme_account *a)
{
	acme_account_set(&a->url, NULL);
	acme_account_set(&a->terms, NULL);
	json_decref(a->registered);
	a->registered = NULL;
	a->status = ACCOUNT_VALID;
	a->changed = true;
}

void
acme_account_doubt(struct acme_account *a)
{
	a->doubtful = true;
}

/* ---- plain parts ---- */

void
acme_account_next(struct acme_account *a, struct acme_key *next)
{
	acme_key_free(a->next);
	a->next = next;
}

const struct acme_key *
acme_account_key(const struct acme_account *a)
{
	return a->key;
}

const struct acme_key *
acme_account_next_key(const struct acme_account *a)
{
	return a->next;
}

const char *
acme_account_location(const struct acme_account *a)
{
	return a->url;
}

const char *
acme_account_terms(const struct acme_account *a)
{
	return a->terms;
}

const char *
acme_account_complaint(const struct acme_account *a)
{
	return a->complaint;
}

bool
acme_account_is_deactivated(const struct acme_account *a)
{
	return a->status != ACCOUNT_VALID;
}

const char *
acme_account_status_str(const struct acme_account *a)
{
	switch (a->status) {
	case ACCOUNT_VALID:		return a->url != NULL ? "valid" : "unknown";
	case ACCOUNT_DEACTIVATED:	return "deactivated";
	case ACCOUNT_REVOKED:		return "revoked";
	}
	return "unknown";
}
