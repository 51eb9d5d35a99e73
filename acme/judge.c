/* Could a certificate ever come of a CSR?  acme/preflight.h's rules, with the authorities and the zones of an
 * engine. */
#include "acme/delegation.h"
#include "acme/host.h"
#include "acme/preflight.h"

struct proof {
	struct acme *acme;
	const struct acme_authority *authority;
	const struct acme_judge_client *client;
};

static enum err
provable(void *ctx, const char *name, struct fault *f)
{
	const struct proof *p = ctx;
	struct acme_challenge_means means = acme_client_means(p->authority->client);

	return acme_delegation_judge(acme_port_outside(p->acme->port), &means,
	    acme_resolve_outside_allowed(p->acme->resolve), name, f);
}

static bool
covered(void *ctx, const char *name)
{
	const struct proof *p = ctx;

	return p->client == NULL || p->client->covered(p->client->ctx, name);
}

enum err
acme_host_judge(struct acme *a, const struct acme_label *label, const struct acme_ranking *choice,
    const struct acme_csr *csr, const struct acme_judge_client *client, struct fault *f)
{
	enum err first = ERR_REFUSED;
	size_t n;
	const uint8_t *der = acme_csr_der(csr, &n);

	if (acme_revoked_key(a->revoked, der, n, f))
		return ERR_REFUSED;
	for (size_t i = 0; i < choice->n; i++) {
		const struct acme_authority_config *config = choice->v[i]->config;
		struct proof proof = { a, choice->v[i], client };
		const char *profile = label->config->profile != NULL ? label->config->profile : config->profile;
		struct acme_csr_rules rules = { acme_ca_known(config->directory, profile), provable, covered, &proof };
		enum err err = acme_csr_judge(csr, &rules, i == 0 ? f : NULL);

		if (err == ERR_OK)
			return err;
		first = i == 0 ? err : first;
	}
	return first;
}
