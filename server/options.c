#include "server/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <config.h>

#define EXIT_USAGE 2

enum { OPTION_REMOTE = 256, OPTION_LISTEN, OPTION_STATE, OPTION_LOG_LEVEL, OPTION_SECONDARY, OPTION_KEY,
	OPTION_KEY_FILE };

static const struct option long_options[] = {
	{ "config",	required_argument,	NULL, 'c' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "key",	required_argument,	NULL, OPTION_KEY },
	{ "key-file",	required_argument,	NULL, OPTION_KEY_FILE },
	{ "listen",	required_argument,	NULL, OPTION_LISTEN },
	{ "log-level",	required_argument,	NULL, OPTION_LOG_LEVEL },
	{ "remote",	required_argument,	NULL, OPTION_REMOTE },
	{ "secondary",	no_argument,		NULL, OPTION_SECONDARY },
	{ "state",	required_argument,	NULL, OPTION_STATE },
	{ "test",	no_argument,		NULL, 't' },
	{ "version",	no_argument,		NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
    "usage: certnsd [-c FILE] [-t] [--remote URL[#BRANCH]] [--listen ADDRESS[@PORT]]...\n"
    "               [--state DIR] [--log-level LEVEL] [-V] [-h]\n"
    "       certnsd --secondary --key-file FILE [OPTION]...\n";

static const char help[] =
    "  -c FILE                    read this configuration (default " SYSCONFDIR "/certns/certns.yaml)\n"
    "  -t                         check the configuration and exit\n"
    "  --remote URL[#BRANCH]      take the zones from this git repository; needs no configuration file\n"
    "  --secondary                serve the zones of the keys, from the primaries in their names; needs no\n"
    "                             configuration file\n"
    "  --key-file FILE            TSIG keys, NAME:ALGORITHM:BASE64 on a line each\n"
    "  --key NAME:ALGORITHM:BASE64  one key; others may see it, so better take a file\n"
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

/* The argument list is shown to everybody by ps(1): the key is copied, and overwritten there. */
static bool
take_key(struct certnsd_options *o, char *text, int *status)
{
	char *copy = strdup(text);

	if (copy == NULL) {
		fputs("certnsd: out of memory\n", stderr);
		*status = EXIT_FAILURE;
		return false;
	}
	fputs("certnsd: --key: others on this system could see the key when the server was started; better take "
	    "--key-file\n", stderr);
	memset(text, '*', strlen(text));
	o->keys[o->config.nkeys++] = copy;
	return true;
}

static bool
take(struct certnsd_options *o, int c, int *status)
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
	case OPTION_SECONDARY:
		o->config.secondary = true;
		return true;
	case OPTION_KEY_FILE:
		o->key_files[o->config.nkey_files++] = optarg;
		return true;
	case OPTION_KEY:
		return take_key(o, optarg, status);
	default:			/* getopt_long() has said what is wrong */
		return mistake(status);
	}
}

bool
options_parse(int argc, char **argv, struct certnsd_options *o, int *status)
{
	int c;

	memset(o, 0, sizeof *o);
	o->listen = calloc((size_t)argc + 1, sizeof *o->listen);
	o->key_files = calloc((size_t)argc + 1, sizeof *o->key_files);
	o->keys = calloc((size_t)argc + 1, sizeof *o->keys);
	if (o->listen == NULL || o->key_files == NULL || o->keys == NULL) {
		options_clear(o);
		fputs("certnsd: out of memory\n", stderr);
		*status = EXIT_FAILURE;
		return false;
	}
	o->config.listen = o->listen;
	o->config.key_files = o->key_files;
	o->config.keys = o->keys;
	optind = 0;			/* glibc: begin anew */
	while ((c = getopt_long(argc, argv, "c:thV", long_options, NULL)) != -1)
		if (!take(o, c, status)) {
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
	for (size_t i = 0; o->keys != NULL && i < o->config.nkeys; i++) {
		explicit_bzero(o->keys[i], strlen(o->keys[i]));
		free(o->keys[i]);
	}
	free(o->keys);
	free(o->key_files);
	free(o->listen);
	memset(o, 0, sizeof *o);
}
