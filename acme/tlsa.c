#include "acme/tlsa.h"

#include <string.h>

#include "base/buf.h"
#include "wire/rrtype.h"

#define CERTIFICATE_USAGE_LEAF 3
#define CERTIFICATE_USAGE_CA 0
#define SELECTOR_CSR 255		/* "private use" of RFC 7218, section 2.2 */

enum acme_tlsa_kind
acme_tlsa_read(const struct rr *rr, const uint8_t **data, size_t *n)
{
	const uint8_t *p = rr->rdata;

	if (rr->type != TYPE_TLSA || rr->rdlen < 3 || p[2] != 0)
		return ACME_TLSA_OTHER;
	*data = p + 3;
	*n = rr->rdlen - 3u;
	if (p[0] == CERTIFICATE_USAGE_LEAF && p[1] == SELECTOR_CSR)
		return ACME_TLSA_CSR;
	if (p[0] == CERTIFICATE_USAGE_LEAF && p[1] == 0)
		return ACME_TLSA_LEAF;
	if (p[0] == CERTIFICATE_USAGE_CA && p[1] == 0)
		return ACME_TLSA_CA;
	return ACME_TLSA_OTHER;
}

/* Keep the leaf if it answers the CSR and lasts longer than the one we have. */
static void
consider_leaf(struct acme_assessment *a, const uint8_t *der, size_t n)
{
	struct acme_certificate c;
	struct fault f = { 0 };

	if (acme_certificate_parse(der, n, &c, &f) != ERR_OK) {
		fault_set(&a->fault, ERR_FORMAT, "the certificate in place cannot be read: %.500s", f.text);
		return;
	}
	if (acme_certificate_matches(&c, a->csr, &a->fault) != ERR_OK ||
	    (a->has_leaf && c.not_after_s <= a->leaf.not_after_s)) {
		acme_certificate_clear(&c);
		return;
	}
	if (a->has_leaf)
		acme_certificate_clear(&a->leaf);
	a->leaf = c;
	a->leaf_der = der;
	a->leaf_n = n;
	a->has_leaf = true;
}

static enum acme_verdict
judge_leaf(struct acme_assessment *a)
{
	if (a->nleaves == 0)
		fault_set(&a->fault, ERR_NOT_FOUND, "no certificate yet");
	if (a->has_leaf)
		a->fault.text[0] = '\0';
	return a->has_leaf ? VERDICT_VALID : VERDICT_ORDER;
}

void
acme_assess(const struct rr_list *rrset, struct acme_assessment *out)
{
	const uint8_t *csr = NULL, *data;
	size_t ncsrs = 0, csr_n = 0, n;
	struct fault inner = { 0 };
	enum err err;

	*out = (struct acme_assessment){ .verdict = VERDICT_NOTHING };
	for (size_t i = 0; i < rrset->n; i++)
		if (acme_tlsa_read(&rrset->v[i], &data, &n) == ACME_TLSA_CSR) {
			csr = data;
			csr_n = n;
			ncsrs++;
		}
	if (ncsrs == 0)
		return;
	out->verdict = VERDICT_REFUSED;
	if (ncsrs > 1) {
		fault_set(&out->fault, ERR_CONFLICT, "%zu CSRs at one owner; expected one", ncsrs);
		return;
	}
	if ((err = acme_csr_parse(csr, csr_n, &out->csr, &inner)) != ERR_OK) {
		fault_set(&out->fault, err, "the CSR cannot be used: %.900s", inner.text);
		return;
	}
	for (size_t i = 0; i < rrset->n; i++)
		if (acme_tlsa_read(&rrset->v[i], &data, &n) == ACME_TLSA_LEAF) {
			out->nleaves++;
			consider_leaf(out, data, n);
		}
	out->verdict = judge_leaf(out);
}

void
acme_assessment_clear(struct acme_assessment *a)
{
	acme_csr_free(a->csr);
	acme_certificate_clear(&a->leaf);
	*a = (struct acme_assessment){ 0 };
}

/* Is one of chain's certificates in rr: the leaf in a leaf's, the others in a CA's? */
static bool
in_chain(const struct acme_chain *chain, enum acme_tlsa_kind kind, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < chain->n; i++)
		if ((i == 0) == (kind == ACME_TLSA_LEAF) && chain->v[i].n == n &&
		    memcmp(chain->v[i].octets, data, n) == 0)
			return true;
	return false;
}

static enum err
add_one(const uint8_t *owner, const struct acme_der *der, bool leaf, const struct rr_list *present, struct rr_list *add)
{
	struct buf rdata = { 0 };
	enum err err = ERR_OK;

	buf_u8(&rdata, leaf ? CERTIFICATE_USAGE_LEAF : CERTIFICATE_USAGE_CA);
	buf_u16(&rdata, 0);
	buf_add(&rdata, der->octets, der->n);
	struct rr rr = { owner, rdata.p, ACME_TLSA_TTL, TYPE_TLSA, (uint16_t)rdata.len };
	if (rdata.failed)
		err = ERR_NOMEM;
	else if (!rr_list_has(present, &rr) && !rr_list_has(add, &rr))	/* a CA may send one certificate twice */
		err = rr_list_add(add, &rr);
	buf_clear(&rdata);
	return err;
}

enum err
acme_tlsa_replace(const uint8_t *owner, const struct rr_list *rrset, const struct acme_chain *chain,
    struct rr_list *remove, struct rr_list *add)
{
	const uint8_t *data;
	size_t n;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < rrset->n; i++) {
		enum acme_tlsa_kind kind = acme_tlsa_read(&rrset->v[i], &data, &n);

		if ((kind == ACME_TLSA_LEAF || kind == ACME_TLSA_CA) && !in_chain(chain, kind, data, n))
			err = rr_list_add(remove, &rrset->v[i]);
	}
	for (size_t i = 0; err == ERR_OK && i < chain->n; i++)
		err = add_one(owner, &chain->v[i], i == 0, rrset, add);
	return err;
}
