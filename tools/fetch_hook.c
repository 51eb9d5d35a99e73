/* The command that makes a service read its certificate again.  It runs under sh, without our TSIG key in its
 * environment, and what it prints goes to standard error. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/fetch_host.h"

#define HOOK_TIMEOUT_MS 300000

static void
set(const char *name, const char *directory, const char *file)
{
	char *value = NULL;

	if (asprintf(&value, "%s%s%s", directory, *file != '\0' ? "/" : "", file) >= 0)
		setenv(name, value, 1);
	free(value);
}

static void
set_environment(const struct fetch_settings *s, const struct fetch_place *p, const struct fetch_chain *c, bool new_key)
{
	char current[4096], expires[CLOCK_TEXT_SIZE];
	struct buf names = { 0 };

	for (size_t i = 0; i < c->leaf.names.n; i++)
		buf_printf(&names, "%s%s", i > 0 ? " " : "", c->leaf.names.v[i]);
	const char *text = buf_str(&names);
	snprintf(current, sizeof current, "%s/current", p->path);
	clock_print(c->leaf.not_after_s, expires);
	unsetenv(FETCH_TSIG_VARIABLE);
	setenv("CERTNS_HOST", s->host, 1);
	setenv("CERTNS_NAMES", text != NULL ? text : "", 1);
	setenv("CERTNS_EXPIRES", expires, 1);
	setenv("CERTNS_NEW_KEY", new_key ? "yes" : "no", 1);
	set("CERTNS_DIRECTORY", current, "");
	set("CERTNS_KEY", current, "key.pem");
	set("CERTNS_CERTIFICATE", current, "certificate.pem");
	set("CERTNS_CHAIN", current, "chain.pem");
	set("CERTNS_FULLCHAIN", current, "fullchain.pem");
	set("CERTNS_COMBINED", current, "combined.pem");
	buf_clear(&names);
}

/* Wait for pid; what is late is killed with its children. */
static enum err
wait_for(pid_t pid, struct fault *f)
{
	int64_t deadline_ms = clock_mono_ms() + HOOK_TIMEOUT_MS;
	int status, delay_ms = 1;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
		if (clock_mono_ms() > deadline_ms) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			return fault_set(f, ERR_TIMEOUT, "the hook took longer than %d s", HOOK_TIMEOUT_MS / 1000);
		}
		poll(NULL, 0, delay_ms);
		delay_ms = delay_ms < 50 ? delay_ms * 2 : 50;
	}
	if (ended < 0)
		return fault_set(f, err_from_errno(errno), "the hook: %s", strerror(errno));
	if (WIFSIGNALED(status))
		return fault_set(f, ERR_PEER, "the hook was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return fault_set(f, ERR_PEER, "the hook ended with status %d", WEXITSTATUS(status));
	return ERR_OK;
}

enum err
fetch_hook_run(const struct fetch_settings *s, const struct fetch_place *p, const struct fetch_chain *c, bool new_key,
    struct fault *f)
{
	fflush(NULL);
	pid_t pid = fork();

	if (pid < 0)
		return fault_set(f, err_from_errno(errno), "the hook cannot be started: %s", strerror(errno));
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		setpgid(0, 0);
		if (freopen("/dev/null", "r", stdin) == NULL)
			_exit(126);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		set_environment(s, p, c, new_key);
		execl("/bin/sh", "sh", "-c", s->hook, (char *)NULL);
		_exit(127);
	}
	setpgid(pid, pid);
	return wait_for(pid, f);
}
