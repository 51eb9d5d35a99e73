/* The SOA of a version: read once, when the version is made, so that answers without data need not look for it, nor at its
 * names. */
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

void
zone_version_prepare_negative(struct zone_version *v)
{
	const uint8_t *apex = zone_version_apex_name(v), *at = NULL, *mname, *rname;
	struct zone_rrset set;
	struct soa soa;
	uint16_t n;

	v->soa.set = NULL;
	if (v->apex == NULL || !zone_node_rrset(v->apex, TYPE_SOA, &set) || !zone_rrset_next(&set, &at, &mname, &n))
		return;
	soa_read(mname, n, &soa);
	v->serial = soa.serial;
	v->soa.set = zone_node_set_of(&set);
	v->soa.behind = set.behind;
	v->soa.ttl = soa.minimum < set.ttl ? soa.minimum : set.ttl;
	name_init(&v->soa.mname, mname);
	rname = mname + v->soa.mname.len;
	name_init(&v->soa.rname, rname);
	shorten(&v->soa.mname, mname, apex);
	shorten(&v->soa.rname, rname, apex);
	v->soa.rname.in_mname = shorten(&v->soa.rname, rname, mname);
	v->soa.size = (uint16_t)(12 + name_size(&v->soa.mname) + name_size(&v->soa.rname) + SOA_NUMBERS);
}

bool
zone_version_negative(const struct zone_version *v, struct zone_negative *out)
{
	if (v->soa.set == NULL)
		return false;
	node_view_signed(v->soa.set, v->soa.behind, &out->data);
	out->ttl = v->soa.ttl;
	out->size = v->soa.size;
	out->rdata = out->data.set.records + 2;
	out->mname = v->soa.mname;
	out->rname = v->soa.rname;
	return true;
}
