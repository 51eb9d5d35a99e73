/* certns-notify: a signed NOTIFY (RFC 1996, RFC 8945), so that certnsd pulls now and not at its next poll.  Over TCP:
 * somebody waits for the outcome, and a refused connection tells more than a lost datagram. */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "tsig/tsig.h"
#include "wire/message.h"

#define TIMEOUT_MS 5000			/* for one server, from the first try to the answer */
#define REQUEST_MAX 1024

enum { EXIT_HEARD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int
usage(FILE *f)
{
	fputs("usage: certns-notify -k KEYFILE [-p PORT] [-z ZONE] SERVER...\n"
	    "       certns-notify -h | -V\n", f);
	return f == stdout ? EXIT_HEARD : EXIT_USAGE;
}

struct notify {
	const struct tsig_key *key;
	struct dname zone;
	const char *server, *port;
	int fd;
	int64_t deadline_ms;
	uint16_t id;
	struct tsig_exchange exchange;
};

static enum err
wait_for(const struct notify *n, short events)
{
	struct pollfd p = { .fd = n->fd, .events = events };
	int64_t left_ms = n->deadline_ms - clock_mono_ms();
	int ready = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;

	if (ready > 0 || (ready < 0 && errno == EINTR))
		return ERR_OK;
	return ready == 0 ? ERR_TIMEOUT : err_from_errno(errno);
}

static enum err
not_connected(int error, struct fault *f)
{
	return fault_set(f, err_from_errno(error), "cannot connect: %s", strerror(error));
}

static enum err
connect_to(struct notify *n, const struct addrinfo *a, struct fault *f)
{
	int error = 0;
	socklen_t len = sizeof error;
	enum err err;

	n->deadline_ms = clock_mono_ms() + TIMEOUT_MS;
	if ((n->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return fault_set(f, err_from_errno(errno), "socket: %s", strerror(errno));
	if (connect(n->fd, a->ai_addr, a->ai_addrlen) == 0)
		return ERR_OK;
	if (errno != EINPROGRESS)
		return not_connected(errno, f);
	if ((err = wait_for(n, POLLOUT)) == ERR_TIMEOUT)
		return not_connected(ETIMEDOUT, f);
	if (err == ERR_OK && getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    error != 0)
		return not_connected(error, f);
	return err;
}

static enum err
write_all(struct notify *n, const uint8_t *octets, size_t size)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && size > 0) {
		ssize_t sent = send(n->fd, octets, size, MSG_NOSIGNAL);

		if (sent >= 0) {
			octets += sent;
			size -= (size_t)sent;
		} else if (errno == EAGAIN || errno == EINTR)
			err = wait_for(n, POLLOUT);
		else
			err = err_from_errno(errno);
	}
	return err;
}

static enum err
read_all(struct notify *n, uint8_t *octets, size_t size, struct fault *f)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && size > 0) {
		ssize_t got = recv(n->fd, octets, size, 0);

		if (got > 0) {
			octets += got;
			size -= (size_t)got;
		} else if (got == 0)
			err = fault_set(f, ERR_PEER, "the connection was closed before the answer");
		else if (errno == EAGAIN || errno == EINTR)
			err = wait_for(n, POLLIN);
		else
			err = err_from_errno(errno);
	}
	return err;
}

/* With the two octets of length before it (RFC 1035, section 4.2.2). */
static size_t
make_request(struct notify *n, uint8_t out[2 + REQUEST_MAX])
{
	struct msg_header header = { .flags = OPCODE_NOTIFY << 11 | FLAG_AA, .qdcount = 1 };
	struct question question = { .qname = n->zone, .qtype = TYPE_SOA, .qclass = CLASS_IN };
	struct wr w;
	size_t size;

	if (getrandom(&n->id, sizeof n->id, 0) != sizeof n->id)
		return 0;
	header.id = n->id;
	wr_init(&w, out + 2, REQUEST_MAX);
	msg_header_write(&w, &header);
	question_write(&w, &question);
	if (w.full || (size = tsig_sign_request(n->key, out + 2, wr_len(&w), REQUEST_MAX, clock_now_s(),
	    &n->exchange)) == 0)
		return 0;
	store_u16(out, (uint16_t)size);
	return 2 + size;
}

static enum err
judge_answer(struct notify *n, uint8_t *msg, size_t size, struct fault *f)
{
	struct rd r = rd_over(msg, size);
	struct msg_header header;
	enum err err;

	msg_header_read(&r, &header);
	if (r.bad || header.id != n->id || (header.flags & FLAG_QR) == 0 || msg_opcode(&header) != OPCODE_NOTIFY)
		return fault_set(f, ERR_PEER, "the answer is none to our NOTIFY");
	if ((err = tsig_verify_response(&n->exchange, msg, &size, true, clock_now_s(), f)) != ERR_OK)
		return err;
	if ((header.flags & 15) != RCODE_NOERROR)
		return fault_set(f, ERR_PEER, "answered %s", rcode_str(header.flags & 15));
	return ERR_OK;
}

static enum err
exchange(struct notify *n, struct fault *f)
{
	uint8_t request[2 + REQUEST_MAX], length[2], answer[MSG_MAX];
	size_t size = make_request(n, request);
	enum err err;

	if (size == 0)
		return fault_set(f, ERR_CRYPTO, "the request could not be made");
	if ((err = write_all(n, request, size)) == ERR_OK && (err = read_all(n, length, sizeof length, f)) == ERR_OK &&
	    (err = read_all(n, answer, load_u16(length), f)) == ERR_OK)
		err = judge_answer(n, answer, load_u16(length), f);
	tsig_exchange_clear(&n->exchange);
	return err;
}

/* The addresses of a server one after the other, until one answers. */
static enum err
notify_server(struct notify *n, struct fault *f)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	enum err err = ERR_NOT_FOUND;
	int rc = getaddrinfo(n->server, n->port, &hints, &found);

	if (rc != 0)
		return fault_set(f, ERR_NETWORK, "%s", rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	for (const struct addrinfo *a = found; a != NULL && err != ERR_OK; a = a->ai_next) {
		f->text[0] = '\0';
		if ((err = connect_to(n, a, f)) == ERR_OK)
			err = exchange(n, f);
		if (n->fd >= 0)
			close(n->fd);
	}
	freeaddrinfo(found);
	return err;
}

static int
notify_all(struct notify *n, char **servers, int nservers)
{
	char zone[DNAME_TEXT_MAX];
	int status = EXIT_HEARD;

	for (int i = 0; i < nservers; i++) {
		struct fault f = { 0 };
		enum err err;

		n->server = servers[i];
		if ((err = notify_server(n, &f)) == ERR_OK)
			continue;
		fprintf(stderr, "certns-notify: NOTIFY of %s to %s, port %s: %s\n", dname_print_host(n->zone.octets,
		    zone), n->server, n->port, fault_str(&f, err));
		status = EXIT_FAILED;
	}
	return status;
}

static int
load_key(const char *path, struct tsig_key **key)
{
	struct fault f = { 0 };
	struct stat st;
	enum err err = tsig_key_load(path, key, &f);

	if (err != ERR_OK) {
		fprintf(stderr, "certns-notify: %s\n", fault_str(&f, err));
		return EXIT_USAGE;
	}
	if (stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		fprintf(stderr, "certns-notify: %s can be read by everybody on this machine\n", path);
	return EXIT_HEARD;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' }, { "key-file", required_argument, NULL, 'k' },
		{ "port", required_argument, NULL, 'p' }, { "version", no_argument, NULL, 'V' },
		{ "zone", required_argument, NULL, 'z' }, { NULL, 0, NULL, 0 }
	};
	struct notify n = { .port = "53", .fd = -1 };
	const char *key_file = NULL, *zone = NULL;
	struct tsig_key *key = NULL;
	int option, status;

	file_take_standard();
	while ((option = getopt_long(argc, argv, "hk:p:Vz:", options, NULL)) != -1) {
		switch (option) {
		case 'h':	return usage(stdout);
		case 'k':	key_file = optarg; break;
		case 'p':	n.port = optarg; break;
		case 'V':	printf("certns-notify %s\n", PACKAGE_VERSION); return EXIT_HEARD;
		case 'z':	zone = optarg; break;
		default:	return usage(stderr);
		}
	}
	if (key_file == NULL || optind == argc)
		return usage(stderr);
	if (zone != NULL && dname_from_str(zone, &n.zone) != ERR_OK) {
		fprintf(stderr, "certns-notify: %s is no domain name\n", zone);
		return EXIT_USAGE;
	}
	if ((status = load_key(key_file, &key)) == EXIT_HEARD && zone == NULL && key->right == TSIG_RIGHT_NONE) {
		fprintf(stderr, "certns-notify: the name of the key does not tell a zone, as NAME._notify.ZONE does: "
		    "-z is needed\n");
		status = EXIT_USAGE;
	}
	if (status == EXIT_HEARD) {
		n.key = key;
		if (zone == NULL)
			n.zone = key->zone;
		status = notify_all(&n, argv + optind, argc - optind);
	}
	tsig_key_free(key);
	return status;
}
