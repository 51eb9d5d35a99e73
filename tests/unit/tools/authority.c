#include "tests/unit/tools/authority.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "tests/unit/check.h"
#include "wire/message.h"

static void
set_name(X509_NAME *name, const char *text)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0),
	    1);
}

static void
extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	assert_non_null(e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value));
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static X509 *
make(const char *subject, EVP_PKEY *key, int64_t from_s, int64_t to_s)
{
	static long serial;
	X509 *x = X509_new();

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), (long)from_s);
	X509_gmtime_adj(X509_getm_notAfter(x), (long)to_s);
	set_name(X509_get_subject_name(x), subject);
	X509_set_pubkey(x, key);
	return x;
}

static X509 *
sign(const struct authority *a, X509 *x)
{
	X509_set_issuer_name(x, X509_get_subject_name(a->certificate));
	assert_true(X509_sign(x, a->key, EVP_sha256()) > 0);
	return x;
}

void
authority_make(struct authority *a, const char *name, const struct authority *above)
{
	a->key = EVP_EC_gen("P-256");
	a->certificate = make(name, a->key, -10 * DAY, 1000 * DAY);
	extend(a->certificate, a->certificate, NID_basic_constraints, "critical,CA:TRUE");
	extend(a->certificate, a->certificate, NID_subject_key_identifier, "hash");
	sign(above != NULL ? above : a, a->certificate);
}

void
authority_clear(struct authority *a)
{
	X509_free(a->certificate);
	EVP_PKEY_free(a->key);
}

X509 *
authority_sign(const struct authority *a, EVP_PKEY *key, char *const *names, int64_t from_s, int64_t to_s)
{
	X509 *x = make(names[0], key, from_s, to_s);
	char san[1000] = "";

	for (size_t i = 0; names[i] != NULL; i++) {
		size_t n = strlen(san);
		snprintf(san + n, sizeof san - n, "%sDNS:%s", i > 0 ? "," : "", names[i]);
	}
	extend(x, a->certificate, NID_subject_alt_name, san);
	return sign(a, x);
}

void
message_begin(struct rrset_message *m, const char *owner)
{
	struct msg_header h = { .flags = FLAG_QR, .qdcount = 1 };
	struct question question = { .qtype = TYPE_TLSA, .qclass = CLASS_IN };
	uint8_t room[600];
	struct wr w;

	*m = (struct rrset_message){ .octets = { 0 } };
	assert_int_equal(dname_from_str(owner, &m->owner), ERR_OK);
	question.qname = m->owner;
	wr_init(&w, room, sizeof room);
	msg_header_write(&w, &h);
	question_write(&w, &question);
	buf_add(&m->octets, room, wr_len(&w));
}

static void
add_rr(struct rrset_message *m, uint16_t type, const uint8_t *rdata, size_t n)
{
	buf_add(&m->octets, m->owner.octets, dname_len(m->owner.octets));
	buf_u16(&m->octets, type);
	buf_u16(&m->octets, CLASS_IN);
	buf_u32(&m->octets, 3600);
	buf_u16(&m->octets, (uint16_t)n);
	buf_add(&m->octets, rdata, n);
	store_u16(m->octets.p + 6, (uint16_t)(load_u16(m->octets.p + 6) + 1));
}

void
message_add(struct rrset_message *m, uint8_t usage, uint8_t selector, const uint8_t *octets, size_t n)
{
	struct buf rdata = { 0 };

	buf_u8(&rdata, usage);
	buf_u8(&rdata, selector);
	buf_u8(&rdata, 0);
	buf_add(&rdata, octets, n);
	add_rr(m, TYPE_TLSA, rdata.p, rdata.len);
	buf_clear(&rdata);
}

void
message_add_certificate(struct rrset_message *m, uint8_t usage, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	assert_true(n > 0);
	message_add(m, usage, 0, der, (size_t)n);
	OPENSSL_free(der);
}

void
message_add_txt(struct rrset_message *m, const char *const *strings)
{
	struct buf rdata = { 0 };

	for (; *strings != NULL; strings++) {
		buf_u8(&rdata, (uint8_t)strlen(*strings));
		buf_add_str(&rdata, *strings);
	}
	add_rr(m, TYPE_TXT, rdata.p, rdata.len);
	buf_clear(&rdata);
}
