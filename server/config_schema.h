/* server/config_schema.h -- what certns.yaml may contain, as tables, and the walk that reads a document by them.
 * Private to server/config*.c.
 *
 * A section is a YAML map that fills one struct; its options are the map's keys.  The walk (config_yaml.c) knows kinds
 * of values; the tables (config_schema.c) know names, ranges, defaults and where each value goes. */
#ifndef SERVER_CONFIG_SCHEMA_H
#define SERVER_CONFIG_SCHEMA_H

#include <yaml.h>

#include "base/buf.h"
#include "server/config.h"

struct config_reader {
	const char *file;		/* as messages name it */
	yaml_document_t *document;
	struct fault *fault;
};

enum option_kind {
	OPTION_YESNO,			/* bool */
	OPTION_NUMBER,			/* unsigned, min to max */
	OPTION_DURATION,		/* unsigned, seconds, min to max: 90, 90s, 5m, 1h30m, 2d, 1w */
	OPTION_SIZE,			/* uint64_t, octets, min to max of KiB: 4096, 40K, 100M, 2G */
	OPTION_CHOICE,			/* an enum, whose values are indices of choices */
	OPTION_TEXT,			/* char * */
	OPTION_SECRET,			/* char *, never shown */
	OPTION_FILE,			/* char *, a file that can be read */
	OPTION_NAME,			/* struct dname */
	OPTION_TEXTS,			/* char **, NULL-terminated; min is the smallest number of items */
	OPTION_ADDRESSES,		/* struct config_address * and count; max: the default port; 0: no port */
	OPTION_ACCESS,			/* struct config_access * and count */
	OPTION_SECTION,			/* a struct within this struct (offset), read by section */
	OPTION_SECTIONS,		/* an array of such structs and count; max is their largest number, 0: any */
	OPTION_OWN			/* read() does it */
};

/* For tables: where a member of a section's struct is; a list's array with its count beside it. */
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define AT(type, member) .offset = offsetof(struct type, member)
#define LIST(type, member) .offset = offsetof(struct type, member), .count = offsetof(struct type, n##member)

struct section;

struct option {
	const char *name;
	enum option_kind kind;
	size_t offset, count;		/* in the section's struct: of the value, and of a list's size_t */
	const char *fallback;		/* in place of an absent scalar, or as the one item of an absent list */
	bool needed;
	unsigned min, max;
	const char *const *choices;	/* NULL-terminated */
	bool (*valid)(const char *text);	/* TEXT, SECRET and each of TEXTS; NULL: anything but nothing */
	const char *expected;		/* valid() in words */
	const struct section *section;
	enum err (*read)(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
					/* OWN; node NULL: take fallback */
};

struct section {
	const char *what;		/* "server", "a zone": for messages */
	const struct option *options;
	size_t noptions, size;
	bool named;			/* each begins with a struct dname, which no two in a list may share */
	const struct section *shared;	/* a part of these options, which the map of this name (what) at the document's
					 * top says for all sections that lack them; or NULL.  Where one of them is
					 * null (~) the default is taken instead */
	enum err (*finish)(struct config_reader *r, const yaml_node_t *node, void *base);	/* or NULL */
};

/* config_document.c: one document, which r->document points to until it is closed; text is borrowed until then.  ERR_FORMAT with words:
 * no YAML, or (_end) a second document behind it. */
struct config_document {
	const char *text;
	size_t n;
	yaml_parser_t parser;
	yaml_document_t document;
};
enum err config_document_open(struct config_reader *r, const char *text, size_t n, struct config_document *d);
enum err config_document_end(struct config_reader *r, struct config_document *d);
void config_document_close(struct config_document *d);		/* what was in it is overwritten */

/* Words with the place in front of them; node NULL: the file as a whole. */
enum err config_fault(struct config_reader *r, const yaml_node_t *node, enum err err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Is it a file that can be read? */
enum err config_check_file(struct config_reader *r, const yaml_node_t *node, const char *path);

/* "expected WHAT, found ..." with the node's text, shortened, or its kind. */
#define CONFIG_LIST "a list ([in, brackets], or each item on a line of its own behind a hyphen)"
enum err config_expected(struct config_reader *r, const yaml_node_t *node, const char *what);

/* The items of a list, and how many there are.  ERR_FORMAT: it is no list; ERR_RANGE: the option wants more. */
enum err config_items(struct config_reader *r, const struct option *o, const yaml_node_t *node,
    const yaml_node_item_t **items, size_t *n);

/* "FILE:LINE:COLUMN" for messages that are no errors. */
#define CONFIG_PLACE_TEXT 256
const char *config_place(const struct config_reader *r, const yaml_node_t *node, char text[CONFIG_PLACE_TEXT]);

/* A scalar's text (without NULs in it), or NULL with the fault set. */
const char *config_scalar(struct config_reader *r, const yaml_node_t *node, const char *what);

/* "_letsencrypt._tcp": labels in front of a name, without a final dot. */
bool config_valid_label(const char *text);

/* The value of a key in a map; NULL: the key is not there, or has none. */
const yaml_node_t *config_value(const struct config_reader *r, const yaml_node_t *map, const char *key);

/* config_values.c: what a scalar of a kind is called when something else stands there; one that becomes what *to is, or a copy
 * of it.  node is the place for words, NULL for a default. */
const char *config_kind_words(const struct option *o);
enum err config_read_scalar(struct config_reader *r, const struct option *o, const yaml_node_t *node, const char *text,
    void *to);
enum err config_copy_text(struct config_reader *r, const struct option *o, const yaml_node_t *node, const char *text,
    char **out);

/* Fill base by section from a map.  What was allocated before an error is the caller's to free, as after success. */
enum err config_read_section(struct config_reader *r, const struct section *s, const yaml_node_t *node, void *base);

/* Fill base with the defaults alone.  ERR_NOMEM. */
enum err config_read_defaults(struct config_reader *r, const struct section *s, void *base);

/* What the root of the document fills: the configuration, and the keys as they stand in the file. */
struct config_key {
	struct dname name;
	enum tsig_algorithm algorithm;
	char *secret, *secret_file;
	struct tsig_key *key;
};
struct config_draft {
	struct config config;
	struct config_key *keys;
	size_t nkeys;
};
extern const struct section config_root, config_acme_section, config_dnstap_section;

void config_texts_free(char **texts);		/* NULL-terminated; takes NULL */

/* server: the two ways to give the secrets of cookies. */
enum err config_read_cookie_secrets(struct config_reader *r, const struct option *o, const yaml_node_t *node,
    void *base);
enum err config_read_cookie_file(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);

/* git: what its files hold must be good, and the share that a pull may remove. */
enum err config_check_git(struct config_reader *r, const yaml_node_t *node, struct config_git *g);
enum err config_read_removal_limit(struct config_reader *r, const struct option *o, const yaml_node_t *node,
    void *base);

/* zones: a list of struct config_peer and its count, of at least o->min. */
enum err config_read_peers(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);

/* zones: what else a secondary zone has. */
enum err config_read_update_key(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
enum err config_read_policy(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
/* warns */
void config_check_policy(const struct config_reader *r, const yaml_node_t *node, const struct config_zone *z);
void config_policy_clear(struct config_policy *p);
enum err config_check_primaries(struct config_reader *r, const yaml_node_t *node, const struct config_zone *z);
/* Also of zone-defaults: what stands in the node itself. */
enum err config_check_intervals(struct config_reader *r, const yaml_node_t *node, const struct config_zone *z);

/* acme: and zones: the authorities by name.  What names them is checked once all are known. */
bool config_valid_authority_name(const char *text);
enum err config_name_authorities(struct config_reader *r, const yaml_node_t *node, struct config_acme *c);
enum err config_read_zone_acme(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
enum err config_check_zone_authorities(struct config_reader *r, const yaml_node_t *root, const struct config_acme *c);
enum err config_read_limits(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
enum err config_read_labels(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
enum err config_check_labels(struct config_reader *r, const yaml_node_t *node, const struct config_acme *c);
void config_labels_free(struct config_label *labels, size_t n);

/* acme: and zones: self-check, and what it needs.  finish: of the whole document. */
enum err config_read_self_check(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
enum err config_read_resolvers(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
enum err config_finish_self_check(struct config_reader *r, const yaml_node_t *root, struct config *config);
void config_self_check_clear(struct config_acme *c);

/* acme: the proxy.  check reads its password, too. */
bool config_valid_proxy(const char *text);
enum err config_check_proxy(struct config_reader *r, const yaml_node_t *node, struct config_acme *c);
void config_proxy_clear(struct config_acme *c);

/* acme: the account at an authority: a key that is there must be good.  Authorities that share one must agree on it. */
enum err config_read_challenges(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
enum err config_read_eab(struct config_reader *r, const struct option *o, const yaml_node_t *node, void *base);
enum err config_check_account(struct config_reader *r, const yaml_node_t *node, struct config_authority *a);
enum err config_check_shared_accounts(struct config_reader *r, const yaml_node_t *node, const struct config_acme *c);

/* server: dnstap: what follows from other values.  ERR_NOMEM. */
enum err config_dnstap_complete(struct config *c);
void config_dnstap_clear(struct config_dnstap *c);

/* The keys of the command line, behind those of the file. */
enum err config_add_keys(struct config *c, const struct config_arguments *arguments, struct fault *f);

/* Append what a file holds but for white space at its end; warn where everybody may read it. */
enum err config_read_secret_file(struct config_reader *r, const yaml_node_t *node, const char *path, struct buf *out);

/* One item of allow-transfer; on failure the words say what was expected. */
enum err config_access_parse(const char *text, struct config_access *out, struct fault *f);

#endif
