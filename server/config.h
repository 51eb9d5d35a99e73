/* server/config.h -- certns.yaml and the command line, read into one struct (certns.yaml(5)). */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "server/config_acme.h"
#include "server/config_address.h"
#include "server/cookie.h"
#include "tsig/keyring.h"
#include "tsig/policy.h"
#include "wire/dname.h"
#include "zones/removal.h"
#include "zones/serial.h"

struct config_access {			/* one alternative of allow-transfer: address, key, or both */
	bool any_address, any_key;	/* not given */
	struct sockaddr_storage network;
	unsigned prefix;		/* bits */
	struct dname key;
};

struct config_git {
	char *url, *branch, *path;	/* branch and path may be NULL */
	unsigned poll_s;		/* 0: no timer */
	bool push;
	unsigned commit_delay_s, commit_delay_max_s;
	unsigned timeout_s;		/* of a fetch or a push */
	char *committer;		/* "NAME <ADDRESS>", or NULL */
	char *ssh_key;
	char **host_keys;		/* NULL-terminated, or NULL */
	char *ca_file;
	char *allowed_signers, *revoked_signers;	/* or NULL */
	char *signing_key;		/* or NULL */
	char *credentials_file, *credential_helper;	/* for https; at most one, or NULL */
	unsigned removal_limit;		/* percent; 0: no limit */
	unsigned removal_floor;		/* RRs; so many may go whatever their share is */
};

struct config_peer {			/* a primary, or a secondary, and what messages to it are signed with */
	struct config_address address;
	struct dname key;
	bool has_key;
};

enum catalog_role { CATALOG_NONE, CATALOG_GENERATE, CATALOG_INTERPRET };

struct config_policy {			/* who may update what; in place of what names of keys say */
	bool is_set;
	struct tsig_rule *rules;
	size_t n;			/* 0: nobody may */
};

struct config_zone {
	struct dname name;
	char *file;			/* absolute; NULL: from git */
	char *unreadable;		/* why it cannot be read, with its place in the configuration; NULL: it can */
	struct config_peer *primaries;	/* in the order of preference; 0: no secondary zone */
	size_t nprimaries;
	enum catalog_role catalog_role;
	bool catalog_member;		/* of the catalogs that are made here */
	char *catalog_group;		/* in these; or NULL */
	struct dname update_key;	/* for updates at the primary */
	bool has_update_key;
	bool forward_updates;
	uint64_t max_size;		/* of a transfer in, octets in memory */
	unsigned refresh_min_s, refresh_max_s, retry_min_s, retry_max_s, expire_min_s, expire_max_s;
	struct config_peer *notify;
	size_t nnotify;
	struct config_access *allow_transfer;
	size_t nallow_transfer;
	struct config_policy update_policy;
	bool acme;
	char **authorities;		/* names; NULL: all */
	struct config_self_check self_check;
	struct config_address *check_servers;
	size_t ncheck_servers;
	enum serial_policy serial;
	uint64_t journal_max_usage;	/* octets */
	unsigned journal_max_depth;	/* changes */
};

struct config_dnstap {
	char *sink;			/* "unix:" and a socket's name, or a file's; NULL: off */
	char *identity, *version;	/* of 1 to 255 octets; NULL: left out */
	bool queries, responses, updates;
};

struct config {
	char *file;			/* NULL: none was needed */

	struct config_address *listen;
	size_t nlisten;
	unsigned workers;		/* at least 1 */
	bool cpu_affinity;
	bool free_bind;			/* listen on addresses that no interface has yet */
	char *state_directory;
	char *user;			/* or NULL */
	char *control_socket;
	struct config_address *source;
	size_t nsource;
	char *identity;			/* id.server; "none" or NULL: hidden */
	char *hostname, *nsid;		/* hostname.bind, NSID; NULL: identity; "none": hidden */
	char *version;			/* version.bind; NULL: our own; "none": hidden */
	struct dname report_agent;	/* RFC 9567; the root: none */
	unsigned edns_udp_size;
	unsigned tcp_idle_timeout_s;
	unsigned tcp_connections;	/* of each worker */
	unsigned tcp_connections_per_address;	/* of these; 0: any number */
	unsigned transfers_out;		/* that run at a time, over all workers */
	struct cookie_secrets cookies;	/* n 0: those of the state directory */
	bool require_cookies;
	unsigned transfers_in, transfers_per_ns;	/* at a time */
	unsigned max_transfer_idle_in_s, max_transfer_time_in_s;	/* the longest silence, the longest transfer in */
	unsigned rate_limit;		/* answers each second; 0: any number */
	unsigned rate_limit_slip;
	struct config_access *rate_limit_exempt;	/* networks only */
	size_t nrate_limit_exempt;
	struct config_dnstap dnstap;
	unsigned metrics_zones;		/* up to so many zones have numbers of their own there */
	enum log_level log_level;
	enum log_format log_format;
	uint64_t journal_max_usage;	/* of zones about which nothing else is said */
	unsigned journal_max_depth;
	struct config_zone defaults;	/* of zones without an entry; entries have what they lack from here */

	struct config_git *git;
	size_t ngit;
	struct config_zone *zones;
	size_t nzones;
	const struct config_zone **catalogs;	/* those of them that are read as catalogs */
	size_t ncatalogs;
	bool secondary;			/* zones and their primaries come from the names of keys as well */
	struct tsig_key **keys;		/* from the configuration; those from git join them in the ring */
	size_t nkeys;

	struct config_acme acme;
};

/* What the command line said; config_load() applies it over the file. */
struct config_arguments {
	const char *file;		/* NULL: /etc/certns/certns.yaml, unless remote is given */
	const char *remote;
	const char *state;
	const char *const *listen;
	size_t nlisten;
	bool secondary;			/* no file is needed; zones and primaries come from the names of keys */
	const char *const *key_files;
	size_t nkey_files;
	char *const *keys;		/* NAME:ALGORITHM:BASE64 */
	size_t nkeys;
	bool has_log_level;
	enum log_level log_level;
};

/* ERR_OK: *out is the caller's.  Otherwise the words have file:line:column and what was expected. */
enum err config_load(const struct config_arguments *arguments, struct config **out, struct fault *f);
void config_free(struct config *c);		/* takes NULL */

/* The same from memory, without a command line; file is the name for messages. */
enum err config_parse(const char *file, const char *text, size_t n, struct config **out, struct fault *f);

/* For certnsctl: the control socket that file (NULL: the default file, if it can be read) names, or else its default.
 * Whatever else is wrong in the file does not matter.  *out is the caller's, to free(). */
enum err config_find_socket(const char *file, char **out, struct fault *f);

/* Our address for messages to one of this family; NULL: the system chooses. */
const struct config_address *config_source_for(const struct config *c, int family);

/* The settings for a zone: its own entry, or the defaults. */
const struct config_zone *config_zone_for(const struct config *c, const uint8_t *apex);

/* "192.0.2.1@53", "::1@5353", "192.0.2.1", "fe80::1%eth0".  ERR_FORMAT: no address; ERR_RANGE: no port. */
enum err config_address_parse(const char *text, uint16_t default_port, struct config_address *out);

/* From the octets of an address, as they stand in A and AAAA records. */
void config_address_make(int family, const uint8_t *octets, uint16_t port, struct config_address *out);

/* The same form; port 0 is left out.  Gives text back. */
#define CONFIG_ADDRESS_TEXT 80
char *config_address_print(const struct sockaddr *address, char text[CONFIG_ADDRESS_TEXT]);

/* The same address, port and key. */
bool config_same_peer(const struct config_peer *a, const struct config_peer *b);

/* The same address, whatever the ports; IPv4 that came in over an IPv6 socket is IPv4. */
bool config_same_host(const struct sockaddr *a, const struct sockaddr *b);

/* Does peer match, and the key it signed with (NULL: unsigned)? */
bool config_access_allows(const struct config_access *list, size_t n, const struct sockaddr *peer,
    const struct tsig_key *key);

#endif
