/* server/keeper.h -- the one thread that changes things: it owns zones, journal, git sources, NOTIFY, the ACME engine
 * and the control socket.  Others send it jobs. */
#ifndef SERVER_KEEPER_H
#define SERVER_KEEPER_H

#include "server/shared.h"
#include "server/worker.h"

struct keeper;

/* Open the state directory, publish the first view and whatever zones the state has: no network.  config is taken
 * over (also on failure).  shared gets its members.  *out is the caller's. */
enum err keeper_new(struct config *config, struct shared *shared, struct keeper **out, struct fault *f);

/* Run on a thread of its own; workers are for status.  `certnsctl stop` and `reload` become SIGTERM and SIGHUP of the
 * process, which main() waits for. */
enum err keeper_start(struct keeper *k, struct workers *workers, struct fault *f);

/* Any thread.  Take config over and go on with it; pull all repositories.  Where config is NULL problem says why there is
 * none: the present one stays, and those who asked for another are told. */
void keeper_reload(struct keeper *k, struct config *config, const char *problem);

/* Stop and join the thread, then free everything.  Workers must be stopped before; takes NULL. */
void keeper_stop(struct keeper *k);

#endif
