/* acme/leftovers.h -- where no engine runs any more (no authority is configured): what orders have left behind is
 * removed. */
#ifndef ACME_LEFTOVERS_H
#define ACME_LEFTOVERS_H

#include "acme/acme.h"

struct acme_leftovers;

/* Begins, and goes on by itself until all is removed.  *out is the caller's: acme_leftovers_free(). */
enum err acme_leftovers_new(const struct acme_outside *outside, struct event_base *base, struct acme_leftovers **out);
void acme_leftovers_free(struct acme_leftovers *l);	/* takes NULL; what is left then is remembered */

#endif
