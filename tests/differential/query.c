#include "tests/differential/query.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/rrtype.h"
#include "wire/writer.h"

static uint64_t state;

static uint32_t
draw(uint32_t limit)			/* splitmix64 */
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % limit);
}

static bool
percent(unsigned n)
{
	return draw(100) < n;
}

static void *
grow(void *v, size_t n, size_t size)	/* room for one more than n, at powers of two */
{
	if ((n & (n - 1)) != 0)
		return v;
	if ((v = realloc(v, (n == 0 ? 1 : 2 * n) * size)) == NULL)
		err(2, "names");
	return v;
}

static void
read_name(const char *text, struct dname *out)
{
	if (text == NULL || dname_from_str(text, out) != ERR_OK)
		errx(2, "not a name: %s", text == NULL ? "" : text);
}

static void
read_subject(struct subject *s, char **rest)
{
	const char *word = strtok_r(NULL, " \n", rest);

	s->ntypes = 0;
	read_name(word, &s->name);
	while ((word = strtok_r(NULL, " \n", rest)) != NULL && s->ntypes < 32)
		if (!rrtype_parse(word, strlen(word), &s->types[s->ntypes++]))
			errx(2, "not a type: %s", word);
}

void
origins_read(struct origins *o, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *rest;
	size_t size = 0;

	if (f == NULL)
		err(2, "%s", path);
	*o = (struct origins){ 0 };
	while (getline(&line, &size, f) > 0) {
		const char *word = strtok_r(line, " \n", &rest);
		struct origin *z;

		if (word != NULL && strcmp(word, "Z") == 0) {
			o->v = grow(o->v, o->n, sizeof *o->v);
			z = &o->v[o->n++];
			*z = (struct origin){ 0 };
			read_name(strtok_r(NULL, " \n", &rest), &z->apex);
			if ((word = strtok_r(NULL, "\n", &rest)) == NULL || (z->path = strdup(word)) == NULL)
				errx(2, "%s: a zone without a file", path);
		} else if (word != NULL && strcmp(word, "N") == 0 && o->n > 0) {
			z = &o->v[o->n - 1];
			z->subjects = grow(z->subjects, z->nsubjects, sizeof *z->subjects);
			read_subject(&z->subjects[z->nsubjects++], &rest);
		} else {
			errx(2, "%s: neither a zone nor a name: %s", path, word == NULL ? "" : word);
		}
	}
	free(line);
	fclose(f);
	if (o->n == 0 || o->v[0].nsubjects == 0)
		errx(2, "%s: no zones", path);
	for (size_t i = 0; i < o->n; i++)
		for (size_t k = 0; k < o->n; k++)
			o->v[i].nested |= i != k && (dname_is_below(o->v[i].apex.octets, o->v[k].apex.octets) ||
			    dname_is_below(o->v[k].apex.octets, o->v[i].apex.octets));
}

void
origins_clear(struct origins *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->v[i].path);
		free(o->v[i].subjects);
	}
	free(o->v);
}

static void
draw_label(uint8_t label[64])
{
	static const char *const common[] = { "a", "b", "c", "d", "www", "*", "ns1", "x" };

	if (percent(80)) {
		const char *text = common[draw(sizeof common / sizeof common[0])];

		label[0] = (uint8_t)strlen(text);
		memcpy(label + 1, text, label[0]);
		return;
	}
	label[0] = (uint8_t)(percent(20) ? 63 : 1 + draw(6));
	for (unsigned i = 1; i <= label[0]; i++)
		label[i] = (uint8_t)(percent(50) ? draw(256) : 'a' + draw(26));
}

/* n labels more in front, as far as they fit. */
static void
prepend(struct dname *name, unsigned n)
{
	while (n-- > 0) {
		struct dname old = *name;
		uint8_t label[64];

		draw_label(label);
		if (!dname_join(name, label, 1, old.octets))
			*name = old;
	}
}

/* Labels of at most longest octets in front until the name has 255. */
static void
fill_up(struct dname *name, size_t longest)
{
	size_t n;

	while ((n = DNAME_MAX - dname_len(name->octets)) >= 2) {
		struct dname old = *name;
		uint8_t label[64];

		label[0] = (uint8_t)(n - 1 <= longest ? n - 1 : longest);
		if (n - 1 == longest + 1)			/* one octet would be left */
			label[0] = (uint8_t)(longest > 1 ? longest - 1 : 2);
		memset(label + 1, 'l', label[0]);
		dname_join(name, label, 1, old.octets);
	}
}

static void
drop_labels(struct dname *name, unsigned n)
{
	struct dname old = *name;

	dname_copy(name, dname_skip(old.octets, n));
}

/* A name in, near, below, above or outside of the zone. */
static void
draw_name(struct query *q, const struct subject *s)
{
	struct dname *name = &q->qname;
	unsigned labels = dname_labels(s->name.octets), what = draw(100);

	*name = s->name;
	if (what < 45 || labels == 0) {
		return;
	} else if (what < 70) {
		prepend(name, 1 + draw(3));
	} else if (what < 78) {
		drop_labels(name, 1 + draw(labels));
	} else if (what < 84) {
		drop_labels(name, 1);
		prepend(name, 1);
	} else if (what < 89) {
		name->octets[name->octets[0]] ^= (uint8_t)(1 + draw(255));	/* a neighbour in canonical order */
	} else if (what < 91) {
		fill_up(name, percent(70) ? 63 : 1);
	} else if (what < 93) {
		name->octets[0] = 0;
		prepend(name, draw(4));
	} else {
		struct dname old = *name;

		dname_join(name, (const uint8_t *)"\1*", 1, old.octets);
	}
}

static void
draw_case(struct dname *name)
{
	uint8_t *p = name->octets;

	for (; *p != 0; p += *p + 1)
		for (unsigned i = 1; i <= *p; i++)
			if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z' && percent(50))
				p[i] ^= 0x20;
}

static uint16_t
draw_type(const struct subject *s)
{
	static const uint16_t common[] = { TYPE_A, TYPE_A, TYPE_AAAA, TYPE_NS, TYPE_CNAME, TYPE_SOA, TYPE_MX, TYPE_TXT,
		TYPE_DNAME, TYPE_DS, TYPE_ANY, TYPE_SRV, TYPE_PTR, TYPE_TLSA };
	static const uint16_t rare[] = { TYPE_RRSIG, TYPE_NSEC, TYPE_KEY, TYPE_NSEC3, TYPE_NSEC3PARAM, TYPE_DNSKEY,
		TYPE_CAA, TYPE_HTTPS, TYPE_SVCB, TYPE_CDS, TYPE_NULL, 999, 65280, 65535 };

	static const uint16_t meta[] = { TYPE_AXFR, TYPE_IXFR, TYPE_OPT, TYPE_TSIG, TYPE_TKEY, TYPE_MAILA, TYPE_MAILB,
	    0,
		128, 248, 252 };

	if (percent(2))
		return percent(80) ? meta[draw(sizeof meta / sizeof meta[0])] : (uint16_t)(128 + draw(128));
	if (s->ntypes > 0 && percent(40))
		return s->types[draw(s->ntypes)];
	if (percent(85))
		return common[draw(sizeof common / sizeof common[0])];
	return rare[draw(sizeof rare / sizeof rare[0])];
}

/* Well-formed ones: some that everybody knows, some that nobody does. */
static void
write_options(struct wr *w, unsigned n)
{
	static const struct { uint16_t code; uint8_t n; const char *octets; } options[] = {
		{ 3, 0, "" },					/* NSID: RFC 5001 */
		{ 8, 7, "\0\1\30\0\300\0\2" },			/* ECS: RFC 7871 */
		{ 9, 0, "" },					/* EXPIRE: RFC 7314 */
		{ 10, 8, "\1\2\3\4\5\6\7\10" },			/* COOKIE: RFC 7873 */
		{ 11, 0, "" },					/* edns-tcp-keepalive: RFC 7828 */
		{ 12, 9, "\0\0\0\0\0\0\0\0\0" },			/* padding: RFC 7830 */
		{ 14, 2, "\112\134" },				/* KEY-TAG: RFC 8145 */
		{ 65001, 3, "abc" }, { 65535, 0, "" }, { 100, 8, "\0\0\0\0\0\0\0\0" }
	};
	size_t total = sizeof options / sizeof options[0], first = draw((uint32_t)total);

	for (unsigned i = 0; i < n; i++) {
		size_t k = (first + i) % total;		/* none twice */

		wr_u16(w, options[k].code);
		wr_u16(w, options[k].n);
		wr_octets(w, (const uint8_t *)options[k].octets, options[k].n);
	}
}

static void
write_query(struct query *q)
{
	static const uint8_t root[] = { 0 };
	struct wr w;
	size_t at;

	wr_init(&w, q->wire, sizeof q->wire);
	msg_header_write(&w, &(struct msg_header){ 0, q->flags, 1, 0, 0, q->edns });
	wr_octets(&w, q->qname.octets, dname_len(q->qname.octets));
	wr_u16(&w, q->qtype);
	wr_u16(&w, q->qclass);
	if (q->edns) {
		wr_octets(&w, root, 1);
		wr_u16(&w, TYPE_OPT);
		wr_u16(&w, q->udp_size);
		wr_u32(&w, (uint32_t)q->version << 16 | (q->do_bit ? 0x8000 : 0) | (percent(2) ? draw(0x8000) : 0));
		wr_u16(&w, 0);
		at = wr_len(&w);
		write_options(&w, q->noptions);
		wr_patch_u16(&w, at - 2, (uint16_t)(wr_len(&w) - at));
	}
	q->n = wr_len(&w);
}

static void
find_home(struct query *q, const struct origins *o)
{
	q->home = NULL;
	q->nested = false;
	for (size_t i = 0; i < o->n; i++) {
		const struct origin *z = &o->v[i];

		if (!dname_is_below(q->qname.octets, z->apex.octets))
			continue;
		q->nested |= z->nested;
		if (q->home == NULL || dname_is_below(z->apex.octets, q->home->apex.octets))
			q->home = z;
	}
	if (q->home == NULL)
		q->home = q->origin;
}

void
query_make(struct query *q, const struct origins *o, uint64_t seed, uint64_t i)
{
	static const uint16_t sizes[] = { 0, 512, 600, 1000, 1232, 1232, 4096, 65535 };
	static const uint16_t classes[] = { CLASS_CH, CLASS_NONE, CLASS_ANY, 0, 4, 65535 };
	const struct subject *s;

	state = seed * 0xd1342543de82ef95u + i * 0x2545f4914f6cdd1du;
	q->origin = &o->v[draw((uint32_t)o->n)];
	s = &q->origin->subjects[draw((uint32_t)q->origin->nsubjects)];
	draw_name(q, s);
	if (percent(20))
		draw_case(&q->qname);
	find_home(q, o);
	q->qtype = draw_type(s);
	if (dname_equal(q->qname.octets, q->origin->apex.octets) && percent(15))
		q->qtype = TYPE_DS;
	q->qclass = percent(99) || rrtype_is_meta(q->qtype) ?
	    CLASS_IN : classes[draw(sizeof classes / sizeof classes[0])];
	q->flags = (uint16_t)((percent(30) ? FLAG_RD : 0) | (percent(5) ? FLAG_CD : 0) | (percent(5) ? FLAG_AD : 0));
	if (percent(2))
		q->flags |= (uint16_t)(draw(8) << 4 | draw(16) << 7) & (0x40 | FLAG_AA | FLAG_TC | FLAG_RA);
	q->tcp = percent(20);
	q->edns = percent(60);
	q->do_bit = q->edns && percent(40);
	q->udp_size = percent(30) ? (uint16_t)(MSG_UDP_PLAIN + draw(MSG_UDP_EDNS - MSG_UDP_PLAIN)) :
	    sizes[draw(sizeof sizes / sizeof sizes[0])];
	q->version = percent(2) ? (uint8_t)(1 + draw(255)) : 0;
	q->noptions = percent(15) ? 1 + draw(3) : 0;
	write_query(q);
}

void
query_print(const struct query *q)
{
	char text[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	printf("query   %s %s over %s%s%s%s", dname_print(q->qname.octets, text), rrtype_print(q->qtype, type),
	    q->tcp ? "TCP" : "UDP", q->flags & FLAG_RD ? ", RD" : "", q->flags & FLAG_CD ? ", CD" : "",
	    q->flags & FLAG_AD ? ", AD" : "");
	if (q->qclass != CLASS_IN)
		printf(", class %u", q->qclass);
	if (q->flags & ~(FLAG_RD | FLAG_CD | FLAG_AD))
		printf(", flags %04x", q->flags);
	if (q->edns)
		printf(", EDNS %u%s, version %u, %u options", q->udp_size, q->do_bit ? ", DO" : "", q->version,
		    q->noptions);
	printf("\nzone    %s %s\n", dname_print(q->origin->apex.octets, text), q->origin->path);
}
