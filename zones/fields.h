/* zones/fields.h -- single fields of rdata between text and wire form.  zones/forms.c says which fields a type has.
 *
 * The parsers take tokens from a struct field_in and append octets; at the first fault they leave the words, the
 * index of the offending token, and return false.  The printers take octets of valid rdata from a struct field_out
 * and append text, each field behind one blank. */
#ifndef ZONES_FIELDS_H
#define ZONES_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/reader.h"
#include "zones/lexer.h"

struct field_in {
	const struct token *v;		/* the tokens of the rdata */
	size_t n, i;			/* how many; the next one */
	const uint8_t *origin;		/* completes relative names; NULL: the root */
	uint8_t *out;			/* room for RDATA_MAX octets */
	size_t used;
	struct fault *f;
	enum err err;
	size_t bad;			/* the token that is to blame; n: the end of the line */
};

struct field_out {
	struct rd r;			/* over the rdata */
	const uint8_t *origin;		/* names at or below it are printed relative to it; NULL: all absolute */
	struct buf *text;
	size_t start;			/* of this rdata in text: no blank there */
	bool odd;			/* the type's own form cannot say this rdata: it takes \# (RFC 3597) */
};

/* A name as it stands in text: absolute, or relative to origin when its end is origin letter by letter. */
char *field_dname_text(const uint8_t *name, const uint8_t *origin, char text[DNAME_TEXT_MAX]);

/* "expected ..., found ..." about the next token. */
bool field_fail(struct field_in *in, const char *expected);
bool field_nomem(struct field_in *in);

/* The next token; NULL, with words, at the end of the line or (unless quoted is allowed) for a string. */
const struct token *field_token(struct field_in *in, const char *expected);

bool field_put(struct field_in *in, const void *octets, size_t n);

struct field_name {			/* mnemonics of numbers */
	const char *name;
	unsigned value;
};
extern const struct field_name field_algorithms[], field_digests[], field_cert_types[], field_schemes[];

bool field_number_in(struct field_in *in, unsigned size);	/* octets: 1, 2, 4 */
bool field_named_in(struct field_in *in, unsigned size, const struct field_name *names, const char *expected);
bool field_period_in(struct field_in *in);			/* 1h30m or seconds */
bool field_time_in(struct field_in *in);			/* YYYYMMDDHHmmSS or seconds: RFC 4034, section 3.2 */
bool field_type_in(struct field_in *in);
bool field_types_in(struct field_in *in);			/* to the end; RFC 4034, section 4.1.2 */
bool field_old_types_in(struct field_in *in);			/* NXT: RFC 2535, section 5.2 */
bool field_dname_in(struct field_in *in);
bool field_ipv4_in(struct field_in *in);
bool field_ipv6_in(struct field_in *in);
bool field_string_in(struct field_in *in);			/* with its length octet */
bool field_strings_in(struct field_in *in);			/* one or more to the end */
bool field_long_string_in(struct field_in *in);			/* one token, no length */
bool field_tag_in(struct field_in *in);				/* CAA: RFC 8659, section 4.1.1 */
bool field_hex_in(struct field_in *in, bool may_be_empty);	/* to the end, blanks within */
bool field_base64_in(struct field_in *in, bool may_be_empty);	/* likewise */
bool field_salt_in(struct field_in *in);			/* NSEC3: "-" or hex, with its length octet */
bool field_hash_in(struct field_in *in);			/* NSEC3: base32hex, with its length octet */

void field_blank(struct field_out *out);
void field_number_out(struct field_out *out, unsigned size);
void field_time_out(struct field_out *out);
void field_type_out(struct field_out *out);
void field_types_out(struct field_out *out);
void field_old_types_out(struct field_out *out);
void field_dname_out(struct field_out *out);
void field_ipv4_out(struct field_out *out);
void field_ipv6_out(struct field_out *out);
void field_quoted_out(struct field_out *out, const uint8_t *octets, size_t n);
void field_string_out(struct field_out *out);
void field_strings_out(struct field_out *out);
void field_long_string_out(struct field_out *out);
void field_tag_out(struct field_out *out);
void field_hex_out(struct field_out *out);			/* to the end */
void field_base64_out(struct field_out *out);			/* likewise */
void field_salt_out(struct field_out *out);
void field_hash_out(struct field_out *out);

#endif
