#include "server/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <config.h>

#define EXIT_USAGE 2

enum { OPTION_REMOTE = 256, OPTION_LISTEN, OPTION_STATE, OPTION_LOG_LEVEL, OPTION_NOT_YET };

static const struct option long_options[] = {
	{ "config",	required_argument,	NULL, 'c' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "key",	required_argument,	NULL, OPTION_NOT_YET },
	{ "key-file",	required_argument,	NULL, OPTION_NOT_YET },
	{ "listen",	required_argument,	NULL, OPTION_LISTEN },
	{ "log-level",	required_argument,	NULL, OPTION_LOG_LEVEL },
	{ "remote",	required_argument,	NULL, OPTION_REMOTE },
	{ "secondary",	no_argument,		NULL, OPTION_NOT_YET },
	{ "state",	required_argument,	NULL, OPTION_STATE },
	{ "test",	no_argument,		NULL, 't' },
	{ "version",	no_argument,		NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
    "usage: certnsd [-c FILE] [-t] [--remote URL[#BRANCH]] [--listen ADDRESS[@PORT]]...\n"
    "               [--state DIR] [--log-level LEVEL] [-V] [-h]\n";

static const char help[] =
    "  -c FILE                    read this configuration (default " SYSCONFDIR "/certns/certns.yaml)\n"
    "  -t                         check the configuration and exit\n"
    "  --remote URL[#BRANCH]      take the zones from this git repository; needs no configuration file\n"
    "  --listen ADDRESS[@PORT]    answer here, over UDP and TCP; may be given several times\n"
    "  --state DIR                keep the journal and the clone here\n"
    "  --log-level LEVEL          error, warning, info or debug\n"
    "  -V                         print the version\n"
    "  -h                         print this\n"
    "certnsd runs in the foreground.  See certnsd(8) and certns.yaml(5).\n";

bool
options_log_level(const char *text, enum log_level *out)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

static bool
mistake(int *status)
{
	fputs(usage, stderr);
	*status = EXIT_USAGE;
	return false;
}

static bool
tell(const char *first, const char *second, int *status)
{
	printf("%s%s", first, second);
	*status = fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	return false;
}

/* long_index: of the long option, or -1. */
static bool
take(struct certnsd_options *o, int c, int long_index, int *status)
{
	switch (c) {
	case 'c':
		o->config.file = optarg;
		return true;
	case 't':
		o->check_only = true;
		return true;
	case OPTION_REMOTE:
		o->config.remote = optarg;
		return true;
	case OPTION_LISTEN:
		o->listen[o->config.nlisten++] = optarg;
		return true;
	case OPTION_STATE:
		o->config.state = optarg;
		return true;
	case OPTION_LOG_LEVEL:
		if ((o->config.has_log_level = options_log_level(optarg, &o->config.log_level)))
			return true;
		fprintf(stderr, "certnsd: --log-level: expected error, warning, info or debug, found '%s'\n", optarg);
		return mistake(status);
	case 'V':
		return tell(PACKAGE_STRING, "\n", status);
	case 'h':
		return tell(usage, help, status);
	case OPTION_NOT_YET:		/* its argument may be a secret: not shown */
		fprintf(stderr, "certnsd: --%s is not supported yet by this version\n", long_options[long_index].name);
		*status = EXIT_USAGE;
		return false;
	default:			/* getopt_long() has said what is wrong */
		return mistake(status);
	}
}

bool
options_parse(int argc, char **argv, struct certnsd_options *o, int *status)
{
	int c, long_index = -1;

	memset(o, 0, sizeof *o);
	if ((o->listen = calloc((size_t)argc + 1, sizeof *o->listen)) == NULL) {
		fputs("certnsd: out of memory\n", stderr);
		*status = EXIT_FAILURE;
		return false;
	}
	o->config.listen = o->listen;
	optind = 0;			/* glibc: begin anew */
	while ((c = getopt_long(argc, argv, "c:thV", long_options, &long_index)) != -1)
		if (!take(o, c, long_index, status)) {
			options_clear(o);
			return false;
		}
	if (optind < argc) {
		fprintf(stderr, "certnsd: unexpected argument '%s'\n", argv[optind]);
		options_clear(o);
		return mistake(status);
	}
	return true;
}

void
options_clear(struct certnsd_options *o)
{
	free(o->listen);
	memset(o, 0, sizeof *o);
}
