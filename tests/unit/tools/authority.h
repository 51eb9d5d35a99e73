/* tests/unit/tools/authority.h -- certificates made in memory, and TLSA RRsets with them. */
#ifndef TESTS_UNIT_TOOLS_AUTHORITY_H
#define TESTS_UNIT_TOOLS_AUTHORITY_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "tools/fetch_key.h"

#define DAY 86400

/* Somebody who signs: a root, or one that a root has signed. */
struct authority {
	EVP_PKEY *key;
	X509 *certificate;
};
void authority_make(struct authority *a, const char *name, const struct authority *above);
void authority_clear(struct authority *a);

/* A certificate for key (of the names, NULL-terminated), valid from now + from_s to now + to_s. */
X509 *authority_sign(const struct authority *a, EVP_PKEY *key, char *const *names, int64_t from_s, int64_t to_s);

/* A response with TLSA records at owner ("_letsencrypt._tcp.www.example.com"). */
struct rrset_message {
	struct buf octets;
	struct dname owner;
};
void message_begin(struct rrset_message *m, const char *owner);
void message_add(struct rrset_message *m, uint8_t usage, uint8_t selector, const uint8_t *octets, size_t n);
void message_add_certificate(struct rrset_message *m, uint8_t usage, X509 *x);
void message_add_txt(struct rrset_message *m, const char *const *strings);	/* NULL-terminated */

#endif
