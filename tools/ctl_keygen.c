/* certnsctl keygen: a TSIG key in the forms of all who may need it.  The secret goes to standard output and nowhere
 * else. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "tools/ctl_keygen.h"

#define SECRET_MAX 64

/* What it may do, in words. */
static void
print_rights(FILE *to, const struct tsig_key *key)
{
	static const char *const words[] = {
		[TSIG_RIGHT_NONE] = "has no rights by its name; allow-transfer and update-policy may give it some",
		[TSIG_RIGHT_NOTIFY] = "may notify", [TSIG_RIGHT_TRANSFER] = "may transfer and notify",
		[TSIG_RIGHT_UPDATE] = "may update, transfer and notify"
	};
	char zone[DNAME_TEXT_MAX], name[DNAME_TEXT_MAX];

	fprintf(to, "# %s ", dname_print_host(key->name.octets, name));
	dname_print_host(key->zone.octets, zone);
	if (key->role == TSIG_ROLE_CSR)
		fprintf(to, "may replace the CSR of %s, for that name and those below it, and nothing else", zone);
	else if (key->role == TSIG_ROLE_ACME)
		fprintf(to, "may change TXT at _acme-challenge of %s and of names below it, and nothing else", zone);
	else
		fputs(words[key->right], to);
	if (key->right != TSIG_RIGHT_NONE && dname_is_root(key->zone.octets))
		fputs(" in every zone", to);
	else if (key->right != TSIG_RIGHT_NONE)
		fprintf(to, " in %s and below", zone);
	fputs("\n", to);
}

/* A name in YAML's single quotes. */
static void
print_quoted(FILE *to, const char *name)
{
	putc('\'', to);
	for (; *name != '\0'; name++)
		fprintf(to, *name == '\'' ? "''" : "%c", *name);
	putc('\'', to);
}

/* For the server that is to know the key. */
static void
print_for_server(FILE *to, const struct tsig_key *key, const struct keygen_texts *t)
{
	char full[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX] = "";
	bool has_zone = key->right != TSIG_RIGHT_NONE || key->role != TSIG_ROLE_NONE;

	if (has_zone && !dname_is_root(key->zone.octets))
		dname_print(key->zone.octets, zone);		/* its final dot is the one before "_keys" */
	fprintf(to, "\n# in the repository, a line of the file %s_keys%s:\n", zone,
	    key->role == TSIG_ROLE_NONE ? "" : ", or of that of a domain above");
	fprintf(to, "%s 3600 IN DNSKEY 0 3 %u %s\n", dname_print(key->name.octets, full),
	    tsig_algorithm_to_dnskey(key->algorithm), t->secret);
	fputs("\n# or in certns.yaml:\nkeys:\n  - name: ", to);
	print_quoted(to, t->name);
	fprintf(to, "\n    algorithm: %s\n    secret: %s\n", t->algorithm, t->secret);
}

static void
print_forms(FILE *to, const struct tsig_key *key, const char *secret)
{
	struct keygen_texts t = { .algorithm = tsig_algorithm_str(key->algorithm), .secret = secret };

	dname_print_host(key->name.octets, t.name);
	dname_print_host(key->zone.octets, t.zone);
	print_rights(to, key);
	print_for_server(to, key, &t);
	ctl_keygen_clients(to, key, &t);
}

static void
print_json(FILE *to, const struct tsig_key *key, const char *secret)
{
	static const char *const rights[] = { [TSIG_RIGHT_NONE] = "", [TSIG_RIGHT_NOTIFY] = "notify",
		[TSIG_RIGHT_TRANSFER] = "transfer", [TSIG_RIGHT_UPDATE] = "update" };
	char name[DNAME_TEXT_MAX];
	const char *algorithm = tsig_algorithm_str(key->algorithm);

	dname_print_host(key->name.octets, name);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "name", name, "algorithm", algorithm, "secret", secret, "may",
	    key->role == TSIG_ROLE_CSR ? "csr" : key->role == TSIG_ROLE_ACME ? "acme" : rights[key->right]);
	if (json == NULL)
		fputs("certnsctl: out of memory\n", stderr);
	else
		json_dumpf(json, to, JSON_INDENT(2));
	putc('\n', to);
	json_decref(json);
}

int
ctl_keygen(FILE *to, const char *name_text, const char *algorithm_text, bool as_json)
{
	enum tsig_algorithm algorithm = TSIG_HMAC_SHA256;
	struct tsig_key *key = NULL;
	struct buf text = { 0 };
	uint8_t secret[SECRET_MAX];
	struct dname name;
	int status = CTL_FAILED;

	if (dname_from_str(name_text, &name) != ERR_OK || dname_is_root(name.octets)) {
		fprintf(stderr, "certnsctl: keygen: expected a domain name, found '%s'\n", name_text);
		return CTL_USAGE;
	}
	if (algorithm_text != NULL && !tsig_algorithm_parse(algorithm_text, &algorithm)) {
		fprintf(stderr, "certnsctl: keygen: expected hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224, "
		    "hmac-sha1 or hmac-md5, found '%s'\n", algorithm_text);
		return CTL_USAGE;
	}
	if (algorithm == TSIG_HMAC_MD5)
		fputs("certnsctl: hmac-md5 is broken and is only there for old clients; better take hmac-sha256\n",
		    stderr);
	size_t n = tsig_algorithm_mac_size(algorithm);	/* RFC 8945, section 8: as long as the MAC */
	random_fill(secret, (unsigned)n);
	buf_reserve(&text, 4 * SECRET_MAX);		/* so that no copy is left behind as it grows */
	base64_encode(secret, n, &text);
	const char *base64 = buf_str(&text);
	if (base64 == NULL || tsig_key_new(name.octets, algorithm, secret, n, &key) != ERR_OK) {
		fputs("certnsctl: out of memory\n", stderr);
	} else {
		if (as_json)
			print_json(to, key, base64);
		else
			print_forms(to, key, base64);
		status = EXIT_SUCCESS;
	}
	explicit_bzero(secret, sizeof secret);
	buf_wipe(&text);
	tsig_key_free(key);
	return status;
}
