/* server/main.c -- read this first. */
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/file.h"
#include "base/log.h"
#include "server/dnstap.h"
#include "server/keeper.h"
#include "server/options.h"
#include "server/supervisor.h"
#include "server/worker.h"
#include "zones/git.h"

#define BIG (256 * 1024)		/* octets of one allocation */

struct server {
	struct certnsd_options options;
	struct shared shared;
	struct workers *workers;
	struct keeper *keeper;
};

/* After the sockets are open: what follows needs no right of root's.  The state directory becomes the user's. */
static enum err
privileges_drop(const struct config *c, struct fault *f)
{
	struct passwd *user;
	enum err err;

	if (c->user == NULL)
		return ERR_OK;
	errno = 0;
	if ((user = getpwnam(c->user)) == NULL)
		return fault_set(f, ERR_NOT_FOUND, "user %s: %s", c->user,
		    errno == 0 ? "no such user" : strerror(errno));
	if (getuid() != 0)
		return getuid() == user->pw_uid ? ERR_OK :
		    fault_set(f, ERR_ACCESS, "cannot become user %s: not started as root", c->user);
	if ((err = file_mkdir(c->state_directory, 0700, f)) != ERR_OK)
		return err;
	if (chown(c->state_directory, user->pw_uid, user->pw_gid) != 0 || initgroups(c->user, user->pw_gid) != 0 ||
	    setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
		return fault_set(f, err_from_errno(errno), "cannot become user %s: %s", c->user, strerror(errno));
	/* git and ssh look for their files there. */
	setenv("HOME", user->pw_dir, 1);
	return ERR_OK;
}

/* Secrets are in our memory: no core dumps, no tracing by others. */
static void
protect_memory(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
}

static void
raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void
block_signals(sigset_t *wanted)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(wanted);
	sigaddset(wanted, SIGHUP);
	sigaddset(wanted, SIGINT);
	sigaddset(wanted, SIGTERM);
	sigprocmask(SIG_BLOCK, wanted, NULL);
}

/* Zone files that are not there: false if there are any.  Who serves goes on all the same, with the last good version of each as
 * far as the state has it. */
static bool
files_are_there(const struct config *c)
{
	bool all = true;

	for (size_t i = 0; i < c->nzones; i++)
		if (c->zones[i].unreadable != NULL) {
			log_error("%s", c->zones[i].unreadable);
			all = false;
		}
	return all;
}

static void
reload(struct server *s)
{
	struct config *config;
	struct fault f = { 0 };
	enum err err = config_load(&s->options.config, &config, &f);

	if (err == ERR_OK) {
		(void)files_are_there(config);
	} else {
		log_error("%s: the present configuration stays", fault_str(&f, err));
		dnstap_reopen(s->shared.dnstap);	/* its file may have been moved away all the same */
	}
	keeper_reload(s->keeper, err == ERR_OK ? config : NULL, fault_str(&f, err));
}

static void
wait_for_end(struct server *s, const sigset_t *wanted)
{
	int number;

	while (sigwait(wanted, &number) == 0) {
		if (number != SIGHUP)
			break;
		reload(s);
	}
	log_info("stopping");
	supervisor_tell("STOPPING=1");
}

static enum err
serve(struct server *s, struct config *config, const sigset_t *wanted, struct fault *f)
{
	enum err err;

	if ((err = workers_open(config, &s->workers, f)) != ERR_OK ||	/* port 53, so while still root */
	    (err = privileges_drop(config, f)) != ERR_OK) {
		config_free(config);
		return err;
	}
	protect_memory();
	if ((err = keeper_new(config, &s->shared, &s->keeper, f)) == ERR_OK &&	/* what the state has is served */
	    (err = dnstap_new(config->workers + 1, config, &s->shared.dnstap, f)) == ERR_OK &&
	    (err = keeper_start(s->keeper, s->workers, f)) == ERR_OK &&
	    (err = workers_start(s->workers, &s->shared, f)) == ERR_OK) {
		log_info("certns is ready");
		supervisor_tell("READY=1");
		wait_for_end(s, wanted);
	}
	return err;
}

/* certnsd -t */
static int
check(const struct config *c)
{
	if (!files_are_there(c))
		return EXIT_FAILURE;
	printf("the configuration is good\n");
	return EXIT_SUCCESS;
}

/* What libevent has to say goes where all else goes, and looks like it. */
static void
log_event(int severity, const char *words)
{
	if (severity == EVENT_LOG_ERR || severity == EVENT_LOG_WARN)
		log_warning("%s", words);
}

int
main(int argc, char **argv)
{
	struct server s = { 0 };
	struct config *config;
	struct fault f = { 0 };
	sigset_t wanted;
	enum err err;
	int status = EXIT_SUCCESS;

	file_take_standard();
	if (argc > 1 && strcmp(argv[1], GIT_CHILD_ARGUMENT) == 0)
		return git_child_main();
	if (!options_parse(argc, argv, &s.options, &status))
		return status;
	if ((err = config_load(&s.options.config, &config, &f)) == ERR_OK) {
		if (s.options.check_only) {
			status = check(config);
			config_free(config);
		} else {
			log_setup(config->log_level, config->log_format);
			(void)files_are_there(config);
			raise_file_limit();
			/* what is big goes back to the system as soon as it is freed */
			(void)mallopt(M_MMAP_THRESHOLD, BIG);
			event_set_log_callback(log_event);
			block_signals(&wanted);
			rcu_register_thread();		/* the zones of a restart are published from here */
			rcu_thread_offline();
			err = serve(&s, config, &wanted, &f);
			workers_stop(s.workers);
			keeper_stop(s.keeper);
			dnstap_free(s.shared.dnstap);
			workers_free(s.workers);	/* the keeper may have answered until now */
			rcu_drain();
			rcu_unregister_thread();
		}
	}
	if (err != ERR_OK)
		log_error("%s", fault_str(&f, err));
	options_clear(&s.options);
	return err == ERR_OK ? status : EXIT_FAILURE;
}
