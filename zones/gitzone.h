/* zones/gitzone.h -- zones as a commit has them: what certnsd's pulls and certns-checkzone do alike.
 *
 * Reading only; as for struct git_source, one thread at a time per source. */
#ifndef ZONES_GITZONE_H
#define ZONES_GITZONE_H

#include "zones/changeset.h"
#include "zones/complaint.h"
#include "zones/git.h"
#include "zones/zone.h"

#define GIT_ZONE_FILE_MAX ((size_t)1 << 31)	/* octets of one file */

struct git_zone {			/* zero-initialise */
	struct zone_base base;		/* what it was read from; its serial only of a sound zone */
	struct rr_list rrs;		/* sorted; empty if unsound */
	struct complaints complaints;
	struct complaint_place soa;	/* of a sound zone */
	bool sound;
	bool has_soa;			/* for its apex: then it is the file of a zone, however broken */
};

/* Read file of commit, and what it includes, as the zone apex, and judge it.
 * ERR_OK: it was read; out->sound, and else the complaints, tell.  Errors with words: the repository cannot be read;
 * ERR_NOMEM.  out is the caller's in any case: git_zone_clear(). */
enum err git_zone_read(struct git_source *git, const git_oid_text commit, const struct git_file *file,
    const uint8_t *apex, struct git_zone *out, struct fault *f);
void git_zone_clear(struct git_zone *z);

/* Read a zone again from the blobs of its base.  complaints may be NULL.  Errors with words:
 * ERR_FORMAT and ERR_REFUSED (unsound) among them. */
enum err git_zone_read_base(struct git_source *git, const uint8_t *apex, const struct zone_base *base,
    struct rr_list *out, struct complaints *complaints, struct fault *f);

/* The same in two steps: the octets of its file, which are appended to text, and what they, and the files that they include, say. */
enum err git_zone_base_text(struct git_source *git, const struct zone_base *base, struct buf *text, struct fault *f);
enum err git_zone_load_base(struct git_source *git, const uint8_t *apex, const struct zone_base *base, const struct buf *text,
    struct rr_list *out, struct complaints *complaints, struct fault *f);

/* The zone as path of any commit is read; the same errors. */
enum err git_zone_read_at(struct git_source *git, const git_oid_text commit, const char *path, const uint8_t *apex,
    struct rr_list *out, struct fault *f);

/* Are file, and everything that it includes, in commit as they are in base? */
bool git_zone_is_unchanged(struct git_source *git, const git_oid_text commit, const struct git_file *file,
    const struct zone_base *base);

/* What leads from one text to the next; the SOA only if more than its serial changed. */
enum err git_zone_diff(const struct rr_list *from, const struct rr_list *to, struct changeset *out);

#endif
