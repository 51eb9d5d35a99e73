#include "server/hooks.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"

#define RUNNING_MAX 4
#define WAITING_MAX 10000
#define LINES_MAX 50			/* of a hook's output, in our log */
#define LINE_MAX_OCTETS 500
#define REAP_MS 50			/* between two looks whether it has ended */

extern char **environ;

struct run {
	TAILQ_ENTRY(run) entry;
	struct hooks *hooks;
	char *command, *what;
	char **environment;
	unsigned timeout_s;
	pid_t pid;			/* 0: it waits */
	int64_t until_ms;
	bool killed;
	struct event *output, *timer;
	char line[LINE_MAX_OCTETS];
	size_t n;
	unsigned lines;
};
TAILQ_HEAD(run_list, run);

struct hooks {
	struct event_base *base;
	struct run_list running, waiting;
	unsigned nrunning, nwaiting;
};

static void start_waiting(struct hooks *h);

static void
output_close(struct run *r)
{
	if (r->output == NULL)
		return;
	evutil_socket_t fd = event_get_fd(r->output);
	event_free(r->output);
	close(fd);
	r->output = NULL;
}

static void
run_free(struct run *r)
{
	output_close(r);
	if (r->timer != NULL)
		event_free(r->timer);
	for (size_t i = 0; r->environment != NULL && r->environment[i] != NULL; i++)
		free(r->environment[i]);
	free(r->environment);
	free(r->command);
	free(r->what);
	free(r);
}

/* ---- output ---- */

static void
line_end(struct run *r)
{
	if (r->n > 0 && ++r->lines <= LINES_MAX)
		log_info("hook (%s): %.*s", r->what, (int)r->n, r->line);
	else if (r->n > 0 && r->lines == LINES_MAX + 1)
		log_info("hook (%s): the rest of its output is left out", r->what);
	r->n = 0;
}

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	char text[4096];
	ssize_t n = read(fd, text, sizeof text);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == '\n' || r->n == sizeof r->line)
			line_end(r);
		if (text[i] != '\n')
			r->line[r->n++] = text[i];
	}
	if (n > 0)
		return;
	line_end(r);
	output_close(r);
}

/* ---- ends ---- */

static void
ended(struct run *r, int status)
{
	struct hooks *h = r->hooks;

	if (r->output != NULL) {		/* what it left in the pipe; somebody else may still have it open */
		on_output(event_get_fd(r->output), EV_READ, r);
		line_end(r);
	}
	if (r->killed)
		log_error("hook (%s): killed: it ran for more than %u s", r->what, r->timeout_s);
	else if (WIFSIGNALED(status))
		log_error("hook (%s): ended by signal %d", r->what, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_error("hook (%s): ended with status %d", r->what, WEXITSTATUS(status));
	else
		log_debug("hook (%s): done", r->what);
	TAILQ_REMOVE(&h->running, r, entry);
	h->nrunning--;
	run_free(r);
	start_waiting(h);
}

/* The command has ended when waitpid() says so: its output may end earlier, or later (a daemon that it left behind). */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	int64_t left_ms = r->until_ms - clock_mono_ms();
	int status;

	(void)fd;
	(void)what;
	if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
		ended(r, status);
		return;
	}
	if (left_ms <= 0 && !r->killed) {
		r->killed = true;
		kill(-r->pid, SIGKILL);
	}
	event_add(r->timer, &(struct timeval){ 0, REAP_MS * 1000 });
}

/* ---- beginnings ---- */

/* In a process group of its own, which can be killed whole. */
static int
spawn(struct run *r, int output)
{
	return child_start(&(struct child){ .program = "/bin/sh",
	    .arguments = (const char *const []){ "sh", "-c", r->command, NULL },
	    .environment = (const char *const *)(uintptr_t)r->environment, .in = -1, .out = output, .err = output,
	    .own_group = true }, &r->pid);
}

/* 0, or an errno. */
static int
start(struct run *r)
{
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	error = fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 ? errno : spawn(r, ends[1]);
	close(ends[1]);
	r->output = error == 0 ? event_new(r->hooks->base, ends[0], EV_READ | EV_PERSIST, on_output, r) : NULL;
	if (r->output == NULL)
		close(ends[0]);
	else
		event_add(r->output, NULL);
	return error;
}

static void
start_waiting(struct hooks *h)
{
	struct run *r;
	int error;

	while (h->nrunning < RUNNING_MAX && (r = TAILQ_FIRST(&h->waiting)) != NULL) {
		TAILQ_REMOVE(&h->waiting, r, entry);
		h->nwaiting--;
		if ((error = start(r)) != 0) {
			log_error("hook (%s): cannot be started: %s", r->what, strerror(error));
			run_free(r);
			continue;
		}
		r->until_ms = clock_mono_ms() + (int64_t)r->timeout_s * 1000;
		event_add(r->timer, &(struct timeval){ 0, REAP_MS * 1000 });
		TAILQ_INSERT_TAIL(&h->running, r, entry);
		h->nrunning++;
	}
}

/* Ours, but for the names that more has. */
static char **
join_environment(const char *const *more)
{
	size_t nours = 0, nmore = 0, n = 0;
	char **all;

	while (environ[nours] != NULL)
		nours++;
	while (more[nmore] != NULL)
		nmore++;
	if ((all = calloc(nours + nmore + 1, sizeof *all)) == NULL)
		return NULL;
	for (size_t i = 0; i < nours; i++)
		if (strncmp(environ[i], "CERTNS_", 7) != 0 && (all[n++] = strdup(environ[i])) == NULL)
			goto failed;
	for (size_t i = 0; i < nmore; i++)
		if ((all[n++] = strdup(more[i])) == NULL)
			goto failed;
	return all;
failed:
	for (size_t i = 0; i < n; i++)
		free(all[i]);
	free(all);
	return NULL;
}

void
hooks_run(struct hooks *h, const struct hook *hook)
{
	struct run *r = h->nwaiting < WAITING_MAX ? calloc(1, sizeof *r) : NULL;

	if (r == NULL || (r->command = strdup(hook->command)) == NULL || (r->what = strdup(hook->what)) == NULL ||
	    (r->environment = join_environment(hook->environment)) == NULL ||
	    (r->timer = evtimer_new(h->base, on_timer, r)) == NULL) {
		log_error("hook (%s): not run: %s", hook->what, r == NULL && h->nwaiting >= WAITING_MAX ?
		    "too many wait already" : "out of memory");
		if (r != NULL)
			run_free(r);
		return;
	}
	r->hooks = h;
	r->timeout_s = hook->timeout_s;
	TAILQ_INSERT_TAIL(&h->waiting, r, entry);
	h->nwaiting++;
	start_waiting(h);
}

enum err
hooks_new(struct event_base *base, struct hooks **out)
{
	struct hooks *h = calloc(1, sizeof *h);

	if (h == NULL)
		return ERR_NOMEM;
	h->base = base;
	TAILQ_INIT(&h->running);
	TAILQ_INIT(&h->waiting);
	*out = h;
	return ERR_OK;
}

void
hooks_free(struct hooks *h)
{
	struct run *r;

	if (h == NULL)
		return;
	while ((r = TAILQ_FIRST(&h->running)) != NULL) {
		TAILQ_REMOVE(&h->running, r, entry);
		kill(-r->pid, SIGTERM);
		run_free(r);
	}
	while ((r = TAILQ_FIRST(&h->waiting)) != NULL) {
		TAILQ_REMOVE(&h->waiting, r, entry);
		run_free(r);
	}
	free(h);
}
