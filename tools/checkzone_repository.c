/* certns-checkzone --repository: what a commit would change, as a pre-receive hook and CI want to know it.  Standard
 * output has the report and nothing else; what keeps us from making one goes to standard error. */
#include <string.h>

#include "base/clock.h"
#include "tools/checkzone.h"

/* "0000...": what git says for a branch that is not there, or will not be. */
static bool
is_nothing(const char *commit)
{
	return strlen(commit) >= 40 && strspn(commit, "0") == strlen(commit);
}

/* A commit's id, or NULL for nothing. */
static enum err
resolve(struct git_source *git, const char *text, git_oid_text id, const char **out, struct fault *f)
{
	*out = NULL;
	if (text == NULL || is_nothing(text))
		return ERR_OK;
	*out = id;
	return git_source_resolve(git, text, id, f);
}

static int
report(const struct arguments *a, const struct review *r)
{
	bool sound = r->is_new && review_count(r, CHECK_ERROR) == 0 &&
	    !(a->strict && review_count(r, CHECK_WARNING) > 0);

	if (a->json)
		report_json(stdout, r, sound, a->all);
	else if (!a->quiet || !sound)
		report_text(stdout, r, a->all);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "certns-checkzone: the report could not be written\n");
		return EXIT_USAGE;
	}
	return sound ? EXIT_SOUND : EXIT_UNSOUND;
}

int
check_repository(const struct arguments *a)
{
	struct review_options options = { .policy = a->policy, .now_s = clock_now_s() };
	struct signers *signers = NULL;
	git_oid_text old_id, new_id;
	const char *old, *new;
	struct git_source *git = NULL;
	struct review review = { 0 };
	struct fault f = { 0 };
	int status = EXIT_USAGE;
	enum err err = a->signers == NULL ? ERR_OK : signers_load(a->signers, a->revoked, &signers, &f);

	options.signers = signers;
	if (err == ERR_OK && (err = git_source_open_repository(a->repository, a->path, &git, &f)) == ERR_OK &&
	    (err = resolve(git, a->base, old_id, &old, &f)) == ERR_OK &&
	    (err = resolve(git, a->operands[0], new_id, &new, &f)) == ERR_OK &&
	    (err = review_commits(git, old, new, &options, &review, &f)) == ERR_OK)
		status = report(a, &review);
	else
		fprintf(stderr, "certns-checkzone: %s\n", fault_str(&f, err));
	review_clear(&review);
	git_source_close(git);
	signers_unref(signers);
	return status;
}
