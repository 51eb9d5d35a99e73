#include <config.h>

#include "acme/http.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"

#define LINKS_MAX 32
#define CONNECTIONS_MAX 16	/* to one host; HTTP/2 puts many requests on each */

struct acme_http {
	struct acme_http_config config;
	struct event_base *base;
	struct event *timer;
	CURLM *multi;
	struct curl_slist *headers, *post_headers;
	LIST_HEAD(, acme_http_call) calls;
};

struct acme_http_call {
	LIST_ENTRY(acme_http_call) entry;
	struct acme_http *http;
	CURL *easy;
	acme_http_done *done;
	void *arg;
	struct buf body;
	bool too_large;
	char error[CURL_ERROR_SIZE];
};

static void
call_free(struct acme_http_call *call)
{
	LIST_REMOVE(call, entry);
	curl_multi_remove_handle(call->http->multi, call->easy);
	curl_easy_cleanup(call->easy);
	buf_clear(&call->body);
	free(call);
}

static const char *
header_of(CURL *easy, const char *name)
{
	struct curl_header *h;

	/* -1: of the last answer, where a redirect or a proxy gave several. */
	return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

static size_t
links_of(CURL *easy, const char *links[LINKS_MAX])
{
	struct curl_header *h;
	size_t n = 0;

	while (n < LINKS_MAX && curl_easy_header(easy, "Link", n, CURLH_HEADER, -1, &h) == CURLHE_OK)
		links[n++] = h->value;
	return n;
}

static enum err
err_from_curl(CURLcode code)
{
	switch (code) {
	case CURLE_OK:			return ERR_OK;
	case CURLE_OPERATION_TIMEDOUT:	return ERR_TIMEOUT;
	case CURLE_OUT_OF_MEMORY:	return ERR_NOMEM;
	default:			return ERR_NETWORK;
	}
}

static void
call_finish(struct acme_http_call *call, CURLcode code)
{
	acme_http_done *done = call->done;
	void *arg = call->arg;
	const char *url = "", *links[LINKS_MAX];
	struct buf words = { 0 };
	struct acme_reply r = { .err = err_from_curl(code), .retry_after_s = -1, .body = "" };

	curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (r.err == ERR_OK) {
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &r.status);
		r.url = url;
		r.nonce = header_of(call->easy, "Replay-Nonce");
		r.location = header_of(call->easy, "Location");
		r.content_type = header_of(call->easy, "Content-Type");
		r.retry_after_s = acme_retry_after(header_of(call->easy, "Retry-After"), clock_now_s());
		r.links = links;
		r.nlinks = links_of(call->easy, links);
		r.body = buf_str(&call->body);
		r.n = call->body.len;
		if (r.body == NULL)
			r.err = ERR_NOMEM;
	} else if (call->too_large) {
		r.err = ERR_PEER;
		buf_printf(&words, "%s: the answer is larger than %d octets", url, ACME_HTTP_BODY_MAX);
	} else
		buf_printf(&words, "%s: %s", url, call->error[0] != '\0' ? call->error : curl_easy_strerror(code));
	r.words = buf_str(&words);
	if (r.words == NULL || *r.words == '\0')
		r.words = err_str(r.err);
	done(arg, &r);
	buf_clear(&words);
	call_free(call);
}

/* Finished transfers; a callback may start and cancel others meanwhile, so the queue is asked anew each time. */
static void
check_finished(struct acme_http *h)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct acme_http_call *call;

		if (msg->msg != CURLMSG_DONE)
			continue;
		CURLcode code = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
		call_finish(call, code);
	}
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct acme_http *h = arg;
	int running, action = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
	    ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(h->multi, fd, action, &running);
	check_finished(h);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct acme_http *h = arg;
	int running;

	(void)fd, (void)what;
	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_finished(h);
}

/* libcurl tells which sockets it wants watched; each has one event, kept by libcurl as the socket's pointer. */
static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct acme_http *h = arg;
	struct event *ev = socket_arg;
	short flags = EV_PERSIST;

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	if (what == CURL_POLL_REMOVE)
		return 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		flags |= EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		flags |= EV_WRITE;
	if ((ev = event_new(h->base, fd, flags, on_socket, h)) == NULL || event_add(ev, NULL) != 0) {
		if (ev != NULL)
			event_free(ev);
		curl_multi_assign(h->multi, fd, NULL);
		return -1;
	}
	curl_multi_assign(h->multi, fd, ev);
	return 0;
}

static int
want_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct acme_http *h = arg;
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	(void)multi;
	if (timeout_ms < 0)
		event_del(h->timer);
	else
		event_add(h->timer, &tv);
	return 0;
}

static size_t
on_body(char *octets, size_t size, size_t n, void *arg)
{
	struct acme_http_call *call = arg;

	if (call->body.len + size * n > ACME_HTTP_BODY_MAX) {
		call->too_large = true;
		return 0;
	}
	buf_add(&call->body, octets, size * n);
	return call->body.failed ? 0 : size * n;
}

enum err
acme_http_new(const struct acme_http_config *config, struct event_base *base, struct acme_http **out)
{
	struct acme_http *h = calloc(1, sizeof *h);

	if (h == NULL)
		return ERR_NOMEM;
	h->config = *config;
	h->base = base;
	LIST_INIT(&h->calls);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (h->multi = curl_multi_init()) == NULL ||
	    (h->timer = event_new(base, -1, 0, on_timer, h)) == NULL ||
	    (h->headers = curl_slist_append(NULL, "Accept-Language: en")) == NULL ||
	    (h->post_headers = curl_slist_append(NULL, "Accept-Language: en")) == NULL ||
	    curl_slist_append(h->post_headers, "Content-Type: application/jose+json") == NULL ||
	    curl_slist_append(h->post_headers, "Expect:") == NULL) {
		acme_http_free(h);
		return ERR_NOMEM;
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS_MAX);
	*out = h;
	return ERR_OK;
}

void
acme_http_free(struct acme_http *h)
{
	if (h == NULL)
		return;
	while (!LIST_EMPTY(&h->calls))
		call_free(LIST_FIRST(&h->calls));
	if (h->multi != NULL)
		curl_multi_cleanup(h->multi);	/* closes idle connections and so asks to unwatch their sockets */
	if (h->timer != NULL)
		event_free(h->timer);
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->post_headers);
	free(h);
}

static void
set_trust(struct acme_http_call *call, const struct acme_http_config *config)
{
	if (config->ca_certificates != NULL) {
		curl_easy_setopt(call->easy, CURLOPT_CAINFO, config->ca_certificates);
		curl_easy_setopt(call->easy, CURLOPT_CAPATH, NULL);	/* this file and nothing else */
		curl_easy_setopt(call->easy, CURLOPT_PROXY_CAINFO, config->ca_certificates);
		curl_easy_setopt(call->easy, CURLOPT_PROXY_CAPATH, NULL);
	}
	curl_easy_setopt(call->easy, CURLOPT_PROXY, config->proxy != NULL ? config->proxy : "");
	curl_easy_setopt(call->easy, CURLOPT_PROXYAUTH, CURLAUTH_ANY);
}

static void
set_limits(struct acme_http_call *call, const struct acme_http_config *config)
{
	curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT, (long)config->connect_timeout_s);
	curl_easy_setopt(call->easy, CURLOPT_TIMEOUT, (long)config->timeout_s);
	curl_easy_setopt(call->easy, CURLOPT_MAXFILESIZE, (long)ACME_HTTP_BODY_MAX);
	curl_easy_setopt(call->easy, CURLOPT_MAXREDIRS, 5L);
	curl_easy_setopt(call->easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(call->easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
}

static void
set_request(struct acme_http_call *call, enum acme_http_method method, const char *url, const char *body, size_t n)
{
	struct acme_http *h = call->http;

	curl_easy_setopt(call->easy, CURLOPT_URL, url);
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(call->easy, CURLOPT_USERAGENT, "certns/" PACKAGE_VERSION);	/* RFC 8555, section 6.1 */
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, method == ACME_HTTP_POST ? h->post_headers : h->headers);
	if (method == ACME_HTTP_POST) {		/* a JWS names its URL, so a redirect could only fail */
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)n);
		curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, body);
	} else
		curl_easy_setopt(call->easy, CURLOPT_FOLLOWLOCATION, 1L);
	if (method == ACME_HTTP_HEAD)
		curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
}

struct acme_http_call *
acme_http_start(struct acme_http *h, enum acme_http_method method, const char *url, const char *body, size_t n,
    acme_http_done *done, void *arg)
{
	struct acme_http_call *call = calloc(1, sizeof *call);

	if (call == NULL || (call->easy = curl_easy_init()) == NULL) {
		free(call);
		return NULL;
	}
	call->http = h;
	call->done = done;
	call->arg = arg;
	LIST_INSERT_HEAD(&h->calls, call, entry);
	set_request(call, method, url, body, n);
	set_trust(call, &h->config);
	set_limits(call, &h->config);
	/* libcurl only sets its timer here; the transfer begins, and can end, when that fires. */
	if (curl_multi_add_handle(h->multi, call->easy) != CURLM_OK) {
		call_free(call);
		return NULL;
	}
	return call;
}

void
acme_http_cancel(struct acme_http_call *call)
{
	if (call != NULL)
		call_free(call);
}
