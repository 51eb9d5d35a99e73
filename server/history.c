/* server/history.c -- how much of each zone's past the journal keeps: journal-max-depth changes and journal-max-usage
 * octets.
 *
 * What a restart needs, the records behind a zone's image, is never dropped: a zone that has too many gets a new image
 * first, and so the time of a restart stays bounded too. */
#include "server/keeper_internal.h"

#include "base/clock.h"
#include "base/log.h"

#define RECORDS_MAX 1000		/* of a zone behind its image */

static bool
is_too_much(const struct zone *z, const struct config_zone *limits)
{
	return z->history.records > limits->journal_max_depth || z->history.octets > limits->journal_max_usage;
}

static bool
wants_image(const struct zone *z, const struct config_zone *limits)
{
	return z->records > RECORDS_MAX || (z->records > 0 && is_too_much(z, limits));
}

static enum err
write_images(struct keeper *k, struct fault *f)
{
	bool begun = false;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < k->zones.n; i++) {
		struct zone *z = k->zones.v[i];

		if (z->records == 0 || !wants_image(z, config_zone_for(k->view->config, z->apex.octets)))
			continue;
		if (!begun && (err = commits_batch_begin(k->commits, f)) != ERR_OK)
			return err;
		begun = true;
		err = commits_put(k->commits, z, f);
	}
	return begun ? commits_batch_end(k->commits, err, f) : err;
}

/* A zone that was changed since the start is counted once; then its numbers are known. */
static enum err
prune_zone(struct keeper *k, struct zone *z, struct fault *f)
{
	const struct config_zone *limits;
	enum err err;

	if (z->history.records == 0)
		return ERR_OK;
	limits = config_zone_for(k->view->config, z->apex.octets);
	if (z->history_counted && !is_too_much(z, limits))
		return ERR_OK;
	err = journal_prune(k->journal, z->apex.octets, limits->journal_max_depth, limits->journal_max_usage,
	    clock_now_s() - RESEND_WINDOW_S, &z->history.records, &z->history.octets, f);
	z->history_counted = err == ERR_OK;
	return err;
}

static enum err
prune(struct keeper *k, struct fault *f)
{
	enum err err = journal_begin(k->journal, f);

	for (size_t i = 0; err == ERR_OK && i < k->zones.n; i++)
		err = prune_zone(k, k->zones.v[i], f);
	if (err == ERR_OK)
		err = journal_forget_answers(k->journal, clock_now_s() - RESEND_WINDOW_S, f);
	if (err == ERR_OK)
		err = journal_commit(k->journal, f);
	if (err != ERR_OK)
		journal_rollback(k->journal);
	return err;
}

void
history_sweep(struct keeper *k)
{
	struct fault f = { 0 };
	enum err err = write_images(k, &f);

	if (err == ERR_OK)
		err = prune(k, &f);
	if (err != ERR_OK)
		log_debug("%s", fault_str(&f, err));
}
