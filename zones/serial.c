#include "zones/serial.h"

#include <time.h>

#include "zones/rr.h"

uint32_t
serial_next(enum serial_policy policy, uint32_t served, int64_t now_s)
{
	uint32_t wanted = served + 1;
	time_t t = (time_t)now_s;
	struct tm tm;

	switch (policy) {
	case SERIAL_UNIXTIME:
		wanted = (uint32_t)now_s;
		break;
	case SERIAL_DATE:
		if (gmtime_r(&t, &tm) != NULL)
			wanted = ((uint32_t)(tm.tm_year + 1900) * 10000 + (uint32_t)(tm.tm_mon + 1) * 100 +
			    (uint32_t)tm.tm_mday) * 100;
		break;
	case SERIAL_INCREMENT:
	case SERIAL_KEEP:
		break;
	}
	return serial_lt(served, wanted) ? wanted : served + 1;
}

enum serial_verdict
serial_judge(const struct serial_case *c)
{
	bool raised = serial_lt(c->base, c->file), newer = serial_lt(c->served, c->file);

	if (c->is_signed && !newer && (c->content || c->file != c->served))
		return SERIAL_IS_SIGNED;
	if (c->policy == SERIAL_KEEP && c->content && !raised)
		return SERIAL_NOT_RAISED;
	if (raised && newer)
		return SERIAL_OF_FILE;
	/* One that is served already is a commit of ours that comes back. */
	return c->file != c->base && c->file != c->served ? SERIAL_NEXT : SERIAL_BY_CONTENT;
}
