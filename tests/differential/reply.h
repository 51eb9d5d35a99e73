/* tests/differential/reply.h -- a response taken apart so that two can be compared. */
#ifndef TESTS_DIFFERENTIAL_REPLY_H
#define TESTS_DIFFERENTIAL_REPLY_H

#include "tests/differential/query.h"

#define REPLY_RECORDS_MAX 8192

struct record {
	struct dname owner;		/* in lower case */
	uint16_t type, class;
	uint32_t ttl;
	const uint8_t *rdata;		/* uncompressed, in the reply's store */
	size_t n;
};

enum { ANSWER, AUTHORITY, ADDITIONAL, SECTIONS };

struct reply {
	const char *fault;		/* why it is no response to the query; NULL: it is one */
	unsigned rcode, flags;		/* flags without rcode */
	bool edns, do_bit, question;
	uint16_t udp_size;
	size_t octets;
	struct record *sections[SECTIONS];	/* each sorted; OPT is not among them */
	size_t counts[SECTIONS];
	struct record records[REPLY_RECORDS_MAX];
	uint8_t store[1 << 20];
};

/* Take a response apart; n is 0 where none came.  What is wrong with it is in r->fault. */
void reply_read(struct reply *r, const struct query *q, const uint8_t *wire, size_t n);

/* In what do they differ? */
enum {
	DIFFER_FAULT = 1, DIFFER_RCODE = 2, DIFFER_AA = 4, DIFFER_TC = 8, DIFFER_FLAGS = 16, DIFFER_EDNS = 32,
	DIFFER_ANSWER = 64, DIFFER_AUTHORITY = 128, DIFFER_ADDITIONAL = 256, DIFFER_QUESTION = 512
};
unsigned reply_compare(const struct reply *a, const struct reply *b);

bool record_equal(const struct record *a, const struct record *b);

/* To standard output. */
void reply_print(const struct reply *r);
void differ_print(unsigned differ);

#endif
