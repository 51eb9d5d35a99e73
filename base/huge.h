/* base/huge.h -- huge pages under what the process has in memory.  A query in a large zone, or in one of very many, touches some
 * places far from each other, and with pages of 4 kB the processor has to look up the address of nearly each.
 *
 * Memory that grows piece by piece is given small pages, so whoever has made much that will stay asks afterwards. */
#ifndef BASE_HUGE_H
#define BASE_HUGE_H

#include <stddef.h>

/* Ask the kernel (Linux 6.1 or later, where transparent_hugepage is not "never"; others do nothing) to move into huge pages
 * what lies densely, so that hardly more memory is used.  Takes some milliseconds for each that is new, and whoever touches that
 * one meanwhile may wait; for a helper.  Gives how many there are now. */
size_t huge_pages(void);

#endif
