#include "zones/forms.h"

#include "wire/rrtype.h"

static const struct form forms[] = {	/* in the order of their numbers */
	{ 1, "a" },		{ 2, "N" },		{ 3, "N" },		{ 4, "N" },
	{ 5, "N" },		{ 6, "NN4TTTT" },	{ 7, "N" },		{ 8, "N" },
	{ 9, "N" },		{ 11, "w" },		{ 12, "N" },		{ 13, "ss" },
	{ 14, "NN" },		{ 15, "2N" },		{ 16, "S" },		{ 17, "NN" },
	{ 18, "2N" },		{ 19, "s" },		{ 20, "sz" },		{ 21, "2N" },
	{ 22, "p" },		{ 23, "N" },		{ 24, "mg1TDD2Nb" },	{ 25, "21gK" },
	{ 26, "2NN" },		{ 27, "sss" },		{ 28, "A" },		{ 29, "L" },
	{ 30, "NX" },		{ 31, "x" },		{ 32, "x" },		{ 33, "222N" },
	{ 34, "M" },		{ 35, "22sssN" },	{ 36, "2N" },		{ 37, "c2gb" },
	{ 38, "6" },		{ 39, "N" },		{ 40, "111o" },		{ 42, "P" },
	{ 43, "2gdF" },		{ 44, "11f" },		{ 45, "I" },		{ 46, "mg1TDD2Nb" },
	{ 47, "Ny" },		{ 48, "21gb" },		{ 49, "b" },		{ 50, "112hHt" },
	{ 51, "112h" },		{ 52, "111x" },		{ 53, "111x" },		{ 55, "i" },
	{ 56, "S" },		{ 57, "21gb" },		{ 58, "NN" },		{ 59, "2gdF" },
	{ 60, "21gb" },		{ 61, "b" },		{ 62, "42t" },		{ 63, "411Z" },
	{ 64, "2Nv" },		{ 65, "2Nv" },		{ 66, "mu2N" },		{ 67, "b" },
	{ 68, "b" },		{ 99, "S" },		{ 104, "2n" },		{ 105, "2a" },
	{ 106, "2n" },		{ 107, "2N" },
	{ 108, "e" },		{ 109, "E" },		{ 256, "22Q" },		{ 257, "1kQ" },
	{ 258, "S" },		{ 259, "441sY" },	{ 260, "R" },		{ 261, "S" },
	{ 262, "S" },		{ 32768, "2gdF" },	{ 32769, "2gdF" },	{ 65533, "DDD21go" }
};

const struct form *
form_find(uint16_t type)
{
	size_t low = 0, high = sizeof forms / sizeof forms[0];

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (forms[middle].type == type)
			return &forms[middle];
		if (forms[middle].type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* How long a digest is, by the octet before it that says of which kind: the rest may have any length. */
struct digest {
	uint8_t kind, size;
};
static const struct digest ds_digests[] = { { 1, 20 }, { 2, 32 }, { 3, 32 }, { 4, 48 }, { 0, 0 } };
static const struct digest sshfp_digests[] = { { 1, 20 }, { 2, 32 }, { 0, 0 } };
static const struct digest zonemd_digests[] = { { 1, 48 }, { 2, 64 }, { 0, 0 } };

static bool
digest_fits(const struct digest *known, uint8_t kind, size_t size)
{
	while (known->kind != 0 && known->kind != kind)
		known++;
	return known->kind == 0 || known->size == size;
}

static bool
digest_in(struct field_in *in, const struct digest *known)
{
	uint8_t kind = in->out[in->used - 1];
	size_t first = in->i, start = in->used;

	if (!field_hex_in(in, false))
		return false;
	if (digest_fits(known, kind, in->used - start))
		return true;
	in->i = first;
	return field_fail(in, "as many hexadecimal digits as a digest of this kind has");
}

static void
digest_out(struct field_out *out, const struct digest *known)
{
	if (!digest_fits(known, out->r.p[-1], rd_left(&out->r)))
		out->odd = true;
	field_hex_out(out);
}

/* RFC 2535, section 3.1.2: only with both bits set there is no key. */
static bool
has_no_key(const uint8_t *rdata)
{
	return (rdata[0] & 0xc0) == 0xc0;
}

static bool
read_field(char code, struct field_in *in)
{
	switch (code) {
	case '1':	return field_number_in(in, 1);
	case '2':	return field_number_in(in, 2);
	case '4':	return field_number_in(in, 4);
	case 'T':	return field_period_in(in);
	case 'D':	return field_time_in(in);
	case 'N':	return field_dname_in(in);
	case 'a':	return field_ipv4_in(in);
	case 'A':	return field_ipv6_in(in);
	case 's':	return field_string_in(in);
	case 'S':	return field_strings_in(in);
	case 'Q':	return field_long_string_in(in);
	case 'x':	return field_hex_in(in, false);
	case 'F':	return digest_in(in, ds_digests);
	case 'f':	return digest_in(in, sshfp_digests);
	case 'Z':	return digest_in(in, zonemd_digests);
	case 'z':	return in->i == in->n || field_string_in(in);
	case 'b':	return field_base64_in(in, false);
	case 'o':	return field_base64_in(in, true);
	case 'K':	return field_base64_in(in, has_no_key(in->out));
	case 't':	return field_types_in(in);
	case 'y':	return in->i < in->n ? field_types_in(in) : field_fail(in, "an RR type");
	case 'X':	return field_old_types_in(in);
	case 'm':	return field_type_in(in);
	case 'g':	return field_named_in(in, 1, field_algorithms, "a DNSSEC algorithm, by number or mnemonic");
	case 'd':	return field_named_in(in, 1, field_digests, "a digest type, by number or mnemonic");
	case 'c':	return field_named_in(in, 2, field_cert_types, "a certificate type, by number or mnemonic");
	case 'u':	return field_named_in(in, 1, field_schemes, "a scheme, NOTIFY or a number");
	case 'h':	return field_salt_in(in);
	case 'H':	return field_hash_in(in);
	case 'k':	return field_tag_in(in);
	case 'v':	return svcparams_in(in);
	case 'L':	return loc_in(in);
	case 'P':	return apl_in(in);
	case 'w':	return wks_in(in);
	case 'p':	return nsap_in(in);
	case 'M':	return atma_in(in);
	case '6':	return a6_in(in);
	case 'i':	return hip_in(in);
	case 'I':	return ipseckey_in(in);
	case 'R':	return amtrelay_in(in);
	case 'n':	return locator_in(in);
	case 'e':	return eui_in(in, 6);
	case 'E':	return eui_in(in, 8);
	case 'Y':	return doa_in(in);
	default:	return field_fail(in, "\\#");
	}
}

bool
form_read(const struct form *form, struct field_in *in)
{
	for (const char *code = form->fields; *code != '\0'; code++) {
		if (!read_field(*code, in))
			return false;
	}
	return in->i == in->n || field_fail(in, "the end of the line");
}

static void
print_field(char code, struct field_out *out)
{
	switch (code) {
	case '1':
	case 'g':
	case 'd':
	case 'u':	field_number_out(out, 1); break;
	case '2':
	case 'c':	field_number_out(out, 2); break;
	case '4':
	case 'T':	field_number_out(out, 4); break;
	case 'D':	field_time_out(out); break;
	case 'N':	field_dname_out(out); break;
	case 'a':	field_ipv4_out(out); break;
	case 'A':	field_ipv6_out(out); break;
	case 's':	field_string_out(out); break;
	case 'S':	field_strings_out(out); break;
	case 'Q':	field_long_string_out(out); break;
	case 'x':	field_hex_out(out); break;
	case 'F':	digest_out(out, ds_digests); break;
	case 'f':	digest_out(out, sshfp_digests); break;
	case 'Z':	digest_out(out, zonemd_digests); break;
	case 'z':
		if (rd_left(&out->r) > 0)
			field_string_out(out);
		break;
	case 'b':
	case 'o':	field_base64_out(out); break;
	case 'y':
		out->odd = rd_left(&out->r) == 0;	/* NSEC names at least itself: RFC 4034, section 2.3 */
		field_types_out(out);
		break;
	case 'K':
		out->odd = rd_left(&out->r) == 0 && !has_no_key(out->r.p - 4);
		field_base64_out(out);
		break;
	case 't':	field_types_out(out); break;
	case 'X':	field_old_types_out(out); break;
	case 'm':	field_type_out(out); break;
	case 'h':	field_salt_out(out); break;
	case 'H':	field_hash_out(out); break;
	case 'k':	field_tag_out(out); break;
	case 'v':	svcparams_out(out); break;
	case 'L':	loc_out(out); break;
	case 'P':	apl_out(out); break;
	case 'w':	wks_out(out); break;
	case 'p':	nsap_out(out); break;
	case 'M':	atma_out(out); break;
	case '6':	a6_out(out); break;
	case 'i':	hip_out(out); break;
	case 'I':	ipseckey_out(out); break;
	case 'R':	amtrelay_out(out); break;
	case 'n':	locator_out(out); break;
	case 'e':	eui_out(out, 6); break;
	case 'E':	eui_out(out, 8); break;
	case 'Y':	doa_out(out); break;
	default:	out->odd = true; break;
	}
}

void
form_print(const struct form *form, struct field_out *out)
{
	for (const char *code = form->fields; *code != '\0' && !out->odd; code++)
		print_field(*code, out);
	if (out->r.bad || rd_left(&out->r) > 0)
		out->odd = true;
}
