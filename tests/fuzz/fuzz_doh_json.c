/* The JSON of public resolvers becomes a message that answers our question and can be read, or is refused in words. */
#include <stdlib.h>

#include "acme/doh.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void
must(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static uint8_t msg[MSG_MAX];
	struct question q = { .qname = { "\1a\4test" }, .qtype = TYPE_TXT, .qclass = CLASS_IN };
	struct fault f = { 0 };
	struct msg_header h;
	struct msg_rr rr;
	size_t len = 0;
	enum err err = acme_doh_json_read((const char *)octets, n, &q, msg, &len, &f);

	if (err != ERR_OK) {
		must(err == ERR_PEER && f.text[0] != '\0');
		return 0;
	}
	must(acme_doh_mismatch(msg, len, &q) == NULL);
	struct rd r = rd_over(msg, len);
	msg_header_read(&r, &h);
	question_read(&r, &q);
	for (unsigned i = 0; i < h.ancount + (unsigned)h.nscount; i++)
		must(msg_rr_read(&r, &rr));
	must(rd_left(&r) == 0 && !r.bad);
	return 0;
}
