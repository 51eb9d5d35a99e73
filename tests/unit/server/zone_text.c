#include "tests/unit/server/zone_text.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/rdata.h"

static void
must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "test zone: %s\n", what);
	exit(EXIT_FAILURE);
}

static void
add_line(struct rr_list *list, const char *line)
{
	static uint8_t rdata[RDATA_MAX];
	ldns_rr *parsed = NULL;
	uint8_t *wire = NULL;
	struct msg_rr m;
	size_t n, rdlen;
	struct rd r;

	must(ldns_rr_new_frm_str(&parsed, line, 3600, NULL, NULL) == LDNS_STATUS_OK, line);
	must(ldns_rr2wire(&wire, parsed, LDNS_SECTION_ANSWER, &n) == LDNS_STATUS_OK, line);
	r = rd_over(wire, n);
	must(msg_rr_read(&r, &m) && rdata_read(&m.rdata, m.type, m.rdlen, rdata, &rdlen), line);
	must(rr_list_add(list, &(struct rr){ m.owner.octets, rdata, m.ttl, m.type, (uint16_t)rdlen }) == ERR_OK, line);
	ldns_rr_free(parsed);
	free(wire);
}

struct zone_store *
zone_from_text(const char *apex, const char *text)
{
	struct rr_list list = { 0 };
	struct zone_store *store;
	struct zone_version *version;
	char *copy = strdup(text), *rest = copy, *line;
	struct dname name;

	must(copy != NULL && dname_from_str(apex, &name) == ERR_OK, apex);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			add_line(&list, line);
	free(copy);
	rr_list_sort(&list);
	must(zone_store_new(name.octets, &store) == ERR_OK && zone_store_begin(store) == ERR_OK &&
	    zone_store_fill(store, &list) == ERR_OK && zone_store_seal(store, &version) == ERR_OK, "no memory");
	zone_store_publish(store);
	rr_list_clear(&list);
	return store;
}
