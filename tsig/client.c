#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "tsig/mac.h"
#include "tsig/record.h"
#include "tsig/tsig.h"
#include "wire/message.h"

static uint16_t
u16_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

size_t
tsig_sign_request(const struct tsig_key *key, uint8_t *msg, size_t n, size_t room, int64_t now_s,
    struct tsig_exchange *x)
{
	struct tsig_record rec = { .time_signed = (uint64_t)now_s, .fudge = TSIG_FUDGE_S };
	EVP_MAC_CTX *ctx;

	if (n < MSG_HEADER_SIZE || (ctx = tsig_mac_begin(key, NULL, 0)) == NULL)
		return 0;
	*x = (struct tsig_exchange){
		.status = TSIG_VALID, .key = key, .key_name = key->name, .original_id = u16_at(msg),
		.time_signed = (uint64_t)now_s, .fudge = TSIG_FUDGE_S,
		    .mac_len = tsig_algorithm_mac_size(key->algorithm)
	};
	dname_copy(&x->algorithm_name, tsig_algorithm_dname(key->algorithm));
	rec.key_name = x->key_name;
	rec.algorithm_name = x->algorithm_name;
	rec.original_id = x->original_id;
	if (!tsig_mac_message(ctx, msg, n, x->original_id, u16_at(msg + 10))) {
		EVP_MAC_CTX_free(ctx);
		return 0;
	}
	if (!tsig_mac_end(ctx, &rec, false, x->mac))
		return 0;
	rec.mac = x->mac;
	rec.mac_len = (uint16_t)x->mac_len;
	return tsig_record_append(msg, n, room, &rec);
}

/* The digest of the message that comes next: begun before by unsigned ones, or now with the last MAC. */
static bool
digest_message(struct tsig_exchange *x, const uint8_t *msg, size_t n, uint16_t id, uint16_t arcount)
{
	if (x->digest == NULL)
		x->digest = tsig_mac_begin(x->key, x->mac, x->mac_len);
	return x->digest != NULL && tsig_mac_message(x->digest, msg, n, id, arcount);
}

static enum err
take_unsigned(struct tsig_exchange *x, const uint8_t *msg, size_t n, bool final, struct fault *f)
{
	if (x->messages == 0 && final)
		return fault_set(f, ERR_PEER, "the answer is not signed (%s)", rcode_str(msg[3] & 15));
	if (x->messages == 0 || final || x->unsigned_run >= TSIG_UNSIGNED_MAX)
		return fault_set(f, ERR_PEER, "message %u of the answer is not signed", x->messages + 1);
	if (!digest_message(x, msg, n, u16_at(msg), u16_at(msg + 10)))
		return fault_set(f, ERR_CRYPTO, "the message digest failed");
	x->messages++;
	x->unsigned_run++;
	return ERR_OK;
}

static enum err
report_bad_time(const struct tsig_record *rec, int64_t now_s, struct fault *f)
{
	char theirs[CLOCK_TEXT_SIZE], ours[CLOCK_TEXT_SIZE];
	uint64_t server_s = rec->time_signed;

	if (rec->error == RCODE_BADTIME && rec->other_len == 6) {
		server_s = 0;
		for (int i = 0; i < 6; i++)
			server_s = server_s << 8 | rec->other[i];
	}
	clock_print((int64_t)server_s, theirs);
	clock_print(now_s, ours);
	return fault_set(f, ERR_PEER, "BADTIME: the server's clock says %s, ours %s", theirs, ours);
}

/* What is checked before any digest: that this record answers ours. */
static enum err
check_record(const struct tsig_exchange *x, const struct tsig_record *rec, struct fault *f)
{
	if (!dname_equal(rec->key_name.octets, x->key_name.octets))
		return fault_set(f, ERR_PEER, "the answer is signed with another key");
	if (!dname_equal(rec->algorithm_name.octets, x->algorithm_name.octets))
		return fault_set(f, ERR_PEER, "the answer is signed with another algorithm");
	if (rec->mac_len == 0)		/* nobody vouches for this one: section 5.3.2 */
		return fault_set(f, ERR_PEER, "the server says %s", rec->error == RCODE_NOERROR ?
		    "nothing, and does not sign" : rcode_str(rec->error));
	if (rec->mac_len > tsig_algorithm_mac_size(x->key->algorithm) ||
	    rec->mac_len < tsig_algorithm_mac_floor(x->key->algorithm))
		return fault_set(f, ERR_FORMAT, "a MAC of %u octets", rec->mac_len);
	return ERR_OK;
}

static enum err
take_signed(struct tsig_exchange *x, const uint8_t *msg, const struct tsig_record *rec, int64_t now_s, struct fault *f)
{
	uint8_t mac[TSIG_MAC_MAX];
	enum err err = check_record(x, rec, f);
	EVP_MAC_CTX *ctx;

	x->error = rec->error;
	if (err != ERR_OK)
		return err;
	if (!digest_message(x, msg, rec->start, rec->original_id, (uint16_t)(u16_at(msg + 10) - 1)))
		return fault_set(f, ERR_CRYPTO, "the message digest failed");
	ctx = x->digest;
	x->digest = NULL;
	if (!tsig_mac_end(ctx, rec, x->messages > 0, mac))
		return fault_set(f, ERR_CRYPTO, "the message digest failed");
	if (CRYPTO_memcmp(mac, rec->mac, rec->mac_len) != 0)
		return fault_set(f, ERR_PEER, "BADSIG: the answer's MAC is wrong");
	if (rec->error == RCODE_BADTIME || tsig_record_is_bad_time(rec, now_s))
		return report_bad_time(rec, now_s, f);
	if (rec->mac_len < x->key->mac_min)
		return fault_set(f, ERR_PEER, "BADTRUNC: a MAC of %u octets", rec->mac_len);
	if (rec->error != RCODE_NOERROR)
		return fault_set(f, ERR_PEER, "the server says %s", rcode_str(rec->error));
	memcpy(x->mac, rec->mac, rec->mac_len);
	x->mac_len = rec->mac_len;
	x->messages++;
	x->unsigned_run = 0;
	return ERR_OK;
}

enum err
tsig_verify_response(struct tsig_exchange *x, uint8_t *msg, size_t *n, bool final, int64_t now_s, struct fault *f)
{
	struct tsig_record rec;
	enum err err = ERR_FORMAT;

	switch (tsig_record_find(msg, *n, &rec)) {
	case TSIG_FOUND_NONE:
		return take_unsigned(x, msg, *n, final, f);
	case TSIG_FOUND_ONE:
		if ((err = take_signed(x, msg, &rec, now_s, f)) == ERR_OK)
			tsig_record_strip(msg, n, &rec);
		return err;
	case TSIG_FOUND_MALFORMED:
		break;
	}
	return fault_set(f, err, "the answer is malformed, or its TSIG record is");
}
