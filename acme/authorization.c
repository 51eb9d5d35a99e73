#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/order_internal.h"

#define AUTHORIZATIONS_MAX 1000

static on_reply_fn on_authorization, on_challenge, on_poll;

/* ---- the records ---- */

/* Remember what proves a pending authorization.  A record that is known from an earlier look is kept once. */
static enum err
txt_add(struct acme_order *o, const struct acme_choice *c)
{
	struct acme_txt *v;

	for (size_t i = 0; i < o->ntxts; i++)
		if (strcmp(o->txts[i].value, c->value) == 0 && dname_equal(o->txts[i].owner.octets, c->owner.octets))
			return ERR_OK;
	if ((v = realloc(o->txts, (o->ntxts + 1) * sizeof *v)) == NULL)
		return ERR_NOMEM;
	o->txts = v;
	v += o->ntxts++;
	v->owner = c->owner;
	memcpy(v->value, c->value, sizeof v->value);
	return ERR_OK;
}

/* One record speaks for a name and its wildcard. */
static enum err
standing_add(struct acme_order *o, struct acme_choice *c)
{
	struct acme_standing *v;

	for (size_t i = 0; i < o->nstanding; i++)
		if (dname_equal(o->standing[i].owner.octets, c->owner.octets)) {
			o->standing[i].wildcard |= c->standing.wildcard;
			return ERR_OK;
		}
	if ((v = realloc(o->standing, (o->nstanding + 1) * sizeof *v)) == NULL)
		return ERR_NOMEM;
	o->standing = v;
	v[o->nstanding++] = c->standing;
	c->standing = (struct acme_standing){ 0 };
	return ERR_OK;
}

/* ---- judging ---- */

/* Did we ask for this?  Else a CA could make us publish TXT records wherever it likes. */
static bool
is_ours(const struct acme_order *o, const struct acme_authorization *a)
{
	const struct acme_names *names = acme_csr_names(o->setup.csr);

	for (size_t i = 0; i < names->n; i++) {
		bool wildcard = strncmp(names->v[i], "*.", 2) == 0;

		if (wildcard == a->wildcard && strcasecmp(names->v[i] + (wildcard ? 2 : 0), a->name) == 0)
			return true;
	}
	return false;
}

/* Not what we ordered: this CA cannot be used for it. */
static enum acme_want
fail_odd(struct acme_order *o, const char *what, const char *name)
{
	char words[400];

	snprintf(words, sizeof words, "%s %.253s", what, name);
	return order_fail(o, ERR_PEER, words);
}

static enum acme_want
take_challenge(struct acme_order *o, const struct acme_authorization *a)
{
	struct authorization *mine = &o->authorizations[o->at];
	struct acme_choice c;
	struct fault f = { 0 };
	enum err err = acme_challenge_choose(&o->setup.means, a->challenges, a->name, a->wildcard, &c, &f);

	if (err != ERR_OK)
		return order_fail(o, err, f.text);
	free(mine->challenge);
	free(mine->name);
	mine->name = strdup(a->name);
	mine->challenge = strdup(c.challenge.url);
	mine->respond = c.challenge.status == CHALLENGE_PENDING;
	err = c.type == ACME_DNS_PERSIST_01 ? standing_add(o, &c) : txt_add(o, &c);
	acme_choice_clear(&c);
	if (err != ERR_OK || mine->challenge == NULL || mine->name == NULL)
		return order_fail_nomem(o);
	return ACME_POST;
}

/* ACME_POST stands for "go on"; anything else is the end. */
static enum acme_want
judge_authorization(struct acme_order *o, const struct acme_authorization *a)
{
	struct authorization *mine = &o->authorizations[o->at];

	if (!is_ours(o, a))
		return fail_odd(o, "the CA wants proof for a name that was not ordered:", a->name);
	switch (a->status) {
	case AUTHORIZATION_PENDING:
		return take_challenge(o, a);
	case AUTHORIZATION_VALID:
		free(mine->challenge);
		mine->challenge = NULL;
		return ACME_POST;
	case AUTHORIZATION_INVALID:
		return order_fail_problem(o, "the CA does not accept the proof for", a->name, a->error);
	case AUTHORIZATION_DEACTIVATED:
	case AUTHORIZATION_EXPIRED:
	case AUTHORIZATION_REVOKED:
		break;
	}
	return order_fail_problem(o, "the CA has deactivated, revoked or let expire the authorization for", a->name,
	    a->error);
}

/* ---- one after the other ---- */

/* From o->at on, the next authorization that has something to prove; nauthorizations: none. */
static size_t
next_open(const struct acme_order *o)
{
	size_t i = o->at;

	while (i < o->nauthorizations && o->authorizations[i].challenge == NULL)
		i++;
	return i;
}

static enum acme_want
poll_next(struct acme_order *o)
{
	if ((o->at = next_open(o)) < o->nauthorizations) {
		order_step(o, "waiting for the CA to check %s", o->authorizations[o->at].name);
		return order_get(o, o->authorizations[o->at].url, on_poll);
	}
	o->polls = 1;
	order_step(o, "waiting for the order to be ready");
	return order_get(o, o->order_url, order_on_order);
}

static enum acme_want
respond_next(struct acme_order *o)
{
	for (; (o->at = next_open(o)) < o->nauthorizations; o->at++)
		if (o->authorizations[o->at].respond) {
			order_step(o, "asking the CA to check %s", o->authorizations[o->at].name);
			return order_post(o, o->authorizations[o->at].challenge, "{}", on_challenge);
		}
	o->at = 0;
	o->polls = 0;
	return poll_next(o);
}

static enum acme_want
on_authorization(struct acme_order *o, const struct acme_reply *r)
{
	struct acme_authorization a;
	struct fault f = { 0 };
	enum err err = acme_authorization_read(r->body, r->n, &a, &f);
	enum acme_want want;

	if (err != ERR_OK)
		return order_fail(o, err, f.text);
	want = judge_authorization(o, &a);
	acme_authorization_clear(&a);
	if (want != ACME_POST)
		return want;
	if (++o->at < o->nauthorizations)
		return order_get(o, o->authorizations[o->at].url, on_authorization);
	o->at = 0;
	if (next_open(o) == o->nauthorizations)
		return poll_next(o);
	o->publish_tried = true;
	order_step(o, "publishing the challenge");
	return ACME_PUBLISH;
}

enum acme_want
acme_order_published(struct acme_order *o, enum err err, const char *words)
{
	if (err != ERR_OK)	/* whatever the reason: it is on our side, and no other CA would have more luck */
		return order_fail_because(o, (struct acme_cause){ BLAME_LOCAL, AGAIN_SOON }, err, words);
	order_step(o, "waiting for the name servers to show the challenge");
	return ACME_CHECK;
}

enum acme_want
acme_order_checked(struct acme_order *o, enum err err, const char *words)
{
	if (err != ERR_OK)
		return order_fail_because(o, (struct acme_cause){ BLAME_HOST, AGAIN_SOON }, err, words);
	o->at = 0;
	return respond_next(o);
}

static enum acme_want
on_challenge(struct acme_order *o, const struct acme_reply *r)
{
	(void)r;
	o->authorizations[o->at].respond = false;
	o->at++;
	return respond_next(o);
}

static enum acme_want
on_poll(struct acme_order *o, const struct acme_reply *r)
{
	struct acme_authorization a;
	struct fault f = { 0 };
	enum err err = acme_authorization_read(r->body, r->n, &a, &f);
	enum acme_want want;

	if (err != ERR_OK)
		return order_fail(o, err, f.text);
	if (a.status == AUTHORIZATION_PENDING)
		want = order_sleep_then_get(o, o->authorizations[o->at].url, on_poll, o->polls++, r->retry_after_s);
	else if ((want = judge_authorization(o, &a)) == ACME_POST) {
		o->polls = 0;
		want = poll_next(o);
	}
	acme_authorization_clear(&a);
	return want;
}

enum acme_want
order_prove(struct acme_order *o, const struct acme_order_object *object)
{
	size_t n = json_array_size(object->authorizations);

	if (n > AUTHORIZATIONS_MAX)
		return order_fail(o, ERR_PEER, "the CA's order has too many authorizations");
	if (o->authorizations == NULL) {
		if ((o->authorizations = calloc(n, sizeof *o->authorizations)) == NULL)
			return order_fail_nomem(o);
		o->nauthorizations = n;
		for (size_t i = 0; i < n; i++) {
			const char *url = json_string_value(json_array_get(object->authorizations, i));

			if ((o->authorizations[i].url = strdup(url)) == NULL)
				return order_fail_nomem(o);
		}
	}
	o->at = 0;
	order_step(o, "reading what is to be proved");
	return order_get(o, o->authorizations[0].url, on_authorization);
}
