/* zones/huge.h -- huge pages under a large zone.  A descent through a million names touches a dozen places far from each other,
 * and with pages of 4 kB the processor has to look up the address of nearly each. */
#ifndef ZONES_HUGE_H
#define ZONES_HUGE_H

#include "zones/version.h"

/* Ask the kernel (Linux 6.1 or later; others do nothing) to move what the version's names fill most of into huge pages.  That
 * takes some tens of milliseconds for a million names, on a thread of its own that holds a reference meanwhile; no memory that
 * lasts.  The caller may take a reference. */
void huge_pages_for(struct zone_version *v);

#endif
