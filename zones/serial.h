/* zones/serial.h -- how a zone's serial is raised. */
#ifndef ZONES_SERIAL_H
#define ZONES_SERIAL_H

#include <stdint.h>

enum serial_policy {
	SERIAL_INCREMENT,		/* one more */
	SERIAL_UNIXTIME,		/* seconds since the epoch, else one more */
	SERIAL_DATE,			/* YYYYMMDDnn, else one more */
	SERIAL_KEEP			/* only people raise it */
};

/* The serial after served: always newer (RFC 1982) than served. */
uint32_t serial_next(enum serial_policy policy, uint32_t served, int64_t now_s);

#endif
