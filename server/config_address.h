/* server/config_address.h -- an address as the configuration has it.  Part of server/config.h. */
#ifndef SERVER_CONFIG_ADDRESS_H
#define SERVER_CONFIG_ADDRESS_H

#include <sys/socket.h>

struct config_address {			/* ADDRESS[@PORT] */
	struct sockaddr_storage address;
	socklen_t len;
};

#endif
