/* tests/unit/server/update_text.h -- UPDATE messages from lines of text, good and malformed ones. */
#ifndef TESTS_UNIT_SERVER_UPDATE_TEXT_H
#define TESTS_UNIT_SERVER_UPDATE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* One RR a line: "SECTION CLASS owner ttl TYPE rdata".  SECTION is "pre" or "up", prerequisites first; CLASS is IN,
 * ANY, NONE or a number; the owner is relative to example.com unless it ends in a dot.  Without rdata RDLENGTH is 0;
 * "=0102ff" are octets that stand there as they are.  Returns the length; ends the process on any mistake. */
size_t update_from_text(const char *text, uint8_t *out, size_t room);

/* The part after SECTION and CLASS as octets: TYPE and rdata of text into *type and rdata. */
size_t rdata_from_words(const char *type_text, const char *words, uint16_t *type, uint8_t *rdata);

#endif
