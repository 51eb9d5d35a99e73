/* Any stream of messages from a primary: a transfer that calls itself done is one that a zone can be made of, and
 * octets and records stay within their limit.  The first octet says whether differences were asked for; messages have
 * their lengths before them, as over TCP. */
#include <stdlib.h>

#include "server/xfrin.h"
#include "wire/message.h"
#include "wire/rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID 0x1234
#define MAX_OCTETS 100000

static const uint8_t apex[] = "\7example\3com";
static const uint8_t soa_rdata[] = "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";	/* serial 1 */

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static void
check_rr(const struct rr *rr)
{
	must(dname_is_below(rr->owner, apex) && rdata_valid(rr->type, rr->rdata, rr->rdlen));
}

static void
check_done(struct xfrin *x)
{
	struct rr_list zone;
	struct xfrin_step *steps;
	size_t n;

	must(xfrin_kind(x) != XFRIN_UNKNOWN);
	if (xfrin_kind(x) == XFRIN_FULL) {
		xfrin_take_records(x, &zone);
		must(zone.n >= 1);
		for (size_t i = 0; i < zone.n; i++) {
			check_rr(&zone.v[i]);
			must(i == 0 || rr_compare(&zone.v[i - 1], &zone.v[i]) < 0);
		}
		rr_list_clear(&zone);
	} else if (xfrin_kind(x) == XFRIN_STEPS) {
		steps = xfrin_steps(x, &n);
		must(n >= 1 && steps[0].from == 1 && steps[n - 1].to == xfrin_serial(x));
		for (size_t i = 0; i < n; i++) {
			must(i == 0 || steps[i].from == steps[i - 1].to);
			for (size_t c = 0; c < steps[i].changes.n; c++)
				check_rr(&steps[i].changes.v[c].rr);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rr soa = { apex, soa_rdata, 1, TYPE_SOA, sizeof soa_rdata - 1 };
	static uint8_t msg[MSG_MAX];
	struct fault f;
	struct xfrin *x;

	if (size < 1)
		return 0;
	must(xfrin_new(&(struct xfrin_request){ .apex = apex, .soa = (data[0] & 1) != 0 ? &soa : NULL,
	    .max_octets = MAX_OCTETS }, &x) == ERR_OK);
	must(xfrin_ask(x, ID, msg, sizeof msg, 1700000000) > 0);
	data++, size--;
	while (size >= 2 && !xfrin_is_done(x)) {
		size_t n = load_u16(data);

		if (n > size - 2)
			n = size - 2;
		memcpy(msg, data + 2, n);
		if (n >= 2)
			store_u16(msg, ID);
		data += 2 + n;
		size -= 2 + n;
		if (xfrin_take(x, msg, n, 1700000000, &f) != ERR_OK)
			break;
	}
	if (xfrin_is_done(x))
		check_done(x);
	xfrin_free(x);
	return 0;
}
