#include "zones/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/fields.h"
#include "zones/rdata_tokens.h"

#define OWNER_WIDTH_MAX 32		/* longer names push their columns to the right, alone */

struct writing {
	const uint8_t *apex;
	struct buf *out;
	uint32_t default_ttl;
	size_t owner_width, ttl_width, type_width;
	const uint8_t *last;		/* the owner of the line before; NULL: the next line names its own */
};

static int
compare_ttls(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The TTL that most RRs have; the smaller one of two equally frequent. */
static uint32_t
commonest_ttl(const struct rr_list *list)
{
	uint32_t *ttls = list->n == 0 ? NULL : malloc(list->n * sizeof *ttls), best = 3600;
	size_t most = 0;

	if (ttls == NULL)
		return best;
	for (size_t i = 0; i < list->n; i++)
		ttls[i] = list->v[i].ttl;
	qsort(ttls, list->n, sizeof *ttls, compare_ttls);
	for (size_t i = 0, end; i < list->n; i = end) {
		for (end = i; end < list->n && ttls[end] == ttls[i]; end++)
			;
		if (end - i > most) {
			most = end - i;
			best = ttls[i];
		}
	}
	free(ttls);
	return best;
}

static void
pad(struct buf *out, size_t start, size_t width)
{
	while (out->len - start < width && !out->failed)
		buf_u8(out, ' ');
}

static bool
inside(const struct writing *w, const struct rr *rr)
{
	return dname_is_below(rr->owner, w->apex);
}

static void
measure(struct writing *w, const struct rr_list *list)
{
	char text[DNAME_TEXT_MAX];

	for (size_t i = 0; i < list->n; i++) {
		const struct rr *rr = &list->v[i];
		size_t owner = strlen(field_dname_text(rr->owner, w->apex, text));
		size_t ttl = rr->ttl == w->default_ttl ? 0 : (size_t)snprintf(text, sizeof text, "%u ", rr->ttl);
		size_t type = strlen(rrtype_print(rr->type, text));

		if (owner <= OWNER_WIDTH_MAX && owner > w->owner_width)
			w->owner_width = owner;
		if (ttl > w->ttl_width)
			w->ttl_width = ttl;
		if (type > w->type_width)
			w->type_width = type;
	}
}

static void
write_head(struct writing *w, const struct rr *rr)
{
	char text[DNAME_TEXT_MAX];
	size_t start = w->out->len;
	size_t len;

	/* Only the very same octets may be left out, or letter case would change. */
	if (w->last == NULL || (len = dname_len(rr->owner)) != dname_len(w->last) ||
	    memcmp(rr->owner, w->last, len) != 0)
		buf_add_str(w->out, field_dname_text(rr->owner, w->apex, text));
	w->last = rr->owner;
	pad(w->out, start, w->owner_width);
	buf_u8(w->out, ' ');
	start = w->out->len;
	if (rr->ttl != w->default_ttl)
		buf_printf(w->out, "%u ", rr->ttl);
	pad(w->out, start, w->ttl_width);
	buf_add_str(w->out, "IN ");
	start = w->out->len;
	buf_add_str(w->out, rrtype_print(rr->type, text));
	pad(w->out, start, w->type_width);
}

static void
write_rr(struct writing *w, const struct rr *rr)
{
	write_head(w, rr);
	buf_u8(w->out, ' ');
	rdata_text_relative(rr, w->apex, w->out);
	buf_u8(w->out, '\n');
}

static void
write_soa(struct writing *w, const struct rr *rr)
{
	char text[DNAME_TEXT_MAX];
	struct soa soa;

	soa_read(rr->rdata, rr->rdlen, &soa);
	write_head(w, rr);
	buf_printf(w->out, " %s", field_dname_text(soa.mname, w->apex, text));
	buf_printf(w->out, " %s (\n", field_dname_text(soa.rname, w->apex, text));
	const struct { uint32_t value; const char *what; } rows[] = {
		{ soa.serial, "serial" }, { soa.refresh, "refresh" }, { soa.retry, "retry" }, { soa.expire, "expire" },
		{ soa.minimum, "negative caching" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		buf_printf(w->out, "\t\t%-10u%s; %s\n", rows[i].value, i == 4 ? ") " : "  ", rows[i].what);
}

static bool
first_part(const struct writing *w, const struct rr *rr)
{
	return (rr->type == TYPE_SOA || rr->type == TYPE_NS) && dname_equal(rr->owner, w->apex);
}

static void
write_type(struct writing *w, const struct rr_list *list, uint16_t type)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].type != type || !first_part(w, &list->v[i]))
			continue;
		if (type == TYPE_SOA)
			write_soa(w, &list->v[i]);
		else
			write_rr(w, &list->v[i]);
	}
}

void
zone_write(const uint8_t *apex, const struct rr_list *sorted, struct buf *out)
{
	struct writing w = { .apex = apex, .out = out, .default_ttl = commonest_ttl(sorted) };
	char text[DNAME_TEXT_MAX];

	measure(&w, sorted);
	buf_printf(out, "$ORIGIN %s\n$TTL %u\n", dname_print(apex, text), w.default_ttl);
	write_type(&w, sorted, TYPE_SOA);
	write_type(&w, sorted, TYPE_NS);
	for (size_t i = 0; i < sorted->n; i++) {
		if (inside(&w, &sorted->v[i]) && !first_part(&w, &sorted->v[i]))
			write_rr(&w, &sorted->v[i]);
	}
	for (size_t i = 0; i < sorted->n; i++) {
		if (!inside(&w, &sorted->v[i]))
			write_rr(&w, &sorted->v[i]);
	}
}
