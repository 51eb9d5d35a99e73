#include "tests/unit/check.h"

#include "base/encoding.h"

/* RFC 4648, section 10, and two that show the alphabets apart. */
static const struct { const char *octets; size_t n; const char *base64, *base64url, *hex; } vectors[] = {
	{ "", 0, "", "", "" },
	{ "f", 1, "Zg==", "Zg", "66" },
	{ "fo", 2, "Zm8=", "Zm8", "666f" },
	{ "foo", 3, "Zm9v", "Zm9v", "666f6f" },
	{ "foob", 4, "Zm9vYg==", "Zm9vYg", "666f6f62" },
	{ "fooba", 5, "Zm9vYmE=", "Zm9vYmE", "666f6f6261" },
	{ "foobar", 6, "Zm9vYmFy", "Zm9vYmFy", "666f6f626172" },
	{ "\377\376\375", 3, "//79", "__79", "fffefd" },
	{ "\373\360\0", 3, "+/AA", "-_AA", "fbf000" }
};

static void
check_text(struct buf *b, const char *wanted)
{
	assert_string_equal(buf_str(b), wanted);
	buf_clear(b);
}

static void
check_octets(bool ok, struct buf *b, const char *wanted, size_t n, const char *text)
{
	check(ok && b->len == n && (n == 0 || memcmp(b->p, wanted, n) == 0), "\"%s\" decodes", text);
	buf_clear(b);
}

static void
test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		const uint8_t *octets = (const uint8_t *)vectors[i].octets;
		const char *text = vectors[i].base64;
		struct buf b = { 0 };

		base64_encode(octets, vectors[i].n, &b);
		check_text(&b, text);
		check_octets(base64_decode(text, strlen(text), &b), &b, vectors[i].octets, vectors[i].n, text);
		text = vectors[i].base64url;
		base64url_encode(octets, vectors[i].n, &b);
		check_text(&b, text);
		check_octets(base64url_decode(text, strlen(text), &b), &b, vectors[i].octets, vectors[i].n, text);
		text = vectors[i].hex;
		hex_encode(octets, vectors[i].n, &b);
		check_text(&b, text);
		check_octets(hex_decode(text, strlen(text), &b), &b, vectors[i].octets, vectors[i].n, text);
	}
}

static const struct { bool (*decode)(const char *, size_t, struct buf *); const char *text, *why; } bad[] = {
	{ base64_decode, "Zg", "no padding" },
	{ base64_decode, "Zg=", "half of the padding" },
	{ base64_decode, "Zg===", "too much padding" },
	{ base64_decode, "====", "nothing but padding" },
	{ base64_decode, "Z===", "three characters of padding" },
	{ base64_decode, "Zg==Zg==", "padding in the middle" },
	{ base64_decode, "Z=g=", "padding before the end" },
	{ base64_decode, "Zh==", "stray bits" },
	{ base64_decode, "Zm9=", "stray bits before one =" },
	{ base64_decode, "Zm 9v", "a blank" },
	{ base64_decode, "__79", "the other alphabet" },
	{ base64url_decode, "//79", "the other alphabet" },
	{ base64url_decode, "Zg==", "padding where there is none" },
	{ base64url_decode, "Z", "one character" },
	{ base64url_decode, "Zh", "stray bits" },
	{ hex_decode, "6", "half an octet" },
	{ hex_decode, "6g", "a letter that is no digit" },
	{ hex_decode, "0x66", "a C prefix" }
};

static void
test_decoders_are_strict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct buf b = { 0 };

		check(!bad[i].decode(bad[i].text, strlen(bad[i].text), &b), "\"%s\": %s", bad[i].text, bad[i].why);
		buf_clear(&b);
	}
	struct buf b = { 0 };
	check(hex_decode("fFAa", 4, &b) && b.len == 2 && b.p[0] == 0xff && b.p[1] == 0xaa, "hex in either case");
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_decoders_are_strict)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
