/* acme/accounts.h -- what an operator does to the accounts at the CAs, by the name of the authority. */
#ifndef ACME_ACCOUNTS_H
#define ACME_ACCOUNTS_H

#include <sys/queue.h>

#include "acme/client.h"

/* authority NULL: all.  ERR_NOT_FOUND: there is none of that name. */
enum err acme_accounts_each(struct acme *a, const char *authority,
    void (*each)(void *arg, const char *authority, const struct acme_account_view *v), void *arg);

/* Called exactly once, perhaps before the call that asked for it returns; ERR_CANCELLED: the engine ends. */
typedef void acme_chore_done(void *arg, enum err err, const char *words);

/* authority NULL: the only one; words name them all where there are several.  See acme/client.h. */
void acme_accounts_roll(struct acme *a, const char *authority, acme_chore_done *done, void *arg);
void acme_accounts_deactivate(struct acme *a, const char *authority, acme_chore_done *done, void *arg);

/* For acme_free(): all that still runs ends. */
void acme_accounts_stop(struct acme *a);

/* ---- between the files that do such things ---- */

struct acme_chore;
LIST_HEAD(acme_chores, acme_chore);

/* Something that is done for somebody who waits.  More than that is the maker's: size octets, chore first.  NULL: no
 * memory, and done has been called. */
struct acme_chore {
	LIST_ENTRY(acme_chore) entry;
	struct acme *acme;
	struct acme_authority *authority;
	struct acme_call *call;
	acme_chore_done *done;
	void *arg;
	void (*clear)(struct acme_chore *chore);	/* frees what is the maker's; or NULL */
};
void *acme_chore_new(struct acme *a, size_t size, acme_chore_done *done, void *arg);
void acme_chore_end(struct acme_chore *chore, enum err err, const char *words);

#endif
