/* base/clock.h -- the two clocks.  Engines get the time as an argument; only drivers call these. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_s(void);		/* seconds since the epoch, for what is written down or sent */
int64_t clock_now_ms(void);		/* the same in milliseconds */
int64_t clock_now_ns(void);		/* in nanoseconds */
int64_t clock_mono_ms(void);		/* milliseconds that never jump, for time-outs */
int64_t clock_mono_ns(void);		/* the same in nanoseconds */

/* "2026-11-22T03:15:00Z"; room for 21 octets. */
#define CLOCK_TEXT_SIZE 32
void clock_print(int64_t time_s, char text[CLOCK_TEXT_SIZE]);

/* Evenly distributed in [0, limit); from the system's generator.  limit 0 gives 0. */
uint32_t random_below(uint32_t limit);
void random_fill(void *octets, unsigned n);

#endif
