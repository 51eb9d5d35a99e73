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
			must(rr_list_add(wanted, &(struct rr){ owner, text, seed >> 22 & 3, TYPE_TXT, sizeof text }) == ERR_OK);
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
	struct editor_source source = { .file = "zone", .text = text, .n = n, .include = include, .ctx = in };
	enum err err = zone_edit(apex, &source, wanted, &r);

	must(err == ERR_OK || (err == ERR_UNSUPPORTED && !same));
	for (size_t i = 0; i < r.n; i++)
		must(!same || !r.v[i].changed);
	editor_result_clear(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rr_list zone = { 0 }, wanted = { 0 };
	struct buf complaints = { 0 }, text = { 0 };
	struct input in = { 0 };
	uint32_t seed = 1;

	if (size < 2)
		return 0;
	seed = (uint32_t)data[0] << 24;
	in.n = data[1];			/* octets of the included file, at the end */
	data += 2;
	size -= 2;
	in.n = in.n < size ? in.n : size;
	in.included = (const char *)data + size - in.n;
	buf_add_str(&text, "$TTL 5\n@ SOA a b 1 2 3 4 5\n@ NS ns\n");
	buf_add(&text, data, size - in.n);
	if (zone_load(apex, "zone", (const char *)text.p, text.len, include, &in, &zone, &complaints, NULL) == ERR_OK) {
		edit((const char *)text.p, text.len, &in, &zone, true);
		change(&zone, seed, &wanted);
		make_sound(&wanted);
		edit((const char *)text.p, text.len, &in, &wanted, false);
	}
	rr_list_clear(&zone);
	rr_list_clear(&wanted);
	buf_clear(&complaints);
	buf_clear(&text);
	return 0;
}
