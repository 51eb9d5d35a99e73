/* An order of a host: who gets it, its start, and what becomes of it. */
#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/host.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"

#define LIMIT_WAIT_S 3600		/* when the CA does not say for how long */
#define EXPIRED_RETRY_S 3600
#define OWN_LIMIT "our own limit on certificates for this host"
#define GOVERNOR_ORDERS 10		/* at once; then one in a quarter of a lifetime, */
#define GOVERNOR_S (4 * 3600)		/* or in this time if that is shorter */

/* ---- to whom ---- */

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

/* The label's authorities, or else those of its zone. */
void
acme_host_choose(struct acme *a, const uint8_t *owner, const struct acme_label *label, struct acme_ranking *out)
{
	const struct acme_outside *outside = acme_port_outside(a->port);
	const char *own[] = { label->config->authority, NULL };
	const char *const *names = own;
	struct dname apex;
	bool editable;

	if (own[0] == NULL)
		names = outside->authorities != NULL && outside->zone_of(outside->ctx, owner, &apex, &editable) ?
		    outside->authorities(outside->ctx, apex.octets) : NULL;
	acme_ranking_read(&a->authorities, names, out);
	leave_out_unusable(out);
}

void
acme_host_rank(const struct acme_host *h, struct acme_ranking *out)
{
	acme_host_choose(h->acme, h->owner.octets, h->label, out);
}

static uint32_t
bit_of(const struct acme_host *h, const struct acme_authority *a)
{
	return UINT32_C(1) << (a - h->acme->authorities.v);
}

/* How long its authority may fail until another is asked: not for long when little is left of the certificate. */
static int64_t
patience_s(const struct acme_host *h)
{
	return h->renewal.life.not_after_s == 0 ? INT32_MAX : acme_host_left_s(h) / 4;
}

/* An order that is on its way there goes on (acme/store.h). */
static bool
is_under_way(const struct acme_host *h, const struct acme_authority *at)
{
	return acme_store_unfinished(h->acme->store, h->owner.octets, h->csr_digest) &&
	    strcmp(acme_store_find(h->acme->store, h->owner.octets)->directory, at->config->directory) == 0;
}

struct acme_authority *
acme_host_pick(const struct acme_host *h)
{
	struct acme_ranking all, willing = { .n = 0 };

	acme_host_rank(h, &all);
	for (size_t i = 0; i < all.n; i++)
		if (is_under_way(h, all.v[i]) && (h->refused_by & bit_of(h, all.v[i])) == 0 &&
		    !acme_authority_down(all.v[i], patience_s(h), clock_mono_ms()))
			return all.v[i];
	for (size_t i = 0; i < all.n; i++)
		if ((h->refused_by & bit_of(h, all.v[i])) == 0)
			willing.v[willing.n++] = all.v[i];
	return acme_ranking_pick(willing.n > 0 ? &willing : &all, patience_s(h), clock_mono_ms());
}

/* ---- the limits ---- */

/* Of its names: 16 hex digits. */
static void
names_key(const struct acme_host *h, char key[17])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct buf hex = { 0 };
	const char *names = h->names != NULL ? h->names : "";

	key[0] = '\0';
	if (EVP_Digest(names, strlen(names), digest, NULL, EVP_sha256(), NULL) == 1) {
		hex_encode(digest, 8, &hex);
		snprintf(key, 17, "%s", buf_str(&hex) != NULL ? buf_str(&hex) : "");
	}
	buf_clear(&hex);
}

static void
zone_key(const struct acme_host *h, char key[DNAME_TEXT_MAX])
{
	const struct acme_outside *outside = acme_port_outside(h->acme->port);
	struct dname apex;
	bool editable;

	key[0] = '\0';
	if (outside->zone_of(outside->ctx, h->owner.octets, &apex, &editable))
		dname_print_host(apex.octets, key);
}

/* How long the limits that we know want h to wait; 0: not at all. */
static int64_t
limited_ms(const struct acme_host *h, const struct acme_csr *csr, const char **limit)
{
	const struct acme_buckets *b = h->authority->buckets;
	const struct acme_names *names = acme_csr_names(csr);
	int64_t now_ms = clock_mono_ms(), wait_ms, most_ms = 0;
	char set[17], zone[DNAME_TEXT_MAX];

	names_key(h, set);
	zone_key(h, zone);
	if (!h->forced && (wait_ms = acme_rate_wait_ms(&h->governor, h->governor_ms, now_ms)) > most_ms) {
		most_ms = wait_ms;
		*limit = OWN_LIMIT;
	}
	if (h->exempt)
		return most_ms;
	if ((wait_ms = acme_buckets_wait_ms(b, ACME_LIMIT_NAMES, set, now_ms)) > most_ms) {
		most_ms = wait_ms;
		*limit = "on certificates for these names (names)";
	}
	if ((wait_ms = acme_buckets_wait_ms(b, ACME_LIMIT_ZONE, zone, now_ms)) > most_ms) {
		most_ms = wait_ms;
		*limit = "on certificates for this zone (zone)";
	}
	for (size_t i = 0; i < names->n; i++)
		if ((wait_ms = acme_buckets_wait_ms(b, ACME_LIMIT_FAILURES, names->v[i], now_ms)) > most_ms) {
			most_ms = wait_ms;
			*limit = "on failed proofs for a name (failures)";
		}
	return most_ms;
}

static void
take_tokens(struct acme_host *h)
{
	struct acme_buckets *b = h->authority->buckets;
	int64_t now_ms = clock_mono_ms(), now_s = clock_now_s();
	char set[17], zone[DNAME_TEXT_MAX];

	if (h->exempt)
		return;
	names_key(h, set);
	zone_key(h, zone);
	acme_buckets_take(b, ACME_LIMIT_ORDERS, "", now_ms, now_s);
	acme_buckets_take(b, ACME_LIMIT_NAMES, set, now_ms, now_s);
	acme_buckets_take(b, ACME_LIMIT_ZONE, zone, now_ms, now_s);
}

/* No certificate came of it. */
static void
give_tokens_back(struct acme_host *h)
{
	struct acme_buckets *b = h->authority->buckets;
	int64_t now_ms = clock_mono_ms(), now_s = clock_now_s();
	char set[17], zone[DNAME_TEXT_MAX];

	if (h->exempt)
		return;
	names_key(h, set);
	zone_key(h, zone);
	acme_buckets_give_back(b, ACME_LIMIT_NAMES, set, now_ms, now_s);
	acme_buckets_give_back(b, ACME_LIMIT_ZONE, zone, now_ms, now_s);
}

/* Whatever CA and CSRs want, no more than so many certificates are ordered. */
static void
govern(struct acme_host *h)
{
	int64_t quarter_s = (h->fresh.not_after_s - h->fresh.not_before_s) / 4;

	h->governor.n = GOVERNOR_ORDERS;
	h->governor.per_s = (unsigned)(GOVERNOR_ORDERS * (quarter_s < 1 || quarter_s > GOVERNOR_S ?
	    GOVERNOR_S : quarter_s));
	h->governor_ms = acme_rate_take(&h->governor, h->governor_ms, clock_mono_ms());
}

/* ---- failures ---- */

struct failure {
	struct acme_cause cause;
	const char *words, *type;
	int64_t retry_after_s;
};

/* Is a limit that the CA tells of about this host alone?  They name what it is about. */
static bool
is_own_limit(const struct acme_host *h, const char *words)
{
	char zone[DNAME_TEXT_MAX];

	zone_key(h, zone);
	return strstr(words, "exact set") != NULL || strstr(words, h->name) != NULL ||
	    (zone[0] != '\0' && strstr(words, zone) != NULL);
}

static void
blame_authority(struct acme_host *h, const struct failure *f)
{
	struct acme_authority *at = h->authority;
	int64_t now_ms = clock_mono_ms();

	if (f->cause.blame == BLAME_CA)
		acme_authority_failed(at, dname_hash(h->owner.octets), f->words, f->retry_after_s, now_ms);
	else if (f->cause.blame == BLAME_LIMIT && f->retry_after_s > 0 && !is_own_limit(h, f->words))
		acme_authority_hold(at, f->retry_after_s, now_ms);
	if (h->acme->authorities.n > 1 && (f->cause.blame == BLAME_CA || f->cause.blame == BLAME_LIMIT))
		acme_queue_reconsider(&h->acme->queue, at);
}

/* Of proofs that the CA did not take; the CSR is gone with its order, but its names are not. */
static void
count_failed_names(struct acme_host *h, const struct acme_csr *csr)
{
	const struct acme_names *names = acme_csr_names(csr);

	for (size_t i = 0; i < names->n; i++)
		acme_buckets_take(h->authority->buckets, ACME_LIMIT_FAILURES, names->v[i], clock_mono_ms(),
		    clock_now_s());
}

/* Of the certificate in place, for backoff: who has had one and has none any more is tried for each hour. */
static int64_t
left_s(const struct acme_host *h)
{
	int64_t left = acme_host_left_s(h);

	return left > 0 || h->renewal.life.not_after_s == 0 ? left : 8 * EXPIRED_RETRY_S;
}

static int64_t
delay_s(const struct acme_host *h, const struct failure *f)
{
	const struct acme_config *config = &h->acme->config;
	int64_t retry_after_s = f->retry_after_s;
	unsigned steps = h->failures + (f->cause.again == AGAIN_LATER);

	if (f->cause.again == AGAIN_NEVER && retry_after_s < config->retry_most_s)
		retry_after_s = config->retry_most_s;
	if (f->cause.blame == BLAME_LIMIT && retry_after_s < 0)
		retry_after_s = config->retry_most_s < LIMIT_WAIT_S ? config->retry_most_s : LIMIT_WAIT_S;
	if (retry_after_s > 0)		/* all have been told the same */
		retry_after_s += random_below((uint32_t)(retry_after_s < 960 ? retry_after_s : 960) / 16 + 1);
	return acme_backoff_s(steps, config->retry_first_s, config->retry_most_s, random_below(256), left_s(h),
	    retry_after_s);
}

static void
wait_then_retry(struct acme_host *h, int64_t s)
{
	h->state = ACME_WAITING_RETRY;
	h->retry_at_ms = clock_mono_ms() + s * 1000;
	h->next_s = clock_now_s() + s;
	acme_host_look_in(h, s * 1000);
}

/* How long until another authority is to be asked, if it was the authority that failed. */
static int64_t
elsewhere_s(const struct acme_host *h, const struct failure *f)
{
	int64_t now_ms = clock_mono_ms();
	struct acme_ranking all;
	struct acme_authority *next;

	if (h->authority == NULL || f->cause.blame == BLAME_LOCAL)
		return INT64_MAX;
	next = acme_host_pick(h);
	if (next != NULL && next != h->authority && acme_authority_wait_ms(next, true, now_ms) == 0)
		return 1;
	acme_host_rank(h, &all);
	if (f->cause.blame != BLAME_CA || all.n < 2)
		return INT64_MAX;
	return (acme_authority_down_ms(h->authority, patience_s(h)) - now_ms) / 1000 + 1;
}

static void
failed(struct acme_host *h, const struct failure *f)
{
	struct buf words = { 0 };
	bool named = h->acme->authorities.n > 1 && h->authority != NULL;
	int64_t s;

	h->failures++;
	if (h->authority != NULL && (f->cause.again == AGAIN_NEVER || strcmp(f->type, "caa") == 0))
		h->refused_by |= bit_of(h, h->authority);
	if (h->authority != NULL)
		blame_authority(h, f);
	s = delay_s(h, f);
	if (s > elsewhere_s(h, f))
		s = elsewhere_s(h, f);
	if (s < 1)
		s = 1;
	buf_printf(&words, "%s%s%s", named ? h->authority->name : "", named ? ": " : "", f->words);
	acme_host_problem(h, buf_str(&words) != NULL ? buf_str(&words) : f->words, f->type);
	buf_clear(&words);
	wait_then_retry(h, s);
	log_warning("acme: %s: no certificate: %s; failure %u in a row, next attempt in %lld s", h->name, h->problem,
	    h->failures, (long long)s);
	acme_host_save(h);
	acme_host_tell(h, ACME_EVENT_FAILED);
}

static void
failed_here(struct acme_host *h, enum err err, const char *words)
{
	struct failure f = { .cause = acme_cause_of_err(err), .words = words, .type = "", .retry_after_s = -1 };

	f.cause.blame = BLAME_LOCAL;
	failed(h, &f);
}

/* ---- the certificate ---- */

static void
on_result_published(void *arg, enum err err, const char *words)
{
	struct acme_host *h = arg;
	struct buf text = { 0 };

	h->publishing = NULL;
	if (err != ERR_OK) {
		buf_printf(&text, "the certificate was issued but cannot be published: %s", words);
		const char *s = buf_str(&text);
		failed_here(h, err, s != NULL ? s : words);
		buf_clear(&text);
		return;
	}
	acme_store_drop(h->acme->store, h->owner.octets);
	acme_chain_clear(&h->chain);
	h->failures = 0;
	h->forced = false;
	h->retry_at_ms = 0;
	h->refused_by = 0;		/* the next time the best is asked first again */
	acme_host_problem(h, NULL, "");
	log_info("acme: %s: certificate published", h->name);
	h->published = true;
	acme_host_look_in(h, 0);
}

/* h->chain into the zone, in one edit. */
static enum err
publish(struct acme_host *h, const struct rr_list *rrset)
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

void
acme_host_publish(struct acme_host *h, const struct rr_list *rrset)
{
	enum err err = publish(h, rrset);

	h->state = ACME_WORKING;
	h->next_s = 0;
	if (err != ERR_OK)
		failed_here(h, err, err_str(err));
}

/* What is odd about a new certificate is a matter of our clock: it is the CA's time that counts, and the certificate is
 * good for all others. */
static enum err
take_chain(struct acme_host *h, struct acme_chain *chain, struct fault *f)
{
	struct acme_certificate leaf;
	enum err err = acme_certificate_parse(chain->v[0].octets, chain->v[0].n, &leaf, f);
	int64_t now_s = clock_now_s();

	if (err != ERR_OK)
		return err;
	if (now_s < leaf.not_before_s || now_s >= leaf.not_after_s)
		log_warning("acme: %s: the new certificate %s, by this machine's clock: is that right?", h->name,
		    now_s < leaf.not_before_s ? "is not valid yet" : "has expired already");
	h->fresh = (struct acme_lifetime){ leaf.not_before_s, leaf.not_after_s };
	acme_certificate_clear(&leaf);
	acme_text_replace(&h->issued_by, h->authority->name);
	acme_chain_clear(&h->chain);
	h->chain = *chain;
	*chain = (struct acme_chain){ 0 };
	govern(h);
	return ERR_OK;
}

static bool
is_for(const struct acme_task *t, const struct acme_host *h)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	return acme_csr_digest(acme_task_csr(t), digest) == ERR_OK && memcmp(digest, h->csr_digest, sizeof digest) == 0;
}

/* examine() then finds the chain and publishes it, if the CSR is still the one that it answers. */
static void
on_task_done(void *arg, struct acme_task *t, const struct acme_order_result *r)
{
	struct acme_host *h = arg;
	struct acme *a = h->acme;
	struct fault f = { 0 };

	h->task = NULL;
	h->authority->running--;
	if (r->err == ERR_OK)
		acme_authority_worked(h->authority);
	else if (!r->resumable)
		give_tokens_back(h);
	if (r->err != ERR_OK && r->cause.blame == BLAME_HOST && *r->problem != '\0')
		count_failed_names(h, acme_task_csr(t));
	if (h->gone) {
		acme_store_drop(a->store, h->owner.octets);
		acme_host_free(h);
	} else if (r->err == ERR_CANCELLED || !is_for(t, h))
		acme_host_look_in(h, 0);
	else if (r->err != ERR_OK)
		failed(h, &(struct failure){ r->cause, r->words, r->problem, r->retry_after_s });
	else if (take_chain(h, r->chain, &f) != ERR_OK) {
		acme_store_drop(a->store, h->owner.octets);	/* or it would be fetched again for ever */
		failed(h, &(struct failure){ { BLAME_CA, AGAIN_LATER }, f.text, "", -1 });
	} else
		acme_host_look_in(h, 0);
	acme_queue_run(&a->queue);
}

/* ---- the start ---- */

/* The limit is the authority's; another may have room. */
static void
hold_back(struct acme_host *h, int64_t wait_ms, const char *limit)
{
	char words[400];
	struct acme_authority *at = h->authority, *next;

	if (wait_ms / 1000 > (at->config->failover_after_s != 0 ? at->config->failover_after_s : LIMIT_WAIT_S)) {
		h->refused_by |= bit_of(h, at);
		if ((next = acme_host_pick(h)) != at && next != NULL) {
			acme_host_look_in(h, 0);
			return;
		}
		h->refused_by &= ~bit_of(h, at);
	}
	if (strcmp(limit, OWN_LIMIT) == 0)
		snprintf(words, sizeof words, "held back by %s", limit);
	else
		snprintf(words, sizeof words, "held back by the limit of %.200s %s", at->name, limit);
	acme_host_problem(h, words, "");
	wait_then_retry(h, wait_ms / 1000 + 1);
	log_info("acme: %s: %s; next attempt in %lld s", h->name, words, (long long)(wait_ms / 1000 + 1));
	acme_host_save(h);
	acme_host_tell(h, ACME_EVENT_STATE);
}

void
acme_host_start(struct acme_host *h)
{
	struct acme *a = h->acme;
	struct acme_task_setup setup = { .port = a->port, .base = a->base, .store = a->store, .owner = h->owner.octets,
		.host = h->name, .resolve = a->resolve, .persist = a->persist, .authority = h->authority->name,
		.challenge_ttl_s = a->config.challenge_ttl, .propagation_timeout_s = a->config.propagation_timeout_s,
		.done = on_task_done, .arg = h };
	struct acme_csr *csr = h->csr;
	const char *limit = "";
	int64_t wait_ms;
	bool under_way;
	enum err err;

	h->csr = NULL;
	h->exempt = h->turn.exempt;
	setup.replaces = h->exempt ? h->renewal.id : NULL;
	under_way = is_under_way(h, h->authority);	/* its tokens were taken when it was placed */
	if (!under_way && (wait_ms = limited_ms(h, csr, &limit)) > 0) {
		acme_csr_free(csr);
		hold_back(h, wait_ms, limit);
		return;
	}
	setup.client = h->authority->client;
	setup.profile = h->label->config->profile != NULL ? h->label->config->profile : h->authority->config->profile;
	setup.preferred_chain = h->authority->config->preferred_chain;
	if (strcmp(h->problem_type, "unauthorized") == 0 || strcmp(h->problem_type, "incorrectResponse") == 0)
		setup.failed_proofs = h->failures > 0 ? h->failures : 1;	/* "renew" forgets how often */
	if ((err = acme_task_start(&setup, csr, &h->task)) != ERR_OK) {
		acme_csr_free(csr);
		failed_here(h, err, err_str(err));
		return;
	}
	acme_host_stop_asking(h);
	h->authority->running++;
	if (!under_way)
		take_tokens(h);
	log_info("acme: %s: ordering a certificate for %s%s%s", h->name, h->names != NULL ? h->names : "",
	    a->authorities.n > 1 ? " from " : "", a->authorities.n > 1 ? h->authority->name : "");
}

enum acme_class
acme_host_class(const struct acme_host *h)
{
	int64_t lifetime_s = h->renewal.life.not_after_s - h->renewal.life.not_before_s;

	if (h->renewal.life.not_after_s == 0)
		return ACME_CLASS_NEW;
	return acme_host_left_s(h) < lifetime_s / 8 ? ACME_CLASS_URGENT : ACME_CLASS_RENEWAL;
}

void
acme_host_order(struct acme_host *h, struct acme_csr *csr)
{
	struct acme_authority *at = acme_host_pick(h);
	bool exempt = h->renewal.window.end_s != 0 && h->issued_by != NULL && strcmp(h->issued_by, at->name) == 0;

	h->state = ACME_WORKING;
	h->next_s = 0;
	if (!h->look_due)
		event_del(h->timer);
	acme_csr_free(h->csr);
	h->csr = csr;
	if (!h->commanded || !acme_queue_jump(&h->acme->queue, h, at, exempt))
		acme_queue_put(&h->acme->queue, h, at, acme_host_class(h), exempt);
	h->commanded = false;
	acme_host_tell(h, ACME_EVENT_STATE);
}
