/* Arbitrary octets as a request to a server, as the answer to a client, and as the text of a key.  Without the secret
 * nothing verifies; whatever comes is answered within the room that was said. */
#include <stdlib.h>
#include <string.h>

#include "tsig/tsig.h"
#include "wire/message.h"

#define NOW_S 1700000000	/* the seeds are signed at this time, by the key k._update.example. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t msg[MSG_MAX], answer[MSG_MAX];

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static struct tsig_keyring *
make_ring(void)
{
	struct tsig_keyring *ring;
	struct tsig_key *key;

	must(tsig_keyring_new(&ring) == ERR_OK);
	must(tsig_key_parse("k._update.example:hmac-sha256:MDEyMzQ1Njc4OWFiY2RlZg==", &key, NULL) == ERR_OK);
	must(tsig_keyring_add(ring, key) == ERR_OK);
	return ring;
}

static void
as_request(const struct tsig_keyring *ring, const uint8_t *data, size_t size)
{
	struct tsig_exchange x;
	size_t n = size, header, m;

	memcpy(msg, data, size);
	enum tsig_status status = tsig_verify_request(ring, msg, &n, NOW_S, &x);
	must(n <= size && (status == TSIG_VALID || status == TSIG_BAD) == (n < size));
	header = msg_error_response(msg, n, RCODE_NOTAUTH, answer, sizeof answer);
	if (header > 0) {
		m = tsig_sign_response(&x, answer, header, header + tsig_response_size(&x), NOW_S);
		must(m == header + tsig_response_size(&x));
	}
	tsig_exchange_clear(&x);
}

static void
as_answer(const struct tsig_keyring *ring, const uint8_t *data, size_t size)
{
	static const uint8_t query[] = "\0\1\0\0\0\1\0\0\0\0\0\0\0\0\6\0\1";
	struct tsig_exchange x;
	struct fault f;
	size_t n = size;

	memcpy(msg, query, sizeof query - 1);
	must(tsig_sign_request(tsig_keyring_at(ring, 0), msg, sizeof query - 1, sizeof msg, NOW_S, &x) > 0);
	memcpy(msg, data, size);
	if (tsig_verify_response(&x, msg, &n, true, NOW_S, &f) != ERR_OK)
		must(n == size && memcmp(msg, data, size) == 0);
	tsig_exchange_clear(&x);

	memcpy(msg, query, sizeof query - 1);
	must(tsig_sign_request(tsig_keyring_at(ring, 0), msg, sizeof query - 1, sizeof msg, NOW_S, &x) > 0);
	x.messages = 1;		/* as in the middle of a stream: unsigned messages may come */
	memcpy(msg, data, size);
	n = size;
	if (tsig_verify_response(&x, msg, &n, false, NOW_S, &f) == ERR_OK) {
		n = size;
		memcpy(msg, data, size);
		tsig_verify_response(&x, msg, &n, false, NOW_S, &f);
	}
	tsig_exchange_clear(&x);
}

static void
check_key(struct tsig_key *key)
{
	must(key->secret_len > 0 && tsig_algorithm_str(key->algorithm) != NULL);
	must(!tsig_key_may(key, TSIG_RIGHT_UPDATE, key->zone.octets) || key->right == TSIG_RIGHT_UPDATE);
	tsig_key_free(key);
}

/* NAME:ALGORITHM:SECRET, as on a command line, or a statement of named.conf. */
static void
as_key(const uint8_t *data, size_t size)
{
	char text[1024];
	struct tsig_key *key;
	struct fault f;

	if (tsig_key_parse_statement("file", (const char *)data, size, &key, &f) == ERR_OK)
		check_key(key);
	if (size >= sizeof text || memchr(data, '\0', size) != NULL)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (tsig_key_parse(text, &key, &f) == ERR_OK)
		check_key(key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tsig_keyring *ring;

	if (ring == NULL)
		ring = make_ring();
	if (size > sizeof msg)
		return 0;
	as_request(ring, data, size);
	as_answer(ring, data, size);
	as_key(data, size);
	return 0;
}
