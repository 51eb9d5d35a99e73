#include "zones/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "base/encoding.h"
#include "wire/rrtype.h"
#include "wire/writer.h"

#define VERSION "2"
#define REFRESH_S 3600
#define RETRY_S 600
#define EXPIRE_S 2147483646u		/* section 4.1 would have it never expire */
#define LABEL_OCTETS 16			/* of the hash in a member's label: 32 digits */

static const uint8_t invalid[] = "\7invalid";

void
catalog_clear(struct catalog *c)
{
	free(c->v);
	*c = (struct catalog){ 0 };
}

static struct catalog_member *
append(struct catalog *c)
{
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 16 : c->cap * 2;
		struct catalog_member *v = realloc(c->v, cap * sizeof *v);

		if (v == NULL)
			return NULL;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n] = (struct catalog_member){ 0 };
	return &c->v[c->n++];
}

static int
compare(const void *a, const void *b)
{
	const struct catalog_member *x = a, *y = b;

	return dname_compare(x->zone.octets, y->zone.octets);
}

const struct catalog_member *
catalog_find(const struct catalog *c, const uint8_t *zone)
{
	struct catalog_member wanted;

	dname_copy(&wanted.zone, zone);
	return c->n == 0 ? NULL : bsearch(&wanted, c->v, c->n, sizeof *c->v, compare);
}

/* --- reading --- */

static bool
is_label(const uint8_t *name, const char *label)
{
	return name[0] == strlen(label) && strncasecmp((const char *)name + 1, label, name[0]) == 0;
}

/* The only record of a type; *found false: there is none.  ERR_FORMAT: there are several. */
static enum err
only_record(const struct zone_node *node, uint16_t type, const uint8_t **rdata, uint16_t *n, bool *found,
    struct fault *f)
{
	char owner[DNAME_TEXT_MAX], text[RRTYPE_TEXT_MAX];
	const uint8_t *at = NULL;
	struct zone_rrset set;

	*found = zone_node_rrset(node, type, &set);
	if (*found && set.count > 1)
		return fault_set(f, ERR_FORMAT, "%s has %u %s records, and not one", dname_print(zone_node_owner(node),
		    owner), set.count, rrtype_print(type, text));
	if (*found)
		zone_rrset_next(&set, &at, rdata, n);
	return ERR_OK;
}

static enum err
read_version(const struct zone_version *v, struct fault *f)
{
	static const uint8_t label[] = "\7version", wanted[] = { 1, VERSION[0] };
	const struct zone_node *node;
	const uint8_t *rdata = NULL;
	struct dname name;
	bool found = false;
	uint16_t n = 0;
	enum err err = ERR_OK;

	node = dname_join(&name, label, 1, zone_version_apex_name(v)) ? zone_version_find(v, name.octets) : NULL;
	if (node != NULL)
		err = only_record(node, TYPE_TXT, &rdata, &n, &found, f);
	if (err != ERR_OK)
		return err;
	return found && n == sizeof wanted && memcmp(rdata, wanted, n) == 0 ? ERR_OK :
	    fault_set(f, ERR_FORMAT, "it is not of the version " VERSION);
}

static enum err
read_member(const struct zone_node *node, struct catalog *c, struct fault *f)
{
	struct catalog_member *m;
	const uint8_t *zone = NULL;
	bool found;
	uint16_t n;
	enum err err = only_record(node, TYPE_PTR, &zone, &n, &found, f);

	if (err != ERR_OK || !found)
		return err;
	if ((m = append(c)) == NULL)
		return ERR_NOMEM;
	dname_copy(&m->zone, zone);
	dname_copy(&m->node, zone_node_owner(node));
	return ERR_OK;
}

/* A property of the member above it; in canonical order that has come just before. */
static enum err
read_property(const struct zone_node *node, struct catalog *c, struct fault *f)
{
	const uint8_t *name = zone_node_owner(node), *rdata = NULL;
	struct catalog_member *m = c->n == 0 ? NULL : &c->v[c->n - 1];
	bool found = false;
	uint16_t n = 0;
	enum err err = ERR_OK;

	if (m == NULL || !dname_equal(dname_parent(name), m->node.octets))
		return ERR_OK;
	if (is_label(name, "coo") && (err = only_record(node, TYPE_PTR, &rdata, &n, &found, f)) == ERR_OK && found) {
		dname_copy(&m->coo, rdata);
		m->has_coo = true;
	} else if (is_label(name, "group")) {
		const uint8_t *at = NULL;
		struct zone_rrset set;

		if (zone_node_rrset(node, TYPE_TXT, &set) && zone_rrset_next(&set, &at, &rdata, &n))
			snprintf(m->group, sizeof m->group, "%.*s", rdata[0], (const char *)rdata + 1);
	}
	return err;
}

/* Each zone once: section 5.1. */
static enum err
check_twice(const struct catalog *c, struct fault *f)
{
	char zone[DNAME_TEXT_MAX];

	for (size_t i = 1; i < c->n; i++)
		if (dname_equal(c->v[i - 1].zone.octets, c->v[i].zone.octets))
			return fault_set(f, ERR_FORMAT, "%s is in it twice", dname_print_host(c->v[i].zone.octets,
			    zone));
	return ERR_OK;
}

enum err
catalog_read(const struct zone_version *v, struct catalog *out, struct fault *f)
{
	unsigned labels = dname_labels(zone_version_apex_name(v));
	const struct zone_node *node;
	struct zone_walk walk;
	enum err err = read_version(v, f);

	*out = (struct catalog){ 0 };
	zone_walk_start(&walk, v);
	while (err == ERR_OK && (node = zone_walk_next(&walk)) != NULL) {
		const uint8_t *name = zone_node_owner(node);
		unsigned n = dname_labels(name);

		if (n == labels + 2 && is_label(dname_skip(name, 1), "zones"))
			err = read_member(node, out, f);
		else if (n == labels + 3 && is_label(dname_skip(name, 2), "zones"))
			err = read_property(node, out, f);
	}
	if (err == ERR_OK && out->n > 1)
		qsort(out->v, out->n, sizeof *out->v, compare);
	if (err == ERR_OK)
		err = check_twice(out, f);
	if (err != ERR_OK)
		catalog_clear(out);
	return err;
}

/* --- making --- */

enum err
catalog_add(struct catalog *c, const uint8_t *catalog, const uint8_t *zone, const char *group)
{
	uint8_t lower[DNAME_MAX], digest[32], prefix[1 + 2 * LABEL_OCTETS + 7] = { 2 * LABEL_OCTETS };
	struct catalog_member *m = append(c);
	struct buf hex = { 0 };
	enum err err = ERR_OK;

	if (m == NULL)
		return ERR_NOMEM;
	dname_lower(lower, zone);
	if (EVP_Digest(lower, dname_len(lower), digest, NULL, EVP_sha256(), NULL) != 1)
		err = ERR_CRYPTO;
	hex_encode(digest, LABEL_OCTETS, &hex);
	if (hex.failed) {
		err = ERR_NOMEM;
	} else {
		memcpy(prefix + 1, hex.p, 2 * LABEL_OCTETS);
		memcpy(prefix + 1 + 2 * LABEL_OCTETS, "\5zones", 7);
	}
	buf_clear(&hex);
	dname_copy(&m->zone, zone);
	if (err == ERR_OK && !dname_join(&m->node, prefix, 2, catalog))
		err = ERR_RANGE;
	snprintf(m->group, sizeof m->group, "%s", group);
	if (err != ERR_OK)
		c->n--;
	return err;
}

static enum err
add_below(struct rr_list *out, const char *label, const uint8_t *above, uint16_t type, const void *rdata, size_t n)
{
	uint8_t prefix[64];
	struct dname owner;

	snprintf((char *)prefix, sizeof prefix, "%c%s", (int)strlen(label), label);
	if (!dname_join(&owner, prefix, 1, above))
		return ERR_RANGE;
	return rr_list_add(out, &(struct rr){ owner.octets, rdata, 0, type, (uint16_t)n });
}

static enum err
write_head(const uint8_t *catalog, uint32_t serial, struct rr_list *out)
{
	static const uint8_t version[] = { 1, VERSION[0] };
	uint8_t rdata[64];
	struct wr w;
	enum err err;

	wr_init(&w, rdata, sizeof rdata);
	wr_dname_plain(&w, invalid);
	wr_dname_plain(&w, invalid);
	wr_u32(&w, serial);
	wr_u32(&w, REFRESH_S);
	wr_u32(&w, RETRY_S);
	wr_u32(&w, EXPIRE_S);
	wr_u32(&w, 0);
	if ((err = rr_list_add(out, &(struct rr){ catalog, rdata, 0, TYPE_SOA, (uint16_t)wr_len(&w) })) == ERR_OK &&
	    (err = rr_list_add(out, &(struct rr){ catalog, invalid, 0, TYPE_NS, sizeof invalid })) == ERR_OK)
		err = add_below(out, "version", catalog, TYPE_TXT, version, sizeof version);
	return err;
}

enum err
catalog_write(const struct catalog *c, const uint8_t *catalog, uint32_t serial, struct rr_list *out)
{
	enum err err = write_head(catalog, serial, out);

	for (size_t i = 0; err == ERR_OK && i < c->n; i++) {
		const struct catalog_member *m = &c->v[i];
		uint8_t text[256];

		err = rr_list_add(out, &(struct rr){ m->node.octets, m->zone.octets, 0, TYPE_PTR,
		    (uint16_t)dname_len(m->zone.octets) });
		text[0] = (uint8_t)strlen(m->group);
		memcpy(text + 1, m->group, text[0]);
		if (err == ERR_OK && text[0] > 0)
			err = add_below(out, "group", m->node.octets, TYPE_TXT, text, 1u + text[0]);
	}
	rr_list_sort(out);
	return err;
}
