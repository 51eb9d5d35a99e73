/* acme/persist_internal.h -- shared by the files that keep standing records, and by nobody else:
 *
 *   persist.c          the table; what orders need; edits
 *   persist_review.c   who needs a record still, and what it ought to say by now
 *   persist_memory.c   as it is remembered over restarts
 *   persist_record.c   the text of a record */
#ifndef ACME_PERSIST_INTERNAL_H
#define ACME_PERSIST_INTERNAL_H

#include <event2/event.h>
#include <sys/queue.h>

#include "acme/persist.h"
#include "acme/persist_record.h"

#define PERSIST_BUCKETS 1024
#define PERSIST_TTL_S 3600

/* A CSR that needs a record. */
struct use {
	LIST_ENTRY(use) of_standing, of_user;
	TAILQ_ENTRY(use) due;
	struct standing *standing;
	struct dname user;
	bool wildcard;			/* it has the name's wildcard */
	bool is_due;			/* it is to be looked at */
};

/* The record of one name for one authority. */
struct standing {
	LIST_ENTRY(standing) link;
	struct acme_persist *all;
	struct dname name;		/* that the CA asks for */
	struct dname owner, zone;	/* where it is */
	char *authority;
	json_t *texts;			/* of the records that we made: one, or more while that is not settled */
	LIST_HEAD(, use) uses;
	TAILQ_HEAD(, acme_persist_need) needs;
	struct event *turn;
	struct acme_ticket *edit;	/* under way, */
	char *writing;			/* which puts this text there; NULL: it removes */
	bool for_need;			/* it is for the first of needs */
	int64_t not_before_s;		/* after a failure, our own initiative waits */
	int64_t warned_s;
};

struct acme_persist {
	struct acme_port *port;
	struct event_base *base;
	struct acme_authorities *authorities;
	LIST_HEAD(, standing) table[PERSIST_BUCKETS];
	LIST_HEAD(, use) users[PERSIST_BUCKETS];
	TAILQ_HEAD(, use) due;
	struct event *look, *review;
	unsigned reviews;
};

/* persist.c */
/* NULL: no memory. */
struct standing *standing_new(struct acme_persist *p, const uint8_t *name, const char *authority);
void standing_free(struct standing *s);		/* of the table; nothing is forgotten */
struct use *standing_use(struct standing *s, const uint8_t *user);	/* found or made; NULL: no memory */
void use_free(struct use *u);

/* One edit: what we made, and what is in also (may be NULL), for text (NULL: for nothing).  True: it is under way;
 * false: there is nothing to change, or it could not be begun, which is logged. */
bool standing_write(struct standing *s, const char *text, const struct rr_list *also);

/* persist_review.c */
void standing_settle(struct standing *s, int64_t now_s);	/* may free s */

/* What a text that we made ought to be by now: appended to out.  False: it is as it should be. */
bool standing_better(const struct standing *s, const char *text, int64_t now_s, struct buf *out);
void persist_review_start(struct acme_persist *p);

/* persist_memory.c */
void standing_remember(const struct standing *s);
void standing_forget(const struct standing *s);
void persist_recall(struct acme_persist *p);

#endif
