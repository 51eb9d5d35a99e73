/* server/metrics.c -- numbers for Prometheus (its text format, version 0.0.4). */
#include "server/keeper_internal.h"

#include "server/dnstap.h"
#include "wire/message.h"
#include "wire/rrtype.h"

struct zone_counts
metrics_count_zones(const struct keeper *k)
{
	struct zone_counts n = { 0 };

	for (size_t i = 0; i < k->zones.n; i++) {
		const struct zone *z = k->zones.v[i];

		n.served += zone_newest(z) != NULL && !z->retired;
		n.troubled += z->problem != NULL;
		n.in_conflict += zone_words(z)->conflict_theirs != NULL;
	}
	return n;
}

/* A label's value, as Prometheus wants it. */
static void
add_label(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_u8(b, '\\');
		buf_u8(b, (uint8_t)*text >= ' ' && (uint8_t)*text < 0x7f ? (uint8_t)*text : '?');
	}
}

static void
add_repository(struct buf *b, const struct source *s, const char *name, const char *kind, uint64_t value)
{
	buf_printf(b, "%s{remote=\"", name);
	add_label(b, git_source_url(s->git));
	if (kind != NULL)
		buf_printf(b, "\",operation=\"%s", kind);
	buf_printf(b, "\"} %llu\n", (unsigned long long)value);
}

/* One gauge for each reason, so that an alert can be on any of them. */
static void
add_held(struct buf *b, const struct source *s)
{
	for (enum hold_kind kind = HOLD_SIGNATURE; kind <= HOLD_REMOVAL; kind++) {
		buf_add_str(b, "certns_repository_held{remote=\"");
		add_label(b, git_source_url(s->git));
		buf_printf(b, "\",reason=\"%s\"} %d\n", hold_kind_str(kind), s->hold.kind == kind);
	}
}

static void
add_repositories(struct buf *b, const struct keeper *k)
{
	buf_printf(b, "# TYPE certns_git_up gauge\n");
	for (size_t i = 0; i < k->nsources; i++)
		add_repository(b, &k->sources[i], "certns_git_up", NULL, source_problem(&k->sources[i]) == NULL);
	buf_printf(b, "# TYPE certns_git_failures_total counter\n");
	for (size_t i = 0; i < k->nsources; i++) {
		add_repository(b, &k->sources[i], "certns_git_failures_total", "pull",
		    k->sources[i].pull_trouble.total);
		add_repository(b, &k->sources[i], "certns_git_failures_total", "push",
		    k->sources[i].write_trouble.total);
	}
	buf_printf(b, "# TYPE certns_git_success_timestamp_seconds gauge\n");
	for (size_t i = 0; i < k->nsources; i++) {
		add_repository(b, &k->sources[i], "certns_git_success_timestamp_seconds", "pull",
		    (uint64_t)k->sources[i].pulled_s);
		add_repository(b, &k->sources[i], "certns_git_success_timestamp_seconds", "push",
		    (uint64_t)k->sources[i].pushed_s);
	}
	buf_printf(b, "# TYPE certns_repository_held gauge\n");
	for (size_t i = 0; i < k->nsources; i++)
		add_held(b, &k->sources[i]);
}

/* ---- requests ---- */

static void
add_counter(struct buf *b, const char *name, uint64_t value)
{
	buf_printf(b, "# TYPE %s counter\n%s %llu\n", name, name, (unsigned long long)value);
}

static void
add_gauge(struct buf *b, const char *name, uint64_t value)
{
	buf_printf(b, "# TYPE %s gauge\n%s %llu\n", name, name, (unsigned long long)value);
}

/* A counter of two kinds. */
static void
add_pair(struct buf *b, const char *name, const char *label, const char *kind1, uint64_t value1, const char *kind2,
    uint64_t value2)
{
	buf_printf(b, "# TYPE %s counter\n%s{%s=\"%s\"} %llu\n%s{%s=\"%s\"} %llu\n", name, name, label, kind1,
	    (unsigned long long)value1, name, label, kind2, (unsigned long long)value2);
}

static void
add_requests(struct buf *b, const struct keeper *k)
{
	char type[RRTYPE_TEXT_MAX];
	struct worker_counters n;

	workers_count(k->workers, &n);
	add_pair(b, "certns_queries_total", "transport", "udp", n.udp_queries, "tcp", n.tcp_queries);
	buf_printf(b, "# TYPE certns_responses_total counter\n");
	for (unsigned i = 0; i < COUNTERS_RCODES; i++)
		if (n.rcodes[i] > 0)
			buf_printf(b, "certns_responses_total{rcode=\"%s\"} %llu\n", rcode_str(i),
			    (unsigned long long)n.rcodes[i]);
	buf_printf(b, "# TYPE certns_query_types_total counter\n");
	for (unsigned i = 0; i < COUNTERS_TYPES; i++)
		if (n.types[i] > 0)
			buf_printf(b, "certns_query_types_total{type=\"%s\"} %llu\n",
			    i < COUNTERS_TYPES - 1 ? rrtype_print((uint16_t)i, type) : "other",
			    (unsigned long long)n.types[i]);
	add_counter(b, "certns_responses_truncated_total", n.truncated);
	add_counter(b, "certns_malformed_total", n.dropped);
	add_counter(b, "certns_send_failures_total", n.unsent);
	add_pair(b, "certns_rate_limited_total", "action", "dropped", n.limited_dropped, "slipped", n.limited_slipped);
	add_counter(b, "certns_updates_total", n.updates);
	add_counter(b, "certns_updates_acknowledged_total", k->updates);
	add_pair(b, "certns_updates_refused_total", "by", "key", n.updates_refused, "record", k->updates_refused);
	add_counter(b, "certns_transfers_total", n.transfers);
	add_gauge(b, "certns_tcp_connections", n.tcp_connections);
	add_counter(b, "certns_tcp_connections_shed_total", n.tcp_shed);
	add_counter(b, "certns_tcp_connections_refused_total", n.tcp_refused);
}

static void
add_dnstap(struct buf *b, const struct keeper *k)
{
	struct dnstap_status s;

	dnstap_describe(k->shared->dnstap, &s);
	add_counter(b, "certns_dnstap_written_total", s.written);
	add_counter(b, "certns_dnstap_dropped_total", s.dropped);
}

static void
add_zones(struct buf *b, const struct keeper *k)
{
	struct zone_counts n = metrics_count_zones(k);

	add_gauge(b, "certns_zones", n.served);
	add_gauge(b, "certns_zones_with_problems", n.troubled);
	add_gauge(b, "certns_zones_in_conflict", n.in_conflict);
	buf_printf(b, "# TYPE certns_zone_serial gauge\n");
	for (size_t i = 0; i < k->zones.n; i++) {
		const struct zone *z = k->zones.v[i];

		if (zone_newest(z) == NULL || z->retired)
			continue;
		buf_add_str(b, "certns_zone_serial{zone=\"");
		add_label(b, z->name);
		buf_printf(b, "\"} %u\n", zone_version_serial(zone_newest(z)));
	}
}

/* ---- certificates ---- */

static void
add_host(struct buf *b, const char *name, const struct acme_status *s)
{
	buf_printf(b, "%s{host=\"", name);
	add_label(b, s->host);
	buf_add_str(b, "\",label=\"");
	add_label(b, s->label);
	buf_add_str(b, "\"");
}

static void
add_expiry(void *arg, const struct acme_status *s)
{
	if (s->expires_s == 0)
		return;
	add_host(arg, "certns_certificate_expiry_timestamp_seconds", s);
	buf_printf(arg, "} %lld\n", (long long)s->expires_s);
}

static void
add_failures(void *arg, const struct acme_status *s)
{
	add_host(arg, "certns_certificate_failures", s);
	buf_printf(arg, "} %u\n", s->attempts);
}

static void
add_state(void *arg, const struct acme_status *s)
{
	for (enum acme_state state = ACME_IDLE_VALID; state <= ACME_REFUSED; state++) {
		add_host(arg, "certns_certificate_state", s);
		buf_printf(arg, ",state=\"%s\"} %d\n", acme_state_str(state), s->state == state);
	}
}

static void
add_certificates(struct buf *b, const struct keeper *k)
{
	const struct cert_counts n = cert_events_counts(k);

	if (k->acme == NULL)
		return;
	add_counter(b, "certns_certificates_issued_total", n.issued);
	add_counter(b, "certns_certificate_attempts_failed_total", n.failed);
	buf_printf(b, "# TYPE certns_certificate_expiry_timestamp_seconds gauge\n");
	acme_each(k->acme, add_expiry, b);
	buf_printf(b, "# TYPE certns_certificate_failures gauge\n");
	acme_each(k->acme, add_failures, b);
	buf_printf(b, "# TYPE certns_certificate_state gauge\n");
	acme_each(k->acme, add_state, b);
}

json_t *
metrics_print(const struct keeper *k)
{
	struct buf b = { 0 };
	json_t *text;

	add_requests(&b, k);
	add_dnstap(&b, k);
	add_zones(&b, k);
	add_repositories(&b, k);
	add_certificates(&b, k);
	text = buf_str(&b) == NULL ? json_null() : json_string(buf_str(&b));
	buf_clear(&b);
	return text;
}
