/* A packet storm for the tests: sends so many packets of tests/storm/packet.h to a server on loopback, and never waits
 * for an answer.
 *
 *	storm [-n packets] [-s seed] [-r packets per second] [-t connections] port zone key name...
 *
 * key: NAME:ALGORITHM:BASE64, for updates of zone.  name: what is asked for.  With -t the packets go over so many TCP
 * connections at a time, in pieces, with broken lengths, and with ends of all kinds. */
#include "tests/storm/storm.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define SOCKETS 16
#define BURST 32

static void
wait_for_turn(int64_t start_ms, uint64_t sent, unsigned rate)
{
	int64_t due_ms = start_ms + (int64_t)(sent * 1000 / rate), now_ms = clock_mono_ms();

	if (due_ms > now_ms)
		nanosleep(&(struct timespec){ (due_ms - now_ms) / 1000, (due_ms - now_ms) % 1000 * 1000000 }, NULL);
}

static void
storm_udp(struct packets *p, const struct sockaddr_in *to, uint64_t n, unsigned rate)
{
	static uint8_t packet[PACKET_MAX], answer[65536];
	int64_t start_ms = clock_mono_ms();
	int sockets[SOCKETS];

	for (unsigned i = 0; i < SOCKETS; i++) {
		sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (sockets[i] < 0 || connect(sockets[i], (const struct sockaddr *)to, sizeof *to) != 0)
			err(2, "UDP");
	}
	for (uint64_t i = 0; i < n; i++) {
		int fd = sockets[i % SOCKETS];

		if (i % BURST == 0)
			wait_for_turn(start_ms, i, rate);
		send(fd, packet, packets_next(p, clock_now_s(), packet), 0);
		while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
			continue;
	}
	for (unsigned i = 0; i < SOCKETS; i++)
		close(sockets[i]);
}

static uint64_t
number(const char *text)
{
	char *end;
	uint64_t v = strtoull(text, &end, 10);

	if (*text == '\0' || *end != '\0')
		errx(2, "not a number: %s", text);
	return v;
}

static void
read_name(const char *text, struct dname *out)
{
	if (dname_from_str(text, out) != ERR_OK)
		errx(2, "not a name: %s", text);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint64_t n = 1000, rate = 20000, connections = 0;
	struct packets p = { 0 };
	struct tsig_key *key;
	struct dname *names;
	int c;

	while ((c = getopt(argc, argv, "n:r:s:t:")) != -1) {
		switch (c) {
		case 'n':	n = number(optarg); break;
		case 'r':	rate = number(optarg); break;
		case 's':	p.state = number(optarg); break;
		case 't':	connections = number(optarg); break;
		default:	return 2;
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 4 || rate == 0)
		errx(2, "usage: storm [-n packets] [-s seed] [-r rate] [-t connections] port zone key name...");
	to.sin_port = htons((uint16_t)number(argv[0]));
	read_name(argv[1], &p.zone);
	if (tsig_key_parse(argv[2], &key, NULL) != ERR_OK)
		errx(2, "not a key");
	p.key = key;
	p.nnames = (size_t)argc - 3;
	if ((names = calloc(p.nnames, sizeof *names)) == NULL)
		err(2, "names");
	for (size_t i = 0; i < p.nnames; i++)
		read_name(argv[3 + i], &names[i]);
	p.names = names;
	if (connections > 0)
		storm_tcp(&p, &to, n, (unsigned)rate, (unsigned)connections);
	else
		storm_udp(&p, &to, n, (unsigned)rate);
	tsig_key_free(key);
	free(names);
	return 0;
}
