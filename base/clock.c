#include "base/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

int64_t
clock_now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

int64_t
clock_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
clock_mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void
clock_print(int64_t time_s, char text[CLOCK_TEXT_SIZE])
{
	time_t t = (time_t)time_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		text[0] = '\0';
}

void
random_fill(void *octets, unsigned n)
{
	unsigned char *p = octets;

	while (n > 0) {
		ssize_t got = getrandom(p, n > 256 ? 256 : n, 0);

		if (got > 0) {
			p += got;
			n -= (unsigned)got;
		}
	}
}

uint32_t
random_below(uint32_t limit)
{
	uint32_t v, unfair = limit == 0 ? 0 : (UINT32_MAX - limit + 1) % limit;

	if (limit == 0)
		return 0;
	do
		random_fill(&v, sizeof v);
	while (v < unfair);
	return v % limit;
}
