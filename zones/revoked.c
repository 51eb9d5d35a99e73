/* zones/revoked.c -- keys that must sign no longer: a list of public keys, or a key revocation list (OpenSSH's
 * PROTOCOL.krl).  The latter stays as it came and is walked for each question: there are few. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "zones/signers.h"

#define FILE_MAX ((size_t)16 << 20)
#define KRL_MAGIC "SSHKRL\n"		/* with its terminator */
#define KRL_VERSION 1

enum krl_section { KRL_CERTIFICATES = 1, KRL_KEYS, KRL_SHA1, KRL_SIGNATURE, KRL_SHA256 };
enum krl_certificates { KRL_SERIALS = 0x20, KRL_SERIAL_RANGE, KRL_SERIAL_BITMAP, KRL_KEY_IDS };

struct revoked_key {
	struct ssh_key *key;
	unsigned line;
};

struct revoked {
	char *file;
	struct revoked_key *v;
	size_t n, cap;
	struct buf krl;			/* empty: it is a list */
};

/* --- a key revocation list --- */

/* What is asked for: one key, or (key NULL) nothing, to see whether the list is whole. */
struct question {
	const struct ssh_key *key;
	bool found;
};

static bool
is_key(struct ssh_text blob, const struct ssh_key *key)
{
	return key != NULL && blob.n == key->plain.len && memcmp(blob.p, key->plain.p, blob.n) == 0;
}

static bool
has_digest(struct ssh_text digest, const struct ssh_key *key, const EVP_MD *md)
{
	uint8_t ours[EVP_MAX_MD_SIZE];
	unsigned n;

	return key != NULL && EVP_Digest(key->plain.p, key->plain.len, ours, &n, md, NULL) == 1 && digest.n == n &&
	    memcmp(ours, digest.p, n) == 0;
}

/* Strings until the end, each compared with the key; the authority of a certificate counts as the key does. */
static bool
walk_strings(struct ssh_text section, enum krl_section type, struct question *q)
{
	struct rd r = rd_over(section.p, section.n);
	const struct ssh_key *keys[2] = { q->key, q->key != NULL && q->key->certificate != NULL ?
	    q->key->certificate->authority : NULL };

	while (!r.bad && r.p < r.end) {
		struct ssh_text t = ssh_read_text(&r);

		for (size_t i = 0; i < 2 && !r.bad; i++)
			q->found |= type == KRL_KEYS ? is_key(t, keys[i]) :
			    has_digest(t, keys[i], type == KRL_SHA1 ? EVP_sha1() : EVP_sha256());
	}
	return !r.bad;
}

/* Bit i of a number, the last octet being the lowest. */
static bool
has_bit(struct ssh_text number, uint64_t i)
{
	return i / 8 < number.n && (number.p[number.n - 1 - i / 8] >> i % 8 & 1) != 0;
}

static bool
walk_serials(uint8_t type, struct ssh_text section, const struct ssh_certificate *c, struct question *q)
{
	struct rd r = rd_over(section.p, section.n);
	uint64_t first, last;
	struct ssh_text t;

	switch (type) {
	case KRL_SERIALS:
		while (!r.bad && r.p < r.end) {
			first = rd_u64(&r);
			q->found |= c != NULL && !r.bad && c->serial == first;
		}
		break;
	case KRL_SERIAL_RANGE:
		first = rd_u64(&r);
		last = rd_u64(&r);
		q->found |= c != NULL && !r.bad && c->serial >= first && c->serial <= last;
		break;
	case KRL_SERIAL_BITMAP:
		first = rd_u64(&r);
		t = ssh_read_text(&r);
		q->found |= c != NULL && !r.bad && c->serial >= first && has_bit(t, c->serial - first);
		break;
	case KRL_KEY_IDS:
		while (!r.bad && r.p < r.end) {
			t = ssh_read_text(&r);
			q->found |= c != NULL && !r.bad && t.n == c->key_id.n && memcmp(t.p, c->key_id.p, t.n) == 0;
		}
		break;
	default:
		return false;
	}
	return !r.bad && r.p == r.end;
}

/* Certificates of one authority, or of any. */
static bool
walk_certificates(struct ssh_text section, struct question *q)
{
	struct rd r = rd_over(section.p, section.n);
	struct ssh_text authority = ssh_read_text(&r);
	const struct ssh_certificate *c = q->key != NULL ? q->key->certificate : NULL;

	(void)ssh_read_text(&r);		/* reserved */
	if (c != NULL && authority.n > 0 && !is_key(authority, c->authority))
		c = NULL;
	while (!r.bad && r.p < r.end) {
		uint8_t type = rd_u8(&r);
		struct ssh_text t = ssh_read_text(&r);

		if (!r.bad && !walk_serials(type, t, c, q))
			return false;
	}
	return !r.bad;
}

/* False: it is damaged, or has something in it that we do not know. */
static bool
krl_walk(const struct buf *krl, struct question *q)
{
	struct rd r = rd_over(krl->p, krl->len);
	bool good;

	(void)rd_take(&r, sizeof KRL_MAGIC);
	good = rd_u32(&r) == KRL_VERSION;
	(void)rd_take(&r, 24);			/* version of the list, date, flags */
	(void)ssh_read_text(&r);		/* reserved */
	(void)ssh_read_text(&r);		/* comment */
	while (good && !r.bad && r.p < r.end) {
		uint8_t type = rd_u8(&r);
		struct ssh_text t = ssh_read_text(&r);

		if (r.bad)
			break;
		switch (type) {
		case KRL_CERTIFICATES:
			good = walk_certificates(t, q);
			break;
		case KRL_KEYS:
		case KRL_SHA1:
		case KRL_SHA256:
			good = walk_strings(t, type, q);
			break;
		case KRL_SIGNATURE:		/* of the list itself, which the operator put there */
			(void)ssh_read_text(&r);
			break;
		default:
			good = false;
		}
	}
	return good && !r.bad;
}

/* --- a list of public keys --- */

static enum err
add_line(struct revoked *r, const char *text, size_t n, unsigned number, struct fault *f)
{
	struct fault why = { 0 };
	struct ssh_key *key;
	const char *end;
	char *line;
	enum err err;

	while (n > 0 && (*text == ' ' || *text == '\t' || *text == '\r'))
		text++, n--;
	if (n == 0 || *text == '#')
		return ERR_OK;
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? 8 : 2 * r->cap;
		struct revoked_key *v = realloc(r->v, cap * sizeof *v);

		if (v == NULL)
			return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
		r->v = v;
		r->cap = cap;
	}
	if ((line = strndup(text, n)) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	if ((err = ssh_key_parse(line, &end, &key, &why)) == ERR_OK)
		r->v[r->n++] = (struct revoked_key){ key, number };
	free(line);
	return err == ERR_OK ? err : fault_set(f, err, "%s:%u: %s", r->file, number, fault_str(&why, err));
}

static enum err
read_list(struct revoked *r, const char *text, size_t n, struct fault *f)
{
	enum err err = ERR_OK;

	for (unsigned line = 1; err == ERR_OK && n > 0; line++) {
		const char *end = memchr(text, '\n', n);
		size_t length = end == NULL ? n : (size_t)(end - text);

		err = add_line(r, text, length, line, f);
		length += end != NULL;
		text += length;
		n -= length;
	}
	return err;
}

enum err
revoked_parse(const char *file, const uint8_t *octets, size_t n, struct revoked **out, struct fault *f)
{
	struct revoked *r = calloc(1, sizeof *r);
	struct question nothing = { NULL, false };
	enum err err = ERR_OK;

	if (r == NULL || (r->file = strdup(file)) == NULL) {
		free(r);
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	}
	if (n < sizeof KRL_MAGIC || memcmp(octets, KRL_MAGIC, sizeof KRL_MAGIC) != 0) {
		err = read_list(r, (const char *)octets, n, f);
	} else {
		buf_add(&r->krl, octets, n);
		if (r->krl.failed)
			err = fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
		else if (!krl_walk(&r->krl, &nothing))
			err = fault_set(f, ERR_FORMAT,
			    "%s: the key revocation list is damaged, or has parts that are not known", file);
	}
	if (err != ERR_OK) {
		revoked_free(r);
		return err;
	}
	*out = r;
	return ERR_OK;
}

enum err
revoked_load(const char *path, struct revoked **out, struct fault *f)
{
	struct buf octets = { 0 };
	enum err err = file_read(path, FILE_MAX, &octets, f);

	if (err == ERR_OK)
		err = revoked_parse(path, octets.p, octets.len, out, f);
	buf_clear(&octets);
	return err;
}

void
revoked_free(struct revoked *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		ssh_key_free(r->v[i].key);
	free(r->v);
	free(r->file);
	buf_clear(&r->krl);
	free(r);
}

bool
revoked_has(const struct revoked *r, const struct ssh_key *key, char *where, size_t where_size)
{
	struct question q = { key, false };

	for (size_t i = 0; i < r->n; i++) {
		if (!ssh_key_same(r->v[i].key, key) &&
		    (key->certificate == NULL || !ssh_key_same(r->v[i].key, key->certificate->authority)))
			continue;
		snprintf(where, where_size, "%s:%u", r->file, r->v[i].line);
		return true;
	}
	if (r->krl.len == 0)
		return false;
	snprintf(where, where_size, "%s", r->file);
	(void)krl_walk(&r->krl, &q);		/* it was whole when it was read */
	return q.found;
}
