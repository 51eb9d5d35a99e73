#include "zones/text.h"

#include <string.h>

#include "base/encoding.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/forms.h"
#include "zones/rdata_tokens.h"

/* \# LENGTH HEX (RFC 3597, section 5). */
static bool
unknown_in(uint16_t type, struct field_in *in)
{
	uint64_t length;
	const struct token *t;

	in->i++;
	if ((t = field_token(in, "the number of octets")) == NULL)
		return false;
	if (!token_number(t, RDATA_MAX, &length))
		return field_fail(in, "the number of octets, at most 65535");
	in->i++;
	if (!field_hex_in(in, length == 0))
		return false;
	in->i = 1;
	if (in->used != length) {
		in->bad = 1;
		in->err = fault_set(in->f, ERR_FORMAT, "expected %llu octets as \\# says, found %zu",
		    (unsigned long long)length, in->used);
		return false;
	}
	in->i = 0;
	return rdata_valid(type, in->out, in->used) || field_fail(in, "octets that are rdata of this type");
}

/* Rdata that its fields make valid whatever they say; by far the most of all. */
static bool
is_always_valid(const struct form *form)
{
	switch (form == NULL ? 0 : form->type) {
	case TYPE_A:
	case TYPE_AAAA:
	case TYPE_CNAME:
	case TYPE_MX:
	case TYPE_NS:
	case TYPE_PTR:
	case TYPE_TXT:	return true;
	default:	return false;
	}
}

enum err
rdata_from_tokens(uint16_t type, const struct token *v, size_t n, const uint8_t *origin, uint8_t *out, size_t *out_n,
    size_t *bad, struct fault *f)
{
	struct field_in in = { .v = v, .n = n, .origin = origin, .out = out, .f = f, .err = ERR_FORMAT };
	const struct form *form = form_find(type);
	bool ok;

	if (n > 0 && v[0].p[0] == '\\' && token_is(&v[0], "\\#"))
		ok = unknown_in(type, &in);
	else if (form == NULL)
		ok = field_fail(&in, "\\# LENGTH HEX, the only form for this type");
	else
		ok = form_read(form, &in);
	if (ok && !is_always_valid(form) && !rdata_valid(type, out, in.used)) {
		in.i = 0;
		ok = field_fail(&in, "valid rdata of this type");
	}
	*bad = in.bad;
	*out_n = in.used;
	return ok ? ERR_OK : in.err;
}

enum err
rdata_from_text(uint16_t type, const char *fields, const uint8_t *origin, uint8_t *out, size_t *out_n, struct fault *f)
{
	struct lexer lx;
	size_t bad;
	enum err err;

	lexer_init(&lx, fields, strlen(fields));
	switch (lexer_next(&lx)) {
	case LEX_NOMEM:
		err = fault_set(f, ERR_NOMEM, "out of memory");
		break;
	case LEX_BAD:
		err = fault_set(f, ERR_FORMAT, "%s", lx.error);
		break;
	case LEX_END:
	case LEX_ENTRY:
	default:
		err = rdata_from_tokens(type, lx.v, lx.n, origin, out, out_n, &bad, f);
		break;
	}
	lexer_clear(&lx);
	return err;
}

void
rdata_text_relative(const struct rr *rr, const uint8_t *origin, struct buf *out)
{
	struct field_out o = { .r = rd_over(rr->rdata, rr->rdlen), .origin = origin, .text = out, .start = out->len };
	const struct form *form = form_find(rr->type);

	if (form != NULL)
		form_print(form, &o);
	if (form == NULL || o.odd) {
		out->len = o.start;
		buf_printf(out, "\\# %u%s", rr->rdlen, rr->rdlen > 0 ? " " : "");
		hex_encode(rr->rdata, rr->rdlen, out);
	}
}

void
rdata_text(const struct rr *rr, struct buf *out)
{
	rdata_text_relative(rr, NULL, out);
}

void
rr_text(const struct rr *rr, struct buf *out)
{
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	buf_printf(out, "%s %u IN %s ", dname_print(rr->owner, owner), rr->ttl, rrtype_print(rr->type, type));
	rdata_text(rr, out);
}
