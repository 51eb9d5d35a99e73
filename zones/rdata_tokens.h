/* zones/rdata_tokens.h -- zones/text.h for those who have tokens already, or an origin to print relative to. */
#ifndef ZONES_RDATA_TOKENS_H
#define ZONES_RDATA_TOKENS_H

#include "zones/lexer.h"
#include "zones/text.h"

/* As rdata_from_text(); *bad is the index of the token to blame, n for the end of the line. */
enum err rdata_from_tokens(uint16_t type, const struct token *v, size_t n, const uint8_t *origin, uint8_t *out,
    size_t *out_n, size_t *bad, struct fault *f);

/* Names at or below origin are printed relative to it; NULL: all absolute. */
void rdata_text_relative(const struct rr *rr, const uint8_t *origin, struct buf *out);

#endif
