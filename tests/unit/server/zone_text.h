/* tests/unit/server/zone_text.h -- a zone from master file text, read by ldns, ready to be asked. */
#ifndef TESTS_UNIT_SERVER_ZONE_TEXT_H
#define TESTS_UNIT_SERVER_ZONE_TEXT_H

#include "zones/store.h"

/* One RR per line, names absolute.  Ends the process on any mistake. */
struct zone_store *zone_from_text(const char *apex, const char *text);

#endif
