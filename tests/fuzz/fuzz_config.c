/* certns.yaml: read, or refused with words that begin with a place. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	struct fault f = { 0 };

	log_setup(LOG_LEVEL_ERROR, LOG_TEXT);		/* no warnings about weak keys */
	enum err err = config_parse("x", (const char *)data, size, &c, &f);
	must((err == ERR_OK) == (c != NULL));
	must(err == ERR_OK || err == ERR_NOMEM || strncmp(f.text, "x:", 2) == 0);
	if (err == ERR_OK) {
		must(c->nlisten > 0 && c->workers > 0 && c->acme.nlabels > 0);
		for (size_t i = 0; i < c->nzones; i++)
			must(config_zone_for(c, c->zones[i].name.octets) == &c->zones[i]);
		for (size_t i = 0; i < c->nkeys; i++)
			must(c->keys[i] != NULL && c->keys[i]->secret_len > 0);
	}
	config_free(c);
	return 0;
}
