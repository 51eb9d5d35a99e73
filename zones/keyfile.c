#include "zones/keyfile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/rrtype.h"
#include "zones/reader.h"

static bool
hostlike(const char *text, size_t n, struct dname *name)
{
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		    c == '_' || c == '.'))
			return false;
	}
	if (n == 0 || text[0] == '.' || text[n - 1] == '.' || dname_parse(text, n, NULL, name) != ERR_OK)
		return false;
	dname_lower(name->octets, name->octets);
	return true;
}

bool
keyfile_name(const char *file, struct dname *domain)
{
	const char suffix[] = "._keys";
	size_t n = strlen(file), m = sizeof suffix - 1;

	if (strcasecmp(file, suffix + 1) == 0) {
		domain->octets[0] = 0;
		return true;
	}
	return n > m && strcasecmp(file + n - m, suffix) == 0 && hostlike(file, n - m, domain);
}

bool
zonefile_name(const char *file, struct dname *apex)
{
	return !keyfile_name(file, apex) && hostlike(file, strlen(file), apex);
}

const char *
zonefile_why_not(const char *file)
{
	size_t n = strlen(file);
	struct dname name;

	for (size_t i = 0; i < n; i++)
		if ((file[i] & 0x80) != 0)
			return "its name is no zone's: an internationalized name stands in its form xn--...";
	return n > 1 && file[n - 1] == '.' && hostlike(file, n - 1, &name) ?
	    "its name is no zone's: that has no dot at the end here" : "its name is no zone's";
}

struct keys {
	struct dname domain;
	struct tsig_keyring *ring;
	struct complaints *complaints;
};

static void
warn(void *ctx, const struct place *place, const char *text)
{
	struct keys *k = ctx;

	complaints_add(k->complaints, CHECK_WARNING, place, NULL, text);
}

static void warn_of(struct keys *k, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
warn_of(struct keys *k, const struct place *place, const char *format, ...)
{
	char text[2 * DNAME_TEXT_MAX + 128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	warn(k, place, text);
}

static enum err
on_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	struct keys *k = ctx;
	char name[DNAME_TEXT_MAX], domain[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	enum tsig_algorithm algorithm;
	struct tsig_key *key;
	enum err err;

	dname_print(rr->owner, name);
	if (rr->type != TYPE_DNSKEY)
		warn_of(k, place, "%s %s is no DNSKEY and is passed over", name, rrtype_print(rr->type, type));
	else if (!dname_is_below(rr->owner, k->domain.octets))
		warn_of(k, place, "key %s is passed over: it lies outside of %s, the domain of this file", name,
		    dname_print(k->domain.octets, domain));
	else if (rr->rdata[2] != 3)
		warn_of(k, place, "key %s is passed over: its protocol is %u, not 3", name, rr->rdata[2]);
	else if (!tsig_algorithm_from_dnskey(rr->rdata[3], &algorithm))
		warn_of(k, place, "key %s is passed over: algorithm %u is none of 157 (hmac-md5) and 161 to 165 "
		    "(hmac-sha1, sha224, sha256, sha384, sha512)", name, rr->rdata[3]);
	else if ((err = tsig_key_new(rr->owner, algorithm, rr->rdata + 4, rr->rdlen - 4u, &key)) != ERR_OK ||
	    (err = tsig_keyring_add(k->ring, key)) != ERR_OK) {
		if (err == ERR_NOMEM)
			return err;
		warn_of(k, place, "key %s is passed over: %s", name,
		    err == ERR_EXISTS ? "there is one of that name already" : err_str(err));
	} else if (algorithm == TSIG_HMAC_MD5) {
		warn_of(k, place, "key %s: hmac-md5 is broken and is only there for old clients; better take "
		    "hmac-sha256", name);
	}
	return ERR_OK;
}

enum err
zone_read_keys(const char *file, const char *text, size_t n, struct tsig_keyring *ring, struct complaints *complaints)
{
	struct keys k = { .ring = ring, .complaints = complaints };
	const char *slash = strrchr(file, '/');
	struct zone_reader reader = { .file = file, .origin = k.domain.octets, .default_ttl = 3600, .secret = true,
		.rr = on_rr, .complain = warn, .ctx = &k };
	enum err err;

	if (!keyfile_name(slash == NULL ? file : slash + 1, &k.domain))
		return ERR_FORMAT;
	err = zone_read(&reader, text, n);
	return err == ERR_NOMEM || complaints->failed ? ERR_NOMEM : ERR_OK;
}

enum err
zone_load_keys(const char *file, const char *text, size_t n, struct tsig_keyring *ring, struct buf *complaints,
    size_t *nwarnings)
{
	struct complaints found = { 0 };
	enum err err = zone_read_keys(file, text, n, ring, &found);

	complaints_print(&found, file, complaints);
	if (nwarnings != NULL)
		*nwarnings = found.count[CHECK_WARNING];
	complaints_clear(&found);
	return err == ERR_OK && complaints->failed ? ERR_NOMEM : err;
}
