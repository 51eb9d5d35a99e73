/* tests/unit/acme/test_calendar.c -- the engine over days, months and years, with clocks of its own: when it orders, where,
 * how often, whatever CAs and clocks do.  Orders and the CA's advice are played here (the linker puts these functions in
 * place of task.c's and client.c's); everything else is real.
 *
 * Time goes in steps; what is due in one happens at its end. */
#include "tests/unit/check.h"

#include <event2/event.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "acme/host.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/acme/pki.h"
#include "tests/unit/acme/world.h"
#include "wire/rrtype.h"

#define HOUR 3600
#define DAY 86400
#define CAS 2
#define ORDERS_MAX 20000

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

/* ---- the CAs ---- */

struct ca {
	int64_t lifetime_s;
	bool down;
	int64_t limit_s;		/* 429 with this Retry-After; 0: none */
	const char *limit_words;
	const char *bad_host;		/* its proofs fail */
	/* Renewal information: a part of each lifetime; 0: none. */
	double window_from, window_to;
	int64_t revoked_s;		/* of all that was issued before: the window is past; by the real time */
	unsigned orders, issued, refused, polls;
	struct acme_limits limits;	/* kept strictly: what is beyond them is counted */
	struct acme_buckets *buckets;
	unsigned beyond;
};

struct placed {
	int64_t at_s;			/* real time */
	size_t ca;
	char host[64];
	bool ok, replaces;
};

static struct stage {
	struct event_base *base;
	struct world world;
	struct acme *engine;
	struct ca cas[CAS];
	struct acme_authority_config authorities[CAS];
	struct acme_config config;
	char directory[64];
	EVP_PKEY *key;
	struct placed *orders;
	size_t norders;
	unsigned serial;
	int64_t shift_s;		/* our clock minus the real one */
	unsigned running, most_running;
	unsigned strays;
} stage;

static int64_t
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
		r.n = (size_t)snprintf(body, sizeof body, "{\"suggestedWindow\":{\"start\":\"%s\",\"end\":\"%s\"}}", start, end);
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

	check(acme_new(&stage.config, &outside, stage.base, &stage.engine, &f) == ERR_OK, "the engine starts: %s", f.text);
	stage.world.engine = stage.engine;
}

/* As at a start of the server: every owner is looked at. */
static void
engine_restart(void)
{
	acme_free(stage.engine);
	stage.running = 0;
	engine_start();
	for (size_t i = 0; i < stage.world.rrs.n; i++)
		if (stage.world.rrs.v[i].type == TYPE_TLSA)
			acme_look(stage.engine, stage.world.rrs.v[i].owner);
}

static int
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
static void
begin(void)
{
	for (size_t i = 0; i < CAS; i++)
		assert_int_equal(acme_buckets_new(&stage.cas[i].limits, NULL, NULL, &stage.cas[i].buckets), ERR_OK);
	engine_start();
}

static int
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

static void
pass(int64_t s, int64_t step_s)
{
	for (int64_t left_s = s; left_s > 0; left_s -= step_s) {
		mono_ns += step_s * 1000000000;
		settle();
	}
}

static void
put_clock(int64_t by_s)
{
	wall_ahead_ns += by_s * 1000000000;
	stage.shift_s += by_s;
}

static void
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

static void
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

static struct acme_status
status(void)
{
	struct acme_status s = { 0 };

	acme_each(stage.engine, on_status, &s);
	return s;
}

struct tally { unsigned explained; };

static void
on_each(void *arg, const struct acme_status *s)
{
	struct tally *t = arg;

	t->explained += strstr(s->problem, "does not answer") != NULL && s->state != ACME_IDLE_VALID;
}

static struct tally
tally(void)
{
	struct tally t = { 0 };

	acme_each(stage.engine, on_each, &t);
	return t;
}

#define HOST "host.example.test"

/* ---- by the lifetime ---- */

static const struct { const char *why; int64_t lifetime_s; double least, most; } lives[] = {
	{ "90 days",	90 * DAY,	0.66, 0.69 },
	{ "45 days",	45 * DAY,	0.66, 0.69 },
	{ "6 days",	160 * HOUR,	0.49, 0.52 },
};

static void
test_lifetimes(void **state)
{
	for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
		setup(state);
		stage.cas[0].lifetime_s = lives[i].lifetime_s;
		begin();
		put_csr(HOST);
		pass(4 * lives[i].lifetime_s, 1200);
		check(stage.norders >= 6 && stage.norders <= 9, "%s: %zu orders", lives[i].why, stage.norders);
		for (size_t k = 1; k < stage.norders; k++) {
			double age = (double)(stage.orders[k].at_s - stage.orders[k - 1].at_s + HOUR) /
			    (double)lives[i].lifetime_s;

			check(age > lives[i].least && age < lives[i].most, "%s: order %zu at %.3f of the lifetime", lives[i].why, k,
			    age);
		}
		if (i + 1 < sizeof lives / sizeof *lives)
			teardown(state);
	}
}

/* ---- by the CA's advice ---- */

/* Exactly one order for each window, in it, whatever restarts there are. */
static void
test_windows(void **state)
{
	(void)state;
	stage.cas[0].window_from = 0.5;
	stage.cas[0].window_to = 0.55;
	begin();
	put_csr(HOST);
	for (int i = 0; i < 50; i++) {
		pass(DAY * 4, 900);
		if (i % 7 == 3)
			engine_restart();
	}
	check(stage.norders >= 4 && stage.norders <= 5, "in 200 days: %zu orders", stage.norders);
	for (size_t k = 1; k < stage.norders; k++) {
		double age = (double)(stage.orders[k].at_s - stage.orders[k - 1].at_s + HOUR) / (90.0 * DAY);

		check(age >= 0.5 && age < 0.552, "order %zu in its window: %.3f", k, age);
		check(stage.orders[k].replaces, "and says what it replaces");
	}
	check(stage.cas[0].polls > 750 && stage.cas[0].polls < 850, "four questions a day: %u in all", stage.cas[0].polls);
	check(stage.strays == 0, "each about a certificate that was in place");
}

/* All certificates of that day are revoked: they are renewed within hours, once. */
static void
test_revocation(void **state)
{
	(void)state;
	stage.cas[0].window_from = 0.6;
	stage.cas[0].window_to = 0.7;
	begin();
	put_csrs(5);
	pass(10 * DAY, 600);
	assert_int_equal(stage.norders, 5);
	stage.cas[0].revoked_s = real_s();
	pass(7 * HOUR, 600);
	assert_int_equal(stage.norders, 10);
	pass(20 * DAY, 600);
	assert_int_equal(stage.norders, 10);
}

/* A CA whose windows are always past gets a few orders, and then some each day. */
static void
test_always_past(void **state)
{
	(void)state;
	stage.cas[0].window_from = -0.2;
	stage.cas[0].window_to = 0.0001;
	begin();
	put_csr(HOST);
	pass(10 * DAY, 60);
	check(stage.norders >= 60 && stage.norders <= 72, "in ten days: %zu orders", stage.norders);
}

/* ---- outages ---- */

static void
test_outage(void **state)
{
	size_t before;

	(void)state;
	stage.cas[0].lifetime_s = 160 * HOUR;
	begin();
	put_csr(HOST);
	pass(70 * HOUR, 60);
	stage.cas[0].down = true;
	pass(70 * HOUR, 60);
	check(stage.norders > 5 && stage.norders < 30, "in 70 hours, 60 of them after it was due: %zu attempts", stage.norders);
	check(strstr(status().problem, "does not answer") != NULL, "the reason is told: %s", status().problem);
	before = stage.norders;
	stage.cas[0].down = false;
	pass(4 * HOUR, 60);
	check(stage.norders == before + 1 && stage.cas[0].issued == 2, "it is renewed within hours, before it expires");
	check(status().state == ACME_IDLE_VALID && status().problem[0] == '\0', "all is well");
}

/* Ten thousand hosts do not knock at a door that is shut. */
static void
test_outage_of_many(void **state)
{
	(void)state;
	stage.cas[0].down = true;
	begin();
	put_csrs(500);
	pass(6 * HOUR, 20);
	check(stage.cas[0].orders <= 2 * 100 + 20, "in six hours: %u attempts", stage.cas[0].orders);
	struct tally t = tally();
	check(t.explained == 500, "each is told why it waits: %u", t.explained);
	stage.cas[0].down = false;
	pass(3 * HOUR, 20);
	assert_int_equal(stage.cas[0].issued, 500);
	check(stage.most_running == 100, "a hundred at a time: %u", stage.most_running);
}

static void
test_failover(void **state)
{
	(void)state;
	stage.config.nauthorities = 2;
	stage.cas[0].down = true;
	begin();
	put_csr(HOST);
	pass(3 * HOUR, 60);
	engine_restart();
	pass(2 * HOUR + 3000, 60);
	check(stage.cas[1].orders == 0, "for six hours it is waited for, a restart in between or not");
	pass(2 * HOUR, 60);
	check(stage.cas[1].issued == 1, "then the next is asked");
	put_csr("new.example.test");
	pass(2 * HOUR, 60);
	check(stage.cas[1].issued == 2, "at once, by now");
	stage.cas[0].down = false;
	pass(2 * DAY, 60);
	check(stage.cas[0].issued == 0 && stage.cas[1].issued == 2, "nothing is ordered just because the first works again");
	put_csr("newer.example.test");
	pass(HOUR, 60);
	check(stage.cas[0].issued == 1 && stage.cas[1].issued == 2, "but the next order goes there");
	pass(70 * DAY, 600);
	check(stage.cas[0].issued == 4 && stage.cas[1].issued == 2, "as do the renewals");
	for (size_t i = 0; i < stage.norders; i++)
		check(!stage.orders[i].replaces, "without words that another CA does not know");
}

/* With little left of a certificate patience is short. */
static void
test_failover_near_the_end(void **state)
{
	(void)state;
	stage.config.nauthorities = 2;
	stage.cas[0].lifetime_s = 4 * HOUR;
	begin();
	put_csr(HOST);
	pass(HOUR / 2, 10);
	stage.cas[0].down = true;
	pass(2 * HOUR, 10);
	check(stage.cas[1].issued == 1, "renewed by the next in time");
}

/* ---- limits ---- */

/* The CA never has to say so. */
static void
test_limits(void **state)
{
	struct acme_limits limits = acme_limits_letsencrypt;

	(void)state;
	stage.cas[0].limits = limits;
	stage.authorities[0].limits = &limits;
	begin();
	put_csrs(80);
	pass(DAY, 60);
	check(stage.cas[0].issued >= 50 && stage.cas[0].issued < 62, "a day: %u of 80", stage.cas[0].issued);
	engine_restart();
	pass(4 * DAY, 600);
	check(stage.cas[0].issued == 80, "four more: %u", stage.cas[0].issued);
	assert_int_equal(stage.cas[0].beyond, 0);
}

static void
test_retry_after(void **state)
{
	(void)state;
	stage.cas[0].limit_s = 5 * HOUR;
	stage.cas[0].limit_words = "too many new orders (300) from this account in the last 3h0m0s";
	begin();
	put_csrs(150);
	pass(5 * HOUR - 60, 10);
	check(stage.cas[0].refused == 100, "those that were on their way: %u", stage.cas[0].refused);
	stage.cas[0].limit_s = 0;
	pass(HOUR, 10);
	assert_int_equal(stage.cas[0].issued, 150);
}

static void
test_one_bad_host(void **state)
{
	(void)state;
	stage.config.orders_at_once = 1;
	stage.cas[0].bad_host = "h0.example.test";
	begin();
	put_csrs(20);
	pass(300, 2);
	check(stage.cas[0].issued == 19, "the others have theirs: %u", stage.cas[0].issued);
	pass(10 * DAY, 120);
	check(stage.cas[0].orders >= 19 + 10 && stage.cas[0].orders <= 19 + 16, "1, 10, 100 minutes, then each day: %u",
	    stage.cas[0].orders - 19);
}

/* Renewals that have time come last, those near their end first. */
static void
test_turns(void **state)
{
	(void)state;
	stage.config.orders_at_once = 1;
	stage.cas[0].lifetime_s = 30 * DAY;
	begin();
	put_csr("old.example.test");
	pass(60, 2);
	pass(8 * DAY, 600);
	put_csr("late.example.test");
	pass(60, 2);
	/* The latter has 8 more days; both are due by then, and one of them is about to expire. */
	stage.cas[0].limit_s = 21 * DAY;
	stage.cas[0].limit_words = "no more from this account";
	put_csr("probe.example.test");
	pass(21 * DAY - 600, 600);
	stage.cas[0].limit_s = 0;
	put_csr("new.example.test");
	size_t before = stage.norders;
	pass(3600, 2);
	check(stage.norders - before >= 4, "all are served: %zu", stage.norders - before);
	check(strcmp(stage.orders[before].host, "old.example.test") == 0, "first what is about to expire, not %s",
	    stage.orders[before].host);
	size_t fresh = before, late = before;
	while (strcmp(stage.orders[fresh].host, "new.example.test") != 0)
		fresh++;
	while (strcmp(stage.orders[late].host, "late.example.test") != 0)
		late++;
	check(fresh < late, "and who has none yet before what has time");
}

/* ---- what was kept ---- */

static const struct { const char *why, *key, *value; } notes[] = {
	{ "junk",			"host/_letsencrypt._tcp.h0.example.test", "junk" },
	{ "another version",		"host/_letsencrypt._tcp.h1.example.test", "{\"v\":2}" },
	{ "a list",			"host/_letsencrypt._tcp.h2.example.test", "[1]" },
	{ "members of other kinds",	"host/_letsencrypt._tcp.h3.example.test", "{\"v\":1,\"csr\":7,\"authority\":[],"
	    "\"failures\":\"many\",\"retry\":{},\"rate\":3,\"refused\":[1,[],null],\"window\":[\"a\"],\"ends\":\"x\","
	    "\"problem\":{},\"type\":1,\"certificate\":2}" },
	{ "numbers without measure",	"host/_letsencrypt._tcp.h4.example.test", "{\"v\":1,\"failures\":-1,"
	    "\"retry\":9223372036854775807,\"governor\":9223372036854775807,\"rate\":[-1,-1],\"begins\":-9223372036854775807,"
	    "\"ends\":9223372036854770000,\"issued\":-5,\"poll\":9223372036854775807,\"window\":[5,9223372036854775807],"
	    "\"chosen\":6}" },
	{ "nothing",			"host/", "" },
	{ "a limit that is junk",	"limit/one.test/orders/", "junk" },
	{ "an unknown limit",		"limit/one.test/other/x", "{\"v\":1,\"full\":9223372036854775807}" },
	{ "a limit for ever",		"limit/one.test/zone/example.test", "{\"v\":1,\"full\":9223372036854775807}" },
	{ "health that is junk",	"health/one.test", "junk" },
	{ "of another authority",	"health/other.test", "{\"v\":1,\"since\":5}" },
};

static void
test_kept_badly(void **state)
{
	struct acme_limits limits = acme_limits_letsencrypt;
	struct acme_outside outside = world_outside(&stage.world);

	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		outside.remember(outside.ctx, notes[i].key, notes[i].value, strlen(notes[i].value), NULL, NULL);
	stage.authorities[0].limits = &limits;
	begin();
	put_csrs(5);
	pass(2 * DAY, 600);
	check(stage.cas[0].issued == 5, "whatever was kept, all have certificates: %u", stage.cas[0].issued);
}

/* ---- clocks ---- */

static const struct { const char *why; int64_t by_s; } jumps[] = {
	{ "an hour forward", HOUR }, { "an hour back", -HOUR }, { "a day back", -DAY }, { "ten years forward", 3652 * DAY },
	{ "ten years back", -3652 * DAY }, { "forty years forward", 14610 * INT64_C(86400) },
};

static void
test_clock_jumps(void **state)
{
	for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
		setup(state);
		stage.cas[0].window_from = i % 3 == 0 ? 0.6 : 0;
		stage.cas[0].window_to = i % 3 == 0 ? 0.7 : 0;
		begin();
		put_csrs(2);
		pass(5 * DAY, 1800);
		assert_int_equal(stage.norders, 2);
		put_clock(jumps[i].by_s);
		pass(5 * DAY, 1800);
		check(stage.norders <= 4, "%s: at most one order for each: %zu", jumps[i].why, stage.norders);
		engine_restart();
		pass(5 * DAY, 1800);
		check(stage.norders <= 4, "%s, and a restart: at most one order for each: %zu", jumps[i].why, stage.norders);
		put_clock(-jumps[i].by_s);
		pass(5 * DAY, 1800);
		check(stage.norders <= 4, "%s, and right again: at most one order for each: %zu", jumps[i].why, stage.norders);
		check(status().state == ACME_IDLE_VALID, "%s: all is well", jumps[i].why);
		pass(70 * DAY, 1800);
		check(stage.norders >= 4 && stage.norders <= 6, "%s: they are renewed as ever: %zu", jumps[i].why, stage.norders);
		if (i + 1 < sizeof jumps / sizeof *jumps)
			teardown(state);
	}
}

/* A clock that is wrong from the start: certificates are renewed by their age. */
static void
test_wrong_clock(void **state)
{
	for (int sign = -1; sign <= 1; sign += 2) {
		setup(state);
		put_clock(sign * 1000 * INT64_C(86400));
		begin();
		put_csr(HOST);
		pass(50 * DAY, 600);
		check(stage.norders == 1, "one order in 50 days: %zu", stage.norders);
		pass(20 * DAY, 600);
		check(stage.norders == 2, "and another in 20 more: %zu", stage.norders);
		if (sign < 0)
			teardown(state);
	}
}

int
main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_lifetimes, teardown),
		TEST(test_windows),
		TEST(test_revocation),
		TEST(test_always_past),
		TEST(test_outage),
		TEST(test_outage_of_many),
		TEST(test_failover),
		TEST(test_failover_near_the_end),
		TEST(test_limits),
		TEST(test_retry_after),
		TEST(test_one_bad_host),
		TEST(test_turns),
		TEST(test_kept_badly),
		cmocka_unit_test_teardown(test_clock_jumps, teardown),
		cmocka_unit_test_teardown(test_wrong_clock, teardown),
	};

	log_setup(getenv("VERBOSE") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, LOG_TEXT);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
