/* tests/unit/acme/world.h -- the outside of an ACME engine for tests: zones in memory, edited and looked up through
 * struct acme_outside, and a small DNS server on 127.0.0.1 (UDP) that answers from them, for a test CA to ask. */
#ifndef TESTS_UNIT_ACME_WORLD_H
#define TESTS_UNIT_ACME_WORLD_H

#include "acme/acme.h"

struct event_base;

struct world {
	struct event_base *base;
	struct rr_list rrs;			/* of all zones */
	const char *zones[4];			/* apexes in text; NULL: no more */
	const char *frozen;			/* this one may not be changed */
	struct acme *engine;			/* told about changed TLSA; may be NULL */
	struct event *dns;
	int fd;
	uint16_t port;				/* of the DNS server */

	struct acme_check check;		/* of each zone */

	/* Other name servers: named so, they answer with what the zone was lag_ms ago, or never. */
	const char *server;			/* NULL: none; "lost": not even the asker answers */
	unsigned lag_ms;
	bool silent;
	unsigned asked;

	/* What is remembered: it is there for the next engine. */
	struct world_note {
		char *key;
		void *octets;
		size_t n;
	} *notes;
	size_t nnotes;
	enum err remember_err;			/* the next ones fail with this */

	bool edit_later;			/* done() after edit() has returned */
	enum err edit_err;			/* the next edits fail with this */
	unsigned edits, passing_edits;
	int64_t last_txt_ms;			/* when a TXT was last added */
	void *pending;				/* answers and edits under way */
};

void world_init(struct world *w, struct event_base *base);
void world_clear(struct world *w);
struct acme_outside world_outside(struct world *w);

/* By hand, as an UPDATE would: the engine is told.  owner in text. */
void world_put_csr(struct world *w, const char *owner, const uint8_t *der, size_t n);
void world_remove_tlsa(struct world *w, const char *owner);

/* Whoever asked is gone: nothing that is under way is answered any more. */
void world_forget(struct world *w);

/* What is remembered under key, as text; NULL: nothing. */
const char *world_note(const struct world *w, const char *key);

/* How many RRs of this type at owner, or anywhere (owner NULL). */
size_t world_count(const struct world *w, const char *owner, uint16_t type);

#endif
