/* acme/records.h -- challenge records, where they really are: put there and taken away with one edit for each zone. */
#ifndef ACME_RECORDS_H
#define ACME_RECORDS_H

#include "acme/jws.h"
#include "acme/port.h"

struct acme_record {
	struct dname owner;
	struct dname zone;		/* apex of the zone of ours that holds it */
	char value[ACME_TXT_VALUE_LEN + 1];
};
struct acme_records {			/* zero-initialise */
	struct acme_record *v;
	size_t n;
};

/* Each once. */
enum err acme_records_add(struct acme_records *list, const struct acme_record *r);
enum err acme_records_copy(struct acme_records *to, const struct acme_records *from);	/* to is empty */
bool acme_records_has(const struct acme_records *list, const struct acme_record *r);
void acme_records_clear(struct acme_records *list);

struct acme_records_edit;		/* one on its way */

/* err is the first that went wrong, words say what; failed are the records of the zones where it did: borrowed for the
 * call.  e is freed when it returns. */
typedef void acme_records_done(void *arg, enum err err, const char *words, const struct acme_records *failed);

struct acme_records_setup {
	struct acme_port *port;
	const struct acme_records *records;	/* not empty; copied */
	bool add;				/* or remove */
	uint32_t ttl_s;
	int64_t until_s;			/* when they are swept on their own */
	const char *why;			/* for the journal */
	acme_records_done *done;
	void *arg;
};

/* done comes later, exactly once.  ERR_NOMEM: nothing was begun. */
enum err acme_records_edit(const struct acme_records_setup *setup, struct acme_records_edit **out);

/* done will not come; what was begun takes place.  Takes NULL. */
void acme_records_cancel(struct acme_records_edit *e);

#endif
