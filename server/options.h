/* server/options.h -- the command line of certnsd(8). */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>

#include "server/config.h"

struct certnsd_options {
	struct config_arguments config;	/* strings belong to argv */
	const char **listen, **key_files;	/* what config.listen and config.key_files point to */
	char **keys;			/* and config.keys: copies, which are overwritten in the end */
	bool check_only;		/* -t */
};

/* True: run with *o; options_clear() it.  False: all is said (help and version to standard output, mistakes to
 * standard error); exit with *status, which is 0, or 2 for a mistake, or 1 without memory. */
bool options_parse(int argc, char **argv, struct certnsd_options *o, int *status);
void options_clear(struct certnsd_options *o);

/* "error", "warning", "info", "debug". */
bool options_log_level(const char *text, enum log_level *out);

#endif
