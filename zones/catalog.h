/* zones/catalog.h -- catalog zones (RFC 9432): a zone that lists zones.  Reading and making one; who acts on it is the
 * server's. */
#ifndef ZONES_CATALOG_H
#define ZONES_CATALOG_H

#include "zones/version.h"

struct catalog_member {
	struct dname zone;
	struct dname node;	/* <unique>.zones.<catalog>: another one means that the zone's state is to be reset */
	struct dname coo;		/* the catalog that the zone goes over to (section 4.3.1) */
	bool has_coo;
	char group[256];		/* the first one; "": none (section 4.3.2) */
};

struct catalog {			/* zero-initialise */
	struct catalog_member *v;	/* sorted by zone */
	size_t n, cap;
};
void catalog_clear(struct catalog *c);

/* The members of a catalog zone.  ERR_FORMAT with words: it is broken (section 5.1), and nobody may act on it. */
enum err catalog_read(const struct zone_version *v, struct catalog *out, struct fault *f);
const struct catalog_member *catalog_find(const struct catalog *c, const uint8_t *zone);	/* or NULL */

/* Append a member; its node is made from the zone's name, so that it stays the same.  group: "" for none. */
enum err catalog_add(struct catalog *c, const uint8_t *catalog, const uint8_t *zone, const char *group);

/* The whole zone, sorted: SOA with this serial, NS, version, members. */
enum err catalog_write(const struct catalog *c, const uint8_t *catalog, uint32_t serial, struct rr_list *out);

#endif
