#include "acme/doh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/encoding.h"

#define MESSAGE_TYPE "application/dns-message"
#define JSON_TYPE "application/dns-json"
#define QUESTION_MAX (MSG_HEADER_SIZE + DNAME_MAX + 4 + EDNS_SIZE)
#define STATUS_OK 200
#define UDP_BEHIND 4096	/* what a server that only passes questions on, by UDP, may take for its own room */

struct acme_doh_call {
	struct acme_http_call *http;
	enum acme_resolver_kind kind;
	struct question question;
	acme_doh_done *done;
	void *arg;
};

const char *
acme_doh_mismatch(const uint8_t *msg, size_t n, const struct question *q)
{
	struct rd r = rd_over(msg, n);
	struct msg_header h;
	struct question got;

	msg_header_read(&r, &h);
	if (r.bad || (h.flags & FLAG_QR) == 0 || msg_opcode(&h) != OPCODE_QUERY)
		return "what came is no DNS response";
	/* Who rejects a message unread sends the header alone. */
	if (h.qdcount == 0 && (h.flags & 15) != RCODE_NOERROR)
		return NULL;
	if (h.qdcount != 1 || !question_read(&r, &got) || got.qtype != q->qtype || got.qclass != q->qclass ||
	    !dname_equal(got.qname.octets, q->qname.octets))
		return "the response is to another question";
	return NULL;
}

/* ---- the answer ---- */

/* Is the media type in front of any parameters this one? */
static bool
type_is(const char *content_type, const char *wanted)
{
	size_t n = strlen(wanted);

	return content_type != NULL && strncasecmp(content_type, wanted, n) == 0 &&
	    (content_type[n] == '\0' || strchr("; \t", content_type[n]) != NULL);
}

/* What public resolvers call their JSON. */
static bool
is_json(const char *content_type)
{
	return type_is(content_type, JSON_TYPE) || type_is(content_type, "application/json") ||
	    type_is(content_type, "application/x-javascript") || type_is(content_type, "text/javascript");
}

static enum err
judge(const struct acme_doh_call *call, const struct acme_reply *r, struct fault *f)
{
	const char *type = r->content_type != NULL ? r->content_type : "no type", *reason = strstr(r->words, ": ");

	if (r->err != ERR_OK)		/* behind the URL, which has the question in it */
		return fault_set(f, r->err, "%s", reason != NULL ? reason + 2 : r->words);
	if (r->status != STATUS_OK)		/* errors of the DNS come with 200 (RFC 8484, section 4.2.1) */
		return fault_set(f, ERR_PEER, "HTTP status %ld", r->status);
	if (call->kind == ACME_RESOLVER_JSON ? !is_json(type) : !type_is(type, MESSAGE_TYPE))
		return fault_set(f, ERR_PEER, "its answer is %.100s and not %s", type,
		    call->kind == ACME_RESOLVER_JSON ? "JSON" : MESSAGE_TYPE);
	return ERR_OK;
}

static void
on_reply(void *arg, const struct acme_reply *r)
{
	struct acme_doh_call *call = arg;
	struct fault f = { 0 };
	enum err err = judge(call, r, &f);
	const uint8_t *msg = (const uint8_t *)r->body;
	size_t n = r->n;
	uint8_t *made = NULL;
	const char *mismatch;

	call->http = NULL;
	if (err == ERR_OK && call->kind == ACME_RESOLVER_JSON) {
		if ((made = malloc(MSG_MAX)) == NULL)
			err = fault_set(&f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
		else
			err = acme_doh_json_read(r->body, r->n, &call->question, made, &n, &f);
		msg = made;
	}
	if (err == ERR_OK && (mismatch = acme_doh_mismatch(msg, n, &call->question)) != NULL)
		err = fault_set(&f, ERR_PEER, "%s", mismatch);
	call->done(call->arg, err, err == ERR_OK ? msg : NULL, err == ERR_OK ? n : 0, f.text, r->retry_after_s);
	free(made);
	free(call);
}

/* ---- the question ---- */

static size_t
write_message(const struct question *q, uint16_t flags, uint8_t out[QUESTION_MAX])
{
	struct wr w;

	wr_init(&w, out, QUESTION_MAX);
	/* ID 0: equal questions look equal to caches (RFC 8484, section 4.1). */
	msg_header_write(&w, &(struct msg_header){ .flags = flags, .qdcount = 1, .arcount = 1 });
	question_write(&w, q);
	edns_write(&w, UDP_BEHIND, 0, false);
	return wr_len(&w);
}

/* For a query: all but what RFC 3986, section 2.3 calls unreserved. */
static void
add_escaped(struct buf *url, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text != '\0'; text++)
		if (strchr(plain, *text) != NULL)
			buf_add(url, text, 1);
		else
			buf_printf(url, "%%%02X", (unsigned)(uint8_t)*text);
}

static void
add_query(struct buf *url, const struct acme_resolver *resolver, const struct question *q, uint16_t flags,
    const uint8_t *msg, size_t n)
{
	char name[DNAME_TEXT_MAX];

	buf_add_str(url, resolver->url);
	buf_add_str(url, strchr(resolver->url, '?') == NULL ? "?" : "&");
	if (resolver->kind == ACME_RESOLVER_DOH) {
		buf_add_str(url, "dns=");
		base64url_encode(msg, n, url);
		return;
	}
	buf_add_str(url, "name=");
	add_escaped(url, dname_print_host(q->qname.octets, name));
	buf_printf(url, "&type=%u", q->qtype);
	if ((flags & FLAG_CD) != 0)
		buf_add_str(url, "&cd=1");
}

enum err
acme_doh_start(struct acme_http *http, const struct acme_resolver *resolver, const struct question *q, uint16_t flags,
    unsigned timeout_ms, acme_doh_done *done, void *arg, struct acme_doh_call **out)
{
	struct acme_doh_call *call = calloc(1, sizeof *call);
	bool post = resolver->kind == ACME_RESOLVER_DOH && !resolver->get;
	uint8_t msg[QUESTION_MAX];
	struct acme_http_request request = { .method = post ? ACME_HTTP_POST : ACME_HTTP_GET, .url = resolver->url,
	    .most = MSG_MAX, .timeout_ms = timeout_ms, .fresh = true };
	struct buf url = { 0 };

	if (call == NULL)
		return ERR_NOMEM;
	*call = (struct acme_doh_call){ .kind = resolver->kind, .question = *q, .done = done, .arg = arg };
	request.accept = resolver->kind == ACME_RESOLVER_JSON ? JSON_TYPE : MESSAGE_TYPE;
	request.n = write_message(q, flags, msg);
	if (post) {
		request.content_type = MESSAGE_TYPE;
		request.body = msg;
	} else {
		add_query(&url, resolver, q, flags, msg, request.n);
		request.url = buf_str(&url);
	}
	if (request.url != NULL)
		call->http = acme_http_send(http, &request, on_reply, call);
	buf_clear(&url);
	if (call->http == NULL) {
		free(call);
		return ERR_NOMEM;
	}
	*out = call;
	return ERR_OK;
}

void
acme_doh_cancel(struct acme_doh_call *call)
{
	if (call == NULL)
		return;
	acme_http_cancel(call->http);
	free(call);
}
