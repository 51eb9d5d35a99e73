/* tsig/policy.h -- who may change what in a zone: an ordered list of rules in the syntax, and with the meaning, of
 * BIND's update-policy, and two rule types more, for the roles of tsig/key.h.
 *
 *   grant|deny IDENTITY RULETYPE [NAME] [TYPE[(MAX)]]...
 *
 * The first rule that matches decides.  IDENTITY is the name of a key, or a wildcard for names of keys. */
#ifndef TSIG_POLICY_H
#define TSIG_POLICY_H

#include "tsig/key.h"

enum tsig_rule_kind {
	TSIG_RULE_NAME,			/* the owner is NAME */
	TSIG_RULE_SUBDOMAIN,		/* NAME, or below it */
	TSIG_RULE_WILDCARD,		/* NAME is a wildcard that the owner matches */
	TSIG_RULE_ZONESUB,		/* whatever is in the zone; no NAME */
	TSIG_RULE_SELF,			/* the owner is the key's name; of NAME only the place is kept */
	TSIG_RULE_SELFSUB,		/* that, or below it */
	TSIG_RULE_SELFWILD,		/* below it */
	TSIG_RULE_CSR,	/* NAME is a host: its CSR may be replaced; ".": the host that the key's name says */
	TSIG_RULE_ACME			/* the same: TXT for challenges at and below it */
};

struct tsig_rule_type {
	uint16_t type;			/* ANY: every one */
	unsigned max;			/* so many records at one owner; 0: any number */
};

struct tsig_rule {
	bool grant;
	enum tsig_rule_kind kind;
	struct dname identity, name;
	struct tsig_rule_type *types;
	size_t ntypes;			/* 0: all but NS, SOA and what DNSSEC makes */
	char *text;			/* as it was written */
};

/* *out is the caller's: tsig_rule_clear().  ERR_FORMAT with words: *at is the offset in text of what is wrong. */
enum err tsig_rule_parse(const char *text, struct tsig_rule *out, size_t *at, struct fault *f);
void tsig_rule_clear(struct tsig_rule *rule);

/* What is to be changed, and by whom. */
struct tsig_subject {
	const struct tsig_key *key;
	const uint8_t *owner;		/* inside of the zone */
	uint16_t type;			/* not ANY: each type is a subject of its own */
	const uint8_t *csr_host;	/* owner is where the CSR of this host stands; NULL: nobody's */
};

/* The rule that decides; NULL: none matches, which means no.  rules are those of the zone. */
const struct tsig_rule *tsig_rules_find(const struct tsig_rule *rules, size_t n, const struct tsig_subject *s);

/* Is the rule about the key of this name, whatever it changes? */
bool tsig_rule_is_for(const struct tsig_rule *rule, const uint8_t *key);

/* How many records of the type a rule that grants it allows at one owner; 0: any number. */
unsigned tsig_rule_max(const struct tsig_rule *rule, uint16_t type);

/* May an ACME client for host change that?  TXT at _acme-challenge.NAME, or at _LABEL._acme-challenge.NAME (the
 * challenge dns-account-01), where NAME is host or below it. */
bool tsig_acme_covers(const uint8_t *host, const uint8_t *owner, uint16_t type);

#endif
