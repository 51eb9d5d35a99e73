#include <config.h>

#include "acme/http.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/file.h"
#include "base/url.h"

#define LINKS_MAX 32
#define CONNECTIONS_MAX 16	/* to one host; HTTP/2 puts many requests on each */
#define REDIRECTS_MAX 5L
#define STATUS_PROXY_AUTHENTICATION 407
#define PROXY_MAX 16384		/* octets of its URL, with room */
#define TRUST_FILE_MAX (16 * 1024 * 1024)

/* Trust in several files: libcurl takes one, so it gets their text. */
struct trust {
	struct buf pem;
	struct timespec read[2];	/* when each file was changed last, as it was read */
};

struct acme_http {
	struct acme_http_config config;
	struct event_base *base;
	struct event *timer;
	CURLM *multi;
	struct buf proxy;		/* URL with user and password; "": none */
	bool has_user;
	struct trust trust;
	LIST_HEAD(, acme_http_call) calls;
};

struct acme_http_call {
	LIST_ENTRY(acme_http_call) entry;
	struct acme_http *http;
	CURL *easy;
	struct curl_slist *headers;
	size_t most;			/* octets of the answer */
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
	curl_slist_free_all(call->headers);
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

static int64_t
date_of(CURL *easy)
{
	const char *date = header_of(easy, "Date");
	time_t at = date != NULL ? curl_getdate(date, NULL) : 0;

	return at > 0 ? (int64_t)at : 0;
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

/* libcurl says out of memory for a header of more than 100 kB, too. */
static bool
headers_have_begun(const struct acme_http_call *call)
{
	long octets = 0;

	return curl_easy_getinfo(call->easy, CURLINFO_HEADER_SIZE, &octets) == CURLE_OK && octets > 0;
}

static enum err
err_from_curl(const struct acme_http_call *call, CURLcode code)
{
	switch (code) {
	case CURLE_OK:			return ERR_OK;
	case CURLE_OPERATION_TIMEDOUT:	return ERR_TIMEOUT;
	case CURLE_FILESIZE_EXCEEDED:	return ERR_PEER;
	case CURLE_OUT_OF_MEMORY:	return headers_have_begun(call) ? ERR_PEER : ERR_NOMEM;
	default:			return call->too_large ? ERR_PEER : ERR_NETWORK;
	}
}

/* Why there was no answer.  Nothing that the proxy was told of us is in it. */
static void
explain(const struct acme_http_call *call, CURLcode code, const char *url, struct buf *words)
{
	long proxy_status = 0;

	curl_easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	buf_printf(words, "%.300s: ", url);
	if (call->too_large || code == CURLE_FILESIZE_EXCEEDED)
		buf_printf(words, "the answer is larger than %zu octets", call->most);
	else if (code == CURLE_OUT_OF_MEMORY && headers_have_begun(call))
		buf_add_str(words, "out of memory, or one of the headers is too long");
	else if (code != CURLE_OPERATION_TIMEDOUT && proxy_status == STATUS_PROXY_AUTHENTICATION)
		buf_add_str(words, call->http->has_user ? "the proxy does not take our user and password (status 407)" :
		    "the proxy wants a user and a password (status 407)");
	else if (code != CURLE_OPERATION_TIMEDOUT && proxy_status >= 300)
		buf_printf(words, "the proxy makes no connection to it (status %ld)", proxy_status);
	else if (call->error[0] == '\0' || (call->http->has_user && strchr(call->error, '@') != NULL))
		buf_add_str(words, curl_easy_strerror(code));	/* libcurl quotes a proxy's URL that it cannot read */
	else
		buf_add_str(words, call->error);
}

/* tests/bench counts them. */
static void
note_time(struct acme_http_call *call, const char *url, const struct acme_reply *r)
{
	curl_off_t took_us = 0;

	curl_easy_getinfo(call->easy, CURLINFO_TOTAL_TIME_T, &took_us);
	log_debug("acme: %s: status %ld after %lld us", url, r->status, (long long)took_us);
}

static void
call_finish(struct acme_http_call *call, CURLcode code)
{
	acme_http_done *done = call->done;
	void *arg = call->arg;
	const char *url = "", *links[LINKS_MAX];
	struct buf words = { 0 };
	struct acme_reply r = { .err = err_from_curl(call, code), .retry_after_s = -1, .body = "" };

	curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (r.err == ERR_OK) {
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &r.status);
		r.url = url;
		r.nonce = header_of(call->easy, "Replay-Nonce");
		r.location = header_of(call->easy, "Location");
		r.content_type = header_of(call->easy, "Content-Type");
		r.date_s = date_of(call->easy);
		r.retry_after_s = acme_retry_after(header_of(call->easy, "Retry-After"), clock_now_s());
		r.links = links;
		r.nlinks = links_of(call->easy, links);
		r.body = buf_str(&call->body);
		r.n = call->body.len;
		if (r.body == NULL)
			r.err = ERR_NOMEM;
	} else
		explain(call, code, url, &words);
	r.words = buf_str(&words);
	if (r.words == NULL || *r.words == '\0')
		r.words = err_str(r.err);
	note_time(call, url, &r);
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

	if (call->body.len + size * n > call->most) {
		call->too_large = true;
		return 0;
	}
	buf_add(&call->body, octets, size * n);
	return call->body.failed ? 0 : size * n;
}

/* ---- trust ---- */

static struct timespec
changed_at(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 ? s.st_mtim : (struct timespec){ 0 };
}

static const char *
system_certificates(void)
{
	const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);

	return built->age >= CURLVERSION_SEVENTH && built->cainfo != NULL ? built->cainfo :
	    X509_get_default_cert_file();
}

/* The proxy's certificates and the others, as the files are now: they may be changed while we run. */
static const struct buf *
trust_text(struct acme_http *h)
{
	const char *paths[] = { h->config.proxy.ca_certificates,
		h->config.ca_certificates != NULL ? h->config.ca_certificates : system_certificates() };
	struct timespec now[] = { changed_at(paths[0]), changed_at(paths[1]) };

	if (h->trust.pem.len > 0 && memcmp(now, h->trust.read, sizeof now) == 0)
		return &h->trust.pem;
	buf_clear(&h->trust.pem);
	for (size_t i = 0; i < 2; i++) {
		/* One that cannot be read now is missed when a certificate does not verify: libcurl says so. */
		file_read(paths[i], TRUST_FILE_MAX, &h->trust.pem, NULL);
		buf_add_str(&h->trust.pem, "\n");
	}
	memcpy(h->trust.read, now, sizeof now);
	return &h->trust.pem;
}

static void
set_trust(struct acme_http_call *call)
{
	const struct acme_http_config *config = &call->http->config;

	if (config->ca_certificates != NULL) {
		curl_easy_setopt(call->easy, CURLOPT_CAINFO, config->ca_certificates);
		curl_easy_setopt(call->easy, CURLOPT_CAPATH, NULL);	/* this file and nothing else */
		curl_easy_setopt(call->easy, CURLOPT_PROXY_CAINFO, config->ca_certificates);
		curl_easy_setopt(call->easy, CURLOPT_PROXY_CAPATH, NULL);
	}
	if (config->proxy.ca_certificates != NULL) {
		const struct buf *pem = trust_text(call->http);
		struct curl_blob blob = { pem->p, pem->len, CURL_BLOB_COPY };

		curl_easy_setopt(call->easy, CURLOPT_CAINFO_BLOB, &blob);
		curl_easy_setopt(call->easy, CURLOPT_PROXY_CAINFO_BLOB, &blob);
	}
}

/* ---- the proxy ---- */

/* libcurl takes user and password apart from the URL as well, and undoes the escapes in them or not, by version. */
static void
add_credentials(struct buf *url, const char *credentials)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	bool in_user = true;

	for (const char *p = credentials; *p != '\0'; p++)
		if (in_user && *p == ':') {
			buf_add_str(url, ":");
			in_user = false;
		} else if (strchr(plain, *p) != NULL)
			buf_add(url, p, 1);
		else
			buf_printf(url, "%%%02X", (unsigned)(uint8_t)*p);
	buf_add_str(url, "@");
}

static enum err
take_proxy(struct acme_http *h)
{
	const struct acme_proxy *proxy = &h->config.proxy;
	struct url parts;

	buf_reserve(&h->proxy, PROXY_MAX);	/* so that no copy is left behind as it grows */
	if (proxy->url == NULL) {
		h->has_user = false;
		return buf_str(&h->proxy) != NULL ? ERR_OK : ERR_NOMEM;
	}
	if (!url_split(proxy->url, strlen(proxy->url), &parts))
		return ERR_FORMAT;
	h->has_user = proxy->credentials != NULL || parts.user.p != NULL;
	/* libcurl would look up the names of servers itself for "socks5": that is the proxy's part. */
	if (url_has_scheme(&parts, "socks5"))
		buf_add_str(&h->proxy, "socks5h");
	else
		buf_add(&h->proxy, parts.scheme.p, parts.scheme.n);
	buf_add_str(&h->proxy, "://");
	if (proxy->credentials != NULL)
		add_credentials(&h->proxy, proxy->credentials);
	buf_add_str(&h->proxy, parts.scheme.p + parts.scheme.n + strlen("://"));
	return buf_str(&h->proxy) != NULL ? ERR_OK : ERR_NOMEM;
}

static void
set_proxy(struct acme_http_call *call)
{
	const struct acme_http *h = call->http;

	/* What the environment says of proxies does not count. */
	curl_easy_setopt(call->easy, CURLOPT_PROXY, (const char *)h->proxy.p);
	curl_easy_setopt(call->easy, CURLOPT_NOPROXY, "");
	/* Negotiate would ask Kerberos servers, on ways of its own. */
	curl_easy_setopt(call->easy, CURLOPT_PROXYAUTH, CURLAUTH_BASIC | CURLAUTH_DIGEST | CURLAUTH_NTLM);
}

/* ---- making and ending ---- */

enum err
acme_http_new(const struct acme_http_config *config, struct event_base *base, struct acme_http **out)
{
	struct acme_http *h = calloc(1, sizeof *h);
	enum err err;

	if (h == NULL)
		return ERR_NOMEM;
	h->config = *config;
	h->base = base;
	LIST_INIT(&h->calls);
	if ((err = take_proxy(h)) != ERR_OK || curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (h->multi = curl_multi_init()) == NULL || (h->timer = event_new(base, -1, 0, on_timer, h)) == NULL) {
		acme_http_free(h);
		return err != ERR_OK ? err : ERR_NOMEM;
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
	buf_clear(&h->trust.pem);
	buf_wipe(&h->proxy);
	free(h);
}

/* ---- requests ---- */

static void
set_limits(struct acme_http_call *call, unsigned timeout_ms)
{
	const struct acme_http_config *config = &call->http->config;
	long ms = timeout_ms > 0 ? (long)timeout_ms : (long)config->timeout_s * 1000;

	curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT, (long)config->connect_timeout_s);
	curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, ms);
	curl_easy_setopt(call->easy, CURLOPT_MAXFILESIZE, (long)call->most);
	curl_easy_setopt(call->easy, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	curl_easy_setopt(call->easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(call->easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
}

/* False: no memory. */
static bool
add_header(struct acme_http_call *call, const char *name, const char *value)
{
	struct buf line = { 0 };
	struct curl_slist *list = NULL;

	buf_printf(&line, "%s:%s%s", name, *value != '\0' ? " " : "", value);
	if (buf_str(&line) != NULL)
		list = curl_slist_append(call->headers, buf_str(&line));
	buf_clear(&line);
	if (list != NULL)
		call->headers = list;
	return list != NULL;
}

static bool
add_headers(struct acme_http_call *call, const struct acme_http_request *request)
{
	return add_header(call, "Accept-Language", "en") &&
	    (request->accept == NULL || add_header(call, "Accept", request->accept)) &&
	    (!request->fresh || add_header(call, "Cache-Control", "no-cache")) &&
	    (request->method != ACME_HTTP_POST || (add_header(call, "Content-Type", request->content_type) &&
	    add_header(call, "Expect", "")));		/* no waiting for "100 Continue" */
}

static void
set_request(struct acme_http_call *call, const struct acme_http_request *request)
{
	curl_easy_setopt(call->easy, CURLOPT_URL, request->url);
	curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(call->easy, CURLOPT_USERAGENT, "certns/" PACKAGE_VERSION);	/* RFC 8555, section 6.1 */
	curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
	if (request->method == ACME_HTTP_POST) {	/* a JWS names its URL, so a redirect could only fail */
		curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)request->n);
		curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, request->body);
	} else
		curl_easy_setopt(call->easy, CURLOPT_FOLLOWLOCATION, 1L);
	if (request->method == ACME_HTTP_HEAD)
		curl_easy_setopt(call->easy, CURLOPT_NOBODY, 1L);
}

struct acme_http_call *
acme_http_send(struct acme_http *h, const struct acme_http_request *request, acme_http_done *done, void *arg)
{
	struct acme_http_call *call = calloc(1, sizeof *call);

	if (call == NULL || (call->easy = curl_easy_init()) == NULL) {
		free(call);
		return NULL;
	}
	call->http = h;
	call->done = done;
	call->arg = arg;
	call->most = request->most > 0 ? request->most : ACME_HTTP_BODY_MAX;
	LIST_INSERT_HEAD(&h->calls, call, entry);
	if (!add_headers(call, request)) {
		call_free(call);
		return NULL;
	}
	set_request(call, request);
	set_trust(call);
	set_proxy(call);
	set_limits(call, request->timeout_ms);
	/* libcurl only sets its timer here; the transfer begins, and can end, when that fires. */
	if (curl_multi_add_handle(h->multi, call->easy) != CURLM_OK) {
		call_free(call);
		return NULL;
	}
	return call;
}

struct acme_http_call *
acme_http_start(struct acme_http *h, enum acme_http_method method, const char *url, const char *body, size_t n,
    acme_http_done *done, void *arg)
{
	return acme_http_send(h, &(struct acme_http_request){ .method = method, .url = url, .body = body, .n = n,
	    .content_type = "application/jose+json" }, done, arg);
}

void
acme_http_cancel(struct acme_http_call *call)
{
	if (call != NULL)
		call_free(call);
}
