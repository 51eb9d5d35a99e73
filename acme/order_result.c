#include <string.h>
#include <strings.h>

#include "acme/order_internal.h"

static enum err
chain_check(const struct acme_chain *chain, const struct acme_csr *csr, struct fault *f)
{
	struct acme_certificate leaf;
	struct fault inner = { 0 };
	enum err err;

	if ((err = acme_certificate_parse(chain->v[0].octets, chain->v[0].n, &leaf, &inner)) != ERR_OK)
		return fault_set(f, ERR_PEER, "the CA's certificate cannot be used: %.900s", inner.text);
	if ((err = acme_certificate_matches(&leaf, csr, &inner)) != ERR_OK)
		fault_set(f, ERR_PEER, "the CA's answer does not fit: %.900s", inner.text);
	acme_certificate_clear(&leaf);
	return err == ERR_OK ? acme_chain_check(chain, f) : ERR_PEER;
}

enum acme_want
order_on_certificate(struct acme_order *o, const struct acme_reply *r)
{
	static const char pem[] = "application/pem-certificate-chain";	/* RFC 8555, section 9.1 */
	struct fault f = { 0 };
	enum err err;

	if (r->content_type != NULL && strncasecmp(r->content_type, pem, strlen(pem)) != 0) {
		err = fault_set(&f, ERR_PEER, "the CA's certificate comes as %.100s; expected %s",
		    r->content_type, pem);
		return order_fail(o, err, f.text);
	}
	if ((err = acme_chain_parse(r->body, r->n, &o->chain, &f)) != ERR_OK ||
	    (err = chain_check(&o->chain, o->setup.csr, &f)) != ERR_OK) {
		acme_chain_clear(&o->chain);
		return order_fail(o, err, f.text);
	}
	return order_finish(o);
}
