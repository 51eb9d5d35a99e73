/* zones/git_parent.c -- fetch and push, done by a child that is this program again: libgit2 cannot be told to give
 * up, a process can.  The request goes in by its standard input and the reply comes back by its standard output, so
 * nothing of it is seen in an argument list; the deadline ends with SIGTERM and SIGKILL for the child's process
 * group. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/log.h"
#include "zones/git_internal.h"

#define DEADLINE_S 60
#define GRACE_MS 1000			/* from SIGTERM to SIGKILL */
#define DISK_OCTETS_PER_MS (50 * 1000)	/* what a modest disk writes */

/* What poll said about the child's end of the line.  False: it is closed. */
static bool
exchange_step(int fd, short events, struct buf *request, struct buf *reply)
{
	uint8_t octets[4096];
	ssize_t n;

	if ((events & POLLOUT) != 0 && request->len > 0) {
		if ((n = send(fd, request->p, request->len, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
			buf_consume(request, (size_t)n);
		if (request->len == 0)
			(void)shutdown(fd, SHUT_WR);
	}
	if ((events & (POLLIN | POLLHUP | POLLERR)) == 0)
		return true;
	n = recv(fd, octets, sizeof octets, MSG_DONTWAIT);
	if (n > 0 && reply->len < GIT_EXCHANGE_MAX)
		buf_add(reply, octets, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static enum err
given_up(const struct buf *reply, unsigned deadline_s, struct fault *f)
{
	size_t start = git_exchange_last(reply->p, reply->len);
	struct git_exchange x = { 0 };
	const char *phase = NULL;

	if (git_exchange_read(reply->p + start, reply->len - start, &x))
		phase = x.v[GIT_FIELD_PHASE];
	fault_set(f, ERR_TIMEOUT, "no end after %u s%s%s; given up", deadline_s, phase != NULL ? ", " : "",
	    phase != NULL ? phase : "");
	git_exchange_clear(&x);
	return ERR_TIMEOUT;
}

/* Send the request and collect the reply until the child closes its end. */
static enum err
talk(const struct git_source *s, int fd, struct buf *request, struct buf *reply, unsigned deadline_s, struct fault *f)
{
	int64_t deadline_ms = clock_mono_ms() + (int64_t)deadline_s * 1000;

	for (;;) {
		struct pollfd p[3] = { { .fd = fd, .events = POLLIN }, { .fd = s->cancel_fd, .events = POLLIN },
		    { .fd = s->give_way_fd, .events = POLLIN } };
		int64_t left_ms = deadline_ms - clock_mono_ms();

		if (left_ms <= 0)
			return given_up(reply, deadline_s, f);
		if (request->len > 0)
			p[0].events |= POLLOUT;
		if (poll(p, 3, left_ms > 1000 ? 1000 : (int)left_ms) <= 0)
			continue;
		if (p[1].revents != 0)
			return fault_set(f, ERR_CANCELLED, "given up, since the program ends");
		if (p[2].revents != 0)
			return fault_set(f, ERR_CANCELLED, "given up for what is more urgent");
		if (!exchange_step(fd, p[0].revents, request, reply))
			return ERR_OK;
	}
}

static int64_t
cost_ms(const struct rusage *u)
{
	return (int64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000 +
	    (u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1000 + (int64_t)u->ru_oublock * 512 / DISK_OCTETS_PER_MS;
}

int64_t
git_source_cost_ms(struct git_source *s)
{
	int64_t cost = s->cost_ms;

	s->cost_ms = 0;
	return cost;
}

int64_t
git_thread_cost_ms(void)
{
	struct rusage usage = { 0 };

	(void)getrusage(RUSAGE_THREAD, &usage);
	return cost_ms(&usage);
}

static enum err
no_reply(int status, struct fault *f)
{
	if (WIFSIGNALED(status))
		return fault_set(f, ERR_IO, "the git child was ended by signal %d", WTERMSIG(status));
	return fault_set(f, ERR_IO, "the git child ended without a reply (exit status %d)", WEXITSTATUS(status));
}

/* SIGTERM first: git, which may be at work in its group, then takes its locks away.  A short while is given to it. */
static void
child_end(pid_t pid)
{
	siginfo_t gone = { 0 };

	(void)kill(-pid, SIGTERM);
	for (int i = 0; i < GRACE_MS / 10 && waitid(P_PID, (id_t)pid, &gone, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    gone.si_pid == 0; i++)
		(void)poll(NULL, 0, 10);
	(void)poll(NULL, 0, 50);
	(void)kill(-pid, SIGKILL);
}

static bool
has_nothing(struct git_source *s)
{
	git_oid_text tip;

	return git_source_tip(s, tip, NULL) == ERR_NOT_FOUND;
}

/* Run one request in a child.  ERR_OK: it gave a reply (which may be an error of its own). */
static enum err
child_run(struct git_source *s, struct buf *request, unsigned deadline_s, struct git_exchange *answer,
    struct fault *f)
{
	struct buf reply = { 0 };
	struct rusage usage = { 0 };
	size_t last;
	int fds[2], error, status = 0;
	enum err err;
	pid_t pid;

	if (deadline_s == 0)			/* the first fetch brings all of the history */
		deadline_s = (s->config.deadline_s != 0 ? s->config.deadline_s : DEADLINE_S) * (has_nothing(s) ?
		    10 : 1);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return fault_set(f, err_from_errno(errno), "socketpair: %s", strerror(errno));
	error = child_start(&(struct child){ .program = "/proc/self/exe",
	    .arguments = (const char *const []){ "certnsd", GIT_CHILD_ARGUMENT, NULL }, .in = fds[1], .out = fds[1],
	    .err = -1, .own_group = true }, &pid);
	close(fds[1]);
	if (error != 0) {
		close(fds[0]);
		return fault_set(f, err_from_errno(error), "cannot start the git child: %s", strerror(error));
	}
	if ((err = talk(s, fds[0], request, &reply, deadline_s, f)) != ERR_OK)
		child_end(pid);
	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	s->cost_ms += cost_ms(&usage);
	last = git_exchange_last(reply.p, reply.len);
	if (err == ERR_OK && !git_exchange_read(reply.p + last, reply.len - last, answer))
		err = no_reply(status, f);
	close(fds[0]);
	buf_clear(&reply);
	return err;
}

bool
git_request_fill(const struct git_source *s, const char *operation, struct git_exchange *x)
{
	struct buf pins = { 0 };
	char parent[16];
	bool ok;

	snprintf(parent, sizeof parent, "%d", (int)getpid());
	for (size_t i = 0; s->config.host_keys != NULL && s->config.host_keys[i] != NULL; i++)
		buf_printf(&pins, "%s%s", i > 0 ? " " : "", s->config.host_keys[i]);
	ok = git_exchange_set(x, GIT_FIELD_OPERATION, operation) &&
	    git_exchange_set(x, GIT_FIELD_PARENT, parent) &&
	    git_exchange_set(x, GIT_FIELD_CLONE, s->dir) &&
	    git_exchange_set(x, GIT_FIELD_URL, s->config.url) &&
	    git_exchange_set(x, GIT_FIELD_SSH_KEY, s->config.ssh_key) &&
	    git_exchange_set(x, GIT_FIELD_CA_FILE, s->config.ca_file) &&
	    git_exchange_set(x, GIT_FIELD_CREDENTIALS, s->config.credentials_file) &&
	    git_exchange_set(x, GIT_FIELD_HELPER, s->config.credential_helper) &&
	    (pins.len == 0 || git_exchange_set(x, GIT_FIELD_HOST_KEYS, buf_str(&pins))) && !pins.failed;
	buf_clear(&pins);
	return ok;
}

/* The whole way: start, wait, kill, and the child's error as ours. */
enum err
git_child_do(struct git_source *s, const struct git_exchange *x, unsigned deadline_s, struct git_exchange *answer,
    struct fault *f)
{
	struct buf request = { 0 };
	const char *number;
	enum err err;

	git_exchange_write(x, &request);
	if (request.failed)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	err = child_run(s, &request, deadline_s, answer, f);
	buf_wipe(&request);
	if (err != ERR_OK) {
		git_clone_sweep(s->dir);
		return err;
	}
	if ((number = answer->v[GIT_FIELD_ERROR]) == NULL)
		return fault_set(f, ERR_IO, "the git child's reply says nothing");
	if ((err = (enum err)atoi(number)) != ERR_OK)
		fault_set(f, err, "%s", answer->v[GIT_FIELD_WORDS] != NULL ? answer->v[GIT_FIELD_WORDS] : err_str(err));
	return err;
}

/* The old history, where the new one does not hold it, is kept by nothing. */
static void
note_rewritten(struct git_source *s, const git_oid_text before, const git_oid_text tip)
{
	bool based = true;

	if (before[0] != '\0' && strcmp(before, tip) != 0 &&
	    git_source_is_ancestor(s, before, tip, &based, NULL) == ERR_OK && !based)
		git_source_note_garbage(s);
}

enum err
git_source_fetch(struct git_source *s, git_oid_text tip, struct fault *f)
{
	struct git_exchange request = { 0 }, answer = { 0 };
	git_oid_text before = "";
	enum err err;
	git_oid id;

	if (s->files != NULL)
		return git_files_fetch(s, tip, f);
	(void)git_source_tip(s, before, NULL);
	if (!git_request_fill(s, "fetch", &request) || !git_exchange_set(&request, GIT_FIELD_BRANCH,
	    s->config.branch)) {
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
		goto out;
	}
	if ((err = git_child_do(s, &request, 0, &answer, f)) != ERR_OK)
		goto out;
	if (answer.v[GIT_FIELD_BRANCH] == NULL || answer.v[GIT_FIELD_COMMIT] == NULL) {
		err = fault_set(f, ERR_IO, "the git child's reply is not whole");
		goto out;
	}
	if ((err = git_oid_of(answer.v[GIT_FIELD_COMMIT], &id, f)) != ERR_OK)
		goto out;
	free(s->branch);
	s->branch = answer.v[GIT_FIELD_BRANCH];
	answer.v[GIT_FIELD_BRANCH] = NULL;
	git_oid_tostr(tip, GIT_OID_TEXT, &id);
	note_rewritten(s, before, tip);
out:
	git_exchange_clear(&request);
	git_exchange_clear(&answer);
	return err;
}

enum err
git_source_push(struct git_source *s, const git_oid_text expected, const git_oid_text commit, struct fault *f)
{
	struct git_exchange request = { 0 }, answer = { 0 };
	bool based;
	enum err err;

	if (s->files != NULL)
		return git_files_push(s, expected, commit, f);
	if (s->branch == NULL)
		return fault_set(f, ERR_NOT_FOUND, "nothing was fetched yet");
	if ((err = git_source_is_ancestor(s, expected, commit, &based, f)) != ERR_OK)
		return err;
	if (!based)
		return fault_set(f, ERR_CONFLICT, "commit %s is not built on %s", commit, expected);
	if (!git_request_fill(s, "push", &request) || !git_exchange_set(&request, GIT_FIELD_BRANCH, s->branch) ||
	    !git_exchange_set(&request, GIT_FIELD_EXPECTED, expected) ||
	    !git_exchange_set(&request, GIT_FIELD_COMMIT, commit))
		err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	else
		err = git_child_do(s, &request, 0, &answer, f);
	if (err == ERR_OK && answer.v[GIT_FIELD_WORDS] != NULL)
		log_warning("%s: %s", s->url, answer.v[GIT_FIELD_WORDS]);
	git_exchange_clear(&request);
	git_exchange_clear(&answer);
	return err;
}
