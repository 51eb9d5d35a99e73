/* tests/fuzz/replay.c -- main() of a fuzz target in an ordinary build: every file of its corpus goes in once, whole and
 * as each of its first prefixes. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define PREFIXES_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

/* A copy of its own for each call, so that AddressSanitizer sees reads past the end. */
static void
feed(const uint8_t *octets, size_t n)
{
	uint8_t *copy = malloc(n + (n == 0));

	if (copy == NULL)
		abort();
	memcpy(copy, octets, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static bool
replay_file(const char *path)
{
	struct buf b = { 0 };
	struct fault f;

	if (file_read(path, 1 << 20, &b, &f) != ERR_OK) {
		fprintf(stderr, "%s\n", f.text);
		return false;
	}
	for (size_t n = 0; n < b.len && n < PREFIXES_MAX; n++)
		feed(b.p, n);
	feed(b.p, b.len);
	buf_clear(&b);
	return true;
}

int
main(int argc, char **argv)
{
	const char *source = getenv("srcdir"), *name = strstr(argv[0], "fuzz_");
	char path[2048];
	struct dirent *entry;
	unsigned files = 0;
	DIR *dir;

	(void)argc;
	while (name != NULL && strstr(name + 1, "fuzz_") != NULL)
		name = strstr(name + 1, "fuzz_");
	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", source == NULL ? "." : source,
	    name == NULL ? "" : name + strlen("fuzz_"));
	if ((dir = opendir(path)) == NULL) {
		perror(path);
		return EXIT_FAILURE;
	}
	while ((entry = readdir(dir)) != NULL) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		if (!replay_file(file))
			return EXIT_FAILURE;
		files++;
	}
	closedir(dir);
	printf("replayed %u files of %s\n", files, path);
	return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
