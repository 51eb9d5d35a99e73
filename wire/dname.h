/* wire/dname.h -- domain names (RFC 1035, section 3.1) in wire form, without compression.
 *
 * A name is a run of labels that ends with the root label.  Functions take it as const uint8_t * and trust it:
 * whatever comes from outside becomes a name only through dname_parse() or rd_dname(), which check it.
 * struct dname owns a copy.  Letter case is kept, and ignored by every comparison (RFC 4343). */
#ifndef WIRE_DNAME_H
#define WIRE_DNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DNAME_MAX 255		/* octets, with the root label */
#define DNAME_LABELS_MAX 127	/* labels, without the root label */
#define DNAME_TEXT_MAX 1024	/* characters, with escapes and the terminator */

struct dname {
	uint8_t octets[DNAME_MAX];
};

size_t dname_len(const uint8_t *name);			/* octets, with the root label */
unsigned dname_labels(const uint8_t *name);		/* without the root label */
bool dname_is_root(const uint8_t *name);
bool dname_is_wildcard(const uint8_t *name);		/* the first label is "*" */

/* The name without its first label; the root has none and gives itself. */
const uint8_t *dname_parent(const uint8_t *name);

/* The name without its first n labels; n is at most dname_labels(). */
const uint8_t *dname_skip(const uint8_t *name, unsigned n);

bool dname_equal(const uint8_t *a, const uint8_t *b);
int dname_compare(const uint8_t *a, const uint8_t *b);	/* canonical order, RFC 4034, section 6.1 */

/* Is name equal to or below ancestor? */
bool dname_is_below(const uint8_t *name, const uint8_t *ancestor);

uint32_t dname_hash(const uint8_t *name);		/* letter case ignored */
void dname_copy(struct dname *to, const uint8_t *name);
void dname_lower(uint8_t *to, const uint8_t *name);	/* to has room for dname_len(name) */

/* prefix labels (a name whose root label is dropped) before suffix; false when longer than DNAME_MAX. */
bool dname_join(struct dname *to, const uint8_t *prefix, unsigned prefix_labels, const uint8_t *suffix);

/* Presentation format (RFC 1035, section 5.1; \X and \DDD).  Text that does not end in a dot is relative to
 * origin; with origin NULL it is taken as absolute.  "@" is origin.
 * ERR_FORMAT: a bad escape, an empty label or none at all; ERR_RANGE: a label or the name is too long. */
enum err dname_parse(const char *text, size_t n, const uint8_t *origin, struct dname *out);
enum err dname_from_str(const char *text, struct dname *out);	/* absolute, a final dot is optional */

/* Absolute, with the final dot.  Gives text back. */
char *dname_print(const uint8_t *name, char text[DNAME_TEXT_MAX]);

/* The same without the final dot (the root stays "."), as people write host names. */
char *dname_print_host(const uint8_t *name, char text[DNAME_TEXT_MAX]);

#endif
