#include "tests/unit/check.h"

#include <stdlib.h>

#include "server/frame.h"

/* Three messages of 3, 0 and 65535 octets and the first half of a fourth. */
#define LARGE 65535
static uint8_t stream[2 + 3 + 2 + 2 + LARGE + 2 + 1];
static const struct { size_t at, n; } messages[3] = { { 2, 3 }, { 7, 0 }, { 9, LARGE } };

static void
make_stream(void)
{
	memcpy(stream, "\0\3abc" "\0\0" "\377\377", 9);
	for (size_t i = 0; i < LARGE; i++)
		stream[9 + i] = (uint8_t)(i * 7);
	memcpy(stream + 9 + LARGE, "\0\2x", 3);
}

/* However the stream is cut, the same messages come out. */
static void
test_cuts(void **state)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 1000, 4096, 65536, sizeof stream };

	(void)state;
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		struct frame_reader f = { 0 };
		size_t at = 0, n, room, count = 0;
		uint8_t *p, *msg;

		while (at < sizeof stream) {
			check((p = frame_room(&f, &room)) != NULL && room > 0, "there is room");
			n = pieces[i] < room ? pieces[i] : room;
			n = n < sizeof stream - at ? n : sizeof stream - at;
			memcpy(p, stream + at, n);
			frame_filled(&f, n);
			at += n;
			while (frame_has_next(&f)) {
				check(frame_next(&f, &msg, &n), "what is there can be taken");
				check(count < 3, "three messages");
				check(n == messages[count].n, "message %zu, pieces of %zu: length %zu", count,
				    pieces[i], n);
				check(n == 0 || memcmp(msg, stream + messages[count].at, n) == 0, "its octets");
				count++;
			}
			check(!frame_next(&f, &msg, &n), "no more than that");
		}
		check(count == 3, "pieces of %zu: %zu messages", pieces[i], count);
		check(!frame_is_empty(&f), "half a message is left");
		check(f.in.cap <= 2 * (LARGE + 2 + 4096), "memory is bounded");
		frame_clear(&f);
	}
}

static void
test_memory_is_given_back(void **state)
{
	struct frame_reader f = { 0 };
	uint8_t *p, *msg;
	size_t room, n;

	(void)state;
	for (size_t at = 0; at < 2 + LARGE; at += n) {
		p = frame_room(&f, &room);
		n = room < 2 + LARGE - at ? room : 2 + LARGE - at;
		memcpy(p, stream + 7 + at, n);
		frame_filled(&f, n);
	}
	check(frame_next(&f, &msg, &n) && n == LARGE && frame_is_empty(&f), "one large message");
	frame_room(&f, &room);
	check(f.in.cap <= 8192, "not %zu octets for an idle connection", f.in.cap);
	frame_clear(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cuts), cmocka_unit_test(test_memory_is_given_back) };

	make_stream();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
