#include "acme/client.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/client_internal.h"

#define CONNECT_TIMEOUT_S 20
#define TIMEOUT_S 60

const char *
client_keep(struct acme_client *c, const char *text)
{
	if (text == NULL || (json_object_get(c->kept, text) == NULL &&
	    json_object_set_new(c->kept, text, json_true()) != 0))
		return NULL;
	/* It stays where it is, whatever is added. */
	return json_object_iter_key(json_object_iter_at(c->kept, text));
}

void
client_refresh(struct acme_client *c)
{
	c->new_order = client_keep(c, c->directory.new_order);
	c->renewal_info = client_keep(c, c->directory.renewal_info);
	c->revoke_cert = client_keep(c, c->directory.revoke_cert);
	c->hash_prefix = client_keep(c, c->directory.account_hash_prefix);
	c->url = client_keep(c, acme_account_location(c->account));
	c->thumbprint = client_keep(c, acme_key_thumbprint(acme_account_key(c->account)));
}

enum err
acme_client_new(const struct acme_config *config, const struct acme_authority_config *authority,
    struct event_base *base, struct acme_client **out, struct fault *f)
{
	unsigned timeout_s = config->request_timeout_s > 0 ? config->request_timeout_s : TIMEOUT_S;
	struct acme_http_config http = { .ca_certificates = authority->ca_certificates, .proxy = config->proxy,
		.connect_timeout_s = timeout_s < CONNECT_TIMEOUT_S ? timeout_s : CONNECT_TIMEOUT_S,
		.timeout_s = timeout_s };
	struct acme_client *c = calloc(1, sizeof *c);
	enum err err;

	if (c == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	c->authority = authority;
	c->base = base;
	client_prepare_init(c);
	if (strncasecmp(authority->directory, "https://", 8) != 0)
		err = fault_set(f, ERR_RANGE, "%s: the directory of an ACME server must be an https URL",
		    authority->directory);
	else if (c->wake == NULL || (c->kept = json_object()) == NULL || (c->retired = json_array()) == NULL)
		err = fault_set(f, ERR_NOMEM, "out of memory");
	else if ((err = acme_http_new(&http, base, &c->http)) != ERR_OK)
		fault_set(f, err, "%s", err_str(err));
	else if ((err = client_account_open(c, config, f)) == ERR_OK) {
		client_refresh(c);
		*out = c;
	}
	if (err != ERR_OK)
		acme_client_free(c);
	return err;
}

void
acme_client_free(struct acme_client *c)
{
	if (c == NULL)
		return;
	client_calls_clear(&c->waiting);
	client_calls_clear(&c->jobs);
	client_calls_clear(&c->posting);
	client_calls_clear(&c->to_place);
	acme_http_cancel(c->fetching);
	acme_http_free(c->http);
	acme_directory_clear(&c->directory);
	client_account_close(c);
	client_nonces_clear(c);
	if (c->wake != NULL)
		event_free(c->wake);
	free(c->trouble);
	json_decref(c->kept);
	json_decref(c->retired);
	free(c);
}

/* ---- what others read ---- */

const char *
acme_client_new_order(const struct acme_client *c)
{
	return c->new_order;
}

const char *
acme_client_renewal_info(const struct acme_client *c)
{
	return c->renewal_info;
}

const char *
acme_client_revoke_cert(const struct acme_client *c)
{
	return c->revoke_cert;
}

const char *
acme_client_account(const struct acme_client *c)
{
	return c->url;
}

struct acme_challenge_means
acme_client_means(const struct acme_client *c)
{
	return (struct acme_challenge_means){ .preferred = c->authority->challenges,
	    .npreferred = c->authority->nchallenges,
		.directory = c->authority->directory, .account = c->url, .thumbprint = c->thumbprint,
		.hash_prefix = c->hash_prefix };
}

const struct acme_directory *
acme_client_directory(const struct acme_client *c)
{
	return c->directory.json != NULL ? &c->directory : NULL;
}

bool
acme_client_usable(const struct acme_client *c, struct fault *f)
{
	if (!c->authority->terms_agreed)
		fault_set(f, ERR_REFUSED,
		    "no account without agreement to the CA's terms: terms-agreed: yes is needed");
	else if (acme_account_is_deactivated(c->account))
		fault_set(f, ERR_REFUSED, "the account %s at the CA is %s, so that nothing is ordered there; a new "
		    "account needs another key: remove or replace %s and restart", c->url != NULL ? c->url : "",
		    acme_account_status_str(c->account), c->key_path);
	else
		return true;
	return false;
}

struct acme_account_view
acme_client_view(const struct acme_client *c)
{
	const struct acme_key *key = acme_account_key(c->account);
	const char *complaint = acme_account_complaint(c->account);

	return (struct acme_account_view){
		.directory = c->authority->directory, .url = acme_account_location(c->account),
		.status = acme_account_status_str(c->account), .terms = acme_account_terms(c->account),
		.contact = c->authority->contact, .key = acme_key_kind(key), .thumbprint = acme_key_thumbprint(key),
		.key_file = c->key_path, .complaint = complaint != NULL ? complaint : c->trouble,
		.changing = acme_account_next_key(c->account) != NULL, .orders = c->orders };
}
