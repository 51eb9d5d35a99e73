/* A small HTTPS server in a child process plays hostile and plain CAs to acme/http.c. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "acme/http.h"
#include "base/clock.h"
#include "tests/unit/acme/pki.h"

static char trusted[] = "/tmp/certns-http-XXXXXX", stranger[] = "/tmp/certns-http-XXXXXX";
static uint16_t port;
static pid_t server;

/* ---- the server ---- */

static void
respond(SSL *ssl, const char *request)
{
	char head[512], block[8192];
	const char *path = strchr(request, '/');

	memset(block, 'x', sizeof block);
	if (strncmp(path, "/echo", 5) == 0) {		/* the request itself comes back */
		snprintf(head, sizeof head,
		    "HTTP/1.1 200 OK\r\nConnection: close\r\nReplay-Nonce: n1\r\nLocation: /x\r\n"
		    "Retry-After: 7\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", strlen(request));
		SSL_write(ssl, head, (int)strlen(head));
		SSL_write(ssl, request, (int)strlen(request));
	} else if (strncmp(path, "/big", 4) == 0) {	/* without a length that would give it away */
		SSL_write(ssl, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 38);
		for (int i = 0; i < 200 && SSL_write(ssl, block, sizeof block) > 0;)
			i++;
	} else if (strncmp(path, "/long", 5) == 0) {
		snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
		SSL_write(ssl, head, (int)strlen(head));
	} else if (strncmp(path, "/to-http", 8) == 0) {
		snprintf(head, sizeof head, "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\n"
		    "Location: http://127.0.0.1:%u/echo\r\n\r\n", port);
		SSL_write(ssl, head, (int)strlen(head));
	} else if (strncmp(path, "/loop", 5) == 0) {
		snprintf(head, sizeof head,
		    "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: /loop\r\n\r\n");
		SSL_write(ssl, head, (int)strlen(head));
	} else if (strncmp(path, "/moved", 6) == 0) {
		snprintf(head, sizeof head,
		    "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: /echo\r\n\r\n");
		SSL_write(ssl, head, (int)strlen(head));
	} else if (strncmp(path, "/slow", 5) == 0)
		sleep(5);
	else
		SSL_write(ssl, "what?\r\n\r\n", 9);
}

static void
serve(int listener, SSL_CTX *ctx)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char request[4096];
		size_t n = 0;
		int got;

		if (fork() != 0) {
			close(fd);
			continue;
		}
		alarm(60);
		SSL *ssl = SSL_new(ctx);
		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1) {
			while (n < sizeof request - 1 && (got = SSL_read(ssl, request + n,
			    (int)(sizeof request - 1 - n))) > 0) {
				n += (size_t)got;
				request[n] = '\0';
				const char *end = strstr(request, "\r\n\r\n");
				if (end != NULL && (strncmp(request, "POST", 4) != 0 || end[4] != '\0'))
					break;
			}
			respond(ssl, request);
			SSL_shutdown(ssl);
		}
		_exit(0);
	}
}

static void
write_pem(const char *path, const struct buf *der)
{
	struct buf pem = { 0 };
	FILE *f = fopen(path, "w");

	pki_pem(der, &pem);
	fwrite(pem.p, 1, pem.len, f);
	fclose(f);
	buf_clear(&pem);
}

static int
setup(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	struct buf der = { 0 }, foreign = { 0 };
	int64_t now_s = clock_now_s();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const uint8_t *p;

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 10) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		return -1;
	port = ntohs(a.sin_port);
	close(mkstemp(trusted));
	close(mkstemp(stranger));
	pki_certificate(key, "test", "IP:127.0.0.1", key, "test", now_s - 60, now_s + 3600, &der);
	pki_certificate(other, "other", "IP:127.0.0.1", other, "other", now_s - 60, now_s + 3600, &foreign);
	write_pem(trusted, &der);
	write_pem(stranger, &foreign);
	if ((server = fork()) == 0) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

		signal(SIGCHLD, SIG_IGN);
		p = der.p;
		SSL_CTX_use_certificate(ctx, d2i_X509(NULL, &p, (long)der.len));
		SSL_CTX_use_PrivateKey(ctx, key);
		serve(fd, ctx);
	}
	close(fd);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	buf_clear(&der);
	buf_clear(&foreign);
	return server < 0;
}

static int
teardown(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	unlink(trusted);
	unlink(stranger);
	return 0;
}

/* ---- the client ---- */

struct seen {
	struct event_base *base;
	unsigned times;
	enum err err;
	long status;
	int64_t retry_after_s;
	char words[512], nonce[32], body[4096];
};

static void
on_done(void *arg, const struct acme_reply *r)
{
	struct seen *s = arg;

	s->times++;
	s->err = r->err;
	s->status = r->status;
	s->retry_after_s = r->retry_after_s;
	snprintf(s->words, sizeof s->words, "%s", r->words != NULL ? r->words : "");
	snprintf(s->nonce, sizeof s->nonce, "%s", r->nonce != NULL ? r->nonce : "");
	snprintf(s->body, sizeof s->body, "%s", r->body);
	event_base_loopbreak(s->base);
}

/* Only who waits for the end of time has little of it. */
static struct seen
fetch(enum acme_http_method method, const char *url, const char *ca)
{
	unsigned timeout_s = strstr(url, "/slow") != NULL ? 2 : 60;
	struct acme_http_config config = { .ca_certificates = ca, .connect_timeout_s = 60, .timeout_s = timeout_s };
	struct seen seen = { .base = event_base_new() };
	struct acme_http *h = NULL;

	setenv("https_proxy", "http://127.0.0.1:9", 1);		/* the environment does not count */
	assert_int_equal(acme_http_new(&config, seen.base, &h), ERR_OK);
	assert_non_null(acme_http_start(h, method, url, "{\"a\":1}", 7, on_done, &seen));
	check(seen.times == 0, "done comes later");
	event_base_dispatch(seen.base);
	check(seen.times == 1, "done comes once");
	acme_http_free(h);
	event_base_free(seen.base);
	return seen;
}

static const struct { const char *why; enum acme_http_method method; const char *url; bool trust; enum err err;
	long status; const char *words; } fetches[] = {
	{ "a GET",			ACME_HTTP_GET, "https://127.0.0.1:%u/echo", true, ERR_OK, 200, "" },
	{ "a HEAD",			ACME_HTTP_HEAD, "https://127.0.0.1:%u/echo", true, ERR_OK, 200, "" },
	{ "a POST",			ACME_HTTP_POST, "https://127.0.0.1:%u/echo", true, ERR_OK, 200, "" },
	{ "a redirect within https",	ACME_HTTP_GET, "https://127.0.0.1:%u/moved", true, ERR_OK, 200, "" },
	{ "a redirect of a POST",	ACME_HTTP_POST, "https://127.0.0.1:%u/moved", true, ERR_OK, 302, "" },
	{ "a redirect to http",		ACME_HTTP_GET, "https://127.0.0.1:%u/to-http", true, ERR_NETWORK, 0, "http" },
	{ "redirects without end",	ACME_HTTP_GET, "https://127.0.0.1:%u/loop", true, ERR_NETWORK, 0, "redirects" },
	{ "an endless answer",		ACME_HTTP_GET, "https://127.0.0.1:%u/big", true, ERR_PEER, 0,
	    "larger than 1048576" },
	{ "an answer announced too long", ACME_HTTP_GET, "https://127.0.0.1:%u/long", true, ERR_PEER, 0,
	    "larger than 1048576" },
	{ "no answer",			ACME_HTTP_GET, "https://127.0.0.1:%u/slow", true, ERR_TIMEOUT, 0, "timed out" },
	{ "no HTTP",			ACME_HTTP_GET, "https://127.0.0.1:%u/what", true, ERR_NETWORK, 0, "HTTP" },
	{ "a server we do not trust",	ACME_HTTP_GET, "https://127.0.0.1:%u/echo", false, ERR_NETWORK, 0,
	    "certificate" },
	{ "http",			ACME_HTTP_GET, "http://127.0.0.1:%u/echo", true, ERR_NETWORK, 0, "http" },
	{ "a file",			ACME_HTTP_GET, "file:///etc/passwd#%u", true, ERR_NETWORK, 0, "file" },
};

static void
test_fetch(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fetches / sizeof fetches[0]; i++) {
		char url[100];

		snprintf(url, sizeof url, fetches[i].url, port);
		struct seen s = fetch(fetches[i].method, url, fetches[i].trust ? trusted : stranger);
		check(s.err == fetches[i].err, "%s: %s, not %s (%s)", fetches[i].why, err_str(fetches[i].err),
		    err_str(s.err), s.words);
		check(s.status == fetches[i].status, "%s: status %ld, not %ld", fetches[i].why, fetches[i].status,
		    s.status);
		check(strstr(s.words, fetches[i].words) != NULL, "%s: \"%s\" says \"%s\"", fetches[i].why, s.words,
		    fetches[i].words);
	}
}

static void
test_headers(void **state)
{
	char url[100];

	(void)state;
	snprintf(url, sizeof url, "https://127.0.0.1:%u/echo", port);
	struct seen s = fetch(ACME_HTTP_POST, url, trusted);
	assert_string_equal(s.nonce, "n1");
	assert_int_equal(s.retry_after_s, 7);
	check(strstr(s.body, "User-Agent: certns/") != NULL, "who we are is said: %s", s.body);
	check(strstr(s.body, "Accept-Language: en") != NULL, "and the language");
	check(strstr(s.body, "Content-Type: application/jose+json\r\n") != NULL, "and what a POST carries");
	check(strstr(s.body, "{\"a\":1}") != NULL, "which is the body");
}

static void
test_a_proxy_that_is_no_url(void **state)
{
	struct acme_http_config config = { .ca_certificates = trusted, .proxy = { .url = "http://user:secret@[::1/" } };
	struct event_base *base = event_base_new();
	struct acme_http *h = NULL;

	(void)state;
	assert_int_equal(acme_http_new(&config, base, &h), ERR_FORMAT);
	assert_null(h);
	event_base_free(base);
}

static const struct { const char *why, *url, *credentials, *words; } proxies[] = {
	{ "nobody there",			"http://127.0.0.1:9", "user:secret", "127.0.0.1" },
	{ "a URL that libcurl cannot read",	"http://user:sec@ret@127.0.0.1:9", NULL, "proxy" },
	{ "a user with an escape in it",	"http://127.0.0.1:9", "us%zzer@:sec@ret", "127.0.0.1" },
};

static void
test_proxy_secrets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++) {
		struct acme_http_config config = { .ca_certificates = trusted, .connect_timeout_s = 2, .timeout_s = 2,
		    .proxy = { .url = proxies[i].url, .credentials = proxies[i].credentials } };
		struct seen seen = { .base = event_base_new() };
		struct acme_http *h = NULL;
		char url[100];

		snprintf(url, sizeof url, "https://127.0.0.1:%u/echo", port);
		assert_int_equal(acme_http_new(&config, seen.base, &h), ERR_OK);
		assert_non_null(acme_http_start(h, ACME_HTTP_GET, url, NULL, 0, on_done, &seen));
		event_base_dispatch(seen.base);
		check(seen.times == 1 && seen.err == ERR_NETWORK, "%s: %s", proxies[i].why, err_str(seen.err));
		check(strstr(seen.words, "sec") == NULL && strstr(seen.words, proxies[i].words) != NULL, "%s: \"%s\"",
		    proxies[i].why, seen.words);
		acme_http_free(h);
		event_base_free(seen.base);
	}
}

static void
must_not_come(void *arg, const struct acme_reply *r)
{
	(void)arg;
	check(false, "a cancelled call is not answered: %s", r->words);
}

static void
test_cancel(void **state)
{
	struct acme_http_config config = { .ca_certificates = trusted, .connect_timeout_s = 2, .timeout_s = 2 };
	struct event_base *base = event_base_new();
	struct timeval tv = { 0, 100000 };
	struct acme_http *h = NULL;
	char url[100];

	(void)state;
	snprintf(url, sizeof url, "https://127.0.0.1:%u/slow", port);
	assert_int_equal(acme_http_new(&config, base, &h), ERR_OK);
	struct acme_http_call *first = acme_http_start(h, ACME_HTTP_GET, url, NULL, 0, must_not_come, NULL);
	acme_http_start(h, ACME_HTTP_GET, url, NULL, 0, must_not_come, NULL);
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
	acme_http_cancel(first);
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
	acme_http_free(h);		/* with the second still running */
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fetch),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_proxy_secrets),
		cmocka_unit_test(test_a_proxy_that_is_no_url),
		cmocka_unit_test(test_cancel),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
