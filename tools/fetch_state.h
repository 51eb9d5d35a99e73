/* tools/fetch_state.h -- what certnsd says about a certificate in the DNS: the TXT record at _status.<label>.<host>, of
 * texts "key=value".  A server may have none. */
#ifndef TOOLS_FETCH_STATE_H
#define TOOLS_FETCH_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FETCH_STATE_TEXT 720

struct fetch_state {
	bool known;
	char state[32];			/* "valid", "ordering", "waiting", "refused" */
	char next[32], expires[32];	/* times as they stand there */
	char authority[128];
	char csr[20];			/* the first sixteen digits of the CSR's SHA-256 */
	char problem[FETCH_STATE_TEXT], step[FETCH_STATE_TEXT];	/* what went wrong last; what is being done */
};

/* From the answer to a question for TXT at owner.  ERR_FORMAT: it cannot be read; without such a record known is
 * false.  Keys that are not known here are passed over; what a terminal would take for a command is a '?'. */
enum err fetch_state_read(const uint8_t *msg, size_t n, const uint8_t *owner, struct fetch_state *out);

/* Is it about this CSR?  One that does not name any is. */
bool fetch_state_is_about(const struct fetch_state *s, const uint8_t *csr, size_t n);

#endif
