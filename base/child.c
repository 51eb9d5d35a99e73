#include "base/child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <unistd.h>

extern char **environ;

static void
set_attributes(posix_spawnattr_t *attributes, bool own_group)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	(void)posix_spawnattr_setsigdefault(attributes, &all);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setpgroup(attributes, 0);
	(void)posix_spawnattr_setflags(attributes, (short)(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
	    (own_group ? POSIX_SPAWN_SETPGROUP : 0)));
}

static int
add_descriptors(posix_spawn_file_actions_t *actions, const struct child *c)
{
	int error = c->in < 0 ? posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) :
	    posix_spawn_file_actions_adddup2(actions, c->in, STDIN_FILENO);

	if (error == 0 && c->out >= 0)
		error = posix_spawn_file_actions_adddup2(actions, c->out, STDOUT_FILENO);
	if (error == 0 && c->err >= 0)
		error = posix_spawn_file_actions_adddup2(actions, c->err, STDERR_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	return error;
}

int
child_start(const struct child *c, pid_t *pid)
{
	char *const *arguments = (char *const *)(uintptr_t)c->arguments;
	char *const *environment = c->environment == NULL ? environ : (char *const *)(uintptr_t)c->environment;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	if ((error = posix_spawn_file_actions_init(&actions)) != 0)
		return error;
	if ((error = posix_spawnattr_init(&attributes)) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return error;
	}
	set_attributes(&attributes, c->own_group);
	if ((error = add_descriptors(&actions, c)) == 0)
		error = posix_spawnp(pid, c->program, &actions, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}
