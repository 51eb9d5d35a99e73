/* Read a zone file; what is a zone must be valid, print, and read back as the same from the text that we write; and
 * read in parts, as big ones are, it is what it is as a whole. */
#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "zones/load.h"
#include "zones/placed.h"
#include "zones/reader.h"
#include "zones/text.h"
#include "zones/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARTS_MAX 40
#define RRS_MAX 2000			/* $GENERATE and $INCLUDE make many of few octets, and then every run is slow */

static const uint8_t apex[] = "\7example\3com";

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static enum err
include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	(void)ctx;
	if (strlen(path) > 20)
		return fault_set(f, ERR_NOT_FOUND, "no such file");
	buf_printf(out, "x 5 A 192.0.2.1\n$INCLUDE %sx\n", path);
	return ERR_OK;
}

static enum err
on_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	static uint8_t again[RDATA_MAX];
	struct buf text = { 0 };
	struct fault f = { 0 };
	size_t n;

	must(rdata_valid(rr->type, rr->rdata, rr->rdlen) && place->line > 0 && place->column > 0);
	rdata_text(rr, &text);
	must(rdata_from_text(rr->type, buf_str(&text), NULL, again, &n, &f) == ERR_OK);
	must(n == rr->rdlen && (n == 0 || memcmp(again, rr->rdata, n) == 0));
	buf_clear(&text);
	return ((struct rr_list *)ctx)->n == RRS_MAX ? ERR_NOSPACE : rr_list_add(ctx, rr);
}

static void
on_complaint(void *ctx, const struct place *place, const char *text)
{
	(void)ctx;
	must(place->line > 0 && place->column > 0 && text[0] != '\0');
}

static enum err
read_text(const uint8_t *data, size_t size, struct rr_list *list)
{
	struct zone_reader reader = { .file = "f", .origin = apex, .default_ttl = 60, .include = include, .rr = on_rr,
		.complain = on_complaint, .ctx = list };
	enum err err = zone_read(&reader, (const char *)data, size);

	rr_list_sort(list);
	return err;
}

static void
write_and_read(const struct rr_list *list)
{
	struct rr_list again = { 0 };
	struct buf text = { 0 };

	zone_write(apex, list, &text);
	must(read_text(text.p, text.len, &again) == ERR_OK && again.n == list->n);
	for (size_t i = 0; i < list->n; i++)
		must(rr_same(&list->v[i], &again.v[i]) && list->v[i].ttl == again.v[i].ttl);
	rr_list_clear(&again);
	buf_clear(&text);
}

/* Cut at every so many octets; by one thread, so that it is fast. */
static enum err
read_cut(const uint8_t *data, size_t size, size_t part, struct placed_rrs *out)
{
	struct zone_reader reader = { .file = "f", .origin = apex, .default_ttl = 60, .include = include,
		.complain = on_complaint };
	struct placed_cut cut = { 1, part < size ? 0 : size, part };

	return placed_read(&reader, (const char *)data, size, &cut, out);
}

static void
check_parts(const uint8_t *data, size_t size)
{
	struct placed_rrs whole = { 0 }, parts = { 0 };
	enum err err = read_cut(data, size, size + 1, &whole);

	must(read_cut(data, size, size / PARTS_MAX + 1 + data[size - 1] % 64, &parts) == err);
	must(parts.list.n == whole.list.n);
	for (size_t i = 0; i < whole.list.n; i++) {
		struct place a = placed_place(&whole, i), b = placed_place(&parts, i);

		must(rr_same(&whole.list.v[i], &parts.list.v[i]) && whole.list.v[i].ttl == parts.list.v[i].ttl);
		must(a.line == b.line && a.column == b.column && strcmp(a.file, b.file) == 0);
	}
	placed_clear(&whole);
	placed_clear(&parts);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rr_list list = { 0 };
	struct buf complaints = { 0 };
	enum err err = read_text(data, size, &list);

	write_and_read(&list);		/* what was good among faulty lines is good */
	rr_list_clear(&list);
	if (err == ERR_NOSPACE)
		return 0;
	if (size > 0)
		check_parts(data, size);
	zone_load(apex, "f", (const char *)data, size, include, NULL, &list, &complaints, NULL);
	rr_list_clear(&list);
	buf_clear(&complaints);
	return 0;
}
