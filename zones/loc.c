/* LOC goes through ldns, whose arithmetic of degrees is as good as any. */
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "zones/forms.h"

bool
loc_in(struct field_in *in)
{
	const char *expected = "a location like 52 22 23.000 N 4 53 32.000 E -2.00m";
	ldns_rdf *rdf = NULL;
	struct buf text = { 0 };
	size_t first = in->i;
	const char *s;
	bool ok = true;

	for (; ok && in->i < in->n; in->i++) {
		const struct token *t = field_token(in, expected);

		if ((ok = t != NULL)) {
			buf_add(&text, t->p, t->n);
			buf_u8(&text, ' ');
		}
	}
	if (ok && (s = buf_str(&text)) != NULL && ldns_str2rdf_loc(&rdf, s) == LDNS_STATUS_OK)
		ok = field_put(in, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
	else if (ok) {
		in->i = first;
		ok = field_fail(in, expected);
	}
	ldns_rdf_deep_free(rdf);
	buf_clear(&text);
	return ok;
}

static bool
in_range(uint32_t v, uint32_t degrees)
{
	const uint32_t middle = UINT32_C(1) << 31, most = degrees * 3600000;

	return v >= middle - most && v <= middle + most;
}

void
loc_out(struct field_out *out)
{
	size_t n = rd_left(&out->r);
	const uint8_t *p = rd_take(&out->r, n);
	struct rd r = rd_over(p, n);
	ldns_rdf *rdf;
	char *text;

	out->odd = rd_u8(&r) != 0;	/* another version: RFC 1876, section 2 */
	for (int i = 0; i < 3; i++) {
		uint8_t size = rd_u8(&r);

		if (size >> 4 > 9 || (size & 15) > 9)
			out->odd = true;
	}
	if (!in_range(rd_u32(&r), 90) || !in_range(rd_u32(&r), 180) || out->odd) {
		out->odd = true;
		return;
	}
	rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_LOC, n, p);
	text = rdf == NULL ? NULL : ldns_rdf2str(rdf);
	ldns_rdf_deep_free(rdf);
	if (text == NULL) {
		out->text->failed = true;
		return;
	}
	field_blank(out);
	buf_add_str(out->text, text);
	free(text);
}
