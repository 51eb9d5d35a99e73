#include "tools/fetch_dns.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "acme/tlsa.h"
#include "base/clock.h"
#include "tsig/tsig.h"
#include "wire/message.h"

#define TSIG_ROOM 1024
#define UDP_SIZE 1232			/* in the OPT record, which is there for the EDE in answers (RFC 8914) */

const char *
fetch_server_print(const struct fetch_server *s, char text[FETCH_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN + 20], port[8];

	if (getnameinfo((const struct sockaddr *)&s->address, s->len, host, sizeof host, port, sizeof port,
	    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return "?";
	snprintf(text, FETCH_ADDRESS_TEXT, strcmp(port, "53") == 0 ? "%s" : "%s@%s", host, port);
	return text;
}

enum fetch_status
fetch_servers_add(struct fetch_servers *servers, const char *text, unsigned port, struct fault *f)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
	const char *at = strrchr(text, '@');
	char host[DNAME_TEXT_MAX], service[8];
	int rc;

	snprintf(host, sizeof host, "%.*s", at != NULL ? (int)(at - text) : (int)strlen(text), text);
	snprintf(service, sizeof service, "%u", at != NULL ? (unsigned)strtoul(at + 1, NULL, 10) : port);
	if ((rc = getaddrinfo(host, service, &hints, &found)) != 0)
		return fault_set(f, ERR_NETWORK, "%s: %s", host, gai_strerror(rc)), FETCH_NETWORK;
	for (const struct addrinfo *a = found; a != NULL && servers->n < FETCH_SERVERS_MAX; a = a->ai_next) {
		struct fetch_server *s = &servers->v[servers->n++];

		memset(s, 0, sizeof *s);
		memcpy(&s->address, a->ai_addr, a->ai_addrlen);
		s->len = a->ai_addrlen;
	}
	freeaddrinfo(found);
	return FETCH_FINE;
}

/* Is this the answer to that question, and of a kind that says something about it? */
static enum fetch_status
check_answer(const struct fetch_server *s, const uint8_t *qname, uint16_t qtype, const struct buf *answer,
    struct fault *f)
{
	struct rd r = rd_over(answer->p, answer->len);
	char address[FETCH_ADDRESS_TEXT], name[DNAME_TEXT_MAX];
	struct msg_header header;
	struct question question;
	unsigned rcode;

	msg_header_read(&r, &header);
	rcode = header.flags & 15;
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
		return fault_set(f, ERR_PEER, "%s answers %s to a question for %s%s", fetch_server_print(s, address),
		    rcode_str(rcode), dname_print_host(qname, name),
		    rcode == RCODE_REFUSED ? " (the zone is not there)" : ""), FETCH_NETWORK;
	if (header.qdcount != 1 || !question_read(&r, &question) || question.qtype != qtype ||
	    !dname_equal(question.qname.octets, qname))
		return fault_set(f, ERR_PEER, "%s answers another question", fetch_server_print(s, address)),
		    FETCH_NETWORK;
	return FETCH_FINE;
}

/* The servers one after the other until one answers (the question, if it is one); that one comes to the front. */
static enum fetch_status
exchange_any(struct fetch_servers *servers, const uint8_t *request, size_t n, const uint8_t *qname, uint16_t qtype,
    struct buf *answer, struct fault *f)
{
	enum fetch_status status = FETCH_NETWORK;
	struct fault words;

	fault_set(f, ERR_NETWORK, "no server is known");
	for (size_t i = 0; i < servers->n; i++) {
		answer->len = 0;
		status = fetch_exchange(&servers->v[i], request, n, answer, i == 0 ? f : &words);
		if (status == FETCH_FINE && qname != NULL)
			status = check_answer(&servers->v[i], qname, qtype, answer, i == 0 ? f : &words);
		if (status != FETCH_NETWORK) {
			struct fetch_server good = servers->v[i];

			memmove(servers->v + 1, servers->v, i * sizeof *servers->v);
			servers->v[0] = good;
			if (status == FETCH_FINE)
				f->text[0] = '\0';
			else if (i > 0)
				*f = words;
			break;
		}
	}
	return status;
}

/* Octets of a message with a random ID; free() them.  pkt is freed. */
static uint8_t *
finish(ldns_pkt *pkt, size_t *n)
{
	uint8_t *wire = NULL;
	uint16_t id;

	if (pkt == NULL || getrandom(&id, sizeof id, 0) != sizeof id)
		return NULL;
	ldns_pkt_set_id(pkt, id);
	ldns_pkt_set_edns_udp_size(pkt, UDP_SIZE);
	if (ldns_pkt2wire(&wire, pkt, n) != LDNS_STATUS_OK)
		wire = NULL;
	ldns_pkt_free(pkt);
	return wire;
}

static ldns_rdf *
name_rdf(const uint8_t *name)
{
	return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, dname_len(name), name);
}

enum fetch_status
fetch_ask(struct fetch_servers *servers, const uint8_t *qname, uint16_t qtype, struct buf *answer, struct fault *f)
{
	enum fetch_status status;
	size_t n;
	uint8_t *wire = finish(ldns_pkt_query_new(name_rdf(qname), (ldns_rr_type)qtype, LDNS_RR_CLASS_IN, 0), &n);

	if (wire == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory"), FETCH_LOCAL;
	status = exchange_any(servers, wire, n, qname, qtype, answer, f);
	free(wire);
	return status;
}

/* Put a TLSA record behind the changes.  csr NULL: without rdata. */
static bool
add_change(ldns_rr_list *changes, const uint8_t *owner, ldns_rr_class class, uint32_t ttl, const uint8_t *csr, size_t n)
{
	static const uint8_t convention[] = { 3, 255, 0 };	/* a CSR: see acme/tlsa.h */
	ldns_rr *rr = ldns_rr_new();
	ldns_rdf *name = name_rdf(owner), *rdf = NULL;
	bool good = rr != NULL && name != NULL;

	if (!good) {
		ldns_rdf_deep_free(name);
		ldns_rr_free(rr);
		return false;
	}
	ldns_rr_set_owner(rr, name);
	ldns_rr_set_type(rr, LDNS_RR_TYPE_TLSA);
	ldns_rr_set_class(rr, class);
	ldns_rr_set_ttl(rr, ttl);
	for (size_t i = 0; good && csr != NULL && i < sizeof convention + 1; i++) {
		rdf = i < sizeof convention ? ldns_native2rdf_int8(LDNS_RDF_TYPE_INT8, convention[i]) :
		    ldns_rdf_new_frm_data(LDNS_RDF_TYPE_HEX, n, csr);
		good = rdf != NULL && ldns_rr_push_rdf(rr, rdf);
	}
	if (good && ldns_rr_list_push_rr(changes, rr))
		return true;
	ldns_rr_free(rr);
	return false;
}

static uint8_t *
make_update(const uint8_t *zone, const uint8_t *owner, const uint8_t *csr, size_t csr_n, size_t *n)
{
	ldns_rr_list *changes = ldns_rr_list_new();
	uint8_t *wire = NULL;

	/* Delete the RRset (RFC 2136, section 2.5.2), add the CSR. */
	if (changes != NULL && (csr == NULL || (add_change(changes, owner, LDNS_RR_CLASS_ANY, 0, NULL, 0) &&
	    add_change(changes, owner, LDNS_RR_CLASS_IN, ACME_TLSA_TTL, csr, csr_n))))
		wire = finish(ldns_update_pkt_new(name_rdf(zone), LDNS_RR_CLASS_IN, NULL, changes, NULL), n);
	ldns_rr_list_deep_free(changes);
	return wire;
}

/* Sign the n octets, send them, and take the answer's signature off. */
static enum fetch_status
send_signed(struct fetch_servers *servers, const struct tsig_key *key, uint8_t *msg, size_t n, size_t room,
    struct fault *f)
{
	struct tsig_exchange x = { 0 };
	struct buf answer = { 0 };
	char zone[DNAME_TEXT_MAX];
	enum fetch_status status = FETCH_LOCAL;

	if ((n = tsig_sign_request(key, msg, n, room, clock_now_s(), &x)) == 0)
		fault_set(f, ERR_CRYPTO, "the update cannot be signed");
	else if ((status = exchange_any(servers, msg, n, NULL, 0, &answer, f)) == FETCH_FINE) {
		struct fault words = { 0 };
		int64_t now_s = clock_now_s();
		size_t size = answer.len;
		enum err verified = tsig_verify_response(&x, answer.p, &size, true, now_s, &words);

		*f = words;
		status = fetch_judge(&x, verified, answer.p, size, dname_print_host(servers->zone.octets, zone), now_s,
		    f);
	}
	buf_clear(&answer);
	tsig_exchange_clear(&x);
	return status;
}

enum fetch_status
fetch_update(struct fetch_servers *servers, const struct tsig_key *key, const uint8_t *owner, const uint8_t *csr,
    size_t csr_n, struct fault *f)
{
	enum fetch_status status;
	size_t n = 0;
	uint8_t *wire = make_update(servers->zone.octets, owner, csr, csr_n, &n);
	uint8_t *signing = wire == NULL ? NULL : realloc(wire, n + TSIG_ROOM);

	if (signing == NULL) {
		free(wire);
		return fault_set(f, ERR_NOMEM, "out of memory"), FETCH_LOCAL;
	}
	status = send_signed(servers, key, signing, n, n + TSIG_ROOM, f);
	free(signing);
	return status;
}
