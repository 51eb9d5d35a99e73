#include "acme/host.h"

#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/delegation.h"
#include "acme/schedule.h"
#include "acme/tlsa.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

#define ORDERS_MAX 100			/* at the same time; the rest waits its turn */
#define LOOK_SOON_MS 20			/* a changeset may touch several records of one owner */
#define LOOKS_PER_MS 2			/* each costs some signature checks, and the keeper has other work */
#define LOOK_AGAIN_S 86400		/* at the latest: clocks change, and changes may be missed */
#define REFUSED_AGAIN_S 3600		/* a zone may have come */

static void examine(struct acme_host *h);
static void run_queue(struct acme *a);

/* ---- what others see ---- */

static const char *
step(const struct acme_host *h)
{
	if (h->task != NULL)
		return acme_task_step(h->task);
	if (h->publishing != NULL)
		return "publishing the certificate";
	if (h->queued)
		return "waiting for its turn";
	return h->state == ACME_WORKING ? "about to look at the CSR" : "";
}

static const char *
text_of(const char *text)
{
	return text != NULL ? text : "";
}

struct acme_status
acme_host_status(const struct acme_host *h)
{
	return (struct acme_status){ .owner = h->owner.octets, .host = h->name, .label = h->label->text, .state = h->state,
		.names = text_of(h->names), .issuer = text_of(h->issuer), .step = step(h), .problem = text_of(h->problem),
		.csr_digest = h->csr_digest, .expires_s = h->expires_s, .next_s = h->next_s, .attempts = h->failures };
}

static void
tell(const struct acme_host *h, enum acme_event event)
{
	const struct acme_outside *outside = acme_port_outside(h->acme->port);
	struct acme_status s = acme_host_status(h);

	if (outside->event != NULL)
		outside->event(outside->ctx, event, &s);
}

/* Little is left when it is less than half of what is left at the time to renew. */
static void
tell_if_expiring(struct acme_host *h, const struct acme_certificate *leaf)
{
	int64_t renew_s = acme_certificate_renew_at_s(leaf);

	if (h->warned_s == leaf->not_after_s || clock_now_s() < renew_s + (leaf->not_after_s - renew_s) / 2)
		return;
	h->warned_s = leaf->not_after_s;
	log_warning("acme: %s: the certificate in place expires in %lld s, and there is no new one yet", h->name,
	    (long long)(leaf->not_after_s - clock_now_s()));
	tell(h, ACME_EVENT_EXPIRING);
}

/* ---- timers and ends ---- */

static void
replace_text(char **where, const char *text)
{
	char *copy = text != NULL && *text != '\0' ? strdup(text) : NULL;

	free(*where);
	*where = copy;
}

static void
look_in(struct acme_host *h, int64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	if (!h->look_due)
		event_add(h->timer, &tv);
}

/* Ten thousand looks at the start must not hold up the thread: they come in slots. */
void
acme_host_look(struct acme_host *h)
{
	struct acme *a = h->acme;
	int64_t now_ms = clock_mono_ms();

	if (h->look_due)
		return;
	if (a->look_ms < now_ms + LOOK_SOON_MS) {
		a->look_ms = now_ms + LOOK_SOON_MS;
		a->nlooks = 0;
	} else if (++a->nlooks == LOOKS_PER_MS) {
		a->look_ms++;
		a->nlooks = 0;
	}
	look_in(h, a->look_ms - now_ms);
	h->look_due = true;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct acme_host *h = arg;

	(void)fd, (void)what;
	h->look_due = false;
	examine(h);
}

struct acme_host *
acme_host_new(struct acme *a, const uint8_t *owner, const struct acme_label *label)
{
	struct acme_host *h = calloc(1, sizeof *h);
	char text[DNAME_TEXT_MAX];

	if (h == NULL)
		return NULL;
	h->acme = a;
	h->label = label;
	h->state = ACME_WORKING;
	dname_copy(&h->owner, owner);
	dname_lower(h->owner.octets, owner);
	h->name = strdup(dname_print_host(dname_skip(h->owner.octets, label->n), text));
	h->timer = event_new(a->base, -1, 0, on_timer, h);
	if (h->name == NULL || h->timer == NULL) {
		if (h->timer != NULL)
			event_free(h->timer);
		free(h->name);
		free(h);
		return NULL;
	}
	LIST_INSERT_HEAD(&a->hosts[dname_hash(owner) % ACME_BUCKETS], h, entry);
	return h;
}

static void
leave_queue(struct acme_host *h)
{
	if (h->queued)
		TAILQ_REMOVE(&h->acme->waiting, h, turn);
	h->queued = false;
	acme_csr_free(h->csr);
	h->csr = NULL;
}

void
acme_host_free(struct acme_host *h)
{
	leave_queue(h);
	LIST_REMOVE(h, entry);
	acme_port_cancel(h->publishing);
	acme_task_free(h->task);
	acme_chain_clear(&h->chain);
	event_free(h->timer);
	free(h->name);
	free(h->names);
	free(h->issuer);
	free(h->problem);
	free(h);
}

/* ---- what became of an order ---- */

static void
failed(struct acme_host *h, const char *words, int64_t retry_after_s)
{
	const struct acme_config *config = &h->acme->config;
	int64_t delay_s;

	h->failures++;
	delay_s = acme_backoff_s(h->failures, config->retry_first_s, config->retry_most_s, random_below(256),
	    retry_after_s);
	replace_text(&h->problem, words);
	h->state = ACME_WAITING_RETRY;
	h->retry_at_ms = clock_mono_ms() + delay_s * 1000;
	h->next_s = clock_now_s() + delay_s;
	log_warning("acme: %s: no certificate: %s; failure %u in a row, next attempt in %lld s", h->name, words,
	    h->failures, (long long)delay_s);
	tell(h, ACME_EVENT_FAILED);
	look_in(h, delay_s * 1000);
}

static void
on_result_published(void *arg, enum err err, const char *words)
{
	struct acme_host *h = arg;
	struct buf text = { 0 };

	h->publishing = NULL;
	if (err != ERR_OK) {
		buf_printf(&text, "the certificate was issued but cannot be published: %s", words);
		const char *s = buf_str(&text);
		failed(h, s != NULL ? s : words, -1);
		buf_clear(&text);
		return;
	}
	acme_chain_clear(&h->chain);
	h->failures = 0;
	h->forced = false;
	h->retry_at_ms = 0;
	replace_text(&h->problem, NULL);
	log_info("acme: %s: certificate published", h->name);
	h->published = true;
	examine(h);
}

/* h->chain into the zone, in one edit. */
static enum err
publish_result(struct acme_host *h, const struct rr_list *rrset)
{
	const struct acme_outside *outside = acme_port_outside(h->acme->port);
	struct rr_list remove = { 0 }, add = { 0 };
	struct dname apex;
	bool editable = false;
	char why[300];
	enum err err = acme_tlsa_replace(h->owner.octets, rrset, &h->chain, &remove, &add);

	snprintf(why, sizeof why, "certificate for %.253s", h->name);
	if (err == ERR_OK && !outside->zone_of(outside->ctx, h->owner.octets, &apex, &editable))
		err = ERR_NOT_FOUND;
	if (err == ERR_OK) {
		struct acme_edit edit = { .zone = apex.octets, .remove = remove.v, .nremove = remove.n, .add = add.v,
			.nadd = add.n, .why = why };

		err = acme_port_edit(h->acme->port, &edit, on_result_published, h, &h->publishing);
	}
	rr_list_clear(&remove);
	rr_list_clear(&add);
	return err;
}

/* A certificate that we would order again at once must not be taken, or there is no end. */
static enum err
chain_usable(const struct acme_chain *chain, struct fault *f)
{
	struct acme_certificate leaf;
	enum err err = acme_certificate_parse(chain->v[0].octets, chain->v[0].n, &leaf, f);
	int64_t now_s = clock_now_s();

	if (err != ERR_OK)
		return err;
	if (now_s < leaf.not_before_s)
		err = fault_set(f, ERR_RANGE,
		    "the CA's new certificate is not valid yet; is this machine's clock right?");
	else if (now_s >= acme_certificate_renew_at_s(&leaf))
		err = fault_set(f, ERR_RANGE,
		    "the CA's new certificate is already due for renewal; is this machine's clock right?");
	acme_certificate_clear(&leaf);
	return err;
}

static bool
digest_csr(const struct acme_csr *csr, uint8_t digest[SHA256_DIGEST_LENGTH])
{
	size_t n;
	const uint8_t *der = acme_csr_der(csr, &n);

	return EVP_Digest(der, n, digest, NULL, EVP_sha256(), NULL) == 1;
}

static bool
is_for(const struct acme_task *t, const struct acme_host *h)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	return digest_csr(acme_task_csr(t), digest) && memcmp(digest, h->csr_digest, sizeof digest) == 0;
}

/* examine() then finds the chain and publishes it, if the CSR is still the one that it answers. */
static void
on_task_done(void *arg, struct acme_task *t, const struct acme_order_result *r)
{
	struct acme_host *h = arg;
	struct acme *a = h->acme;
	struct fault f = { 0 };

	h->task = NULL;
	a->running--;
	if (r->err == ERR_OK)
		acme_authority_worked(h->authority);
	if (h->gone)
		acme_host_free(h);
	else if (r->err == ERR_CANCELLED || !is_for(t, h))
		look_in(h, 0);
	else if (r->err != ERR_OK)
		failed(h, r->words, r->retry_after_s);
	else if (chain_usable(r->chain, &f) != ERR_OK)
		failed(h, f.text, -1);
	else {
		h->chain = *r->chain;
		*r->chain = (struct acme_chain){ 0 };
		look_in(h, 0);
	}
	run_queue(a);
}

/* ---- orders ---- */

/* An account that was deactivated is nobody to order with, as long as there is another. */
static void
leave_out_unusable(struct acme_ranking *choice)
{
	struct acme_ranking all = *choice;

	choice->n = 0;
	for (size_t i = 0; i < all.n; i++)
		if (acme_client_usable(all.v[i]->client, NULL))
			choice->v[choice->n++] = all.v[i];
	if (choice->n == 0)
		*choice = all;
}

/* The label's authority, or else those of its zone. */
static void
choose(const struct acme_host *h, struct acme_ranking *out)
{
	struct acme *a = h->acme;
	const struct acme_outside *outside = acme_port_outside(a->port);
	const char *own[] = { h->label->config->authority, NULL };
	const char *const *names = own;
	struct dname apex;
	bool editable;

	if (own[0] == NULL)
		names = outside->authorities != NULL &&
		    outside->zone_of(outside->ctx, h->owner.octets, &apex, &editable) ?
		    outside->authorities(outside->ctx, apex.octets) : NULL;
	acme_ranking_read(&a->authorities, names, out);
	leave_out_unusable(out);
}

static void
start(struct acme_host *h)
{
	struct acme *a = h->acme;
	struct acme_task_setup setup = { .port = a->port, .base = a->base, .host = h->name,
		.challenge_ttl_s = a->config.challenge_ttl, .propagation_timeout_s = a->config.propagation_timeout_s,
		.done = on_task_done, .arg = h, .resolve = a->resolve };
	struct acme_csr *csr = h->csr;
	struct acme_ranking choice;
	enum err err;

	choose(h, &choice);		/* not empty: may_order() has seen to that */
	h->authority = acme_ranking_pick(&choice, INT32_MAX, clock_mono_ms());
	setup.client = h->authority->client;
	setup.profile = h->label->config->profile != NULL ? h->label->config->profile : h->authority->config->profile;
	setup.preferred_chain = h->authority->config->preferred_chain;
	h->csr = NULL;
	leave_queue(h);
	if ((err = acme_task_start(&setup, csr, &h->task)) != ERR_OK) {
		acme_csr_free(csr);
		failed(h, err_str(err), -1);
		return;
	}
	a->running++;
	log_info("acme: %s: ordering a certificate for %s", h->name, h->names != NULL ? h->names : "");
}

static void
run_queue(struct acme *a)
{
	while (a->running < ORDERS_MAX && !TAILQ_EMPTY(&a->waiting))
		start(TAILQ_FIRST(&a->waiting));
}

static void
order(struct acme_host *h, struct acme_assessment *as)
{
	h->state = ACME_WORKING;
	h->next_s = 0;
	if (!h->look_due)
		event_del(h->timer);
	acme_csr_free(h->csr);
	h->csr = as->csr;
	as->csr = NULL;
	if (!h->queued)
		TAILQ_INSERT_TAIL(&h->acme->waiting, h, turn);
	h->queued = true;
	run_queue(h->acme);
	tell(h, ACME_EVENT_STATE);
}

/* ---- decisions ---- */

/* Every name's challenge in a zone that we may change, at least by delegation (else no order could ever work). */
static enum err
names_provable(const struct acme *a, const struct acme_authority *authority, const struct acme_csr *csr, struct fault *f)
{
	const struct acme_names *names = acme_csr_names(csr);
	struct acme_challenge_means means = acme_client_means(authority->client);
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < names->n; i++)
		err = acme_delegation_judge(acme_port_outside(a->port), &means, acme_resolve_outside_allowed(a->resolve),
		    names->v[i], f);
	return err;
}

static enum err
may_order(const struct acme_host *h, const struct acme_csr *csr, struct fault *f)
{
	struct acme_ranking choice;

	choose(h, &choice);
	if (choice.n == 0)
		return fault_set(f, ERR_REFUSED, "no ACME authority is configured (acme: authorities:)");
	return acme_client_usable(choice.v[0]->client, f) ? names_provable(h->acme, choice.v[0], csr, f) : ERR_REFUSED;
}

static void
refuse(struct acme_host *h, const char *why)
{
	leave_queue(h);
	if (h->state != ACME_REFUSED || h->problem == NULL || strcmp(h->problem, why) != 0)
		log_warning("acme: %s: no certificate will be ordered: %s", h->name, why);
	h->state = ACME_REFUSED;
	h->next_s = 0;
	replace_text(&h->problem, why);
	look_in(h, REFUSED_AGAIN_S * 1000);
	tell(h, ACME_EVENT_STATE);
}

static void
rest(struct acme_host *h, const struct acme_assessment *as)
{
	int64_t left_s;

	leave_queue(h);
	h->state = ACME_IDLE_VALID;
	h->failures = 0;
	h->retry_at_ms = 0;
	replace_text(&h->problem, NULL);
	h->next_s = acme_renewal_s(&as->leaf, dname_hash(h->owner.octets));
	left_s = h->next_s - clock_now_s();
	if (as->nleaves > 1)
		log_warning("acme: %s: %zu certificates are there; the next issuance leaves one", h->name, as->nleaves);
	look_in(h, (left_s < 0 ? 0 : left_s > LOOK_AGAIN_S ? LOOK_AGAIN_S : left_s) * 1000);
	tell(h, !h->published ? ACME_EVENT_STATE : h->replaces ? ACME_EVENT_RENEWED : ACME_EVENT_ISSUED);
	h->published = false;
}

/* What the RRset says into what acme_each() tells; true: another CSR than before. */
static bool
note(struct acme_host *h, const struct acme_assessment *as)
{
	uint8_t digest[SHA256_DIGEST_LENGTH] = { 0 };
	struct buf names = { 0 };
	bool changed;

	if (as->csr != NULL) {
		digest_csr(as->csr, digest);
		acme_names_print(acme_csr_names(as->csr), &names);
	}
	changed = memcmp(digest, h->csr_digest, sizeof digest) != 0;
	memcpy(h->csr_digest, digest, sizeof digest);
	replace_text(&h->names, buf_str(&names));
	replace_text(&h->issuer, as->has_leaf ? as->leaf.issuer : NULL);
	h->expires_s = as->has_leaf ? as->leaf.not_after_s : 0;
	buf_clear(&names);
	return changed;
}

/* A new CSR owes nothing to the failures of the old one. */
static void
begin_anew(struct acme_host *h)
{
	if (h->chain.n > 0)
		log_info("acme: %s: the CSR was replaced: the certificate for the old one is discarded", h->name);
	acme_chain_clear(&h->chain);
	h->failures = 0;
	h->retry_at_ms = 0;
	replace_text(&h->problem, NULL);
	leave_queue(h);
}

static void
pursue(struct acme_host *h, const struct rr_list *rrset, struct acme_assessment *as)
{
	int64_t left_ms = h->retry_at_ms - clock_mono_ms();
	struct fault f = { 0 };
	enum err err;

	if (may_order(h, as->csr, &f) != ERR_OK)
		refuse(h, f.text);
	else if (left_ms > 0) {
		h->state = ACME_WAITING_RETRY;
		look_in(h, left_ms);
	} else if (h->chain.n > 0 && chain_usable(&h->chain, &f) == ERR_OK) {
		h->state = ACME_WORKING;
		h->next_s = 0;
		h->replaces = as->has_leaf;
		if ((err = publish_result(h, rrset)) != ERR_OK)
			failed(h, err_str(err), -1);
	} else {
		acme_chain_clear(&h->chain);
		order(h, as);
	}
}

static void
decide(struct acme_host *h, const struct rr_list *rrset, struct acme_assessment *as)
{
	bool changed = note(h, as);

	if (changed)
		begin_anew(h);
	if (as->verdict == VERDICT_NOTHING) {
		h->gone = true;
		tell(h, ACME_EVENT_GONE);
		if (h->task != NULL)
			acme_task_abort(h->task, "the CSR was removed");	/* frees h in the end */
		else
			acme_host_free(h);
		return;
	}
	h->gone = false;
	if (as->has_leaf)
		tell_if_expiring(h, &as->leaf);
	if (h->task != NULL) {
		/* Its end looks again.  An order for the same CSR goes on. */
		if (changed) {
			log_info("acme: %s: the CSR was replaced while its order ran: starting over", h->name);
			acme_task_abort(h->task, "the CSR was replaced");
		}
		return;
	}
	if (as->verdict == VERDICT_REFUSED)
		refuse(h, as->fault.text);
	else if (as->verdict == VERDICT_VALID && !h->forced && h->chain.n == 0)
		rest(h, as);
	else
		pursue(h, rrset, as);
}

/* May free h. */
static void
examine(struct acme_host *h)
{
	const struct acme_outside *outside = acme_port_outside(h->acme->port);
	struct acme_assessment as = { 0 };
	struct rr_list rrset = { 0 };
	enum err err;

	if (h->publishing != NULL)
		return;			/* its end looks again */
	err = outside->lookup(outside->ctx, h->owner.octets, TYPE_TLSA, &rrset);
	if (err == ERR_OK || err == ERR_NOT_FOUND) {
		acme_assess(&rrset, clock_now_s(), &as);
		decide(h, &rrset, &as);
		acme_assessment_clear(&as);
	} else {
		log_error("acme: %s: cannot look up its CSR: %s", h->name, err_str(err));
		look_in(h, (int64_t)h->acme->config.retry_first_s * 1000);
	}
	rr_list_clear(&rrset);
}

void
acme_host_renew(struct acme_host *h)
{
	h->forced = true;
	h->failures = 0;
	h->retry_at_ms = 0;
	look_in(h, 0);
}
