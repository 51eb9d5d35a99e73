#include "acme/store.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"

#define BUCKETS 1024
#define PREFIX "order/"
#define AGAIN_FIRST_S 10
#define AGAIN_MOST_S 3600
#define GIVE_UP_S (3 * 86400)		/* behind the first try: the zone may have left for good */

struct entry {
	LIST_ENTRY(entry) link;
	struct acme_store *store;
	struct dname owner;
	struct acme_memory memory;
	bool dropping, tidying;		/* the whole; only its records */
	struct acme_records_edit *edit;
	struct event *again;
	unsigned tries;
	int64_t since_ms;		/* monotonic: when removing them began */
};

struct acme_store {
	struct acme_port *port;
	struct event_base *base;
	LIST_HEAD(, entry) buckets[BUCKETS];
	size_t n;
};

static struct entry *
entry_find(const struct acme_store *s, const uint8_t *owner)
{
	struct entry *e;

	LIST_FOREACH(e, &s->buckets[dname_hash(owner) % BUCKETS], link)
		if (dname_equal(e->owner.octets, owner))
			return e;
	return NULL;
}

static void
entry_free(struct entry *e)
{
	LIST_REMOVE(e, link);
	e->store->n--;
	acme_records_cancel(e->edit);
	if (e->again != NULL)
		event_free(e->again);
	acme_memory_clear(&e->memory);
	free(e);
}

static void on_again(evutil_socket_t fd, short what, void *arg);

/* m's content is the entry's with ERR_OK. */
static enum err
entry_put(struct acme_store *s, const uint8_t *owner, struct acme_memory *m, struct entry **out)
{
	struct entry *e = entry_find(s, owner);

	if (e == NULL) {
		if ((e = calloc(1, sizeof *e)) == NULL || (e->again = event_new(s->base, -1, 0, on_again, e)) == NULL) {
			free(e);
			return ERR_NOMEM;
		}
		e->store = s;
		dname_lower(e->owner.octets, owner);
		LIST_INSERT_HEAD(&s->buckets[dname_hash(owner) % BUCKETS], e, link);
		s->n++;
	}
	acme_memory_clear(&e->memory);
	e->memory = *m;
	*m = (struct acme_memory){ 0 };
	*out = e;
	return ERR_OK;
}

static char *
key_of(const struct entry *e, char key[sizeof PREFIX + DNAME_TEXT_MAX])
{
	char text[DNAME_TEXT_MAX];

	snprintf(key, sizeof PREFIX + DNAME_TEXT_MAX, PREFIX "%s", dname_print_host(e->owner.octets, text));
	return key;
}

static enum err
entry_write(const struct entry *e, acme_port_done *done, void *arg, struct acme_ticket **out)
{
	char key[sizeof PREFIX + DNAME_TEXT_MAX], *text = acme_memory_print(&e->memory);
	enum err err;

	if (text == NULL)
		return ERR_NOMEM;
	err = acme_port_remember(e->store->port, key_of(e, key), text, strlen(text), done, arg, out);
	free(text);
	return err;
}

/* ---- dropping ---- */

static bool
is_shared(const struct acme_store *s, const struct entry *mine, const struct acme_record *r)
{
	const struct entry *e;

	for (size_t i = 0; i < BUCKETS; i++)
		LIST_FOREACH(e, &s->buckets[i], link)
			if (e != mine && acme_records_has(&e->memory.records, r))
				return true;
	return false;
}

static void
spare(const struct acme_store *s, const struct entry *mine, struct acme_records *records)
{
	size_t kept = 0;

	for (size_t i = 0; i < records->n; i++)
		if (!is_shared(s, mine, &records->v[i]))
			records->v[kept++] = records->v[i];
	records->n = kept;
}

static void
forget(struct entry *e)
{
	char key[sizeof PREFIX + DNAME_TEXT_MAX];

	acme_port_remember(e->store->port, key_of(e, key), NULL, 0, NULL, NULL, NULL);
	entry_free(e);
}

/* The records are gone. */
static void
finish(struct entry *e)
{
	char owner[DNAME_TEXT_MAX];

	acme_records_clear(&e->memory.records);
	if (e->dropping) {
		forget(e);
		return;
	}
	e->tidying = false;
	if (entry_write(e, NULL, NULL, NULL) != ERR_OK)
		log_error("acme: %s: out of memory; what it remembers is not the latest",
		    dname_print_host(e->owner.octets, owner));
}

static void
try_again(struct entry *e, const char *words)
{
	char owner[DNAME_TEXT_MAX];
	int64_t wait_s = e->tries > 8 ? AGAIN_MOST_S : (int64_t)AGAIN_FIRST_S << e->tries;

	if (clock_mono_ms() >= e->since_ms + GIVE_UP_S * INT64_C(1000)) {
		log_error("acme: %zu challenge records of %s are left behind, the first of them at %s: %s",
		    e->memory.records.n, key_of(e, (char[sizeof PREFIX + DNAME_TEXT_MAX]){ 0 }) + strlen(PREFIX),
		    dname_print_host(e->memory.records.v[0].owner.octets, owner), words);
		finish(e);
		return;
	}
	if (e->tries++ == 0)
		log_warning("acme: %s: a challenge could not be removed, and that is tried again: %s",
		    dname_print_host(e->owner.octets, owner), words);
	event_add(e->again, &(struct timeval){ (time_t)wait_s, 0 });
}

static void
on_removed(void *arg, enum err err, const char *words, const struct acme_records *failed)
{
	struct entry *e = arg;

	e->edit = NULL;
	if (err == ERR_OK) {
		finish(e);
		return;
	}
	memcpy(e->memory.records.v, failed->v, failed->n * sizeof *failed->v);
	e->memory.records.n = failed->n;
	try_again(e, words);
}

static void
remove_records(struct entry *e)
{
	char owner[DNAME_TEXT_MAX], why[DNAME_TEXT_MAX + 40];
	struct acme_records_setup setup = { .port = e->store->port, .records = &e->memory.records, .why = why,
		.done = on_removed, .arg = e };
	enum err err;

	spare(e->store, e, &e->memory.records);
	if (e->memory.records.n == 0) {
		finish(e);
		return;
	}
	snprintf(why, sizeof why, "challenge for %s removed", dname_print_host(e->owner.octets, owner));
	if ((err = acme_records_edit(&setup, &e->edit)) != ERR_OK)
		try_again(e, err_str(err));
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	remove_records(arg);
}

static void
begin(struct entry *e)
{
	e->tidying = true;
	e->tries = 0;
	e->since_ms = clock_mono_ms();
	remove_records(e);
}

void
acme_store_drop(struct acme_store *s, const uint8_t *owner)
{
	struct entry *e = entry_find(s, owner);

	if (e == NULL || e->dropping)
		return;
	e->dropping = true;
	if (!e->tidying)
		begin(e);
}

void
acme_store_tidy(struct acme_store *s, const uint8_t *owner)
{
	struct entry *e = entry_find(s, owner);

	if (e != NULL && e->memory.records.n > 0 && !e->dropping && !e->tidying)
		begin(e);
}

/* ---- what others ask ---- */

const struct acme_memory *
acme_store_find(const struct acme_store *s, const uint8_t *owner)
{
	const struct entry *e = entry_find(s, owner);

	return e == NULL ? NULL : &e->memory;
}

const struct acme_memory *
acme_store_claim(struct acme_store *s, const uint8_t *owner)
{
	struct entry *e = entry_find(s, owner);

	if (e == NULL)
		return NULL;
	acme_records_cancel(e->edit);
	e->edit = NULL;
	event_del(e->again);
	e->dropping = e->tidying = false;
	return &e->memory;
}

bool
acme_store_unfinished(const struct acme_store *s, const uint8_t *owner, const uint8_t csr_digest[SHA256_DIGEST_LENGTH])
{
	const struct entry *e = entry_find(s, owner);

	return e != NULL && !e->dropping && e->memory.order != NULL &&
	    memcmp(e->memory.csr_digest, csr_digest, SHA256_DIGEST_LENGTH) == 0;
}

enum err
acme_store_put(struct acme_store *s, const uint8_t *owner, const struct acme_memory *m, acme_port_done *done, void *arg,
    struct acme_ticket **out)
{
	struct acme_memory copy = { 0 };
	struct entry *e;
	enum err err;

	(void)acme_store_claim(s, owner);
	if ((err = acme_memory_copy(&copy, m)) == ERR_OK && (err = entry_put(s, owner, &copy, &e)) == ERR_OK)
		err = entry_write(e, done, arg, out);
	acme_memory_clear(&copy);
	return err;
}

void
acme_store_spare(struct acme_store *s, const uint8_t *owner, struct acme_records *records)
{
	struct entry *e = entry_find(s, owner);

	spare(s, e, records);
	if (e != NULL)
		spare(s, e, &e->memory.records);
}

void
acme_store_each(struct acme_store *s, void (*each)(void *arg, const uint8_t *owner), void *arg)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = LIST_FIRST(&s->buckets[i]), *next; e != NULL; e = next) {
			next = LIST_NEXT(e, link);
			if (!e->dropping)
				each(arg, e->owner.octets);
		}
}

/* ---- start and end ---- */

static void
on_recalled(void *arg, const char *key, const uint8_t *octets, size_t n)
{
	struct acme_store *s = arg;
	struct acme_memory m = { 0 };
	struct dname owner;
	struct entry *e;
	struct fault f = { 0 };
	enum err err = dname_from_str(key + strlen(PREFIX), &owner);

	if (err == ERR_OK && (err = acme_memory_parse(octets, n, &m, &f)) == ERR_OK)
		err = entry_put(s, owner.octets, &m, &e);
	acme_memory_clear(&m);
	if (err == ERR_OK)
		return;
	log_error("acme: what is remembered as \"%s\" cannot be used, and is forgotten: %s", key, fault_str(&f, err));
	if (err != ERR_NOMEM)
		acme_port_remember(s->port, key, NULL, 0, NULL, NULL, NULL);
}

enum err
acme_store_new(struct acme_port *port, struct event_base *base, struct acme_store **out)
{
	const struct acme_outside *outside = acme_port_outside(port);
	struct acme_store *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	s->port = port;
	s->base = base;
	outside->recall(outside->ctx, PREFIX, on_recalled, s);
	if (s->n > 0)
		log_info("acme: %zu orders were on their way", s->n);
	*out = s;
	return ERR_OK;
}

void
acme_store_free(struct acme_store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (!LIST_EMPTY(&s->buckets[i]))
			entry_free(LIST_FIRST(&s->buckets[i]));
	free(s);
}
