#include "acme/reply.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX 2000
#define DIRECTORY_MAX 65536		/* it is kept, and so are those before it while orders rest on them */

int64_t
acme_retry_after(const char *field, int64_t now_s)
{
	int64_t s;
	char *end;

	if (field == NULL || *field == '\0')
		return -1;
	if (*field >= '0' && *field <= '9') {
		s = strtoll(field, &end, 10);
		if (*end != '\0')
			return -1;
	} else {
		time_t at = curl_getdate(field, NULL);

		if (at == (time_t)-1)
			return -1;
		s = (int64_t)at - now_s;
		s += s >= 0;			/* a date has whole seconds: what is meant may be any moment of that one */
	}
	return s < 0 ? 0 : s > ACME_RETRY_AFTER_MAX_S ? ACME_RETRY_AFTER_MAX_S : s;
}

static json_t *
object_load(const char *text, size_t n, const char *what, struct fault *f)
{
	json_error_t e;
	json_t *json = json_loadb(text, n, 0, &e);

	if (json == NULL) {
		fault_set(f, ERR_PEER, "the CA's %s is not JSON: line %d column %d: %s", what, e.line, e.column,
		    e.text);
		return NULL;
	}
	if (!json_is_object(json)) {
		fault_set(f, ERR_PEER, "the CA's %s is no JSON object", what);
		json_decref(json);
		return NULL;
	}
	return json;
}

/* NULL where absent or not a string. */
static const char *
string_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

/* RFC 3986 has no room for control characters, spaces and what is not ASCII; nobody needs longer ones. */
bool
acme_is_https(const char *url)
{
	if (url == NULL || strncasecmp(url, "https://", 8) != 0 || strlen(url) > URL_MAX)
		return false;
	for (; *url > ' ' && *url < 0x7f; url++)
		;
	return *url == '\0';
}

/* A needed URL. */
static enum err
url_need(const json_t *object, const char *member, const char *what, const char **out, struct fault *f)
{
	*out = string_of(object, member);
	if (*out == NULL)
		return fault_set(f, ERR_PEER, "the CA's %s lacks \"%s\"", what, member);
	if (!acme_is_https(*out))
		return fault_set(f, ERR_PEER, "the CA's %s has a \"%s\" that is not https: %.200s", what, member, *out);
	return ERR_OK;
}

/* The index of object's "status" among words; -1 with a fault where it is none of them. */
static int
status_of(const json_t *object, const char *what, const char *const *words, size_t n, struct fault *f)
{
	const char *text = string_of(object, "status");

	for (size_t i = 0; text != NULL && i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	if (text == NULL)
		fault_set(f, ERR_PEER, "the CA's %s lacks \"status\"", what);
	else
		fault_set(f, ERR_PEER, "the CA's %s has the unknown status \"%.100s\"", what, text);
	return -1;
}
#define STATUS_OF(object, what, words, f) status_of(object, what, words, sizeof words / sizeof words[0], f)

/* A URL that not every CA has; one that is not https might as well not be there. */
static const char *
https_of(const json_t *object, const char *member)
{
	const char *url = string_of(object, member);

	return acme_is_https(url) ? url : NULL;
}

/* NULL where absent, empty, or not an array of strings alone. */
static const json_t *
strings_of(const json_t *object, const char *member)
{
	const json_t *array = json_object_get(object, member);

	if (!json_is_array(array) || json_array_size(array) == 0)
		return NULL;
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!json_is_string(json_array_get(array, i)))
			return NULL;
	return array;
}

static void
read_meta(const json_t *meta, struct acme_directory *d)
{
	const json_t *profiles = json_object_get(meta, "profiles");

	d->terms = string_of(meta, "termsOfService");
	d->website = string_of(meta, "website");
	d->caa_identities = strings_of(meta, "caaIdentities");
	d->profiles = json_is_object(profiles) ? profiles : NULL;
	d->issuer_domain_names = strings_of(meta, "issuerDomainNames");
	d->account_hash_prefix = string_of(meta, "accountHashPrefix");
	if (d->account_hash_prefix != NULL && strlen(d->account_hash_prefix) > URL_MAX)
		d->account_hash_prefix = NULL;
	d->external_account_required = json_is_true(json_object_get(meta, "externalAccountRequired"));
}

enum err
acme_directory_read(const char *json, size_t n, struct acme_directory *out, struct fault *f)
{
	struct acme_directory d = { 0 };
	enum err err;

	if (n > DIRECTORY_MAX)
		return fault_set(f, ERR_PEER, "the CA's directory is larger than %d octets", DIRECTORY_MAX);
	if ((d.json = object_load(json, n, "directory", f)) == NULL)
		return ERR_PEER;
	if ((err = url_need(d.json, "newNonce", "directory", &d.new_nonce, f)) != ERR_OK ||
	    (err = url_need(d.json, "newAccount", "directory", &d.new_account, f)) != ERR_OK ||
	    (err = url_need(d.json, "newOrder", "directory", &d.new_order, f)) != ERR_OK) {
		json_decref(d.json);
		return err;
	}
	d.revoke_cert = https_of(d.json, "revokeCert");
	d.key_change = https_of(d.json, "keyChange");
	d.renewal_info = https_of(d.json, "renewalInfo");
	read_meta(json_object_get(d.json, "meta"), &d);
	*out = d;
	return ERR_OK;
}

void
acme_directory_clear(struct acme_directory *d)
{
	json_decref(d->json);
	*d = (struct acme_directory){ 0 };
}

enum err
acme_account_read(const char *json, size_t n, struct acme_account_object *out, struct fault *f)
{
	static const char *const words[] = {
		[ACCOUNT_VALID] = "valid", [ACCOUNT_DEACTIVATED] = "deactivated", [ACCOUNT_REVOKED] = "revoked"
	};
	json_t *object = object_load(json, n, "account", f);
	int s = object == NULL ? -1 : STATUS_OF(object, "account", words, f);

	if (s < 0) {
		json_decref(object);
		return ERR_PEER;
	}
	*out = (struct acme_account_object){ object, (enum acme_account_status)s, strings_of(object, "contact") };
	return ERR_OK;
}

void
acme_account_object_clear(struct acme_account_object *a)
{
	json_decref(a->json);
	*a = (struct acme_account_object){ 0 };
}

static enum err
authorizations_check(const json_t *array, struct fault *f)
{
	if (!json_is_array(array) || json_array_size(array) == 0)
		return fault_set(f, ERR_PEER, "the CA's order lacks \"authorizations\"");
	for (size_t i = 0; i < json_array_size(array); i++)
		if (!acme_is_https(json_string_value(json_array_get(array, i))))
			return fault_set(f, ERR_PEER, "the CA's order has an authorization that is no https URL");
	return ERR_OK;
}

enum err
acme_order_object_read(const char *json, size_t n, struct acme_order_object *out, struct fault *f)
{
	static const char *const words[] = {
		[ORDER_PENDING] = "pending", [ORDER_READY] = "ready", [ORDER_PROCESSING] = "processing",
		[ORDER_VALID] = "valid", [ORDER_INVALID] = "invalid"
	};
	struct acme_order_object o = { .json = object_load(json, n, "order", f) };
	enum err err = ERR_PEER;
	int status;

	if (o.json == NULL || (status = STATUS_OF(o.json, "order", words, f)) < 0)
		goto out;
	o.status = (enum acme_order_status)status;
	o.error = json_object_get(o.json, "error");
	o.identifiers = json_object_get(o.json, "identifiers");
	o.authorizations = json_object_get(o.json, "authorizations");
	if ((err = authorizations_check(o.authorizations, f)) != ERR_OK ||
	    (err = url_need(o.json, "finalize", "order", &o.finalize, f)) != ERR_OK)
		goto out;
	if (o.status == ORDER_VALID && (err = url_need(o.json, "certificate", "order", &o.certificate, f)) != ERR_OK)
		goto out;
	*out = o;
	return ERR_OK;
out:
	json_decref(o.json);
	return err;
}

void
acme_order_object_clear(struct acme_order_object *o)
{
	json_decref(o->json);
	*o = (struct acme_order_object){ 0 };
}

bool
acme_challenge_read(const json_t *object, struct acme_challenge *out)
{
	static const char *const words[] = {
		[CHALLENGE_PENDING] = "pending", [CHALLENGE_PROCESSING] = "processing", [CHALLENGE_VALID] = "valid",
		[CHALLENGE_INVALID] = "invalid"
	};
	int status = STATUS_OF(object, "challenge", words, NULL);

	if (status < 0)
		return false;
	*out = (struct acme_challenge){ (enum acme_challenge_status)status, string_of(object, "url"),
		string_of(object, "token"), json_object_get(object, "error") };
	return acme_is_https(out->url);
}

enum err
acme_authorization_read(const char *json, size_t n, struct acme_authorization *out, struct fault *f)
{
	static const char *const words[] = {
		[AUTHORIZATION_PENDING] = "pending", [AUTHORIZATION_VALID] = "valid",
		[AUTHORIZATION_INVALID] = "invalid",
		[AUTHORIZATION_DEACTIVATED] = "deactivated", [AUTHORIZATION_EXPIRED] = "expired",
		[AUTHORIZATION_REVOKED] = "revoked"
	};
	struct acme_authorization a = { .json = object_load(json, n, "authorization", f) };
	const json_t *identifier;
	const char *type;
	int status;

	if (a.json == NULL || (status = STATUS_OF(a.json, "authorization", words, f)) < 0)
		goto fail;
	a.status = (enum acme_authorization_status)status;
	identifier = json_object_get(a.json, "identifier");
	type = string_of(identifier, "type");
	a.name = string_of(identifier, "value");
	if (type == NULL || strcmp(type, "dns") != 0 || a.name == NULL) {
		fault_set(f, ERR_PEER, "the CA's authorization has no identifier of type \"dns\"");
		goto fail;
	}
	a.wildcard = json_is_true(json_object_get(a.json, "wildcard"));
	a.challenges = json_object_get(a.json, "challenges");
	for (size_t i = 0; a.error == NULL && i < json_array_size(a.challenges); i++)
		a.error = json_object_get(json_array_get(a.challenges, i), "error");
	*out = a;
	return ERR_OK;
fail:
	json_decref(a.json);
	return ERR_PEER;
}

void
acme_authorization_clear(struct acme_authorization *a)
{
	json_decref(a->json);
	*a = (struct acme_authorization){ 0 };
}
