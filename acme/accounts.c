#include "acme/accounts.h"

#include <stdlib.h>
#include <string.h>

#include "acme/host.h"
#include "base/clock.h"
#include "base/log.h"

/* ---- chores ---- */

void *
acme_chore_new(struct acme *a, size_t size, acme_chore_done *done, void *arg)
{
	struct acme_chore *chore = calloc(1, size);

	if (chore == NULL) {
		done(arg, ERR_NOMEM, err_str(ERR_NOMEM));
		return NULL;
	}
	chore->acme = a;
	chore->done = done;
	chore->arg = arg;
	LIST_INSERT_HEAD(&a->chores, chore, entry);
	return chore;
}

void
acme_chore_end(struct acme_chore *chore, enum err err, const char *words)
{
	LIST_REMOVE(chore, entry);
	acme_call_cancel(chore->call);
	chore->done(chore->arg, err, words);
	if (chore->clear != NULL)
		chore->clear(chore);
	free(chore);
}

void
acme_accounts_stop(struct acme *a)
{
	while (!LIST_EMPTY(&a->chores))
		acme_chore_end(LIST_FIRST(&a->chores), ERR_CANCELLED, "the server is stopping");
}

/* ---- looking ---- */

static void
add_health(const struct acme_authority *a, struct acme_account_view *view)
{
	int64_t now_ms = clock_mono_ms(), now_s = clock_now_s();

	view->failing_since_s = a->failures > 0 ? now_s - (now_ms - a->failing_since_ms) / 1000 : 0;
	view->failure = a->problem != NULL ? a->problem : "";
	view->held_until_s = a->not_before_ms > now_ms ? now_s + (a->not_before_ms - now_ms) / 1000 : 0;
}

enum err
acme_accounts_each(struct acme *a, const char *authority,
    void (*each)(void *arg, const char *authority, const struct acme_account_view *v), void *arg)
{
	enum err err = authority == NULL ? ERR_OK : ERR_NOT_FOUND;

	for (size_t i = 0; i < a->authorities.n; i++) {
		const struct acme_authority *one = &a->authorities.v[i];
		struct acme_account_view view = acme_client_view(one->client);

		if (authority != NULL && strcmp(one->name, authority) != 0)
			continue;
		add_health(one, &view);
		each(arg, one->name, &view);
		err = ERR_OK;
	}
	return err;
}

/* ---- changing ---- */

/* NULL, with words: which one is meant is not clear. */
static struct acme_authority *
meant(struct acme *a, const char *name, struct fault *f)
{
	struct acme_authority *found = name != NULL ? acme_authority_find(&a->authorities, name) :
	    a->authorities.n == 1 ? &a->authorities.v[0] : NULL;
	struct buf names = { 0 };

	if (found != NULL)
		return found;
	for (size_t i = 0; i < a->authorities.n; i++)
		buf_printf(&names, "%s%s", i > 0 ? ", " : "", a->authorities.v[i].name);
	if (a->authorities.n == 0)
		fault_set(f, ERR_NOT_FOUND, "no ACME authority is configured");
	else if (name != NULL)
		fault_set(f, ERR_NOT_FOUND, "there is no authority %.200s; there is %.700s", name, buf_str(&names));
	else
		fault_set(f, ERR_NOT_FOUND, "which authority? There are %.900s", buf_str(&names));
	buf_clear(&names);
	return NULL;
}

static void
on_rolled(void *arg, const struct acme_reply *r)
{
	struct acme_chore *chore = arg;

	chore->call = NULL;
	acme_chore_end(chore, r->err, r->words);
}

/* Whoever waits for a certificate is to see at once why there will be none. */
static void
on_deactivated(void *arg, const struct acme_reply *r)
{
	struct acme_chore *chore = arg;
	struct acme *a = chore->acme;
	struct acme_host *h;

	chore->call = NULL;
	if (r->err == ERR_OK) {
		log_warning("acme: the account at %s was deactivated", chore->authority->name);
		for (size_t i = 0; i < ACME_BUCKETS; i++)
			LIST_FOREACH(h, &a->hosts[i], entry)
				acme_host_look(h);
	}
	acme_chore_end(chore, r->err, r->words);
}

/* Two authorities with one directory have one key, unless it is said otherwise: what is done to it by one of them would
 * be news to the other. */
static bool
is_shared(const struct acme *a, const struct acme_authority *one, struct fault *f)
{
	const char *file = acme_client_view(one->client).key_file;

	for (size_t i = 0; i < a->authorities.n; i++) {
		const struct acme_authority *other = &a->authorities.v[i];

		if (other == one || strcmp(acme_client_view(other->client).key_file, file) != 0)
			continue;
		fault_set(f, ERR_REFUSED, "%.200s and %.200s share this account: one of them needs a key-file of its "
		    "own first", one->name, other->name);
		return true;
	}
	return false;
}

static void
begin(struct acme *a, const char *authority,
    struct acme_call *(*act)(struct acme_client *c, acme_client_done *done, void *arg), acme_client_done *then,
    acme_chore_done *done, void *arg)
{
	struct fault f = { 0 };
	struct acme_authority *one = meant(a, authority, &f);
	struct acme_chore *chore;

	if (one == NULL || is_shared(a, one, &f))
		done(arg, f.err, f.text);
	else if ((chore = acme_chore_new(a, sizeof *chore, done, arg)) != NULL) {
		unsigned orders = acme_client_view(one->client).orders;

		chore->authority = one;
		log_info("acme: %s: the account is to be changed; orders that rest on it: %u", one->name, orders);
		if ((chore->call = act(one->client, then, chore)) == NULL)
			acme_chore_end(chore, ERR_NOMEM, err_str(ERR_NOMEM));
	}
}

void
acme_accounts_roll(struct acme *a, const char *authority, acme_chore_done *done, void *arg)
{
	begin(a, authority, acme_client_roll, on_rolled, done, arg);
}

void
acme_accounts_deactivate(struct acme *a, const char *authority, acme_chore_done *done, void *arg)
{
	begin(a, authority, acme_client_deactivate, on_deactivated, done, arg);
}
