/* server/forward.c -- updates of a secondary zone on their way to its primary (RFC 2136, section 6).
 *
 * The message goes on as it came, signature included, under an ID of ours, and so does the answer: the primary and the
 * client check each other, and we need not know the key (RFC 8945, section 5.5).  What is not signed is not forwarded,
 * since the primary would take it for ours. */
#include "server/secondary_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ANSWER_MS 15000
#define FORWARDS_MAX 64		/* each has a connection, and who sends them is not known here */

struct forward {
	struct forward *next, **link;
	struct keeper *keeper;
	struct secondary *secondary;
	struct job *job;
	struct exchange *exchange;
	size_t at, tried;		/* the primary asked now; how many were */
};

static void
forward_free(struct forward *w)
{
	w->keeper->nforwards--;
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	exchange_cancel(w->exchange);
	job_free(w->job);
	free(w);
}

void
forwards_stop(struct keeper *k)
{
	while (k->forwards != NULL)
		forward_free(k->forwards);
}

static void
give_back(struct forward *w, unsigned rcode)
{
	struct job *j = w->job;

	w->job = NULL;
	forward_free(w);
	keeper_give_back(j, rcode);
}

static void send_on(struct forward *w);

static void
on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct forward *w = arg;
	const struct secondary *s = w->secondary;
	char address[CONFIG_ADDRESS_TEXT];

	w->exchange = NULL;
	if (err == ERR_OK && (w->job->reply = malloc(n)) != NULL) {
		memcpy(w->job->reply, msg, n);
		w->job->nreply = n;
		give_back(w, msg[3] & 15);
		return;
	}
	log_warning("zone %s: an update cannot be forwarded to %s: %s", s->zone->name, config_address_print(
	    (const struct sockaddr *)&s->primaries[w->at % s->nprimaries].address.address, address), err == ERR_OK ?
	    err_str(ERR_NOMEM) : words);
	w->at++;
	if (++w->tried < s->nprimaries)
		send_on(w);
	else
		give_back(w, RCODE_SERVFAIL);
}

static void
send_on(struct forward *w)
{
	const struct secondary *s = w->secondary;
	const struct config_address *to = &s->primaries[w->at % s->nprimaries].address;
	const struct config_address *from = config_source_for(w->keeper->view->config, to->address.ss_family);
	enum err err = exchange_start(w->keeper->base, &(struct exchange_request){ .to = to->address, .to_len = to->len,
	    .from = from == NULL ? NULL : (const struct sockaddr *)&from->address, .msg = w->job->msg, .n = w->job->n,
	    .tcp = true,
	    .timeout_ms = ANSWER_MS, .done = on_answer, .arg = w }, &w->exchange);

	if (err != ERR_OK) {
		w->exchange = NULL;
		give_back(w, RCODE_SERVFAIL);
	}
}

void
keeper_forward(struct keeper *k, struct job *j)
{
	struct zone *z = zonetable_find(&k->zones, j->request.question.qname.octets);
	struct secondary *s = z == NULL ? NULL : z->secondary;
	struct forward *w = s == NULL || !s->wanted || k->nforwards >= FORWARDS_MAX ? NULL : calloc(1, sizeof *w);

	if (w == NULL) {
		keeper_give_back(j, s == NULL || !s->wanted ? RCODE_NOTAUTH : RCODE_SERVFAIL);
		return;
	}
	w->keeper = k;
	w->secondary = s;
	w->job = j;
	w->at = s->at;
	w->link = &k->forwards;
	if ((w->next = k->forwards) != NULL)
		w->next->link = &w->next;
	k->forwards = w;
	k->nforwards++;
	send_on(w);
}
