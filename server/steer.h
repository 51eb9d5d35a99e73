/* server/steer.h -- workers that stay on their CPUs, and get the packets that these received.  CPU c is worker c % n's,
 * as far as we may use it. */
#ifndef SERVER_STEER_H
#define SERVER_STEER_H

#include "base/err.h"

/* CPUs that this process may use. */
unsigned steer_cpus(void);

/* Of n sockets that share a port (SO_REUSEPORT), opened in the order of their workers, the one of the CPU that has
 * received a packet or a connection gets it.  fd is any of them.  ERR_UNSUPPORTED and others: the system cannot, and
 * spreads by addresses as ever. */
enum err steer_sockets(int fd, unsigned n);

/* Keep the calling thread, which is the worker-th of n, on its CPUs; where it may use none of these it stays free. */
void steer_thread(unsigned worker, unsigned n);

#endif
