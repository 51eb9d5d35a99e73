#include "tests/unit/zones/memory.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);
char *__wrap_strdup(const char *words);
char *__wrap_strndup(const char *words, size_t n);

static atomic_long live, fail_in;

long
memory_live(void)
{
	return live;
}

void
memory_fail_nth(long nth)
{
	fail_in = nth;
}

long
memory_fail_left(void)
{
	return fail_in;
}

static int
fails(void)
{
	return fail_in > 0 && atomic_fetch_sub(&fail_in, 1) == 1;
}

static void *
counted(void *p)
{
	if (p != NULL)
		live++;
	return p;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : counted(__real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	return p == NULL ? counted(__real_realloc(p, n)) : __real_realloc(p, n);
}

void
__wrap_free(void *p)
{
	if (p != NULL)
		live--;
	__real_free(p);
}

/* The C library's own allocate without us. */
char *
__wrap_strndup(const char *words, size_t n)
{
	size_t length = strnlen(words, n);
	char *copy = __wrap_malloc(length + 1);

	if (copy != NULL) {
		memcpy(copy, words, length);
		copy[length] = '\0';
	}
	return copy;
}

char *
__wrap_strdup(const char *words)
{
	return __wrap_strndup(words, strlen(words));
}
