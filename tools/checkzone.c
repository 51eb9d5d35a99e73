/* certns-checkzone: is this file a zone that certnsd would serve? */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "wire/rrtype.h"
#include "zones/load.h"
#include "zones/writer.h"

#define FILE_MAX (SIZE_MAX / 8)

enum { EXIT_SOUND = 0, EXIT_UNSOUND = 1, EXIT_USAGE = 2 };

static int
usage(FILE *f)
{
	fprintf(f, "usage: certns-checkzone [-hqV] [--print] ORIGIN FILE\n");
	return f == stdout ? EXIT_SOUND : EXIT_USAGE;
}

/* An $INCLUDE is looked up in the directory of FILE, and stays at or below it, as it does in a repository. */
static enum err
include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	const char *file = ctx, *slash = strrchr(file, '/');
	char directory[PATH_MAX], joined[PATH_MAX * 2], real[PATH_MAX];
	size_t n;

	snprintf(joined, sizeof joined, "%.*s", slash == NULL ? 1 : (int)(slash - file) + 1,
	    slash == NULL ? "." : file);
	if (realpath(joined, directory) == NULL)
		return fault_set(f, err_from_errno(errno), "%s: %s", joined, strerror(errno));
	if (path[0] == '/')
		snprintf(joined, sizeof joined, "%s", path);
	else
		snprintf(joined, sizeof joined, "%s/%s", directory, path);
	if (realpath(joined, real) == NULL)
		return fault_set(f, err_from_errno(errno), "%s", strerror(errno));
	n = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
	if (strncmp(real, directory, n) != 0 || real[n] != '/')
		return fault_set(f, ERR_REFUSED, "%s lies outside of %s, the directory of the zone file", real,
		    directory);
	return file_read(real, FILE_MAX, out, f);
}

static size_t
count_names(const struct rr_list *list)
{
	size_t names = 0;

	for (size_t i = 0; i < list->n; i++)
		names += i == 0 || !dname_equal(list->v[i - 1].owner, list->v[i].owner);
	return names;
}

static void
print_summary(const struct dname *apex, const struct rr_list *list, size_t warnings)
{
	char name[DNAME_TEXT_MAX];
	struct soa soa = { 0 };

	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].type == TYPE_SOA)
			soa_read(list->v[i].rdata, list->v[i].rdlen, &soa);
	}
	printf("zone %s serial %u: %zu records at %zu names, %zu warning%s\n", dname_print_host(apex->octets, name),
	    soa.serial, list->n, count_names(list), warnings, warnings == 1 ? "" : "s");
}

static int
print_zone(const struct dname *apex, const struct rr_list *list)
{
	struct buf out = { 0 };
	bool ok;

	zone_write(apex->octets, list, &out);
	ok = !out.failed && fwrite(out.p, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
	if (!ok)
		fprintf(stderr, "certns-checkzone: the zone could not be written\n");
	buf_clear(&out);
	return ok ? EXIT_SOUND : EXIT_UNSOUND;
}

static int
check_file(const struct dname *apex, char *file, bool quiet, bool print)
{
	struct buf text = { 0 }, complaints = { 0 };
	struct rr_list list = { 0 };
	struct fault f = { 0 };
	size_t warnings = 0;
	int status = EXIT_SOUND;
	enum err err = file_read(file, FILE_MAX, &text, &f);

	if (err != ERR_OK)
		fprintf(stderr, "certns-checkzone: %s\n", fault_str(&f, err));
	else {
		err = zone_load(apex->octets, file, (const char *)text.p, text.len, include, file, &list, &complaints,
		    &warnings);
		if (complaints.len > 0)
			fwrite(complaints.p, 1, complaints.len, stderr);
		if (err == ERR_NOMEM)
			fprintf(stderr, "certns-checkzone: out of memory\n");
	}
	if (err != ERR_OK)
		status = EXIT_UNSOUND;
	else if (print)
		status = print_zone(apex, &list);
	else if (!quiet)
		print_summary(apex, &list, warnings);
	rr_list_clear(&list);
	buf_clear(&complaints);
	buf_clear(&text);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' }, { "print", no_argument, NULL, 'p' },
		{ "quiet", no_argument, NULL, 'q' }, { "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 }
	};
	bool quiet = false, print = false;
	struct dname apex;
	int option;

	while ((option = getopt_long(argc, argv, "hpqV", options, NULL)) != -1) {
		switch (option) {
		case 'h':	return usage(stdout);
		case 'p':	print = true; break;
		case 'q':	quiet = true; break;
		case 'V':	printf("certns-checkzone %s\n", PACKAGE_VERSION); return EXIT_SOUND;
		default:	return usage(stderr);
		}
	}
	if (argc - optind != 2)
		return usage(stderr);
	if (dname_from_str(argv[optind], &apex) != ERR_OK) {
		fprintf(stderr, "certns-checkzone: %s is no domain name\n", argv[optind]);
		return EXIT_USAGE;
	}
	return check_file(&apex, argv[optind + 1], quiet, print);
}
