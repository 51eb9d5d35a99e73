#include "acme/ari.h"

#include <jansson.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "acme/x509.h"
#include "base/encoding.h"

/* ---- the name of a certificate ---- */

/* The content octets of the serial number's INTEGER, its sign octet included. */
static bool
add_serial(X509 *x, struct buf *out)
{
	uint8_t *der = NULL;
	int n = i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &der);
	bool ok = n > 2 && der[1] < 0x80;	/* at most 127 octets: a short length */

	if (ok)
		base64url_encode(der + 2, (size_t)n - 2, out);
	OPENSSL_free(der);
	return ok;
}

void
acme_ari_id(const uint8_t *der, size_t n, char id[ACME_ARI_ID_SIZE])
{
	X509 *x = acme_x509(der, n);
	const ASN1_OCTET_STRING *key = x != NULL ? X509_get0_authority_key_id(x) : NULL;
	struct buf text = { 0 };

	id[0] = '\0';
	if (key != NULL) {
		base64url_encode(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key), &text);
		buf_add_str(&text, ".");
		if (add_serial(x, &text) && buf_str(&text) != NULL && text.len < ACME_ARI_ID_SIZE)
			memcpy(id, buf_str(&text), text.len + 1);
	}
	buf_clear(&text);
	X509_free(x);
}

/* ---- the window ---- */

static bool
digits(const char **at, unsigned n, int *out)
{
	*out = 0;
	for (; n > 0; n--, ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return true;
}

static bool
letter(const char **at, const char *any)
{
	if (**at == '\0' || strchr(any, **at) == NULL)
		return false;
	++*at;
	return true;
}

static bool
offset(const char **at, int *seconds)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	*seconds = 0;
	if (letter(at, "Zz"))
		return true;
	if (!letter(at, "+-") || !digits(at, 2, &hours) || !letter(at, ":") || !digits(at, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool
acme_ari_time(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	const char *at = text;
	int shift;

	if (!digits(&at, 4, &tm.tm_year) || !letter(&at, "-") || !digits(&at, 2, &tm.tm_mon) || !letter(&at, "-") ||
	    !digits(&at, 2, &tm.tm_mday) || !letter(&at, "Tt ") || !digits(&at, 2, &tm.tm_hour) || !letter(&at, ":") ||
	    !digits(&at, 2, &tm.tm_min) || !letter(&at, ":") || !digits(&at, 2, &tm.tm_sec))
		return false;
	if (letter(&at, ".")) {
		if (strspn(at, "0123456789") == 0)
			return false;
		at += strspn(at, "0123456789");
	}
	if (!offset(&at, &shift) || *at != '\0' || tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*out = (int64_t)timegm(&tm) - shift;
	return true;
}

/* For logs and the status: a URL of printable octets, or nothing. */
static void
copy_url(const char *url, char out[ACME_ARI_URL_SIZE])
{
	out[0] = '\0';
	if (url == NULL || strlen(url) >= ACME_ARI_URL_SIZE)
		return;
	for (const char *p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return;
	snprintf(out, ACME_ARI_URL_SIZE, "%s", url);
}

enum err
acme_ari_read(const char *json, size_t n, struct acme_ari_window *out, struct fault *f)
{
	json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *window = json_object_get(root, "suggestedWindow");
	const char *start = json_string_value(json_object_get(window, "start"));
	const char *end = json_string_value(json_object_get(window, "end"));
	struct acme_ari_window w = { 0 };
	enum err err = ERR_OK;

	if (start == NULL || end == NULL)
		err = fault_set(f, ERR_PEER, "the CA's renewalInfo has no suggestedWindow");
	else if (!acme_ari_time(start, &w.start_s) || !acme_ari_time(end, &w.end_s))
		err = fault_set(f, ERR_PEER, "the CA's renewalInfo has a window from '%.40s' to '%.40s', which are no "
		    "times", start, end);
	else if (w.end_s <= w.start_s)
		err = fault_set(f, ERR_PEER, "the CA's renewalInfo has a window that ends at %.40s, before it begins",
		    end);
	if (err == ERR_OK) {
		copy_url(json_string_value(json_object_get(root, "explanationURL")), w.explanation);
		*out = w;
	}
	json_decref(root);
	return err;
}
