#include "base/huge.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25		/* Linux 6.1; glibc of that time does not know it yet */
#endif

#define SMALL ((uintptr_t)4096)
#define HUGE ((uintptr_t)1 << 21)	/* as on x86 and, with small pages of that size, on ARM */
#define PAGES (HUGE / SMALL)
#define ENOUGH (PAGES / 16 * 15)	/* so many must be in use: the others will be from now on */

static bool
is_dense(uintptr_t at)
{
	unsigned char resident[PAGES];
	unsigned n = 0;

	if (mincore((void *)at, HUGE, resident) != 0)
		return false;			/* not there any more */
	for (unsigned i = 0; i < PAGES; i++)
		n += resident[i] & 1;
	return n >= ENOUGH;
}

/* Memory that is ours alone, and no file's, has no inode and no name, or "[heap]", or one that somebody gave it. */
static bool
read_mapping(const char *line, uintptr_t *begin, uintptr_t *end)
{
	unsigned long inode;
	char access[5], name[8] = "";

	return sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*x %*x:%*x %lu %7s", begin, end, access, &inode, name) >= 4 &&
	    inode == 0 && strcmp(access, "rw-p") == 0 &&
	    (name[0] == '\0' || strcmp(name, "[heap]") == 0 || strncmp(name, "[anon:", 6) == 0);
}

/* Whoever runs the machine may want none at all, which the call below would not heed. */
static bool
are_wanted(void)
{
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	char line[64] = "";
	bool wanted = f != NULL && fgets(line, sizeof line, f) != NULL && strstr(line, "[never]") == NULL;

	if (f != NULL)
		fclose(f);
	return wanted;
}

/* Into a huge page, and then as long a pause: whoever had to wait for this one shall not have to wait for the next, too. */
static bool
move(uintptr_t at)
{
	int64_t begin_ns = clock_mono_ns(), took_ns;
	bool moved = madvise((void *)at, HUGE, MADV_COLLAPSE) == 0;

	took_ns = clock_mono_ns() - begin_ns;
	nanosleep(&(struct timespec){ took_ns / 1000000000, took_ns % 1000000000 }, NULL);
	return moved;
}

size_t
huge_pages(void)
{
	FILE *f = sysconf(_SC_PAGESIZE) == (long)SMALL && are_wanted() ? fopen("/proc/self/maps", "re") : NULL;
	uintptr_t memory = (uintptr_t)sysconf(_SC_PHYS_PAGES) * SMALL;	/* what is larger is but room, the sanitizers' */
	char line[LINE_MAX];
	uintptr_t at, end;
	size_t n = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL) {	/* the rest of a longer one is no mapping */
		if (!read_mapping(line, &at, &end) || end - at > memory)
			continue;
		for (at = (at + HUGE - 1) & ~(HUGE - 1); at < end && end - at >= HUGE; at += HUGE)
			n += is_dense(at) && move(at);
	}
	if (f != NULL)
		fclose(f);
	return n;
}
