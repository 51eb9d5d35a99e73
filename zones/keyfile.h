/* zones/keyfile.h -- TSIG secrets kept beside the zones, as DNSKEY records in files named _keys or <zone>._keys
 * (the way of the MirageOS servers); and which file names mean what. */
#ifndef ZONES_KEYFILE_H
#define ZONES_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "tsig/keyring.h"
#include "wire/dname.h"
#include "zones/complaint.h"

/* Is this the name of a key file?  Then *domain is where all of its keys must lie: the root for "_keys". */
bool keyfile_name(const char *file, struct dname *domain);

/* May this be the name of a zone's file?  A host-like domain name, not hidden, no key file; *apex in lower case.
 * README.md passes as well: only an SOA at that origin tells. */
bool zonefile_name(const char *file, struct dname *apex);

/* Why it is none, for whoever meant it to be: without the file's name. */
const char *zonefile_why_not(const char *file);

/* Add the file's keys, "<name> DNSKEY 0 3 <algorithm> <base64>", to ring.  What is not such a record, and a second
 * key of a name, is passed over with a warning in complaints, which never quotes the file.
 * Only ERR_NOMEM, and ERR_FORMAT: no name of a key file. */
enum err zone_read_keys(const char *file, const char *text, size_t n, struct tsig_keyring *ring,
    struct complaints *complaints);

/* The same with lines "file:line:column: warning: text\n"; nwarnings (may be NULL) counts them. */
enum err zone_load_keys(const char *file, const char *text, size_t n, struct tsig_keyring *ring,
    struct buf *complaints, size_t *nwarnings);

#endif
