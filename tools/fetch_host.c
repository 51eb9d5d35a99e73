#include "tools/fetch_host.h"

#include <openssl/err.h>
#include <string.h>

#include "acme/tlsa.h"
#include "base/clock.h"
#include "wire/rrtype.h"

/* The server renews when a third of the lifetime is left (acme/csr.h).  Who wants a new key each time asks before that,
 * so that one renewal does not make two certificates; and less than a quarter left means that renewals fail. */
#define NEW_KEY_LEFT(lifetime_s) ((lifetime_s) * 2 / 5)
#define NEAR_END_LEFT(lifetime_s) ((lifetime_s) / 4)

void
fetch_host_init(struct fetch_host *h, const struct fetch_settings *s, const struct fetch_run *run)
{
	*h = (struct fetch_host){ .settings = s, .run = run, .phase = FETCH_START, .place = { .lock = -1 } };
}

void
fetch_host_clear(struct fetch_host *h)
{
	fetch_request_clear(&h->request);
	fetch_have_clear(&h->have);
	fetch_chain_clear(&h->chain);
	buf_clear(&h->server_csr);
	fetch_place_close(&h->place);
}

static void
end(struct fetch_host *h, enum fetch_status status)
{
	h->phase = FETCH_END;
	h->status = status;
}

static void
end_local(struct fetch_host *h, enum err err)
{
	if (h->fault.text[0] == '\0')
		fault_set(&h->fault, err, "%s", err_str(err));
	end(h, FETCH_LOCAL);
}

static int64_t
lifetime_s(const struct acme_certificate *c)
{
	return c->not_after_s - c->not_before_s;
}

/* The certificate in place is for the key and names that we want, and valid. */
static bool
is_good(const struct fetch_host *h, int64_t now_s)
{
	const struct acme_certificate *c = &h->have.chain.leaf;
	struct fault words;

	return h->have.chain.v != NULL && acme_certificate_matches(c, h->request.csr, &words) == ERR_OK &&
	    now_s >= c->not_before_s && now_s < c->not_after_s;
}

static bool
is_near_end(const struct fetch_host *h, int64_t now_s)
{
	const struct acme_certificate *c = &h->have.chain.leaf;

	return c->not_after_s - now_s < NEAR_END_LEFT(lifetime_s(c));
}

/* Is a new key wanted in this run? */
static bool
wants_new_key(const struct fetch_host *h)
{
	const struct acme_certificate *c = &h->have.chain.leaf;

	return h->run->new_key_now || (h->settings->new_key && (h->have.chain.v == NULL ||
	    c->not_after_s - clock_now_s() < NEW_KEY_LEFT(lifetime_s(c))));
}

static void
take_request(struct fetch_request *from, struct fetch_request *to)
{
	*to = *from;
	*from = (struct fetch_request){ 0 };
}

/* Has an earlier run begun with something that we want now? */
static bool
take_next(struct fetch_host *h, bool new_key)
{
	struct fetch_request *next = &h->have.next, *current = &h->have.request;
	bool other;

	if (next->key == NULL || !fetch_key_is(next->key, h->settings->key_type) ||
	    !fetch_request_is_for(next, h->settings->names))
		return false;
	other = current->key == NULL || EVP_PKEY_eq(next->key, current->key) != 1;
	ERR_clear_error();
	if (!other && new_key)
		return false;
	take_request(next, &h->request);
	h->new_key = other;
	return true;
}

/* The key and the CSR whose certificate we want: what an earlier run has begun, what is in use, or new ones. */
static enum err
choose_request(struct fetch_host *h)
{
	const struct fetch_settings *s = h->settings;
	struct fetch_request *current = &h->have.request;
	bool new_key = wants_new_key(h), fits = current->key != NULL && fetch_key_is(current->key, s->key_type);
	enum err err;

	if (take_next(h, new_key))
		return ERR_OK;
	if (fits && !new_key && fetch_request_is_for(current, s->names)) {
		take_request(current, &h->request);
		return ERR_OK;
	}
	h->new_key = !fits || new_key;
	err = fetch_request_make(h->new_key ? NULL : current->key, s->key_type, s->names, &h->request, &h->fault);
	if (err == ERR_OK && !h->run->dry_run)
		err = fetch_place_keep_next(&h->place, &h->request, &h->fault);
	return err;
}

/* Does the server have a CSR for our key and names?  *foreign: it has another one. */
static bool
server_has_ours(struct fetch_host *h, const struct fetch_tlsa *rrset, bool *foreign)
{
	bool ours = false;

	*foreign = false;
	for (size_t i = 0; i < rrset->ncsrs; i++) {
		const uint8_t *p = rrset->csrs[i].octets;
		X509_REQ *request = d2i_X509_REQ(NULL, &p, (long)rrset->csrs[i].n);
		EVP_PKEY *key = request == NULL ? NULL : X509_REQ_get0_pubkey(request);
		struct fetch_request theirs = { 0 };
		struct fault words;

		if (key != NULL && EVP_PKEY_eq(key, h->request.key) == 1 &&
		    acme_csr_parse(rrset->csrs[i].octets, rrset->csrs[i].n, &theirs.csr, &words) == ERR_OK &&
		    acme_names_equal(acme_csr_names(theirs.csr), acme_csr_names(h->request.csr))) {
			ours = true;
			h->server_csr.len = 0;
			buf_add(&h->server_csr, rrset->csrs[i].octets, rrset->csrs[i].n);
		} else
			*foreign = true;
		fetch_request_clear(&theirs);
		X509_REQ_free(request);
	}
	ERR_clear_error();
	return ours && !*foreign;
}

static enum fetch_status
upload(struct fetch_host *h)
{
	struct tsig_key *own = NULL;
	size_t n;
	const uint8_t *csr = acme_csr_der(h->request.csr, &n);
	enum fetch_status status;

	if (h->run->key == NULL && fetch_tsig_load(h->settings->key_file, -1, &own, &h->fault) != ERR_OK)
		return FETCH_USAGE;
	if (h->run->dry_run)
		csr = NULL;
	status = fetch_update(&h->servers, own != NULL ? own : h->run->key, h->owner.octets, csr, n, &h->fault);
	h->uploaded = status == FETCH_FINE;
	tsig_key_free(own);
	return status;
}

/* Everything is in place: tell the service, if it is not told yet. */
static void
finish(struct fetch_host *h)
{
	if (h->run->dry_run || h->settings->hook == NULL || !(h->changed || h->have.hook_due)) {
		end(h, FETCH_FINE);
		return;
	}
	h->hook_ran = true;
	fetch_detail(h, "running the hook: %s", h->settings->hook);
	if (fetch_hook_run(h->settings, &h->place, &h->chain, h->changed && h->new_key, &h->fault) != ERR_OK)
		end(h, FETCH_HOOK);
	else if (fetch_place_hook_done(&h->place, &h->fault) != ERR_OK)
		end(h, FETCH_LOCAL);
	else
		end(h, FETCH_FINE);
}

/* What is there already stays.  A next.pem with the same key is what a run left that was killed right behind its
 * installation. */
static void
finish_unchanged(struct fetch_host *h)
{
	if (!h->run->dry_run)
		fetch_place_forget_next(&h->place);
	h->chain = h->have.chain;
	h->have.chain = (struct fetch_chain){ 0 };
	h->new_key = false;
	finish(h);
}

static void
install(struct fetch_host *h, struct fetch_chain *chain)
{
	const struct fetch_settings *s = h->settings;
	int64_t now_s = clock_now_s();
	enum err err;

	if ((err = fetch_chain_verify(chain, s->verify, s->trust, now_s, &h->fault)) != ERR_OK) {
		if (err == ERR_NOMEM)
			end_local(h, err);
		else
			end(h, FETCH_UNFIT);
		return;
	}
	if (!h->run->dry_run &&
	    (err = fetch_place_install(&h->place, s, &h->request, chain, now_s, &h->fault)) != ERR_OK) {
		end_local(h, err);
		return;
	}
	h->chain = *chain;
	*chain = (struct fetch_chain){ 0 };
	h->changed = true;
	finish(h);
}

/* Ask for the RRset.  rrset borrows from answer. */
static enum fetch_status
look(struct fetch_host *h, struct buf *answer, struct fetch_tlsa *rrset)
{
	enum fetch_status status = fetch_ask(&h->servers, h->owner.octets, TYPE_TLSA, answer, &h->fault);

	if (status != FETCH_FINE)
		return status;
	if (fetch_tlsa_read(answer->p, answer->len, h->owner.octets, rrset) != ERR_OK)
		return fault_set(&h->fault, ERR_FORMAT, "the server's answer is malformed"), FETCH_NETWORK;
	if (rrset->alias)
		return fault_set(&h->fault, ERR_UNSUPPORTED,
		    "the name where the CSR goes is an alias (CNAME); choose another label"), FETCH_REFUSED;
	return FETCH_FINE;
}

/* Is there another certificate than the one in place that lasts as long or longer?  Then it is the host's from here
 * on. */
static bool
take_better(struct fetch_host *h, const struct fetch_tlsa *rrset)
{
	struct fetch_chain chain = { 0 };
	int64_t now_s = clock_now_s();
	enum err err = fetch_chain_build(rrset, h->request.csr, now_s, &chain, &h->fault);
	bool better = err == ERR_OK && (!is_good(h, now_s) || (!fetch_chain_same_leaf(&chain, &h->have.chain) &&
	    chain.leaf.not_after_s >= h->have.chain.leaf.not_after_s));

	if (err == ERR_NOMEM)
		end_local(h, err);
	else if (better)
		install(h, &chain);
	else if (err == ERR_OK)
		fault_set(&h->fault, ERR_NOT_FOUND, "the server has no newer certificate yet");
	fetch_chain_clear(&chain);
	return better || err == ERR_NOMEM;
}

/* The status record, for its words; a server without one is as good. */
static void
follow(struct fetch_host *h)
{
	struct buf answer = { 0 };
	struct fetch_state state = { 0 };
	struct fault words;

	if (fetch_ask(&h->servers, h->status_owner.octets, TYPE_TXT, &answer, &words) == FETCH_FINE &&
	    fetch_state_read(answer.p, answer.len, h->status_owner.octets, &state) == ERR_OK &&
	    fetch_state_is_about(&state, h->server_csr.p, h->server_csr.len)) {
		if (strcmp(state.problem, h->state.problem) != 0 && state.problem[0] != '\0')
			fetch_say(h, "the server says: %s", state.problem);
		if (strcmp(state.step, h->state.step) != 0 && state.step[0] != '\0')
			fetch_detail(h, "the server: %s", state.step);
		h->state = state;
	}
	buf_clear(&answer);
	if (h->state.known && strcmp(h->state.state, "refused") == 0) {
		fault_set(&h->fault, ERR_REFUSED, "the server refuses the CSR%s%s",
		    h->state.problem[0] != '\0' ? ": " : "", h->state.problem);
		end(h, FETCH_CA);
	}
}

/* Nothing better is there.  Upload, wait, or leave it. */
static void
decide(struct fetch_host *h, const struct fetch_tlsa *rrset)
{
	int64_t now_s = clock_now_s();
	bool foreign, ours = server_has_ours(h, rrset, &foreign), good = is_good(h, now_s) && !is_near_end(h, now_s);
	enum fetch_status status = FETCH_FINE;

	if (good && foreign && h->run->renew)
		fetch_warn(h,
		    "another CSR has taken the place of ours at the server; run certns-fetch without --renew to put "
		    "ours back");
	else if (!ours)
		status = upload(h);
	if (status != FETCH_FINE)
		end(h, status);
	else if (good && (ours || h->run->renew)) {
		if (h->uploaded && !h->run->dry_run)
			fetch_warn(h, "the CSR was gone from the server, and is uploaded again");
		finish_unchanged(h);		/* what the server has later is for the next run */
	} else if (h->run->dry_run)
		end(h, FETCH_FINE);
	else {
		h->phase = FETCH_WAIT;
		fetch_say(h, "%s; waiting for the certificate",
		    ours ? "the server has our CSR" : "the CSR is uploaded");
		if (ours)
			follow(h);
	}
}

static enum err
open_place(struct fetch_host *h)
{
	enum err err = h->run->dry_run ? fetch_place_look(h->settings, &h->place, &h->fault) :
	    fetch_place_open(h->settings, &h->place, &h->fault);

	if (err != ERR_OK)
		return err;
	h->fault.text[0] = '\0';
	if ((err = fetch_place_read(&h->place, &h->have, &h->fault)) == ERR_OK && h->fault.text[0] != '\0')
		fetch_warn(h, "%s", h->fault.text);
	h->fault.text[0] = '\0';
	return err;
}

/* What would be in the way at the end is told before a certificate is asked for. */
static enum err
check_settings(struct fetch_host *h)
{
	const struct fetch_settings *s = h->settings;
	enum err err = fetch_place_check_owner(s, &h->fault);

	if (err == ERR_OK && s->verify == FETCH_VERIFY_FILE)
		err = fetch_trust_check(s->trust, &h->fault);
	return err;
}

static enum err
set_owners(struct fetch_host *h)
{
	struct dname label, status;

	if (dname_from_str(h->settings->label, &label) != ERR_OK || dname_from_str("_status", &status) != ERR_OK ||
	    !dname_join(&h->owner, label.octets, dname_labels(label.octets), h->settings->name.octets) ||
	    !dname_join(&h->status_owner, status.octets, 1, h->owner.octets))
		return fault_set(&h->fault, ERR_RANGE, "%s.%s is too long for a name", h->settings->label,
		    h->settings->host);
	return ERR_OK;
}

static void
start(struct fetch_host *h)
{
	struct buf answer = { 0 };
	struct fetch_tlsa rrset;
	enum fetch_status status;
	enum err err;

	if ((err = check_settings(h)) != ERR_OK) {
		end(h, err == ERR_NOMEM ? FETCH_LOCAL : FETCH_USAGE);
		return;
	}
	if ((err = open_place(h)) == ERR_BUSY)
		return;					/* again later */
	if (err != ERR_OK || (err = set_owners(h)) != ERR_OK || (err = choose_request(h)) != ERR_OK)
		end_local(h, err);
	else if ((status = fetch_find(h->settings, h->owner.octets, &h->servers, &h->fault)) != FETCH_FINE ||
	    (status = look(h, &answer, &rrset)) != FETCH_FINE)
		end(h, status);
	else if (!take_better(h, &rrset))
		decide(h, &rrset);
	buf_clear(&answer);
}

static void
poll_once(struct fetch_host *h)
{
	struct buf answer = { 0 };
	struct fetch_tlsa rrset;
	bool foreign;

	h->status = look(h, &answer, &rrset);
	if (h->status == FETCH_FINE && !take_better(h, &rrset)) {
		server_has_ours(h, &rrset, &foreign);
		if (foreign)
			fault_set(&h->fault, ERR_CONFLICT, "another CSR has taken the place of ours at the server");
		follow(h);
	}
	buf_clear(&answer);
}

void
fetch_host_step(struct fetch_host *h)
{
	switch (h->phase) {
	case FETCH_START:	start(h); break;
	case FETCH_WAIT:	poll_once(h); break;
	case FETCH_END:		break;
	}
}

void
fetch_host_give_up(struct fetch_host *h)
{
	char words[sizeof h->fault.text / 2];

	snprintf(words, sizeof words, "%.500s", h->fault.text);
	if (h->phase == FETCH_START) {
		end(h, FETCH_BUSY);
	} else if (h->status == FETCH_NETWORK) {
		end(h, FETCH_NETWORK);
	} else if (h->state.problem[0] != '\0') {
		fault_set(&h->fault, ERR_TIMEOUT, "no certificate after %u s; the server says: %s", h->run->timeout_s,
		    h->state.problem);
		end(h, FETCH_CA);
	} else {
		fault_set(&h->fault, ERR_TIMEOUT, "no certificate after %u s%s%s: %s", h->run->timeout_s,
		    h->state.known ? "; the server's state: " : "", h->state.state, words);
		end(h, FETCH_WAITING);
	}
}
