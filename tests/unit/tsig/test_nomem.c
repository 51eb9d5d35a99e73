/* Each allocation that OpenSSL makes for us fails once: nothing verifies that should not, nothing is half signed,
 * and nothing leaks (the sanitizer build sees that).  And many threads use one key. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "tsig/tsig.h"
#include "wire/message.h"

#define NOW_S 1795319770
#define ROOM 512
#define KEY_TEXT "k._update.example:hmac-sha256:MDEyMzQ1Njc4OWFiY2RlZg=="

static const uint8_t query[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0" "\3www\7example\0\0\1\0\1";
#define QUERY_LEN (sizeof query - 1)

static long fail_at = -1;	/* so many allocations succeed; negative: all do */

static bool
fails(void)
{
	return fail_at >= 0 && fail_at-- == 0;
}

static void *
give(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n == 0 || fails() ? NULL : malloc(n);
}

static void *
give_again(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : realloc(p, n);
}

static void
take_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static struct tsig_keyring *
make_ring(void)
{
	struct tsig_keyring *ring;
	struct tsig_key *key;

	assert_int_equal(tsig_keyring_new(&ring), ERR_OK);
	assert_int_equal(tsig_key_parse(KEY_TEXT, &key, NULL), ERR_OK);
	assert_int_equal(tsig_keyring_add(ring, key), ERR_OK);
	return ring;
}

static void
test_keys(void **state)
{
	bool fired = true;

	(void)state;
	for (long n = 0; fired; n++) {
		struct tsig_key *key = NULL;

		fail_at = n;
		enum err err = tsig_key_parse(KEY_TEXT, &key, NULL);
		fired = fail_at < 0;
		fail_at = -1;
		check(fired || err == ERR_OK, "no allocation failed");
		check((err == ERR_OK) == (key != NULL), "allocation %ld: a key or an error", n);
		tsig_key_free(key);
	}
}

static void
test_exchanges(void **state)
{
	struct tsig_keyring *ring = make_ring();
	bool fired = true;

	(void)state;
	for (long n = 0; fired; n++) {
		struct tsig_exchange client = { .status = TSIG_ABSENT }, server = { .status = TSIG_ABSENT };
		uint8_t msg[ROOM];
		size_t len;
		enum tsig_status status = TSIG_VALID;
		enum err err = ERR_CRYPTO;

		memcpy(msg, query, QUERY_LEN);
		fail_at = n;
		if ((len = tsig_sign_request(tsig_keyring_at(ring, 0), msg, QUERY_LEN, ROOM, NOW_S, &client)) > 0 &&
		    (status = tsig_verify_request(ring, msg, &len, NOW_S, &server)) == TSIG_VALID &&
		    (len = tsig_sign_response(&server, msg, len, ROOM, NOW_S)) > 0)
			err = tsig_verify_response(&client, msg, &len, true, NOW_S, NULL);
		fired = fail_at < 0;
		fail_at = -1;
		check(fired || err == ERR_OK, "no allocation failed");
		check(status == TSIG_VALID || status == TSIG_NO_MEMORY, "allocation %ld: nobody is blamed for it", n);
		check(err != ERR_OK || (len == QUERY_LEN && memcmp(msg, query, len) == 0), "allocation %ld", n);
		tsig_exchange_clear(&client);
		tsig_exchange_clear(&server);
	}
	tsig_keyring_unref(ring);
}

static void *
exchange_often(void *ring)
{
	uintptr_t failed = 0;

	for (int i = 0; i < 2000; i++) {
		struct tsig_exchange client, server;
		uint8_t msg[ROOM];
		size_t n;

		memcpy(msg, query, QUERY_LEN);
		n = tsig_sign_request(tsig_keyring_at(ring, 0), msg, QUERY_LEN, ROOM, NOW_S + i, &client);
		failed += tsig_verify_request(ring, msg, &n, NOW_S + i, &server) != TSIG_VALID;
		n = tsig_sign_response(&server, msg, n, ROOM, NOW_S + i);
		failed += tsig_verify_response(&client, msg, &n, true, NOW_S + i, NULL) != ERR_OK;
		tsig_exchange_clear(&client);
	}
	return (void *)failed;
}

static void
test_threads_share_a_key(void **state)
{
	struct tsig_keyring *ring = make_ring();
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, exchange_often, ring), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	tsig_keyring_unref(ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_threads_share_a_key)
	};

	if (CRYPTO_set_mem_functions(give, give_again, take_back) != 1)
		return 1;		/* OpenSSL has allocated already */
	tsig_keyring_unref(make_ring());	/* what OpenSSL sets up once must not fail */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
