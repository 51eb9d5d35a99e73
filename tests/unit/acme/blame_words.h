/* tests/unit/acme/blame_words.h -- blame in words, as rows of tests have it: "CA", "later". */
#ifndef TESTS_UNIT_ACME_BLAME_WORDS_H
#define TESTS_UNIT_ACME_BLAME_WORDS_H

#include "acme/blame.h"

const char *blame_word(enum acme_blame blame);
const char *again_word(enum acme_again again);

#endif
