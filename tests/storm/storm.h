/* tests/storm/storm.h -- packets over TCP. */
#ifndef TESTS_STORM_STORM_H
#define TESTS_STORM_STORM_H

#include <netinet/in.h>

#include "tests/storm/packet.h"

void storm_tcp(struct packets *p, const struct sockaddr_in *to, uint64_t n, unsigned rate, unsigned connections);

#endif
