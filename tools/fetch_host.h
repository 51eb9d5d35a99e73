/* tools/fetch_host.h -- one host on its way from a key to a certificate in place. */
#ifndef TOOLS_FETCH_HOST_H
#define TOOLS_FETCH_HOST_H

#include "tools/fetch_dns.h"
#include "tools/fetch_place.h"
#include "tools/fetch_state.h"

enum fetch_phase { FETCH_START, FETCH_WAIT, FETCH_END };

struct fetch_host {
	const struct fetch_settings *settings;
	const struct fetch_run *run;
	enum fetch_phase phase;
	enum fetch_status status;	/* at the end */
	struct fault fault;		/* words, also while it waits */
	bool changed, uploaded, new_key, hook_ran;

	struct fetch_place place;
	struct fetch_have have;
	struct fetch_request request;	/* whose certificate we want */
	struct dname owner, status_owner;
	struct fetch_servers servers;
	struct fetch_chain chain;	/* what is in place at the end, or was */
	struct fetch_state state;	/* what the server said of it last */
	struct buf server_csr;		/* for our key and names; not always ours octet by octet */
};

void fetch_host_init(struct fetch_host *h, const struct fetch_settings *s, const struct fetch_run *run);

/* From FETCH_START: everything up to the upload, and the first look; again while ERR_BUSY lasts.  From FETCH_WAIT: one
 * look.  Then phase tells whether to come back. */
void fetch_host_step(struct fetch_host *h);

/* The time is over. */
void fetch_host_give_up(struct fetch_host *h);
void fetch_host_clear(struct fetch_host *h);

/* Run the hook, and wait for it (fetch_hook.c).  ERR_PEER with words: how it ended. */
enum err fetch_hook_run(const struct fetch_settings *s, const struct fetch_place *p, const struct fetch_chain *c,
    bool new_key, struct fault *f);

/* One line, or one JSON object (fetch_report.c). */
void fetch_report(const struct fetch_host *h);
void fetch_report_json(const struct fetch_host *hosts, size_t n);

/* Lines to standard error, "certns-fetch: HOST: ...".  warn: always; say: progress, unless quiet; detail: if
 * verbose. */
void fetch_warn(const struct fetch_host *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fetch_say(const struct fetch_host *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fetch_detail(const struct fetch_host *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
