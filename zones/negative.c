/* The SOA of a version, as answers without data carry it. */
#include "wire/rrtype.h"
#include "zones/nodeview.h"
#include "zones/versionpriv.h"

/* How much of name has to be written where other stands already: up to where they agree, the root label apart. */
static bool
shorten(struct zone_soa_name *n, const uint8_t *name, const uint8_t *other)
{
	for (const uint8_t *rest = name; *rest != 0; rest += *rest + 1)
		for (const uint8_t *o = other; *o != 0; o += *o + 1)
			if (rest - name < n->own && dname_equal(rest, o)) {
				n->own = (uint8_t)(rest - name);
				n->at = (uint8_t)(o - other);
				return true;
			}
	return false;
}

static size_t
name_size(const struct zone_soa_name *n)
{
	return n->own == n->len ? n->len : n->own + 2u;
}

static void
name_init(struct zone_soa_name *n, const uint8_t *name)
{
	*n = (struct zone_soa_name){ .len = (uint8_t)dname_len(name) };
	n->own = n->len;
}

bool
zone_version_negative(const struct zone_version *v, struct zone_negative *out)
{
	const uint8_t *apex = zone_version_apex_name(v), *at = NULL, *rname;
	struct soa soa;
	uint16_t n;

	if (v->apex == NULL || !node_signed(v->apex, TYPE_SOA, &out->data) ||
	    !zone_rrset_next(&out->data.set, &at, &out->rdata, &n))
		return false;
	soa_read(out->rdata, n, &soa);
	out->serial = soa.serial;
	out->ttl = soa.minimum < out->data.set.ttl ? soa.minimum : out->data.set.ttl;
	name_init(&out->mname, out->rdata);
	rname = out->rdata + out->mname.len;
	name_init(&out->rname, rname);
	shorten(&out->mname, out->rdata, apex);
	shorten(&out->rname, rname, apex);
	out->rname.in_mname = shorten(&out->rname, rname, out->rdata);
	out->size = (uint16_t)(12 + name_size(&out->mname) + name_size(&out->rname) + SOA_NUMBERS);
	return true;
}
