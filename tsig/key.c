#include "tsig/key.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/encoding.h"
#include "tsig/mac.h"

static const struct {
	const char *name, *short_name;
	const char *dname;
	uint8_t dnskey;
	size_t mac_size;
} algorithms[] = {
	[TSIG_HMAC_MD5] = { "hmac-md5", "MD5", "\10hmac-md5\7sig-alg\3reg\3int", 157, 16 },
	[TSIG_HMAC_SHA1] = { "hmac-sha1", "SHA1", "\11hmac-sha1", 161, 20 },
	[TSIG_HMAC_SHA224] = { "hmac-sha224", "SHA224", "\13hmac-sha224", 162, 28 },
	[TSIG_HMAC_SHA256] = { "hmac-sha256", "SHA256", "\13hmac-sha256", 163, 32 },
	[TSIG_HMAC_SHA384] = { "hmac-sha384", "SHA384", "\13hmac-sha384", 164, 48 },
	[TSIG_HMAC_SHA512] = { "hmac-sha512", "SHA512", "\13hmac-sha512", 165, 64 }
};

#define NALGORITHMS (sizeof algorithms / sizeof algorithms[0])

bool
tsig_algorithm_parse(const char *text, enum tsig_algorithm *out)
{
	for (size_t i = 0; i < NALGORITHMS; i++) {
		if (strcasecmp(text, algorithms[i].name) == 0 || strcasecmp(text, algorithms[i].short_name) == 0) {
			*out = (enum tsig_algorithm)i;
			return true;
		}
	}
	return false;
}

const char *
tsig_algorithm_str(enum tsig_algorithm a)
{
	return algorithms[a].name;
}

const uint8_t *
tsig_algorithm_dname(enum tsig_algorithm a)
{
	return (const uint8_t *)algorithms[a].dname;
}

bool
tsig_algorithm_from_dnskey(uint8_t number, enum tsig_algorithm *out)
{
	for (size_t i = 0; i < NALGORITHMS; i++) {
		if (number == algorithms[i].dnskey) {
			*out = (enum tsig_algorithm)i;
			return true;
		}
	}
	return false;
}

uint8_t
tsig_algorithm_to_dnskey(enum tsig_algorithm a)
{
	return algorithms[a].dnskey;
}

size_t
tsig_algorithm_mac_size(enum tsig_algorithm a)
{
	return algorithms[a].mac_size;
}

size_t
tsig_algorithm_mac_floor(enum tsig_algorithm a)
{
	size_t half = algorithms[a].mac_size / 2;

	return half > 10 ? half : 10;
}

static bool
label_is(const uint8_t *label, const char *text)
{
	return *label == strlen(text) && strncasecmp((const char *)label + 1, text, *label) == 0;
}

static enum tsig_right
operation_of(const uint8_t *label)
{
	if (label_is(label, "_update"))
		return TSIG_RIGHT_UPDATE;
	if (label_is(label, "_transfer"))
		return TSIG_RIGHT_TRANSFER;
	return label_is(label, "_notify") ? TSIG_RIGHT_NOTIFY : TSIG_RIGHT_NONE;
}

static enum tsig_role
role_of(const uint8_t *label)
{
	if (label_is(label, "_csr"))
		return TSIG_ROLE_CSR;
	return label_is(label, "_acme") ? TSIG_ROLE_ACME : TSIG_ROLE_NONE;
}

/* A decimal number of up to three digits, 0 to 255, without leading zeros. */
static bool
octet_of(const uint8_t *label, uint8_t *out)
{
	unsigned v = 0;

	if (*label < 1 || *label > 3 || (*label > 1 && label[1] == '0'))
		return false;
	for (uint8_t i = 1; i <= *label; i++) {
		if (label[i] < '0' || label[i] > '9')
			return false;
		v = v * 10 + (unsigned)(label[i] - '0');
	}
	*out = (uint8_t)v;
	return v <= 255;
}

/* Four labels of name, from the first-th on, as an IPv4 address. */
static bool
address_of(const uint8_t *name, unsigned first, uint8_t out[4])
{
	const uint8_t *label = dname_skip(name, first);
	uint8_t octets[4];

	for (int i = 0; i < 4; i++, label = dname_parent(label))
		if (!octet_of(label, &octets[i]))
			return false;
	memcpy(out, octets, sizeof octets);
	return true;
}

/* at: how many labels stand before "_transfer". */
static void
read_addresses(struct tsig_key *key, unsigned at)
{
	const uint8_t *name = key->name.octets;

	if (at < 4)
		return;
	if (at >= 8 && address_of(name, at - 8, key->primary))
		key->has_primary = key->has_secondary = address_of(name, at - 4, key->secondary);
	if (!key->has_primary)
		key->has_primary = address_of(name, at - 4, key->primary);
}

static void
read_name(struct tsig_key *key)
{
	for (unsigned at = dname_labels(key->name.octets); at-- > 0; ) {
		const uint8_t *label = dname_skip(key->name.octets, at);

		key->right = operation_of(label);
		key->role = role_of(label);
		if (key->right == TSIG_RIGHT_NONE && key->role == TSIG_ROLE_NONE)
			continue;
		dname_copy(&key->zone, dname_parent(label));
		if (key->right == TSIG_RIGHT_TRANSFER)
			read_addresses(key, at);
		return;
	}
}

enum err
tsig_key_new(const uint8_t *name, enum tsig_algorithm algorithm, const uint8_t *secret, size_t n,
    struct tsig_key **out)
{
	struct tsig_key *key;
	enum err err;

	if (n == 0)
		return ERR_RANGE;
	if ((key = calloc(1, sizeof *key)) == NULL || (key->secret = malloc(n)) == NULL) {
		free(key);
		return ERR_NOMEM;
	}
	memcpy(key->secret, secret, n);
	key->secret_len = n;
	key->algorithm = algorithm;
	key->mac_min = tsig_algorithm_mac_floor(algorithm);
	dname_copy(&key->name, name);
	read_name(key);
	if ((err = tsig_mac_prepare(key)) != ERR_OK) {
		tsig_key_free(key);
		return err;
	}
	*out = key;
	return ERR_OK;
}

/* The length of the part of text before the last ':' within its first n characters; n: there is none. */
static size_t
before_last_colon(const char *text, size_t n)
{
	const char *colon = memrchr(text, ':', n);

	return colon == NULL ? n : (size_t)(colon - text);
}

enum err
tsig_key_parse(const char *text, struct tsig_key **out, struct fault *f)
{
	/* From the right: names may hold colons, algorithms and base64 do not. */
	size_t n = strlen(text), algorithm_end = before_last_colon(text, n);
	size_t name_end = before_last_colon(text, algorithm_end);
	char algorithm_text[32];
	enum tsig_algorithm algorithm;
	struct buf secret = { 0 };
	struct dname name;
	enum err err;

	if (algorithm_end == n || name_end == algorithm_end)
		return fault_set(f, ERR_FORMAT, "a key is written NAME:ALGORITHM:BASE64");
	if ((err = dname_parse(text, name_end, NULL, &name)) != ERR_OK)
		return fault_set(f, err, "%.*s: not a domain name", (int)name_end, text);
	size_t length = algorithm_end - name_end - 1;
	if (length < sizeof algorithm_text)
		memcpy(algorithm_text, text + name_end + 1, length);
	algorithm_text[length < sizeof algorithm_text ? length : 0] = '\0';
	if (!tsig_algorithm_parse(algorithm_text, &algorithm))
		return fault_set(f, ERR_FORMAT, "%.*s: unknown algorithm: expected SHA256, SHA512, "
		    "SHA384, SHA224, SHA1 or MD5", (int)name_end, text);
	if (!base64_decode(text + algorithm_end + 1, n - algorithm_end - 1, &secret))
		err = fault_set(f, secret.failed ? ERR_NOMEM : ERR_FORMAT, "%.*s: the secret is not base64",
		    (int)name_end, text);
	else if ((err = tsig_key_new(name.octets, algorithm, secret.p, secret.len, out)) != ERR_OK)
		fault_set(f, err, "%.*s: %s", (int)name_end, text,
		    err == ERR_RANGE ? "the secret is empty" : err_str(err));
	buf_wipe(&secret);
	return err;
}

void
tsig_key_free(struct tsig_key *key)
{
	if (key == NULL)
		return;
	tsig_mac_release(key);
	explicit_bzero(key->secret, key->secret_len);
	free(key->secret);
	free(key);
}

bool
tsig_key_may(const struct tsig_key *key, enum tsig_right right, const uint8_t *zone)
{
	return key->right != TSIG_RIGHT_NONE && key->right >= right && dname_is_below(zone, key->zone.octets);
}
