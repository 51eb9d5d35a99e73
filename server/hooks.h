/* server/hooks.h -- commands of the operator's that are run when something happened to a certificate.
 *
 * A command is run by /bin/sh as the server's user, with what happened in its environment (certns.yaml(5)), standard
 * input from /dev/null, and nothing else open.  What it prints goes to our log.  It has a time limit, after which it is
 * killed with everything that it started, and only a few run at the same time: the others wait.  Nobody waits for a
 * hook. */
#ifndef SERVER_HOOKS_H
#define SERVER_HOOKS_H

#include "base/err.h"

struct event_base;
struct hooks;

/* *out is the caller's.  ERR_NOMEM. */
enum err hooks_new(struct event_base *base, struct hooks **out);

/* Those that run are sent SIGTERM and not waited for; those that wait are dropped.  Takes NULL. */
void hooks_free(struct hooks *h);

struct hook {				/* copied */
	const char *command;
	const char *what;		/* for messages: "issued, for www.example.com" */
	const char *const *environment;	/* NULL-terminated: "NAME=VALUE", on top of ours */
	unsigned timeout_s;
};

/* Failures are logged: too many wait, the command cannot be started, or ends with another status than 0. */
void hooks_run(struct hooks *h, const struct hook *hook);

#endif
