/* server/main.c -- read this first. */
#include <stdlib.h>

int
main(void)
{
	return EXIT_FAILURE;
}
