/* tests/fuzz/fuzz_renewal.c -- what a CA says about renewals, certificates that are asked about, plans that were kept,
 * and limits as people write them.  The first octet chooses. */
#include <stdlib.h>
#include <string.h>

#include "acme/bucket.h"
#include "acme/renewal.h"

#define NOW 1795341600

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static void
window(const char *text, size_t n)
{
	struct acme_lifetime life = { NOW - 86400, NOW + 86400 };
	struct acme_renewal r = { 0 };
	struct acme_ari_window w;
	struct fault f = { 0 };

	acme_renewal_begin(&r, "a.b", &life, true, 0, NOW);
	if (acme_ari_read(text, n, &w, &f) != ERR_OK) {
		must(f.text[0] != '\0');
		return;
	}
	must(w.end_s > w.start_s);
	acme_renewal_window(&r, &w, (int64_t)n * 1000, UINT64_MAX - n, NOW);
	must(r.chosen_s >= w.start_s && r.chosen_s < w.end_s);
	must(r.poll_s >= NOW + 60 && r.poll_s <= NOW + 86400);
	must(acme_renewal_due_s(&r, 5) < life.not_after_s);
}

static void
kept(const char *text, size_t n)
{
	json_t *json = json_loadb(text, n, 0, NULL);
	struct acme_renewal r, again;

	if (json == NULL)
		return;
	acme_renewal_load(&r, json);
	must(r.window.end_s == 0 || (r.chosen_s >= r.window.start_s && r.chosen_s < r.window.end_s));
	json_decref(json);
	json = json_object();
	acme_renewal_save(&r, json);
	acme_renewal_load(&again, json);
	must(strcmp(r.id, again.id) == 0 && r.chosen_s * (r.window.end_s != 0) == again.chosen_s &&
	    r.poll_s == again.poll_s);
	json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct acme_limits limits = { 0 };
	char id[ACME_ARI_ID_SIZE], *text;

	if (n == 0 || (text = malloc(n)) == NULL)
		return 0;
	memcpy(text, octets + 1, n - 1);
	text[n - 1] = '\0';
	switch (octets[0]) {
	case 'w':
		window(text, n - 1);
		break;
	case 'k':
		kept(text, n - 1);
		break;
	case 'c':
		acme_ari_id((const uint8_t *)text, n - 1, id);
		must(strlen(id) < sizeof id);
		break;
	case 'l':
		if (acme_limit_parse(text, &limits) == ERR_OK)
			for (size_t i = 0; i < ACME_LIMITS; i++)
				must((limits.rates[i].n == 0) == (limits.rates[i].per_s == 0));
		break;
	}
	free(text);
	return 0;
}
