#include "server/response.h"
#include "wire/rrtype.h"

static const uint8_t version_bind[] = "\7version\4bind", version_server[] = "\7version\6server";
static const uint8_t hostname_bind[] = "\10hostname\4bind", id_server[] = "\2id\6server";

/* What a name of class CH says here; NULL: nothing. */
static const char *
text_of(const struct answer_settings *settings, const uint8_t *name)
{
	if (dname_equal(name, version_bind) || dname_equal(name, version_server))
		return settings->version;
	if (dname_equal(name, hostname_bind))
		return settings->hostname;
	if (dname_equal(name, id_server))
		return settings->identity;
	return NULL;
}

void
response_chaos(struct response *r)
{
	const struct question *q = &r->q->question;
	const char *text = text_of(r->settings, q->qname.octets);
	uint8_t rdata[256];
	size_t n;

	if (text == NULL || (q->qtype != TYPE_TXT && q->qtype != TYPE_ANY)) {
		r->rcode = RCODE_REFUSED;
		return;
	}
	n = strlen(text) < 255 ? strlen(text) : 255;
	rdata[0] = (uint8_t)n;
	memcpy(rdata + 1, text, n);
	r->flags |= FLAG_AA;
	if (!response_rr(r, SECTION_ANSWER, q->qname.octets, TYPE_TXT, CLASS_CH, 0, rdata, n + 1))
		r->flags |= FLAG_TC;
}
