/* zones/signers.h -- who may sign commits: an allowed_signers file as ssh-keygen(1) describes it ("ALLOWED SIGNERS"),
 * and the keys that were revoked.
 *
 * A line's principals say whose key it is.  As git has it, a listed key may sign whatever the commit's author is
 * called; principals decide where the line lists an authority, whose certificates carry principals of their own. */
#ifndef ZONES_SIGNERS_H
#define ZONES_SIGNERS_H

#include "zones/sshkey.h"

struct signers;				/* never changed once it is shared */

/* revoked_path may be NULL.  Errors name FILE or FILE:LINE.  ERR_OK: *out is the caller's, signers_unref(). */
enum err signers_load(const char *path, const char *revoked_path, struct signers **out, struct fault *f);

/* The same of a text; file is what messages call it. */
enum err signers_parse(const char *file, const char *text, size_t n, struct signers **out, struct fault *f);

/* A key that may sign without being listed: our own.  Copied; before signers is shared. */
enum err signers_add_own(struct signers *s, const struct ssh_key *key);

struct signers *signers_ref(struct signers *s);		/* any thread */
void signers_unref(struct signers *s);

/* May key sign for name_space something made at time_s?  ERR_REFUSED, with words: it is unknown, revoked, expired, not
 * yet valid, or for something else. */
enum err signers_check(const struct signers *s, const struct ssh_key *key, const char *name_space, int64_t time_s,
    struct fault *f);

/* Does text match a list of patterns (ssh_config(5), PATTERNS): one of them, and none of those with '!'? */
bool ssh_list_matches(const char *list, const char *text, size_t n);

/* --- revoked keys (zones/revoked.c) --- */

struct revoked;

/* A list of public keys, one a line, or a key revocation list of ssh-keygen -k. */
enum err revoked_load(const char *path, struct revoked **out, struct fault *f);
enum err revoked_parse(const char *file, const uint8_t *octets, size_t n, struct revoked **out, struct fault *f);
void revoked_free(struct revoked *r);

/* Also a certificate whose authority was revoked.  where: file and line, or just the file. */
bool revoked_has(const struct revoked *r, const struct ssh_key *key, char *where, size_t where_size);

#endif
