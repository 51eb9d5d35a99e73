/* tsig/key.h -- TSIG keys (RFC 8945) and what a key may do, which its name says. */
#ifndef TSIG_KEY_H
#define TSIG_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/dname.h"

enum tsig_algorithm {
	TSIG_HMAC_MD5, TSIG_HMAC_SHA1, TSIG_HMAC_SHA224, TSIG_HMAC_SHA256, TSIG_HMAC_SHA384, TSIG_HMAC_SHA512
};

/* Each right includes those before it. */
enum tsig_right { TSIG_RIGHT_NONE, TSIG_RIGHT_NOTIFY, TSIG_RIGHT_TRANSFER, TSIG_RIGHT_UPDATE };

/* Small rights over one host, for who needs no more: to replace its CSR, to answer challenges for it and for names
 * below. */
enum tsig_role { TSIG_ROLE_NONE, TSIG_ROLE_CSR, TSIG_ROLE_ACME };

/* "hmac-sha256", and the MirageOS spelling "SHA256", in any letter case. */
bool tsig_algorithm_parse(const char *text, enum tsig_algorithm *out);
const char *tsig_algorithm_str(enum tsig_algorithm a);			/* "hmac-sha256" */
const uint8_t *tsig_algorithm_dname(enum tsig_algorithm a);	/* RFC 8945, section 6; hmac-md5.sig-alg.reg.int */
bool tsig_algorithm_from_dnskey(uint8_t number, enum tsig_algorithm *out);	/* 157, 161 to 165: key files in git */
uint8_t tsig_algorithm_to_dnskey(enum tsig_algorithm a);
size_t tsig_algorithm_mac_size(enum tsig_algorithm a);			/* octets of a full MAC */
size_t tsig_algorithm_mac_floor(enum tsig_algorithm a);			/* no MAC may be shorter: section 5.2.2.1 */

struct tsig_key {
	struct dname name;
	enum tsig_algorithm algorithm;
	uint8_t *secret;
	size_t secret_len;
	void *hmac;		/* private to tsig/mac.c: keyed once, copied for each message */

	/* The shortest MAC that we take, in octets: max(10, half of the full one) unless raised.  Truncated below it
	 * is BADTRUNC (RFC 8945, section 5.2.2.1). */
	size_t mac_min;

	/* Read off the name: <any>._update.<zone>, <any>._transfer.<zone>, <any>._notify.<zone>; the operation is
	 * searched from the right end.  Good for zone and all names below it.  Other names have TSIG_RIGHT_NONE:
	 * such a key signs, and only explicit configuration gives it rights. */
	enum tsig_right right;
	struct dname zone;

	/* <any>._csr.<host>, <any>._acme.<host>: right is TSIG_RIGHT_NONE then, and zone is the host. */
	enum tsig_role role;

	/* <primary a.b.c.d>.<secondary a.b.c.d>._transfer.<zone>, or <any>.<primary a.b.c.d>._transfer.<zone>. */
	bool has_primary, has_secondary;
	uint8_t primary[4], secondary[4];
};

/* Copies name and secret.  ERR_RANGE: an empty secret; ERR_CRYPTO: OpenSSL has no such algorithm here.
 * *out is the caller's: tsig_key_free(). */
enum err tsig_key_new(const uint8_t *name, enum tsig_algorithm algorithm, const uint8_t *secret, size_t n,
    struct tsig_key **out);

/* "NAME:ALGORITHM:BASE64", as the MirageOS servers take it.  The fault never quotes the secret. */
enum err tsig_key_parse(const char *text, struct tsig_key **out, struct fault *f);

/* The one key statement, in the syntax of named.conf, of a file as nsupdate -k takes it.  Words name file and line, and
 * never quote the file. */
enum err tsig_key_load(const char *path, struct tsig_key **out, struct fault *f);

/* The same from memory; where is what words call it. */
enum err tsig_key_parse_statement(const char *where, const char *text, size_t n, struct tsig_key **out,
    struct fault *f);

void tsig_key_free(struct tsig_key *key);	/* overwrites the secret; takes NULL */

/* May key do what right says in zone?  The name decides (above). */
bool tsig_key_may(const struct tsig_key *key, enum tsig_right right, const uint8_t *zone);

#endif
