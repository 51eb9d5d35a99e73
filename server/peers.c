/* server/peers.c -- the other name servers of a zone: who gets NOTIFY, and who might be asked by a CA. */
#include "server/keeper_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/rrtype.h"

/* --- addresses --- */

static uint16_t
port_of(const struct sockaddr *a)
{
	return ntohs(a->sa_family == AF_INET ? ((const struct sockaddr_in *)a)->sin_port :
	    ((const struct sockaddr_in6 *)a)->sin6_port);
}

static bool
is_wildcard(const struct sockaddr *a)
{
	static const uint8_t zero[16];

	return a->sa_family == AF_INET ? ((const struct sockaddr_in *)a)->sin_addr.s_addr == INADDR_ANY :
	    memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, zero, 16) == 0;
}

static bool
is_local_interface(const struct sockaddr *a)
{
	struct ifaddrs *list, *i;
	bool found = false;

	if (getifaddrs(&list) != 0)
		return false;
	for (i = list; i != NULL && !found; i = i->ifa_next)
		found = i->ifa_addr != NULL && config_same_host(i->ifa_addr, a);
	freeifaddrs(list);
	return found;
}

bool
peers_is_ours(const struct config *c, const struct sockaddr *a, bool any_port)
{
	for (size_t i = 0; i < c->nlisten; i++) {
		const struct sockaddr *l = (const struct sockaddr *)&c->listen[i].address;

		if (l->sa_family != a->sa_family || (!any_port && port_of(l) != port_of(a)))
			continue;
		if (config_same_host(l, a) || (is_wildcard(l) && is_local_interface(a)))
			return true;
	}
	return false;
}

/* --- the name servers of a zone --- */

/* address NULL: server has none that is known here. */
typedef void each_address(void *arg, const struct config_address *address, const char *server);

static size_t
each_address_of(struct keeper *k, const struct zone *z, const uint8_t *host, each_address *each, void *arg)
{
	static const struct { uint16_t type; int family; } kinds[] = { { TYPE_A, AF_INET }, { TYPE_AAAA, AF_INET6 } };
	struct zone *home = zonetable_find_above(&k->zones, host);
	struct zone_version *v = home != NULL && zone_newest(home) != NULL ? zone_newest(home) : zone_newest(z);
	const struct zone_node *node = zone_version_find(v, host);
	char name[DNAME_TEXT_MAX];
	size_t n = 0;

	if (node == NULL)
		node = zone_version_find(zone_newest(z), host);		/* glue from outside of the zone */
	dname_print_host(host, name);
	for (size_t i = 0; node != NULL && i < 2; i++) {
		struct zone_rrset set;
		const uint8_t *rdata;
		uint16_t len;

		if (!zone_node_rrset(node, kinds[i].type, &set))
			continue;
		for (const uint8_t *at = NULL; zone_rrset_next(&set, &at, &rdata, &len); n++) {
			struct config_address a;

			config_address_make(kinds[i].family, rdata, 53, &a);
			each(arg, &a, name);
		}
	}
	return n;
}

/* Addresses of the apex NS records; the mname is left out when the caller wants secondaries only. */
static void
each_name_server(struct keeper *k, const struct zone *z, bool without_mname, each_address *each, void *arg)
{
	const struct zone_node *apex = zone_version_apex(zone_newest(z));
	struct zone_rrset set;
	const uint8_t *host;
	struct rr soa;
	uint16_t n;

	if (apex == NULL || !zone_node_rrset(apex, TYPE_NS, &set) || !zone_version_soa(zone_newest(z), &soa))
		return;
	for (const uint8_t *at = NULL; zone_rrset_next(&set, &at, &host, &n); ) {
		char name[DNAME_TEXT_MAX];

		if (without_mname && dname_equal(host, soa.rdata))
			continue;
		if (each_address_of(k, z, host, each, arg) == 0)
			each(arg, NULL, dname_print_host(host, name));
	}
}

/* --- NOTIFY --- */

struct targets {
	struct keeper *keeper;
	struct notify_target *v;
	size_t n, cap;
	size_t nconfigured;		/* the first of them */
	bool lacks_key;			/* one that the configuration names is not known */
};

static struct notify_target *
find_target(const struct targets *t, const struct config_address *a)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].len == a->len && memcmp(&t->v[i].address, &a->address, a->len) == 0)
			return &t->v[i];
	return NULL;
}

static struct notify_target *
new_target(struct targets *t, const struct config_address *a)
{
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 8 : t->cap * 2;
		struct notify_target *v = realloc(t->v, cap * sizeof *v);

		if (v == NULL)
			return NULL;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n] = (struct notify_target){ .address = a->address, .len = a->len };
	return &t->v[t->n++];
}

/* What the configuration says of an address holds, whatever else names it. */
static void
add_configured(struct targets *t, const struct config_peer *p)
{
	struct notify_target *target = new_target(t, &p->address);

	if (target == NULL || !p->has_key)
		return;
	if ((target->key = tsig_keyring_find(t->keeper->view->ring, p->key.octets)) == NULL) {
		target->unknown_key = p->key.octets;
		t->lacks_key = true;
	}
}

static void
add_name_server(void *arg, const struct config_address *a, const char *server)
{
	struct targets *t = arg;

	(void)server;
	if (a != NULL && !peers_is_ours(t->keeper->view->config, (const struct sockaddr *)&a->address, true) &&
	    find_target(t, a) == NULL)
		new_target(t, a);
}

/* Transfer keys with addresses in their names: the secondary's is a target, and its NOTIFY is signed with that key. */
static void
add_key_targets(struct targets *t, const struct zone *z)
{
	const struct tsig_keyring *ring = t->keeper->view->ring;

	for (size_t i = 0; i < tsig_keyring_count(ring); i++) {
		const struct tsig_key *key = tsig_keyring_at(ring, i);
		struct notify_target *target;
		struct config_address a;

		if (!key->has_secondary || !tsig_key_may(key, TSIG_RIGHT_TRANSFER, z->apex.octets))
			continue;
		config_address_make(AF_INET, key->secondary, 53, &a);
		if ((target = find_target(t, &a)) == NULL)
			target = new_target(t, &a);
		if (target != NULL && (target >= t->v + t->nconfigured ||
		    (target->key == NULL && target->unknown_key == NULL)))
			target->key = key;
	}
}

static void
find_targets(struct targets *t, const struct zone *z)
{
	const struct config_zone *settings = config_zone_for(t->keeper->view->config, z->apex.octets);

	for (size_t i = 0; i < settings->nnotify; i++)
		add_configured(t, &settings->notify[i]);
	t->nconfigured = t->n;
	each_name_server(t->keeper, z, true, add_name_server, t);
	add_key_targets(t, z);
}

void
peers_notify(struct keeper *k, struct zone *z)
{
	const struct config *c = k->view->config;
	struct sockaddr_storage *source = calloc(c->nsource + 1, sizeof *source);
	struct targets t = { .keeper = k };
	struct rr soa;

	if (source != NULL && zone_version_soa(zone_newest(z), &soa)) {
		find_targets(&t, z);
		for (size_t i = 0; i < c->nsource; i++)
			source[i] = c->source[i].address;
		if (t.n > 0)
			notifier_send(k->notifier, &soa, t.v, t.n, c->nsource == 0 ? NULL : source, c->nsource);
		z->untold |= t.lacks_key;		/* it is told when the keys are others */
	}
	listeners_notify(k, z);
	free(t.v);
	free(source);
}

void
peers_secondaries(struct keeper *k, const struct zone *z,
    void (*each)(void *arg, const struct notify_target *target, const struct sockaddr *source), void *arg)
{
	const struct config *c = k->view->config;
	struct targets t = { .keeper = k };

	find_targets(&t, z);
	for (size_t i = 0; i < t.n; i++) {
		const struct config_address *from = config_source_for(c, t.v[i].address.ss_family);

		each(arg, &t.v[i], from == NULL ? NULL : (const struct sockaddr *)&from->address);
	}
	free(t.v);
}

/* --- servers that a CA may ask --- */

struct server_search {
	struct keeper *keeper;
	const struct zone *zone;
	void (*found)(void *arg, const struct sockaddr *address, const char *server);
	void *arg;
};

/* Could a packet leave for it?  Nothing is sent. */
static bool
has_route(const struct config_address *a)
{
	int fd = socket(a->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = fd >= 0 && (connect(fd, (const struct sockaddr *)&a->address, a->len) == 0 ||
	    (errno != ENETUNREACH && errno != EADDRNOTAVAIL));

	if (fd >= 0)
		close(fd);
	return found;
}

struct sibling_search {
	const char *server;
	bool found;
};

static void
look_for_sibling(void *arg, const struct config_address *a, const char *server)
{
	struct sibling_search *s = arg;

	s->found |= a != NULL && strcmp(server, s->server) == 0 && has_route(a);
}

/* A host without IPv6 cannot look at half of the addresses of the world's name servers: the others speak for them. */
static bool
others_speak_for(const struct server_search *s, const struct config_address *a, const char *server)
{
	struct sibling_search sibling = { server, false };

	if (!has_route(a))
		each_name_server(s->keeper, s->zone, false, look_for_sibling, &sibling);
	return sibling.found;
}

static void
found_server(void *arg, const struct config_address *a, const char *server)
{
	struct server_search *s = arg;
	char address[CONFIG_ADDRESS_TEXT], text[DNAME_TEXT_MAX + CONFIG_ADDRESS_TEXT + 4];

	if (a == NULL) {
		s->found(s->arg, NULL, server);
		return;
	}
	if (peers_is_ours(s->keeper->view->config, (const struct sockaddr *)&a->address, true) ||
	    others_speak_for(s, a, server))
		return;
	config_address_print((const struct sockaddr *)&a->address, address);
	address[strcspn(address, "@")] = '\0';		/* the port is that of DNS */
	snprintf(text, sizeof text, "%s (%s)", server, address);
	s->found(s->arg, (const struct sockaddr *)&a->address, text);
}

void
peers_servers(struct keeper *k, const uint8_t *zone,
    void (*found)(void *arg, const struct sockaddr *address, const char *server), void *arg)
{
	const struct config_zone *settings = config_zone_for(k->view->config, zone);
	const struct zone *z = zonetable_find(&k->zones, zone);
	char text[CONFIG_ADDRESS_TEXT];

	if (z == NULL || zone_newest(z) == NULL)
		return;
	if (settings->ncheck_servers == 0) {
		each_name_server(k, z, false, found_server, &(struct server_search){ k, z, found, arg });
		return;
	}
	for (size_t i = 0; i < settings->ncheck_servers; i++) {
		const struct sockaddr *a = (const struct sockaddr *)&settings->check_servers[i].address;

		if (!peers_is_ours(k->view->config, a, false))
			found(arg, a, config_address_print(a, text));
	}
}
