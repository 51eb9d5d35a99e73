/* The oracle is BIND (oracle.h): its messages verify, and from the same message, key and time we make the same octets.
 * Streams with unsigned messages come from a model: the octets that RFC 8945 lists, through one call of HMAC(). */
#include "tests/unit/check.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/encoding.h"
#include "tsig/tsig.h"
#include "wire/message.h"

#include "tests/unit/tsig/oracle.h"

#define NOW_S 1795319770
#define ROOM 1024

/* A query for www.example, A, with ID 0x1234. */
static const uint8_t query[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0" "\3www\7example\0\0\1\0\1";
#define QUERY_LEN (sizeof query - 1)

static struct tsig_keyring *ring;
static const struct tsig_key *sha256;

static const struct tsig_key *
find(const char *name)
{
	struct dname owner;

	assert_int_equal(dname_from_str(name, &owner), ERR_OK);
	return tsig_keyring_find(ring, owner.octets);
}

static int
make_ring(void **state)
{
	(void)state;
	if (tsig_keyring_new(&ring) != ERR_OK)
		return -1;
	for (int a = TSIG_HMAC_MD5; a <= TSIG_HMAC_SHA512; a++) {
		struct tsig_key *key;
		struct dname name;
		char text[64];

		snprintf(text, sizeof text, "%s._update.example", tsig_algorithm_str((enum tsig_algorithm)a));
		if (dname_from_str(text, &name) != ERR_OK || tsig_key_new(name.octets, (enum tsig_algorithm)a,
		    (const uint8_t *)ORACLE_SECRET, strlen(ORACLE_SECRET), &key) != ERR_OK)
			return -1;
		if (tsig_keyring_add(ring, key) != ERR_OK)
			return -1;
	}
	sha256 = find("hmac-sha256._update.example");
	return 0;
}

static int
drop_ring(void **state)
{
	(void)state;
	tsig_keyring_unref(ring);
	return 0;
}

static size_t
from_hex(const char *text, uint8_t out[ROOM])
{
	struct buf b = { 0 };
	size_t n;

	check(hex_decode(text, strlen(text), &b) && b.len <= ROOM, "the oracle is hex");
	memcpy(out, b.p, n = b.len);
	buf_clear(&b);
	return n;
}

static struct tsig_keyring *
ring_of(const char *key_text)
{
	struct tsig_keyring *r;
	struct tsig_key *key;
	struct buf text = { 0 };

	buf_printf(&text, "%s:", key_text);
	base64_encode((const uint8_t *)ORACLE_SECRET, strlen(ORACLE_SECRET), &text);
	assert_int_equal(tsig_key_parse(buf_str(&text), &key, NULL), ERR_OK);
	buf_clear(&text);
	assert_int_equal(tsig_keyring_new(&r), ERR_OK);
	assert_int_equal(tsig_keyring_add(r, key), ERR_OK);
	return r;
}

/* BIND's request verifies; the answers verify as a client would; then we answer the same, octet by octet. */
static void
try_exchange(const struct exchange_on_wire *e)
{
	struct tsig_keyring *keys = ring_of(e->key);
	struct tsig_exchange server, client;
	uint8_t msg[ROOM], wire[ROOM];
	size_t n = from_hex(e->request, msg), m;
	struct fault f;

	check(tsig_verify_request(keys, msg, &n, e->now_s, &server) == TSIG_VALID, "%s: the request", e->why);
	check(msg[11] == 0 || n > QUERY_LEN, "%s: the record is gone", e->why);
	client = server;
	for (int i = 0; i < 8 && e->answers[i] != NULL; i++) {
		bool final = i == 7 || e->answers[i + 1] == NULL;

		n = m = from_hex(e->answers[i], wire);
		memcpy(msg, wire, n);
		f.text[0] = '\0';
		check(tsig_verify_response(&client, msg, &n, final, e->now_s, &f) == ERR_OK, "%s: answer %d: %s",
		    e->why, i, f.text);
		check(m - n == tsig_response_size(&server), "%s: the size of the record is foretold", e->why);
		check(tsig_sign_response(&server, msg, n, ROOM, e->now_s) == m && memcmp(msg, wire, m) == 0,
		    "%s: our answer %d is BIND's", e->why, i);
	}
	tsig_exchange_clear(&client);
	tsig_exchange_clear(&server);
	tsig_keyring_unref(keys);
}

static void
test_bind_and_we_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++)
		try_exchange(&exchanges[i]);
}

static void
test_our_requests_are_those_of_dig(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
		struct tsig_keyring *keys = ring_of(exchanges[i].key);
		struct tsig_exchange x;
		uint8_t msg[ROOM], wire[ROOM];
		size_t n = from_hex(exchanges[i].request, wire), m = n;

		memcpy(msg, wire, n);
		tsig_verify_request(keys, msg, &m, exchanges[i].now_s, &x);
		bool full = x.mac_len == tsig_algorithm_mac_size(x.key->algorithm);
		bool same_case = memcmp(x.key_name.octets, x.key->name.octets, dname_len(x.key_name.octets)) == 0;
		m = tsig_sign_request(x.key, msg, m, ROOM, (int64_t)x.time_signed, &x);
		bool compressed = m > n;	/* dnspython does that to the key's name */
		check(!full || !same_case || compressed || (m == n && memcmp(msg, wire, n) == 0),
		    "%s: we sign it alike", exchanges[i].why);
		tsig_keyring_unref(keys);
	}
}

static void
test_we_refuse_as_bind_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		struct tsig_keyring *keys = ring_of("hmac-sha256._update.example:hmac-sha256");
		struct tsig_key *key = (struct tsig_key *)(uintptr_t)tsig_keyring_at(keys, 0);
		struct tsig_exchange x;
		uint8_t msg[ROOM], answer[ROOM], wire[ROOM];
		size_t n = from_hex(refusals[i].request, msg), m = from_hex(refusals[i].answer, wire);

		if (refusals[i].error == RCODE_BADTRUNC)
			key->mac_min = 32;
		check(tsig_verify_request(keys, msg, &n, refusals[i].now_s, &x) == TSIG_BAD &&
		    x.error == refusals[i].error, "%s: %s", refusals[i].why, rcode_str(x.error));
		n = m - tsig_response_size(&x);
		memcpy(answer, wire, n);
		answer[10] = answer[11] = 0;
		check(tsig_sign_response(&x, answer, n, ROOM, refusals[i].now_s) == m && memcmp(answer, wire, m) == 0,
		    "%s: our answer is BIND's", refusals[i].why);
		tsig_keyring_unref(keys);
	}
}

static void
test_round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < tsig_keyring_count(ring); i++) {
		const struct tsig_key *key = tsig_keyring_at(ring, i);
		const char *why = tsig_algorithm_str(key->algorithm);
		struct tsig_exchange client, server;
		uint8_t msg[ROOM];
		size_t n;

		memcpy(msg, query, QUERY_LEN);
		n = tsig_sign_request(key, msg, QUERY_LEN, ROOM, NOW_S, &client);
		check(n > QUERY_LEN && msg[11] == 1, "%s: signed", why);
		check(tsig_verify_request(ring, msg, &n, NOW_S + 2, &server) == TSIG_VALID, "%s: verified", why);
		check(n == QUERY_LEN && memcmp(msg, query, n) == 0, "%s: as before", why);
		check(server.key == key && server.original_id == 0x1234 && server.time_signed == NOW_S, "%s", why);
		for (int part = 0; part < 3; part++) {
			n = tsig_sign_response(&server, msg, QUERY_LEN, ROOM, NOW_S + 3);
			check(n == QUERY_LEN + tsig_response_size(&server), "%s: part %d is signed", why, part);
			check(tsig_verify_response(&client, msg, &n, part == 2, NOW_S + 4, NULL) == ERR_OK,
			    "%s: part %d is verified", why, part);
			check(n == QUERY_LEN && memcmp(msg, query, n) == 0, "%s: part %d is as before", why, part);
		}
		tsig_exchange_clear(&client);
		tsig_exchange_clear(&server);
	}
}

static size_t
signed_query(uint8_t msg[ROOM], struct tsig_exchange *x)
{
	memcpy(msg, query, QUERY_LEN);
	return tsig_sign_request(sha256, msg, QUERY_LEN, ROOM, NOW_S, x);
}

/* The ID may change (the original one is signed), and so may letter case in the record's two names. */
static bool
may_change(const uint8_t *msg, size_t i, uint8_t to)
{
	size_t names = QUERY_LEN + dname_len(sha256->name.octets), algorithm = names + 10;
	bool in_name = (i >= QUERY_LEN && i < names) || (i >= algorithm && i < algorithm + 13);

	return i < 2 || (in_name && (msg[i] ^ to) == 0x20 && (to | 0x20) >= 'a' && (to | 0x20) <= 'z');
}

static void
test_no_octet_of_a_request_may_change(void **state)
{
	uint8_t msg[ROOM], copy[ROOM];
	struct tsig_exchange x;
	size_t n = signed_query(msg, &x);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (unsigned d = 1; d < 256; d++) {
			size_t m = n;

			memcpy(copy, msg, n);
			copy[i] ^= (uint8_t)d;
			bool valid = tsig_verify_request(ring, copy, &m, NOW_S, &x) == TSIG_VALID;
			check(valid == may_change(msg, i, msg[i] ^ (uint8_t)d), "octet %zu, %02x became %02x", i,
			    msg[i], msg[i] ^ d);
		}
	}
}

static void
test_no_octet_of_an_answer_may_change(void **state)
{
	uint8_t msg[ROOM], copy[ROOM];
	struct tsig_exchange client, server;
	size_t n = signed_query(msg, &client);

	(void)state;
	tsig_verify_request(ring, msg, &n, NOW_S, &server);
	n = tsig_sign_response(&server, msg, n, ROOM, NOW_S);
	for (size_t i = 0; i < n; i++) {
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			struct tsig_exchange x = client;
			size_t m = n;

			memcpy(copy, msg, n);
			copy[i] ^= (uint8_t)bit;
			bool valid = tsig_verify_response(&x, copy, &m, true, NOW_S, NULL) == ERR_OK;
			check(valid == may_change(msg, i, msg[i] ^ (uint8_t)bit), "octet %zu, bit %02x", i, bit);
			check(valid || (m == n && memcmp(copy + i + 1, msg + i + 1, n - i - 1) == 0), "left as it was");
			tsig_exchange_clear(&x);
		}
	}
}

static void
test_every_prefix(void **state)
{
	uint8_t msg[ROOM];
	struct tsig_exchange x, client;
	size_t n = signed_query(msg, &client);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		uint8_t *prefix = malloc(i == 0 ? 1 : i);	/* so that a sanitizer sees every octet too many */
		size_t m = i;

		memcpy(prefix, msg, i);
		check(tsig_verify_request(ring, prefix, &m, NOW_S, &x) == TSIG_FORMERR && m == i, "%zu octets", i);
		struct tsig_exchange c = client;
		check(tsig_verify_response(&c, prefix, &m, true, NOW_S, NULL) == ERR_FORMAT, "%zu octets back", i);
		tsig_exchange_clear(&c);
		free(prefix);
	}
}

static const struct { const char *why; int64_t off_s; unsigned error; } times[] = {
	{ "the same second", 0, RCODE_NOERROR },
	{ "the last second of the window", TSIG_FUDGE_S, RCODE_NOERROR },
	{ "a second too late", TSIG_FUDGE_S + 1, RCODE_BADTIME },
	{ "the first second of the window", -TSIG_FUDGE_S, RCODE_NOERROR },
	{ "a second too early", -TSIG_FUDGE_S - 1, RCODE_BADTIME },
	{ "a clock at the epoch", -NOW_S, RCODE_BADTIME },
	{ "a clock far ahead", INT64_C(1) << 47, RCODE_BADTIME }
};

static void
test_the_window_of_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		int64_t now_s = NOW_S + times[i].off_s;
		uint8_t msg[ROOM];
		struct tsig_exchange client, server;
		size_t n = signed_query(msg, &client);
		struct fault f = { ERR_OK, "" };
		bool bad = times[i].error != RCODE_NOERROR;

		check(tsig_verify_request(ring, msg, &n, now_s, &server) == (bad ? TSIG_BAD : TSIG_VALID) &&
		    server.error == times[i].error, "%s: the server", times[i].why);
		n = tsig_sign_response(&server, msg, n, ROOM, now_s);
		check(n == QUERY_LEN + tsig_response_size(&server), "%s: the answer is signed", times[i].why);
		enum err err = tsig_verify_response(&client, msg, &n, true, NOW_S, &f);
		check(err == (bad ? ERR_PEER : ERR_OK), "%s: the client: %s", times[i].why, f.text);
		check(!bad || (strncmp(f.text, "BADTIME", 7) == 0 && strstr(f.text, "2026-11-22T") != NULL),
		    "%s: the words: %s", times[i].why, f.text);
		check(client.error == times[i].error, "%s: the client sees the error", times[i].why);
		tsig_exchange_clear(&client);
		tsig_exchange_clear(&server);
	}
}

/* RFC 8945 by the letter: what goes into the MAC of a request or answer, laid out in one buffer. */
struct model {
	uint8_t prior[64];
	size_t prior_len;
	struct buf digested;		/* messages since the last MAC */
	bool later;			/* the first message of a stream is signed: timers only */
};

static void
model_take(struct model *m, const uint8_t *msg, size_t n)
{
	buf_add(&m->digested, msg, n);
}

/* Append a TSIG record, its MAC cut to mac_len octets, to the n octets of msg, which model_take() had before. */
static size_t
model_sign(struct model *m, uint8_t *msg, size_t n, size_t mac_len, int64_t time_s)
{
	static const uint8_t algorithm[] = "\13hmac-sha256";
	struct buf all = { 0 }, rec = { 0 };
	unsigned full;
	uint8_t mac[EVP_MAX_MD_SIZE];

	if (m->prior_len > 0) {
		buf_u16(&all, (uint16_t)m->prior_len);
		buf_add(&all, m->prior, m->prior_len);
	}
	buf_add(&all, m->digested.p, m->digested.len);
	if (!m->later) {
		buf_add(&all, sha256->name.octets, dname_len(sha256->name.octets));
		buf_u16(&all, 255);
		buf_u32(&all, 0);
		buf_add(&all, algorithm, sizeof algorithm);
	}
	buf_u16(&all, (uint16_t)(time_s >> 32));
	buf_u32(&all, (uint32_t)time_s);
	buf_u16(&all, 300);
	if (!m->later)
		buf_u32(&all, 0);
	HMAC(EVP_sha256(), ORACLE_SECRET, (int)strlen(ORACLE_SECRET), all.p, all.len, mac, &full);
	buf_add(&rec, sha256->name.octets, dname_len(sha256->name.octets));
	buf_u16(&rec, 250);
	buf_u16(&rec, 255);
	buf_u32(&rec, 0);
	buf_u16(&rec, (uint16_t)(sizeof algorithm + 16 + mac_len));
	buf_add(&rec, algorithm, sizeof algorithm);
	buf_u16(&rec, (uint16_t)(time_s >> 32));
	buf_u32(&rec, (uint32_t)time_s);
	buf_u16(&rec, 300);
	buf_u16(&rec, (uint16_t)mac_len);
	for (size_t i = 0; i < mac_len; i++)
		buf_u8(&rec, i < full ? mac[i] : 0);
	buf_add(&rec, msg, 2);
	buf_u32(&rec, 0);
	assert_false(rec.failed);
	memcpy(msg + n, rec.p, rec.len);
	n += rec.len;
	msg[11]++;
	m->prior_len = mac_len < sizeof m->prior ? mac_len : sizeof m->prior;
	memcpy(m->prior, mac, m->prior_len);
	m->later = true;
	buf_clear(&all);
	buf_clear(&rec);
	buf_clear(&m->digested);
	return n;
}

static const struct { size_t len; enum tsig_status status; const char *why; } macs[] = {
	{ 0, TSIG_FORMERR, "no MAC" },
	{ 9, TSIG_FORMERR, "shorter than ten octets" },
	{ 15, TSIG_FORMERR, "shorter than half" },
	{ 16, TSIG_VALID, "half" },
	{ 20, TSIG_VALID, "more than half" },
	{ 31, TSIG_VALID, "one octet cut off" },
	{ 32, TSIG_VALID, "the whole MAC" },
	{ 33, TSIG_FORMERR, "longer than the whole" },
	{ 200, TSIG_FORMERR, "much longer than the whole" }
};

static void
test_truncated_macs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof macs / sizeof macs[0]; i++) {
		struct model m = { .prior_len = 0 };
		struct tsig_exchange x, client;
		uint8_t msg[ROOM], copy[ROOM];
		size_t n, whole;

		memcpy(msg, query, QUERY_LEN);
		model_take(&m, msg, QUERY_LEN);
		n = whole = model_sign(&m, msg, QUERY_LEN, macs[i].len, NOW_S);
		memcpy(copy, msg, n);
		check(tsig_verify_request(ring, msg, &n, NOW_S, &x) == macs[i].status, "%s", macs[i].why);
		if (macs[i].status == TSIG_FORMERR) {
			check(n == whole && memcmp(msg, copy, n) == 0, "%s: left alone", macs[i].why);
			check(tsig_sign_response(&x, msg, n, ROOM, NOW_S) == n, "%s: answered unsigned", macs[i].why);
			continue;
		}
		client = x;
		check(tsig_sign_response(&x, msg, n, ROOM, NOW_S) == whole, "%s: answered as long", macs[i].why);
		n = whole;
		check(tsig_verify_response(&client, msg, &n, true, NOW_S, NULL) == ERR_OK, "%s: back", macs[i].why);
		copy[whole - 7] ^= 1;		/* the last octet of the MAC */
		n = whole;
		check(tsig_verify_request(ring, copy, &n, NOW_S, &x) == TSIG_BAD && x.error == RCODE_BADSIG,
		    "%s: but wrong", macs[i].why);
	}
}

/* A stream in which run messages are unsigned after each signed one. */
static const struct { unsigned messages, run; bool final_signed, ok; const char *why; } streams[] = {
	{ 1, 0, true, true, "one message" },
	{ 5, 0, true, true, "all signed" },
	{ 9, 1, true, true, "every other" },
	{ 101, 99, true, true, "99 in a row unsigned" },
	{ 201, 99, true, true, "twice 99 in a row" },
	{ 102, 100, true, false, "100 in a row unsigned" },
	{ 9, 1, false, false, "the last one unsigned" }
};

static void
test_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
		struct tsig_exchange x;
		uint8_t msg[ROOM];
		struct model m = { .prior_len = 32 };
		enum err err = ERR_OK;

		assert_true(signed_query(msg, &x) > 0);
		memcpy(m.prior, x.mac, 32);
		for (unsigned k = 0; k < streams[i].messages && err == ERR_OK; k++) {
			bool final = k + 1 == streams[i].messages;
			size_t n = QUERY_LEN;

			memcpy(msg, query, QUERY_LEN);
			msg[QUERY_LEN - 3] = (uint8_t)k;		/* so that they differ */
			model_take(&m, msg, n);
			if (k % (streams[i].run + 1) == 0 ? !final || streams[i].final_signed :
			    final && streams[i].final_signed)
				n = model_sign(&m, msg, n, 32, NOW_S + k);
			err = tsig_verify_response(&x, msg, &n, final, NOW_S, NULL);
			check(err != ERR_OK || n == QUERY_LEN, "%s: message %u comes without TSIG", streams[i].why, k);
		}
		check((err == ERR_OK) == streams[i].ok, "%s", streams[i].why);
		buf_clear(&m.digested);
		tsig_exchange_clear(&x);
	}
}

static void
test_an_unsigned_message_cannot_be_slipped_in(void **state)
{
	struct tsig_exchange client, server;
	uint8_t msg[ROOM];
	size_t n = signed_query(msg, &client);
	struct fault f;

	(void)state;
	tsig_verify_request(ring, msg, &n, NOW_S, &server);
	n = tsig_sign_response(&server, msg, QUERY_LEN, ROOM, NOW_S);
	assert_int_equal(tsig_verify_response(&client, msg, &n, false, NOW_S, &f), ERR_OK);
	assert_int_equal(tsig_verify_response(&client, msg, &n, false, NOW_S, &f), ERR_OK);
	n = tsig_sign_response(&server, msg, QUERY_LEN, ROOM, NOW_S);
	assert_int_equal(tsig_verify_response(&client, msg, &n, true, NOW_S, &f), ERR_PEER);
	assert_non_null(strstr(f.text, "BADSIG"));
	tsig_exchange_clear(&client);
	tsig_exchange_clear(&server);
}

static void
test_what_a_client_does_not_take(void **state)
{
	struct tsig_exchange client, server;
	uint8_t msg[ROOM];
	size_t n;
	struct fault f;

	(void)state;
	signed_query(msg, &client);
	memcpy(msg, query, n = QUERY_LEN);
	check(tsig_verify_response(&client, msg, &n, true, NOW_S, &f) == ERR_PEER &&
	    strstr(f.text, "not signed") != NULL, "an unsigned answer: %s", f.text);
	check(tsig_verify_response(&client, msg, &n, false, NOW_S, &f) == ERR_PEER, "a stream that begins unsigned");

	memcpy(msg, query, QUERY_LEN);
	n = tsig_sign_request(find("hmac-sha512._update.example"), msg, QUERY_LEN, ROOM, NOW_S, &server);
	check(tsig_verify_response(&client, msg, &n, true, NOW_S, &f) == ERR_PEER &&
	    strstr(f.text, "another key") != NULL, "another key: %s", f.text);

	struct tsig_keyring *nobody;
	assert_int_equal(tsig_keyring_new(&nobody), ERR_OK);
	n = signed_query(msg, &client);
	assert_int_equal(tsig_verify_request(nobody, msg, &n, NOW_S, &server), TSIG_BAD);
	assert_null(server.key);
	n = tsig_sign_response(&server, msg, n, ROOM, NOW_S);
	check(tsig_verify_response(&client, msg, &n, true, NOW_S, &f) == ERR_PEER &&
	    strstr(f.text, "BADKEY") != NULL && client.error == RCODE_BADKEY, "BADKEY: %s", f.text);
	tsig_keyring_unref(nobody);
}

static void
test_keys_that_are_not_the_right_one(void **state)
{
	struct tsig_keyring *other = ring_of("hmac-sha256._update.example:hmac-sha512");
	struct tsig_exchange x;
	uint8_t msg[ROOM];
	size_t n = signed_query(msg, &x);

	(void)state;
	check(tsig_verify_request(other, msg, &n, NOW_S, &x) == TSIG_BAD && x.error == RCODE_BADKEY,
	    "the same name with another algorithm is BADKEY");
	tsig_keyring_unref(other);
	n = signed_query(msg, &x);
	check(tsig_verify_request(NULL, msg, &n, NOW_S, &x) == TSIG_BAD && x.error == RCODE_BADKEY,
	    "without a ring all is BADKEY");
}

static void
test_the_id_may_change_on_the_way(void **state)
{
	struct tsig_exchange client, server;
	uint8_t msg[ROOM];
	size_t n = signed_query(msg, &client);

	(void)state;
	msg[0] = 0xab;
	msg[1] = 0xcd;
	assert_int_equal(tsig_verify_request(ring, msg, &n, NOW_S, &server), TSIG_VALID);
	check(msg[0] == 0xab && msg[1] == 0xcd, "the answer goes back under the ID that came");
	n = tsig_sign_response(&server, msg, n, ROOM, NOW_S);
	check(tsig_verify_response(&client, msg, &n, true, NOW_S, NULL) == ERR_OK, "before the forwarder");
}

/* One change each to a signed query of ours. */
static void
test_misplaced_records(void **state)
{
	uint8_t msg[ROOM], good[ROOM];
	struct tsig_exchange x;
	size_t n = signed_query(good, &x), m, record = n - QUERY_LEN;

	(void)state;
	memcpy(msg, good, n);
	memcpy(msg + n, good + QUERY_LEN, record);
	msg[11] = 2;
	m = n + record;
	check(tsig_verify_request(ring, msg, &m, NOW_S, &x) == TSIG_FORMERR, "two records");
	memcpy(msg, good, n);
	msg[11] = 0;
	msg[7] = 1;
	m = n;
	check(tsig_verify_request(ring, msg, &m, NOW_S, &x) == TSIG_FORMERR, "in the answer section");
	memcpy(msg, good, n);
	msg[n] = 0;
	m = n + 1;
	check(tsig_verify_request(ring, msg, &m, NOW_S, &x) == TSIG_FORMERR, "octets behind it");
	memcpy(msg + n, "\0\0\1\0\1\0\0\0\0\0\0", 11);
	msg[11] = 2;
	m = n + 11;
	check(tsig_verify_request(ring, msg, &m, NOW_S, &x) == TSIG_FORMERR, "another record behind it");
	memcpy(msg, query, m = QUERY_LEN);
	check(tsig_verify_request(ring, msg, &m, NOW_S, &x) == TSIG_ABSENT && m == QUERY_LEN, "none");
	check(tsig_sign_response(&x, msg, m, ROOM, NOW_S) == m && tsig_response_size(&x) == 0, "none, answered");
}

static void
test_room(void **state)
{
	struct tsig_exchange x, server;
	uint8_t msg[ROOM];
	size_t n = signed_query(msg, &x);

	(void)state;
	memcpy(msg, query, QUERY_LEN);
	assert_int_equal(tsig_sign_request(sha256, msg, QUERY_LEN, n - 1, NOW_S, &x), 0);
	assert_int_equal(tsig_sign_request(sha256, msg, QUERY_LEN, n, NOW_S, &x), n);
	assert_int_equal(tsig_verify_request(ring, msg, &n, NOW_S, &server), TSIG_VALID);
	size_t size = tsig_response_size(&server);
	assert_int_equal(tsig_sign_response(&server, msg, n, n + size - 1, NOW_S), 0);
	assert_int_equal(tsig_sign_response(&server, msg, n, n + size, NOW_S), n + size);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind_and_we_agree),
		cmocka_unit_test(test_our_requests_are_those_of_dig),
		cmocka_unit_test(test_we_refuse_as_bind_does),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_no_octet_of_a_request_may_change),
		cmocka_unit_test(test_no_octet_of_an_answer_may_change),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_the_window_of_time),
		cmocka_unit_test(test_truncated_macs),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_an_unsigned_message_cannot_be_slipped_in),
		cmocka_unit_test(test_what_a_client_does_not_take),
		cmocka_unit_test(test_keys_that_are_not_the_right_one),
		cmocka_unit_test(test_the_id_may_change_on_the_way),
		cmocka_unit_test(test_misplaced_records),
		cmocka_unit_test(test_room)
	};

	return cmocka_run_group_tests(tests, make_ring, drop_ring);
}
