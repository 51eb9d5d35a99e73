/* zones: what a secondary zone needs, and must not have; bounds for the times in its SOA. */
#include "server/config_schema.h"

enum err
config_read_update_key(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base)
{
	struct config_zone *z = base;
	const char *text = config_scalar(r, node, "the name of a key");

	(void)o;
	if (text == NULL)
		return ERR_FORMAT;
	if (dname_from_str(text, &z->update_key) != ERR_OK)
		return config_expected(r, node, "the name of a key");
	z->has_update_key = true;
	return ERR_OK;
}

/* Bounds that zone-defaults has both are looked at there. */
enum err
config_check_intervals(struct config_reader *r, const yaml_node_t *node, const struct config_zone *z)
{
	static const struct { const char *least, *most; } pairs[] = {
		{ "refresh-min-interval", "refresh-max-interval" },
		{ "retry-min-interval", "retry-max-interval" },
		{ "expire-min-interval", "expire-max-interval" },
	};
	const unsigned least[] = { z->refresh_min_s, z->retry_min_s, z->expire_min_s };
	const unsigned most[] = { z->refresh_max_s, z->retry_max_s, z->expire_max_s };

	for (size_t i = 0; i < COUNT(pairs); i++)
		if (least[i] > most[i] && (config_value(r, node, pairs[i].least) != NULL ||
		    config_value(r, node, pairs[i].most) != NULL))
			return config_fault(r, node, ERR_RANGE, "expected %s to be at most %s, found %u and %u seconds",
			    pairs[i].least, pairs[i].most, least[i], most[i]);
	return ERR_OK;
}

/* Of what zone-defaults says for all, what does not concern a zone of this kind is no error. */
enum err
config_check_primaries(struct config_reader *r, const yaml_node_t *node, const struct config_zone *z)
{
	const yaml_node_t *update_key = config_value(r, node, "update-key");
	const yaml_node_t *forward = config_value(r, node, "forward-updates");
	const yaml_node_t *policy = config_value(r, node, "update-policy");

	if (z->file != NULL && z->nprimaries > 0)
		return config_fault(r, config_value(r, node, "primaries"), ERR_FORMAT,
		    "expected either 'file' or 'primaries', found both");
	if (z->catalog_role == CATALOG_INTERPRET && z->nprimaries == 0)
		return config_fault(r, config_value(r, node, "catalog-role"), ERR_FORMAT,
		    "expected 'primaries' with a catalog that is to be interpreted, found none");
	if (z->catalog_role == CATALOG_GENERATE && (z->nprimaries > 0 || z->file != NULL))
		return config_fault(r, config_value(r, node, "catalog-role"), ERR_FORMAT,
		    "expected neither 'primaries' nor 'file' with a catalog that is to be made here");
	if (z->nprimaries == 0 && (update_key != NULL || (forward != NULL && z->forward_updates)))
		return config_fault(r, update_key != NULL ? update_key : forward, ERR_FORMAT,
		    "expected 'primaries' with this, found none");
	if (z->nprimaries > 0 && policy != NULL)
		return config_fault(r, policy, ERR_FORMAT,
		    "expected no 'update-policy' with 'primaries': the primary decides who may update the zone");
	return ERR_OK;
}
