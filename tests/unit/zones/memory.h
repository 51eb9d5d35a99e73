/* tests/unit/zones/memory.h -- counts what is allocated and lets allocations fail.  The test is linked with
 * MEMORY_WRAP (tests/local.mk), which send every malloc() of our own objects through here; or with MEMORY_WRAP_ALL,
 * which do the same with strdup() and strndup(). */
#ifndef TESTS_UNIT_ZONES_MEMORY_H
#define TESTS_UNIT_ZONES_MEMORY_H

long memory_live(void);			/* allocations not freed */

/* Let the nth allocation from now on fail, and those after it work again; 0: none. */
void memory_fail_nth(long nth);
long memory_fail_left(void);		/* > 0: the failure is still to come */

#endif
