/* The control socket's verbs for accounts and revocation.  What takes time is answered when it is over; the engine sees
 * to it that this happens, also at its end. */
#include "server/keeper_internal.h"

#include <string.h>

#include "acme/accounts.h"
#include "acme/revoke.h"
#include "base/clock.h"

/* ---- accounts ---- */

static json_t *
contacts(const char *const *contact)
{
	json_t *list = json_array();

	for (; contact != NULL && *contact != NULL; contact++)
		json_array_append_new(list, control_words(*contact));
	return list;
}

static void
add_account(void *arg, const char *authority, const struct acme_account_view *v)
{
	json_array_append_new(arg, json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:s, s:s, s:o, s:b, s:I, s:o, s:o, s:o, "
	    "s:o}", "authority", control_words(authority), "directory", control_words(v->directory),
	    "url", control_words(v->url), "status", v->status, "contact", contacts(v->contact),
	    "terms", control_words(v->terms), "key", v->key, "thumbprint", v->thumbprint,
	    "key-file", control_words(v->key_file), "key-changing", v->changing,
	    "orders", (json_int_t)v->orders, "problem", control_words(v->complaint),
	    "failing-since", control_time(v->failing_since_s), "failure", control_words(v->failure),
	    "held-until", control_time(v->held_until_s)));
}

static void
answer_show(struct keeper *k, struct control_call *call, const char *authority)
{
	json_t *rows = json_array();

	if (acme_accounts_each(k->acme, authority, add_account, rows) == ERR_OK)
		control_reply(call, rows, NULL);
	else {
		json_decref(rows);
		control_reply(call, NULL, "there is no authority of that name");
	}
}

static void
chore_over(void *arg, enum err err, const char *words)
{
	control_reply(arg, NULL, err == ERR_OK ? NULL : words);
}

void
control_account(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	const char *verb = control_argument(arguments, 0), *authority = control_argument(arguments, 1);
	const char *yes = control_argument(arguments, 2);

	if (k->acme == NULL)
		control_reply(call, NULL, "no ACME authority is configured");
	else if (verb != NULL && strcmp(verb, "show") == 0)
		answer_show(k, call, authority);
	else if (verb != NULL && strcmp(verb, "rollover") == 0)
		acme_accounts_roll(k->acme, authority, chore_over, call);
	else if (verb == NULL || strcmp(verb, "deactivate") != 0)
		control_reply(call, NULL, "expected show, rollover or deactivate");
	else if (authority == NULL || yes == NULL || strcmp(yes, "--yes") != 0)
		control_reply(call, NULL,
		    "deactivating an account cannot be undone: name the authority, and say --yes");
	else
		acme_accounts_deactivate(k->acme, authority, chore_over, call);
}

/* ---- certificates ---- */

void
control_revoke(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	const char *host = control_argument(arguments, 0), *reason = control_argument(arguments, 1);
	int number = ACME_REASON_UNSPECIFIED;
	struct dname name;

	if (k->acme == NULL)
		control_reply(call, NULL, "no ACME authority is configured");
	else if (host == NULL || dname_from_str(host, &name) != ERR_OK)
		control_reply(call, NULL, "that is no host name");
	else if (reason != NULL && !acme_reason_parse(reason, &number))
		control_reply(call, NULL, "expected a reason such as keyCompromise, superseded, cessationOfOperation "
		    "or affiliationChanged, or its number (RFC 5280, section 5.3.1)");
	else
		acme_revoke(k->acme, name.octets, number, chore_over, call);
}
