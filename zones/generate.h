/* zones/generate.h -- $GENERATE RANGE OWNER [TTL] [CLASS] TYPE RDATA..., as BIND has it: the same line for each
 * number of a range, with $ and ${OFFSET,WIDTH,BASE} in its place.  As there, quotes around the whole rdata are taken
 * off: $GENERATE 1-9 h$ MX "10 m$".  Several words may do without them. */
#ifndef ZONES_GENERATE_H
#define ZONES_GENERATE_H

#include "zones/lexer.h"

#define GENERATE_MAX 65536		/* lines that one directive may make */

/* v is the whole entry, $GENERATE itself first.  line() gets each line made and the directive's token; what it
 * returns other than ERR_OK ends the work and is returned.
 * ERR_FORMAT: *bad is the token to blame, n for the end of the line; ERR_NOMEM. */
enum err zone_generate(const struct token *v, size_t n,
    enum err (*line)(void *ctx, const char *text, size_t n, const struct token *where), void *ctx, size_t *bad,
    struct fault *f);

#endif
