/* certns-checkzone: is this file a zone that certnsd would serve, and what would this commit change? */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "tools/checkzone.h"
#include "wire/rrtype.h"
#include "zones/load.h"
#include "zones/writer.h"

#define FILE_MAX (SIZE_MAX / 8)

static int
usage(FILE *f)
{
	fputs("usage: certns-checkzone [-q] [--print] [--strict] ORIGIN FILE\n"
	    "       certns-checkzone --repository DIR [--base OLD] [--path SUBDIR] [--serial POLICY]\n"
	    "                        [--allowed-signers FILE [--revoked-signers FILE]]\n"
	    "                        [--all] [--json] [--strict] NEW\n"
	    "       certns-checkzone -h | -V\n", f);
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
check_file(const struct dname *apex, char *file, const struct arguments *a)
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
	if (err != ERR_OK || (a->strict && warnings > 0))
		status = EXIT_UNSOUND;
	else if (a->print)
		status = print_zone(apex, &list);
	else if (!a->quiet)
		print_summary(apex, &list, warnings);
	rr_list_clear(&list);
	buf_clear(&complaints);
	buf_clear(&text);
	return status;
}

static bool
parse_policy(const char *text, enum serial_policy *out)
{
	static const char *const names[] = { [SERIAL_INCREMENT] = "increment", [SERIAL_UNIXTIME] = "unixtime",
	    [SERIAL_DATE] = "date", [SERIAL_KEEP] = "keep" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum serial_policy)i;
			return true;
		}
	}
	fprintf(stderr, "certns-checkzone: --serial: expected increment, unixtime, date or keep, found '%s'\n", text);
	return false;
}

/* True: go on.  False: exit with *status. */
static bool
parse_options(int argc, char **argv, struct arguments *a, int *status)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' }, { "allowed-signers", required_argument, NULL, 'A' },
		{ "base", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' }, { "json", no_argument, NULL, 'j' },
		{ "path", required_argument, NULL, 'P' }, { "print", no_argument, NULL, 'p' },
		{ "quiet", no_argument, NULL, 'q' }, { "repository", required_argument, NULL, 'r' },
		{ "revoked-signers", required_argument, NULL, 'R' },
		{ "serial", required_argument, NULL, 's' }, { "strict", no_argument, NULL, 'S' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 }
	};
	int option;

	*status = EXIT_SOUND;
	while ((option = getopt_long(argc, argv, "hpqV", options, NULL)) != -1) {
		switch (option) {
		case 'a':	a->all = true; break;
		case 'A':	a->signers = optarg; break;
		case 'b':	a->base = optarg; break;
		case 'h':	usage(stdout); return false;
		case 'j':	a->json = true; break;
		case 'P':	a->path = optarg; break;
		case 'p':	a->print = true; break;
		case 'q':	a->quiet = true; break;
		case 'r':	a->repository = optarg; break;
		case 's':
			if (parse_policy(optarg, &a->policy))
				break;
			*status = EXIT_USAGE;
			return false;
		case 'R':	a->revoked = optarg; break;
		case 'S':	a->strict = true; break;
		case 'V':	printf("certns-checkzone %s\n", PACKAGE_VERSION); return false;
		default:	*status = usage(stderr); return false;
		}
	}
	a->operands = argv + optind;
	a->noperands = argc - optind;
	return true;
}

int
main(int argc, char **argv)
{
	struct arguments a = { .policy = SERIAL_INCREMENT };
	struct dname apex;
	int status;

	file_take_standard();
	if (!parse_options(argc, argv, &a, &status))
		return status;
	if (a.repository != NULL)
		return a.noperands == 1 && !a.print && (a.revoked == NULL || a.signers != NULL) ? check_repository(&a) :
		    usage(stderr);
	if (a.noperands != 2 || a.base != NULL || a.path != NULL || a.signers != NULL || a.revoked != NULL || a.json ||
	    a.all)
		return usage(stderr);
	if (dname_from_str(a.operands[0], &apex) != ERR_OK) {
		fprintf(stderr, "certns-checkzone: %s is no domain name\n", a.operands[0]);
		return EXIT_USAGE;
	}
	return check_file(&apex, a.operands[1], &a);
}
