#include "tools/fetch_chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "acme/tlsa.h"
#include "base/clock.h"
#include "wire/message.h"

static void
keep(struct fetch_der *list, size_t *n, const uint8_t *octets, size_t size)
{
	if (*n < FETCH_RECORDS_MAX)
		list[(*n)++] = (struct fetch_der){ octets, size };
}

static void
sort_record(struct fetch_tlsa *out, const struct rr *rr)
{
	const uint8_t *data;
	size_t n;

	switch (acme_tlsa_read(rr, &data, &n)) {
	case ACME_TLSA_CSR:	keep(out->csrs, &out->ncsrs, data, n); break;
	case ACME_TLSA_LEAF:	keep(out->leaves, &out->nleaves, data, n); break;
	case ACME_TLSA_CA:	keep(out->cas, &out->ncas, data, n); break;
	case ACME_TLSA_OTHER:	break;
	}
}

enum err
fetch_tlsa_read(const uint8_t *msg, size_t n, const uint8_t *owner, struct fetch_tlsa *out)
{
	struct msg_header header;
	struct msg_rr rr;
	struct rd r;

	*out = (struct fetch_tlsa){ 0 };
	(void)msg_records_begin(&r, msg, n, &header);
	for (unsigned i = 0; i < header.ancount && msg_rr_read(&r, &rr); i++) {
		if (rr.class != CLASS_IN || !dname_equal(rr.owner.octets, owner))
			continue;
		if (rr.type == TYPE_CNAME)
			out->alias = true;
		else if (rr.type == TYPE_TLSA)
			sort_record(out, &(struct rr){ owner, rr.rdata.p, rr.ttl, rr.type, rr.rdlen });
	}
	return r.bad ? ERR_FORMAT : ERR_OK;
}

void
fetch_chain_clear(struct fetch_chain *c)
{
	sk_X509_pop_free(c->v, X509_free);
	acme_certificate_clear(&c->leaf);
	*c = (struct fetch_chain){ 0 };
}

bool
fetch_chain_same_leaf(const struct fetch_chain *a, const struct fetch_chain *b)
{
	return a->v != NULL && b->v != NULL && X509_cmp(sk_X509_value(a->v, 0), sk_X509_value(b->v, 0)) == 0;
}

static enum err
push(struct fetch_chain *c, X509 *x)
{
	if ((c->v == NULL && (c->v = sk_X509_new_null()) == NULL) || sk_X509_push(c->v, x) == 0) {
		X509_free(x);
		return ERR_NOMEM;
	}
	return ERR_OK;
}

/* Words that name the time that is wrong. */
static enum err
check_times(const struct acme_certificate *c, int64_t now_s, struct fault *f)
{
	char then[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE];

	clock_print(now_s, now);
	if (now_s < c->not_before_s) {
		clock_print(c->not_before_s, then);
		return fault_set(f, ERR_NOT_FOUND,
		    "the server's certificate is valid from %s on, and our clock says %s", then, now);
	}
	if (now_s >= c->not_after_s) {
		clock_print(c->not_after_s, then);
		return fault_set(f, ERR_NOT_FOUND, "the server's certificate has expired on %s", then);
	}
	return ERR_OK;
}

static enum err
consider_leaf(struct fetch_chain *best, const struct fetch_der *der, const struct acme_csr *csr, int64_t now_s,
    struct fault *f)
{
	const uint8_t *p = der->octets;
	struct acme_certificate c;
	struct fault words = { 0 };
	enum err err;
	X509 *x;

	if (acme_certificate_parse(der->octets, der->n, &c, &words) != ERR_OK)
		return fault_set(f, ERR_NOT_FOUND, "the server's certificate cannot be read: %.300s", words.text);
	if (acme_certificate_matches(&c, csr, &words) != ERR_OK)
		err = fault_set(f, ERR_NOT_FOUND, "%.900s", words.text);
	else if ((err = check_times(&c, now_s, f)) == ERR_OK &&
	    (best->v == NULL || c.not_after_s > best->leaf.not_after_s)) {
		fetch_chain_clear(best);
		if ((x = d2i_X509(NULL, &p, (long)der->n)) != NULL && (err = push(best, x)) == ERR_OK) {
			best->leaf = c;
			return ERR_OK;
		}
	}
	acme_certificate_clear(&c);
	return err;
}

static bool
is_root(X509 *x)
{
	return (X509_get_extension_flags(x) & EXFLAG_SS) != 0;
}

/* The one of cas that issued x by name, key identifier and signature; NULL: none. */
static X509 *
find_issuer(STACK_OF(X509) *cas, X509 *x)
{
	X509 *root = NULL;

	for (int i = 0; i < sk_X509_num(cas); i++) {
		X509 *ca = sk_X509_value(cas, i);
		EVP_PKEY *key = X509_get0_pubkey(ca);

		if (X509_check_issued(ca, x) != X509_V_OK || key == NULL || X509_verify(x, key) != 1)
			continue;
		if (!is_root(ca))
			return ca;
		root = ca;
	}
	return root;
}

/* From the leaf up.  A root ends it and stays out: who verifies has it or does not trust it (RFC 8446, section
 * 4.4.2). */
static enum err
climb(struct fetch_chain *c, STACK_OF(X509) *cas)
{
	enum err err = ERR_OK;
	X509 *at = sk_X509_value(c->v, 0), *issuer;

	while (err == ERR_OK && !is_root(at) && (issuer = find_issuer(cas, at)) != NULL && !is_root(issuer)) {
		for (int i = 0; i < sk_X509_num(c->v); i++)
			if (X509_cmp(sk_X509_value(c->v, i), issuer) == 0)
				return ERR_OK;			/* round in a ring */
		X509_up_ref(issuer);
		err = push(c, issuer);
		at = issuer;
	}
	return err;
}

enum err
fetch_chain_build(const struct fetch_tlsa *rrset, const struct acme_csr *csr, int64_t now_s, struct fetch_chain *out,
    struct fault *f)
{
	struct fetch_chain c = { 0 };
	STACK_OF(X509) *cas = sk_X509_new_null();
	enum err err = cas == NULL ? ERR_NOMEM : ERR_OK;

	if (err == ERR_OK && rrset->nleaves == 0)
		err = fault_set(f, ERR_NOT_FOUND, "the server has no certificate yet");
	for (size_t i = 0; i < rrset->nleaves && err != ERR_NOMEM; i++)
		err = consider_leaf(&c, &rrset->leaves[i], csr, now_s, f);
	for (size_t i = 0; i < rrset->ncas && err != ERR_NOMEM; i++) {
		const uint8_t *p = rrset->cas[i].octets;
		X509 *x = d2i_X509(NULL, &p, (long)rrset->cas[i].n);

		if (x != NULL && sk_X509_push(cas, x) == 0) {
			X509_free(x);
			err = ERR_NOMEM;
		}
	}
	if (c.v != NULL && err != ERR_NOMEM)
		err = climb(&c, cas);
	sk_X509_pop_free(cas, X509_free);
	ERR_clear_error();
	if (err == ERR_OK && c.v == NULL)
		err = ERR_NOMEM;
	if (err == ERR_OK)
		*out = c;
	else
		fetch_chain_clear(&c);
	return err;
}

enum err
fetch_trust_check(const char *trust, struct fault *f)
{
	X509_STORE *store = X509_STORE_new();
	enum err err = ERR_OK;

	if (store == NULL)
		err = fault_set(f, ERR_NOMEM, "out of memory");
	else if (X509_STORE_load_file(store, trust) != 1)
		err = fault_set(f, ERR_FORMAT, "%s: expected a file with certificates in PEM", trust);
	X509_STORE_free(store);
	ERR_clear_error();
	return err;
}

/* The store that the chain must lead to. */
static X509_STORE *
make_store(const struct fetch_chain *c, enum fetch_verify how, const char *trust)
{
	X509_STORE *store = X509_STORE_new();
	bool good = store != NULL;

	switch (how) {
	case FETCH_VERIFY_CHAIN:
		good = good && X509_STORE_add_cert(store, sk_X509_value(c->v, sk_X509_num(c->v) - 1)) == 1 &&
		    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
		break;
	case FETCH_VERIFY_SYSTEM:
		good = good && X509_STORE_set_default_paths(store) == 1;
		break;
	case FETCH_VERIFY_FILE:
		good = good && X509_STORE_load_file(store, trust) == 1;
		break;
	}
	if (!good) {
		X509_STORE_free(store);
		return NULL;
	}
	return store;
}

static enum err
explain(X509_STORE_CTX *ctx, enum fetch_verify how, const char *trust, struct fault *f)
{
	const char *with = how == FETCH_VERIFY_CHAIN ? "" : how == FETCH_VERIFY_FILE ? trust : "the system's roots";
	int error = X509_STORE_CTX_get_error(ctx);
	X509 *at = X509_STORE_CTX_get_current_cert(ctx);
	char name[200] = "?";

	if (at != NULL)
		X509_NAME_oneline(X509_get_subject_name(at), name, sizeof name);
	return fault_set(f, ERR_CRYPTO, "the chain does not verify%s%s: %s (at %s)",
	    *with != '\0' ? " with " : "", with, X509_verify_cert_error_string(error), name);
}

enum err
fetch_chain_verify(const struct fetch_chain *c, enum fetch_verify how, const char *trust, int64_t now_s,
    struct fault *f)
{
	X509_STORE *store = make_store(c, how, trust);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum err err = ERR_OK;

	if (store == NULL)
		err = how == FETCH_VERIFY_FILE ? fetch_trust_check(trust, f) : ERR_NOMEM;
	else if (ctx == NULL || X509_STORE_CTX_init(ctx, store, sk_X509_value(c->v, 0), c->v) != 1)
		err = ERR_NOMEM;
	else {
		X509_STORE_CTX_set_time(ctx, 0, (time_t)now_s);
		if (X509_verify_cert(ctx) != 1)
			err = explain(ctx, how, trust, f);
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return err;
}

enum err
fetch_chain_print(const struct fetch_chain *c, int first, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = bio != NULL;
	char *octets;
	long n;

	for (int i = first; i < sk_X509_num(c->v) && good; i++)
		good = PEM_write_bio_X509(bio, sk_X509_value(c->v, i)) == 1;
	if (good && (n = BIO_get_mem_data(bio, &octets)) > 0)
		buf_add(out, octets, (size_t)n);
	BIO_free(bio);
	return good && !out->failed ? ERR_OK : ERR_NOMEM;
}

enum err
fetch_chain_parse(const char *pem, size_t n, struct fetch_chain *out, struct fault *f)
{
	struct fetch_chain c = { 0 };
	struct acme_chain ders;
	enum err err = acme_chain_parse(pem, n, &ders, f);

	if (err != ERR_OK)
		return err;
	err = acme_certificate_parse(ders.v[0].octets, ders.v[0].n, &c.leaf, f);
	for (size_t i = 0; i < ders.n && err == ERR_OK; i++) {
		const uint8_t *p = ders.v[i].octets;
		X509 *x = d2i_X509(NULL, &p, (long)ders.v[i].n);

		err = x != NULL ? push(&c, x) : fault_set(f, ERR_FORMAT, "it is not an X.509 certificate");
	}
	acme_chain_clear(&ders);
	ERR_clear_error();
	if (err == ERR_OK)
		*out = c;
	else
		fetch_chain_clear(&c);
	return err;
}
