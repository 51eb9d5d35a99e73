#include "tests/unit/server/served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/text.h"

static const char example[] =
    "$TTL 3600\n"
    "example. 3600 IN SOA ns.example. hostmaster.example. 7 7200 3600 604800 300\n"
    "example. NS ns.example.\n"
    "example. NS ns.outside.test.\n"
    "ns.example. A 192.0.2.1\n"
    "www.example. A 192.0.2.2\n"
    "www.example. TXT \"one\" \"two\"\n"
    "*.wild.example. MX 10 www.example.\n"
    "a.b.c.example. CNAME www.example.\n"
    "sub.example. NS ns.sub.example.\n"
    "ns.sub.example. AAAA 2001:db8::1\n"
    "ns.outside.test. A 192.0.2.3\n"
    "dn.example. DNAME wild.example.\n"
    "loop.example. CNAME loop.dn.example.\n";

static const char open_example[] =
    "$TTL 3600\n"
    "open.example. SOA ns.example. hostmaster.example. 10 7200 3600 604800 300\n"
    "open.example. NS ns.example.\n";

static struct tsig_key *keys[6];
static const char *const key_names[6] = {
	"u._update.example.", "t._transfer.example.", "n._notify.example.", "plain.", "stranger.", "wrong"
};

static void
must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "served: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct tsig_key *
make_key(unsigned i)
{
	uint8_t secret[32];
	struct tsig_key *key;
	struct dname name;

	memset(secret, (int)i + 1, sizeof secret);
	must(dname_from_str(key_names[i < 5 ? i : 0], &name) == ERR_OK, key_names[i]);
	must(tsig_key_new(name.octets, TSIG_HMAC_SHA256, secret, sizeof secret, &key) == ERR_OK, "key");
	return key;
}

const struct tsig_key *
served_key(const char *name)
{
	for (unsigned i = 0; i < 6; i++) {
		if (keys[i] == NULL)
			keys[i] = make_key(i);
		if (strcmp(name, key_names[i]) == 0)
			return keys[i];
	}
	must(false, name);
	return NULL;
}

static struct zone_store *
make_big(void)
{
	struct buf b = { 0 };
	struct zone_store *store;

	buf_add_str(&b, "big.example. 60 IN SOA ns.example. hostmaster.example. 1 7200 3600 604800 300\n"
	    "big.example. 60 IN NS ns.example.\nlarge.big.example. 60 IN TYPE65280 \\# 60000 ");
	for (unsigned i = 0; i < 60000; i++)
		buf_printf(&b, "%02x", i & 255);
	buf_add_str(&b, "\n");
	for (unsigned i = 0; i < BIG_RECORDS; i++)
		buf_printf(&b, "host%u.big.example. 60 IN A 192.0.%u.%u\n", i, i >> 8, i & 255);
	store = zone_from_text("big.example.", buf_str(&b));
	buf_clear(&b);
	return store;
}

static void
add_zone(struct served *s, unsigned i, const char *apex, struct zone_store *store)
{
	struct dname name;

	s->stores[i] = store;
	must(dname_from_str(apex, &name) == ERR_OK && zoneset_add(s->shared.zones, name.octets, store) == ERR_OK, apex);
}

static void
add_change(struct changeset *changes, bool add, const char *owner, const char *type_text, const char *text)
{
	uint8_t rdata[RDATA_MAX];
	struct dname name;
	uint16_t type = 0;
	struct rr rr;
	size_t n = 0;

	must(dname_from_str(owner, &name) == ERR_OK && rrtype_parse(type_text, strlen(type_text), &type) &&
	    rdata_from_text(type, text, NULL, rdata, &n, NULL) == ERR_OK, text);
	rr = (struct rr){ name.octets, rdata, 3600, type, (uint16_t)n };
	must((add ? changeset_add_rr : changeset_remove_rr)(changes, &rr) == ERR_OK, "no memory");
}

struct ixfr *
served_history(void)
{
	struct changeset changes = { 0 };
	struct ixfr_builder *b;
	struct ixfr *x = NULL;

	add_change(&changes, false, "open.example.", "SOA", "ns.example. hostmaster.example. 9 7200 3600 604800 300");
	add_change(&changes, true, "open.example.", "SOA", "ns.example. hostmaster.example. 10 7200 3600 604800 300");
	add_change(&changes, false, "gone.open.example.", "A", "192.0.2.1");
	add_change(&changes, true, "new.open.example.", "MX", "10 mail.open.example.");
	must(ixfr_builder_new(&b) == ERR_OK && ixfr_builder_add(b, &changes) == ERR_OK &&
	    ixfr_builder_finish(b, &x) == ERR_OK, "history");
	ixfr_builder_free(b);
	changeset_clear(&changes);
	return x;
}

void
served_start(struct served *s, const char *listen, unsigned workers)
{
	struct tsig_keyring *ring;
	struct fault f = { 0 };
	char text[1024];

	*s = (struct served){ 0 };
	must(zoneset_new(&s->shared.zones) == ERR_OK && queue_new(8, &s->shared.to_keeper) == ERR_OK, "no memory");
	add_zone(s, 0, "example.", zone_from_text("example.", example));
	add_zone(s, 1, "open.example.", zone_from_text("open.example.", open_example));
	add_zone(s, 2, "big.example.", make_big());
	must(tsig_keyring_new(&ring) == ERR_OK, "no memory");
	for (unsigned i = 0; i < 4; i++)
		must(tsig_keyring_add(ring, make_key(i)) == ERR_OK, "key");
	snprintf(text, sizeof text, "server:\n  listen: %s\n  workers: %u\n  state-directory: /nonexistent\n"
	    "git:\n  - remote: /nonexistent\n"
	    "zones:\n"
	    "  - name: example\n    allow-transfer: [127.0.0.0/8 key plain]\n"
	    "  - name: open.example\n    allow-transfer: [127.0.0.1, \"::1\"]\n"
	    "keys:\n  - name: plain\n    algorithm: hmac-sha256\n    secret: AAAA\n", listen, workers);
	if (config_parse("served", text, strlen(text), &s->config, &f) != ERR_OK)
		must(false, f.text);
	atomic_store(&s->shared.view, view_new(s->config, ring));
}

void
served_stop(struct served *s)
{
	struct job *j;

	while ((j = queue_pop(s->shared.to_keeper)) != NULL)
		job_free(j);
	queue_free(s->shared.to_keeper);
	zoneset_free(s->shared.zones);
	for (unsigned i = 0; i < 3; i++)
		zone_store_free(s->stores[i]);
	view_unref(s->shared.view);
	for (unsigned i = 0; i < 6; i++) {
		tsig_key_free(keys[i]);
		keys[i] = NULL;
	}
}
