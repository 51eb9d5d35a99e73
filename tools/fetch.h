/* tools/fetch.h -- what the parts of certns-fetch share: its exit statuses, and what it is told about each host.
 *
 * certns-fetch brings one RRset, the TLSA records of the MirageOS convention (acme/tlsa.h), to files and keeps them
 * current.  fetch_options and fetch_config say what is wanted, fetch_place what is on the disk, fetch_dns what the
 * server has, fetch_chain whether that is a certificate for our key; fetch_host joins them, one host at a time, and
 * fetch.c goes round the hosts. */
#ifndef TOOLS_FETCH_H
#define TOOLS_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/dname.h"

/* Exit statuses, in certns-fetch(1).  With several hosts it is that of the first one that failed. */
enum fetch_status {
	FETCH_FINE = 0,		/* the files are in place: new ones or those that were there */
	FETCH_LOCAL = 1,	/* this machine: disk, memory, permissions */
	FETCH_USAGE = 2,	/* the command line, the configuration or the TSIG key's file */
	FETCH_WAITING = 3,	/* no certificate yet, and nobody says that there will be none */
	FETCH_NETWORK = 4,	/* no server answers, or it cannot do its work now */
	FETCH_REFUSED = 5,	/* the server does not take the key, or the update */
	FETCH_CA = 6,		/* the CSR is refused, or the time was over and the authority's problem is known */
	FETCH_UNFIT = 7,	/* the certificate does not verify */
	FETCH_HOOK = 8,		/* the files are in place, but the hook failed */
	FETCH_BUSY = 9		/* another certns-fetch is at work on this host */
};

enum fetch_key_type { FETCH_ANY_KEY = -1, FETCH_P256, FETCH_P384, FETCH_RSA2048, FETCH_RSA3072, FETCH_RSA4096 };
extern const char *const fetch_key_types[];	/* their names; NULL-terminated */

enum fetch_verify {
	FETCH_VERIFY_CHAIN,	/* signatures and times up to the topmost certificate that the CA sent */
	FETCH_VERIFY_SYSTEM,	/* to a root of the system's store */
	FETCH_VERIFY_FILE	/* to one of the file trust */
};

struct tsig_key;

/* One host.  It owns its texts; fetch_settings_clear(). */
struct fetch_settings {
	struct dname name;		/* of the host: the certificate is kept there */
	char *host;			/* the same as text: lower case, no final dot */
	char **names;			/* what the certificate is for; NULL-terminated */
	char *label;
	char *directory;		/* in which the host has a directory of its name */
	char *key_file;			/* TSIG; NULL: environment or file descriptor */
	char *server;			/* ADDRESS[@PORT]; NULL: found through the SOA record */
	char *resolver;			/* ADDRESS[@PORT]; NULL: the system's */
	char *trust;			/* FETCH_VERIFY_FILE */
	char *hook;
	char *owner, *group;		/* of the files with the key; NULL: as they come */
	unsigned port;			/* of a server that has none of its own */
	int key_type;			/* enum fetch_key_type; FETCH_ANY_KEY: whatever key is there will do */
	int verify;			/* enum fetch_verify */
	bool new_key;			/* with each renewal */
};
void fetch_settings_clear(struct fetch_settings *s);

/* The whole run. */
struct fetch_run {
	struct fetch_settings *hosts;
	size_t nhosts;
	unsigned timeout_s;
	struct tsig_key *key;		/* from a file descriptor, for all hosts; NULL: each has its own */
	bool renew, dry_run, json, quiet, verbose;
	bool new_key_now;		/* whether it is time for it or not */
};

/* From the command line and the configuration file (fetch_options.c).  FETCH_FINE; FETCH_USAGE with words; *done: it
 * was -h or -V, and has been served.  r is the caller's to clear, whatever came. */
enum fetch_status fetch_options(int argc, char **argv, struct fetch_run *r, bool *done, struct fault *f);
void fetch_run_clear(struct fetch_run *r);

/* The file's hosts, each with the defaults filled in (fetch_config.c).  Words begin with "FILE:LINE:COLUMN: ". */
struct fetch_config {
	struct fetch_settings defaults;	/* host, name and names are empty */
	struct fetch_settings *hosts;
	size_t nhosts;
	unsigned timeout_s;
};
enum err fetch_config_load(const char *path, struct fetch_config *out, struct fault *f);
enum err fetch_config_parse(const char *path, const char *text, size_t n, struct fetch_config *out, struct fault *f);
enum err fetch_config_defaults(struct fetch_config *out);	/* without a file */
void fetch_config_clear(struct fetch_config *c);

/* A host of the defaults' kind.  text: its name, also "*.NAME", which is kept at NAME.  extra: more names of the
 * certificate, or NULL.  ERR_FORMAT with words: no host name; ERR_NOMEM. */
enum err fetch_settings_make(const struct fetch_settings *defaults, const char *text, char *const *extra,
    struct fetch_settings *out, struct fault *f);

bool fetch_server_valid(const char *text);	/* "ADDRESS", "NAME", either with "@PORT" */

/* A copy that can be freed on its own; ERR_NOMEM. */
enum err fetch_settings_copy(const struct fetch_settings *from, struct fetch_settings *to);

#endif
