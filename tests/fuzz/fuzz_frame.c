/* A TCP stream in pieces of any size: the messages that come out are those of the whole stream, in their order, and
 * nothing else; what comes out may be written to.  The first octet seeds the sizes of the pieces. */
#include <stdlib.h>
#include <string.h>

#include "server/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAM_MAX (1 << 18)

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static uint32_t
draw(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

/* Take what is whole; *at is where in the stream the next message has to begin. */
static void
take(struct frame_reader *f, const uint8_t *stream, size_t received, size_t *at)
{
	uint8_t *msg;
	size_t n;

	while (frame_has_next(f)) {
		must(frame_next(f, &msg, &n));
		must(*at + 2 + n <= received && n == (size_t)(stream[*at] << 8 | stream[*at + 1]));
		must(memcmp(msg, stream + *at + 2, n) == 0);
		memset(msg, 0xaa, n);
		*at += 2 + n;
	}
	must(!frame_next(f, &msg, &n));
	must(received - *at < 2 || received - *at < 2 + (size_t)(stream[*at] << 8 | stream[*at + 1]));
	must(frame_is_empty(f) == (*at == received));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_reader f = { 0 };
	size_t received = 0, at = 0;
	uint32_t state;

	if (size < 1 || size > STREAM_MAX)
		return 0;
	state = data[0];
	data++;
	size--;
	while (received < size) {
		size_t room, n = 1 + draw(&state) % (state % 3 == 0 ? 4 : 5000);
		uint8_t *p = frame_room(&f, &room);

		must(p != NULL && room > 0);
		n = n > room ? room : n;
		n = n > size - received ? size - received : n;
		memcpy(p, data + received, n);
		frame_filled(&f, n);
		received += n;
		if (draw(&state) % 4 > 0)
			take(&f, data, received, &at);
	}
	take(&f, data, received, &at);
	frame_clear(&f);
	return 0;
}
