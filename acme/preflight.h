/* acme/preflight.h -- what would make an order fail is found before it is placed: attempts are counted at the CA, and
 * its words come late. */
#ifndef ACME_PREFLIGHT_H
#define ACME_PREFLIGHT_H

#include "acme/acme.h"
#include "acme/ca_known.h"
#include "acme/challenge.h"
#include "acme/csr.h"
#include "acme/resolve.h"

/* What a CSR is judged against; all borrowed.  No I/O. */
struct acme_csr_rules {
	struct acme_ca_known ca;

	/* Could a challenge for name (which may begin with "*.") be answered from here?  May be NULL. */
	enum err (*provable)(void *ctx, const char *name, struct fault *f);

	/* May whoever brings the CSR have a certificate for name?  NULL: for any. */
	bool (*covered)(void *ctx, const char *name);
	void *ctx;
};

/* Can a certificate for this CSR ever come of it?  acme_csr_parse() has seen to signature and form of the names.
 * ERR_OK; ERR_UNSUPPORTED: the key, or how the CSR is signed; ERR_RANGE: the names as such; ERR_REFUSED: not here, or
 * not for this client.  f has the reason. */
enum err acme_csr_judge(const struct acme_csr *csr, const struct acme_csr_rules *rules, struct fault *f);

/* Right before an order: would the CA refuse because of CAA (acme/caa.h), or because the zone of a challenge does not
 * validate (DNSSEC)?  CAA is looked for as a CA does it (RFC 8659, section 3), in our zones first; beyond them, and
 * about DNSSEC, resolvers are asked.  What cannot be found out passes. */
struct acme_preflight;

struct acme_preflight_setup {
	const struct acme_outside *outside;	/* these are borrowed for its life */
	struct acme_resolve *resolve;		/* NULL: nobody is asked */
	struct event_base *base;
	const struct acme_names *names;

	const char *host;			/* the rest is copied: for messages */
	const char *directory;			/* URL */
	const json_t *identities;		/* caaIdentities of the directory's meta; NULL: it has none */
	const char *account;			/* URL */
	const enum acme_challenge_type *methods;	/* that may be used */
	size_t nmethods;			/* 0: dns-01 alone */
};

/* ERR_OK: nothing speaks against it.  ERR_REFUSED: words say what does, and problem has the CA's word for it (RFC 8555,
 * section 6.7): "caa" or "dns".  ERR_NOMEM. */
typedef void acme_preflight_done(void *arg, enum err err, const char *problem, const char *words);

/* done comes exactly once, later; after it *out is still the caller's, to free.  Freed before, it never comes.
 * ERR_NOMEM. */
enum err acme_preflight_start(const struct acme_preflight_setup *setup, acme_preflight_done *done, void *arg,
    struct acme_preflight **out);
void acme_preflight_free(struct acme_preflight *p);		/* takes NULL */

/* The CAA RRs that a response to the question for those of name has, at the end of its chain of aliases.  False: it is
 * no answer.  For msg that may be anything. */
bool acme_preflight_read_caa(const uint8_t *msg, size_t n, const uint8_t *name, struct rr_list *out);

/* Is label, of n octets in lower case, an A-label whose Punycode (RFC 3492) can be read?  For what begins with
 * "xn--". */
bool acme_alabel_ok(const char *label, size_t n);

#endif
