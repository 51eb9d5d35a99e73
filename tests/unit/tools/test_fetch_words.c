/* What certns-fetch says about a server's answer to its UPDATE; the answers are those of our own server's TSIG code. */
#include "tests/unit/check.h"
#include "tools/fetch_dns.h"
#include "tsig/tsig.h"
#include "wire/message.h"

#define NOW 1800000000
#define ROOM 1024

static struct tsig_key *ours, *other_secret;
static struct tsig_keyring *ring, *other_ring, *empty_ring;

static struct tsig_keyring *
ring_of(struct tsig_key *key)
{
	struct tsig_keyring *r = NULL;

	assert_int_equal(tsig_keyring_new(&r), ERR_OK);
	if (key != NULL)
		assert_int_equal(tsig_keyring_add(r, key), ERR_OK);
	return r;
}

static int
set_up(void **state)
{
	struct fault f;

	(void)state;
	assert_int_equal(tsig_key_parse("web._csr.www.example.com:hmac-sha256:c2VjcmV0", &ours, &f), ERR_OK);
	assert_int_equal(tsig_key_parse("web._csr.www.example.com:hmac-sha256:b3RoZXJz", &other_secret, &f), ERR_OK);
	ring = ring_of(ours);
	other_ring = ring_of(other_secret);
	empty_ring = ring_of(NULL);
	return 0;
}

/* An UPDATE goes to a server with a ring and a clock of its own, which answers with rcode and perhaps an EDE. */
static enum fetch_status
play(const struct tsig_keyring *server_ring, int64_t server_now_s, unsigned rcode, const char *ede, struct fault *f)
{
	struct msg_header h = { .id = 7, .flags = OPCODE_UPDATE << 11 };
	struct tsig_exchange client = { 0 }, server = { 0 };
	uint8_t msg[ROOM];
	struct wr w;
	size_t n;

	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &h);
	n = tsig_sign_request(ours, msg, wr_len(&w), sizeof msg, NOW, &client);
	assert_true(n > 0);
	if (tsig_verify_request(server_ring, msg, &n, server_now_s, &server) == TSIG_BAD)
		rcode = RCODE_NOTAUTH;
	h.flags |= (uint16_t)(FLAG_QR | rcode);
	h.arcount = ede != NULL;
	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &h);
	if (ede != NULL) {
		const uint8_t opt[] = { 0, 0, TYPE_OPT, 4, 208, 0, 0, 0, 0, 0, (uint8_t)(6 + strlen(ede)), 0,
		    EDNS_ERROR, 0,
			(uint8_t)(2 + strlen(ede)), 0, 18 };
		wr_octets(&w, opt, sizeof opt);
		wr_octets(&w, ede, strlen(ede));
	}
	n = tsig_sign_response(&server, msg, wr_len(&w), sizeof msg, server_now_s);
	assert_true(n > 0);
	enum err verified = tsig_verify_response(&client, msg, &n, true, NOW, f);
	enum fetch_status status = fetch_judge(&client, verified, msg, n, "example.com", NOW, f);
	tsig_exchange_clear(&client);
	tsig_exchange_clear(&server);
	return status;
}

static void
test_what_servers_say(void **state)
{
	const struct {
		const char *why;
		const struct tsig_keyring *ring;
		int64_t clock_s;
		unsigned rcode;
		const char *ede;
		enum fetch_status status;
		const char *words;
	} rows[] = {
		{ "done", ring, 0, RCODE_NOERROR, NULL, FETCH_FINE, "" },
		{ "another clock, but near enough", ring, 299, RCODE_NOERROR, NULL, FETCH_FINE, "" },
		{ "a clock ahead of ours", ring, 3600, RCODE_NOERROR, NULL, FETCH_REFUSED,
		  "BADTIME: this machine's clock is 3600 s behind the server's "
		  "(here 2027-01-15T08:00:00Z, there 2027-01-15T09:00:00Z)" },
		{ "a clock behind ours", ring, -1000, RCODE_NOERROR, NULL, FETCH_REFUSED,
		  "1000 s ahead of the server's" },
		{ "another secret", other_ring, 0, RCODE_NOERROR, NULL, FETCH_REFUSED,
		  "BADSIG: the server has another secret for the key web._csr.www.example.com" },
		{ "no such key", empty_ring, 0, RCODE_NOERROR, NULL, FETCH_REFUSED,
		  "BADKEY: the server does not know the key web._csr.www.example.com with hmac-sha256" },
		{ "not allowed", ring, 0, RCODE_REFUSED, NULL, FETCH_REFUSED, "the key may not do this" },
		{ "not allowed, with words", ring, 0, RCODE_REFUSED, "not in your zone", FETCH_REFUSED,
		  "REFUSED: not in your zone (with" },
		{ "words with escapes", ring, 0, RCODE_REFUSED, "\033[2J", FETCH_REFUSED, "REFUSED: ?[2J (with" },
		{ "a secondary", ring, 0, RCODE_NOTAUTH, NULL, FETCH_REFUSED,
		  "NOTAUTH: the server is no primary of example.com" },
		{ "another zone", ring, 0, RCODE_NOTZONE, NULL, FETCH_REFUSED,
		  "NOTZONE: the name is not in example.com" },
		{ "no updates there", ring, 0, RCODE_NOTIMP, NULL, FETCH_REFUSED, "--server" },
		{ "a full disk there", ring, 0, RCODE_SERVFAIL, "the journal is full", FETCH_NETWORK,
		  "SERVFAIL: the journal is full: the server cannot take the update now" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fault f = { 0 };
		enum fetch_status status = play(rows[i].ring, NOW + rows[i].clock_s, rows[i].rcode, rows[i].ede, &f);

		check(status == rows[i].status, "%s: %d: %s", rows[i].why, status, f.text);
		check(status == FETCH_FINE || strstr(f.text, rows[i].words) != NULL, "%s: the words: %s", rows[i].why,
		    f.text);
	}
}

/* Nobody signed it: a refusal may be believed as far as it goes, a success may not. */
static void
test_unsigned_answers(void **state)
{
	struct tsig_exchange x = { .key = ours, .key_name = ours->name };
	const struct { unsigned rcode; enum fetch_status status; const char *words; } rows[] = {
		{ RCODE_NOERROR, FETCH_REFUSED, "cannot be believed" },
		{ RCODE_REFUSED, FETCH_REFUSED, "REFUSED (unsigned)" },
		{ RCODE_SERVFAIL, FETCH_NETWORK, "SERVFAIL (unsigned)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t msg[MSG_HEADER_SIZE] = { 0, 7, 0xa8, (uint8_t)rows[i].rcode };
		struct fault f = { .text = "the answer is not signed" };
		enum fetch_status status = fetch_judge(&x, ERR_PEER, msg, sizeof msg, "example.com", NOW, &f);

		check(status == rows[i].status && strstr(f.text, rows[i].words) != NULL, "rcode %u: %d: %s",
		    rows[i].rcode, status, f.text);
	}
}

static int
tear_down(void **state)
{
	(void)state;
	tsig_keyring_unref(ring);
	tsig_keyring_unref(other_ring);
	tsig_keyring_unref(empty_ring);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_servers_say),
		cmocka_unit_test(test_unsigned_answers),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
