#include "acme/x509.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "acme/kept.h"

static int
ref(void *x)
{
	return X509_up_ref(x);
}

static void
unref(void *x)
{
	X509_free(x);
}

static struct kept kept = KEPT(ref, unref);

void *
acme_x509(const uint8_t *der, size_t n)
{
	const uint8_t *p = der;
	X509 *x;

	if (n == 0 || n > 65535)
		return NULL;
	if ((x = kept_find(&kept, der, n)) != NULL)
		return x;
	if ((x = d2i_X509(NULL, &p, (long)n)) == NULL || p != der + n) {
		X509_free(x);
		ERR_clear_error();
		return NULL;
	}
	kept_put(&kept, der, n, x);
	return x;
}
