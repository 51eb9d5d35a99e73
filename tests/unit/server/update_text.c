#include "tests/unit/server/update_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/text.h"

static const uint8_t apex[] = "\7example\3com";

static void
must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "update text: %.100s\n", what);
	exit(EXIT_FAILURE);
}

static uint16_t
class_of(const char *text)
{
	if (strcmp(text, "IN") == 0)
		return CLASS_IN;
	if (strcmp(text, "ANY") == 0)
		return CLASS_ANY;
	return strcmp(text, "NONE") == 0 ? CLASS_NONE : (uint16_t)atoi(text);
}

size_t
rdata_from_words(const char *type_text, const char *words, uint16_t *type, uint8_t *rdata)
{
	struct fault f = { 0 };
	size_t n = 0;

	must(rrtype_parse(type_text, strlen(type_text), type), type_text);
	if (*words == '=') {
		for (const char *p = words + 1; *p != '\0' && *p != '\n'; p += 2) {
			unsigned octet;

			must(sscanf(p, "%2x", &octet) == 1, words);
			rdata[n++] = (uint8_t)octet;
		}
	} else if (*words != '\0') {
		must(rdata_from_text(*type, words, apex, rdata, &n, &f) == ERR_OK, f.text);
	}
	return n;
}

static void
write_line(struct wr *w, const char *line, unsigned *prerequisites, unsigned *updates)
{
	static uint8_t rdata[RDATA_MAX];
	char section[8], class[8], owner[256], type_text[16];
	struct dname name;
	unsigned long ttl;
	uint16_t type;
	int used = 0;
	size_t n;

	must(sscanf(line, "%7s %7s %255s %lu %15s %n", section, class, owner, &ttl, type_text, &used) == 5, line);
	must(dname_parse(owner, strlen(owner), apex, &name) == ERR_OK, owner);
	n = rdata_from_words(type_text, line + used, &type, rdata);
	wr_dname(w, name.octets);
	wr_u16(w, type);
	wr_u16(w, class_of(class));
	wr_u32(w, (uint32_t)ttl);
	wr_u16(w, (uint16_t)n);
	wr_octets(w, rdata, n);
	if (strcmp(section, "pre") == 0) {
		must(*updates == 0, line);
		++*prerequisites;
	} else {
		++*updates;
	}
}

size_t
update_from_text(const char *text, uint8_t *out, size_t room)
{
	struct question zone = { .qtype = TYPE_SOA, .qclass = CLASS_IN };
	unsigned prerequisites = 0, updates = 0;
	char line[70000];
	struct wr w;

	wr_init(&w, out, room);
	msg_header_write(&w, &(struct msg_header){ .id = 7, .flags = OPCODE_UPDATE << 11, .qdcount = 1 });
	dname_copy(&zone.qname, apex);
	question_write(&w, &zone);
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		must(n < sizeof line, "a long line");
		memcpy(line, text, n);
		line[n] = '\0';
		write_line(&w, line, &prerequisites, &updates);
		text += n + (text[n] == '\n');
	}
	must(!w.full, "no room");
	wr_patch_u16(&w, 6, (uint16_t)prerequisites);
	wr_patch_u16(&w, 8, (uint16_t)updates);
	return wr_len(&w);
}
