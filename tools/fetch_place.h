/* tools/fetch_place.h -- the directory of one host, where services find key and certificate:
 *
 *	lock			held while we work on the host
 *	current			symbolic link to the version in use
 *	versions/TIME/		key.pem certificate.pem chain.pem fullchain.pem combined.pem request.pem
 *	next.pem		a key and its CSR whose certificate is not there yet
 *	hook-due		the hook has not run, or not well, since current changed
 *
 * A version is written aside, synced, and given its name; then one rename() of a symbolic link makes it current.  So
 * each name below current/ belongs to one version at any moment, whatever happens to us; a crash leaves the old version
 * or the new one, and at most a directory that the next run takes away.  Who opens two files while the link changes can
 * still get one of each version: with the same key that does not matter, with a new key a service that reads key and
 * certificate from two files would find that they differ, keep what it has, and be told to read them again by the hook
 * that runs after the change.  combined.pem is one file with both, which is opened once: it cannot be halved.
 * Versions stay for a while after the change, so that a path that was resolved before still leads to a whole set. */
#ifndef TOOLS_FETCH_PLACE_H
#define TOOLS_FETCH_PLACE_H

#include <sys/types.h>

#include "tools/fetch_chain.h"
#include "tools/fetch_key.h"

struct fetch_place {
	char *path;			/* of the host's directory; NULL: not open */
	int lock;			/* descriptor; -1: none */
};

/* What is on the disk.  Either may be empty (NULL members). */
struct fetch_have {
	struct fetch_request request;	/* the key in use, and its CSR */
	struct fetch_chain chain;
	struct fetch_request next;
	bool hook_due;
};

/* Make the directory where it is missing, take the lock (without waiting), and take away what a former run left half
 * done.  ERR_BUSY: another one has it. */
enum err fetch_place_open(const struct fetch_settings *s, struct fetch_place *p, struct fault *f);

/* For a dry run: no lock, nothing made; a directory that is not there is an empty one. */
enum err fetch_place_look(const struct fetch_settings *s, struct fetch_place *p, struct fault *f);
void fetch_place_close(struct fetch_place *p);

/* What cannot be read counts as not there, with words in f; only ERR_NOMEM and ERR_IO are errors. */
enum err fetch_place_read(const struct fetch_place *p, struct fetch_have *out, struct fault *f);
void fetch_have_clear(struct fetch_have *h);

/* Keep a key until its certificate is there. */
enum err fetch_place_keep_next(const struct fetch_place *p, const struct fetch_request *r, struct fault *f);

/* It is of no use any more. */
void fetch_place_forget_next(const struct fetch_place *p);

/* Are owner and group of the settings known to this system?  ERR_NOT_FOUND with words. */
enum err fetch_place_check_owner(const struct fetch_settings *s, struct fault *f);

/* Make chain with its key the current version, and hook-due if there is a hook.  On failure all is as it was. */
enum err fetch_place_install(const struct fetch_place *p, const struct fetch_settings *s, const struct fetch_request *r,
    const struct fetch_chain *chain, int64_t now_s, struct fault *f);

enum err fetch_place_hook_done(const struct fetch_place *p, struct fault *f);

#endif
