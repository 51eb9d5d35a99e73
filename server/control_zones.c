/* The control socket's verbs about zones. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>

#include "server/secondary.h"

static const char *
zone_state(const struct zone *z)
{
	if (z->retired)
		return "retired";
	if (zone_newest(z) == NULL)
		return z->held ? "refused" : "loading";
	return z->held ? "held" : z->frozen ? "frozen" : "served";
}

static json_t *
zone_row(const struct zone *z)
{
	struct zone_version *v = zone_newest(z);
	size_t pending = z->secondary == NULL ? pending_count(&z->pending) : 0;	/* else: what its image lacks */

	return json_pack("{s:s, s:o, s:s, s:o, s:I, s:s, s:o}", "name", z->name,
	    "serial", v == NULL ? json_null() : json_integer(zone_version_serial(v)), "state", zone_state(z),
	    "records", v == NULL ? json_null() : json_integer((json_int_t)zone_version_rr_count(v)),
	    "pending", (json_int_t)pending, "source", z->source, "problem", control_words(z->problem));
}

static void
add_secondary(void *arg, const struct notify_status *s)
{
	char address[CONFIG_ADDRESS_TEXT], key[DNAME_TEXT_MAX];

	json_array_append_new(arg, json_pack("{s:s, s:o, s:I, s:o, s:b, s:o}", "address",
	    config_address_print(s->address, address),
	    "key", s->key == NULL ? json_null() : json_string(dname_print_host(s->key, key)), "sent", (json_int_t)s->sent,
	    "confirmed", s->confirmed == 0 ? json_null() : json_integer((json_int_t)s->confirmed), "current",
	    s->is_confirmed, "problem", control_words(s->problem)));
}

/* What checks have to say of the newest text. */
static json_t *
complaint_lines(const struct complaints *c)
{
	json_t *lines = json_array();

	for (size_t i = 0; i < c->n; i++) {
		struct buf line = { 0 };

		complaint_print(&c->v[i], &line);
		json_array_append_new(lines, control_words(buf_str(&line)));
		buf_clear(&line);
	}
	if (complaints_left_out(c) > 0)
		json_array_append_new(lines, json_sprintf("and %zu more like these", complaints_left_out(c)));
	return lines;
}

static json_t *
transfer_row(const struct zone *z)
{
	struct secondary_status s;
	char address[CONFIG_ADDRESS_TEXT];

	secondary_describe(z, &s);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "state", s.state, "primary", config_address_print(s.primary,
	    address), "key", s.key, "confirmed", control_time(s.checked_s), "next", control_time(s.next_s), "expires",
	    control_time(s.expires_s));
}

/* Lines of text as a list. */
static json_t *
json_lines(const char *text)
{
	json_t *lines = json_array();

	while (text != NULL && *text != '\0') {
		size_t n = strcspn(text, "\n");
		char *line = strndup(text, n);

		if (line != NULL)
			json_array_append_new(lines, control_words(line));
		free(line);
		text += n + (text[n] == '\n');
	}
	return lines;
}

static json_t *
zone_details(struct keeper *k, const struct zone *z)
{
	json_t *row = zone_row(z), *secondaries = json_array();

	notifier_each(k->notifier, z->apex.octets, add_secondary, secondaries);
	json_object_set_new(row, "passing", json_integer((json_int_t)z->pending.passing.n));
	json_object_set_new(row, "commit", control_words(z->base.commit));
	json_object_set_new(row, "file", z->base.n == 0 ? json_null() : json_string(z->base.v[0].path));
	json_object_set_new(row, "file-serial", json_integer((json_int_t)z->base.serial));
	json_object_set_new(row, "complaints", complaint_lines(&zone_words(z)->complaints));
	json_object_set_new(row, "upstream-wants", json_lines(zone_words(z)->conflict_theirs));
	json_object_set_new(row, "changed-here", json_lines(zone_words(z)->conflict_ours));
	json_object_set_new(row, "changed-here-by", json_lines(zone_words(z)->conflict_by));
	json_object_set_new(row, "secondaries", secondaries);
	if (source_of(z) != NULL)
		json_object_set_new(row, "held-back", control_words(source_of(z)->hold.words));
	if (z->secondary != NULL)
		json_object_set_new(row, "transfer", transfer_row(z));
	return row;
}

static int
compare_zones(const void *a, const void *b)
{
	return dname_compare((*(struct zone *const *)a)->apex.octets, (*(struct zone *const *)b)->apex.octets);
}

static json_t *
list_zones(struct keeper *k)
{
	struct zone **sorted = calloc(k->zones.n + 1, sizeof *sorted);
	json_t *rows = json_array();

	if (sorted != NULL) {
		memcpy(sorted, k->zones.v, k->zones.n * sizeof *sorted);
		qsort(sorted, k->zones.n, sizeof *sorted, compare_zones);
		for (size_t i = 0; i < k->zones.n; i++)
			json_array_append_new(rows, zone_row(sorted[i]));
	}
	free(sorted);
	return rows;
}

struct zone *
control_zone(struct keeper *k, const char *name)
{
	struct dname apex;

	return name == NULL || dname_from_str(name, &apex) != ERR_OK ? NULL : zonetable_find(&k->zones, apex.octets);
}

void
control_zones(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	const char *name = control_argument(arguments, 0);
	struct zone *z = control_zone(k, name);

	if (name == NULL)
		control_reply(call, list_zones(k), NULL);
	else if (z == NULL)
		control_reply(call, NULL, "there is no such zone");
	else
		control_reply(call, json_pack("[o]", zone_details(k, z)), NULL);
}

void
control_refresh(struct keeper *k, struct control_call *call, const json_t *arguments, bool whole)
{
	struct zone *z = control_zone(k, control_argument(arguments, 0));

	if (z == NULL || z->retired || z->secondary == NULL) {
		control_reply(call, NULL, z == NULL || z->retired ? "there is no such zone" : "that is no secondary "
		    "zone");
		return;
	}
	secondary_refresh(z, whole);
	control_reply(call, NULL, NULL);
}

void
control_notify(struct keeper *k, struct control_call *call, const json_t *arguments)
{
	struct zone *z = control_zone(k, control_argument(arguments, 0));

	if (z == NULL || zone_newest(z) == NULL || z->retired) {
		control_reply(call, NULL, "there is no such zone");
		return;
	}
	peers_notify(k, z);
	control_reply(call, NULL, NULL);
}
