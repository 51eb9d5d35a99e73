#include "server/steer.h"

#include <errno.h>
#include <linux/filter.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/socket.h>

unsigned
steer_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 0;
}

enum err
steer_sockets(int fd, unsigned n)
{
	struct sock_filter program[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(SKF_AD_OFF + SKF_AD_CPU) },
		{ BPF_ALU | BPF_MOD | BPF_K, 0, 0, n },
		{ BPF_RET | BPF_A, 0, 0, 0 },
	};
	struct sock_fprog filter = { .len = sizeof program / sizeof program[0], .filter = program };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) == 0)
		return ERR_OK;
	return errno == ENOPROTOOPT ? ERR_UNSUPPORTED : err_from_errno(errno);
}

void
steer_thread(unsigned worker, unsigned n)
{
	cpu_set_t all, own;

	CPU_ZERO(&own);
	if (sched_getaffinity(0, sizeof all, &all) != 0)
		return;
	for (unsigned cpu = worker; cpu < CPU_SETSIZE; cpu += n)
		if (CPU_ISSET(cpu, &all))
			CPU_SET(cpu, &own);
	if (CPU_COUNT(&own) > 0)
		pthread_setaffinity_np(pthread_self(), sizeof own, &own);
}
