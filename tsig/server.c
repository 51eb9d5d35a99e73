#include "tsig/tsig.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/digest.h"
#include "tsig/mac.h"
#include "tsig/record.h"
#include "wire/message.h"

/* mac: what the request's should be, all of it where only a part came. */
static bool
request_mac(const struct tsig_key *key, const uint8_t *msg, const struct tsig_record *rec, uint8_t mac[TSIG_MAC_MAX])
{
	EVP_MAC_CTX *ctx = tsig_mac_begin(key, NULL, 0);
	uint16_t arcount = (uint16_t)((msg[10] << 8 | msg[11]) - 1);

	if (ctx == NULL)
		return false;
	if (!tsig_mac_message(ctx, msg, rec->start, rec->original_id, arcount)) {
		EVP_MAC_CTX_free(ctx);
		return false;
	}
	return tsig_mac_end(ctx, rec, false, mac);
}

static enum tsig_status
bad(struct tsig_exchange *x, unsigned error)
{
	x->error = error;
	return TSIG_BAD;
}

/* The checks of RFC 8945, section 5.2, in its order: key, MAC, time, truncation policy. */
static enum tsig_status
check_request(struct tsig_exchange *x, const uint8_t *msg, const struct tsig_record *rec, int64_t now_s)
{
	uint8_t mac[TSIG_MAC_MAX] = { 0 };

	if (x->key == NULL)
		return bad(x, RCODE_BADKEY);
	if (!request_mac(x->key, msg, rec, mac))
		return TSIG_NO_MEMORY;
	if (CRYPTO_memcmp(mac, rec->mac, rec->mac_len) != 0)
		return bad(x, RCODE_BADSIG);
	memcpy(x->mac, mac, sizeof x->mac);	/* a MAC that was found good goes into the answer's: section 5.3.2 */
	x->mac_len = rec->mac_len;
	if (tsig_record_is_bad_time(rec, now_s))
		return bad(x, RCODE_BADTIME);
	if (rec->mac_len < x->key->mac_min)
		return bad(x, RCODE_BADTRUNC);
	return TSIG_VALID;
}

static const struct tsig_key *
find_key(const struct tsig_keyring *ring, const struct tsig_record *rec)
{
	const struct tsig_key *key = ring == NULL ? NULL : tsig_keyring_find(ring, rec->key_name.octets);

	if (key == NULL || !dname_equal(tsig_algorithm_dname(key->algorithm), rec->algorithm_name.octets))
		return NULL;
	return key;
}

enum tsig_status
tsig_verify_request(const struct tsig_keyring *ring, uint8_t *msg, size_t *n, int64_t now_s, struct tsig_exchange *x)
{
	struct tsig_record rec;

	*x = (struct tsig_exchange){ .status = TSIG_ABSENT };
	switch (tsig_record_find(msg, *n, &rec)) {
	case TSIG_FOUND_NONE:
		return x->status;
	case TSIG_FOUND_MALFORMED:
		return x->status = TSIG_FORMERR;
	case TSIG_FOUND_ONE:
		break;
	}
	x->key = find_key(ring, &rec);
	if (x->key != NULL && (rec.mac_len > tsig_algorithm_mac_size(x->key->algorithm) ||
	    rec.mac_len < tsig_algorithm_mac_floor(x->key->algorithm)))
		return x->status = TSIG_FORMERR;	/* section 5.2.2.1 */
	x->key_name = rec.key_name;
	x->algorithm_name = rec.algorithm_name;
	x->time_signed = rec.time_signed;
	x->fudge = rec.fudge;
	x->original_id = rec.original_id;
	x->status = check_request(x, msg, &rec, now_s);
	tsig_record_strip(msg, n, &rec);
	return x->status;
}

bool
tsig_request_identity(const struct tsig_exchange *x, uint8_t out[TSIG_IDENTITY])
{
	uint8_t text[DNAME_MAX + TSIG_MAC_MAX];
	size_t n = dname_len(x->key_name.octets);

	dname_lower(text, x->key_name.octets);
	memcpy(text + n, x->mac, TSIG_MAC_MAX);
	return digest_make_sha256(text, n + TSIG_MAC_MAX, out);
}

static bool
is_signed(const struct tsig_exchange *x)	/* section 5.3.2: what cannot be trusted is answered without a MAC */
{
	return x->error != RCODE_BADKEY && x->error != RCODE_BADSIG;
}

/* All of the response's record but the MAC itself.  server_time holds the other data of BADTIME. */
static void
prepare_record(const struct tsig_exchange *x, int64_t now_s, uint8_t server_time[6], struct tsig_record *rec)
{
	*rec = (struct tsig_record){
		.key_name = x->key_name, .algorithm_name = x->algorithm_name,
		.time_signed = (uint64_t)now_s, .fudge = TSIG_FUDGE_S,
		.original_id = x->original_id, .error = (uint16_t)x->error
	};
	if (is_signed(x))
		rec->mac_len = (uint16_t)(x->mac_len > x->key->mac_min ? x->mac_len : x->key->mac_min);
	if (x->error != RCODE_BADTIME)
		return;
	/* Section 5.2.3: the client's own time, so that it takes the answer; ours beside it. */
	rec->time_signed = x->time_signed;
	for (int i = 0; i < 6; i++)
		server_time[i] = (uint8_t)((uint64_t)now_s >> (40 - 8 * i));
	rec->other = server_time;
	rec->other_len = 6;
}

static bool
has_record(const struct tsig_exchange *x)
{
	return x->status == TSIG_VALID || x->status == TSIG_BAD;
}

size_t
tsig_response_size(const struct tsig_exchange *x)
{
	struct tsig_record rec;
	uint8_t server_time[6];

	if (!has_record(x))
		return 0;
	prepare_record(x, 0, server_time, &rec);
	return tsig_record_size(&rec);
}

static bool
make_mac(struct tsig_exchange *x, const uint8_t *msg, size_t n, const struct tsig_record *rec)
{
	EVP_MAC_CTX *ctx = tsig_mac_begin(x->key, x->mac, x->mac_len);
	uint16_t arcount = (uint16_t)(msg[10] << 8 | msg[11]);

	if (ctx == NULL)
		return false;
	if (!tsig_mac_message(ctx, msg, n, x->original_id, arcount)) {
		EVP_MAC_CTX_free(ctx);
		return false;
	}
	if (!tsig_mac_end(ctx, rec, x->messages > 0, x->mac))
		return false;
	x->mac_len = rec->mac_len;
	return true;
}

size_t
tsig_sign_response(struct tsig_exchange *x, uint8_t *msg, size_t n, size_t room, int64_t now_s)
{
	struct tsig_record rec;
	uint8_t server_time[6];

	if (!has_record(x))
		return n;
	prepare_record(x, now_s, server_time, &rec);
	if (room > MSG_MAX)
		room = MSG_MAX;
	if (n < MSG_HEADER_SIZE || n > room || tsig_record_size(&rec) > room - n)
		return 0;
	if (is_signed(x) && !make_mac(x, msg, n, &rec))
		return 0;
	rec.mac = x->mac;
	x->messages++;
	return tsig_record_append(msg, n, room, &rec);
}

void
tsig_exchange_clear(struct tsig_exchange *x)
{
	EVP_MAC_CTX_free(x->digest);
	*x = (struct tsig_exchange){ .status = TSIG_ABSENT };
}
