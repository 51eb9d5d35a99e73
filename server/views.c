#include "server/keeper_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "server/dnstap.h"
#include "server/secondary.h"

static enum err
add_copy(struct tsig_keyring *ring, const struct tsig_key *key, const char *where)
{
	struct tsig_key *copy;
	char name[DNAME_TEXT_MAX];
	enum err err = tsig_key_new(key->name.octets, key->algorithm, key->secret, key->secret_len, &copy);

	if (err == ERR_OK && (err = tsig_keyring_add(ring, copy)) == ERR_EXISTS) {
		log_warning("key %s from %s is passed over: there is one of that name already",
		    dname_print_host(key->name.octets, name), where);
		err = ERR_OK;
	}
	return err;
}

static enum err
build_ring(struct keeper *k, const struct config *config, struct tsig_keyring *ring)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < config->nkeys; i++)
		err = add_copy(ring, config->keys[i], "the configuration");
	for (size_t i = 0; i < k->nsources; i++) {
		const struct source *s = k->sources[i];
		size_t n = s->keys == NULL ? 0 : tsig_keyring_count(s->keys);

		for (size_t j = 0; err == ERR_OK && j < n; j++)
			err = add_copy(ring, tsig_keyring_at(s->keys, j), git_source_url(s->git));
	}
	return err;
}

enum err
view_rebuild(struct keeper *k, struct config *config)
{
	struct tsig_keyring *ring = NULL;
	struct view *v = NULL;
	enum err err = tsig_keyring_new(&ring);

	if (err == ERR_OK)
		err = build_ring(k, config != NULL ? config : k->view->config, ring);
	if (err == ERR_OK && (v = config != NULL ? view_new(config, ring) : view_with_ring(k->view, ring)) == NULL)
		err = ERR_NOMEM;
	if (err != ERR_OK) {
		tsig_keyring_unref(ring);
		return err;
	}
	k->view = v;
	view_publish(k->shared, v);
	listeners_review(k);
	if (k->started)
		keeper_tour(k);			/* who is told with a key that was not known */
	return ERR_OK;
}

enum err
view_complete(struct config *config, const char *state_directory, struct fault *f)
{
	char words[sizeof f->text];
	enum err err;

	if (config->cookies.n > 0)
		return ERR_OK;
	if ((err = file_mkdir(state_directory, 0700, f)) == ERR_OK && access(state_directory, R_OK | W_OK | X_OK) != 0)
		err = fault_set(f, err_from_errno(errno), "%s: %s", state_directory, strerror(errno));
	if (err == ERR_OK && (err = cookie_secrets_load(state_directory, &config->cookies, f)) != ERR_ACCESS)
		return err;
	snprintf(words, sizeof words, "%s", f->text);
	return fault_set(f, err, "the state directory (state-directory, --state): %s%s", words, err == ERR_ACCESS ?
	    "; it and all in it must belong to the user that certnsd runs as" : "");
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* NULL-terminated, or NULL for none. */
static bool
same_texts(char *const *a, char *const *b)
{
	size_t i = 0;

	if (a == NULL || b == NULL)
		return a == b;
	while (a[i] != NULL && b[i] != NULL && strcmp(a[i], b[i]) == 0)
		i++;
	return a[i] == NULL && b[i] == NULL;
}

/* Zones that a repository or a file has, and that are to come by transfer. */
static bool
changes_sides(const struct keeper *k, const struct config *new)
{
	for (size_t i = 0; i < new->nzones; i++) {
		const struct zone *z = new->zones[i].nprimaries == 0 ? NULL :
		    zonetable_find(&k->zones, new->zones[i].name.octets);

		if (z != NULL && z->owner != NULL)
			return true;
	}
	return false;
}

/* What is bound at start: sockets and clones. */
static bool
needs_restart(const struct config *old, const struct config *new)
{
	bool same = old->nlisten == new->nlisten && old->workers == new->workers && old->ngit == new->ngit &&
	    old->cpu_affinity == new->cpu_affinity && old->free_bind == new->free_bind &&
	    same_text(old->state_directory, new->state_directory) &&
	    same_text(old->user, new->user) && same_text(old->control_socket, new->control_socket) &&
	    old->tcp_connections == new->tcp_connections &&
	    old->tcp_connections_per_address == new->tcp_connections_per_address &&
	    old->transfers_in == new->transfers_in;

	for (size_t i = 0; same && i < new->nlisten; i++)
		same = memcmp(&old->listen[i].address, &new->listen[i].address, new->listen[i].len) == 0;
	for (size_t i = 0; same && i < new->ngit; i++)
		same = same_text(old->git[i].url, new->git[i].url) &&
		    same_text(old->git[i].branch, new->git[i].branch) &&
		    same_text(old->git[i].path, new->git[i].path) && old->git[i].poll_s == new->git[i].poll_s &&
		    old->git[i].push == new->git[i].push && same_text(old->git[i].ssh_key, new->git[i].ssh_key) &&
		    same_text(old->git[i].ca_file, new->git[i].ca_file) &&
		    same_text(old->git[i].allowed_signers, new->git[i].allowed_signers) &&
		    same_text(old->git[i].revoked_signers, new->git[i].revoked_signers) &&
		    same_text(old->git[i].signing_key, new->git[i].signing_key) &&
		    same_text(old->git[i].credentials_file, new->git[i].credentials_file) &&
		    same_text(old->git[i].credential_helper, new->git[i].credential_helper) &&
		    old->git[i].removal_limit == new->git[i].removal_limit &&
		    same_text(old->git[i].committer, new->git[i].committer) &&
		    old->git[i].timeout_s == new->git[i].timeout_s &&
		    old->git[i].commit_delay_s == new->git[i].commit_delay_s &&
		    old->git[i].commit_delay_max_s == new->git[i].commit_delay_max_s &&
		    old->git[i].removal_floor == new->git[i].removal_floor &&
		    same_texts(old->git[i].host_keys, new->git[i].host_keys);
	return !same;
}

/* The first thing that went wrong is what the caller hears of; all of it is logged. */
static void
reload_trouble(enum err *first, enum err err, const struct fault *words, const char *format, struct fault *f)
{
	char text[sizeof words->text + 100];

	snprintf(text, sizeof text, format, fault_str(words, err));
	log_error("%s", text);
	if (*first == ERR_OK)
		*first = fault_set(f, err, "%s", text);
}

enum err
views_reload(struct keeper *k, struct config *config, struct reloaded *out, struct fault *f)
{
	struct fault words = { 0 };
	enum err err, first = ERR_OK;

	out->needs_restart = needs_restart(k->boot_view->config, config);
	if (out->needs_restart)
		log_warning("changes of listen, free-bind, workers, cpu-affinity, tcp-connections, transfers-in, user, "
		    "state-directory, control-socket and git take effect with a restart");
	out->needs_restart |= changes_sides(k, config);
	log_set_level(config->log_level);
	if ((err = view_complete(config, k->boot_view->config->state_directory, &words)) != ERR_OK ||
	    (err = view_rebuild(k, config)) != ERR_OK) {
		reload_trouble(&first, err, &words, "the new configuration is not taken: %s", f);
		config_free(config);
	} else {
		log_info("configuration reloaded");
	}
	if ((err = secondaries_configure(k, &words)) != ERR_OK)
		reload_trouble(&first, err, &words, "%s", f);
	if ((err = filezones_configure(k, &words)) != ERR_OK)
		reload_trouble(&first, err, &words, "zone files: %s", f);
	if ((err = dnstap_configure(k->shared->dnstap, k->view->config, &words)) != ERR_OK)
		reload_trouble(&first, err, &words, "%s", f);
	catalogs_configure(k);
	links_configure(k);
	certs_reload(k);
	for (size_t i = 0; i < k->zones.n; i++)
		k->zones.v[i]->serial_policy = config_zone_for(k->view->config, k->zones.v[i]->apex.octets)->serial;
	for (size_t i = 0; i < k->nsources; i++) {
		if ((err = accept_load(k->sources[i], &words)) != ERR_OK)
			reload_trouble(&first, err, &words, "%s: those that were allowed to sign before stay so", f);
		if (source_is_settled(k->sources[i]))
			source_pull(k->sources[i]);
	}
	return first;
}
