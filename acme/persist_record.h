/* acme/persist_record.h -- the text of a standing record at _validation-persist.<name> (draft-ietf-acme-dns-persist):
 * an issue-value of RFC 8659, section 4.2, "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard;
 * persistUntil=1767225600". */
#ifndef ACME_PERSIST_RECORD_H
#define ACME_PERSIST_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acme/challenge.h"
#include "base/buf.h"

#define ACME_ISSUER_MAX 253
#define ACME_ACCOUNTURI_MAX 1023
#define ACME_PERSIST_TEXT_MAX 4096			/* of a record that we read */

struct acme_persist_record {
	char issuer[ACME_ISSUER_MAX + 1];		/* in lower case, without final dot */
	char account[ACME_ACCOUNTURI_MAX + 1];
	bool wildcard;
	int64_t until_s;				/* 0: no end */
};

/* False: malformed (a parameter twice, a semicolon at the end, no issuer or accounturi, a persistUntil that is no
 * number), so no CA takes it, and it is none of ours.  Parameters that we do not know are passed over. */
bool acme_persist_read(const char *text, size_t n, struct acme_persist_record *out);

void acme_persist_print(const struct acme_persist_record *r, struct buf *out);

/* The rdata of a TXT record: strings of at most 255 octets.  False: no TXT rdata, or longer than most. */
void acme_txt_write(const char *text, size_t n, struct buf *rdata);
bool acme_txt_join(const uint8_t *rdata, size_t n, size_t most, struct buf *text);

/* Does the record say all that is wanted, until later than now_s? */
bool acme_persist_fits(const struct acme_persist_record *r, const struct acme_standing *want, int64_t now_s);

/* Is it about the same issuer and account, so that it is ours to change? */
bool acme_persist_same_party(const struct acme_persist_record *r, const char *issuers, const char *account);

/* A host name of letters, digits, hyphens and dots: lower case, without final dot.  False: it is none. */
bool acme_issuer_normalize(const char *text, size_t n, char out[ACME_ISSUER_MAX + 1]);

/* May it be the value of a parameter: printing ASCII but space and semicolon, of a length that we take? */
bool acme_persist_value_valid(const char *text);

#endif
