/* server/status.c -- what certnsctl asks for. */
#include <config.h>

#include "server/keeper_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/dnstap.h"
#include "server/options.h"
#include "server/secondary.h"

/* --- small values --- */

static json_t *
json_time(int64_t time_s)
{
	char text[CLOCK_TEXT_SIZE];

	if (time_s == 0)
		return json_null();
	clock_print(time_s, text);
	return json_string(text);
}

/* Words from outside may hold any octets; JSON wants UTF-8. */
static json_t *
json_words(const char *text)
{
	json_t *j = text == NULL || *text == '\0' ? json_null() : json_string(text);
	struct buf b = { 0 };

	if (j != NULL)
		return j;
	for (; *text != '\0'; text++)
		buf_u8(&b, (uint8_t)*text < 0x80 ? (uint8_t)*text : '?');
	j = buf_str(&b) == NULL ? NULL : json_string(buf_str(&b));
	buf_clear(&b);
	return j;
}

static const char *
argument(const json_t *arguments, size_t i)
{
	return json_string_value(json_array_get(arguments, i));
}

/* --- zones --- */

static const char *
zone_state(const struct zone *z)
{
	if (z->retired)
		return "retired";
	if (zone_newest(z) == NULL)
		return z->held ? "refused" : "loading";
	return z->held ? "held" : z->frozen ? "frozen" : "served";
}

static json_t *
zone_row(const struct zone *z)
{
	struct zone_version *v = zone_newest(z);
	size_t pending = z->secondary == NULL ? pending_count(&z->pending) : 0;	/* else: what its image lacks */

	return json_pack("{s:s, s:o, s:s, s:o, s:I, s:s, s:o}", "name", z->name,
	    "serial", v == NULL ? json_null() : json_integer(zone_version_serial(v)), "state", zone_state(z),
	    "records", v == NULL ? json_null() : json_integer((json_int_t)zone_version_rr_count(v)),
	    "pending", (json_int_t)pending, "source", z->source, "problem", json_words(z->problem));
}

static void
add_secondary(void *arg, const struct notify_status *s)
{
	char address[CONFIG_ADDRESS_TEXT], key[DNAME_TEXT_MAX];

	json_array_append_new(arg, json_pack("{s:s, s:o, s:I, s:o, s:b, s:o}", "address",
	    config_address_print(s->address, address),
	    "key", s->key == NULL ? json_null() : json_string(dname_print_host(s->key, key)), "sent", (json_int_t)s->sent,
	    "confirmed", s->confirmed == 0 ? json_null() : json_integer((json_int_t)s->confirmed), "current",
	    s->is_confirmed, "problem", json_words(s->problem)));
}

/* What checks have to say of the newest text. */
static json_t *
complaint_lines(const struct complaints *c)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < c->n; i++) {
		struct buf line = { 0 };

		complaint_print(&c->v[i], &line);
		json_array_append_new(lines, json_words(buf_str(&line)));
		buf_clear(&line);
	}
	if (complaints_left_out(c) > 0)
		json_array_append_new(lines, json_sprintf("and %zu more like these", complaints_left_out(c)));
	return lines;
}

static json_t *
transfer_row(const struct zone *z)
{
	struct secondary_status s;
	char address[CONFIG_ADDRESS_TEXT];

	secondary_describe(z, &s);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "state", s.state, "primary", config_address_print(s.primary,
	    address), "key", s.key, "confirmed", json_time(s.checked_s), "next", json_time(s.next_s), "expires",
	    json_time(s.expires_s));
}

/* Lines of text as a list. */
static json_t *
json_lines(const char *text)
{
	json_t *lines = json_array();

	while (text != NULL && *text != '\0') {
		size_t n = strcspn(text, "\n");
		char *line = strndup(text, n);

		if (line != NULL)
			json_array_append_new(lines, json_words(line));
		free(line);
		text += n + (text[n] == '\n');
	}
	return lines;
}

static json_t *
zone_details(struct keeper *k, const struct zone *z)
{
	json_t *row = zone_row(z), *secondaries = json_array();

	notifier_each(k->notifier, z->apex.octets, add_secondary, secondaries);
	json_object_set_new(row, "passing", json_integer((json_int_t)z->pending.passing.n));
	json_object_set_new(row, "commit", json_words(z->base.commit));
	json_object_set_new(row, "file", z->base.n == 0 ? json_null() : json_string(z->base.v[0].path));
	json_object_set_new(row, "file-serial", json_integer((json_int_t)z->base.serial));
	json_object_set_new(row, "complaints", complaint_lines(&zone_words(z)->complaints));
	json_object_set_new(row, "upstream-wants", json_lines(zone_words(z)->conflict_theirs));
	json_object_set_new(row, "changed-here", json_lines(zone_words(z)->conflict_ours));
	json_object_set_new(row, "changed-here-by", json_lines(zone_words(z)->conflict_by));
	json_object_set_new(row, "secondaries", secondaries);
	if (source_of(z) != NULL)
		json_object_set_new(row, "held-back", json_words(source_of(z)->hold.words));
	if (z->secondary != NULL)
		json_object_set_new(row, "transfer", transfer_row(z));
	return row;
}

static int
compare_zones(const void *a, const void *b)
{
	return dname_compare((*(struct zone *const *)a)->apex.octets, (*(struct zone *const *)b)->apex.octets);
}

static json_t *
list_zones(struct keeper *k)
{
	struct zone **sorted = calloc(k->zones.n + 1, sizeof *sorted);
	json_t *rows = json_array();

	if (sorted != NULL) {
		memcpy(sorted, k->zones.v, k->zones.n * sizeof *sorted);
		qsort(sorted, k->zones.n, sizeof *sorted, compare_zones);
		for (size_t i = 0; i < k->zones.n; i++)
			json_array_append_new(rows, zone_row(sorted[i]));
	}
	free(sorted);
	return rows;
}

static struct zone *
named_zone(struct keeper *k, const char *name)
{
	struct dname apex;

	return name == NULL || dname_from_str(name, &apex) != ERR_OK ? NULL : zonetable_find(&k->zones, apex.octets);
}

static void
answer_zones(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	const char *name = argument(arguments, 0);
	struct zone *z = named_zone(k, name);

	if (name == NULL)
		control_reply(call, list_zones(k), NULL);
	else if (z == NULL)
		control_reply(call, NULL, "there is no such zone");
	else
		control_reply(call, json_pack("[o]", zone_details(k, z)), NULL);
}

static void
answer_refresh(struct keeper *k, struct control_call *call, const json_t *arguments, bool whole)
{
	struct zone *z = named_zone(k, argument(arguments, 0));

	if (z == NULL || z->retired || z->secondary == NULL) {
		control_reply(call, NULL, z == NULL || z->retired ? "there is no such zone" : "that is no secondary "
		    "zone");
		return;
	}
	secondary_refresh(z, whole);
	control_reply(call, NULL, NULL);
}

static void
answer_notify(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	struct zone *z = named_zone(k, argument(arguments, 0));

	if (z == NULL || zone_newest(z) == NULL || z->retired) {
		control_reply(call, NULL, "there is no such zone");
		return;
	}
	peers_notify(k, z);
	control_reply(call, NULL, NULL);
}

/* --- certificates --- */

struct cert_list {
	json_t *rows;
	const char *host;		/* only this one; or NULL */
};

static void
add_cert(void *arg, const struct acme_status *s)
{
	struct cert_list *l = arg;

	if (l->host != NULL && strcasecmp(l->host, s->host) != 0)
		return;
	json_t *row = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "host", s->host, "label", s->label,
	    "state", acme_state_str(s->state), "names", json_words(s->names), "issuer", json_words(s->issuer),
	    "authority", json_words(s->authority), "expires", json_time(s->expires_s), "next", json_time(s->next_s),
	    "step", json_words(s->step));
	if (l->host != NULL) {
		json_object_set_new(row, "attempts", json_integer((json_int_t)s->attempts));
		json_object_set_new(row, "problem-type", json_words(s->problem_type));
	}
	json_object_set_new(row, "problem", json_words(s->problem));
	json_array_append_new(l->rows, row);
}

static void
answer_certs(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	struct cert_list l = { json_array(), argument(arguments, 0) };

	if (k->acme != NULL)
		acme_each(k->acme, add_cert, &l);
	if (l.host != NULL && json_array_size(l.rows) == 0) {
		json_decref(l.rows);
		control_reply(call, NULL, "no CSR is known for that host");
	} else {
		control_reply(call, l.rows, NULL);
	}
}

static void
answer_renew(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	const char *text = argument(arguments, 0);
	struct dname host;
	enum err err;

	if (k->acme == NULL || text == NULL || dname_from_str(text, &host) != ERR_OK)
		control_reply(call, NULL, k->acme == NULL ? "no ACME authority is configured" : "that is no host name");
	else if ((err = acme_renew(k->acme, host.octets)) != ERR_OK)
		control_reply(call, NULL, err == ERR_NOT_FOUND ? "no CSR is known for that host" : err_str(err));
	else
		control_reply(call, NULL, NULL);
}

/* --- the server --- */

static json_t *
repository_row(const struct source *s)
{
	const struct hold *h = &s->hold;

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:I, s:o, s:o, s:o, s:o}", "remote", git_source_url(s->git),
	    "commit", json_words(s->head), "pulled", json_time(s->pulled_s), "pushed", json_time(s->pushed_s),
	    "next-write", json_time(s->write_at_s), "busy", s->busy,
	    "failures", (json_int_t)(s->pull_trouble.failures + s->write_trouble.failures),
	    "held", h->kind == HOLD_NONE ? json_null() : json_string(hold_kind_str(h->kind)), "held-commit",
	    json_words(h->commit), "held-since", json_time(h->since_s), "problem",
	    json_words(source_problem(s) != NULL ? source_problem(s) : h->words));
}

/* NULL where it is off. */
static json_t *
dnstap_row(const struct keeper *k)
{
	struct dnstap_status s;

	dnstap_describe(k->shared->dnstap, &s);
	return !s.is_on ? json_null() : json_pack("{s:o, s:b, s:I, s:I, s:o}", "sink", json_words(s.sink), "open", s.is_open,
	    "written", (json_int_t)s.written, "dropped", (json_int_t)s.dropped, "problem", json_words(s.problem));
}

static void
count_cert(void *arg, const struct acme_status *s)
{
	size_t *counts = arg;

	counts[s->state]++;
}

/* By state; null where no authority is configured. */
static json_t *
certificates_row(const struct keeper *k)
{
	size_t counts[ACME_REFUSED + 1] = { 0 };
	json_t *row;

	if (k->acme == NULL)
		return json_null();
	acme_each(k->acme, count_cert, counts);
	row = json_object();
	for (enum acme_state state = ACME_IDLE_VALID; state <= ACME_REFUSED; state++)
		json_object_set_new(row, acme_state_str(state), json_integer((json_int_t)counts[state]));
	return row;
}

static void
answer_status(struct keeper *k, struct control_call *call)
{
	struct worker_counters n;
	json_t *repositories = json_array();
	struct zone_counts zones = metrics_count_zones(k);

	workers_count(k->workers, &n);
	for (size_t i = 0; i < k->nsources; i++)
		json_array_append_new(repositories, repository_row(&k->sources[i]));
	control_reply(call, json_pack("{s:s, s:i, s:I, s:o, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:o, s:o, "
	    "s:o, s:o, s:o}", "version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime",
	    (json_int_t)(clock_now_s() - k->started_s), "started", json_time(k->started_s), "zones",
	    (json_int_t)zones.served, "zones-with-problems", (json_int_t)zones.troubled,
	    "keys", (json_int_t)tsig_keyring_count(k->view->ring),
	    "requests", "udp", (json_int_t)n.udp_queries, "tcp", (json_int_t)n.tcp_queries, "updates",
	    (json_int_t)n.updates, "notifies", (json_int_t)n.notifies, "transfers", (json_int_t)n.transfers, "dropped",
	    (json_int_t)(n.dropped + n.unsent + n.tcp_refused),
	    "certificates", certificates_row(k), "account", json_words(k->acme == NULL ? NULL : acme_account_url(k->acme)),
	    "dnstap", dnstap_row(k), "database-problem", json_words(commits_problem(k->commits)),
	    "repositories", repositories), NULL);
}

/* --- pull and push: answered when the work is done --- */

struct waiting_call {
	struct control_call *call;
	const struct keeper *keeper;	/* a pull: whose zones are looked at when it is over; or NULL */
	const char *before;		/* what stands before the problem */
	size_t left;			/* repositories that are not done yet */
	char problem[1024];
};

/* A pull that went well has not done its work where a zone's newest text is refused. */
static void
tell_held(const struct keeper *k, char *out, size_t size)
{
	size_t nheld = 0, more = 0, n;

	for (size_t i = 0; i < k->nsources; i++)
		nheld += k->sources[i].nheld;
	for (size_t i = 0; nheld > 0 && i < k->zones.n; i++) {
		const struct zone *z = k->zones.v[i];

		if (!z->held || z->retired || source_of(z) == NULL)
			continue;
		if (out[0] == '\0')
			snprintf(out, size, "zone %s: %s", z->name, z->problem != NULL ? z->problem : "refused");
		else
			more++;
	}
	n = strlen(out);
	if (more > 0 && n < size)
		snprintf(out + n, size - n, "; and %zu more, see 'certnsctl zones'", more);
}

static void
one_done(void *arg, enum err err, const char *words)
{
	struct waiting_call *w = arg;

	if (err != ERR_OK)
		snprintf(w->problem, sizeof w->problem, "%s%s", w->before != NULL ? w->before : "", words);
	if (--w->left > 0)
		return;
	if (w->keeper != NULL && w->problem[0] == '\0')
		tell_held(w->keeper, w->problem, sizeof w->problem);
	control_reply(w->call, NULL, w->problem[0] == '\0' ? NULL : w->problem);
	free(w);
}

static void
answer_sync(struct keeper *k, struct control_call *call, bool pull, bool force)
{
	struct waiting_call *w;
	bool may_push = false;

	if (k->nsources == 0) {
		control_reply(call, NULL, "no repository is configured");
		return;
	}
	for (size_t i = 0; i < k->nsources; i++)
		may_push |= k->sources[i].config->push;
	if (!pull && !may_push) {
		control_reply(call, NULL, "no repository is pushed to: the configuration says push: no");
		return;
	}
	if ((w = calloc(1, sizeof *w)) == NULL) {
		control_reply(call, NULL, err_str(ERR_NOMEM));
		return;
	}
	w->call = call;
	w->keeper = pull ? k : NULL;
	w->left = k->nsources;
	for (size_t i = 0; i < k->nsources; i++) {
		k->sources[i].force |= force;
		if (pull)
			source_pull(&k->sources[i]);
		else
			source_write(&k->sources[i], true);
		source_wait(&k->sources[i], one_done, w);
	}
}

/* What waits to be written back goes out first, so that whoever edits the file by hand finds all of it there. */
static void
answer_freeze(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	struct zone *z = named_zone(k, argument(arguments, 0));
	struct source *s = z == NULL ? NULL : source_of(z);
	struct waiting_call *w;

	if (z == NULL || zone_newest(z) == NULL || z->retired || s == NULL) {
		control_reply(call, NULL, "there is no such primary zone");
	} else if (pending_count(&z->pending) == 0 || !s->config->push) {
		z->frozen = true;
		control_reply(call, NULL, NULL);
	} else if ((w = calloc(1, sizeof *w)) == NULL) {
		control_reply(call, NULL, err_str(ERR_NOMEM));
	} else {
		z->frozen = true;
		w->call = call;
		w->before = "the zone is frozen, but not all that changed here is written back yet: ";
		w->left = 1;
		source_write(s, true);
		source_wait(s, one_done, w);
	}
}

static void
answer_thaw(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	struct zone *z = named_zone(k, argument(arguments, 0));

	if (z == NULL || !z->frozen) {
		control_reply(call, NULL, "there is no such frozen zone");
		return;
	}
	z->frozen = false;
	certs_scan(k, z);
	source_pull(source_of(z));
	control_reply(call, NULL, NULL);
}

static bool
is_force(const json_t *arguments)
{
	const char *text = argument(arguments, 0);

	return text != NULL && strcmp(text, "--force") == 0;
}

static void
backup_over(void *arg, enum err err, const char *words, uint64_t octets)
{
	control_reply(arg, err == ERR_OK ? json_pack("{s:I}", "octets", (json_int_t)octets) : NULL, err == ERR_OK ?
	    NULL : words);
}

static void
answer_backup(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	const char *directory = argument(arguments, 0);

	if (directory == NULL || *directory == '\0')
		control_reply(call, NULL, "expected the name of a directory");
	else
		backup_start(k, directory, backup_over, call);
}

static void
answer_log_level(struct control_call *call, const json_t *arguments)
{
	const char *text = argument(arguments, 0);
	enum log_level level;

	if (text == NULL || !options_log_level(text, &level)) {
		control_reply(call, NULL, "expected error, warning, info or debug");
		return;
	}
	log_set_level(level);
	control_reply(call, NULL, NULL);
}

/* main() waits for the signal: there is one way to stop and one to reload. */
static void
answer_stop(struct control_call *call)
{
	control_reply(call, NULL, NULL);
	kill(getpid(), SIGTERM);
}

struct reload_call {
	struct control_call *call;
	struct reload_call *next;
};

static void
answer_reload(struct keeper *k, struct control_call *call)
{
	struct reload_call *r = calloc(1, sizeof *r);

	if (r == NULL) {
		control_reply(call, NULL, err_str(ERR_NOMEM));
		return;
	}
	r->call = call;
	r->next = k->reload_calls;
	k->reload_calls = r;
	kill(getpid(), SIGHUP);
}

void
status_reloaded(struct keeper *k, const struct reloaded *done, const char *problem)
{
	struct reload_call *r;

	while ((r = k->reload_calls) != NULL) {
		k->reload_calls = r->next;
		control_reply(r->call, problem != NULL ? NULL : json_pack("{s:b}", "restart-needed",
		    done->needs_restart), problem);
		free(r);
	}
}

static void
handle(void *ctx, struct control_call *call, const char *command, const json_t *arguments)
{
	struct keeper *k = ctx;

	if (strcmp(command, "status") == 0)
		answer_status(k, call);
	else if (strcmp(command, "zones") == 0)
		answer_zones(k, call, arguments);
	else if (strcmp(command, "certs") == 0)
		answer_certs(k, call, arguments);
	else if (strcmp(command, "renew") == 0)
		answer_renew(k, call, arguments);
	else if (strcmp(command, "account") == 0)
		control_account(k, call, arguments);
	else if (strcmp(command, "revoke") == 0)
		control_revoke(k, call, arguments);
	else if (strcmp(command, "keys") == 0)
		control_reply(call, status_keys(k), NULL);
	else if (strcmp(command, "metrics") == 0)
		control_reply(call, metrics_print(k), NULL);
	else if (strcmp(command, "notify") == 0)
		answer_notify(k, call, arguments);
	else if (strcmp(command, "refresh") == 0 || strcmp(command, "retransfer") == 0)
		answer_refresh(k, call, arguments, strcmp(command, "retransfer") == 0);
	else if (strcmp(command, "pull") == 0 || strcmp(command, "push") == 0)
		answer_sync(k, call, strcmp(command, "pull") == 0, is_force(arguments));
	else if (strcmp(command, "freeze") == 0)
		answer_freeze(k, call, arguments);
	else if (strcmp(command, "thaw") == 0)
		answer_thaw(k, call, arguments);
	else if (strcmp(command, "backup") == 0)
		answer_backup(k, call, arguments);
	else if (strcmp(command, "log-level") == 0)
		answer_log_level(call, arguments);
	else if (strcmp(command, "reload") == 0)
		answer_reload(k, call);
	else if (strcmp(command, "stop") == 0)
		answer_stop(call);
	else
		control_reply(call, NULL, "this server does not know that command");
}

enum err
status_start(struct keeper *k, struct fault *f)
{
	return control_new(k->base, k->boot_view->config->control_socket, handle, k, &k->control, f);
}
