/* certnsctl: asks a running certnsd, over its control socket. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "server/config.h"
#include "tools/ctl.h"

#include <config.h>

static const char usage[] =
    "usage: certnsctl [-c FILE | -s SOCKET] [--json] COMMAND [ARGUMENT]...\n"
    "       certnsctl [-V] [-h]\n";

static const struct command {
	const char *name;
	unsigned least, most;		/* arguments */
	const char *form, *help;
	bool details;			/* with an argument, the answer is shown line by line */
} commands[] = {
	{ "status",	0, 0, "status", "how the server is", false },
	{ "zones",	0, 1, "zones [ZONE]", "the zones, or one of them in detail", true },
	{ "pull",	0, 0, "pull [--force]", "fetch from git and apply what is new", false },
	{ "push",	0, 0, "push", "push what is not yet in git", false },
	{ "reload",	0, 0, "reload", "read the configuration again, and pull", false },
	{ "certs",	0, 1, "certs [HOST]", "the certificates, or those of one host in detail", true },
	{ "account",	1, 2, "account ACT [AUTHORITY]", "show, rollover or deactivate accounts at authorities", true },
	{ "revoke",	1, 2, "revoke HOST [REASON]", "revoke the certificates of a host", false },
	{ "renew",	1, 1, "renew HOST", "order a new certificate for a host now", false },
	{ "keys",	0, 0, "keys", "the TSIG keys, without their secrets", false },
	{ "keygen",	1, 2, "keygen NAME [ALGORITHM]", "make a TSIG key (needs no server)", false },
	{ "notify",	1, 1, "notify ZONE", "send NOTIFY to a zone's secondaries", false },
	{ "refresh",	1, 1, "refresh ZONE", "ask the primaries of a secondary zone now", false },
	{ "retransfer",	1, 1, "retransfer ZONE", "take a secondary zone as a whole from its primary", false },
	{ "freeze",	1, 1, "freeze ZONE", "let only commits change a zone, and push what waits", false },
	{ "thaw",	1, 1, "thaw ZONE", "let everything change a zone again, and pull", false },
	{ "backup",	1, 1, "backup DIR", "copy the state to a new directory, for a restore or a move", false },
	{ "log-level",	1, 1, "log-level LEVEL", "log error, warning, info or debug", false },
	{ "metrics",	0, 0, "metrics", "counters, as Prometheus reads them", false },
	{ "stop",	0, 0, "stop", "end the server", false },
};

struct arguments {
	const char *file, *socket;
	bool json;
	bool force;			/* pull: also what removes much */
	bool yes;			/* account deactivate: really */
};

static void
print_help(void)
{
	fputs(usage, stdout);
	fputs("  -c FILE     find the socket by this configuration (default " SYSCONFDIR "/certns/certns.yaml)\n"
	    "  -s SOCKET   the control socket itself\n"
	    "  --json      print the answer as JSON\n"
	    "commands:\n", stdout);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		printf("  %-24s %s\n", commands[i].form, commands[i].help);
}

/* True: go on.  False: exit with *status. */
static bool
parse_options(int argc, char **argv, struct arguments *a, int *status)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' }, { "socket", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' }, { "yes", no_argument, NULL, 'y' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:hs:V", options, NULL)) != -1)
		switch (c) {
		case 'c':
			a->file = optarg;
			break;
		case 's':
			a->socket = optarg;
			break;
		case 'j':
			a->json = true;
			break;
		case 'f':
			a->force = true;
			break;
		case 'y':
			a->yes = true;
			break;
		case 'h':
			print_help();
			*status = EXIT_SUCCESS;
			return false;
		case 'V':
			puts(PACKAGE_STRING);
			*status = EXIT_SUCCESS;
			return false;
		default:
			goto mistake;
		}
	if (a->file != NULL && a->socket != NULL)
		fputs("certnsctl: -c and -s exclude each other\n", stderr);
	else if (optind == argc)
		fputs("certnsctl: what shall be done?\n", stderr);
	else
		return true;
mistake:
	fputs(usage, stderr);
	*status = CTL_USAGE;
	return false;
}

static const struct command *
find_command(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		if (n >= commands[i].least && n <= commands[i].most)
			return &commands[i];
		fprintf(stderr, "usage: certnsctl %s\n", commands[i].form);
		return NULL;
	}
	fprintf(stderr, "certnsctl: unknown command '%s'; certnsctl -h lists them\n", name);
	return NULL;
}

static int
complain(const struct fault *f, enum err err)
{
	fprintf(stderr, "certnsctl: %s\n", fault_str(f, err));
	return err == ERR_NOT_FOUND ? CTL_NO_SERVER : CTL_FAILED;
}

static int
ask(const struct arguments *a, const struct command *command, char *const *arguments, size_t n)
{
	struct fault f = { 0 };
	json_t *result = NULL;
	char *found = NULL;
	bool printed;
	enum err err;

	if (a->socket == NULL && (err = config_find_socket(a->file, &found, &f)) != ERR_OK) {
		complain(&f, err);
		return CTL_FAILED;
	}
	err = ctl_call(a->socket != NULL ? a->socket : found, command->name, arguments, n, &result, &f);
	free(found);
	if (err != ERR_OK)
		return complain(&f, err);
	if (a->json)
		printed = json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) == 0 && putchar('\n') != EOF;
	else
		printed = ctl_print(stdout, result, command->details && n > 0);
	json_decref(result);
	return printed ? EXIT_SUCCESS : CTL_FAILED;
}

/* What is said of a command by options goes to the server as its arguments. */
static int
ask_pull(const struct arguments *a, const struct command *command)
{
	char force[] = "--force";
	char *arguments[] = { force };

	return ask(a, command, arguments, a->force ? 1 : 0);
}

/* What cannot be undone needs a word more. */
static int
ask_account(const struct arguments *a, const struct command *command, char *const *arguments, size_t n)
{
	char yes[] = "--yes";
	char *all[3] = { arguments[0], n > 1 ? arguments[1] : NULL, yes };

	if (a->yes != (strcmp(arguments[0], "deactivate") == 0)) {
		fputs(a->yes ? "certnsctl: --yes is for account deactivate\n" :
		    "certnsctl: deactivating an account cannot be undone; --yes says that it shall be done\n", stderr);
		return CTL_USAGE;
	}
	if (a->yes && n < 2) {
		fputs("usage: certnsctl account deactivate AUTHORITY --yes\n", stderr);
		return CTL_USAGE;
	}
	return ask(a, command, all, a->yes ? 3 : n);
}

/* The server has a working directory of its own.  The result is the caller's, to free(). */
static char *
absolute(const char *path)
{
	char *here, *whole;

	if (path[0] == '/')
		return strdup(path);
	if ((here = getcwd(NULL, 0)) == NULL)
		return NULL;
	if (asprintf(&whole, "%s/%s", here, path) < 0)
		whole = NULL;
	free(here);
	return whole;
}

static int
ask_backup(const struct arguments *a, const struct command *command, const char *directory)
{
	char *path = absolute(directory);
	int status;

	if (path == NULL) {
		fprintf(stderr, "certnsctl: %s: %s\n", directory, strerror(errno));
		return CTL_FAILED;
	}
	status = ask(a, command, &path, 1);
	free(path);
	return status;
}

int
main(int argc, char **argv)
{
	struct arguments a = { 0 };
	int status;

	file_take_standard();
	if (parse_options(argc, argv, &a, &status)) {
		char *const *arguments = argv + optind + 1;
		size_t n = (size_t)(argc - optind - 1);
		const struct command *command = find_command(argv[optind], n);

		if (command == NULL)
			status = CTL_USAGE;
		else if (a.force && strcmp(command->name, "pull") != 0) {
			fputs("certnsctl: --force is for pull\n", stderr);
			status = CTL_USAGE;
		} else if (a.yes && strcmp(command->name, "account") != 0) {
			fputs("certnsctl: --yes is for account deactivate\n", stderr);
			status = CTL_USAGE;
		} else if (strcmp(command->name, "pull") == 0)
			status = ask_pull(&a, command);
		else if (strcmp(command->name, "keygen") == 0)
			status = ctl_keygen(stdout, arguments[0], arguments[1], a.json);
		else if (strcmp(command->name, "account") == 0)
			status = ask_account(&a, command, arguments, n);
		else if (strcmp(command->name, "backup") == 0)
			status = ask_backup(&a, command, arguments[0]);
		else
			status = ask(&a, command, arguments, n);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "certnsctl: standard output: %s\n", strerror(errno));
		status = status != EXIT_SUCCESS ? status : CTL_FAILED;
	}
	return status;
}
