#include "server/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "wire/dname.h"
#include "wire/rrtype.h"

#define NAME_FEW 256			/* of more changes none is named */
#define WHAT_MAX 60			/* octets of names in the subject, about */
#define ZONES_LISTED 100
#define NOTES_LISTED 200
#define DISTINCT_LISTED 50		/* keys, and clients */
#define TEXT_LISTED 1100		/* octets of one name: the longest escaped one has fewer */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Escaped as RFC 1035, section 5.1, does it: a message has no line ends and no controls but its own. */
static void
add_text(struct buf *out, const char *text, size_t n)
{
	n = n < TEXT_LISTED ? n : TEXT_LISTED;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c < ' ' || c > '~')
			buf_printf(out, "\\%03u", c);
		else
			buf_u8(out, c);
	}
}

/* --- what changed, in short --- */

static int
compare_rrs(const void *a, const void *b)
{
	const struct rr *x = *(const struct rr *const *)a, *y = *(const struct rr *const *)b;
	int d = dname_compare(x->owner, y->owner);

	return d != 0 ? d : x->type < y->type ? -1 : x->type > y->type;
}

/* The owner as a zone file of that origin has it. */
static void
add_owner(struct buf *out, const uint8_t *owner, const uint8_t *apex)
{
	static const uint8_t root[] = { 0 };
	char text[DNAME_TEXT_MAX];
	struct dname relative;

	if (dname_equal(owner, apex))
		buf_u8(out, '@');
	else if (dname_is_below(owner, apex) && dname_join(&relative, owner, dname_labels(owner) - dname_labels(apex),
	    root))
		buf_add_str(out, dname_print_host(relative.octets, text));
	else
		buf_add_str(out, dname_print(owner, text));
}

static void
name_few(const struct rr **v, size_t n, const uint8_t *apex, struct buf *out)
{
	char type[RRTYPE_TEXT_MAX];
	size_t left = 0;

	qsort(v, n, sizeof *v, compare_rrs);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && compare_rrs(&v[i - 1], &v[i]) == 0)
			continue;
		if (out->len >= WHAT_MAX) {
			left++;
			continue;
		}
		if (out->len > 0)
			buf_add_str(out, ", ");
		add_owner(out, v[i]->owner, apex);
		buf_printf(out, " %s", rrtype_print(v[i]->type, type));
	}
	if (left > 0)
		buf_printf(out, ", and %zu more", left);
}

void
message_describe(const struct pending *p, const uint8_t *apex, struct message_zone *out)
{
	const struct rr *few[NAME_FEW + 1], soa = { .owner = apex, .type = TYPE_SOA };
	const struct rrmap_entry *e = NULL;
	size_t n = 0;

	while ((e = rrmap_next(&p->lasting, e)) != NULL) {
		out->added += e->value.kind != PENDING_REMOVED;
		out->removed += e->value.kind != PENDING_ADDED;
		if (n < NAME_FEW)
			few[n++] = &e->rr;
	}
	if (p->soa.rdata != NULL) {
		out->added++;
		out->removed++;
		few[n++] = &soa;
	}
	if (p->lasting.n <= NAME_FEW)
		name_few(few, n, apex, &out->what);
}

void
message_zone_clear(struct message_zone *z)
{
	buf_clear(&z->what);
}

/* --- the message --- */

static void
add_zone_line(struct buf *out, const struct message_zone *z)
{
	add_text(out, z->name, strlen(z->name));
	buf_printf(out, ": %u -> %u, +%zu -%zu", z->old_serial, z->serial, z->added, z->removed);
	if (z->what.len > 0) {
		buf_add_str(out, " (");
		add_text(out, (const char *)z->what.p, z->what.len);
		buf_add_str(out, ")");
	}
}

static void
add_subject(struct buf *out, const struct message_zone *v, size_t n)
{
	size_t added = 0, removed = 0, start, i;

	if (n == 1) {
		add_zone_line(out, &v[0]);
		return;
	}
	for (i = 0; i < n; i++) {
		added += v[i].added;
		removed += v[i].removed;
	}
	buf_printf(out, "%zu zones: +%zu -%zu (", n, added, removed);
	for (i = 0, start = out->len; i < n && out->len - start < WHAT_MAX; i++) {
		buf_add_str(out, i > 0 ? ", " : "");
		add_text(out, v[i].name, strlen(v[i].name));
	}
	if (i < n)
		buf_printf(out, ", and %zu more", n - i);
	buf_add_str(out, ")");
}

/* "KEY ADDRESS@PORT" apart; the port tells nobody anything later. */
struct author {
	const char *key, *client;
	size_t key_n, client_n;
};

static struct author
author_of(const struct note *note)
{
	struct author a = { .key = note->by, .key_n = strcspn(note->by, " ") };

	a.client = a.key + a.key_n + (a.key[a.key_n] == ' ');
	a.client_n = strcspn(a.client, "@");
	return a;
}

static void
add_note(struct buf *out, const struct note *note, const char *indent)
{
	char time[CLOCK_TEXT_SIZE];

	struct author a = author_of(note);

	clock_print(note->time_s, time);
	buf_printf(out, "%s%s ", indent, time);
	if (note->ours) {
		buf_add_str(out, "certns, ");
		add_text(out, note->by, strlen(note->by));
	} else {
		add_text(out, a.key, a.key_n);
		buf_add_str(out, " ");
		add_text(out, a.client, a.client_n);
	}
	buf_printf(out, ": +%zu -%zu\n", note->added, note->removed);
}

static void
add_body(struct buf *out, const struct message_zone *v, size_t n)
{
	size_t room = NOTES_LISTED, updates = 0, zones = n < ZONES_LISTED ? n : ZONES_LISTED;

	for (size_t i = 0; i < n; i++)
		updates += v[i].nnotes + v[i].nmore;
	for (size_t i = 0; i < zones && out->len < MESSAGE_MAX / 2; i++) {
		if (n > 1) {
			add_zone_line(out, &v[i]);
			buf_add_str(out, "\n");
		}
		for (size_t k = 0; k < v[i].nnotes && room > 0 && out->len < MESSAGE_MAX / 2; k++, room--, updates--)
			add_note(out, &v[i].notes[k], n > 1 ? "  " : "");
	}
	if (n > zones)
		buf_printf(out, "and %zu more zones\n", n - zones);
	if (updates > 0)
		buf_printf(out, "and %zu more updates\n", updates);
}

/* --- trailers --- */

struct distinct {
	struct { const char *text; size_t n; } v[DISTINCT_LISTED];
	size_t n, more;
};

static void
distinct_add(struct distinct *d, const char *text, size_t n)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].n == n && memcmp(d->v[i].text, text, n) == 0)
			return;
	if (d->n == COUNT(d->v)) {
		d->more++;			/* perhaps not for the first time: it only tells that there are more */
		return;
	}
	d->v[d->n].text = text;
	d->v[d->n++].n = n;
}

static void
add_trailers_of(struct buf *out, const char *name, const struct distinct *d)
{
	for (size_t i = 0; i < d->n && out->len < MESSAGE_MAX - 4 * TEXT_LISTED; i++) {
		buf_printf(out, "%s: ", name);
		add_text(out, d->v[i].text, d->v[i].n);
		buf_add_str(out, "\n");
	}
	if (d->more > 0)
		buf_printf(out, "%s: ...\n", name);
}

static void
add_trailers(struct buf *out, const struct message_zone *v, size_t n)
{
	struct distinct keys = { .n = 0 }, clients = { .n = 0 };
	size_t updates = 0;

	for (size_t i = 0; i < n; i++) {
		if (i < ZONES_LISTED && out->len < MESSAGE_MAX * 3 / 4) {
			buf_add_str(out, "Certns-Zone: ");
			add_text(out, v[i].name, strlen(v[i].name));
			buf_printf(out, "\nCertns-Serial: %u %u\nCertns-Records: +%zu -%zu\n", v[i].old_serial,
			    v[i].serial, v[i].added, v[i].removed);
		}
		updates += v[i].nnotes + v[i].nmore;
		for (size_t k = 0; k < v[i].nnotes; k++) {
			struct author a = author_of(&v[i].notes[k]);

			if (v[i].notes[k].ours)
				continue;
			distinct_add(&keys, a.key, a.key_n);
			if (a.client_n > 0)
				distinct_add(&clients, a.client, a.client_n);
		}
	}
	if (n > ZONES_LISTED)
		buf_printf(out, "Certns-Zones: %zu\n", n);
	buf_printf(out, "Certns-Updates: %zu\n", updates);
	add_trailers_of(out, "Certns-Key", &keys);
	add_trailers_of(out, "Certns-Client", &clients);
}

void
message_write(const struct message_zone *v, size_t n, struct buf *out)
{
	size_t start;

	add_subject(out, v, n);
	buf_add_str(out, "\n\n");
	start = out->len;
	add_body(out, v, n);
	if (out->len > start)
		buf_add_str(out, "\n");
	add_trailers(out, v, n);
}

/* --- the author --- */

/* The one key of all changes; false: there are several, or none is known. */
static bool
one_key(const struct message_zone *v, size_t n, const char **key, size_t *len)
{
	*key = NULL;
	for (size_t i = 0; i < n; i++) {
		if (v[i].nmore > 0)
			return false;
		for (size_t k = 0; k < v[i].nnotes; k++) {
			struct author a = author_of(&v[i].notes[k]);

			if (v[i].notes[k].ours ||
			    (*key != NULL && (*len != a.key_n || memcmp(*key, a.key, a.key_n) != 0)))
				return false;
			*key = a.key;
			*len = a.key_n;
		}
	}
	return *key != NULL;
}

/* git wants neither of <> in the two, and an address without blanks and quotes. */
void
message_author(const struct message_zone *v, size_t n, const char *domain, struct buf *name, struct buf *email)
{
	const char *key = "certns";
	size_t len = strlen(key);

	if (!one_key(v, n, &key, &len)) {
		key = "certns";
		len = strlen(key);
	}
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)key[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
		    c == '_' || c == '-';

		if (c <= ' ' || c > '~' || c == '<' || c == '>')
			buf_printf(name, "\\%03u", c);
		else
			buf_u8(name, c);
		buf_u8(email, plain ? c : '-');
	}
	buf_printf(email, "@%s", domain);
}
