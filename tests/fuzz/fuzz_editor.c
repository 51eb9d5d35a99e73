/* Edit a text as changes ask for it; both come from the input.  The result reads back as what was wanted, and an edit
 * without a change changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/editor.h"
#include "zones/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t apex[] = "\7example\3com";

struct input {
	const char *included;
	size_t n;
	bool shared;
};

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static enum err
include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	const struct input *in = ctx;

	if (strlen(path) != 1)
		return fault_set(f, ERR_NOT_FOUND, "no such file");
	buf_add(out, in->included, in->n);
	return ERR_OK;
}

static bool
is_shared(void *ctx, const char *path)
{
	const struct input *in = ctx;

	return in->shared && path[0] != 'f';
}

/* Every fourth RR goes or gets another TTL, some TXTs come, by the bits of seed. */
static void
change(const struct rr_list *zone, uint32_t seed, struct rr_list *wanted)
{
	static const uint8_t www[] = "\3www\7example\3com", *owner;

	for (size_t i = 0; i < zone->n; i++) {
		struct rr rr = zone->v[i];
		uint8_t text[] = { 2, 'a', (uint8_t)('a' + i % 26) };

		seed = seed * 1664525 + 1013904223;
		if (rr.type == TYPE_SOA || (rr.type == TYPE_NS && dname_equal(rr.owner, apex)) || (seed >> 28 & 3) != 0)
			must(rr_list_add(wanted, &rr) == ERR_OK);
		owner = (seed & 1 << 20) != 0 ? rr.owner : www;
		if ((seed >> 24 & 7) == 0 && dname_is_below(owner, apex))
			must(rr_list_add(wanted, &(struct rr){ owner, text, seed >> 22 & 3, TYPE_TXT, sizeof text }) ==
			    ERR_OK);
	}
	rr_list_sort(wanted);
}

/* As zone_load() makes it: each RR once, one TTL per RRset. */
static void
make_sound(struct rr_list *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct rr *before = kept > 0 ? &l->v[kept - 1] : NULL;

		if (before != NULL && rr_same(before, &l->v[i]))
			continue;
		if (before != NULL && before->type == l->v[i].type && before->type != TYPE_RRSIG &&
		    dname_equal(before->owner, l->v[i].owner))
			l->v[i].ttl = before->ttl;
		l->v[kept++] = l->v[i];
	}
	l->n = kept;
}

static void
edit(const char *text, size_t n, struct input *in, const struct rr_list *wanted, bool same)
{
	struct editor_result r;
	struct editor_source source = { .file = "zone", .text = text, .n = n, .include = include,
		.is_shared = is_shared, .ctx = in };
	enum err err = zone_edit(apex, &source, wanted, &r);

	must(err == ERR_OK || (err == ERR_UNSUPPORTED && !same));
	for (size_t i = 0; i < r.n; i++)
		must(!same || !r.v[i].changed);
	editor_result_clear(&r);
}

static bool
is_zone(const struct buf *text, struct input *in, struct rr_list *zone)
{
	struct buf complaints = { 0 };
	enum err err = zone_load(apex, "zone", (const char *)text->p, text->len, include, in, zone, &complaints, NULL);

	buf_clear(&complaints);
	return err == ERR_OK;
}

#define ENTRY_LINES_MAX 4
#define LINES_MAX 60

/* Of random lines hardly ever all are good: those that are no part of a zone are left out. */
static void
add_good_lines(const uint8_t *p, const uint8_t *end, struct input *in, struct buf *text)
{
	for (int lines = 0; p < end && lines < LINES_MAX; lines++) {
		const uint8_t *to = p, *good = NULL;
		size_t len = text->len;

		for (int i = 0; i < ENTRY_LINES_MAX && to < end && good == NULL; i++) {
			const uint8_t *newline = memchr(to, '\n', (size_t)(end - to));
			struct rr_list zone = { 0 };

			to = newline == NULL ? end : newline + 1;
			buf_add(text, p, (size_t)(to - p));
			if (is_zone(text, in, &zone))
				good = to;
			else
				text->len = len;
			rr_list_clear(&zone);
		}
		if (good == NULL) {
			to = memchr(p, '\n', (size_t)(end - p));
			to = to == NULL ? end : to + 1;
		}
		p = to;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const heads[] = { "$TTL 5\n@ SOA a b 1 2 3 4 5\n@ NS ns\n", "@ SOA a b 1 2 3 4 5\n  NS ns\n",
		"@\t7\tIN\tSOA\ta b (\r\n1 2 3 4 5 ); x\r\n\tIN\tNS\tns\r\n",
		    "$TTL 5\n@ SOA a b 1 2 3 4 5\n@ NS ns\n" };
	struct rr_list zone = { 0 }, wanted = { 0 };
	struct input in = { 0 };
	struct buf text = { 0 };

	if (size < 3)
		return 0;
	in.n = data[1] < size - 2 ? data[1] : size - 2;		/* octets of the included file, at the end */
	in.included = (const char *)data + size - in.n;
	in.shared = (data[0] & 4) != 0;
	buf_add_str(&text, heads[data[0] & 3]);
	add_good_lines(data + 2, data + size - in.n, &in, &text);
	must(is_zone(&text, &in, &zone));
	edit((const char *)text.p, text.len, &in, &zone, true);
	change(&zone, (uint32_t)data[0] << 24, &wanted);
	make_sound(&wanted);
	edit((const char *)text.p, text.len, &in, &wanted, false);
	rr_list_clear(&zone);
	rr_list_clear(&wanted);
	buf_clear(&text);
	return 0;
}
