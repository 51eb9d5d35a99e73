/* tests/unit/zones/door.h -- one zone with its journal, its door and the commits that it was read from, for tests.  The
 * bases are kept here as lists, where the server has blobs; the rest is done as in server/merge.c and
 * server/writeback.c.  Journal calls can be made to fail: link with DOOR_WRAP. */
#ifndef TESTS_UNIT_ZONES_DOOR_H
#define TESTS_UNIT_ZONES_DOOR_H

#include "tests/unit/zones/memory.h"
#include "zones/commit.h"

extern const uint8_t door_apex[];	/* example.com */

struct door {
	char directory[64], path[96];
	struct journal *journal;
	struct commits *commits;
	struct zone *zone;
	struct rr_list *bases;		/* by the number that is the commit's id */
	size_t nbases;
	struct rr_list mirror;		/* what the subscriber was told so far, put together */
	commit_subscriber *subscriber;	/* called too; or NULL */
	void *subscriber_ctx;

	bool writing;
	struct zone_version *written;
	struct rr_list written_passing;

	bool moved;			/* the base is not there any more: the newest one is the zone's */
	enum err loaded;
};

int door_setup(void **state);
int door_teardown(void **state);

/* A zone with an SOA (serial 1, refresh 1, TTL 300) and one NS, ns.example.net. */
void door_open(struct door *d);
void door_open_unsaved(struct door *d);		/* its row did not get into the journal */
void door_close(struct door *d);
void door_restart(struct door *d);
enum err door_move(struct door *d, struct rr_list *base);	/* one with another text, taken over, and no base */

void door_fail_journal(unsigned nth);		/* the nth write from now on fails; 0: none */
bool door_journal_failed(void);

struct rr_list *door_base(const struct door *d);	/* the zone's */
void door_new_base(struct rr_list *out, uint32_t serial, uint32_t refresh);	/* SOA and NS alone */
void door_base_soa(const struct rr_list *base, struct soa *out);
bool door_is_sound(const struct rr_list *base);

/* Stage a merge; base is taken over.  The rules for serials are those of server/merge.c. */
enum err door_merge(struct door *d, struct rr_list *base, const struct changeset *changes, int64_t now_s);
void door_write_begin(struct door *d);
void door_write_end(struct door *d, bool written);

/* "+owner TYPE rdata;-owner TYPE rdata", TTL 300; TXT at _acme-challenge passes until 2000. */
void door_parse_changes(const char *text, struct changeset *out);
void door_add_soa(struct changeset *out, uint32_t serial, uint32_t refresh);

struct rr_list door_content(const struct zone *z, bool published);	/* of the published or the newest version */

/* Is the newest version the base with pending and passing changes on top, and the base what zones/baseline.h makes of
 * them? */
bool door_adds_up(const struct door *d);

/* Is the published version what the subscriber was told? */
bool door_was_told(const struct door *d);

#endif
