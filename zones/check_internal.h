/* zones/check_internal.h -- what the files zones/check*.c share; nobody else includes it. */
#ifndef ZONES_CHECK_INTERNAL_H
#define ZONES_CHECK_INTERNAL_H

#include "zones/check.h"

struct check_target {			/* a name of the zone that some RR points to */
	const uint8_t *name;
	const struct rr *at;		/* the first RR there; NULL: there is none, or the walk was not there yet */
	bool has_address, is_ns;	/* is_ns: an NS points to it */
	const struct rr *alias;		/* its CNAME */
};

struct check_slot {
	uint32_t hash, at;		/* at: index of v, plus one; 0: free */
};
struct check_targets {			/* found by hash */
	struct check_target *v;
	size_t n, cap;
	struct check_slot *slots;
	size_t nslots;			/* a power of two */
	uint64_t *filter;	/* nslots * 4 bits, by hash: most owners are no targets, and it fits the cache */
};

struct checking {
	const uint8_t *apex;
	size_t apex_len;
	const struct rr_list *list;
	const struct rr *inside, *outside;	/* the RRs of the zone: [inside, outside) */
	check_report *report;
	void *ctx;
	bool refused;
	struct check_targets targets;
	bool has_cut, has_dname, has_wildcard;	/* seen by the walk: what is not there need not be searched for */
	const struct rr *cut, *dname;	/* the NS and the DNAME that the walk is at or below; NULL: none */
};

struct check_group {			/* the RRs of one owner: [first, end) */
	const struct rr *first, *end;
	const uint8_t *owner;
};

void check_say(struct checking *c, enum check_level level, const struct rr *rr, const struct rr *other,
    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* the first; or NULL */
const struct rr *check_find_type(const struct checking *c, const uint8_t *owner, uint16_t type);
bool check_has_name(const struct checking *c, const uint8_t *name);	/* any RR there? */

static inline bool
check_is_address(uint16_t type)
{
	return type == TYPE_A || type == TYPE_AAAA;
}

/* zones/check_target.c: names that RRs point to.  First collected, then seen by the walk, then judged. */
enum err check_targets_collect(struct checking *c);
void check_targets_clear(struct checking *c);
struct check_target *check_target_find(const struct checking *c, const uint8_t *name);	/* NULL: nothing points there */
void check_target_seen(struct checking *c, const struct check_group *g);
void check_target_judge(struct checking *c, const struct rr *rr);

/* zones/check_content.c: does an RR say something that makes sense?  The second: an RRset of SVCB or HTTPS. */
void check_content(struct checking *c, const struct rr *rr);
void check_svcb_set(struct checking *c, const struct rr *first, const struct rr *end);

#endif
