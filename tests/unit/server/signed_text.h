/* tests/unit/server/signed_text.h -- the text of a zone, signed by ldns with keys made on the spot. */
#ifndef TESTS_UNIT_SERVER_SIGNED_TEXT_H
#define TESTS_UNIT_SERVER_SIGNED_TEXT_H

enum signing { SIGN_NSEC, SIGN_NSEC3, SIGN_OPT_OUT };

/* The caller's, to be freed.  Ends the process on any mistake. */
char *signed_text(const char *apex, const char *text, enum signing how, unsigned iterations);

#endif
