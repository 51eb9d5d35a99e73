#include "acme/ca_known.h"

#include <string.h>

#include "base/url.h"

#define NAMES_MOST 100
#define NAMES_MOST_SHORT 25	/* of Let's Encrypt's profiles tlsserver and shortlived */

static const char *const letsencrypt[] = { "letsencrypt.org", NULL };
static const char *const google[] = { "pki.goog", NULL };
static const char *const sectigo[] = { "sectigo.com", "usertrust.com", "trust-provider.com", "comodoca.com",
	"comodo.com", NULL };
static const char *const ssl_com[] = { "ssl.com", NULL };
static const char *const digicert[] = { "digicert.com", "thawte.com", "geotrust.com", "rapidssl.com", "symantec.com",
	"digicert.ne.jp", "cybertrust.ne.jp", NULL };
static const char *const globalsign[] = { "globalsign.com", NULL };
static const char *const buypass[] = { "buypass.com", NULL };
static const char *const actalis[] = { "actalis.it", NULL };

/* By the end of the name of the directory's host. */
static const struct { const char *host; const char *const *identities; } cas[] = {
	{ "letsencrypt.org", letsencrypt },
	{ "pki.goog", google },
	{ "zerossl.com", sectigo },
	{ "sectigo.com", sectigo },
	{ "ssl.com", ssl_com },
	{ "digicert.com", digicert },
	{ "globalsign.com", globalsign },
	{ "buypass.com", buypass },
	{ "actalis.com", actalis },
	{ "harica.gr", NULL },
	{ "certum.pl", NULL },
};

struct acme_ca_known
acme_ca_known(const char *directory, const char *profile)
{
	struct acme_ca_known known = { .names_max = NAMES_MOST };
	struct url url;

	if (!url_split(directory, strlen(directory), &url))
		return known;
	for (size_t i = 0; i < sizeof cas / sizeof cas[0]; i++)
		if (url_host_within(&url, cas[i].host)) {
			known.is_public = true;
			known.identities = cas[i].identities;
		}
	if (known.identities == letsencrypt) {
		known.is_letsencrypt = true;
		if (profile != NULL && (strcmp(profile, "tlsserver") == 0 || strcmp(profile, "shortlived") == 0))
			known.names_max = NAMES_MOST_SHORT;
	}
	return known;
}
