/* zones/git_exchange.c -- the message between certnsd and its git child: for each field one octet of field, four
 * of length, the text; an octet END closes it.  Both ends are the same binary, so there is no version. */
#include <stdlib.h>
#include <string.h>

#include "wire/reader.h"
#include "zones/git_internal.h"

#define END 255

bool
git_exchange_set(struct git_exchange *x, enum git_field field, const char *text)
{
	char *copy = NULL;

	if (text != NULL && (copy = strdup(text)) == NULL)
		return false;
	free(x->v[field]);
	x->v[field] = copy;
	return true;
}

void
git_exchange_write(const struct git_exchange *x, struct buf *out)
{
	for (unsigned i = 0; i < GIT_FIELDS; i++) {
		if (x->v[i] == NULL)
			continue;
		size_t n = strlen(x->v[i]);
		buf_u8(out, (uint8_t)i);
		buf_u32(out, (uint32_t)n);
		buf_add(out, x->v[i], n);
	}
	buf_u8(out, END);
}

bool
git_exchange_read(const uint8_t *octets, size_t n, struct git_exchange *x)
{
	struct rd r = rd_over(octets, n);
	uint8_t field;

	memset(x, 0, sizeof *x);
	while ((field = rd_u8(&r)) != END) {
		uint32_t length = rd_u32(&r);
		const uint8_t *text = rd_take(&r, length);

		if (r.bad || field >= GIT_FIELDS || x->v[field] != NULL || memchr(text, '\0', length) != NULL)
			goto bad;
		if ((x->v[field] = strndup((const char *)text, length)) == NULL)
			goto bad;
	}
	if (r.p == r.end)
		return true;
bad:
	git_exchange_clear(x);
	return false;
}

size_t
git_exchange_last(const uint8_t *octets, size_t n)
{
	struct rd r = rd_over(octets, n);
	const uint8_t *start = octets;

	while (!r.bad && r.p < r.end) {
		uint8_t field = rd_u8(&r);

		if (field != END)
			(void)rd_take(&r, rd_u32(&r));
		else if (r.p < r.end)
			start = r.p;
	}
	return (size_t)(start - octets);
}

void
git_exchange_clear(struct git_exchange *x)
{
	for (unsigned i = 0; i < GIT_FIELDS; i++)
		free(x->v[i]);
	memset(x, 0, sizeof *x);
}
