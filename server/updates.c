#include "server/keeper_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/update.h"
#include "server/worker.h"

#define IN_A_ROW_NS 1000000		/* an update that comes so soon behind the last answer is one of many */
#define SYNC_NS 500000			/* a disk that is slower gains nothing */
#define NEXT_NS 100000			/* a client that has its answer makes its next update */

void
keeper_give_back(struct job *j, unsigned rcode)
{
	j->rcode = rcode;
	if (!queue_push(j->reply_to, j)) {
		log_warning("a worker's queue is full: an answer is dropped");
		job_free(j);
	}
}

static void
describe(const struct job *j, char *text, size_t size)
{
	char key[DNAME_TEXT_MAX], peer[CONFIG_ADDRESS_TEXT];

	config_address_print((const struct sockaddr *)&j->peer, peer);
	snprintf(text, size, "%s %s", j->request.tsig.key == NULL ? "unsigned" :
	    dname_print_host(j->request.tsig.key->name.octets, key), peer);
}

/* An answer that waits for its group to be durable. */
struct waiting_update {
	struct waiting_update *next;
	struct job *job;
	bool first;			/* it put its digest into the table */
	char *words;			/* for the log, when it was given; NULL: none */
};

/* Give j back to its worker, or, where it is the only one, send its answer from here: a change of threads takes as long
 * as the answer itself.  Many are the workers' again, while the next group is made. */
static void
give_answer(struct keeper *k, struct job *j, bool only)
{
	if (only && workers_answer(k->workers, j))
		job_free(j);
	else
		keeper_give_back(j, j->rcode);
}

static void
failed(struct keeper *k, struct waiting_update *w)
{
	if (w->first)
		resend_remove(k->resend, w->job->digest);
	w->job->rcode = RCODE_SERVFAIL;
	/* the door logged it, once for all */
	snprintf(w->job->reason, sizeof w->job->reason, "the change could not be stored");
}

static void
answer_all(struct keeper *k, enum err err)
{
	struct waiting_update *first = k->answers;

	k->answers = NULL;
	k->last_answer = &k->answers;
	for (struct waiting_update *w = first; w != NULL; w = w->next) {
		if (err != ERR_OK)
			failed(k, w);
		k->updates += w->first && w->job->rcode == RCODE_NOERROR;
		give_answer(k, w->job, first->next == NULL);
	}
	for (struct waiting_update *w = first, *next; w != NULL; w = next) {
		next = w->next;
		if (err == ERR_OK && w->words != NULL)
			log_info("%s", w->words);
		free(w->words);
		free(w);
	}
}

/* Who sends one update after the other waits for a CPU that has to be woken each time: for the sync, and for the next
 * update. */
enum err
keeper_sync(struct keeper *k, struct fault *f)
{
	bool any = k->answers != NULL;
	bool in_a_row = any && k->answers->next == NULL && clock_mono_ns() - k->answered_ns < IN_A_ROW_NS;
	enum err err;

	if (in_a_row)
		awake_keep(k->awake, SYNC_NS);
	err = commits_sync(k->commits, f);
	answer_all(k, err);
	if (any)
		k->answered_ns = clock_mono_ns();
	if (in_a_row)
		awake_keep(k->awake, NEXT_NS);
	return err;
}

/* Answer j with its rcode once the group is durable; the door has what is to be remembered.  words: taken over. */
static void
answer_later(struct keeper *k, struct job *j, bool first, char *words)
{
	struct waiting_update *w = malloc(sizeof *w);

	if (w == NULL) {
		free(words);
		snprintf(j->reason, sizeof j->reason, "out of memory");
		keeper_give_back(j, RCODE_SERVFAIL);
		return;
	}
	*w = (struct waiting_update){ .job = j, .first = first, .words = words };
	*k->last_answer = w;
	k->last_answer = &w->next;
}

/* A failure of ours: nothing was done, and the client may try again. */
static unsigned
rcode_of(enum err err)
{
	return err == ERR_REFUSED ? RCODE_REFUSED : RCODE_SERVFAIL;
}

static bool
zone_of(void *ctx, const uint8_t *name, struct dname *apex)
{
	const struct keeper *k = ctx;
	const struct zone *z = zonetable_find_above(&k->zones, name);

	if (z == NULL)
		return false;
	dname_copy(apex, z->apex.octets);
	return true;
}

/* What the key of j may do in z. */
static void
find_policy(struct keeper *k, const struct zone *z, const struct job *j, struct update_policy *out)
{
	const struct config *c = j->view->config;

	update_policy_init(out, c, j->request.tsig.key, z->apex.octets);
	if (!c->acme.accept_hopeless && config_zone_for(c, z->apex.octets)->acme)
		out->acme = k->acme;
	out->zone_of = zone_of;
	out->ctx = k;
}

static unsigned
stage_update(struct keeper *k, struct zone *z, struct job *j, const char *who, int64_t now_s, bool *staged)
{
	struct changeset changes = { 0 };
	struct update_policy policy;
	struct fault f = { 0 };
	const char *why;
	unsigned rcode;
	enum err err;

	if (!zone_may_change(z, &why)) {
		snprintf(j->reason, sizeof j->reason, "%s", why);
		return RCODE_REFUSED;
	}
	find_policy(k, z, j, &policy);
	rcode = update_evaluate(zone_newest(z), &j->request, j->msg, j->n, &policy, now_s, &changes, j->reason,
	    sizeof j->reason);
	k->updates_refused += rcode == RCODE_REFUSED;
	if (rcode == RCODE_NOERROR) {
		err = commits_stage(k->commits, &(struct commit_request){ .zone = z, .changes = &changes,
		    .origin = ORIGIN_UPDATE, .by = who, .digest = j->digest, .now_s = now_s }, NULL, &f);
		*staged = err == ERR_OK;
		if (err != ERR_OK) {
			snprintf(j->reason, sizeof j->reason, "%.190s", fault_str(&f, err));
			rcode = rcode_of(err);
		}
	}
	changeset_clear(&changes);
	return rcode;
}

/* They are written behind the answer.  NULL: nobody wants them, or there is no memory. */
static char *
words_when_done(const struct zone *z, const char *who)
{
	char *words = NULL;

	if (log_wants(LOG_LEVEL_INFO) &&
	    asprintf(&words, "update of %s from %s: serial %u", z->name, who, zone_version_serial(zone_newest(z))) < 0)
		return NULL;
	return words;
}

void
keeper_update(struct keeper *k, struct job *j)
{
	struct zone *z = zonetable_find(&k->zones, j->request.question.qname.octets);
	int64_t now_s = clock_now_s();
	bool staged = false;
	char who[DNAME_TEXT_MAX + CONFIG_ADDRESS_TEXT];
	unsigned rcode;

	describe(j, who, sizeof who);
	if (resend_find(k->resend, j->digest, &rcode)) {
		log_info("update from %s: came again, gets the first answer again (%s)", who, rcode_str(rcode));
		j->rcode = rcode;
		answer_later(k, j, false, NULL);	/* the first one may still wait for its sync */
		return;
	}
	if (z == NULL || z->retired) {
		snprintf(j->reason, sizeof j->reason, "the zone is not served any more");
		keeper_give_back(j, RCODE_NOTAUTH);
		return;
	}
	if (zone_newest(z) == NULL) {
		snprintf(j->reason, sizeof j->reason, "%s", ede_not_loaded.text);
		keeper_give_back(j, RCODE_SERVFAIL);
		return;
	}
	rcode = stage_update(k, z, j, who, now_s, &staged);
	if (rcode != RCODE_NOERROR)
		log_warning("update of %s from %s: %s%s%s", z->name, who, rcode_str(rcode), j->reason[0] == '\0' ?
		    "" : ": ", j->reason);
	if (rcode == RCODE_SERVFAIL) {
		keeper_give_back(j, rcode);
		return;
	}
	if (resend_add(k->resend, j->digest, rcode, now_s) != ERR_OK ||
	    (!staged && commits_answered(k->commits, z, j->digest, rcode, now_s) != ERR_OK))
		log_warning("out of memory: a resent update may be taken for a new one");
	j->rcode = rcode;
	answer_later(k, j, true, rcode == RCODE_NOERROR ? words_when_done(z, who) : NULL);
}

void
keeper_sweep(struct keeper *k)
{
	int64_t now_s = clock_now_s(), next_s;

	for (size_t i = 0; i < k->zones.n; i++) {
		struct zone *z = k->zones.v[i];
		struct changeset changes = { 0 };
		struct fault f = { 0 };
		enum err err;

		if (z->pending.passing.n == 0)
			continue;
		err = pending_expired(&z->pending, now_s, &changes, &next_s);
		if (err == ERR_OK && changes.n > 0) {
			err = commits_stage(k->commits, &(struct commit_request){ .zone = z, .changes = &changes,
			    .origin = ORIGIN_SWEEP, .by = "", .now_s = now_s }, NULL, &f);
			if (err == ERR_OK)
				log_info("zone %s: %zu expired challenge records removed", z->name, changes.n);
		}
		if (err != ERR_OK)
			log_warning("zone %s: expired challenge records cannot be removed yet: %s", z->name,
			    fault_str(&f, err));
		changeset_clear(&changes);
	}
	keeper_flush(k);
}
