/* server/response.h -- a response while it is being written: header and counts, whole RRsets, OPT at the end.  Private
 * to the answering code. */
#ifndef SERVER_RESPONSE_H
#define SERVER_RESPONSE_H

#include "server/answer.h"

#define RESPONSE_PROOFS_MAX 24		/* NSEC or NSEC3 records */
#define RESPONSE_EXPANDED_MAX 16
#define RESPONSE_TARGETS_MAX 16		/* of an RRset, whose places are kept */

enum response_section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

struct response {
	const struct request *q;
	const struct answer_settings *settings;
	const struct zone_version *zone;	/* the one that answers; NULL: none */
	const uint8_t *above;	/* the owner of a node that the question's name is below; NULL: none is told */
	const uint8_t *known, *known_at;	/* an owner, and where its name was written; NULL: none */
	uint16_t targets[RESPONSE_TARGETS_MAX];	/* where the names in the last NS or MX RRset were written */
	uint8_t ntargets;
	bool cramped;			/* no room even for the question and all options: one that is long is left out */
	const uint8_t *named;			/* the name that is answered now, and */
	const struct qp_key *key;		/* its key */
	unsigned rcode;
	uint16_t flags;				/* AA and TC as the answer sets them */
	uint16_t counts[3];			/* records per section */
	bool dnssec;				/* the DO bit: RRSIG, NSEC and NSEC3 go along (RFC 4035, section 3.1) */
	uint8_t nproofs, nexpanded;		/* server/denial.c: */
	const struct zone_node *proofs[RESPONSE_PROOFS_MAX];	/* whose NSEC or NSEC3 is there */
	struct response_expanded {
		const uint8_t *name;
		const struct zone_node *encloser;
	} expanded[RESPONSE_EXPANDED_MAX];	/* names in the answer that a wildcard stood for */
	const struct ede *ede;			/* NULL: nothing to explain */
	uint8_t *end;	/* of the caller's buffer; w ends earlier, to leave room for OPT and TSIG */
	struct wr w;
};

/* Write header and question; later sections end where the request's size limit says. */
void response_start(struct response *r, const struct request *q, const struct answer_settings *settings, uint8_t *out,
    size_t room);

/* Append a whole RRset, with the signatures that cover it when the request wants them, or nothing when it does not
 * fit: false.  set is from a node.  Additional ones go without their signatures where those do not fit (RFC 4035,
 * section 3.1.1). */
bool response_rrset(struct response *r, enum response_section section, const uint8_t *owner,
    const struct zone_rrset *set, uint32_t ttl);

/* The SOA of a negative answer, into the authority section; r->zone is set. */
bool response_negative(struct response *r, const struct zone_negative *soa);

/* The same for one RR, of any class. */
bool response_rr(struct response *r, enum response_section section, const uint8_t *owner, uint16_t type,
    uint16_t class, uint32_t ttl, const uint8_t *rdata, size_t n);

/* Append OPT, fill the header in.  Returns the length; 0: the caller's buffer was too small even for the question. */
size_t response_finish(struct response *r);

/* Addresses of the name servers of a zone cut (RFC 9471): those below the cut are needed, TC tells when they do not
 * fit; others go in where there is room. */
void response_glue(struct response *r, const uint8_t *cut, const struct zone_rrset *ns);

/* Addresses of what owner's RRset in the answer points to, as far as the zone has them and there is room. */
void response_additional(struct response *r, const uint8_t *owner, const struct zone_rrset *set);

/* OPT and its options: octets that are kept free for it, and the record.  What explains (RFC 8914, RFC 9567) goes into
 * the room that the sections left, or stays out. */
size_t response_opt_size(const struct request *q, const struct answer_settings *settings);
void response_opt(struct response *r, size_t room);

/* Answer a question of class CH: version.bind and its kin (RFC 4892). */
void response_chaos(struct response *r);

#endif
