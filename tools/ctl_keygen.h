/* tools/ctl_keygen.h -- the two halves of certnsctl keygen: the key and its server, and the programs that will use
 * it. */
#ifndef TOOLS_CTL_KEYGEN_H
#define TOOLS_CTL_KEYGEN_H

#include "tools/ctl.h"
#include "tsig/key.h"

struct keygen_texts {
	char name[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX]; /* without final dots; the zone, or host, that the name says */
	const char *algorithm, *secret;		/* "hmac-sha256", base64 */
};

/* What to paste where, for those who use a key with the rights of this one. */
void ctl_keygen_clients(FILE *to, const struct tsig_key *key, const struct keygen_texts *t);

#endif
