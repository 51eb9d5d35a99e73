/* Which zone a name is in, and who takes updates for it: the server that we are told, or what the SOA record says
 * (RFC 2136, section 4.3: the primary of its mname, then the name servers). */
#include <ldns/ldns.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fetch_dns.h"
#include "wire/message.h"

#define RESOLVER_TIMEOUT_S 3
#define RESOLVER_TRIES 2

/* The SOA record that an answer for owner has, in its answer or its authority section, of a zone that owner is in. */
static bool
read_soa(const uint8_t *msg, size_t n, const uint8_t *owner, struct dname *zone, struct dname *mname)
{
	struct msg_header h;
	struct msg_rr rr;
	struct rd r;

	(void)msg_records_begin(&r, msg, n, &h);
	for (unsigned i = 0, records = (unsigned)h.ancount + h.nscount; i < records && msg_rr_read(&r, &rr); i++)
		if (rr.type == TYPE_SOA && rr.class == CLASS_IN && dname_is_below(owner, rr.owner.octets)) {
			rd_dname(&rr.rdata, mname);
			*zone = rr.owner;
			return !rr.rdata.bad;
		}
	return false;
}

static enum fetch_status
zone_of_server(struct fetch_servers *servers, const uint8_t *owner, struct fault *f)
{
	char name[DNAME_TEXT_MAX], address[FETCH_ADDRESS_TEXT];
	struct buf answer = { 0 };
	struct dname mname;
	enum fetch_status status = fetch_ask(servers, owner, TYPE_SOA, &answer, f);

	if (status == FETCH_FINE && !read_soa(answer.p, answer.len, owner, &servers->zone, &mname)) {
		fault_set(f, ERR_PEER, "%s has no zone that %s is in", fetch_server_print(&servers->v[0], address),
		    dname_print_host(owner, name));
		status = FETCH_REFUSED;
	}
	buf_clear(&answer);
	return status;
}

/* There are several questions, and somebody may wait for them all. */
static void
be_impatient(ldns_resolver *resolver)
{
	ldns_resolver_set_timeout(resolver, (struct timeval){ .tv_sec = RESOLVER_TIMEOUT_S });
	ldns_resolver_set_retry(resolver, RESOLVER_TRIES);
	ldns_resolver_set_random(resolver, false);
}

static ldns_resolver *
make_resolver(const struct fetch_settings *s, struct fault *f)
{
	struct fetch_servers servers = { .n = 0 };
	ldns_resolver *resolver = NULL;

	if (s->resolver == NULL) {
		if (ldns_resolver_new_frm_file(&resolver, NULL) == LDNS_STATUS_OK) {
			be_impatient(resolver);
			return resolver;
		}
		fault_set(f, ERR_NETWORK, "/etc/resolv.conf cannot be used: name the server with --server");
		return NULL;
	}
	if (fetch_servers_add(&servers, s->resolver, 53, f) != FETCH_FINE)
		return NULL;
	if ((resolver = ldns_resolver_new()) == NULL) {
		fault_set(f, ERR_NOMEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < servers.n; i++) {
		uint16_t port = 53;
		ldns_rdf *address = ldns_sockaddr_storage2rdf(&servers.v[i].address, &port);

		ldns_resolver_set_port(resolver, port);
		if (address != NULL)
			ldns_resolver_push_nameserver(resolver, address);
		ldns_rdf_deep_free(address);
	}
	be_impatient(resolver);
	return resolver;
}

/* One question to the resolver; NULL: no answer. */
static ldns_pkt *
resolve(ldns_resolver *resolver, const uint8_t *name, ldns_rr_type type)
{
	ldns_rdf *rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, dname_len(name), name);
	ldns_pkt *pkt = rdf == NULL ? NULL : ldns_resolver_query(resolver, rdf, type, LDNS_RR_CLASS_IN, LDNS_RD);

	ldns_rdf_deep_free(rdf);
	return pkt;
}

/* Addresses of a server, behind those that are there. */
static void
add_addresses(ldns_resolver *resolver, const uint8_t *name, unsigned port, struct fetch_servers *out)
{
	static const ldns_rr_type types[] = { LDNS_RR_TYPE_AAAA, LDNS_RR_TYPE_A };

	for (size_t t = 0; t < 2; t++) {
		ldns_pkt *pkt = resolve(resolver, name, types[t]);
		ldns_rr_list *answer = pkt == NULL ? NULL : ldns_pkt_answer(pkt);

		for (size_t i = 0; i < ldns_rr_list_rr_count(answer) && out->n < FETCH_SERVERS_MAX; i++) {
			ldns_rr *rr = ldns_rr_list_rr(answer, i);
			struct sockaddr_storage *address;
			size_t size;

			if (ldns_rr_get_type(rr) != types[t] || ldns_rr_rd_count(rr) != 1)
				continue;
			address = ldns_rdf2native_sockaddr_storage(ldns_rr_rdf(rr, 0), (uint16_t)port, &size);
			if (address == NULL)
				continue;
			out->v[out->n].address = *address;
			out->v[out->n++].len = (socklen_t)size;
			LDNS_FREE(address);
		}
		ldns_pkt_free(pkt);
	}
}

static bool
take_name(const ldns_rdf *rdf, struct dname *out)
{
	struct rd r = rd_over(ldns_rdf_data(rdf), ldns_rdf_size(rdf));

	rd_dname(&r, out);
	return !r.bad;
}

/* The SOA record of an answer, which a negative one has in its authority section (RFC 2308, section 3). */
static bool
take_soa(ldns_pkt *pkt, const uint8_t *owner, struct dname *zone, struct dname *mname)
{
	ldns_rr_list *sections[] = { ldns_pkt_answer(pkt), ldns_pkt_authority(pkt) };

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < ldns_rr_list_rr_count(sections[k]); i++) {
			ldns_rr *rr = ldns_rr_list_rr(sections[k], i);

			if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(rr) > 0 &&
			    take_name(ldns_rr_owner(rr), zone) && take_name(ldns_rr_rdf(rr, 0), mname) &&
			    dname_is_below(owner, zone->octets))
				return true;
		}
	return false;
}

/* From owner up, until somebody says which zone it is in: some resolvers leave the SOA out of negative answers. */
static bool
find_zone(ldns_resolver *resolver, const uint8_t *owner, struct dname *zone, struct dname *mname)
{
	for (const uint8_t *at = owner; !dname_is_root(at); at = dname_parent(at)) {
		ldns_pkt *pkt = resolve(resolver, at, LDNS_RR_TYPE_SOA);
		bool found = pkt != NULL && take_soa(pkt, owner, zone, mname);

		ldns_pkt_free(pkt);
		if (found)
			return true;
		if (pkt == NULL)
			return false;			/* no resolver answers: asking on is no use */
	}
	return false;
}

static void
add_ns(ldns_resolver *resolver, unsigned port, struct fetch_servers *out)
{
	ldns_pkt *pkt = resolve(resolver, out->zone.octets, LDNS_RR_TYPE_NS);
	ldns_rr_list *answer = pkt == NULL ? NULL : ldns_pkt_answer(pkt);
	struct dname name;

	for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
		ldns_rr *rr = ldns_rr_list_rr(answer, i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NS && ldns_rr_rd_count(rr) == 1 &&
		    take_name(ldns_rr_rdf(rr, 0), &name))
			add_addresses(resolver, name.octets, port, out);
	}
	ldns_pkt_free(pkt);
}

enum fetch_status
fetch_find(const struct fetch_settings *s, const uint8_t *owner, struct fetch_servers *out, struct fault *f)
{
	ldns_resolver *resolver;
	char name[DNAME_TEXT_MAX];
	struct dname mname;
	enum fetch_status status;

	*out = (struct fetch_servers){ .n = 0 };
	if (s->server != NULL) {
		status = fetch_servers_add(out, s->server, s->port, f);
		return status == FETCH_FINE ? zone_of_server(out, owner, f) : status;
	}
	if ((resolver = make_resolver(s, f)) == NULL)
		return FETCH_NETWORK;
	if (find_zone(resolver, owner, &out->zone, &mname)) {
		add_addresses(resolver, mname.octets, s->port, out);
		add_ns(resolver, s->port, out);
	} else
		fault_set(f, ERR_NETWORK, "no resolver says which zone %s is in: name the server with --server",
		    dname_print_host(owner, name));
	ldns_resolver_deep_free(resolver);
	if (out->n == 0 && f->text[0] == '\0')
		fault_set(f, ERR_NETWORK, "%s, the primary, has no address: name the server with --server",
		    dname_print_host(mname.octets, name));
	return out->n > 0 ? FETCH_FINE : FETCH_NETWORK;
}
