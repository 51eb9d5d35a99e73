#include "acme/host.h"

#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

#define LOOK_SOON_MS 1			/* a changeset may touch several records of one owner */
#define LOOKS_PER_MS 2			/* each costs some signature checks, and the keeper has other work */
#define LOOK_AGAIN_S 86400		/* at the latest: clocks change, and changes may be missed */
#define REFUSED_AGAIN_S 3600		/* a zone may have come */

static void examine(struct acme_host *h);

/* ---- what others see ---- */

static const char *
step(const struct acme_host *h)
{
	if (h->task != NULL)
		return acme_task_step(h->task);
	if (h->publishing != NULL)
		return "publishing the certificate";
	if (h->turn.at != NULL)
		return acme_queue_reason(h);
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
	bool asking = h->state != ACME_IDLE_VALID && h->authority != NULL;

	const char *problem = h->problem != NULL ? h->problem : h->turn.at != NULL && h->turn.at->stopped ?
	    h->turn.at->problem : NULL;

	return (struct acme_status){ .owner = h->owner.octets, .host = h->name, .label = h->label->text,
	    .state = h->state,
		.names = text_of(h->names), .issuer = text_of(h->issuer), .step = step(h), .problem = text_of(problem),
		.problem_type = h->problem_type, .authority = asking ? h->authority->name : text_of(h->issued_by),
		.csr_digest = h->csr_digest, .expires_s = h->expires_s, .next_s = h->next_s, .attempts = h->failures };
}

void
acme_host_tell(const struct acme_host *h, enum acme_event event)
{
	const struct acme_outside *outside = acme_port_outside(h->acme->port);
	struct acme_status s = acme_host_status(h);

	if (outside->event != NULL)
		outside->event(outside->ctx, event, &s);
}

int64_t
acme_host_left_s(const struct acme_host *h)
{
	int64_t left_s = h->renewal.life.not_after_s - acme_renewal_now_s(&h->renewal, clock_now_s());

	return left_s > 0 ? left_s : 0;
}

static int64_t
due_s(const struct acme_host *h)
{
	return acme_renewal_due_s(&h->renewal, dname_hash(h->owner.octets));
}

/* Little is left when it is less than half of what is left at the time to renew. */
static void
tell_if_expiring(struct acme_host *h)
{
	int64_t ends_s = h->renewal.life.not_after_s, left_s = acme_host_left_s(h);

	if (h->warned_s == ends_s || left_s > (ends_s - due_s(h)) / 2)
		return;
	h->warned_s = ends_s;
	log_warning("acme: %s: the certificate in place expires in %lld s, and there is no new one yet", h->name,
	    (long long)left_s);
	acme_host_save(h);
	acme_host_tell(h, ACME_EVENT_EXPIRING);
}

/* ---- timers and ends ---- */

void
acme_text_replace(char **where, const char *text)
{
	char *copy = text != NULL && *text != '\0' ? strdup(text) : NULL;

	free(*where);
	*where = copy;
}

/* Words may quote what a peer sent, or end within a character; what is kept of the host is JSON, which takes UTF-8
 * only. */
static void
make_utf8(char *text)
{
	json_t *json = json_string(text);

	for (; json == NULL && *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			*text = '?';
	json_decref(json);
}

void
acme_host_problem(struct acme_host *h, const char *words, const char *type)
{
	acme_text_replace(&h->problem, words);
	snprintf(h->problem_type, sizeof h->problem_type, "%s", type);
	if (h->problem != NULL)
		make_utf8(h->problem);
	make_utf8(h->problem_type);
}

void
acme_host_look_in(struct acme_host *h, int64_t ms)
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
	acme_host_look_in(h, a->look_ms - now_ms);
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
	acme_host_restore(h);
	LIST_INSERT_HEAD(&a->hosts[dname_hash(owner) % ACME_BUCKETS], h, entry);
	return h;
}

static void
leave_queue(struct acme_host *h)
{
	acme_queue_leave(&h->acme->queue, h);
	acme_csr_free(h->csr);
	h->csr = NULL;
}

void
acme_host_free(struct acme_host *h)
{
	leave_queue(h);
	LIST_REMOVE(h, entry);
	acme_host_stop_asking(h);
	acme_port_cancel(h->publishing);
	acme_task_free(h->task);
	acme_chain_clear(&h->chain);
	event_free(h->timer);
	free(h->name);
	free(h->names);
	free(h->issuer);
	free(h->problem);
	free(h->issued_by);
	free(h);
}

/* ---- decisions ---- */

/* Could its certificate be put beside the CSR?  A challenge can be delegated, this cannot. */
static enum err
may_publish(const struct acme_host *h, struct fault *f)
{
	const struct acme_outside *outside = acme_port_outside(h->acme->port);
	struct acme_place p;
	char zone[DNAME_TEXT_MAX];

	outside->place(outside->ctx, h->owner.octets, &p);
	if (p.kind == ACME_PLACE_FOREIGN || p.why_not == NULL)
		return ERR_OK;
	return fault_set(f, ERR_REFUSED, "no certificate can be published beside the CSR: the zone %.200s may not be "
	    "changed here: %.200s; bring the CSR to a host in another zone and delegate the challenges of its names%s",
	    dname_print_host(p.zone.octets, zone), p.why_not, strstr(p.why_not, "signed") == NULL ? "" :
	    ", or let certns be the hidden secondary of whoever signs the zone, with a key to update it there");
}

static enum err
may_order(const struct acme_host *h, const struct acme_csr *csr, struct fault *f)
{
	struct acme_ranking choice;
	enum err err = may_publish(h, f);

	if (err != ERR_OK)
		return err;

	acme_host_rank(h, &choice);
	if (choice.n == 0)
		return fault_set(f, ERR_REFUSED, "no ACME authority is configured (acme: authorities:)");
	return acme_client_usable(choice.v[0]->client, f) ? acme_host_judge(h->acme, h->label, &choice, csr, NULL, f) :
	    ERR_REFUSED;
}

static void
refuse(struct acme_host *h, const char *why)
{
	leave_queue(h);
	if (h->state != ACME_REFUSED || h->problem == NULL || strcmp(h->problem, why) != 0)
		log_warning("acme: %s: no certificate will be ordered: %s", h->name, why);
	h->state = ACME_REFUSED;
	h->next_s = 0;
	acme_host_problem(h, why, "");
	acme_host_look_in(h, REFUSED_AGAIN_S * 1000);
	acme_host_tell(h, ACME_EVENT_STATE);
}

/* Until it is time to renew, or to ask the CA about that; a changed clock is found sooner by acme/acme.c. */
static void
rest(struct acme_host *h, size_t nleaves)
{
	int64_t now_s = clock_now_s(), due_in_s = due_s(h) - acme_renewal_now_s(&h->renewal, now_s);
	int64_t poll_s = acme_renewal_poll_s(&h->renewal, now_s), wait_s = LOOK_AGAIN_S;

	leave_queue(h);
	acme_store_drop(h->acme->store, h->owner.octets);
	h->state = ACME_IDLE_VALID;
	h->failures = 0;
	h->retry_at_ms = 0;
	acme_host_problem(h, NULL, "");
	h->next_s = now_s + due_in_s;
	if (nleaves > 1)
		log_warning("acme: %s: %zu certificates are there; the next issuance leaves one", h->name, nleaves);
	if (wait_s > due_in_s)
		wait_s = due_in_s;
	if (h->asking == NULL && wait_s > poll_s - now_s)
		wait_s = poll_s - now_s;
	acme_host_look_in(h, (wait_s < 0 ? 0 : wait_s) * 1000);
	acme_host_tell(h, !h->published ? ACME_EVENT_STATE : h->replaces ? ACME_EVENT_RENEWED : ACME_EVENT_ISSUED);
	h->published = false;
}

/* The plan is about the certificate in place, whoever put it there. */
static void
note_leaf(struct acme_host *h, const struct acme_assessment *as)
{
	struct acme_lifetime life = { as->leaf.not_before_s, as->leaf.not_after_s };
	char id[ACME_ARI_ID_SIZE];
	bool ours = memcmp(&life, &h->fresh, sizeof life) == 0;

	acme_ari_id(as->leaf_der, as->leaf_n, id);
	if (!acme_renewal_begin(&h->renewal, id, &life, ours, random_below(UINT32_MAX), clock_now_s()))
		return;
	acme_host_stop_asking(h);
	if (!ours)
		acme_text_replace(&h->issued_by, NULL);
	acme_host_save(h);
}

/* What the RRset says into what acme_each() tells; true: another CSR than before. */
static bool
note(struct acme_host *h, const struct acme_assessment *as)
{
	uint8_t digest[SHA256_DIGEST_LENGTH] = { 0 };
	struct buf names = { 0 };
	bool changed;

	if (as->csr != NULL) {
		(void)acme_csr_digest(as->csr, digest);
		acme_names_print(acme_csr_names(as->csr), &names);
	}
	changed = memcmp(digest, h->csr_digest, sizeof digest) != 0;
	memcpy(h->csr_digest, digest, sizeof digest);
	acme_text_replace(&h->names, buf_str(&names));
	acme_text_replace(&h->issuer, as->has_leaf ? as->leaf.issuer : NULL);
	h->expires_s = as->has_leaf ? as->leaf.not_after_s : 0;
	buf_clear(&names);
	if (as->has_leaf)
		note_leaf(h, as);
	else if (h->renewal.life.not_after_s != 0) {
		acme_host_stop_asking(h);
		h->renewal = (struct acme_renewal){ 0 };
	}
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
	h->refused_by = 0;
	acme_host_problem(h, NULL, "");
	leave_queue(h);
}

static void
pursue(struct acme_host *h, const struct rr_list *rrset, struct acme_assessment *as)
{
	int64_t left_ms = h->retry_at_ms - clock_mono_ms();
	struct fault f = { 0 };

	if (may_order(h, as->csr, &f) != ERR_OK) {
		acme_store_tidy(h->acme->store, h->owner.octets);
		refuse(h, f.text);
	} else if (left_ms > 0) {
		h->state = ACME_WAITING_RETRY;
		h->next_s = clock_now_s() + left_ms / 1000;
		acme_host_look_in(h, left_ms);
		acme_host_tell(h, ACME_EVENT_STATE);
	} else if (h->chain.n > 0) {
		h->replaces = as->has_leaf;
		acme_host_publish(h, rrset);
	} else {
		acme_host_order(h, as->csr);
		as->csr = NULL;
	}
}

/* The certificate in place, is it to be replaced now? */
static bool
is_due(const struct acme_host *h, const struct acme_assessment *as)
{
	return h->forced || acme_renewal_now_s(&h->renewal, clock_now_s()) >= due_s(h) ||
	    acme_revoked_certificate(h->acme->revoked, as->leaf_der, as->leaf_n);
}

/* The certificate in place was issued after the order of before was placed: it came another way (by git, by a
 * transfer), and what we remember is a backup's.  Going on would bring an older certificate. */
static void
drop_order_of_the_past(struct acme_host *h, const struct acme_assessment *as)
{
	const struct acme_memory *m = acme_store_find(h->acme->store, h->owner.octets);

	if (m != NULL && as->has_leaf && m->since_s < as->leaf.not_before_s)
		acme_store_drop(h->acme->store, h->owner.octets);
}

static void
digest_rrset(const struct rr_list *rrset, uint8_t digest[SHA256_DIGEST_LENGTH])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	memset(digest, 0, SHA256_DIGEST_LENGTH);
	if (md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1) {
		for (size_t i = 0; i < rrset->n; i++) {
			EVP_DigestUpdate(md, &rrset->v[i].rdlen, sizeof rrset->v[i].rdlen);
			EVP_DigestUpdate(md, rrset->v[i].rdata, rrset->v[i].rdlen);
		}
		EVP_DigestFinal_ex(md, digest, NULL);
	}
	EVP_MD_CTX_free(md);
}

static void
decide(struct acme_host *h, const struct rr_list *rrset, struct acme_assessment *as)
{
	bool changed = note(h, as);

	memset(h->settled, 0, sizeof h->settled);
	if (changed)
		begin_anew(h);
	if (as->verdict == VERDICT_NOTHING) {
		h->gone = true;
		acme_host_forget(h);
		acme_host_tell(h, ACME_EVENT_GONE);
		if (h->task != NULL) {
			acme_task_abort(h->task, "the CSR was removed");	/* frees h in the end */
		} else {
			acme_store_drop(h->acme->store, h->owner.octets);
			acme_host_free(h);
		}
		return;
	}
	h->gone = false;
	if (as->has_leaf) {
		acme_host_ask(h);
		tell_if_expiring(h);
	}
	if (h->task != NULL) {
		/* Its end looks again.  An order for the same CSR goes on. */
		if (changed) {
			log_info("acme: %s: the CSR was replaced while its order ran: starting over", h->name);
			acme_task_abort(h->task, "the CSR was replaced");
		}
		return;
	}
	drop_order_of_the_past(h, as);
	if (as->verdict == VERDICT_REFUSED) {
		acme_store_drop(h->acme->store, h->owner.octets);
		refuse(h, as->fault.text);
	} else if (as->verdict == VERDICT_VALID && h->chain.n == 0 && !is_due(h, as) &&
	    !acme_store_unfinished(h->acme->store, h->owner.octets, h->csr_digest)) {
		digest_rrset(rrset, h->settled);
		rest(h, as->nleaves);
	} else
		pursue(h, rrset, as);
}

/* ---- what need not be read again ---- */

static bool
any_revoked(const struct acme_host *h, const struct rr_list *rrset)
{
	const uint8_t *data;
	size_t n;

	for (size_t i = 0; i < rrset->n; i++)
		if (acme_tlsa_read(&rrset->v[i], &data, &n) == ACME_TLSA_LEAF &&
		    acme_revoked_certificate(h->acme->revoked, data, n))
			return true;
	return false;
}

/* Nothing has changed since we last had only to wait, and it is still so. */
static bool
is_settled(const struct acme_host *h, const struct rr_list *rrset)
{
	static const uint8_t none[SHA256_DIGEST_LENGTH];
	uint8_t digest[SHA256_DIGEST_LENGTH];

	if (memcmp(h->settled, none, sizeof none) == 0 || h->task != NULL || h->chain.n > 0 || h->forced ||
	    h->published || acme_renewal_now_s(&h->renewal, clock_now_s()) >= due_s(h) || any_revoked(h, rrset) ||
	    acme_store_unfinished(h->acme->store, h->owner.octets, h->csr_digest))
		return false;
	digest_rrset(rrset, digest);
	return memcmp(digest, h->settled, sizeof digest) == 0;
}

/* Is there one CSR, the one that we know? */
static bool
has_our_csr(const struct acme_host *h, const struct rr_list *rrset)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	const uint8_t *data;
	size_t n, ncsrs = 0;
	bool ours = false;

	for (size_t i = 0; i < rrset->n; i++)
		if (acme_tlsa_read(&rrset->v[i], &data, &n) == ACME_TLSA_CSR && ++ncsrs == 1)
			ours = EVP_Digest(data, n, digest, NULL, EVP_sha256(), NULL) == 1 &&
			    memcmp(digest, h->csr_digest, sizeof digest) == 0;
	return ours && ncsrs == 1;
}

/* Most looks find nothing new: after an answer about the renewal, or once a day.  A new certificate for the CSR that is
 * still there goes in as it is.  True: that was all. */
static bool
examine_quickly(struct acme_host *h, const struct rr_list *rrset)
{
	if (h->chain.n > 0 && h->task == NULL && !h->gone && h->retry_at_ms <= clock_mono_ms() &&
	    has_our_csr(h, rrset)) {
		h->replaces = h->renewal.life.not_after_s != 0;
		acme_host_publish(h, rrset);
		return true;
	}
	if (!is_settled(h, rrset))
		return false;
	acme_host_ask(h);
	tell_if_expiring(h);
	rest(h, 1);
	return true;
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
	if (err == ERR_OK && examine_quickly(h, &rrset))
		;
	else if (err == ERR_OK || err == ERR_NOT_FOUND) {
		acme_assess(&rrset, &as);
		decide(h, &rrset, &as);
		acme_assessment_clear(&as);
	} else {
		log_error("acme: %s: cannot look up its CSR: %s", h->name, err_str(err));
		acme_host_look_in(h, (int64_t)h->acme->config.retry_first_s * 1000);
	}
	rr_list_clear(&rrset);
}

void
acme_host_renew(struct acme_host *h)
{
	h->forced = h->commanded = true;
	h->failures = 0;
	h->retry_at_ms = 0;
	h->refused_by = 0;
	acme_host_look_in(h, 0);
}
