/* acme/tlsa.h -- the TLSA convention of the MirageOS servers: one RRset at <label>.<host> carries the CSR (3 255 0),
 * the certificate (3 0 0) and the CAs above it (0 0 0), each whole and in DER; and what such an RRset asks us to do. */
#ifndef ACME_TLSA_H
#define ACME_TLSA_H

#include <stdbool.h>
#include <stdint.h>

#include "acme/chain.h"
#include "zones/rr.h"

#define ACME_TLSA_TTL 3600

enum acme_tlsa_kind { ACME_TLSA_OTHER, ACME_TLSA_CSR, ACME_TLSA_LEAF, ACME_TLSA_CA };

/* *data is what stands behind the three octets (RFC 6698, section 2.1), borrowed. */
enum acme_tlsa_kind acme_tlsa_read(const struct rr *rr, const uint8_t **data, size_t *n);

enum acme_verdict {
	VERDICT_NOTHING,	/* no CSR: not ours to care for */
	VERDICT_REFUSED,	/* this CSR, or these, we do not serve: fault says why */
	VERDICT_VALID,		/* a certificate for it is in place; when to renew that is not said here */
	VERDICT_ORDER		/* a certificate is wanted now: fault says why */
};
struct acme_assessment {
	enum acme_verdict verdict;
	struct acme_csr *csr;			/* for VERDICT_VALID and VERDICT_ORDER */
	struct acme_certificate leaf;		/* the best one that matches; has_leaf */
	bool has_leaf;
	const uint8_t *leaf_der;		/* in the RRset */
	size_t leaf_n;
	size_t nleaves;				/* more than one deserves a warning */
	struct fault fault;
};
void acme_assess(const struct rr_list *rrset, struct acme_assessment *out);
void acme_assessment_clear(struct acme_assessment *a);

/* The one edit that brings chain into rrset: leaves and CAs that are not in chain go, what is missing comes, the CSR
 * stays.  remove and add are appended to. */
enum err acme_tlsa_replace(const uint8_t *owner, const struct rr_list *rrset, const struct acme_chain *chain,
    struct rr_list *remove, struct rr_list *add);

#endif
