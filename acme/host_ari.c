/* Asking the CA when to renew the certificate in place (RFC 9773). */
#include <stdio.h>
#include <string.h>

#include "acme/host.h"
#include "base/clock.h"
#include "base/log.h"

static void on_info(void *arg, const struct acme_reply *r);

void
acme_host_stop_asking(struct acme_host *h)
{
	acme_call_cancel(h->asking);
	h->asking = NULL;
}

static uint64_t
random_number(void)
{
	uint64_t v;

	random_fill(&v, sizeof v);
	return v;
}

static void
no_window(struct acme_host *h, bool passing, int64_t retry_after_s, const char *words)
{
	acme_renewal_poll_failed(&h->renewal, passing, retry_after_s, random_below(UINT32_MAX), clock_now_s());
	log_info("acme: %s: %s does not say when to renew: %s; next question in %lld s", h->name, h->asked->name, words,
	    (long long)(h->renewal.poll_s - clock_now_s()));
	acme_host_save(h);
	acme_host_look_in(h, 0);
}

static void
take_window(struct acme_host *h, const struct acme_ari_window *w, int64_t retry_after_s)
{
	bool explained = w->explanation[0] != '\0' && strcmp(w->explanation, h->renewal.window.explanation) != 0;
	char when[CLOCK_TEXT_SIZE];

	if (acme_renewal_window(&h->renewal, w, retry_after_s, random_number(), clock_now_s()) || explained) {
		clock_print(acme_renewal_due_s(&h->renewal, 0), when);
		log_info("acme: %s: to be renewed at %s, as %s suggests%s%s", h->name, when, h->asked->name,
		    explained ? "; why: " : "", explained ? w->explanation : "");
	}
	acme_host_save(h);
	acme_host_look_in(h, 0);
}

static void
on_info(void *arg, const struct acme_reply *r)
{
	struct acme_host *h = arg;
	struct acme_ari_window w;
	struct fault f = { 0 };
	char words[64];

	h->asking = NULL;
	if (r->err != ERR_OK)
		no_window(h, true, r->retry_after_s, r->words);
	else if (r->status == 200 && acme_ari_read(r->body, r->n, &w, &f) == ERR_OK)
		take_window(h, &w, r->retry_after_s);
	else if (r->status == 200)
		no_window(h, false, r->retry_after_s, f.text);
	else {
		if ((r->status == 429 || r->status == 503) && r->retry_after_s > 0)
			acme_authority_hold(h->asked, r->retry_after_s, clock_mono_ms());
		snprintf(words, sizeof words, "HTTP status %ld", r->status);
		no_window(h, r->status == 429 || r->status >= 500, r->retry_after_s, words);
	}
}

static void
on_prepared(void *arg, const struct acme_reply *r)
{
	struct acme_host *h = arg;
	const char *base;
	struct buf url = { 0 };

	h->asking = NULL;
	if (r->err != ERR_OK) {
		no_window(h, true, r->retry_after_s, r->words);
		return;
	}
	if ((base = acme_client_renewal_info(h->asked->client)) == NULL) {
		acme_renewal_poll_failed(&h->renewal, false, -1, 0, clock_now_s());	/* it may get it */
		acme_host_look_in(h, 0);
		return;
	}
	buf_printf(&url, "%s%s%s", base, base[strlen(base) - 1] == '/' ? "" : "/", h->renewal.id);
	if (buf_str(&url) != NULL)
		h->asking = acme_client_get(h->asked->client, buf_str(&url), on_info, h);
	buf_clear(&url);
	if (h->asking == NULL)
		no_window(h, true, -1, "out of memory");
}

void
acme_host_ask(struct acme_host *h)
{
	struct acme_ranking ranking;
	int64_t now_s = clock_now_s(), now_ms = clock_mono_ms();

	if (h->asking != NULL || h->task != NULL || h->chain.n > 0 || acme_renewal_poll_s(&h->renewal, now_s) > now_s)
		return;			/* nobody asks about what is being replaced */
	acme_host_rank(h, &ranking);
	h->asked = h->issued_by != NULL ? acme_authority_find(&h->acme->authorities, h->issued_by) :
	    ranking.n > 0 ? ranking.v[0] : NULL;
	if (h->asked == NULL || !acme_client_usable(h->asked->client, NULL)) {
		acme_renewal_poll_failed(&h->renewal, false, -1, 0, now_s);	/* not ours any more */
		return;
	}
	if (h->asked->not_before_ms > now_ms) {
		acme_renewal_poll_failed(&h->renewal, false, (h->asked->not_before_ms - now_ms) / 1000 + 1, 0, now_s);
		return;
	}
	if (h->asked->stopped) {		/* ten thousand need not find out each */
		acme_renewal_poll_failed(&h->renewal, true, -1, random_below(UINT32_MAX), now_s);
		return;
	}
	if ((h->asking = acme_client_prepare(h->asked->client, on_prepared, h)) == NULL)
		no_window(h, true, -1, "out of memory");
}
