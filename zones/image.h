/* zones/image.h -- the content of a zone that came by transfer, kept in the state directory: a master file named after
 * the zone and after its own checksum.  The zone's base (zones/zone.h) names it, and the journal what came since: a
 * zone is what its row says, whichever files lie about.
 *
 * The file's time of modification is as of when the zone was last confirmed: it decides when the zone expires, also
 * over a restart, and costs no write to the database. */
#ifndef ZONES_IMAGE_H
#define ZONES_IMAGE_H

#include "zones/zone.h"

/* Write sorted as a new file of directory, synced, and set *base (zero-initialised) to it. */
enum err image_write(const char *directory, const uint8_t *apex, const struct rr_list *sorted, struct zone_base *base,
    struct fault *f);

/* ERR_FORMAT: the file is not what was written. */
enum err image_read(const char *directory, const uint8_t *apex, const struct zone_base *base, struct rr_list *out,
    struct fault *f);

void image_touch(const char *directory, const struct zone_base *base, int64_t time_s);
int64_t image_time_s(const char *directory, const struct zone_base *base);		/* 0: not known */

/* Remove the file; a base that names none is fine. */
void image_remove(const char *directory, const struct zone_base *base);

#endif
