/* tests/unit/zones/disk.h -- a disk in memory, for SQLite: what was not synced may be lost, calls fail, the power goes.
 *
 * While it is in place every database that is opened lies on it.  A write reaches the disk with the next sync of its
 * file; when the power goes, each 512 octets of what was written since then are there or not, by chance. */
#ifndef TESTS_UNIT_ZONES_DISK_H
#define TESTS_UNIT_ZONES_DISK_H

#include <stdbool.h>
#include <stdint.h>

void disk_open(void);			/* an empty one, SQLite's default from now on */
void disk_close(void);

enum disk_trouble {
	DISK_FULL,			/* this one write fails, a part of it is done */
	DISK_FAILS,			/* this one write or sync fails */
	DISK_STAYS_FULL,		/* each write from here on fails that makes a file longer, until disk_mend() */
	DISK_POWER			/* this call and all that follow fail, and do nothing, until disk_crash() */
};

/* Let trouble begin with the nth write, sync or truncation from now on; 0: none. */
void disk_trouble(enum disk_trouble kind, unsigned nth);
bool disk_was_troubled(void);
void disk_mend(void);

/* After the power is back: what was not synced is partly lost.  Every file must be closed. */
void disk_crash(uint32_t (*random_below)(uint32_t limit));

unsigned disk_syncs(void);		/* so far */
unsigned disk_unsynced(const char *suffix);	/* octets of the files whose names end so, that no sync covers */

#endif
