/* The command line, over the configuration file. */
#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/fetch_key.h"

#define DEFAULT_FILE SYSCONFDIR "/certns/fetch.yaml"

/* What the command line says; NULL: nothing. */
struct given {
	const char *config, *directory, *group, *hook, *key_file, *label, *owner, *port, *resolver, *server, *timeout,
	    *trust, *key_type, *key_fd;
	bool new_key, verify;
	char **names;			/* NULL-terminated; borrowed texts */
	size_t nnames;
};

enum { OPTION_DRY_RUN = 256, OPTION_GROUP, OPTION_HOOK, OPTION_KEY_FD, OPTION_NEW_KEY, OPTION_OWNER, OPTION_RESOLVER,
	OPTION_TRUST, OPTION_VERIFY };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' }, { "directory", required_argument, NULL, 'd' },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN }, { "group", required_argument, NULL, OPTION_GROUP },
	{ "help", no_argument, NULL, 'h' }, { "hook", required_argument, NULL, OPTION_HOOK },
	{ "json", no_argument, NULL, 'j' }, { "key-fd", required_argument, NULL, OPTION_KEY_FD },
	{ "key-file", required_argument, NULL, 'k' }, { "key-type", required_argument, NULL, 't' },
	{ "label", required_argument, NULL, 'l' }, { "name", required_argument, NULL, 'n' },
	{ "new-key", no_argument, NULL, OPTION_NEW_KEY }, { "owner", required_argument, NULL, OPTION_OWNER },
	{ "port", required_argument, NULL, 'p' }, { "quiet", no_argument, NULL, 'q' },
	{ "renew", no_argument, NULL, 'r' }, { "resolver", required_argument, NULL, OPTION_RESOLVER },
	{ "server", required_argument, NULL, 's' }, { "timeout", required_argument, NULL, 'w' },
	{ "trust", required_argument, NULL, OPTION_TRUST }, { "verbose", no_argument, NULL, 'v' },
	{ "verify", no_argument, NULL, OPTION_VERIFY }, { "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 }
};

static void
usage(FILE *to)
{
	fputs("usage: certns-fetch [-jqrvV] [-c FILE] [-d DIRECTORY] [-k KEYFILE] [-l LABEL] [-n NAME] [-p PORT]\n"
	    "           [-s ADDRESS[@PORT]] [-t KEYTYPE] [-w SECONDS] [--dry-run] [--group GROUP] [--hook COMMAND]\n"
	    "           [--key-fd NUMBER] [--new-key] [--owner USER] [--resolver ADDRESS[@PORT]] [--trust FILE]\n"
	    "           [--verify] [HOST...]\n", to);
}

/* One option; false: there is none like that. */
static bool
take(struct given *g, struct fetch_run *r, int option, const char *argument)
{
	switch (option) {
	case 'c':		g->config = argument; break;
	case 'd':		g->directory = argument; break;
	case 'j':		r->json = true; break;
	case 'k':		g->key_file = argument; break;
	case 'l':		g->label = argument; break;
	case 'n':		g->names[g->nnames++] = optarg; break;
	case 'p':		g->port = argument; break;
	case 'q':		r->quiet = true; break;
	case 'r':		r->renew = true; break;
	case 's':		g->server = argument; break;
	case 't':		g->key_type = argument; break;
	case 'v':		r->verbose = true; break;
	case 'w':		g->timeout = argument; break;
	case OPTION_DRY_RUN:	r->dry_run = true; break;
	case OPTION_GROUP:	g->group = argument; break;
	case OPTION_HOOK:	g->hook = argument; break;
	case OPTION_KEY_FD:	g->key_fd = argument; break;
	case OPTION_NEW_KEY:	g->new_key = true; break;
	case OPTION_OWNER:	g->owner = argument; break;
	case OPTION_RESOLVER:	g->resolver = argument; break;
	case OPTION_TRUST:	g->trust = argument; break;
	case OPTION_VERIFY:	g->verify = true; break;
	default:		return false;
	}
	return true;
}

static enum fetch_status
number(const char *option, const char *text, unsigned long max, unsigned *out, struct fault *f)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || v > max)
		return fault_set(f, ERR_FORMAT, "%s: expected a number up to %lu, found '%.100s'", option, max, text),
		    FETCH_USAGE;
	*out = (unsigned)v;
	return FETCH_FINE;
}

static bool
replace(char **to, const char *text)
{
	if (text == NULL)
		return true;
	free(*to);
	return (*to = strdup(text)) != NULL;
}

static enum fetch_status
set_key_type(const char *text, int *out, struct fault *f)
{
	for (int i = 0; fetch_key_types[i] != NULL; i++)
		if (strcmp(fetch_key_types[i], text) == 0) {
			*out = i;
			return FETCH_FINE;
		}
	return fault_set(f, ERR_FORMAT, "--key-type: expected p256, p384, rsa2048, rsa3072 or rsa4096, found '%.100s'",
	    text), FETCH_USAGE;
}

/* What the command line says counts for each host. */
static enum fetch_status
apply(const struct given *g, struct fetch_settings *s, struct fault *f)
{
	enum fetch_status status = FETCH_FINE;
	struct dname label;

	if (!replace(&s->directory, g->directory) || !replace(&s->group, g->group) || !replace(&s->hook, g->hook) ||
	    !replace(&s->key_file, g->key_file) || !replace(&s->label, g->label) || !replace(&s->owner, g->owner) ||
	    !replace(&s->resolver, g->resolver) || !replace(&s->server, g->server) || !replace(&s->trust, g->trust))
		return fault_set(f, ERR_NOMEM, "out of memory"), FETCH_LOCAL;
	if (g->verify)
		s->verify = FETCH_VERIFY_SYSTEM;
	if (g->trust != NULL)
		s->verify = FETCH_VERIFY_FILE;
	s->new_key |= g->new_key;	/* with --renew: when it is time */
	if (g->key_type != NULL)
		status = set_key_type(g->key_type, &s->key_type, f);
	if (status == FETCH_FINE && g->port != NULL)
		status = number("--port", g->port, 65535, &s->port, f);
	if (status == FETCH_FINE && ((g->server != NULL && !fetch_server_valid(g->server)) ||
	    (g->resolver != NULL && !fetch_server_valid(g->resolver))))
		status = (fault_set(f, ERR_FORMAT, "--server, --resolver: expected ADDRESS[@PORT]"), FETCH_USAGE);
	if (status == FETCH_FINE && (dname_from_str(s->label, &label) != ERR_OK || dname_is_root(label.octets)))
		status = (fault_set(f, ERR_FORMAT, "--label: expected labels, found '%.200s'", s->label), FETCH_USAGE);
	return status;
}

/* Does one of the first n keep its files in the same place? */
static bool
is_among(const struct fetch_run *r, size_t n, const struct fetch_settings *s)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(r->hosts[i].host, s->host) == 0 && strcmp(r->hosts[i].directory, s->directory) == 0)
			return true;
	return false;
}

/* The host as the file has it, perhaps more than once; or one of the defaults, with the names of the command line. */
static enum err
choose_host(const struct fetch_config *c, const struct given *g, const char *name, struct fetch_run *r, struct fault *f)
{
	struct fetch_settings wanted;
	bool known = false;
	enum err err = fetch_settings_make(&c->defaults, name, g->names, &wanted, f);

	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < c->nhosts && err == ERR_OK && g->nnames == 0; i++) {
		if (strcmp(c->hosts[i].host, wanted.host) != 0)
			continue;
		known = true;
		if (!is_among(r, r->nhosts, &c->hosts[i]) &&
		    (err = fetch_settings_copy(&c->hosts[i], &r->hosts[r->nhosts])) == ERR_OK)
			r->nhosts++;
	}
	if (known || is_among(r, r->nhosts, &wanted))
		fetch_settings_clear(&wanted);
	else
		r->hosts[r->nhosts++] = wanted;
	return err;
}

static enum fetch_status
choose_hosts(struct fetch_config *c, const struct given *g, char **names, size_t n, struct fetch_run *r,
    struct fault *f)
{
	enum err err = ERR_OK;

	if (n == 0) {
		r->hosts = c->hosts;
		r->nhosts = c->nhosts;
		c->hosts = NULL;
		c->nhosts = 0;
		if (r->nhosts == 0)
			fault_set(f, ERR_NOT_FOUND, "no host: name one, or list them in %s",
			    g->config != NULL ? g->config : DEFAULT_FILE);
		return r->nhosts > 0 ? FETCH_FINE : FETCH_USAGE;
	}
	if ((r->hosts = calloc(n + c->nhosts, sizeof *r->hosts)) == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory"), FETCH_LOCAL;
	for (size_t i = 0; i < n && err == ERR_OK; i++)
		err = choose_host(c, g, names[i], r, f);
	return err == ERR_OK ? FETCH_FINE : err == ERR_NOMEM ? FETCH_LOCAL : FETCH_USAGE;
}

/* Once, for all hosts: a pipe cannot be read again.  Nor shall hooks have it. */
static enum fetch_status
read_key(const char *number_text, struct fetch_run *r, struct fault *f)
{
	unsigned fd;

	if (number("--key-fd", number_text, 65535, &fd, f) != FETCH_FINE ||
	    fetch_tsig_load(NULL, (int)fd, &r->key, f) != ERR_OK)
		return FETCH_USAGE;
	if (fd > STDERR_FILENO)
		close((int)fd);
	return FETCH_FINE;
}

static enum fetch_status
load(const struct given *g, char **names, size_t n, struct fetch_run *r, struct fault *f)
{
	bool has_file = g->config != NULL || access(DEFAULT_FILE, F_OK) == 0;
	struct fetch_config c = { .nhosts = 0 };
	enum fetch_status status = FETCH_FINE;
	enum err err;

	err = has_file ? fetch_config_load(g->config != NULL ? g->config : DEFAULT_FILE, &c, f) :
	    fetch_config_defaults(&c);
	if (err != ERR_OK)
		return FETCH_USAGE;
	r->timeout_s = c.timeout_s;
	if (g->nnames > 0 && n != 1)
		status = (fault_set(f, ERR_RANGE, "--name: expected one HOST that it belongs to"), FETCH_USAGE);
	if (status == FETCH_FINE && g->timeout != NULL)
		status = number("--timeout", g->timeout, 86400, &r->timeout_s, f);
	if (g->key_fd != NULL && g->key_file != NULL)
		status = (fault_set(f, ERR_EXISTS, "--key-file and --key-fd exclude each other"), FETCH_USAGE);
	if (status == FETCH_FINE && g->key_fd != NULL)
		status = read_key(g->key_fd, r, f);
	r->new_key_now = g->new_key && !r->renew;
	if (status == FETCH_FINE)
		status = choose_hosts(&c, g, names, n, r, f);
	for (size_t i = 0; i < r->nhosts && status == FETCH_FINE; i++) {
		status = apply(g, &r->hosts[i], f);
		if (status == FETCH_FINE && is_among(r, i, &r->hosts[i]))
			status = (fault_set(f, ERR_EXISTS, "--directory: two certificates of %s would share it",
			    r->hosts[i].host), FETCH_USAGE);
	}
	fetch_config_clear(&c);
	return status;
}

enum fetch_status
fetch_options(int argc, char **argv, struct fetch_run *r, bool *done, struct fault *f)
{
	struct given g = { .names = calloc((size_t)argc + 1, sizeof *g.names) };
	static const char letters[] = "c:d:hjk:l:n:p:qrs:t:vVw:";
	enum fetch_status status = FETCH_FINE;
	int option;

	*r = (struct fetch_run){ .nhosts = 0 };
	*done = false;
	if (g.names == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory"), FETCH_LOCAL;
	while (!*done && status == FETCH_FINE && (option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (option == 'h')
			usage(stdout);
		else if (option == 'V')
			printf("certns-fetch %s\n", PACKAGE_VERSION);
		else if (!take(&g, r, option, optarg)) {
			usage(stderr);
			status = FETCH_USAGE;
		}
		*done = option == 'h' || option == 'V';
	}
	if (status == FETCH_FINE && !*done)
		status = load(&g, argv + optind, (size_t)(argc - optind), r, f);
	free(g.names);
	return status;
}

void
fetch_run_clear(struct fetch_run *r)
{
	for (size_t i = 0; i < r->nhosts; i++)
		fetch_settings_clear(&r->hosts[i]);
	free(r->hosts);
	tsig_key_free(r->key);
	*r = (struct fetch_run){ .nhosts = 0 };
}
