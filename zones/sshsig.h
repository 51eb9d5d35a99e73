/* zones/sshsig.h -- signatures of files and commits by SSH keys (OpenSSH's PROTOCOL.sshsig), as ssh-keygen -Y makes and
 * git stores them. */
#ifndef ZONES_SSHSIG_H
#define ZONES_SSHSIG_H

#include "zones/sshkey.h"

#define SSHSIG_BEGIN "-----BEGIN SSH SIGNATURE-----"
#define SSHSIG_END "-----END SSH SIGNATURE-----"

struct sshsig {
	struct ssh_key *key;		/* that it names; whether it may sign is another's question */
	struct ssh_text name_space;	/* what it is good for: "git" */
	struct ssh_text hash, signature;
	struct buf octets;		/* what the texts point into */
};

/* From its armour, or from the octets within; for sshsig_clear().  ERR_FORMAT, or as ssh_key_read(), with words. */
enum err sshsig_parse(const char *text, size_t n, struct sshsig *out, struct fault *f);
enum err sshsig_read(const uint8_t *octets, size_t n, struct sshsig *out, struct fault *f);
void sshsig_clear(struct sshsig *s);

/* Did the key sign message for name_space?  ERR_REFUSED: it signed for something else; others as ssh_key_verify(). */
enum err sshsig_verify(const struct sshsig *s, const char *name_space, const void *message, size_t n, struct fault *f);

/* Append the armoured signature, without a line's end behind it. */
enum err sshsig_sign(const struct ssh_private_key *k, const char *name_space, const void *message, size_t n,
    struct buf *out);

#endif
