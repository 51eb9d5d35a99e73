#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/link.h"
#include "acme/order_internal.h"
#include "base/log.h"

#define ALTERNATES_MAX 10
#define CLOCK_SLACK_S 300		/* of the CA's machines among themselves */

/* Our clock may be wrong, but a certificate that is not valid by the CA's own is of no use to anybody, and must not
 * take the place of one that is. */
static enum err
leaf_is_of_now(const struct acme_chain *chain, int64_t date_s, struct fault *f)
{
	struct acme_certificate leaf;
	enum err err = acme_certificate_parse(chain->v[0].octets, chain->v[0].n, &leaf, f);

	if (err != ERR_OK)
		return err;
	if (leaf.not_after_s <= date_s)
		err = fault_set(f, ERR_PEER, "the CA's certificate has expired, by the CA's own clock");
	else if (leaf.not_before_s > date_s + CLOCK_SLACK_S)
		err = fault_set(f, ERR_PEER, "the CA's certificate is not valid yet, by the CA's own clock");
	acme_certificate_clear(&leaf);
	return err;
}

/* The chain of an answer, verified; chain is empty but with ERR_OK. */
static enum err
chain_read(const struct acme_order *o, const struct acme_reply *r, struct acme_chain *chain, struct fault *f)
{
	static const char pem[] = "application/pem-certificate-chain";	/* RFC 8555, section 9.1 */
	enum err err;

	*chain = (struct acme_chain){ 0 };
	if (r->content_type != NULL && strncasecmp(r->content_type, pem, strlen(pem)) != 0)
		return fault_set(f, ERR_PEER, "the CA's certificate comes as %.100s; expected %s", r->content_type,
		    pem);
	if ((err = acme_chain_parse(r->body, r->n, chain, f)) == ERR_OK)
		err = acme_chain_verify(chain, o->setup.csr, r->date_s != 0 ? r->date_s : o->setup.now_s, f);
	if (err == ERR_OK && r->date_s != 0)
		err = leaf_is_of_now(chain, r->date_s, f);
	if (err != ERR_OK)
		acme_chain_clear(chain);
	return err;
}

/* ---- other chains (RFC 8555, section 7.4.2) ---- */

static const char *
host_of(const struct acme_order *o)
{
	return acme_csr_names(o->setup.csr)->v[0];
}

/* Where the answer says that they are.  What there is no memory for is as if it were not there. */
static void
alternates_read(struct acme_order *o, const struct acme_reply *r)
{
	struct buf url = { 0 };

	if ((o->alternates = calloc(ALTERNATES_MAX, sizeof *o->alternates)) == NULL)
		return;
	for (size_t i = 0; i < ALTERNATES_MAX && acme_link_find(r, "alternate", i, &url); i++) {
		const char *text = buf_str(&url);

		if (acme_is_https(text) &&
		    (o->alternates[o->nalternates] = strdup(text)) != NULL)
			o->nalternates++;
		buf_clear(&url);
	}
	buf_clear(&url);
}

static enum acme_want
next_alternate(struct acme_order *o)
{
	if (o->alternate < o->nalternates) {
		order_step(o, "looking for the chain below \"%s\"", o->setup.preferred_chain);
		return order_get(o, o->alternates[o->alternate++], order_on_alternate);
	}
	log_warning("acme: %s: the CA offers no chain below \"%s\" (preferred-chain) among %zu; its default is taken",
	    host_of(o), o->setup.preferred_chain, o->nalternates + 1);
	return order_finish(o);
}

enum acme_want
order_pass_alternate(struct acme_order *o)
{
	log_warning("acme: %s: an alternate chain cannot be had from %s", host_of(o), o->url);
	return next_alternate(o);
}

enum acme_want
order_on_alternate(struct acme_order *o, const struct acme_reply *r)
{
	struct acme_chain chain;
	struct fault f = { 0 };

	if (chain_read(o, r, &chain, &f) != ERR_OK) {
		log_warning("acme: %s: an alternate chain is of no use: %s", host_of(o), f.text);
		return next_alternate(o);
	}
	if (!acme_chain_is_under(&chain, o->setup.preferred_chain)) {
		acme_chain_clear(&chain);
		return next_alternate(o);
	}
	acme_chain_clear(&o->chain);
	o->chain = chain;
	return order_finish(o);
}

/* ---- the chain that the CA prefers ---- */

enum acme_want
order_on_certificate(struct acme_order *o, const struct acme_reply *r)
{
	struct fault f = { 0 };
	enum err err = chain_read(o, r, &o->chain, &f);

	if (err != ERR_OK) {
		o->dead = true;		/* it will not get better */
		return order_fail(o, err, f.text);
	}
	if (o->setup.preferred_chain == NULL || acme_chain_is_under(&o->chain, o->setup.preferred_chain))
		return order_finish(o);
	alternates_read(o, r);
	return next_alternate(o);
}
