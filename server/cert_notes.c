/* server/cert_notes.c -- the ACME engine's outside: what it remembers over restarts, as notes in the state database. */
#include "server/keeper_internal.h"

#include <string.h>

#include "base/log.h"

static void
log_failure(void *arg, enum err err, const char *words)
{
	(void)arg;
	if (err != ERR_OK)
		log_error("acme: what should outlast a restart is not written yet: %s", words);
}

void
cert_remember(void *ctx, const char *key, const void *octets, size_t n,
    void (*done)(void *arg, enum err err, const char *words), void *arg)
{
	struct keeper *k = ctx;
	enum err err = commits_note(k->commits, key, octets, n);

	if (done == NULL)
		done = log_failure;
	if (err == ERR_OK && (err = keeper_wait(k, done, arg)) == ERR_OK)
		keeper_flush_soon(k);
	else
		done(arg, err, err_str(err));
}

struct recalling {
	const char *prefix;
	void (*each)(void *arg, const char *key, const uint8_t *octets, size_t n);
	void *arg;
};

static void
tell(void *ctx, const char *name, const uint8_t *octets, size_t n)
{
	const struct recalling *r = ctx;

	if (strncmp(name, r->prefix, strlen(r->prefix)) == 0)
		r->each(r->arg, name, octets, n);
}

void
cert_recall(void *ctx, const char *prefix, void (*each)(void *arg, const char *key, const uint8_t *octets, size_t n),
    void *arg)
{
	struct keeper *k = ctx;
	struct recalling r = { prefix, each, arg };
	struct fault f = { 0 };
	enum err err = journal_each_note(k->journal, tell, &r, &f);

	if (err != ERR_OK)
		log_error("acme: not all that was remembered can be read: %s", fault_str(&f, err));
}
