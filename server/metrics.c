/* server/metrics.c -- numbers for Prometheus (its text format, version 0.0.4). */
#include "server/keeper_internal.h"

#include "server/dnstap.h"
#include "wire/message.h"
#include "wire/rrtype.h"

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

/* What the samples that follow are. */
static void
begin(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
add_repository(struct buf *b, const struct source *s, const char *name, const char *kind, uint64_t value)
{
	if (!source_is_in_use(s))
		return;
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
	for (enum hold_kind kind = HOLD_SIGNATURE; kind <= HOLD_REMOVAL && source_is_in_use(s); kind++) {
		buf_add_str(b, "certns_repository_held{remote=\"");
		add_label(b, git_source_url(s->git));
		buf_printf(b, "\",reason=\"%s\"} %d\n", hold_kind_str(kind), s->hold.kind == kind);
	}
}

static void
add_repositories(struct buf *b, const struct keeper *k)
{
	begin(b, "certns_git_up", "gauge", "1 when the last pull and the last push went well.");
	for (size_t i = 0; i < k->nsources; i++)
		add_repository(b, k->sources[i], "certns_git_up", NULL, source_problem(k->sources[i]) == NULL);
	begin(b, "certns_git_failures_total", "counter", "Pulls and pushes that failed.");
	for (size_t i = 0; i < k->nsources; i++) {
		add_repository(b, k->sources[i], "certns_git_failures_total", "pull",
		    k->sources[i]->pull_trouble.total);
		add_repository(b, k->sources[i], "certns_git_failures_total", "push",
		    k->sources[i]->write_trouble.total);
	}
	begin(b, "certns_git_success_timestamp_seconds", "gauge", "When the last pull and the last push went well.");
	for (size_t i = 0; i < k->nsources; i++) {
		add_repository(b, k->sources[i], "certns_git_success_timestamp_seconds", "pull",
		    (uint64_t)k->sources[i]->pulled_s);
		add_repository(b, k->sources[i], "certns_git_success_timestamp_seconds", "push",
		    (uint64_t)k->sources[i]->pushed_s);
	}
	begin(b, "certns_repository_held", "gauge", "1 when what the remote has is held back for this reason.");
	for (size_t i = 0; i < k->nsources; i++)
		add_held(b, k->sources[i]);
}

/* ---- requests ---- */

static void
add_counter(struct buf *b, const char *name, const char *help, uint64_t value)
{
	begin(b, name, "counter", help);
	buf_printf(b, "%s %llu\n", name, (unsigned long long)value);
}

static void
add_gauge(struct buf *b, const char *name, const char *help, uint64_t value)
{
	begin(b, name, "gauge", help);
	buf_printf(b, "%s %llu\n", name, (unsigned long long)value);
}

static void
add_kind(struct buf *b, const char *name, const char *label, const char *kind, uint64_t value)
{
	buf_printf(b, "%s{%s=\"%s\"} %llu\n", name, label, kind, (unsigned long long)value);
}

static void
add_requests(struct buf *b, const struct keeper *k)
{
	char type[RRTYPE_TEXT_MAX];
	struct worker_counters n;

	workers_count(k->workers, &n);
	begin(b, "certns_queries_total", "counter", "Requests by transport.");
	add_kind(b, "certns_queries_total", "transport", "udp", n.udp_queries);
	add_kind(b, "certns_queries_total", "transport", "tcp", n.tcp_queries);
	begin(b, "certns_responses_total", "counter", "Responses by rcode.");
	for (unsigned i = 0; i < COUNTERS_RCODES; i++)
		if (n.rcodes[i] > 0)
			add_kind(b, "certns_responses_total", "rcode", rcode_str(i), n.rcodes[i]);
	begin(b, "certns_query_types_total", "counter", "Requests by the type of the question.");
	for (unsigned i = 0; i < COUNTERS_TYPES; i++)
		if (n.types[i] > 0)
			add_kind(b, "certns_query_types_total", "type",
			    i < COUNTERS_TYPES - 1 ? rrtype_print((uint16_t)i, type) : "other", n.types[i]);
	add_counter(b, "certns_responses_truncated_total", "Responses that were truncated.", n.truncated);
	add_counter(b, "certns_malformed_total", "Messages that were dropped since they are no requests.", n.dropped);
	add_counter(b, "certns_send_failures_total", "Responses that the system did not take.", n.unsent);
	begin(b, "certns_rate_limited_total", "counter", "Responses that rate-limit kept back.");
	add_kind(b, "certns_rate_limited_total", "action", "dropped", n.limited_dropped);
	add_kind(b, "certns_rate_limited_total", "action", "slipped", n.limited_slipped);
	add_counter(b, "certns_updates_total", "Updates that came.", n.updates);
	add_counter(b, "certns_updates_acknowledged_total",
	    "Updates that were done, or had nothing to do.", k->updates);
	begin(b, "certns_updates_refused_total", "counter", "Updates that were refused, for the key or for a record.");
	add_kind(b, "certns_updates_refused_total", "by", "key", n.updates_refused);
	add_kind(b, "certns_updates_refused_total", "by", "record", k->updates_refused);
	add_counter(b, "certns_transfers_total", "Transfers to others that were begun.", n.transfers);
	add_gauge(b, "certns_tcp_connections", "TCP connections.", n.tcp_connections);
	add_counter(b, "certns_tcp_connections_shed_total",
	    "Idle TCP connections that were closed to make room.", n.tcp_shed);
	add_counter(b, "certns_tcp_connections_refused_total",
	    "TCP connections for which there was no room.", n.tcp_refused);
}

static void
add_dnstap(struct buf *b, const struct keeper *k)
{
	struct dnstap_status s;

	dnstap_describe(k->shared->dnstap, &s);
	add_counter(b, "certns_dnstap_written_total", "Messages that dnstap wrote.", s.written);
	add_counter(b, "certns_dnstap_dropped_total", "Messages that dnstap left out.", s.dropped);
}

static void
add_zones(struct buf *b, const struct keeper *k)
{
	struct zone_counts n = k->zones.counts;

	add_gauge(b, "certns_zones", "Zones that are served.", n.served);
	add_gauge(b, "certns_zones_with_problems", "Zones with a problem.", n.troubled);
	add_gauge(b, "certns_zones_in_conflict",
	    "Zones whose changes here and in the repository do not fit together.", n.in_conflict);
	if (n.served > k->view->config->metrics_zones)
		return;				/* some of them would look as if the others were gone */
	begin(b, "certns_zone_serial", "gauge", "The serial that is served.");
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
	add_counter(b, "certns_certificates_issued_total", "Certificates that were published.", n.issued);
	add_counter(b, "certns_certificate_attempts_failed_total",
	    "Attempts to get a certificate that failed.", n.failed);
	begin(b, "certns_certificate_expiry_timestamp_seconds", "gauge", "The end of the certificate in place.");
	acme_each(k->acme, add_expiry, b);
	begin(b, "certns_certificate_failures", "gauge", "Attempts for a certificate that failed in a row.");
	acme_each(k->acme, add_failures, b);
	begin(b, "certns_certificate_state", "gauge", "1 for the state that a certificate is in, 0 for all others.");
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
