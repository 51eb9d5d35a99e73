/* zones/sshkey.h -- SSH keys as far as signatures of commits need them: public keys and user certificates
 * (RFC 4253, section 6.6; RFC 5656; RFC 8332; RFC 8709; OpenSSH's PROTOCOL.certkeys and PROTOCOL.u2f), and private
 * keys in OpenSSH's own form (PROTOCOL.key).
 *
 * Taken are ed25519, ecdsa on the three NIST curves, RSA with 2048 to 16384 bits and SHA-2, and the sk- forms of the
 * first two (hardware keys).  Not taken: DSA, and RSA signatures with SHA-1. */
#ifndef ZONES_SSHKEY_H
#define ZONES_SSHKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/reader.h"

struct ssh_text {			/* borrowed octets; any, zeros too */
	const uint8_t *p;
	size_t n;
};

struct ssh_kind;			/* an algorithm; private to zones/sshkey.c */
struct ssh_key;

struct ssh_certificate {		/* OpenSSH's PROTOCOL.certkeys; its own signature is sound */
	uint64_t serial;
	bool for_user;			/* else for a host */
	struct ssh_text key_id;
	struct ssh_text principals;	/* strings, each with its length */
	uint64_t valid_after_s, valid_before_s;	/* since the epoch; the second one is the first that is too late */
	struct ssh_text critical;	/* options that must be understood; empty: none */
	struct ssh_key *authority;	/* never a certificate itself */
};

struct ssh_key {
	const struct ssh_kind *kind;
	EVP_PKEY *pkey;
	struct ssh_text application;	/* of an sk- key */
	struct buf plain;		/* its identity: on the wire, without what makes it a certificate */
	struct ssh_certificate *certificate;	/* NULL: a plain key */
	struct buf octets;		/* what the texts above point into */
};

#define SSH_FINGERPRINT 52		/* "SHA256:", 43 characters, the terminator */

/* A public key or certificate from its wire form, which it must fill to the end.  ERR_OK: *out is the caller's.
 * ERR_FORMAT, ERR_UNSUPPORTED (a kind that is not taken), ERR_RANGE (RSA of the wrong size), ERR_CRYPTO (a certificate
 * whose signature is false), with words. */
enum err ssh_key_read(const uint8_t *octets, size_t n, struct ssh_key **out, struct fault *f);
void ssh_key_free(struct ssh_key *k);

/* One of authorized_keys form, "TYPE BASE64", from the front of text; *end is what follows it. */
enum err ssh_key_parse(const char *text, const char **end, struct ssh_key **out, struct fault *f);

/* Without regard to certificates. */
bool ssh_key_same(const struct ssh_key *a, const struct ssh_key *b);

const char *ssh_key_type(const struct ssh_key *k);		/* "ssh-ed25519": of a certificate that of its key */
bool ssh_key_is_type(const char *text, size_t n);		/* may a public key begin with this word? */
char *ssh_key_fingerprint(const struct ssh_key *k, char text[SSH_FINGERPRINT]);	/* as ssh-keygen -l; gives text back */

/* Is signature (algorithm and octets, as RFC 4253 has it) one of this key for data?  ERR_CRYPTO: no; ERR_FORMAT,
 * ERR_UNSUPPORTED (an algorithm that is not the key's, or SHA-1), with words. */
enum err ssh_key_verify(const struct ssh_key *k, struct ssh_text signature, struct ssh_text data, struct fault *f);

/* The next string (RFC 4251, section 5). */
struct ssh_text ssh_read_text(struct rd *r);
void ssh_write_text(struct buf *out, const void *octets, size_t n);

/* --- private keys --- */

struct ssh_private_key {
	EVP_PKEY *pkey;
	struct ssh_key *public;
};

/* From a file that must be nobody else's to read (ERR_ACCESS) and have no passphrase (ERR_UNSUPPORTED).  The words name
 * it. */
enum err ssh_private_key_load(const char *path, struct ssh_private_key **out, struct fault *f);
enum err ssh_private_key_parse(const char *text, size_t n, struct ssh_private_key **out, struct fault *f);
void ssh_private_key_free(struct ssh_private_key *k);

/* Append a signature as ssh_key_verify() takes it; RSA with SHA-512. */
enum err ssh_private_key_sign(const struct ssh_private_key *k, struct ssh_text data, struct buf *out);

/* For both: numbers into an EVP_PKEY.  private_part may be empty; NULL: no such key. */
EVP_PKEY *ssh_pkey_ec(const char *group, struct ssh_text point, struct ssh_text private_part);
EVP_PKEY *ssh_pkey_rsa(struct ssh_text n, struct ssh_text e, struct ssh_text private_part);

/* What signing and verifying share. */
enum ssh_family { SSH_ED25519, SSH_ECDSA, SSH_RSA };
struct ssh_kind {
	const char *name;
	enum ssh_family family;
	bool hardware;			/* sk-: FIDO */
	const char *curve, *group;	/* SSH's and OpenSSL's names; NULL: none */
	const char *digest;		/* NULL: the family knows */
};
const struct ssh_kind *ssh_kind_find(struct ssh_text name, bool *certificate);	/* NULL: not taken */

#endif
