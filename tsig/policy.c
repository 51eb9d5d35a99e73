#include "tsig/policy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/rrtype.h"

#define KINDS_WORDS "name, subdomain, wildcard, zonesub, self, selfsub, selfwild, csr or acme"
#define TYPES_MAX 200
#define MAX_MOST 65535

static const char *const kinds[] = {
	[TSIG_RULE_NAME] = "name", [TSIG_RULE_SUBDOMAIN] = "subdomain", [TSIG_RULE_WILDCARD] = "wildcard",
	[TSIG_RULE_ZONESUB] = "zonesub", [TSIG_RULE_SELF] = "self", [TSIG_RULE_SELFSUB] = "selfsub",
	[TSIG_RULE_SELFWILD] = "selfwild", [TSIG_RULE_CSR] = "csr", [TSIG_RULE_ACME] = "acme"
};

/* --- reading --- */

struct words {
	const char *text;
	const char *p, *word;		/* what is left; the present word */
	size_t n;			/* of word; 0: the end */
	struct fault *f;
};

static bool
next_word(struct words *w)
{
	while (isspace((unsigned char)*w->p))
		w->p++;
	w->word = w->p;
	while (*w->p != '\0' && !isspace((unsigned char)*w->p))
		w->p++;
	w->n = (size_t)(w->p - w->word);
	return w->n > 0;
}

static enum err
expected(struct words *w, const char *what)
{
	if (w->n == 0)
		return fault_set(w->f, ERR_FORMAT, "expected %s, found the end of the rule", what);
	return fault_set(w->f, ERR_FORMAT, "expected %s, found '%.*s'", what, w->n > 60 ? 60 : (int)w->n, w->word);
}

static bool
word_is(const struct words *w, const char *text)
{
	return w->n == strlen(text) && strncasecmp(w->word, text, w->n) == 0;
}

static enum err
read_name(struct words *w, const char *what, struct dname *out)
{
	if (!next_word(w) || dname_parse(w->word, w->n, NULL, out) != ERR_OK)
		return expected(w, what);
	return ERR_OK;
}

static bool
is_self(enum tsig_rule_kind kind)
{
	return kind == TSIG_RULE_SELF || kind == TSIG_RULE_SELFSUB || kind == TSIG_RULE_SELFWILD;
}

static enum err
read_kind(struct words *w, struct tsig_rule *out)
{
	next_word(w);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (word_is(w, kinds[i])) {
			out->kind = (enum tsig_rule_kind)i;
			return ERR_OK;
		}
	return expected(w, KINDS_WORDS);
}

static enum err
read_target(struct words *w, struct tsig_rule *out)
{
	enum err err;

	if (out->kind == TSIG_RULE_ZONESUB)
		return ERR_OK;
	if ((err = read_name(w, "a domain name", &out->name)) != ERR_OK)
		return err;
	if (out->kind == TSIG_RULE_WILDCARD && !dname_is_wildcard(out->name.octets))
		return expected(w, "a name that begins with '*.'");
	if (is_self(out->kind) && !dname_is_root(out->name.octets) && !word_is(w, "*") &&
	    !dname_equal(out->name.octets, out->identity.octets))
		return expected(w, "'.' or the name of the key again");
	return ERR_OK;
}

/* "PTR", "PTR(1)". */
static enum err
read_type(struct words *w, struct tsig_rule_type *out)
{
	const char *open = memchr(w->word, '(', w->n);
	size_t n = open == NULL ? w->n : (size_t)(open - w->word);
	unsigned long max = 0;
	char *end;

	if (n == 3 && strncasecmp(w->word, "ANY", 3) == 0)
		out->type = TYPE_ANY;
	else if (!rrtype_parse(w->word, n, &out->type) || rrtype_is_meta(out->type))
		return expected(w, "the type of a record, or ANY");
	if (out->type == TYPE_NSEC || out->type == TYPE_NSEC3)
		return expected(w, "a type that can be updated");
	if (open != NULL && (!isdigit((unsigned char)open[1]) || (max = strtoul(open + 1, &end, 10)) == 0 ||
	    max > MAX_MOST || end != w->word + w->n - 1 || *end != ')'))
		return expected(w, "TYPE or TYPE(NUMBER)");
	out->max = (unsigned)max;
	return ERR_OK;
}

static enum err
read_types(struct words *w, struct tsig_rule *out)
{
	while (next_word(w)) {
		struct tsig_rule_type type, *types;
		enum err err;

		if (out->kind == TSIG_RULE_CSR || out->kind == TSIG_RULE_ACME)
			return expected(w, "no types with this rule, which says itself what may be changed");
		if ((err = read_type(w, &type)) != ERR_OK)
			return err;
		for (size_t i = 0; i < out->ntypes; i++)
			if (out->types[i].type == type.type)
				return expected(w, "each type once");
		if (out->ntypes == TYPES_MAX)
			return expected(w, "fewer types");
		if ((types = reallocarray(out->types, out->ntypes + 1, sizeof *types)) == NULL)
			return ERR_NOMEM;
		out->types = types;
		types[out->ntypes++] = type;
	}
	return ERR_OK;
}

static enum err
read_rule(struct words *w, struct tsig_rule *out)
{
	enum err err;

	next_word(w);
	out->grant = word_is(w, "grant");
	if (!out->grant && !word_is(w, "deny"))
		return expected(w, "grant or deny");
	if ((err = read_name(w, "the name of a key, or a wildcard for such names", &out->identity)) != ERR_OK ||
	    (err = read_kind(w, out)) != ERR_OK || (err = read_target(w, out)) != ERR_OK)
		return err;
	return read_types(w, out);
}

enum err
tsig_rule_parse(const char *text, struct tsig_rule *out, size_t *at, struct fault *f)
{
	struct words w = { .text = text, .p = text, .word = text, .f = f };
	enum err err;

	memset(out, 0, sizeof *out);
	if ((err = read_rule(&w, out)) == ERR_OK && (out->text = strdup(text)) == NULL)
		err = ERR_NOMEM;
	*at = (size_t)(w.word - text);
	if (err != ERR_OK)
		tsig_rule_clear(out);
	return err;
}

void
tsig_rule_clear(struct tsig_rule *rule)
{
	free(rule->types);
	free(rule->text);
	memset(rule, 0, sizeof *rule);
}

/* --- judging --- */

/* A name matches a wildcard, whatever exists: as BIND has it, each name below the wildcard's parent does. */
static bool
matches_wildcard(const uint8_t *name, const uint8_t *wildcard)
{
	const uint8_t *above = dname_parent(wildcard);

	return dname_is_below(name, above) && !dname_equal(name, above);
}

bool
tsig_rule_is_for(const struct tsig_rule *rule, const uint8_t *key)
{
	const uint8_t *identity = rule->identity.octets;

	return dname_is_wildcard(identity) ? matches_wildcard(key, identity) : dname_equal(key, identity);
}

static const uint8_t acme_challenge[] = "\017_acme-challenge";

static bool
is_challenge_label(const uint8_t *label)
{
	return strncasecmp((const char *)label, (const char *)acme_challenge, sizeof acme_challenge - 1) == 0;
}

bool
tsig_acme_covers(const uint8_t *host, const uint8_t *owner, uint16_t type)
{
	if (type != TYPE_TXT || dname_is_root(owner))
		return false;
	if (owner[1] == '_' && !is_challenge_label(owner))
		owner = dname_parent(owner);
	return is_challenge_label(owner) && dname_is_below(dname_parent(owner), host);
}

/* The host that a rule for a role speaks of; NULL: the key's name says none. */
static const uint8_t *
host_of(const struct tsig_rule *rule, const struct tsig_key *key)
{
	if (!dname_is_root(rule->name.octets))
		return rule->name.octets;
	return key->role == (rule->kind == TSIG_RULE_CSR ? TSIG_ROLE_CSR : TSIG_ROLE_ACME) ? key->zone.octets : NULL;
}

static bool
matches_role(const struct tsig_rule *rule, const struct tsig_subject *s)
{
	const uint8_t *host = host_of(rule, s->key);

	if (host == NULL)
		return false;
	if (rule->kind == TSIG_RULE_ACME)
		return tsig_acme_covers(host, s->owner, s->type);
	return s->type == TYPE_TLSA && s->csr_host != NULL && dname_equal(s->csr_host, host);
}

static bool
matches_owner(const struct tsig_rule *rule, const struct tsig_subject *s)
{
	const uint8_t *key = s->key->name.octets;

	switch (rule->kind) {
	case TSIG_RULE_NAME:		return dname_equal(s->owner, rule->name.octets);
	case TSIG_RULE_SUBDOMAIN:	return dname_is_below(s->owner, rule->name.octets);
	case TSIG_RULE_WILDCARD:	return matches_wildcard(s->owner, rule->name.octets);
	case TSIG_RULE_ZONESUB:		return true;
	case TSIG_RULE_SELF:		return dname_equal(s->owner, key);
	case TSIG_RULE_SELFSUB:		return dname_is_below(s->owner, key);
	case TSIG_RULE_SELFWILD:	return dname_is_below(s->owner, key) && !dname_equal(s->owner, key);
	case TSIG_RULE_CSR:
	case TSIG_RULE_ACME:		return matches_role(rule, s);
	}
	return false;
}

static bool
matches_type(const struct tsig_rule *rule, uint16_t type)
{
	if (rule->ntypes == 0)
		return type != TYPE_NS && type != TYPE_SOA && type != TYPE_RRSIG && type != TYPE_NSEC &&
		    type != TYPE_NSEC3;
	for (size_t i = 0; i < rule->ntypes; i++)
		if (rule->types[i].type == type || rule->types[i].type == TYPE_ANY)
			return true;
	return false;
}

const struct tsig_rule *
tsig_rules_find(const struct tsig_rule *rules, size_t n, const struct tsig_subject *s)
{
	for (size_t i = 0; i < n; i++)
		if (tsig_rule_is_for(&rules[i], s->key->name.octets) && matches_owner(&rules[i], s) &&
		    matches_type(&rules[i], s->type))
			return &rules[i];
	return NULL;
}

unsigned
tsig_rule_max(const struct tsig_rule *rule, uint16_t type)
{
	unsigned max = 0;

	for (size_t i = 0; i < rule->ntypes; i++) {
		if (rule->types[i].type == type)
			return rule->types[i].max;
		if (rule->types[i].type == TYPE_ANY)
			max = rule->types[i].max;
	}
	return max;
}
