/* acme/proxy.h -- the proxy between the engine and everything that it reaches by HTTPS. */
#ifndef ACME_PROXY_H
#define ACME_PROXY_H

struct acme_proxy {			/* strings are borrowed for the life of the engine */
	const char *url;		/* as url_split() takes it: http, https, socks5(h); NULL: none */
	const char *credentials;	/* "user:password", for basic, digest and NTLM; NULL: what the URL has */
	const char *ca_certificates;	/* trusted besides: for the proxy's own TLS, and for servers seen through it */
};

#endif
