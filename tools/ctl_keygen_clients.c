/* What the clients of a key want to have written where.  SERVER and ADDRESS stand for what only the reader knows. */
#include "tools/ctl_keygen.h"

#include <ctype.h>

/* What nsupdate -k, dig -k, BIND and certns-notify read. */
static void
print_statement(FILE *to, const struct keygen_texts *t)
{
	fprintf(to, "key \"%s\" {\n\talgorithm %s;\n\tsecret \"%s\";\n};\n", t->name, t->algorithm, t->secret);
}

static void
print_argument(FILE *to, const char *programs, const struct keygen_texts *t)
{
	fprintf(to, "\n# for %s:\n-y %s:%s:%s\n", programs, t->algorithm, t->name, t->secret);
}

/* In capitals, one character left out. */
static void
print_upper(FILE *to, const char *text, const char *without)
{
	for (; *text != '\0'; text++)
		if (*text != *without)
			putc(toupper((unsigned char)*text), to);
}

/* --- other ACME clients --- */

static void
print_lego(FILE *to, const struct tsig_key *key, const struct keygen_texts *t)
{
	char algorithm[DNAME_TEXT_MAX];

	fprintf(to, "\n# for lego, in its environment:\nRFC2136_NAMESERVER=SERVER:53\nRFC2136_TSIG_ALGORITHM=%s\n"
	    "RFC2136_TSIG_KEY=%s\nRFC2136_TSIG_SECRET=%s\n", dname_print(tsig_algorithm_dname(key->algorithm),
	    algorithm), t->name, t->secret);
	fprintf(to, "# lego --dns rfc2136 --domains %s ... run\n", t->zone);
}

static void
print_certbot(FILE *to, const struct keygen_texts *t)
{
	fprintf(to, "\n# for certbot, a file credentials.ini of mode 600:\ndns_rfc2136_server = ADDRESS\n"
	    "dns_rfc2136_port = 53\ndns_rfc2136_name = %s\ndns_rfc2136_secret = %s\ndns_rfc2136_algorithm = ", t->name,
	    t->secret);
	print_upper(to, t->algorithm, "");
	fprintf(to, "\n# certbot certonly --dns-rfc2136 --dns-rfc2136-credentials credentials.ini -d %s\n", t->zone);
}

static void
print_caddy(FILE *to, const struct keygen_texts *t)
{
	fprintf(to, "\n# for Caddy with the module dns.providers.rfc2136, in the Caddyfile:\n%s {\n\ttls {\n\t\tdns "
	    "rfc2136 {\n\t\t\tkey_name \"%s\"\n\t\t\tkey_alg \"%s\"\n\t\t\tkey \"%s\"\n\t\t\tserver "
	    "\"ADDRESS:53\"\n\t\t}\n\t}\n}\n", t->zone, t->name, t->algorithm, t->secret);
}

/* It knows four algorithms. */
static void
print_cert_manager(FILE *to, const struct tsig_key *key, const struct keygen_texts *t)
{
	if (key->algorithm == TSIG_HMAC_SHA224 || key->algorithm == TSIG_HMAC_SHA384)
		return;
	fprintf(to, "\n# for cert-manager, a secret:\napiVersion: v1\nkind: Secret\nmetadata:\n  name: certns-tsig\n"
	    "stringData:\n  secret: %s\n", t->secret);
	fprintf(to, "# and in the issuer:\nsolvers:\n  - dns01:\n      rfc2136:\n        nameserver: ADDRESS:53\n"
	    "        tsigKeyName: %s\n        tsigAlgorithm: ", t->name);
	print_upper(to, t->algorithm, "-");
	fputs("\n        tsigSecretSecretRef:\n          name: certns-tsig\n          key: secret\n", to);
}

/* --- secondaries --- */

static void
print_secondaries(FILE *to, const struct tsig_key *key, const struct keygen_texts *t)
{
	const char *zone = dname_is_root(key->zone.octets) ? "ZONE" : t->zone;

	fputs("\n# for BIND, in named.conf of the secondary, and for dig -k:\n", to);
	print_statement(to, t);
	fprintf(to, "# zone \"%s\" { type secondary; file \"%s\"; primaries { ADDRESS key \"%s\"; }; };\n", zone, zone,
	    t->name);
	fprintf(to, "\n# for Knot DNS, in knot.conf of the secondary:\nkey:\n  - id: %s\n    algorithm: %s\n    "
	    "secret: %s\nremote:\n  - id: certns\n    address: ADDRESS\n    key: %s\nacl:\n  - id: certns-notify\n    "
	    "address: ADDRESS\n    action: notify\nzone:\n  - domain: %s\n    master: certns\n    acl: certns-notify\n",
	    t->name, t->algorithm, t->secret, t->name, zone);
}

void
ctl_keygen_clients(FILE *to, const struct tsig_key *key, const struct keygen_texts *t)
{
	if (key->role == TSIG_ROLE_ACME) {
		print_lego(to, key, t);
		print_certbot(to, t);
		print_caddy(to, t);
		print_cert_manager(to, key, t);
		fputs("\n# for acme.sh (NSUPDATE_KEY is the name of this file) and nsupdate -k:\n", to);
	} else if (key->role == TSIG_ROLE_CSR) {
		fprintf(to, "\n# for certns-fetch, the file /etc/certns/fetch.yaml on %s:\nkey-file: "
		    "/etc/certns/fetch.key\nhosts:\n  - \"%s\"\n", t->zone, t->zone);
		fputs("\n# for it, the file /etc/certns/fetch.key of mode 600; and for nsupdate -k:\n", to);
	} else if (key->right == TSIG_RIGHT_TRANSFER) {
		print_argument(to, "dig and kdig", t);
		print_secondaries(to, key, t);
		return;
	} else if (key->right == TSIG_RIGHT_NOTIFY) {
		fputs("\n# for certns-notify -k:\n", to);
	} else {
		print_argument(to, "nsupdate, knsupdate, dig and kdig", t);
		fputs("\n# for BIND, and for nsupdate -k and dig -k:\n", to);
	}
	print_statement(to, t);
}
