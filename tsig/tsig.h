/* tsig/tsig.h -- signing and verifying messages (RFC 8945).  No I/O, no clock: time comes in.
 *
 * A server calls tsig_verify_request() and, with the same struct tsig_exchange, tsig_sign_response() for each
 * message it answers with.  A client calls tsig_sign_request() and then tsig_verify_response() for each message
 * that comes back.  The exchange carries the MAC from one message to the next; streams of several messages
 * (AXFR, IXFR over TCP; section 5.3.1) need nothing else. */
#ifndef TSIG_TSIG_H
#define TSIG_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tsig/key.h"
#include "tsig/keyring.h"

#define TSIG_MAC_MAX 64
#define TSIG_FUDGE_S 300
#define TSIG_UNSIGNED_MAX 99	/* messages in a row that a stream may leave unsigned: section 5.3.1 */

enum tsig_status {
	TSIG_ABSENT,		/* no TSIG record */
	TSIG_VALID,
	TSIG_FORMERR,		/* misplaced, doubled or malformed: answer FORMERR, unsigned */
	TSIG_NO_MEMORY,		/* of OpenSSL's: whether it is good is not known; answer SERVFAIL, unsigned */
	TSIG_BAD		/* exchange->error says which; answer NOTAUTH through tsig_sign_response() */
};

struct tsig_exchange {
	enum tsig_status status;
	const struct tsig_key *key;	/* borrowed from the ring; NULL: absent or BADKEY */
	struct dname key_name;		/* as the request has it, for BADKEY answers and the log */
	struct dname algorithm_name;
	unsigned error;			/* 0, RCODE_BADSIG, RCODE_BADKEY, RCODE_BADTIME, RCODE_BADTRUNC */
	uint64_t time_signed;		/* of the request */
	uint16_t fudge;
	uint16_t original_id;
	uint8_t mac[TSIG_MAC_MAX];	/* of the last signed message; of a request all of it */
	size_t mac_len;			/* as long as it came (truncated MACs); responses are truncated alike */
	unsigned messages;		/* of the response so far */
	unsigned unsigned_run;		/* messages since the last signed one */
	void *digest;			/* private: HMAC over unsigned messages of a stream */
};

/* Look for a TSIG record in msg (*n octets, a whole message), check it, and take it off: on any status but
 * TSIG_FORMERR *n and ARCOUNT are those of the message without TSIG.  The ID stays as it came, so that the answer
 * finds its way back through a forwarder; the original ID goes into the answer's TSIG record.
 * A MAC shorter than max(10 octets, half of the full one) is FORMERR, one shorter than key->mac_min BADTRUNC
 * (section 5.2.2.1); comparison takes constant time; the order of checks is key, MAC, time, truncation policy.
 * A message whose records cannot be read is TSIG_FORMERR too.  ring may be NULL.  x is set, whatever it held: clear
 * a used one before.  x borrows the key from ring, which must outlive it. */
enum tsig_status tsig_verify_request(const struct tsig_keyring *ring, uint8_t *msg, size_t *n, int64_t now_s,
    struct tsig_exchange *x);

/* What a request with a good signature (TSIG_VALID, and no response signed yet) is known by: the same for all forms that
 * one signature is good for (other IDs, letter case and compression in the TSIG record, truncated MACs), since anybody
 * can make one of them of another; different for different requests.  False: OpenSSL has no memory, and out nothing. */
#define TSIG_IDENTITY 32
bool tsig_request_identity(const struct tsig_exchange *x, uint8_t out[TSIG_IDENTITY]);

/* Append a TSIG record to the response msg (n octets, room in all) and count it in ARCOUNT.  The first message
 * of a response takes in the request's MAC; later ones the MAC of the message before (timers only).
 * BADKEY and BADSIG answers get an empty MAC, BADTIME answers are signed and carry the server's time.
 * Where the request had no TSIG, or a malformed one, nothing is appended.  The caller sets the rcode.
 * Returns the new length; 0: no room, or the crypto library failed. */
size_t tsig_sign_response(struct tsig_exchange *x, uint8_t *msg, size_t n, size_t room, int64_t now_s);

/* Octets to keep free for the record that tsig_sign_response() appends; 0 where it appends none. */
size_t tsig_response_size(const struct tsig_exchange *x);

/* Sign a request with key, which must outlive x; x is set up for the answer: clear a used one before.  Returns the
 * new length; 0: no room, or the crypto library failed. */
size_t tsig_sign_request(const struct tsig_key *key, uint8_t *msg, size_t n, size_t room, int64_t now_s,
    struct tsig_exchange *x);

/* Check one message of the answer, and take its TSIG off.  final: this is the last message of the stream (a
 * single response is first and last), which must be signed, as must the first and every hundredth.
 * ERR_OK; ERR_PEER with words (unsigned, BADSIG, BADTIME with both times, the error that the server reports, which
 * x->error holds too); ERR_FORMAT; ERR_CRYPTO.  On failure msg is as it was.  ID and QR are the caller's to check. */
enum err tsig_verify_response(struct tsig_exchange *x, uint8_t *msg, size_t *n, bool final, int64_t now_s,
    struct fault *f);

/* Free what x holds; it may be used anew. */
void tsig_exchange_clear(struct tsig_exchange *x);

#endif
