/* zones/forms.h -- the presentation format of each type's rdata, as fields. */
#ifndef ZONES_FORMS_H
#define ZONES_FORMS_H

#include "zones/fields.h"

/* One character each:
 *   1 2 4     a number of so many octets      T D    a period; a date
 *   N         a domain name                   a A    an IPv4, an IPv6 address
 *   s z S Q   a string; a string or nothing; strings to the end; one long string without length octet
 *   x b o     to the end: hex, base64, base64 or nothing
 *   K         to the end: base64, or nothing where the flags of KEY say so
 *   F f Z     to the end: the digest of DS, SSHFP, ZONEMD, in hex
 *   t y X     to the end: types, at least one type, the older bitmap of NXT
 *   m         a type                          g d c u  a number or mnemonic: algorithm, digest, CERT type, scheme
 *   h H       NSEC3 salt and hash             k      a CAA tag
 *   and the types that have code of their own in zones/forms.c, zones/svcb.c and zones/loc.c. */
struct form {
	uint16_t type;
	const char *fields;
};

const struct form *form_find(uint16_t type);	/* NULL: only \# is known */
bool form_read(const struct form *form, struct field_in *in);
void form_print(const struct form *form, struct field_out *out);

/* SvcParams to the end of the line (RFC 9460, section 2.1). */
bool svcparams_in(struct field_in *in);
void svcparams_out(struct field_out *out);

/* LOC (RFC 1876, section 3). */
bool loc_in(struct field_in *in);
void loc_out(struct field_out *out);

/* Types with a structure of their own (zones/forms_special.c). */
bool apl_in(struct field_in *in);		/* RFC 3123, section 5 */
void apl_out(struct field_out *out);
bool wks_in(struct field_in *in);		/* RFC 1035, section 3.4.2 */
void wks_out(struct field_out *out);
bool nsap_in(struct field_in *in);		/* RFC 1706, section 7 */
void nsap_out(struct field_out *out);
bool atma_in(struct field_in *in);		/* ATM Name System, section 5 */
void atma_out(struct field_out *out);
bool a6_in(struct field_in *in);		/* RFC 2874, section 3.2 */
void a6_out(struct field_out *out);
bool hip_in(struct field_in *in);		/* RFC 8005, section 6 */
void hip_out(struct field_out *out);
bool ipseckey_in(struct field_in *in);		/* RFC 4025, section 3.1 */
void ipseckey_out(struct field_out *out);
bool amtrelay_in(struct field_in *in);		/* RFC 8777, section 4.3.1 */
void amtrelay_out(struct field_out *out);
bool locator_in(struct field_in *in);		/* NID and L64: RFC 6742, section 2.1.2 */
void locator_out(struct field_out *out);
bool eui_in(struct field_in *in, unsigned size);	/* EUI48 and EUI64: RFC 7043 */
void eui_out(struct field_out *out, unsigned size);
bool doa_in(struct field_in *in);		/* "-" or base64, to the end */
void doa_out(struct field_out *out);

#endif
