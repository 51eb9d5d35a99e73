/* base/child.h -- other programs.  They get default signals, none of them blocked, and of our descriptors those that are named here and
 * no other. */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	const char *program;			/* without a slash it is looked for in PATH */
	const char *const *arguments;		/* the first is its name; NULL-terminated */
	const char *const *environment;		/* NULL-terminated; NULL: ours */
	int in, out, err;			/* its standard descriptors; -1: /dev/null for in, ours for the other two */
	bool own_group;				/* its process group is its own, so that kill(-pid, ...) ends all that it starts */
};

/* 0: *pid runs, and is the caller's to wait for; else an errno. */
int child_start(const struct child *c, pid_t *pid);

#endif
