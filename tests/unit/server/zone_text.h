/* tests/unit/server/zone_text.h -- a zone from master file text, ready to be asked. */
#ifndef TESTS_UNIT_SERVER_ZONE_TEXT_H
#define TESTS_UNIT_SERVER_ZONE_TEXT_H

#include "zones/store.h"

/* Without $TTL it is 3600.  Ends the process on any mistake.  The calling thread is registered with RCU and online. */
struct zone_store *zone_from_text(const char *apex, const char *text);

#endif
