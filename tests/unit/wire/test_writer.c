#include "tests/unit/check.h"

#include <stdlib.h>

#include "wire/reader.h"
#include "wire/writer.h"

static void
put(struct wr *w, const char *text)
{
	struct dname name;

	assert_int_equal(dname_from_str(text, &name), ERR_OK);
	wr_dname(w, name.octets);
}

/* Read one name back: it is text again. */
static void
check_name(struct rd *r, const char *text)
{
	struct dname name, wanted;

	assert_int_equal(dname_from_str(text, &wanted), ERR_OK);
	rd_dname(r, &name);
	check(!r->bad && dname_equal(name.octets, wanted.octets), "%s reads back", text);
}

static void
check_octets(const struct wr *w, const char *wanted, size_t n, const char *why)
{
	check(!w->full && wr_len(w) == n && memcmp(w->base, wanted, n) == 0, "%s", why);
}

static void
test_compression(void **state)
{
	uint8_t buffer[512];
	struct wr w;

	(void)state;
	wr_init(&w, buffer, sizeof buffer);
	put(&w, "www.example.org");
	check_octets(&w, "\3www\7example\3org", 17, "the first name stands in full");
	put(&w, "www.example.org");
	check_octets(&w, "\3www\7example\3org\0\300\0", 19, "the same again is a pointer");
	put(&w, "MAIL.EXAMPLE.ORG");
	check_octets(&w, "\3www\7example\3org\0\300\0\4MAIL\300\4", 26, "its tail is shared in either case");
	put(&w, ".");
	check_octets(&w, "\3www\7example\3org\0\300\0\4MAIL\300\4", 27, "the root is one octet");
	put(&w, "a.mail.example.org");
	struct rd r = rd_over(buffer, wr_len(&w));
	check_name(&r, "www.example.org");
	check_name(&r, "www.example.org");
	check_name(&r, "mail.example.org");
	check_name(&r, ".");
	check_name(&r, "a.mail.example.org");
	assert_int_equal(rd_left(&r), 0);
}

static void
test_plain_names_are_no_targets(void **state)
{
	uint8_t buffer[512];
	struct wr w;

	(void)state;
	wr_init(&w, buffer, sizeof buffer);
	wr_dname_plain(&w, (const uint8_t *)"\1a");
	put(&w, "a");
	wr_dname_plain(&w, (const uint8_t *)"\1a");
	check_octets(&w, "\1a\0\1a\0\1a", 9, "three times in full");
}

static void
test_repeated_labels(void **state)
{
	uint8_t buffer[512];
	struct wr w;

	(void)state;
	/* What stands behind the label that is being written must never be taken for the rest of a name. */
	memset(buffer, 63, sizeof buffer);
	wr_init(&w, buffer, sizeof buffer);
	put(&w, "a.a.a.a");
	check_octets(&w, "\1a\1a\1a\1a", 9, "a name of equal labels");
	put(&w, "a.a");
	check_octets(&w, "\1a\1a\1a\1a\0\300\4", 11, "its tail");
}

static void
test_rewind_drops_names(void **state)
{
	uint8_t buffer[512];
	struct wr w;

	(void)state;
	wr_init(&w, buffer, sizeof buffer);
	put(&w, "example.org");
	struct wr_mark mark = wr_mark(&w);
	put(&w, "www.example.org");
	wr_rewind(&w, mark);
	wr_u32(&w, 0x01020304);
	put(&w, "www.example.org");
	check_octets(&w, "\7example\3org\0\1\2\3\4\3www\300\0", 23, "no pointer to what was taken back");
}

static void
test_full_writes_nothing(void **state)
{
	(void)state;
	for (size_t room = 0; room < 40; room++) {
		uint8_t *buffer = malloc(room == 0 ? 1 : room);
		struct wr w;

		wr_init(&w, buffer, room);
		put(&w, "www.example.org");
		wr_u16(&w, 7);
		struct wr_mark mark = wr_mark(&w);
		bool fits = !w.full;
		check(fits == (room >= 19), "%zu octets", room);
		put(&w, "ftp.example.org");
		wr_octets(&w, "0123456789", 10);
		check(w.full == (room < 35), "%zu octets: and more", room);
		check(wr_len(&w) <= room, "%zu octets: not beyond", room);
		if (fits && w.full) {
			wr_rewind(&w, mark);
			check(!w.full && wr_len(&w) == 19, "%zu octets: taken back", room);
		}
		free(buffer);
	}
}

static void
test_many_names(void **state)
{
	static uint8_t buffer[65535];
	struct wr w;
	char text[32];

	(void)state;
	wr_init(&w, buffer, sizeof buffer);
	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof text, "n%d.x%d.example", i, i % 7);
		put(&w, text);
	}
	assert_false(w.full);
	struct rd r = rd_over(buffer, wr_len(&w));
	for (int i = 0; i < 3000; i++) {
		snprintf(text, sizeof text, "n%d.x%d.example", i, i % 7);
		check_name(&r, text);
	}
	/* Offsets from 0x4000 on do not fit a pointer: RFC 1035, section 4.1.4. */
	wr_init(&w, buffer, sizeof buffer);
	memset(wr_take(&w, 0x4000), 0, 0x4000);
	put(&w, "far.away");
	put(&w, "far.away");
	assert_int_equal(wr_len(&w), 0x4000 + 20);
	wr_patch_u16(&w, 0, 0x1234);
	check(buffer[0] == 0x12 && buffer[1] == 0x34, "patched");
}

/* One to four labels of one to twelve octets, of few letters in both cases. */
static void
draw_name(char *text)
{
	int labels = 1 + rand() % 4;

	for (int i = 0; i < labels; i++) {
		for (int n = rand() % 3 == 0 ? 12 : 1 + rand() % 2; n > 0; n--)
			*text++ = "abAB"[rand() % 4];
		*text++ = '.';
	}
	*text = '\0';
}

/* Names are found by hash, and what a rewind takes back is found no more. */
static void
test_index(void **state)
{
	static uint8_t buffer[16384];
	static struct wr_index index;
	static char texts[4096][64];
	struct wr w;

	(void)state;
	srand(1);
	for (int round = 0; round < 40; round++) {
		size_t n = 0;

		wr_init(&w, buffer, sizeof buffer);
		wr_take(&w, 12);
		wr_use_index(&w, &index);
		while (n < 4096) {
			struct wr_mark mark = wr_mark(&w);
			struct dname again;

			draw_name(texts[n]);
			put(&w, texts[n]);
			if (w.full)
				break;
			if (rand() % 4 == 0) {
				wr_rewind(&w, mark);
				continue;
			}
			mark = wr_mark(&w);
			assert_int_equal(dname_from_str(texts[n++], &again), ERR_OK);
			wr_dname(&w, again.octets);
			check(w.full || index.n == WR_INDEX_SLOTS / 4 * 3 ||
			    wr_len(&w) == (size_t)(mark.p - buffer) + 2, "round %d: %s is found", round, texts[n - 1]);
			wr_rewind(&w, mark);
		}
		struct rd r = rd_over(buffer, wr_len(&w));

		rd_take(&r, 12);
		for (size_t i = 0; i < n; i++)
			check_name(&r, texts[i]);
	}
}

/* More labels than it has slots: all reads back, however little is shared. */
static void
test_index_is_full(void **state)
{
	static uint8_t buffer[16384];
	static struct wr_index index;
	struct wr w;
	char text[280];
	size_t n = 0;

	(void)state;
	wr_init(&w, buffer, sizeof buffer);
	wr_take(&w, 12);
	wr_use_index(&w, &index);
	for (; !w.full; n++) {
		for (size_t i = 0; i < 120; i++) {
			text[2 * i] = (char)('a' + (n >> i % 5) % 26);
			text[2 * i + 1] = '.';
		}
		snprintf(text + 240, sizeof text - 240, "n%zu", n);
		put(&w, text);
	}
	assert_true(n > 50);
	struct rd r = rd_over(buffer, wr_len(&w));

	rd_take(&r, 12);
	for (size_t k = 0; k + 1 < n; k++) {
		for (size_t i = 0; i < 120; i++)
			text[2 * i] = (char)('a' + (k >> i % 5) % 26);
		snprintf(text + 240, sizeof text - 240, "n%zu", k);
		check_name(&r, text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compression),
		cmocka_unit_test(test_plain_names_are_no_targets),
		cmocka_unit_test(test_repeated_labels),
		cmocka_unit_test(test_rewind_drops_names),
		cmocka_unit_test(test_full_writes_nothing),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_index_is_full)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
