/* tests/unit/check.h -- what every unit test includes. */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A condition with a sentence (printf style) that says what was meant to hold: tables print which row failed. */
#define check(condition, ...)							\
	do {									\
		if (!(condition)) {						\
			fprintf(stderr, "%s:%d: not so: ", __FILE__, __LINE__);	\
			fprintf(stderr, __VA_ARGS__);				\
			fprintf(stderr, "\n");					\
			fail();							\
		}								\
	} while (0)

#endif
