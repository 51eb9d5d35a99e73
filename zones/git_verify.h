/* zones/git_verify.h -- what came since we last looked, commit by commit: is each signed by somebody who may, and does
 * one of them allow what would else be held back?  And the commit that was taken last, remembered in the clone. */
#ifndef ZONES_GIT_VERIFY_H
#define ZONES_GIT_VERIFY_H

#include "zones/git.h"
#include "zones/signers.h"

/* The commit that was taken last.  A ref of the clone keeps its history from being collected.  ERR_NOT_FOUND: none. */
enum err git_source_accepted(struct git_source *s, git_oid_text commit, struct fault *f);
enum err git_source_accept(struct git_source *s, const git_oid_text commit, struct fault *f);

/* The commits behind tip that are news: not reachable from those in known, from the accepted one, or from the newest of
 * our own.  What the clone does not have is passed over; when it has none of them, tip alone is news. */
struct git_news {
	const char *tip;
	const char *const *known;
	size_t nknown;
};

/* ERR_REFUSED: a commit is not signed, or not by somebody who may; the words name the oldest such, and why. */
enum err git_source_verify(struct git_source *s, const struct git_news *news, const struct signers *signers,
    struct fault *f);

/* Does one of them have the trailer "KEY: VALUE"? */
enum err git_source_has_trailer(struct git_source *s, const struct git_news *news, const char *key, const char *value,
    bool *yes, struct fault *f);

#endif
