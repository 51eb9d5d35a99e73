/* base/url.c -- see base/url.h. */
#include "base/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* What libcurl has in no name of a host. */
#define NOT_IN_HOST "/:#?!@{}[]\\$'\"^`*<>=;,+&()"

static struct slice
slice(const char *p, const char *end)
{
	return (struct slice){ p, (size_t)(end - p) };
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* RFC 3986, section 3.1; "name@host:path" has none. */
static const char *
find_authority(const char *text, const char *end, struct slice *scheme)
{
	const char *p = text;

	while (p < end && (isalnum((unsigned char)*p) || is_one_of(*p, "+-.")))
		p++;
	if (p == text || end - p < 3 || memcmp(p, "://", 3) != 0)
		return NULL;
	*scheme = slice(text, p);
	return p + 3;
}

/* An empty one is as good as none (section 3.2.3). */
static bool
read_port(const char *p, const char *end, unsigned *port)
{
	bool empty = p == end;

	for (*port = 0; p < end; p++)
		if (*p < '0' || *p > '9' || (*port = *port * 10 + (unsigned)(*p - '0')) > 65535)
			return false;
	return empty || *port != 0;
}

/* Section 3.2.2; a zone may follow the address (RFC 6874). */
static bool
good_ipv6(const char *p, const char *end)
{
	const char *zone = memchr(p, '%', (size_t)(end - p));
	size_t n = (size_t)((zone != NULL ? zone : end) - p);
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (n >= sizeof text)
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

static bool
good_name(const char *p, const char *end)
{
	for (const char *q = p; q < end; q++)
		if ((unsigned char)*q <= ' ' || *q == 0x7f || is_one_of(*q, NOT_IN_HOST))
			return false;
	return p < end;
}

/* "HOST[:PORT]" */
static bool
read_server(struct url *u)
{
	const char *p = u->server.p, *end = p + u->server.n, *colon;
	bool brackets = p < end && *p == '[';
	const char *after = brackets ? memchr(p, ']', u->server.n) : p;

	if (after == NULL)
		return false;
	if ((colon = memchr(after, ':', (size_t)(end - after))) == NULL)
		colon = end;
	u->host = slice(p, colon);
	return (brackets ? after + 1 == colon && good_ipv6(p + 1, after) : good_name(p, colon)) &&
	    (colon == end || read_port(colon + 1, end, &u->port));
}

bool
url_split(const char *text, size_t n, struct url *out)
{
	const char *p, *end, *at, *colon;

	*out = (struct url){ 0 };
	if ((p = find_authority(text, text + n, &out->scheme)) == NULL)
		return false;
	for (end = p; end < text + n && !is_one_of(*end, "/?#"); end++)
		;
	if ((at = memrchr(p, '@', (size_t)(end - p))) != NULL) {
		colon = memchr(p, ':', (size_t)(at - p));
		out->user = slice(p, colon != NULL ? colon : at);
		if (colon != NULL)
			out->password = slice(colon + 1, at);
		p = at + 1;
	}
	out->server = slice(p, end);
	return read_server(out);
}

bool
url_has_scheme(const struct url *u, const char *scheme)
{
	return u->scheme.n == strlen(scheme) && strncasecmp(u->scheme.p, scheme, u->scheme.n) == 0;
}

bool
url_same_server(const struct url *a, const struct url *b, unsigned port_default)
{
	return (a->port != 0 ? a->port : port_default) == (b->port != 0 ? b->port : port_default) &&
	    a->host.n == b->host.n && strncasecmp(a->host.p, b->host.p, a->host.n) == 0;
}

bool
url_host_within(const struct url *u, const char *name)
{
	size_t n = u->host.n, want = strlen(name);

	if (n > 0 && u->host.p[n - 1] == '.')
		n--;
	return n >= want && strncasecmp(u->host.p + n - want, name, want) == 0 &&
	    (n == want || u->host.p[n - want - 1] == '.');
}
