#include "server/gather.h"

int64_t
gather_add(struct gather *g, int64_t now_ms)
{
	int64_t at_ms = now_ms + g->quiet_ms;

	if (g->first_ms == 0)
		g->first_ms = now_ms;
	if (at_ms > g->first_ms + g->most_ms)
		at_ms = g->first_ms + g->most_ms;
	if (at_ms < g->not_before_ms)
		at_ms = g->not_before_ms;
	return at_ms > now_ms ? at_ms - now_ms : 0;
}

void
gather_begin(struct gather *g)
{
	g->first_ms = 0;
}

void
gather_paid(struct gather *g, int64_t now_ms, int64_t cost_ms)
{
	int64_t pause_ms = GATHER_SHARE * cost_ms;
	int64_t at_ms = now_ms + (pause_ms < GATHER_PAUSE_MAX_MS ? pause_ms : GATHER_PAUSE_MAX_MS);

	if (at_ms > g->not_before_ms)
		g->not_before_ms = at_ms;
}
