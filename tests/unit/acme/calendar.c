#include "tests/unit/acme/calendar.h"

#include "tests/unit/check.h"

#include <event2/event.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/acme/pki.h"
#include "wire/rrtype.h"

#define ORDERS_MAX 20000

struct stage stage;
static int64_t mono_ns, wall_ahead_ns;

/* For us, libevent and all others in this process. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t ns = mono_ns;

	if (mono_ns == 0)
		return (int)syscall(SYS_clock_gettime, id, ts);
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		ns += wall_ahead_ns;
	ts->tv_sec = ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
	return 0;
}

int64_t
real_s(void)
{
	return clock_now_s() - stage.shift_s;
}

/* ---- in place of acme/task.c ---- */

struct acme_task {
	struct acme_task_setup setup;
	struct acme_csr *csr;
	struct event *end;
	size_t ca;
	struct placed *placed;
};

enum err __wrap_acme_task_start(const struct acme_task_setup *setup, struct acme_csr *csr, struct acme_task **out);
void __wrap_acme_task_abort(struct acme_task *t, const char *words);
void __wrap_acme_task_free(struct acme_task *t);
const struct acme_csr *__wrap_acme_task_csr(const struct acme_task *t);
const char *__wrap_acme_task_step(const struct acme_task *t);

static size_t
ca_of(const struct acme_client *c)
{
	size_t i = 0;

	while (stage.engine->authorities.v[i].client != c)
		i++;
	return i;
}

static void
finish(struct acme_task *t, const struct acme_order_result *r)
{
	t->placed->ok = r->err == ERR_OK;
	stage.running--;
	t->setup.done(t->setup.arg, t, r);
	acme_task_free(t);
}

static void
issue(struct acme_task *t)
{
	static const uint8_t issuer[4] = { 1, 2, 3, 4 };
	struct ca *ca = &stage.cas[t->ca];
	struct acme_chain chain = { .v = calloc(1, sizeof *chain.v), .n = 1 };
	struct buf der = { 0 }, names = { 0 };
	char san[600] = "", serial[16];
	const struct acme_names *list = acme_csr_names(t->csr);

	for (size_t i = 0; i < list->n; i++)
		snprintf(san + strlen(san), sizeof san - strlen(san), "%sDNS:%s", i > 0 ? "," : "", list->v[i]);
	acme_names_print(list, &names);
	if (t->setup.replaces == NULL) {
		ca->beyond += acme_buckets_wait_ms(ca->buckets, ACME_LIMIT_NAMES, buf_str(&names), clock_mono_ms()) > 0;
		ca->beyond += acme_buckets_wait_ms(ca->buckets, ACME_LIMIT_ZONE, "", clock_mono_ms()) > 0;
		acme_buckets_take(ca->buckets, ACME_LIMIT_NAMES, buf_str(&names), clock_mono_ms(), 0);
		acme_buckets_take(ca->buckets, ACME_LIMIT_ZONE, "", clock_mono_ms(), 0);
	}
	snprintf(serial, sizeof serial, "%x", ++stage.serial + 0x100000);
	pki_certificate_known(stage.key, san, serial, issuer, sizeof issuer, stage.key, real_s() - HOUR,
	    real_s() - HOUR + ca->lifetime_s, &der);
	chain.v[0].octets = buf_take(&der, &chain.v[0].n);
	ca->issued++;
	finish(t, &(struct acme_order_result){ .err = ERR_OK, .words = "", .retry_after_s = -1, .problem = "",
	    .chain = &chain });
	acme_chain_clear(&chain);
	buf_clear(&names);
}

static void
fail_with(struct acme_task *t, enum err err, const char *words, const char *problem, enum acme_blame blame,
    int64_t retry_after_s)
{
	struct acme_chain none = { 0 };

	finish(t, &(struct acme_order_result){ .err = err, .words = words, .retry_after_s = retry_after_s,
	    .cause = { blame, AGAIN_SOON }, .problem = problem, .chain = &none });
}

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct acme_task *t = arg;
	struct ca *ca = &stage.cas[t->ca];

	(void)fd, (void)what;
	if (ca->down)
		fail_with(t, ERR_NETWORK, "it does not answer", "", BLAME_CA, -1);
	else if (ca->limit_s > 0) {
		ca->refused++;
		fail_with(t, ERR_PEER, ca->limit_words, "rateLimited", BLAME_LIMIT, ca->limit_s);
	} else if (ca->bad_host != NULL && strcmp(ca->bad_host, t->setup.host) == 0)
		fail_with(t, ERR_PEER, "no TXT record", "unauthorized", BLAME_HOST, -1);
	else
		issue(t);
}

enum err
__wrap_acme_task_start(const struct acme_task_setup *setup, struct acme_csr *csr, struct acme_task **out)
{
	struct acme_task *t = calloc(1, sizeof *t);

	t->setup = *setup;
	t->csr = csr;
	t->ca = ca_of(setup->client);
	t->end = event_new(stage.base, -1, 0, on_end, t);
	event_add(t->end, &(struct timeval){ .tv_sec = 2 });
	assert_true(stage.norders < ORDERS_MAX);
	t->placed = &stage.orders[stage.norders++];
	*t->placed = (struct placed){ .at_s = real_s(), .ca = t->ca, .replaces = setup->replaces != NULL };
	snprintf(t->placed->host, sizeof t->placed->host, "%s", setup->host);
	if (setup->replaces == NULL) {
		stage.cas[t->ca].beyond += acme_buckets_wait_ms(stage.cas[t->ca].buckets, ACME_LIMIT_ORDERS, "",
		    clock_mono_ms()) > 0;
		acme_buckets_take(stage.cas[t->ca].buckets, ACME_LIMIT_ORDERS, "", clock_mono_ms(), 0);
	}
	stage.cas[t->ca].orders++;
	if (++stage.running > stage.most_running)
		stage.most_running = stage.running;
	*out = t;
	return ERR_OK;
}

void
__wrap_acme_task_abort(struct acme_task *t, const char *words)
{
	fail_with(t, ERR_CANCELLED, words, "", BLAME_NONE, -1);
}

void
__wrap_acme_task_free(struct acme_task *t)
{
	if (t == NULL)
		return;
	event_free(t->end);
	acme_csr_free(t->csr);
	free(t);
}

const struct acme_csr *
__wrap_acme_task_csr(const struct acme_task *t)
{
	return t->csr;
}

const char *
__wrap_acme_task_step(const struct acme_task *t)
{
	(void)t;
	return "ordering";
}

/* ---- in place of acme/client.c ---- */

struct acme_call {
	size_t ca;
	acme_client_done *done;
	void *arg;
	struct event *event;
	char *url;			/* NULL: a preparation */
};

struct acme_call *__wrap_acme_client_prepare(struct acme_client *c, acme_client_done *done, void *arg);
struct acme_call *__wrap_acme_client_get(struct acme_client *c, const char *url, acme_client_done *done, void *arg);
void __wrap_acme_call_cancel(struct acme_call *call);
const char *__wrap_acme_client_renewal_info(const struct acme_client *c);

void
__wrap_acme_call_cancel(struct acme_call *call)
{
	if (call == NULL)
		return;
	event_free(call->event);
	free(call->url);
	free(call);
}

/* What was issued under this name: where its window lies. */
static void
window_of(const struct ca *ca, const char *id, int64_t *start_s, int64_t *end_s)
{
	for (size_t i = 0; i < stage.world.rrs.n; i++) {
		const struct rr *rr = &stage.world.rrs.v[i];
		struct acme_certificate c;
		struct fault f = { 0 };
		char its[ACME_ARI_ID_SIZE];

		if (rr->type != TYPE_TLSA || rr->rdata[0] != 3 || rr->rdata[1] != 0)
			continue;
		acme_ari_id(rr->rdata + 3, rr->rdlen - 3u, its);
		if (strcmp(its, id) != 0 || acme_certificate_parse(rr->rdata + 3, rr->rdlen - 3u, &c, &f) != ERR_OK)
			continue;
		*start_s = c.not_before_s + (int64_t)(ca->window_from * (double)(c.not_after_s - c.not_before_s));
		*end_s = c.not_before_s + (int64_t)(ca->window_to * (double)(c.not_after_s - c.not_before_s));
		if (ca->revoked_s > c.not_before_s + HOUR) {
			*start_s = ca->revoked_s - 2 * HOUR;
			*end_s = ca->revoked_s - HOUR;
		}
		acme_certificate_clear(&c);
		return;
	}
}

static void
on_call(evutil_socket_t fd, short what, void *arg)
{
	struct acme_call *call = arg;
	struct ca *ca = &stage.cas[call->ca];
	struct acme_reply r = { .err = ca->down ? ERR_NETWORK : ERR_OK, .words = "it does not answer", .status = 200,
		.retry_after_s = -1, .body = "" };
	char body[200], start[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE];
	acme_client_done *done = call->done;
	void *their = call->arg;
	int64_t start_s = 0, end_s = 0;

	(void)fd, (void)what;
	if (call->url != NULL && !ca->down) {
		window_of(ca, strrchr(call->url, '/') + 1, &start_s, &end_s);
		stage.strays += end_s == 0;	/* not in place (any more) */
		clock_print(start_s, start);
		clock_print(end_s, end);
		r.n = (size_t)snprintf(body, sizeof body, "{\"suggestedWindow\":{\"start\":\"%s\",\"end\":\"%s\"}}",
		    start, end);
		r.body = body;
		ca->polls++;
	}
	__wrap_acme_call_cancel(call);
	done(their, &r);
}

static struct acme_call *
call_new(struct acme_client *c, const char *url, acme_client_done *done, void *arg)
{
	struct acme_call *call = calloc(1, sizeof *call);

	*call = (struct acme_call){ ca_of(c), done, arg, event_new(stage.base, -1, 0, on_call, call),
		url != NULL ? strdup(url) : NULL };
	event_active(call->event, EV_TIMEOUT, 0);
	return call;
}

struct acme_call *
__wrap_acme_client_prepare(struct acme_client *c, acme_client_done *done, void *arg)
{
	return call_new(c, NULL, done, arg);
}

struct acme_call *
__wrap_acme_client_get(struct acme_client *c, const char *url, acme_client_done *done, void *arg)
{
	return call_new(c, url, done, arg);
}

const char *
__wrap_acme_client_renewal_info(const struct acme_client *c)
{
	return stage.cas[ca_of(c)].window_to > 0 ? "https://ca.test/renewal" : NULL;
}

/* ---- the stage ---- */

static void
engine_start(void)
{
	struct acme_outside outside = world_outside(&stage.world);
	struct fault f = { 0 };

	check(acme_new(&stage.config, &outside, stage.base, &stage.engine, &f) == ERR_OK, "the engine starts: %s",
	    f.text);
	stage.world.engine = stage.engine;
}

/* As at a start of the server: every owner is looked at. */
void
engine_restart(void)
{
	acme_free(stage.engine);
	stage.running = 0;
	engine_start();
	for (size_t i = 0; i < stage.world.rrs.n; i++)
		if (stage.world.rrs.v[i].type == TYPE_TLSA)
			acme_look(stage.engine, stage.world.rrs.v[i].owner);
}

int
setup(void **state)
{
	static const struct acme_label_config label = { "_letsencrypt._tcp", NULL, NULL };

	(void)state;
	mono_ns = INT64_C(1000000000) * DAY;
	wall_ahead_ns = INT64_C(1795341600) * 1000000000 - mono_ns;
	memset(&stage, 0, sizeof stage);
	stage.orders = calloc(ORDERS_MAX, sizeof *stage.orders);
	stage.base = event_base_new();
	world_init(&stage.world, stage.base);
	strcpy(stage.directory, "/tmp/certns-calendar-XXXXXX");
	assert_non_null(mkdtemp(stage.directory));
	stage.key = EVP_EC_gen("P-256");
	for (size_t i = 0; i < CAS; i++) {
		stage.cas[i] = (struct ca){ .lifetime_s = 90 * DAY };
		stage.authorities[i] = (struct acme_authority_config){ .terms_agreed = true,
			.directory = i == 0 ? "https://one.test/dir" : "https://two.test/dir" };
	}
	stage.config = (struct acme_config){ .authorities = stage.authorities, .nauthorities = 1, .labels = &label,
		.nlabels = 1, .challenge_ttl = 60, .state_directory = stage.directory, .retry_first_s = 60,
		.retry_most_s = DAY, .propagation_timeout_s = 120 };
	return 0;
}

/* The CAs' limits and windows are set; now the engine, too. */
void
begin(void)
{
	for (size_t i = 0; i < CAS; i++)
		assert_int_equal(acme_buckets_new(&stage.cas[i].limits, NULL, NULL, &stage.cas[i].buckets), ERR_OK);
	engine_start();
}

int
teardown(void **state)
{
	char command[100];

	(void)state;
	acme_free(stage.engine);
	world_clear(&stage.world);
	event_base_free(stage.base);
	EVP_PKEY_free(stage.key);
	free(stage.orders);
	for (size_t i = 0; i < CAS; i++)
		acme_buckets_free(stage.cas[i].buckets);
	snprintf(command, sizeof command, "rm -rf %s", stage.directory);
	mono_ns = 0;
	return system(command);
}

static void
settle(void)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(stage.base, EVLOOP_NONBLOCK);
}

void
pass(int64_t s, int64_t step_s)
{
	for (int64_t left_s = s; left_s > 0; left_s -= step_s) {
		mono_ns += step_s * 1000000000;
		settle();
	}
}

void
put_clock(int64_t by_s)
{
	wall_ahead_ns += by_s * 1000000000;
	stage.shift_s += by_s;
}

void
put_csr(const char *host)
{
	char owner[100], san[100];
	struct buf der = { 0 };

	snprintf(owner, sizeof owner, "_letsencrypt._tcp.%s", host);
	snprintf(san, sizeof san, "DNS:%s", host);
	pki_csr(stage.key, NULL, san, &der);
	world_put_csr(&stage.world, owner, der.p, der.len);
	buf_clear(&der);
}

void
put_csrs(unsigned n)
{
	char host[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(host, sizeof host, "h%u.example.test", i);
		put_csr(host);
	}
}

/* Of the one host. */
static void
on_status(void *arg, const struct acme_status *s)
{
	struct acme_status *out = arg;

	*out = *s;
}

struct acme_status
status(void)
{
	struct acme_status s = { 0 };

	acme_each(stage.engine, on_status, &s);
	return s;
}

static void
on_each(void *arg, const struct acme_status *s)
{
	unsigned *n = arg;

	*n += strstr(s->problem, "does not answer") != NULL && s->state != ACME_IDLE_VALID;
}

unsigned
explained(void)
{
	unsigned n = 0;

	acme_each(stage.engine, on_each, &n);
	return n;
}
