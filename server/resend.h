/* server/resend.h -- signed UPDATEs that were answered lately, so that one that comes again (a resend, or a replay)
 * gets the first answer again and changes nothing.  One thread. */
#ifndef SERVER_RESEND_H
#define SERVER_RESEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define RESEND_WINDOW_S 660		/* longer than a TSIG signature is good for, either way: 2 * 300 s */

struct resend;

enum err resend_new(struct resend **out);
void resend_free(struct resend *r);
enum err resend_add(struct resend *r, const uint8_t digest[32], unsigned rcode, int64_t now_s);
bool resend_find(const struct resend *r, const uint8_t digest[32], unsigned *rcode);
void resend_remove(struct resend *r, const uint8_t digest[32]);	/* it came to nothing after all */
void resend_expire(struct resend *r, int64_t now_s);

#endif
