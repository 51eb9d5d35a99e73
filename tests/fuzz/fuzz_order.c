/* tests/fuzz/fuzz_order.c -- one order, and a CA that answers with whatever the input says.
 *
 * The first octet: bit 0 an order is taken up again, bit 1 a chain is preferred, bit 2 records are left over.  Then one
 * reply after the other: an octet for the HTTP status, one for what else comes, two for the body's length, and the
 * body.  Whatever comes, the order ends: with its records removed if any may be there, and never asking where there is
 * no https. */
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/order.h"
#include "tests/unit/acme/pki.h"
#include "wire/reader.h"

#define NOW_S 1600000000

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static struct acme_csr *csr;

static void
make_csr(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct buf der = { 0 };

	pki_csr(key, NULL, "DNS:a.test,DNS:*.a.test", &der);
	if (acme_csr_parse(der.p, der.len, &csr, NULL) != ERR_OK)
		abort();
	buf_clear(&der);
	EVP_PKEY_free(key);
}

/* False: the input is at its end. */
static bool
next_reply(struct rd *r, struct acme_reply *out, struct buf *body)
{
	static const long statuses[] = { 200, 201, 200, 200, 302, 400, 403, 404, 409, 429, 500, 503 };
	static const char *const links[] = { "<https://ca/cert/1>;rel=\"alternate\"", "</cert/2>;rel=\"alternate\"" };
	uint8_t status = rd_u8(r), more = rd_u8(r);
	uint16_t n = rd_u16(r);
	size_t left = (size_t)(r->end - r->p);
	const uint8_t *p;

	if (r->bad)
		return false;
	n = n < left ? n : (uint16_t)left;
	p = rd_take(r, n);
	buf_clear(body);
	buf_add(body, p, n);
	*out = (struct acme_reply){ .status = statuses[status % 12], .retry_after_s = (more & 1) != 0 ? more : -1,
	    .n = n,
		.url = "https://ca/here", .links = links, .nlinks = (more & 2) != 0 ? 2 : 0 };
	out->body = buf_str(body);
	if (status == 255) {
		out->err = ERR_NETWORK;
		out->words = "gone";
	}
	out->location = (more & 4) != 0 ? "https://ca/order" : (more & 8) != 0 ? out->body : NULL;
	out->content_type = (more & 16) != 0 ? "application/pem-certificate-chain" : NULL;
	return out->body != NULL;
}

static void
require(bool so)
{
	if (!so)
		abort();
}

static void
run(struct acme_order *o, struct rd *r, bool leftovers)
{
	struct acme_reply reply;
	struct buf body = { 0 };
	int64_t now_ms = 0;
	bool published = leftovers, unpublished = false, over = false;
	size_t n;

	for (enum acme_want want = acme_order_start(o); want != ACME_FINISHED;) {
		require(!unpublished);
		switch (want) {
		case ACME_POST:
			require(strncasecmp(acme_order_url(o), "https://", 8) == 0);
			if (over || !next_reply(r, &reply, &body)) {
				want = acme_order_abort(o, ERR_CANCELLED, "enough");
				over = true;
			} else {
				want = acme_order_reply(o, &reply, now_ms += 10);
			}
			break;
		case ACME_PUBLISH:
			published = true;
			acme_order_txts(o, &n);
			want = acme_order_published(o, ERR_OK, "");
			break;
		case ACME_CHECK:
			want = acme_order_checked(o, ERR_OK, "");
			break;
		case ACME_SLEEP:
			require(acme_order_delay_ms(o) >= 100);
			now_ms += acme_order_delay_ms(o);
			want = acme_order_slept(o);
			break;
		case ACME_UNPUBLISH:
			unpublished = true;
			want = acme_order_unpublished(o);
			break;
		case ACME_FINISHED:
			break;
		}
	}
	require(published == unpublished);
	require((acme_order_result(o).err == ERR_OK) == (acme_order_result(o).chain->n > 0));
	buf_clear(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct rd r = rd_over(octets, n);
	uint8_t how = rd_u8(&r);
	struct acme_order_setup setup = { .new_order = "https://ca/new-order",
	    .means = { .directory = "https://ca/directory",
		.account = "https://ca/account", .thumbprint = "thumbprint" }, .now_s = NOW_S, .limit_ms = 60000 };
	struct acme_order *o;

	if (csr == NULL)
		make_csr();
	setup.csr = csr;
	setup.resume = (how & 1) != 0 ? "https://ca/before" : NULL;
	setup.preferred_chain = (how & 2) != 0 ? "Root" : NULL;
	setup.leftovers = (how & 4) != 0;
	if (acme_order_new(&setup, &o) == ERR_OK)
		run(o, &r, setup.leftovers);
	acme_order_free(o);
	return 0;
}
