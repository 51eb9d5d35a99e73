#define _XOPEN_SOURCE 700		/* strptime() */
#include "zones/signers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"

#define FILE_MAX ((size_t)4 << 20)

struct signer {
	char *principals, *namespaces;	/* patterns; namespaces NULL: any */
	struct ssh_key *key;
	bool authority;
	int64_t valid_after_s, valid_before_s;	/* 0: no limit */
	unsigned line;
};

struct signers {
	atomic_uint refs;
	char *file;
	struct signer *v;
	size_t n, cap;
	struct ssh_key *own;		/* NULL: none */
	struct revoked *revoked;	/* NULL: none */
};

/* --- patterns, as ssh_config(5) has them --- */

static bool
pattern_matches(const char *pattern, size_t n, const char *text, size_t length)
{
	size_t p = 0, t = 0, star = n, mark = 0;

	while (t < length) {
		if (p < n && (pattern[p] == '?' || (pattern[p] != '*' && pattern[p] == text[t])))
			p++, t++;
		else if (p < n && pattern[p] == '*')
			star = p++, mark = t;
		else if (star < n)
			p = star + 1, t = ++mark;
		else
			return false;
	}
	while (p < n && pattern[p] == '*')
		p++;
	return p == n;
}

bool
ssh_list_matches(const char *list, const char *text, size_t length)
{
	bool found = false;

	while (*list != '\0') {
		size_t n = strcspn(list, ",");
		bool negated = *list == '!';

		if (pattern_matches(list + negated, n - negated, text, length)) {
			if (negated)
				return false;
			found = true;
		}
		list += n + (list[n] == ',');
	}
	return found;
}

/* --- options --- */

/* YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS; in the local time zone but for a Z (or UTC) behind it. */
static bool
parse_time(const char *text, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	const char *zone = text + digits, *end;
	bool utc = strcasecmp(zone, "Z") == 0 || strcasecmp(zone, "UTC") == 0;
	const char *format = digits == 8 ? "%Y%m%d" : digits == 12 ? "%Y%m%d%H%M" :
	    digits == 14 ? "%Y%m%d%H%M%S" : NULL;
	struct tm tm = { .tm_isdst = -1 };
	char only_digits[16];
	time_t t;

	if (format == NULL || (*zone != '\0' && !utc))
		return false;
	memcpy(only_digits, text, digits);
	only_digits[digits] = '\0';
	if ((end = strptime(only_digits, format, &tm)) == NULL || *end != '\0')
		return false;
	t = utc ? timegm(&tm) : mktime(&tm);
	*out = t;
	return t > 0;
}

/* "text" with \" for a quote in it; *p is behind it then.  NULL: no quotes, or no memory. */
static char *
read_quoted(const char **p)
{
	const char *s = *p;
	struct buf b = { 0 };

	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if (*s == '\0') {
			buf_clear(&b);
			return NULL;
		}
		if (*s == '\\' && s[1] == '"')
			s++;
		buf_u8(&b, (uint8_t)*s);
	}
	*p = s + 1;
	return buf_take(&b, NULL);
}

static bool
is_option(const char **p, const char *name)
{
	size_t n = strlen(name);

	if (strncasecmp(*p, name, n) != 0 || (name[n - 1] != '=' && (*p)[n] != '\0' && strchr(", \t", (*p)[n]) == NULL))
		return false;
	*p += n;
	return true;
}

static enum err
read_time(const char **p, const char *name, int64_t *out, struct fault *f)
{
	char *text;
	enum err err = ERR_OK;

	if (*out != 0)
		return fault_set(f, ERR_FORMAT, "%s stands there twice", name);
	if ((text = read_quoted(p)) == NULL || !parse_time(text, out))
		err = fault_set(f, ERR_FORMAT, "expected %s=\"YYYYMMDD[HHMM[SS]][Z]\"", name);
	free(text);
	return err;
}

static enum err
read_option(const char **p, struct signer *s, struct fault *f)
{
	int found = (int)strcspn(*p, ", \t=");

	if (is_option(p, "cert-authority")) {
		s->authority = true;
		return ERR_OK;
	}
	if (is_option(p, "valid-after="))
		return read_time(p, "valid-after", &s->valid_after_s, f);
	if (is_option(p, "valid-before="))
		return read_time(p, "valid-before", &s->valid_before_s, f);
	if (!is_option(p, "namespaces="))
		return fault_set(f, ERR_FORMAT,
		    "expected cert-authority, namespaces=, valid-after=, valid-before= or a public key "
		    "(ssh-ed25519, ecdsa-sha2-nistp..., ssh-rsa, sk-...), found '%.*s'", found > 40 ? 40 : found, *p);
	if (s->namespaces != NULL)
		return fault_set(f, ERR_FORMAT, "namespaces stands there twice");
	if ((s->namespaces = read_quoted(p)) == NULL || *s->namespaces == '\0')
		return fault_set(f, ERR_FORMAT, "expected namespaces=\"NAME,...\"");
	return ERR_OK;
}

static enum err
read_options(const char **p, struct signer *s, struct fault *f)
{
	enum err err;

	while ((err = read_option(p, s, f)) == ERR_OK) {
		if (**p == ' ' || **p == '\t')
			break;
		if (**p != ',')
			return fault_set(f, ERR_FORMAT, **p == '\0' ? "expected a public key behind the options" :
			    "expected a comma or a blank behind an option, found '%.20s'", *p);
		++*p;
	}
	if (err == ERR_OK && s->valid_after_s != 0 && s->valid_before_s != 0 && s->valid_before_s <= s->valid_after_s)
		return fault_set(f, ERR_FORMAT, "valid-before is not later than valid-after");
	return err;
}

/* --- lines --- */

static void
signer_clear(struct signer *s)
{
	free(s->principals);
	free(s->namespaces);
	ssh_key_free(s->key);
}

/* The first word, which may stand in quotes. */
static enum err
read_principals(const char **p, struct signer *s, struct fault *f)
{
	size_t n = strcspn(*p, " \t");
	const char *list;

	if (**p == '"') {
		s->principals = read_quoted(p);
	} else {
		s->principals = strndup(*p, n);
		*p += n;
	}
	for (list = s->principals; list != NULL && *list != '\0'; list += strcspn(list, ","), list += *list == ',')
		if (*list != '!' && *list != ',')
			return ERR_OK;
	return fault_set(f, s->principals == NULL && n > 0 && **p != '"' ? ERR_NOMEM : ERR_FORMAT,
	    "expected principals, such as somebody@example.org");
}

/* PRINCIPALS [OPTIONS] TYPE BASE64 [COMMENT] */
static enum err
read_line(const char *p, struct signer *s, struct fault *f)
{
	enum err err = read_principals(&p, s, f);

	if (err != ERR_OK)
		return err;
	p += strspn(p, " \t");
	if (*p == '\0')
		return fault_set(f, ERR_FORMAT, "expected a public key behind the principals");
	if (!ssh_key_is_type(p, strcspn(p, " \t")) && (err = read_options(&p, s, f)) != ERR_OK)
		return err;
	p += strspn(p, " \t");
	if ((err = ssh_key_parse(p, &p, &s->key, f)) != ERR_OK)
		return err;
	if (s->key->certificate != NULL)
		return fault_set(f, ERR_FORMAT, "a certificate; list its authority, with cert-authority");
	return ERR_OK;
}

static enum err
add_line(struct signers *s, const char *text, size_t n, unsigned number, struct fault *f)
{
	struct signer one = { .line = number };
	struct fault why = { 0 };
	char *line;
	enum err err;

	while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL)
		n--;
	while (n > 0 && (*text == ' ' || *text == '\t'))
		text++, n--;
	if (n == 0 || *text == '#')
		return ERR_OK;
	if (memchr(text, '\0', n) != NULL)
		return fault_set(f, ERR_FORMAT, "%s:%u: a zero octet", s->file, number);
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 8 : 2 * s->cap;
		struct signer *v = realloc(s->v, cap * sizeof *v);

		if (v == NULL)
			return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
		s->v = v;
		s->cap = cap;
	}
	if ((line = strndup(text, n)) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	if ((err = read_line(line, &one, &why)) == ERR_OK)
		s->v[s->n++] = one;
	else
		signer_clear(&one);
	free(line);
	return err == ERR_OK ? err : fault_set(f, err, "%s:%u: %s", s->file, number, fault_str(&why, err));
}

enum err
signers_parse(const char *file, const char *text, size_t n, struct signers **out, struct fault *f)
{
	struct signers *s = calloc(1, sizeof *s);
	enum err err = ERR_OK;
	size_t length;

	if (s == NULL || (s->file = strdup(file)) == NULL) {
		free(s);
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	}
	atomic_init(&s->refs, 1);
	for (unsigned line = 1; err == ERR_OK && n > 0; line++) {
		const char *end = memchr(text, '\n', n);

		length = end == NULL ? n : (size_t)(end - text);
		err = add_line(s, text, length, line, f);
		length += end != NULL;
		text += length;
		n -= length;
	}
	if (err == ERR_OK && s->n == 0)
		err = fault_set(f, ERR_FORMAT, "%s: lists no key: nobody could sign", file);
	if (err != ERR_OK) {
		signers_unref(s);
		return err;
	}
	*out = s;
	return ERR_OK;
}

enum err
signers_load(const char *path, const char *revoked_path, struct signers **out, struct fault *f)
{
	struct buf text = { 0 };
	struct signers *s = NULL;
	enum err err = file_read(path, FILE_MAX, &text, f);

	if (err == ERR_OK)
		err = signers_parse(path, (const char *)text.p, text.len, &s, f);
	buf_clear(&text);
	if (err == ERR_OK && revoked_path != NULL)
		err = revoked_load(revoked_path, &s->revoked, f);
	if (err != ERR_OK) {
		signers_unref(s);
		return err;
	}
	*out = s;
	return ERR_OK;
}

enum err
signers_add_own(struct signers *s, const struct ssh_key *key)
{
	return ssh_key_read(key->plain.p, key->plain.len, &s->own, NULL);
}

struct signers *
signers_ref(struct signers *s)
{
	if (s != NULL)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
signers_unref(struct signers *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < s->n; i++)
		signer_clear(&s->v[i]);
	free(s->v);
	free(s->file);
	ssh_key_free(s->own);
	revoked_free(s->revoked);
	free(s);
}

/* --- the question --- */

/* A certificate by this line's authority: for a user, with a principal that the line allows, and in time. */
static enum err
check_certificate(const struct signer *line, const struct ssh_key *key, int64_t time_s, const char *who,
    struct fault *f)
{
	const struct ssh_certificate *c = key->certificate;
	struct rd r = rd_over(c->principals.p, c->principals.n);
	bool named = false;

	if (!c->for_user)
		return fault_set(f, ERR_REFUSED, "%s has a certificate for a host, not for a person", who);
	if (c->critical.n > 0)
		return fault_set(f, ERR_REFUSED, "%s has a certificate with critical options, which are for logins",
		    who);
	if (time_s < 0 || (uint64_t)time_s < c->valid_after_s)
		return fault_set(f, ERR_REFUSED, "%s has a certificate that was not yet valid then", who);
	if ((uint64_t)time_s >= c->valid_before_s)
		return fault_set(f, ERR_REFUSED, "%s has a certificate that had expired then", who);
	while (r.p < r.end && !r.bad) {
		struct ssh_text name = ssh_read_text(&r);

		named |= !r.bad && ssh_list_matches(line->principals, (const char *)name.p, name.n);
	}
	return named && !r.bad ? ERR_OK :
	    fault_set(f, ERR_REFUSED, "%s has a certificate for none of the principals %s", who, line->principals);
}

static enum err
check_line(const struct signers *s, const struct signer *line, const struct ssh_key *key, const char *name_space,
    int64_t time_s, struct fault *f)
{
	char who[SSH_FINGERPRINT + 80], when[CLOCK_TEXT_SIZE], fingerprint[SSH_FINGERPRINT];
	struct fault why = { 0 };
	enum err err;

	snprintf(who, sizeof who, "the key %s %s", ssh_key_type(key), ssh_key_fingerprint(key, fingerprint));
	if (line->authority && (err = check_certificate(line, key, time_s, who, &why)) != ERR_OK)
		return fault_set(f, err, "%s (%s:%u)", why.text, s->file, line->line);
	if (line->namespaces != NULL && !ssh_list_matches(line->namespaces, name_space, strlen(name_space)))
		return fault_set(f, ERR_REFUSED, "%s is for '%s', not for '%s' (%s:%u)", who, line->namespaces,
		    name_space, s->file, line->line);
	if (line->valid_after_s != 0 && time_s < line->valid_after_s) {
		clock_print(line->valid_after_s, when);
		return fault_set(f, ERR_REFUSED, "%s was not yet valid then: valid after %s (%s:%u)", who, when,
		    s->file, line->line);
	}
	if (line->valid_before_s != 0 && time_s > line->valid_before_s) {
		clock_print(line->valid_before_s, when);
		return fault_set(f, ERR_REFUSED, "%s had expired then: valid before %s (%s:%u)", who, when, s->file,
		    line->line);
	}
	return ERR_OK;
}

enum err
signers_check(const struct signers *s, const struct ssh_key *key, const char *name_space, int64_t time_s,
    struct fault *f)
{
	char fingerprint[SSH_FINGERPRINT], where[512];
	const char *by = key->certificate != NULL ? ", with a certificate by " : "";
	enum err err = ERR_NOT_FOUND;

	ssh_key_fingerprint(key, fingerprint);
	if (s->revoked != NULL && revoked_has(s->revoked, key, where, sizeof where))
		return fault_set(f, ERR_REFUSED, "the key %s %s is revoked (%s)", ssh_key_type(key), fingerprint,
		    where);
	if (s->own != NULL && key->certificate == NULL && ssh_key_same(key, s->own))
		return ERR_OK;
	/* A key may be listed several times, for several times. */
	for (size_t i = 0; i < s->n && err != ERR_OK; i++) {
		const struct ssh_key *wanted = s->v[i].authority ? key->certificate != NULL ?
		    key->certificate->authority : NULL :
		    key->certificate == NULL ? key : NULL;

		if (wanted != NULL && ssh_key_same(wanted, s->v[i].key))
			err = check_line(s, &s->v[i], key, name_space, time_s, f);
	}
	if (err != ERR_NOT_FOUND)
		return err;
	where[0] = '\0';
	if (key->certificate != NULL)
		ssh_key_fingerprint(key->certificate->authority, where);
	return fault_set(f, ERR_REFUSED, "the key %s %s%s%s is unknown: %s does not list it", ssh_key_type(key),
	    fingerprint, by,
	    where, s->file);
}
