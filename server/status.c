/* server/status.c -- what certnsctl asks for. */
#include <config.h>

#include "server/keeper_internal.h"

#include <signal.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/dnstap.h"
#include "server/options.h"

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
	    "state", acme_state_str(s->state), "names", control_words(s->names), "issuer", control_words(s->issuer),
	    "authority", control_words(s->authority), "expires", control_time(s->expires_s), "next", control_time(s->next_s),
	    "step", control_words(s->step));
	if (l->host != NULL) {
		json_object_set_new(row, "attempts", json_integer((json_int_t)s->attempts));
		json_object_set_new(row, "problem-type", control_words(s->problem_type));
	}
	json_object_set_new(row, "problem", control_words(s->problem));
	json_array_append_new(l->rows, row);
}

static void
answer_certs(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	struct cert_list l = { json_array(), control_argument(arguments, 0) };

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
	const char *text = control_argument(arguments, 0);
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
	    "commit", control_words(s->head), "pulled", control_time(s->pulled_s), "pushed", control_time(s->pushed_s),
	    "next-write", control_time(s->write_at_s), "busy", s->busy,
	    "failures", (json_int_t)(s->pull_trouble.failures + s->write_trouble.failures),
	    "held", h->kind == HOLD_NONE ? json_null() : json_string(hold_kind_str(h->kind)), "held-commit",
	    control_words(h->commit), "held-since", control_time(h->since_s), "problem",
	    control_words(source_problem(s) != NULL ? source_problem(s) : h->words));
}

/* NULL where it is off. */
static json_t *
dnstap_row(const struct keeper *k)
{
	struct dnstap_status s;

	dnstap_describe(k->shared->dnstap, &s);
	return !s.is_on ? json_null() : json_pack("{s:o, s:b, s:I, s:I, s:o}", "sink", control_words(s.sink), "open", s.is_open,
	    "written", (json_int_t)s.written, "dropped", (json_int_t)s.dropped, "problem", control_words(s.problem));
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
	struct zone_counts zones = k->zones.counts;

	workers_count(k->workers, &n);
	for (size_t i = 0; i < k->nsources; i++)
		if (source_is_in_use(k->sources[i]))
			json_array_append_new(repositories, repository_row(k->sources[i]));
	control_reply(call, json_pack("{s:s, s:i, s:I, s:o, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:o, s:o, "
	    "s:o, s:o, s:o}", "version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime",
	    (json_int_t)(clock_now_s() - k->started_s), "started", control_time(k->started_s), "zones",
	    (json_int_t)zones.served, "zones-with-problems", (json_int_t)zones.troubled,
	    "keys", (json_int_t)tsig_keyring_count(k->view->ring),
	    "requests", "udp", (json_int_t)n.udp_queries, "tcp", (json_int_t)n.tcp_queries, "updates",
	    (json_int_t)n.updates, "notifies", (json_int_t)n.notifies, "transfers", (json_int_t)n.transfers, "dropped",
	    (json_int_t)(n.dropped + n.unsent + n.tcp_refused),
	    "certificates", certificates_row(k), "account", control_words(k->acme == NULL ? NULL : acme_account_url(k->acme)),
	    "dnstap", dnstap_row(k), "database-problem", control_words(commits_problem(k->commits)),
	    "repositories", repositories), NULL);
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
	const char *directory = control_argument(arguments, 0);

	if (directory == NULL || *directory == '\0')
		control_reply(call, NULL, "expected the name of a directory");
	else
		backup_start(k, directory, backup_over, call);
}

static void
answer_log_level(struct control_call *call, const json_t *arguments)
{
	const char *text = control_argument(arguments, 0);
	enum log_level level;

	if (text == NULL || !options_log_level(text, &level)) {
		control_reply(call, NULL, "expected error, warning, info or debug");
		return;
	}
	log_set_level(level);
	control_reply(call, NULL, NULL);
}

/* main() waits for the signal: there is one way to stop. */
static void
answer_stop(struct control_call *call)
{
	control_reply(call, NULL, NULL);
	kill(getpid(), SIGTERM);
}

static void
handle(void *ctx, struct control_call *call, const char *command, const json_t *arguments)
{
	struct keeper *k = ctx;

	if (strcmp(command, "status") == 0)
		answer_status(k, call);
	else if (strcmp(command, "zones") == 0)
		control_zones(k, call, arguments);
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
		control_notify(k, call, arguments);
	else if (strcmp(command, "refresh") == 0 || strcmp(command, "retransfer") == 0)
		control_refresh(k, call, arguments, strcmp(command, "retransfer") == 0);
	else if (strcmp(command, "pull") == 0 || strcmp(command, "push") == 0)
		control_sync(k, call, strcmp(command, "pull") == 0, arguments);
	else if (strcmp(command, "freeze") == 0)
		control_freeze(k, call, arguments);
	else if (strcmp(command, "thaw") == 0)
		control_thaw(k, call, arguments);
	else if (strcmp(command, "backup") == 0)
		answer_backup(k, call, arguments);
	else if (strcmp(command, "log-level") == 0)
		answer_log_level(call, arguments);
	else if (strcmp(command, "reload") == 0)
		control_reload(k, call);
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
