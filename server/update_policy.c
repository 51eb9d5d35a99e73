#include "server/update_policy.h"

#include <stdio.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/challenge.h"
#include "acme/csr.h"
#include "acme/tlsa.h"

#define WORDS_MAX 300

void
update_policy_init(struct update_policy *p, const struct config *config, const struct tsig_key *key,
    const uint8_t *apex)
{
	const struct config_policy *rules = &config_zone_for(config, apex)->update_policy;

	*p = (struct update_policy){ .config = config, .rules = rules->is_set ? rules : NULL, .key = key };
}

bool
update_policy_admits(const struct config *config, const struct tsig_key *key, const uint8_t *apex)
{
	if (config_zone_for(config, apex)->update_policy.is_set || tsig_key_may(key, TSIG_RIGHT_UPDATE, apex))
		return true;
	/* _acme-challenge.<host> may be a zone of its own. */
	return key->role != TSIG_ROLE_NONE &&
	    (dname_is_below(key->zone.octets, apex) || dname_is_below(apex, key->zone.octets));
}

bool
update_policy_is_limited(const struct update_policy *p)
{
	return p->rules != NULL || p->key->right != TSIG_RIGHT_UPDATE;
}

/* The host whose CSR stands at owner, <label>.<host>; NULL: no CSR has its place there. */
static const uint8_t *
csr_host(const struct config *config, const uint8_t *owner)
{
	static const uint8_t root[] = { 0 };

	for (size_t i = 0; i < config->acme.nlabels; i++) {
		struct dname label, start;
		unsigned n;

		if (dname_from_str(config->acme.labels[i].label, &label) != ERR_OK ||
		    (n = dname_labels(label.octets)) > dname_labels(owner))
			continue;
		if (dname_join(&start, owner, n, root) && dname_equal(start.octets, label.octets))
			return dname_skip(owner, n);
	}
	return NULL;
}

static bool
say(char *reason, size_t size, const uint8_t *owner, uint16_t type, const char *words)
{
	char name[DNAME_TEXT_MAX], type_text[RRTYPE_TEXT_MAX];

	snprintf(reason, size, "%.120s %s: %s", dname_print(owner, name), rrtype_print(type, type_text), words);
	return false;
}

/* What a grant says beyond yes and no. */
struct grant {
	const uint8_t *csr_host;	/* nothing but a CSR may be added, for names at and below it; or NULL */
	unsigned max;
};

/* --- by the zone's rules --- */

static bool
by_rules(const struct update_policy *p, const uint8_t *owner, uint16_t type, struct grant *g, char words[WORDS_MAX])
{
	struct tsig_subject subject = { p->key, owner, type, csr_host(p->config, owner) };
	const struct tsig_rule *rule = tsig_rules_find(p->rules->rules, p->rules->n, &subject);

	if (rule == NULL) {
		snprintf(words, WORDS_MAX, "no rule of the zone's update-policy matches");
		return false;
	}
	g->max = tsig_rule_max(rule, type);
	g->csr_host = rule->kind == TSIG_RULE_CSR ? subject.csr_host : NULL;
	if (!rule->grant)
		snprintf(words, WORDS_MAX, "the update-policy says '%.200s'", rule->text);
	return rule->grant;
}

/* --- by the key's name --- */

static bool
by_name(const struct update_policy *p, const uint8_t *owner, uint16_t type, struct grant *g, char words[WORDS_MAX])
{
	const struct tsig_key *key = p->key;
	const uint8_t *host = csr_host(p->config, owner);
	char name[DNAME_TEXT_MAX];

	switch (key->role) {
	case TSIG_ROLE_NONE:
		snprintf(words, WORDS_MAX, "the key may not update");
		return key->right == TSIG_RIGHT_UPDATE;
	case TSIG_ROLE_CSR:
		if (type == TYPE_TLSA && host != NULL && dname_equal(host, key->zone.octets)) {
			g->csr_host = host;
			return true;
		}
		snprintf(words, WORDS_MAX, "the key may replace the CSR of %.200s and nothing else",
		    dname_print_host(key->zone.octets, name));
		return false;
	case TSIG_ROLE_ACME:
		snprintf(words, WORDS_MAX, "the key may change TXT at _acme-challenge of %.150s and of names below, "
		    "and nothing else", dname_print_host(key->zone.octets, name));
		return tsig_acme_covers(key->zone.octets, owner, type);
	}
	return false;
}

static bool
decide(const struct update_policy *p, const uint8_t *owner, uint16_t type, struct grant *g, char words[WORDS_MAX])
{
	*g = (struct grant){ 0 };
	return p->rules != NULL ? by_rules(p, owner, type, g, words) : by_name(p, owner, type, g, words);
}

/* --- CSRs --- */

struct bearer {
	const struct update_policy *policy;
	const uint8_t *host;		/* whose CSR it may put in place */
};

/* A name that is in no zone here, whose challenge others have delegated to somewhere here.  A rule that names it will
 * do; that a key may change the zone of the CSR will not: the challenge may lead to somebody else's zone. */
static bool
covers_foreign(const struct bearer *b, const uint8_t *challenge)
{
	const struct config_policy *rules = b->policy->rules;
	const struct tsig_key *key = b->policy->key;
	struct tsig_subject subject = { .key = key, .owner = challenge, .type = TYPE_TXT };
	const struct tsig_rule *rule;
	size_t next = 0;

	if (rules == NULL)
		return key->right == TSIG_RIGHT_UPDATE && dname_is_root(key->zone.octets);
	do {				/* what is said of the zone is not said of names elsewhere */
		rule = tsig_rules_find(rules->rules + next, rules->n - next, &subject);
		next = rule == NULL ? next : (size_t)(rule - rules->rules) + 1;
	} while (rule != NULL && rule->kind == TSIG_RULE_ZONESUB);
	return rule != NULL && rule->grant;
}

/* May whoever brings the CSR have a certificate for name?  For what is at and below the host of the CSR he may.  For
 * anything else if he could answer the challenge himself. */
static bool
covers(void *ctx, const char *name)
{
	const struct bearer *b = ctx;
	const struct tsig_key *key = b->policy->key;
	const char *base = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
	struct update_policy there;
	struct dname owner, host, apex;
	char words[WORDS_MAX];
	struct grant g;

	if (dname_from_str(base, &host) != ERR_OK)
		return false;
	if (dname_is_below(host.octets, b->host))
		return true;
	if (acme_challenge_record(ACME_DNS_01, base, NULL, &owner) != ERR_OK)
		return false;
	if (!b->policy->zone_of(b->policy->ctx, owner.octets, &apex))
		return covers_foreign(b, owner.octets);
	update_policy_init(&there, b->policy->config, key, apex.octets);
	if (there.rules == NULL && key->role == TSIG_ROLE_NONE)
		return tsig_key_may(key, TSIG_RIGHT_UPDATE, apex.octets);
	return decide(&there, owner.octets, TYPE_TXT, &g, words);
}

static bool
covers_all(struct bearer *b, const struct acme_names *names, struct fault *f)
{
	char text[DNAME_TEXT_MAX];

	for (size_t i = 0; i < names->n; i++)
		if (!covers(b, names->v[i])) {
			fault_set(f, ERR_REFUSED, "the CSR asks for %.120s, and the key may only have one for %.120s "
			    "and names below", names->v[i], dname_print_host(b->host, text));
			return false;
		}
	return true;
}

/* An addition by who may add nothing but the CSR of a host.  der NULL: it is none. */
static bool
is_csr_for(struct bearer *b, const uint8_t *der, size_t n, struct fault *f)
{
	struct acme_csr *csr;
	struct fault inner = { 0 };
	bool good;

	if (der == NULL) {
		fault_set(f, ERR_REFUSED, "the key may only add a CSR (3 255 0)");
		return false;
	}
	if (acme_csr_parse(der, n, &csr, &inner) != ERR_OK) {
		fault_set(f, ERR_REFUSED, "the CSR cannot be used: %.200s", inner.text);
		return false;
	}
	good = covers_all(b, acme_csr_names(csr), f);
	acme_csr_free(csr);
	return good;
}

/* A TLSA record that is added.  limited: to CSRs of the host. */
static bool
permits_tlsa(const struct update_policy *p, const struct rr *rr, bool limited, char *reason, size_t size)
{
	const uint8_t *der = NULL, *host = csr_host(p->config, rr->owner);
	struct bearer bearer = { p, host };
	struct acme_judge_client client = { covers, &bearer };
	char words[WORDS_MAX];
	struct fault f = { 0 };
	size_t n;

	if (acme_tlsa_read(rr, &der, &n) != ACME_TLSA_CSR)
		der = NULL;
	if (limited && !is_csr_for(&bearer, der, n, &f))
		return say(reason, size, rr->owner, rr->type, f.text);
	if (p->acme == NULL || host == NULL || der == NULL || acme_judge(p->acme, rr->owner, der, n, &client,
	    &f) == ERR_OK)
		return true;
	snprintf(words, sizeof words, "no certificate could come of the CSR: %.250s", f.text);
	return say(reason, size, rr->owner, rr->type, words);
}

/* --- one RR of the update section --- */

/* All of a name goes: then each type that is there must be allowed to.  What a signer made goes by itself. */
static bool
permits_all(const struct update_policy *p, const struct zone_version *v, const uint8_t *owner, char *reason,
    size_t size)
{
	const struct zone_node *node = zone_version_find(v, owner);
	struct zone_rrset set;
	char words[WORDS_MAX];
	struct grant g;

	for (size_t i = 0; node != NULL && i < zone_node_count(node); i++) {
		zone_node_at(node, i, &set);
		if (set.type != TYPE_RRSIG && set.type != TYPE_NSEC && !decide(p, owner, set.type, &g, words))
			return say(reason, size, owner, set.type, words);
	}
	return true;
}

/* By its owner and type.  *g is set. */
static bool
permits_change(const struct update_policy *p, const struct zone_version *v, const struct msg_rr *rr, struct grant *g,
    char *reason, size_t size)
{
	const uint8_t *owner = rr->owner.octets;
	char words[WORDS_MAX];

	if (rr->class == CLASS_ANY && rr->type == TYPE_ANY)
		return permits_all(p, v, owner, reason, size);
	if (p->rules != NULL && (rr->type == TYPE_NSEC || rr->type == TYPE_NSEC3 ||
	    (rr->type == TYPE_RRSIG && !dname_equal(owner, zone_version_apex_name(v)))))
		return say(reason, size, owner, rr->type, "such records are made by a signer alone");
	return decide(p, owner, rr->type, g, words) || say(reason, size, owner, rr->type, words);
}

bool
update_policy_permits(const struct update_policy *p, const struct zone_version *v, const struct msg_rr *rr,
    const uint8_t *rdata, size_t n, char *reason, size_t reason_size)
{
	struct grant g = { 0 };

	if (update_policy_is_limited(p) && !permits_change(p, v, rr, &g, reason, reason_size))
		return false;
	return rr->class != CLASS_IN || rr->type != TYPE_TLSA ||
	    permits_tlsa(p, &(struct rr){ rr->owner.octets, rdata, rr->ttl, rr->type, (uint16_t)n }, g.csr_host != NULL,
	    reason, reason_size);
}

bool
update_policy_may_ask(const struct update_policy *p, const uint8_t *owner, char *reason, size_t reason_size)
{
	const uint8_t *host;

	if (p->rules != NULL || p->key->role == TSIG_ROLE_NONE)
		return true;
	host = csr_host(p->config, owner);
	if (p->key->role == TSIG_ROLE_ACME ? tsig_acme_covers(p->key->zone.octets, owner, TYPE_TXT) :
	    host != NULL && dname_equal(host, p->key->zone.octets))
		return true;
	return say(reason, reason_size, owner, TYPE_ANY, "the key may not have a prerequisite here");
}

unsigned
update_policy_max(const struct update_policy *p, const uint8_t *owner, uint16_t type)
{
	char words[WORDS_MAX];
	struct grant g;

	return p->rules != NULL && decide(p, owner, type, &g, words) ? g.max : 0;
}

bool
update_policy_one_csr(const struct update_policy *p, const uint8_t *owner)
{
	char words[WORDS_MAX];
	struct grant g;

	if (p->acme != NULL && csr_host(p->config, owner) != NULL)
		return true;
	return update_policy_is_limited(p) && decide(p, owner, TYPE_TLSA, &g, words) && g.csr_host != NULL;
}
