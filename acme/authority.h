/* acme/authority.h -- the certificate authorities: which one an order goes to.
 *
 * Health is about an authority's own failures (no answer, HTTP 5xx, limits), never about those of a host.  One that has
 * failed for longer than patience lasts is passed over in favour of the next, except for one order now and then, which
 * finds out whether it works again; once one has succeeded, all go there as before. */
#ifndef ACME_AUTHORITY_H
#define ACME_AUTHORITY_H

#include "acme/acme.h"
#include "acme/bucket.h"
#include "acme/client.h"
#include "acme/port.h"

#define ACME_AUTHORITIES_MAX 16

struct acme_authority {
	const struct acme_authority_config *config;
	unsigned probe_first_s, probe_most_s;
	char *name;
	struct acme_client *client;
	struct acme_port *port;
	struct acme_buckets *buckets;	/* the CA's limits; kept over restarts */
	unsigned running;		/* orders on their way there */
	unsigned failures;		/* in a row */
	unsigned probes;		/* since the first */
	uint32_t failed_for;		/* of which host the first was */
	bool stopped;			/* others had the same since: one order now and then */
	int64_t failing_since_ms;	/* monotonic, as are the others; only while failures is not 0 */
	int64_t not_before_ms;		/* it asked us to stay away until then (Retry-After) */
	int64_t probe_ms;		/* when the next order may find out */
	char *problem;			/* the last failure; NULL: none */
};

struct acme_authorities {
	struct acme_authority v[ACME_AUTHORITIES_MAX];
	size_t n;
};

/* A choice among them, the best first. */
struct acme_ranking {
	struct acme_authority *v[ACME_AUTHORITIES_MAX];
	size_t n;
};

/* Account keys are read or made; nobody is contacted.  What was made before an error is the caller's to clear, too. */
enum err acme_authorities_init(struct acme_authorities *list, const struct acme_config *config, struct acme_port *port,
    struct event_base *base, struct fault *f);
void acme_authorities_clear(struct acme_authorities *list);
struct acme_authority *acme_authority_find(struct acme_authorities *list, const char *name);

/* What one without a name is called: "acme-v02.api.letsencrypt.org".  The caller's to free; NULL: no memory. */
char *acme_authority_name(const char *directory);

/* names NULL: all.  Unknown names are left out. */
void acme_ranking_read(struct acme_authorities *list, const char *const *names, struct acme_ranking *out);

/* Who shall get an order now.  patience_s bounds each one's failover_after_s: little where a certificate is about to
 * expire.  NULL: the choice is empty. */
struct acme_authority *acme_ranking_pick(const struct acme_ranking *choice, int64_t patience_s, int64_t now_ms);

/* Would it be passed over? */
bool acme_authority_down(const struct acme_authority *a, int64_t patience_s, int64_t now_ms);

/* When it will be passed over if it goes on failing as it does. */
int64_t acme_authority_down_ms(const struct acme_authority *a, int64_t patience_s);

/* How long the CA wants us to wait, by its words and its limits; 0: not at all.  exempt: the limits are not for this
 * order. */
int64_t acme_authority_held_ms(const struct acme_authority *a, bool exempt, int64_t now_ms);

/* How long until an order may go there, its health considered too; 0: now. */
int64_t acme_authority_wait_ms(const struct acme_authority *a, bool exempt, int64_t now_ms);

/* An order goes there: as a probe it is the only one until the next is due. */
void acme_authority_ask(struct acme_authority *a, int64_t now_ms);

/* An order there succeeded, or failed for the CA's own reasons.  host: a number that tells it from others.
 * retry_after_s is what the CA asked for; -1: nothing. */
void acme_authority_worked(struct acme_authority *a);
void acme_authority_failed(struct acme_authority *a, uint32_t host, const char *words, int64_t retry_after_s,
    int64_t now_ms);

/* It wants no requests for so long. */
void acme_authority_hold(struct acme_authority *a, int64_t s, int64_t now_ms);

#endif
