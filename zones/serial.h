/* zones/serial.h -- how a zone's serial is raised. */
#ifndef ZONES_SERIAL_H
#define ZONES_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

enum serial_policy {
	SERIAL_INCREMENT,		/* one more */
	SERIAL_UNIXTIME,		/* seconds since the epoch, else one more */
	SERIAL_DATE,			/* YYYYMMDDnn, else one more */
	SERIAL_KEEP			/* only people raise it */
};

/* The serial after served: always newer (RFC 1982) than served. */
uint32_t serial_next(enum serial_policy policy, uint32_t served, int64_t now_s);

/* A new text of a zone comes.  Its serial is compared with that of the text before, never with the served one: who
 * raised it meant to. */
struct serial_case {
	enum serial_policy policy;
	bool is_signed;			/* the zone comes signed: we must not raise its serial */
	uint32_t base, file, served;	/* of the text before, of the new one, and what is served now */
	bool content;			/* something else than the serial changes */
};
enum serial_verdict {
	SERIAL_OF_FILE,			/* raised, and newer than the served one: it is served */
	SERIAL_NEXT,			/* it was changed, but not to a newer one: the one after the served */
	SERIAL_BY_CONTENT,		/* as it was: the one after the served if the content changes */
	SERIAL_IS_SIGNED,		/* refused: it would have to be raised */
	SERIAL_NOT_RAISED		/* refused: the policy is keep */
};
enum serial_verdict serial_judge(const struct serial_case *c);

#endif
