/* tests/fuzz/fuzz_memory.c -- what is remembered of an order: what can be read is written, and read again as the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "acme/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct acme_memory m, again;
	struct fault f = { 0 };
	char *text, *back;

	if (acme_memory_parse(octets, n, &m, &f) != ERR_OK) {
		if (f.text[0] == '\0')
			abort();
		return 0;
	}
	text = acme_memory_print(&m);
	if (acme_memory_parse(text, strlen(text), &again, NULL) != ERR_OK)
		abort();
	back = acme_memory_print(&again);
	if (strcmp(text, back) != 0)
		abort();
	free(text);
	free(back);
	acme_memory_clear(&m);
	acme_memory_clear(&again);
	return 0;
}
