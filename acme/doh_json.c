/* acme/doh_json.c -- the JSON of public resolvers as a DNS message.
 *
 * There is no standard; Google's and Cloudflare's agree on Status, the flags as booleans, and Question, Answer and
 * Authority as lists of {name, type, TTL, data} with data in presentation format (names absolute, with or without the
 * final dot; TXT in quotes, once without). */
#include "acme/doh.h"

#include <jansson.h>
#include <string.h>

#include "wire/rdata.h"
#include "zones/text.h"

#define RCODE_MOST 15		/* of what the header has room for; extended ones have no JSON here */
#define TTL_MOST 0x7fffffff	/* RFC 2181, section 8 */
#define STRING_MOST 255

struct conversion {
	struct wr w;
	struct fault *f;
	uint8_t rdata[RDATA_MAX];
};

static bool
number_in(const json_t *object, const char *key, json_int_t most, json_int_t *out)
{
	const json_t *v = json_object_get(object, key);

	*out = json_integer_value(v);
	return json_is_integer(v) && *out >= 0 && *out <= most;
}

static bool
name_in(const json_t *object, const char *key, struct dname *out)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL && dname_from_str(text, out) == ERR_OK;
}

/* TXT without quotes is one text, blanks and all: as many character-strings as it needs. */
static bool
txt_plain(const char *text, uint8_t *out, size_t *n)
{
	size_t left = strlen(text);

	for (*n = 0; *n + 1 + STRING_MOST <= RDATA_MAX; ) {
		size_t part = left < STRING_MOST ? left : STRING_MOST;

		out[*n] = (uint8_t)part;
		memcpy(out + *n + 1, text, part);
		*n += 1 + part;
		text += part;
		if ((left -= part) == 0)
			return true;
	}
	return false;
}

static enum err
rdata_in(struct conversion *c, uint16_t type, const char *data, size_t *n)
{
	if (type == TYPE_TXT && data[0] != '"' && data[0] != '\\')
		return txt_plain(data, c->rdata, n) ? ERR_OK : ERR_RANGE;
	return rdata_from_text(type, data, NULL, c->rdata, n, NULL);
}

/* One record into the message.  needed: the answer means something else without it. */
static enum err
record_in(struct conversion *c, const json_t *record, bool needed, uint16_t *count)
{
	const char *data = json_string_value(json_object_get(record, "data"));
	struct wr_mark mark = wr_mark(&c->w);
	json_int_t type, ttl;
	struct dname owner;
	size_t n;

	if (!number_in(record, "type", UINT16_MAX, &type) || !name_in(record, "name", &owner) || data == NULL)
		return needed ? fault_set(c->f, ERR_PEER, "its JSON has a record without name, type or data") : ERR_OK;
	if (!number_in(record, "TTL", TTL_MOST, &ttl))
		ttl = 0;
	if (rdata_in(c, (uint16_t)type, data, &n) != ERR_OK || !rdata_valid((uint16_t)type, c->rdata, n))
		return needed ? fault_set(c->f, ERR_PEER,
		    "its JSON has a record of type %u that cannot be read: %.100s", (unsigned)type, data) : ERR_OK;
	msg_rr_write(&c->w, owner.octets, (uint16_t)type, CLASS_IN, (uint32_t)ttl, c->rdata, n);
	if (c->w.full && !needed) {
		wr_rewind(&c->w, mark);
		return ERR_OK;
	}
	if (c->w.full)
		return fault_set(c->f, ERR_PEER, "its JSON is larger than any DNS message");
	++*count;
	return ERR_OK;
}

static enum err
section_in(struct conversion *c, const json_t *answer, const char *key, bool needed, uint16_t *count)
{
	const json_t *list = json_object_get(answer, key), *record;
	enum err err = ERR_OK;
	size_t i;

	if (list != NULL && !json_is_array(list) && needed)
		return fault_set(c->f, ERR_PEER, "its JSON has %s that is no list", key);
	json_array_foreach(list, i, record)
		if (err == ERR_OK)
			err = record_in(c, record, needed, count);
	return err;
}

static uint16_t
flags_in(const json_t *answer)
{
	static const struct { const char *key; uint16_t flag; } flags[] = {
		{ "AA", FLAG_AA }, { "RD", FLAG_RD }, { "RA", FLAG_RA }, { "AD", FLAG_AD }, { "CD", FLAG_CD },
	};
	uint16_t found = FLAG_QR;

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (json_is_true(json_object_get(answer, flags[i].key)))
			found |= flags[i].flag;
	return found;
}

/* Google's is a list, as is Cloudflare's; others leave it out, and what they answer is taken to be to our question. */
static bool
question_is(const json_t *answer, const struct question *q)
{
	const json_t *v = json_object_get(answer, "Question"), *one = json_is_array(v) ? json_array_get(v, 0) : v;
	struct dname name;
	json_int_t type;

	return one == NULL || (name_in(one, "name", &name) && dname_equal(name.octets, q->qname.octets) &&
	    number_in(one, "type", UINT16_MAX, &type) && type == q->qtype);
}

static enum err
convert(struct conversion *c, const json_t *answer, const struct question *q)
{
	struct msg_header h = { .flags = flags_in(answer), .qdcount = 1 };
	json_int_t status;
	enum err err;

	if (!json_is_object(answer) || !number_in(answer, "Status", UINT16_MAX, &status))
		return fault_set(c->f, ERR_PEER, "its JSON has no Status");
	if (status > RCODE_MOST)
		return fault_set(c->f, ERR_PEER, "its JSON has Status %lld", (long long)status);
	if (!question_is(answer, q))
		return fault_set(c->f, ERR_PEER, "its JSON answers another question");
	h.flags |= (uint16_t)status;
	msg_header_write(&c->w, &h);
	question_write(&c->w, q);
	if ((err = section_in(c, answer, "Answer", true, &h.ancount)) == ERR_OK)
		err = section_in(c, answer, "Authority", false, &h.nscount);
	wr_patch_u16(&c->w, 6, h.ancount);
	wr_patch_u16(&c->w, 8, h.nscount);
	return err;
}

enum err
acme_doh_json_read(const char *json, size_t n, const struct question *q, uint8_t *out, size_t *out_n, struct fault *f)
{
	struct conversion c = { .f = f };
	json_error_t problem;
	json_t *answer = json_loadb(json, n, JSON_REJECT_DUPLICATES, &problem);
	enum err err;

	if (answer == NULL)
		return fault_set(f, ERR_PEER, "its answer is no JSON: %s", problem.text);
	wr_init(&c.w, out, MSG_MAX);
	err = convert(&c, answer, q);
	*out_n = wr_len(&c.w);
	json_decref(answer);
	return err;
}
