/* The control socket's verbs that are answered when work is done: pull, push, freeze, reload. */
#include "server/keeper_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct waiting_call {
	struct control_call *call;
	const struct keeper *keeper;
	void (*look)(const struct keeper *k, char *problem, size_t size);	/* for what is wrong with zones at the end; or NULL */
	json_t *result;			/* where nothing is wrong */
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
		nheld += k->sources[i]->nheld;
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
	if (w->look != NULL && w->problem[0] == '\0')
		w->look(w->keeper, w->problem, sizeof w->problem);
	control_reply(w->call, json_incref(w->result), w->problem[0] == '\0' ? NULL : w->problem);
	json_decref(w->result);
	free(w);
}

void
control_sync(struct keeper *k, struct control_call *call, bool pull, const json_t *arguments)
{
	const char *option = control_argument(arguments, 0);
	bool force = option != NULL && strcmp(option, "--force") == 0;
	struct waiting_call *w;
	bool may_push = false;
	size_t n = 0;

	for (size_t i = 0; i < k->nsources; i++) {
		n += source_is_in_use(k->sources[i]);
		may_push |= source_is_in_use(k->sources[i]) && k->sources[i]->config->push;
	}
	if (n == 0) {
		control_reply(call, NULL, "no repository is configured");
		return;
	}
	if (!pull && !may_push) {
		control_reply(call, NULL, "no repository is pushed to: the configuration says push: no");
		return;
	}
	if ((w = calloc(1, sizeof *w)) == NULL) {
		control_reply(call, NULL, err_str(ERR_NOMEM));
		return;
	}
	w->call = call;
	w->keeper = k;
	w->look = pull ? tell_held : NULL;
	w->left = n;
	for (size_t i = 0; i < k->nsources; i++) {
		if (!source_is_in_use(k->sources[i]))
			continue;
		k->sources[i]->force |= force;
		if (pull)
			source_pull(k->sources[i]);
		else
			source_write(k->sources[i], true);
		source_wait(k->sources[i], pull, one_done, w);
	}
}

/* What waits to be written back goes out first, so that whoever edits the file by hand finds all of it there. */
void
control_freeze(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	struct zone *z = control_zone(k, control_argument(arguments, 0));
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
		source_wait(s, false, one_done, w);
	}
}

void
control_thaw(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	struct zone *z = control_zone(k, control_argument(arguments, 0));

	if (z == NULL || !z->frozen) {
		control_reply(call, NULL, "there is no such frozen zone");
		return;
	}
	z->frozen = false;
	certs_scan(k, z);
	source_pull(source_of(z));
	control_reply(call, NULL, NULL);
}

/* --- reload --- */

struct reload_call {
	struct control_call *call;
	struct reload_call *next;
};

/* main() waits for the signal: there is one way to reload. */
void
control_reload(struct keeper *k, struct control_call *call)
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

/* A zone that has a file, and could not be had from it. */
static void
tell_not_served(const struct keeper *k, char *out, size_t size)
{
	for (size_t i = 0; i < k->zones.n; i++) {
		const struct zone *z = k->zones.v[i];

		if (source_of(z) == NULL || source_of(z)->files == NULL || z->retired || zone_newest(z) != NULL)
			continue;
		snprintf(out, size, "the new configuration is taken, but zone %s is not served: %s", z->name,
		    z->problem != NULL ? z->problem : "it has not been read yet");
		return;
	}
}

/* Where zones come, go or have other files, it is over when that is. */
static void
answer_reload(struct keeper *k, struct control_call *call, const struct reloaded *done)
{
	struct waiting_call *w = calloc(1, sizeof *w);

	if (w == NULL) {
		control_reply(call, NULL, err_str(ERR_NOMEM));
		return;
	}
	*w = (struct waiting_call){ .call = call, .keeper = k, .look = tell_not_served, .left = 1,
	    .before = "the new configuration is taken, but ",
	    .result = json_pack("{s:b}", "restart-needed", done->needs_restart) };
	for (size_t i = 0; i < k->nsources; i++)
		if (!source_is_settled(k->sources[i])) {
			w->left++;
			source_wait(k->sources[i], false, one_done, w);
		}
	one_done(w, ERR_OK, "");
}

void
control_reloaded(struct keeper *k, const struct reloaded *done, const char *problem)
{
	struct reload_call *r;

	while ((r = k->reload_calls) != NULL) {
		k->reload_calls = r->next;
		if (problem != NULL)
			control_reply(r->call, NULL, problem);
		else
			answer_reload(k, r->call, done);
		free(r);
	}
}
