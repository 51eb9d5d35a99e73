/* tools/fetch_dns.h -- DNS for certns-fetch: which server, one question over TCP, one signed UPDATE.  Messages are made
 * and sent with ldns; what comes back is read through wire/, and signatures are tsig/'s. */
#ifndef TOOLS_FETCH_DNS_H
#define TOOLS_FETCH_DNS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "tools/fetch.h"
#include "tsig/key.h"

#define FETCH_EXCHANGE_MS 10000		/* for one server, from the first try to the answer */
#define FETCH_SERVERS_MAX 16
#define FETCH_ADDRESS_TEXT 80		/* "2001:db8::1@53" */

/* Where a zone is changed: its apex, and the addresses to try, the best one first. */
struct fetch_servers {
	struct dname zone;
	struct fetch_server {
		struct sockaddr_storage address;
		socklen_t len;
	} v[FETCH_SERVERS_MAX];
	size_t n;
};
const char *fetch_server_print(const struct fetch_server *s, char text[FETCH_ADDRESS_TEXT]);

/* "ADDRESS", "NAME", either with "@PORT": its addresses, behind those that are there. */
enum fetch_status fetch_servers_add(struct fetch_servers *servers, const char *text, unsigned port, struct fault *f);

/* The zone that owner is in and its servers: that of the settings; else the SOA's mname and then the NS, by the
 * resolver (fetch_find.c). */
enum fetch_status fetch_find(const struct fetch_settings *s, const uint8_t *owner, struct fetch_servers *out,
    struct fault *f);

/* Ask the servers one after the other until one answers, which comes to the front.  answer has the whole message, of
 * rcode NOERROR or NXDOMAIN, for this question; it is appended to an empty buf. */
enum fetch_status fetch_ask(struct fetch_servers *servers, const uint8_t *qname, uint16_t qtype, struct buf *answer,
    struct fault *f);

/* Send one UPDATE that replaces all TLSA records at owner by csr (DER); csr NULL: an UPDATE that changes nothing,
 * which shows whether we might.  Words on failure say what to do. */
enum fetch_status fetch_update(struct fetch_servers *servers, const struct tsig_key *key, const uint8_t *owner,
    const uint8_t *csr, size_t n, struct fault *f);

/* Send n octets over TCP, take the answer (appended to an empty buf) and check that it has the same ID and opcode
 * (fetch_tcp.c). */
enum fetch_status fetch_exchange(const struct fetch_server *s, const uint8_t *request, size_t n, struct buf *answer,
    struct fault *f);

/* An answer to our UPDATE in words (fetch_words.c): verified says what tsig_verify_response() found, in words of f. */
struct tsig_exchange;
enum fetch_status fetch_judge(const struct tsig_exchange *x, enum err verified, const uint8_t *msg, size_t n,
    const char *zone, int64_t now_s, struct fault *f);

#endif
