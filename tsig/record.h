/* tsig/record.h -- the TSIG record itself (RFC 8945, section 4.2).  Private to the tsig room. */
#ifndef TSIG_RECORD_H
#define TSIG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dname.h"

struct tsig_record {
	struct dname key_name, algorithm_name;
	uint64_t time_signed;		/* seconds since the epoch, 48 bits */
	uint16_t fudge;			/* seconds */
	const uint8_t *mac;		/* borrowed: of the message */
	uint16_t mac_len;
	uint16_t original_id;
	uint16_t error;
	const uint8_t *other;		/* borrowed too */
	uint16_t other_len;
	size_t start;			/* offset of the record: the length of the message without it */
};

enum tsig_found { TSIG_FOUND_NONE, TSIG_FOUND_ONE, TSIG_FOUND_MALFORMED };

/* Look through all of msg.  MALFORMED: the records cannot be read, or a TSIG record is not the last of the
 * additional section, not of class ANY and TTL 0, or broken. */
enum tsig_found tsig_record_find(const uint8_t *msg, size_t n, struct tsig_record *rec);

/* Cut the record that tsig_record_find() found off, and count it out of ARCOUNT. */
void tsig_record_strip(uint8_t *msg, size_t *n, const struct tsig_record *rec);

/* Octets that tsig_record_append() takes. */
size_t tsig_record_size(const struct tsig_record *rec);

/* Behind the n octets of msg, of room; counts it in ARCOUNT.  Returns the new length; 0: no room. */
size_t tsig_record_append(uint8_t *msg, size_t n, size_t room, const struct tsig_record *rec);

/* Is now_s outside of the record's window (section 5.2.3)? */
bool tsig_record_is_bad_time(const struct tsig_record *rec, int64_t now_s);

#endif
