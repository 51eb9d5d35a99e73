/* The part of acme/preflight.h that asks.  First the zones of the challenges: an answer that a validating resolver
 * withholds, and gives when it does not have to check, is bogus (RFC 4035, section 5.5).  The SOA is asked for, and no
 * name that is still to come: that it is not there would be remembered by the resolver (RFC 2308), just when it is
 * needed.  Then one name after the other: up from it towards the root, until a CAA RRset is found, which decides.  What
 * was found at a name is kept, since names share those above them. */
#include "acme/preflight.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "acme/caa.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/message.h"
#include "wire/rdata.h"

#define HOPS_MAX 16
#define ANSWER_MS 3000		/* beyond that it is not worth waiting: the CA will tell */
#define ALL_MS 30000		/* nor is it for all of them together */

struct look {				/* what a name has of CAA */
	struct dname name;
	struct rr_list set;		/* empty: nothing, or it cannot be told */
};

struct subject {			/* a name of the CSR */
	struct dname domain;		/* without "*." */
	bool wildcard;
	const char *text;
};

struct acme_preflight {
	struct acme_preflight_setup setup;
	char *host, *account;
	const char **identities;	/* point into kept, or to constants */
	json_t *kept;
	struct acme_caa_issuer issuer;
	enum acme_challenge_type methods[ACME_CHALLENGE_TYPES];

	struct subject *subjects;
	size_t nsubjects, at;		/* at: the one that is looked at */
	struct dname level;		/* it, or what is above it */
	struct look *looks;
	size_t nlooks;
	struct dname *zones;
	size_t nzones, zone_at;

	struct acme_resolve_call *call;
	struct dname asked;
	uint16_t asked_type;
	bool unchecked;			/* asked once more, without validation */
	bool deaf;			/* no resolver answers */
	int64_t until_ms;		/* nobody is asked after that */
	struct event *turn;
	bool finished;
	struct fault fault;
	const char *problem;
	acme_preflight_done *done;
	void *arg;
};

static void go_on(struct acme_preflight *p);

static void
finish(struct acme_preflight *p, enum err err, const char *problem)
{
	p->fault.err = err;
	p->problem = problem;
	p->finished = true;
	event_active(p->turn, EV_TIMEOUT, 0);
}

/* May free p. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct acme_preflight *p = arg;

	(void)fd, (void)what;
	if (!p->finished)
		go_on(p);
	else
		p->done(p->arg, p->fault.err, p->problem, p->fault.err == ERR_OK ? "" : fault_str(&p->fault,
		    p->fault.err));
}

/* --- what is known of a name --- */

static const struct look *
find_look(const struct acme_preflight *p, const uint8_t *name)
{
	for (size_t i = 0; i < p->nlooks; i++)
		if (dname_equal(p->looks[i].name.octets, name))
			return &p->looks[i];
	return NULL;
}

/* Takes set over. */
static enum err
keep_look(struct acme_preflight *p, const uint8_t *name, struct rr_list *set)
{
	struct look *looks = reallocarray(p->looks, p->nlooks + 1, sizeof *looks);

	if (looks == NULL) {
		rr_list_clear(set);
		return ERR_NOMEM;
	}
	p->looks = looks;
	dname_copy(&looks[p->nlooks].name, name);
	looks[p->nlooks++].set = *set;
	*set = (struct rr_list){ 0 };
	return ERR_OK;
}

/* --- in our zones --- */

/* The wildcard that speaks for name, of which the outside said that there is one: that of the closest name above it
 * that is there (RFC 4592, section 3.3.1), and that is the first one that no other wildcard speaks for. */
static bool
find_wildcard(const struct acme_outside *o, const uint8_t *name, struct dname *out)
{
	static const uint8_t star[] = "\1*";
	struct acme_place place;

	while (!dname_is_root(name)) {
		name = dname_parent(name);
		if (!dname_join(out, star, 1, name))
			return false;
		o->place(o->ctx, out->octets, &place);
		if (place.kind == ACME_PLACE_HERE && !place.wildcard)
			return true;
	}
	return false;
}

static enum err
look_here(const struct acme_preflight *p, const uint8_t *name, bool wildcard, struct rr_list *out)
{
	const struct acme_outside *o = p->setup.outside;
	struct dname source;
	enum err err;

	if (wildcard && find_wildcard(o, name, &source))
		name = source.octets;
	err = o->lookup(o->ctx, name, TYPE_CAA, out);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* --- elsewhere --- */

static bool
answer_starts(struct rd *r, const uint8_t *msg, size_t n, struct msg_header *h)
{
	return msg_records_begin(r, msg, n, h) && (h->flags & FLAG_QR) != 0;
}

/* The name at the end of the aliases that the answer section has for name. */
static void
follow_aliases(struct rd answers, unsigned count, const uint8_t *name, struct dname *out)
{
	dname_copy(out, name);
	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		struct rd r = answers;
		struct msg_rr rr;
		bool found = false;

		for (unsigned i = 0; !found && i < count && msg_rr_read(&r, &rr); i++)
			if (rr.type == TYPE_CNAME && dname_equal(rr.owner.octets, out->octets)) {
				struct dname target;

				rd_dname(&rr.rdata, &target);
				if ((found = !rr.rdata.bad))
					*out = target;
			}
		if (!found)
			return;
	}
}

bool
acme_preflight_read_caa(const uint8_t *msg, size_t n, const uint8_t *name, struct rr_list *out)
{
	uint8_t *rdata = malloc(RDATA_MAX);
	struct msg_header h;
	struct msg_rr rr;
	struct dname end;
	struct rd r;
	bool good = rdata != NULL && answer_starts(&r, msg, n, &h) &&
	    ((h.flags & 15) == RCODE_NOERROR || (h.flags & 15) == RCODE_NXDOMAIN);

	if (good)
		follow_aliases(r, h.ancount, name, &end);
	for (unsigned i = 0; good && i < h.ancount && msg_rr_read(&r, &rr); i++) {
		size_t size;

		if (rr.type == TYPE_CAA && rr.class == CLASS_IN && dname_equal(rr.owner.octets, end.octets) &&
		    rdata_read(&rr.rdata, rr.type, rr.rdlen, rdata, &size))
			good = rr_list_add(out, &(struct rr){ rr.owner.octets, rdata, rr.ttl, TYPE_CAA,
			    (uint16_t)size }) == ERR_OK;
	}
	free(rdata);
	return good;
}

static void on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words);

/* False: nobody can be asked. */
static bool
ask(struct acme_preflight *p, const uint8_t *name, uint16_t type, bool unchecked)
{
	if (p->deaf || clock_mono_ms() >= p->until_ms)
		return false;
	dname_copy(&p->asked, name);
	p->asked_type = type;
	p->unchecked = unchecked;
	return acme_resolve_start(p->setup.resolve, name, type, unchecked ? ACME_RESOLVE_CD : 0, ANSWER_MS, on_answer,
	    p, &p->call) == ERR_OK;
}

static void
refuse_bogus(struct acme_preflight *p)
{
	char name[DNAME_TEXT_MAX];

	fault_set(&p->fault, ERR_REFUSED, "%.253s does not validate (DNSSEC): a resolver answers SERVFAIL, and has an "
	    "answer when it need not check signatures; the CA checks them: see the zone's DS records and signatures",
	    dname_print_host(p->asked.octets, name));
	finish(p, ERR_REFUSED, "dns");
}

/* What the question was about is known now, as far as it can be. */
static void
take_answer(struct acme_preflight *p, const uint8_t *msg, size_t n)
{
	struct rr_list set = { 0 };

	if (p->asked_type != TYPE_CAA) {
		p->zone_at++;
		go_on(p);
		return;
	}
	if (n > 0 && !acme_preflight_read_caa(msg, n, p->asked.octets, &set))
		rr_list_clear(&set);
	if (keep_look(p, p->level.octets, &set) != ERR_OK)
		finish(p, ERR_NOMEM, "");
	else
		go_on(p);
}

static void
on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct acme_preflight *p = arg;
	char name[DNAME_TEXT_MAX];
	unsigned rcode = err == ERR_OK && n > 3 ? msg[3] & 15 : RCODE_SERVFAIL;

	p->call = NULL;
	if (err != ERR_OK) {
		log_debug("acme: %s: %s cannot be looked up before the order: %s", p->host,
		    dname_print_host(p->asked.octets, name), words);
		p->deaf = true;
		take_answer(p, NULL, 0);
	} else if (rcode == RCODE_SERVFAIL) {
		if (p->unchecked || !ask(p, p->asked.octets, p->asked_type, true))
			take_answer(p, NULL, 0);	/* out of order, but not bogus */
	} else if (p->unchecked)
		refuse_bogus(p);
	else
		take_answer(p, msg, n);
}

/* --- CAA --- */

/* p->level becomes known, or is asked for (false). */
static bool
look_at_level(struct acme_preflight *p, enum err *err)
{
	const struct acme_outside *o = p->setup.outside;
	struct rr_list set = { 0 };
	struct acme_place place;
	struct dname name = p->level;

	*err = ERR_OK;
	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		o->place(o->ctx, name.octets, &place);
		if (place.kind != ACME_PLACE_ALIAS)
			break;
		name = place.name;
	}
	if (place.kind == ACME_PLACE_HERE)
		*err = look_here(p, name.octets, place.wildcard, &set);
	else if ((place.kind == ACME_PLACE_FOREIGN || place.kind == ACME_PLACE_CUT) &&
	    ask(p, name.octets, TYPE_CAA, false))
		return false;
	if (*err == ERR_OK)
		*err = keep_look(p, p->level.octets, &set);
	rr_list_clear(&set);
	return true;
}

static void
next_subject(struct acme_preflight *p)
{
	if (++p->at < p->nsubjects)
		p->level = p->subjects[p->at].domain;
}

/* False: it waits for an answer, or is finished. */
static bool
climb(struct acme_preflight *p)
{
	const struct subject *s = &p->subjects[p->at];
	const struct look *look;
	struct fault inner = { 0 };
	enum err err;

	if (dname_is_root(p->level.octets)) {
		next_subject(p);
		return true;
	}
	if ((look = find_look(p, p->level.octets)) == NULL) {
		if (!look_at_level(p, &err))
			return false;
		if (err != ERR_OK)
			finish(p, err, "");
		return err == ERR_OK;
	}
	if (look->set.n == 0) {
		memmove(p->level.octets, dname_parent(p->level.octets), dname_len(dname_parent(p->level.octets)));
		return true;
	}
	if (acme_caa_judge(&look->set, s->wildcard, &p->issuer, &inner) != ERR_OK) {
		fault_set(&p->fault, ERR_REFUSED, "%.253s: %.700s", s->text, inner.text);
		finish(p, ERR_REFUSED, "caa");
		return false;
	}
	next_subject(p);
	return true;
}

static void
go_on(struct acme_preflight *p)
{
	while (p->zone_at < p->nzones && !p->finished) {
		if (ask(p, p->zones[p->zone_at].octets, TYPE_SOA, false))
			return;
		p->zone_at++;
	}
	while (p->at < p->nsubjects && !p->finished)
		if (!climb(p))
			return;
	if (!p->finished)
		finish(p, ERR_OK, "");
}

/* --- the start --- */

static bool
add_zone(struct acme_preflight *p, const struct dname *zone)
{
	struct dname *zones;

	for (size_t i = 0; i < p->nzones; i++)
		if (dname_equal(p->zones[i].octets, zone->octets))
			return true;
	if ((zones = reallocarray(p->zones, p->nzones + 1, sizeof *zones)) == NULL)
		return false;
	p->zones = zones;
	zones[p->nzones++] = *zone;
	return true;
}

/* Our zones on the way to the record of a challenge. */
static bool
add_zones_of(struct acme_preflight *p, const char *name)
{
	const struct acme_outside *o = p->setup.outside;
	struct acme_place place;
	struct dname owner;

	if (acme_challenge_record(ACME_DNS_01, name, NULL, &owner) != ERR_OK)
		return true;
	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		o->place(o->ctx, owner.octets, &place);
		if (place.kind != ACME_PLACE_FOREIGN && !add_zone(p, &place.zone))
			return false;
		if (place.kind != ACME_PLACE_ALIAS)
			break;
		owner = place.name;
	}
	return true;
}

static bool
read_names(struct acme_preflight *p)
{
	const struct acme_names *names = p->setup.names;

	if ((p->subjects = calloc(names->n + 1, sizeof *p->subjects)) == NULL)
		return false;
	for (size_t i = 0; i < names->n; i++) {
		struct subject *s = &p->subjects[p->nsubjects];

		s->text = names->v[i];
		s->wildcard = strncmp(s->text, "*.", 2) == 0;
		if (dname_from_str(s->text + (s->wildcard ? 2 : 0), &s->domain) == ERR_OK)
			p->nsubjects++;
		if (acme_resolve_at(p->setup.resolve, 0) != NULL && !add_zones_of(p, s->text))
			return false;
	}
	p->level = p->subjects[0].domain;
	return true;
}

/* What the CA calls itself: as its directory says, or as everybody knows. */
static bool
read_identities(struct acme_preflight *p, const struct acme_preflight_setup *setup)
{
	const char *const *known = acme_ca_known(setup->directory, NULL).identities;
	size_t n = json_array_size(setup->identities), nknown = 0, i;
	const json_t *one;

	while (n == 0 && known != NULL && known[nknown] != NULL)
		nknown++;
	if ((n > 0 && (p->kept = json_deep_copy(setup->identities)) == NULL) ||
	    (p->identities = calloc(n + nknown + 1, sizeof *p->identities)) == NULL)
		return false;
	json_array_foreach(p->kept, i, one)
		if (json_is_string(one))
			p->identities[p->issuer.nidentities++] = json_string_value(one);
	for (i = 0; i < nknown; i++)
		p->identities[p->issuer.nidentities++] = known[i];
	p->issuer.identities = p->identities;
	return true;
}

static bool
init(struct acme_preflight *p, const struct acme_preflight_setup *setup)
{
	static const enum acme_challenge_type usual[] = { ACME_DNS_01 };
	const enum acme_challenge_type *methods = setup->nmethods > 0 ? setup->methods : usual;
	size_t n = setup->nmethods > 0 ? setup->nmethods : 1;

	p->host = strdup(setup->host);
	p->account = setup->account != NULL ? strdup(setup->account) : NULL;
	p->turn = event_new(setup->base, -1, 0, on_turn, p);
	if (p->host == NULL || (setup->account != NULL && p->account == NULL) || p->turn == NULL ||
	    !read_identities(p, setup) || !read_names(p))
		return false;
	p->issuer.nmethods = n < ACME_CHALLENGE_TYPES ? n : ACME_CHALLENGE_TYPES;
	memcpy(p->methods, methods, p->issuer.nmethods * sizeof *methods);
	p->issuer.methods = p->methods;
	p->issuer.account = p->account;
	if (p->issuer.nidentities == 0) {
		log_debug("acme: %s: the CA does not say what it is called in CAA records: they are not looked at",
		    p->host);
		p->at = p->nsubjects;
	}
	return true;
}

enum err
acme_preflight_start(const struct acme_preflight_setup *setup, acme_preflight_done *done, void *arg,
    struct acme_preflight **out)
{
	struct acme_preflight *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->setup = *setup;
	p->done = done;
	p->arg = arg;
	p->until_ms = clock_mono_ms() + ALL_MS;
	if (!init(p, setup)) {
		acme_preflight_free(p);
		return ERR_NOMEM;
	}
	event_active(p->turn, EV_TIMEOUT, 0);
	*out = p;
	return ERR_OK;
}

void
acme_preflight_free(struct acme_preflight *p)
{
	if (p == NULL)
		return;
	acme_resolve_cancel(p->call);
	if (p->turn != NULL)
		event_free(p->turn);
	for (size_t i = 0; i < p->nlooks; i++)
		rr_list_clear(&p->looks[i].set);
	free(p->looks);
	free(p->zones);
	free(p->subjects);
	free(p->identities);
	json_decref(p->kept);
	free(p->host);
	free(p->account);
	free(p);
}
