/* tools/fetch_install.h -- names of the files in a host's directory, and the sweeping up after a run that was killed.
 * Private to tools/fetch_place.c and tools/fetch_install.c. */
#ifndef TOOLS_FETCH_INSTALL_H
#define TOOLS_FETCH_INSTALL_H

#include "tools/fetch_place.h"

#define FETCH_CURRENT "current"
#define FETCH_VERSIONS "versions"
#define FETCH_NEXT "next.pem"
#define FETCH_HOOK_DUE "hook-due"
#define FETCH_KEY "key.pem"
#define FETCH_REQUEST "request.pem"
#define FETCH_FULLCHAIN "fullchain.pem"

/* Remove versions that were never finished, temporary files, and old versions but for the last ones.  What cannot be
 * removed stays, and does no harm. */
void fetch_install_sweep(const struct fetch_place *p);

#endif
