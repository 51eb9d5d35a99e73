/* Addresses and access rules: their text, and what they match. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config.h"
#include "server/config_schema.h"

/* A decimal number without sign or blanks. */
static bool
parse_number(const char *text, unsigned long max, unsigned long *out)
{
	unsigned long v = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (unsigned long)(*text - '0');
		if (v > max)
			return false;
	}
	*out = v;
	return true;
}

/* An IPv6 address may name its interface behind a percent sign (RFC 4007, section 11). */
static bool
parse_ipv6(char *text, struct sockaddr_in6 *out)
{
	char *scope = strchr(text, '%');

	if (scope != NULL) {
		*scope++ = '\0';
		unsigned long number;
		out->sin6_scope_id = if_nametoindex(scope);
		if (out->sin6_scope_id == 0 && parse_number(scope, UINT32_MAX, &number))
			out->sin6_scope_id = (uint32_t)number;
		if (out->sin6_scope_id == 0)
			return false;
	}
	return inet_pton(AF_INET6, text, &out->sin6_addr) == 1;
}

static enum err
parse_host(char *text, uint16_t port, struct config_address *out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memcpy(&out->address, &v4, sizeof v4);
		out->len = sizeof v4;
		return ERR_OK;
	}
	if (parse_ipv6(text, &v6)) {
		memcpy(&out->address, &v6, sizeof v6);
		out->len = sizeof v6;
		return ERR_OK;
	}
	return ERR_FORMAT;
}

enum err
config_address_parse(const char *text, uint16_t default_port, struct config_address *out)
{
	char copy[CONFIG_ADDRESS_TEXT];
	unsigned long port = default_port;

	if (strlen(text) >= sizeof copy)
		return ERR_FORMAT;
	strcpy(copy, text);
	char *at = strrchr(copy, '@');
	if (at != NULL) {
		*at++ = '\0';
		if (!parse_number(at, UINT16_MAX, &port) || port == 0)
			return ERR_RANGE;
	}
	return parse_host(copy, (uint16_t)port, out);
}

void
config_address_make(int family, const uint8_t *octets, uint16_t port, struct config_address *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;

	memset(out, 0, sizeof *out);
	if (family == AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, octets, 4);
		out->len = sizeof *v4;
	} else {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, octets, 16);
		out->len = sizeof *v6;
	}
}

char *
config_address_print(const struct sockaddr *address, char text[CONFIG_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?", scope[IF_NAMESIZE + 1] = "";
	unsigned port = 0;

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
		port = ntohs(v4->sin_port);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
		port = ntohs(v6->sin6_port);
		if (v6->sin6_scope_id != 0 && if_indextoname(v6->sin6_scope_id, scope + 1) != NULL)
			scope[0] = '%';
	}
	if (port != 0)
		snprintf(text, CONFIG_ADDRESS_TEXT, "%s%s@%u", host, scope, port);
	else
		snprintf(text, CONFIG_ADDRESS_TEXT, "%s%s", host, scope);
	return text;
}

/* The octets of an address; IPv4 that comes in over an IPv6 socket counts as IPv4 (RFC 4291, section 2.5.5.2). */
static const uint8_t *
address_octets(const struct sockaddr *address, unsigned *bits)
{
	if (address->sa_family == AF_INET) {
		*bits = 32;
		return (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
	}
	if (address->sa_family == AF_INET6) {
		const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
		*bits = IN6_IS_ADDR_V4MAPPED(v6) ? 32 : 128;
		return v6->s6_addr + (IN6_IS_ADDR_V4MAPPED(v6) ? 12 : 0);
	}
	*bits = 0;
	return NULL;
}

static bool
prefix_equal(const uint8_t *a, const uint8_t *b, unsigned prefix)
{
	unsigned octets = prefix / 8, bits = prefix % 8;

	return memcmp(a, b, octets) == 0 && (bits == 0 || (a[octets] ^ b[octets]) >> (8 - bits) == 0);
}

bool
config_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	unsigned na, nb;
	const uint8_t *x = address_octets(a, &na), *y = address_octets(b, &nb);

	return x != NULL && y != NULL && na == nb && memcmp(x, y, na / 8) == 0;
}

static const char access_form[] = "ADDRESS, ADDRESS/BITS, key NAME, or ADDRESS key NAME";

static enum err
parse_network(char *text, struct config_access *out, struct fault *f)
{
	struct config_address address;
	unsigned long prefix;
	unsigned bits;
	char *slash = strchr(text, '/');

	if (slash != NULL)
		*slash++ = '\0';
	if (strlen(text) >= CONFIG_ADDRESS_TEXT || parse_host(text, 0, &address) != ERR_OK)
		return fault_set(f, ERR_FORMAT, "%s", access_form);
	const uint8_t *octets = address_octets((struct sockaddr *)&address.address, &bits);
	prefix = bits;
	if (slash != NULL && !parse_number(slash, bits, &prefix))
		return fault_set(f, ERR_RANGE, "at most %u bits behind the slash", bits);
	for (unsigned i = (unsigned)prefix; i < bits; i++)
		if ((octets[i / 8] >> (7 - i % 8) & 1) != 0)
			return fault_set(f, ERR_RANGE, "a network without bits set beyond /%lu", prefix);
	out->network = address.address;
	out->prefix = (unsigned)prefix;
	out->any_address = false;
	return ERR_OK;
}

enum err
config_access_parse(const char *text, struct config_access *out, struct fault *f)
{
	char copy[DNAME_TEXT_MAX + CONFIG_ADDRESS_TEXT];
	char *rest, *word;

	memset(out, 0, sizeof *out);
	out->any_address = out->any_key = true;
	if (strlen(text) >= sizeof copy)
		return fault_set(f, ERR_FORMAT, "%s", access_form);
	strcpy(copy, text);
	word = strtok_r(copy, " \t", &rest);
	if (word != NULL && strcmp(word, "key") != 0) {
		enum err err = parse_network(word, out, f);
		if (err != ERR_OK)
			return err;
		word = strtok_r(NULL, " \t", &rest);
	}
	if (word != NULL) {
		if (strcmp(word, "key") != 0 || (word = strtok_r(NULL, " \t", &rest)) == NULL ||
		    dname_from_str(word, &out->key) != ERR_OK || strtok_r(NULL, " \t", &rest) != NULL)
			return fault_set(f, ERR_FORMAT, "%s", access_form);
		out->any_key = false;
	}
	if (out->any_address && out->any_key)
		return fault_set(f, ERR_FORMAT, "%s", access_form);
	return ERR_OK;
}

static bool
access_matches(const struct config_access *a, const struct sockaddr *peer, const struct tsig_key *key)
{
	if (!a->any_key && (key == NULL || !dname_equal(a->key.octets, key->name.octets)))
		return false;
	if (a->any_address)
		return true;
	unsigned want_bits, bits;
	const uint8_t *want = address_octets((const struct sockaddr *)&a->network, &want_bits);
	const uint8_t *have = address_octets(peer, &bits);
	return want != NULL && have != NULL && want_bits == bits && prefix_equal(want, have, a->prefix);
}

bool
config_access_allows(const struct config_access *list, size_t n, const struct sockaddr *peer,
    const struct tsig_key *key)
{
	for (size_t i = 0; i < n; i++)
		if (access_matches(&list[i], peer, key))
			return true;
	return false;
}
