#include "tests/unit/server/zone_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/reader.h"

static void
must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "test zone %.100s\n", what);
	exit(EXIT_FAILURE);
}

static enum err
add(void *list, const struct rr *rr, const struct place *place)
{
	(void)place;
	return rr_list_add(list, rr);
}

static void
complain(void *list, const struct place *place, const char *text)
{
	char where[PLACE_TEXT_MAX];

	(void)list;
	fprintf(stderr, "%s: %.100s\n", place_print(place, where), text);
}

struct zone_store *
zone_from_text(const char *apex, const char *text)
{
	struct rr_list list = { 0 };
	struct zone_reader reader = { .file = apex, .default_ttl = 3600, .rr = add, .complain = complain,
	    .ctx = &list };
	struct zone_store *store;
	struct zone_version *version;
	struct dname name;

	must(dname_from_str(apex, &name) == ERR_OK, apex);
	reader.origin = name.octets;
	must(zone_read(&reader, text, strlen(text)) == ERR_OK, apex);
	rr_list_sort(&list);
	must(zone_store_new(name.octets, &store) == ERR_OK && zone_store_begin(store) == ERR_OK &&
	    zone_store_fill(store, &list) == ERR_OK && zone_store_seal(store, &version) == ERR_OK, apex);
	zone_store_publish(store);
	rr_list_clear(&list);
	return store;
}
