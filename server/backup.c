/* server/backup.c -- a copy of the state while the server goes on.
 *
 * The database comes first, in slices on the keeper; then a helper copies what else is in the state directory, checks
 * the database's copy, syncs everything and gives it its name.  The clone may be newer than the database, which a start
 * takes for a crash before the base moved: nothing is missing.  A backup is a state directory: a server can be started
 * on it. */
#include "server/keeper_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/backup_tree.h"

#define SLICE_PAUSE_MS 1
#define COPY_TRIES 10			/* the clone may be compacted while it is copied */
#define NAME_MAX_OCTETS (PATH_MAX - 300)

struct backup {
	struct keeper *keeper;
	void (*done)(void *arg, enum err err, const char *words, uint64_t octets);
	void *arg;
	char *directory, *partial;	/* its name when it is complete, and until then */
	struct journal_backup *copy;
	struct event *tick;
	uint64_t octets;
	enum err err;
	struct fault fault;
};

static void
backup_free(struct backup *b)
{
	journal_backup_free(b->copy);
	if (b->tick != NULL)
		event_free(b->tick);
	free(b->directory);
	free(b->partial);
	free(b);
}

/* Tell whoever asked; what is incomplete goes. */
static void
finish(struct backup *b)
{
	const char *words = fault_str(&b->fault, b->err);

	journal_backup_free(b->copy);
	b->copy = NULL;
	b->keeper->backup = NULL;
	if (b->err == ERR_OK) {
		log_info("backup in %s: %llu octets", b->directory, (unsigned long long)b->octets);
	} else {
		log_warning("backup in %s: %s", b->directory, words);
		if (b->partial != NULL)
			tree_remove(b->partial);
	}
	b->done(b->arg, b->err, words, b->octets);
	backup_free(b);
}

/* --- on a helper --- */

/* The database is copied already; the mark belongs to the one that is in use. */
static bool
wanted(const char *name)
{
	return strncmp(name, "state.db", 8) != 0 && strcmp(name, "journal.mark") != 0;
}

static enum err
copy_rest(struct backup *b)
{
	const char *state = b->keeper->boot_view->config->state_directory;
	enum err err = ERR_NOT_FOUND;

	for (int tries = 0; err == ERR_NOT_FOUND && tries < COPY_TRIES; tries++) {
		if (tries > 0)
			tree_clear(b->partial, wanted);
		b->octets = 0;
		err = tree_copy(state, b->partial, wanted, &b->octets, &b->fault);
	}
	return err;
}

static enum err
check_copy(struct backup *b)
{
	char path[PATH_MAX];
	struct stat st;
	enum err err;

	snprintf(path, sizeof path, "%s/state.db", b->partial);
	if ((err = journal_check_copy(path, &b->fault)) != ERR_OK)
		return err;
	if (stat(path, &st) == 0)
		b->octets += (uint64_t)st.st_size;
	return ERR_OK;
}

/* The name appears when all of it is on the disk. */
static enum err
give_name(struct backup *b)
{
	char parent[PATH_MAX];
	enum err err = tree_sync(b->partial, &b->fault);

	if (err != ERR_OK)
		return err;
	if (rename(b->partial, b->directory) != 0)
		return fault_set(&b->fault, err_from_errno(errno), "%s: %s", b->directory, strerror(errno));
	snprintf(parent, sizeof parent, "%s", b->directory);
	return tree_sync(dirname(parent), &b->fault);
}

static void
backup_run(void *arg)
{
	struct backup *b = arg;

	if ((b->err = copy_rest(b)) == ERR_OK && (b->err = check_copy(b)) == ERR_OK)
		b->err = give_name(b);
}

/* --- on the keeper --- */

static void
backup_done(void *arg)
{
	finish(arg);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct backup *b = arg;
	bool done;

	(void)fd;
	(void)what;
	b->err = journal_backup_step(b->copy, &done, &b->fault);
	if (b->err == ERR_OK && !done) {
		event_add(b->tick, &(struct timeval){ 0, SLICE_PAUSE_MS * 1000 });
		return;
	}
	journal_backup_free(b->copy);
	b->copy = NULL;
	if (b->err == ERR_OK) {
		/* From then on b->err is the helper's. */
		enum err err = pool_submit(b->keeper->pool, backup_run, backup_done, b);

		if (err == ERR_OK)
			return;
		b->err = err;
	}
	finish(b);
}

static enum err
begin(struct backup *b, const char *directory)
{
	char path[PATH_MAX];

	if (directory[0] != '/' || strlen(directory) > NAME_MAX_OCTETS)
		return fault_set(&b->fault, ERR_RANGE, "%.200s: that is no absolute name of a directory", directory);
	if (access(directory, F_OK) == 0 && rmdir(directory) != 0)	/* an empty one is as good as none */
		return fault_set(&b->fault, ERR_EXISTS, "%s: %s", directory, strerror(errno));
	if (asprintf(&b->partial, "%s.partial.XXXXXX", directory) < 0) {
		b->partial = NULL;
		return ERR_NOMEM;
	}
	if (mkdtemp(b->partial) == NULL) {
		enum err err = fault_set(&b->fault, err_from_errno(errno), "%s: %s", b->partial, strerror(errno));

		free(b->partial);
		b->partial = NULL;
		return err;
	}
	snprintf(path, sizeof path, "%s/state.db", b->partial);
	return journal_backup_new(b->keeper->journal, path, &b->copy, &b->fault);
}

void
backup_start(struct keeper *k, const char *directory, void (*done)(void *arg, enum err err, const char *words,
    uint64_t octets), void *arg)
{
	struct backup *b = calloc(1, sizeof *b);

	if (k->backup != NULL || b == NULL || (b->directory = strdup(directory)) == NULL) {
		free(b);
		done(arg, ERR_BUSY, k->backup != NULL ? "a backup is on its way already" : err_str(ERR_NOMEM), 0);
		return;
	}
	*b = (struct backup){ .keeper = k, .directory = b->directory, .done = done, .arg = arg };
	k->backup = b;
	while (strlen(b->directory) > 1 && b->directory[strlen(b->directory) - 1] == '/')
		b->directory[strlen(b->directory) - 1] = '\0';
	if ((b->tick = event_new(k->base, -1, 0, on_tick, b)) == NULL)
		b->err = ERR_NOMEM;
	if (b->err == ERR_OK && (b->err = begin(b, b->directory)) == ERR_OK) {
		on_tick(-1, 0, b);
		return;
	}
	finish(b);
}

void
backup_stop(struct keeper *k)
{
	struct backup *b = k->backup;

	if (b == NULL || b->copy == NULL)
		return;				/* what a helper does is waited for */
	b->err = fault_set(&b->fault, ERR_CANCELLED, "certnsd is stopping");
	finish(b);
}
