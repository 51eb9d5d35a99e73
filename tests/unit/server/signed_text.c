#include "tests/unit/server/signed_text.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "signing a test zone: %s\n", what);
	exit(EXIT_FAILURE);
}

static ldns_key_list *
make_keys(ldns_rdf *apex, ldns_dnssec_zone *zone)
{
	ldns_key_list *keys = ldns_key_list_new();

	for (int i = 0; i < 2; i++) {
		ldns_key *key = ldns_key_new_frm_algorithm(LDNS_SIGN_ECDSAP256SHA256, 256);
		ldns_rr *rr;

		must(key != NULL, "no key");
		ldns_key_set_pubkey_owner(key, ldns_rdf_clone(apex));
		ldns_key_set_flags(key, i == 0 ? LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY : LDNS_KEY_ZONE_KEY);
		ldns_key_set_inception(key, (uint32_t)time(NULL) - 3600);
		ldns_key_set_expiration(key, (uint32_t)time(NULL) + 86400);
		rr = ldns_key2rr(key);
		ldns_key_set_keytag(key, ldns_calc_keytag(rr));
		ldns_rr_set_ttl(rr, 3600);
		must(ldns_dnssec_zone_add_rr(zone, rr) == LDNS_STATUS_OK, "no DNSKEY");
		ldns_key_list_push_key(keys, key);
	}
	return keys;
}

/* Let the NSEC3 that points to this one point behind it.  Its signature breaks, which no server looks at. */
static void
unchain(ldns_dnssec_zone *zone, ldns_rr *gone)
{
	ldns_rdf *label = ldns_dname_label(ldns_rr_owner(gone), 0);

	for (ldns_rbnode_t *n = ldns_rbtree_first(zone->names); n != LDNS_RBTREE_NULL; n = ldns_rbtree_next(n)) {
		ldns_rr *rr = ((ldns_dnssec_name *)(uintptr_t)n->data)->nsec;
		char *next = rr == NULL ? NULL : ldns_rdf2str(ldns_rr_rdf(rr, 4)), *owner = ldns_rdf2str(label);

		if (rr != NULL && strncasecmp(next, owner, 32) == 0)
			ldns_rdf_deep_free(ldns_rr_set_rdf(rr, ldns_rdf_clone(ldns_rr_rdf(gone, 4)), 4));
		free(next);
		free(owner);
	}
	ldns_rdf_deep_free(label);
}

/* ldns sets the flag, and leaves no unsigned delegation out: RFC 5155, section 6. */
static void
opt_out(ldns_dnssec_zone *zone)
{
	for (ldns_rbnode_t *n = ldns_rbtree_first(zone->names); n != LDNS_RBTREE_NULL; n = ldns_rbtree_next(n)) {
		ldns_dnssec_name *name = (ldns_dnssec_name *)(uintptr_t)n->data;

		if (name == zone->soa || name->nsec == NULL || ldns_dnssec_name_find_rrset(name,
		    LDNS_RR_TYPE_DS) != NULL || ldns_dnssec_name_find_rrset(name, LDNS_RR_TYPE_NS) == NULL)
			continue;
		unchain(zone, name->nsec);
		ldns_rr_free(name->nsec);
		ldns_dnssec_rrs_deep_free(name->nsec_signatures);
		name->nsec = NULL;
		name->nsec_signatures = NULL;
	}
}

char *
signed_text(const char *apex, const char *text, enum signing how, unsigned iterations)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r"), *out;
	ldns_rdf *origin = ldns_dname_new_frm_str(apex);
	ldns_rr_list *made = ldns_rr_list_new();
	ldns_dnssec_zone *zone = NULL;
	ldns_key_list *keys;
	ldns_status status;
	char *result = NULL;
	size_t n = 0;
	uint8_t salt[] = { 0xbe, 0xef };

	must(in != NULL && ldns_dnssec_zone_new_frm_fp(&zone, in, origin, 3600, LDNS_RR_CLASS_IN) == LDNS_STATUS_OK,
	    apex);
	keys = make_keys(origin, zone);
	if (how == SIGN_NSEC)
		status = ldns_dnssec_zone_sign(zone, made, keys, ldns_dnssec_default_replace_signatures, NULL);
	else
		status = ldns_dnssec_zone_sign_nsec3(zone, made, keys, ldns_dnssec_default_replace_signatures, NULL, 1,
		    how == SIGN_OPT_OUT, (uint16_t)iterations, sizeof salt, salt);
	must(status == LDNS_STATUS_OK, ldns_get_errorstr_by_id(status));
	if (how == SIGN_OPT_OUT)
		opt_out(zone);
	must((out = open_memstream(&result, &n)) != NULL, "no memory");
	ldns_dnssec_zone_print(out, zone);
	fclose(out);
	fclose(in);
	ldns_key_list_free(keys);
	ldns_dnssec_zone_deep_free(zone);
	ldns_rr_list_free(made);
	ldns_rdf_deep_free(origin);
	return result;
}
