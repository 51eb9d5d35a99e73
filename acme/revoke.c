#include "acme/revoke.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/host.h"
#include "acme/revoked.h"
#include "acme/tlsa.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "wire/rrtype.h"

/* ---- reasons ---- */

static const char *const reasons[] = {		/* by number; 7 is not used */
	"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
	"certificateHold", NULL, "removeFromCRL", "privilegeWithdrawn", "aACompromise"
};
#define NREASONS (int)(sizeof reasons / sizeof reasons[0])

bool
acme_reason_parse(const char *text, int *reason)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text >= '0' && *text <= '9' && *end == '\0' && n < NREASONS && reasons[n] != NULL) {
		*reason = (int)n;
		return true;
	}
	for (int i = 0; i < NREASONS; i++)
		if (reasons[i] != NULL && strcasecmp(text, reasons[i]) == 0) {
			*reason = i;
			return true;
		}
	return false;
}

const char *
acme_reason_str(int reason)
{
	return reasons[reason];
}

/* ---- certificates, one after the other; each at one CA after the other, until one knows it ---- */

struct leaf {
	struct dname owner;
	const struct acme_authority *issuer;	/* NULL: not known */
	uint8_t *octets;
	size_t n;
};

struct revocation {
	struct acme_chore chore;		/* first: it is one */
	char *host;
	int reason;
	struct leaf *leaves;
	size_t nleaves, at;			/* at: the one under way */
	size_t authority;			/* likewise */
	struct buf leaf_words;			/* what CAs said of this leaf */
	struct buf words;			/* of those that could not be revoked */
};

static void ask_next(struct revocation *v);

static void
clear(struct acme_chore *chore)
{
	struct revocation *v = (struct revocation *)chore;

	for (size_t i = 0; i < v->nleaves; i++)
		free(v->leaves[i].octets);
	free(v->leaves);
	free(v->host);
	buf_clear(&v->leaf_words);
	buf_clear(&v->words);
}

/* The engine looks again: what was revoked is replaced, or refused. */
static void
leaf_revoked(struct revocation *v)
{
	struct acme *a = v->chore.acme;
	const struct leaf *leaf = &v->leaves[v->at];
	enum err err = acme_revoked_add(a->revoked, leaf->octets, leaf->n, v->reason == ACME_REASON_KEY_COMPROMISE,
	    clock_now_s());

	log_warning("acme: %s: certificate revoked (%s) at %s", v->host, acme_reason_str(v->reason),
	    a->authorities.v[v->authority].name);
	if (err != ERR_OK)
		log_error("acme: %s: that its certificate is revoked cannot be remembered: %s", v->host, err_str(err));
	acme_look(a, leaf->owner.octets);
	buf_clear(&v->leaf_words);
	v->at++;
	v->authority = 0;
	ask_next(v);
}

static void
refused_by(struct revocation *v, const struct acme_reply *r)
{
	buf_printf(&v->leaf_words, "%s%s: ", v->leaf_words.len > 0 ? "; " : "",
	    v->chore.acme->authorities.v[v->authority].name);
	if (r->err != ERR_OK)
		buf_add_str(&v->leaf_words, r->words);
	else
		acme_problem_read(r, &v->leaf_words);
	v->authority++;
	ask_next(v);
}

/* Who may have issued it: an account elsewhere that was never used has not ordered it, and is not made for this. */
static bool
is_candidate(const struct revocation *v, const struct acme_authority *one)
{
	const struct acme_authority *issuer = v->leaves[v->at].issuer;

	return issuer != NULL ? one == issuer :
	    v->chore.acme->authorities.n == 1 || acme_client_account(one->client) != NULL;
}

static void
on_revoked(void *arg, const struct acme_reply *r)
{
	struct revocation *v = arg;
	struct buf words = { 0 };
	bool already = r->err == ERR_OK && r->status >= 400 && acme_problem_read(r, &words) == PROBLEM_ALREADY_REVOKED;

	buf_clear(&words);
	v->chore.call = NULL;
	if (already || (r->err == ERR_OK && r->status >= 200 && r->status < 300))
		leaf_revoked(v);
	else
		refused_by(v, r);
}

static char *
payload(const struct revocation *v)
{
	const struct leaf *leaf = &v->leaves[v->at];
	struct buf b = { 0 };

	buf_add_str(&b, "{\"certificate\":\"");
	base64url_encode(leaf->octets, leaf->n, &b);
	buf_add_str(&b, "\"");
	if (v->reason != ACME_REASON_UNSPECIFIED)	/* RFC 5280, section 5.3.1: better absent than 0 */
		buf_printf(&b, ",\"reason\":%d", v->reason);
	buf_add_str(&b, "}");
	return buf_take(&b, NULL);
}

static void
on_prepared(void *arg, const struct acme_reply *r)
{
	struct revocation *v = arg;
	struct acme_client *client = v->chore.acme->authorities.v[v->authority].client;
	const char *url = acme_client_revoke_cert(client);
	char *text = payload(v);

	v->chore.call = NULL;
	if (r->err != ERR_OK || url == NULL)
		refused_by(v, r->err != ERR_OK ? r : &(struct acme_reply){ .err = ERR_UNSUPPORTED, .body = "",
			.words = "the CA's directory has no revokeCert" });
	else if (text == NULL || (v->chore.call = acme_client_post(client, url, text, on_revoked, v)) == NULL)
		acme_chore_end(&v->chore, ERR_NOMEM, err_str(ERR_NOMEM));
	free(text);
}

static void
finish(struct revocation *v)
{
	const char *words = buf_str(&v->words);

	if (words != NULL && *words == '\0')
		acme_chore_end(&v->chore, ERR_OK, "");
	else
		acme_chore_end(&v->chore, ERR_PEER, words != NULL ? words : err_str(ERR_NOMEM));
}

static void
ask_next(struct revocation *v)
{
	struct acme *a = v->chore.acme;

	while (v->at < v->nleaves && v->authority < a->authorities.n &&
	    !is_candidate(v, &a->authorities.v[v->authority]))
		v->authority++;
	if (v->at < v->nleaves && v->authority == a->authorities.n) {
		const char *words = v->leaf_words.len > 0 ? buf_str(&v->leaf_words) : NULL;

		buf_printf(&v->words, "%sthe certificate is not revoked: %s", v->words.len > 0 ? "; " : "",
		    words != NULL ? words : "no account here has ordered it");
		buf_clear(&v->leaf_words);
		v->authority = 0;
		v->at++;
		ask_next(v);
		return;
	}
	if (v->at == v->nleaves)
		finish(v);
	else if ((v->chore.call = acme_client_prepare(a->authorities.v[v->authority].client, on_prepared, v)) == NULL)
		acme_chore_end(&v->chore, ERR_NOMEM, err_str(ERR_NOMEM));
}

/* ---- what there is to revoke ---- */

static const struct acme_authority *
issuer_of(struct acme *a, const uint8_t *owner)
{
	const struct acme_host *h = acme_host_find(a, owner);

	return h != NULL && h->issued_by != NULL ? acme_authority_find(&a->authorities, h->issued_by) : NULL;
}

static enum err
add_leaf(struct revocation *v, const uint8_t *owner, const uint8_t *octets, size_t n)
{
	struct leaf *leaves = realloc(v->leaves, (v->nleaves + 1) * sizeof *leaves);
	uint8_t *copy = malloc(n + 1);

	if (leaves != NULL)
		v->leaves = leaves;
	if (leaves == NULL || copy == NULL) {
		free(copy);
		return ERR_NOMEM;
	}
	memcpy(copy, octets, n);
	leaves[v->nleaves] = (struct leaf){ .octets = copy, .n = n, .issuer = issuer_of(v->chore.acme, owner) };
	dname_copy(&leaves[v->nleaves++].owner, owner);
	return ERR_OK;
}

static enum err
find_leaves(struct revocation *v, const uint8_t *owner)
{
	const struct acme_outside *outside = acme_port_outside(v->chore.acme->port);
	struct rr_list rrset = { 0 };
	const uint8_t *data;
	size_t n;
	enum err err = outside->lookup(outside->ctx, owner, TYPE_TLSA, &rrset);

	for (size_t i = 0; err == ERR_OK && i < rrset.n; i++)
		if (acme_tlsa_read(&rrset.v[i], &data, &n) == ACME_TLSA_LEAF)
			err = add_leaf(v, owner, data, n);
	rr_list_clear(&rrset);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

void
acme_revoke(struct acme *a, const uint8_t *host, int reason, acme_chore_done *done, void *arg)
{
	struct revocation *v = acme_chore_new(a, sizeof *v, done, arg);
	char text[DNAME_TEXT_MAX];
	struct dname owner;
	enum err err = ERR_OK;

	if (v == NULL)
		return;
	v->chore.clear = clear;
	v->reason = reason;
	if ((v->host = strdup(dname_print_host(host, text))) == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < a->nlabels; i++)
		if (dname_join(&owner, a->labels[i].name.octets, a->labels[i].n, host))
			err = find_leaves(v, owner.octets);
	if (err != ERR_OK)
		acme_chore_end(&v->chore, err, err_str(err));
	else if (v->nleaves == 0)
		acme_chore_end(&v->chore, ERR_NOT_FOUND, "no certificate is published for that host");
	else
		ask_next(v);
}
