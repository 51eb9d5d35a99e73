/* server/pull_read.c -- the third step of a pull, on a helper: the files of the zones that were chosen are parsed, and each zone is
 * compared with its base; on all CPUs where there are many.  Keys are read here too. */
#include "server/keeper_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parallel.h"
#include "zones/git_files.h"
#include "zones/keyfile.h"

#define READ_AT_ONCE 16			/* zones that a thread takes */
#define READ_MANY 1000
#define BIG 10000			/* RRs; below, a thread of its own is not worth while */

/* --- one zone --- */

static struct pulled_zone *
add_result(struct pull *p, const uint8_t *apex)
{
	if (p->nzones == p->capzones) {
		size_t cap = p->capzones == 0 ? 8 : p->capzones * 2;
		struct pulled_zone *v = realloc(p->zones, cap * sizeof *v);

		if (v == NULL)
			return NULL;
		p->zones = v;
		p->capzones = cap;
	}
	p->zones[p->nzones] = (struct pulled_zone){ 0 };
	dname_copy(&p->zones[p->nzones].apex, apex);
	return &p->zones[p->nzones++];
}

/* The base's RRs.  Of a big zone they are listed while its new text is unpacked, which one CPU does alone. */
struct listing {
	struct baseline *from;
	struct rr_list rrs;
	enum err err;
	struct parallel_job job;
	bool beside;
};

static void
list_rrs(void *ctx)
{
	struct listing *l = ctx;

	if (l->from->version != NULL)
		l->err = baseline_list(l->from, &l->rrs);
}

static void
listing_begin(struct listing *l, const struct pull_base *base)
{
	if ((l->beside = base->rrs > BIG))
		parallel_begin(&l->job, list_rrs, l);
	else
		list_rrs(l);
}

static void
listing_end(struct listing *l)
{
	if (l->beside)
		parallel_end(&l->job);
}

/* What changed since the base. */
static enum err
compare_with_base(struct pull *p, struct pulled_zone *z, const struct zone_base *base, const struct listing *old)
{
	enum err err = old->err;

	if (err == ERR_OK)
		err = git_zone_diff(&old->rrs, &z->rrs, &z->changes);
	if (err == ERR_OK)
		err = unseen_look(p, z, base, &old->rrs);
	z->known = err == ERR_OK;
	return err == ERR_OK ? rewritten_look(p, z, base) : err;
}

/* What was read, into a result. */
static enum err
take_read(struct pull *p, struct git_zone *read, const struct pull_base *base, const struct listing *old)
{
	struct pulled_zone *z = add_result(p, base->apex.octets);

	if (z == NULL)
		return ERR_NOMEM;
	z->complaints = read->complaints;
	read->complaints = (struct complaints){ 0 };
	if (!read->sound) {
		z->kind = PULLED_BAD;
		return ERR_OK;
	}
	z->kind = PULLED_TEXT;
	z->base = read->base;
	z->rrs = read->rrs;
	read->base = (struct zone_base){ 0 };
	read->rrs = (struct rr_list){ 0 };
	return base->then.version == NULL ? ERR_OK : compare_with_base(p, z, &base->base, old);
}

static enum err
read_zone(struct pull *p, const struct git_file *file, struct pull_base *base)
{
	const uint8_t *apex = base->apex.octets;
	struct listing old = { .from = &base->then };
	struct git_zone read = { 0 };
	char name[DNAME_TEXT_MAX];
	enum err err;

	listing_begin(&old, base);
	err = git_zone_read(p->git, p->tip, file, apex, &read, &p->fault);
	listing_end(&old);
	if (err == ERR_OK && !base->known && p->source->files == NULL && !read.has_soa)
		log_info("%s: %s is passed over: it has no SOA for %s", git_source_url(p->source->git), file->name,
		    dname_print_host(apex, name));
	else if (err == ERR_OK)
		err = take_read(p, &read, base, &old);
	rr_list_clear(&old.rrs);
	git_zone_clear(&read);
	return err;
}

/* A zone file whose last text stands for now. */
static const char *
file_problem(const struct pull *p, const uint8_t *apex)
{
	const struct file_zones *files = p->source->files;

	for (size_t i = 0; p->fetch && files != NULL && i < files->n; i++)
		if (dname_equal(files->apexes[i].octets, apex))
			return git_files_problem(p->source->git, i);
	return NULL;
}

/* One of those that were chosen. */
static enum err
look_at_file(struct pull *p, struct pull_base *base)
{
	const char *problem = file_problem(p, base->apex.octets);
	struct git_file file = { .name = base->name };
	struct pulled_zone *z;
	enum err err;

	if (problem != NULL) {
		if ((z = add_result(p, base->apex.octets)) == NULL || (z->words = strdup(problem)) == NULL)
			return ERR_NOMEM;
		z->kind = PULLED_BAD;
		return ERR_OK;
	}
	if ((err = git_source_look(p->git, p->tip, base->name, &file, &p->fault)) == ERR_OK && file.regular &&
	    (p->source->files == NULL || source_zone_of(p->source, base->name, &(struct dname){ 0 })))
		return !base->held && base->known &&
		    git_zone_is_unchanged(p->git, p->tip, &file, &base->base) ? ERR_OK : read_zone(p, &file, base);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	if (!base->known)
		return ERR_OK;
	if ((z = add_result(p, base->apex.octets)) == NULL)
		return ERR_NOMEM;
	z->kind = PULLED_GONE;
	p->some_gone = true;
	return ERR_OK;
}

/* The version is let go at once: while it is held, what the zone replaces cannot be freed. */
static enum err
look_at_zone(struct pull *p, struct pull_base *base)
{
	enum err err = look_at_file(p, base);

	baseline_clear(&base->then);
	return err;
}

/* --- keys, and what is neither --- */

static void
log_complaints(struct buf *complaints)
{
	const char *line = buf_str(complaints);

	while (line != NULL && *line != '\0') {
		int n = (int)strcspn(line, "\n");

		log_warning("keys: %.*s", n, line);
		line += n + (line[n] == '\n');
	}
}

/* All key files make one ring. */
static enum err
read_keys(struct pull *p)
{
	struct tsig_keyring *ring;
	struct dname domain;
	enum err err;

	if ((err = tsig_keyring_new(&ring)) != ERR_OK)
		return err;
	p->keys = ring;
	for (size_t i = 0; err == ERR_OK && i < p->files.n; i++) {
		const struct git_file *file = &p->files.v[i];
		struct buf text = { 0 }, complaints = { 0 };
		size_t nwarnings;

		if (!file->regular || !keyfile_name(file->name, &domain))
			continue;
		err = git_source_read_blob(p->source->git, file->blob, GIT_ZONE_FILE_MAX, &text, &p->fault);
		if (err == ERR_OK)
			err = zone_load_keys(file->name, (const char *)text.p, text.len, ring, &complaints, &nwarnings);
		log_complaints(&complaints);
		buf_wipe(&text);
		buf_clear(&complaints);
		/* A key file that cannot be read whole gives the keys that can. */
		if (err != ERR_NOMEM)
			err = ERR_OK;
	}
	return err;
}

static void
log_passed_over(const struct pull *p, const char *name, bool regular)
{
	struct dname apex;

	if (p->source->files == NULL && !keyfile_name(name, &apex) && (!regular || !zonefile_name(name, &apex)))
		log_info("%s: %s is passed over: %s", git_source_url(p->source->git), name,
		    regular ? zonefile_why_not(name) : "not a regular file");
}

static void
log_others(const struct pull *p)
{
	for (size_t i = 0; p->head[0] == '\0' && i < p->files.n; i++)
		log_passed_over(p, p->files.v[i].name, p->files.v[i].regular);
	for (size_t i = 0; i < p->changes.n; i++) {
		const char *name = git_source_zone_file(p->source->git, p->changes.v[i].path);

		if (name != NULL && p->changes.v[i].regular)
			log_passed_over(p, name, true);
	}
}

static bool
is_keyless(const struct pull *p)
{
	struct dname domain;

	for (size_t i = 0; i < p->files.n; i++)
		if (p->files.v[i].regular && keyfile_name(p->files.v[i].name, &domain))
			return false;
	return true;
}

/* --- read --- */

struct reading {
	struct pull *whole;
	struct pull *parts;		/* each with a handle and results of its own */
	_Atomic size_t next;		/* of the bases */
};

static void
read_part(void *ctx, size_t i)
{
	struct reading *r = ctx;
	struct pull *part = &r->parts[i];

	for (size_t at; part->err == ERR_OK && (at = atomic_fetch_add(&r->next, READ_AT_ONCE)) < r->whole->nbases; )
		for (size_t end = at + READ_AT_ONCE; part->err == ERR_OK && at < end && at < r->whole->nbases; at++)
			part->err = look_at_zone(part, &r->whole->bases[at]);
}

/* The results of a part, to those of the whole. */
static void
take_part(struct pull *p, struct pull *part)
{
	struct pulled_zone *v = realloc(p->zones, (p->nzones + part->nzones + 1) * sizeof *v);

	if (v == NULL) {
		p->err = ERR_NOMEM;
		for (size_t i = 0; i < part->nzones; i++)
			pulled_zone_clear(&part->zones[i]);
	} else {
		memcpy(v + p->nzones, part->zones, part->nzones * sizeof *v);
		p->zones = v;
		p->nzones = p->capzones = p->nzones + part->nzones;
	}
	free(part->zones);
	p->some_gone |= part->some_gone;
	if (p->err == ERR_OK && part->err != ERR_OK) {
		p->err = part->err;
		p->fault = part->fault;
	}
	git_source_close(part->git);
}

/* Many zones, on all CPUs.  False: it cannot be done so. */
static bool
read_in_parts(struct pull *p)
{
	unsigned n = parallel_cpus();
	struct reading r = { .whole = p, .parts = calloc(n, sizeof *r.parts) };
	size_t made = 0;

	if (r.parts == NULL)
		return false;
	for (; made < n; made++) {
		struct pull *part = &r.parts[made];

		*part = *p;
		part->zones = NULL;
		part->nzones = part->capzones = 0;
		if (git_source_reader(p->source->git, &part->git, NULL) != ERR_OK)
			break;
	}
	if (made > 0)
		parallel_run((unsigned)made, made, read_part, &r);
	for (size_t i = 0; i < made; i++)
		take_part(p, &r.parts[i]);
	free(r.parts);
	return made > 0;
}

static void
read_zones(struct pull *p)
{
	if (p->nbases >= 4 * READ_AT_ONCE && read_in_parts(p))
		return;
	for (size_t i = 0; p->err == ERR_OK && i < p->nbases; i++)
		p->err = look_at_zone(p, &p->bases[i]);
}

void
pull_read(void *arg)
{
	struct pull *p = arg;
	int64_t start_ms = clock_mono_ms();

	log_others(p);
	read_zones(p);
	/* Keys are in any file of the directory, and so is what is left when zones go. */
	if (p->err == ERR_OK && p->head[0] != '\0' && (p->keys_changed || p->some_gone))
		p->err = git_source_list(p->source->git, p->tip, &p->files, &p->fault);
	if (p->err == ERR_OK && p->keys_changed)
		p->err = read_keys(p);
	p->keyless = is_keyless(p);		/* it matters only when zones go, and then files are listed */
	if (p->err == ERR_OK)
		p->err = accept_contents(p);
	if (p->nbases > READ_MANY)
		(void)git_source_reopen(p->source->git, NULL);	/* else the bases of deltas stay in memory */
	p->read_ms = clock_mono_ms() - start_ms;
}
