/* tests/unit/acme/test_pebble.c -- the whole engine against a real ACME server: Pebble, asking our names from the DNS
 * server of tests/unit/acme/world.c.  Skipped where there is no Pebble. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/acme/pki.h"
#include "tests/unit/acme/world.h"
#include "tests/unit/port.h"
#include "wire/rrtype.h"

#define PEBBLE "/usr/bin/pebble"
#define PATIENCE_S 120
#define MANY 130			/* more than run at the same time */

/* One Pebble, one world, one engine. */
struct stage {
	char directory[64], config[128], key[128], certificate[128], url[128], dns[32];
	uint16_t port;
	const char *nonce_reject;
	pid_t pebble;
	struct event_base *base;
	struct world world;
	struct acme *engine;
	struct acme_authority_config authority;
	struct acme_config acme;
};

static void
write_file(const char *path, const void *octets, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(octets, 1, n, f), n);
	fclose(f);
}

/* Pebble's own HTTPS certificate is its own CA: both sides get the same file. */
static void
make_tls(struct stage *s)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct buf der = { 0 }, pem = { 0 };
	FILE *f = fopen(s->key, "w");
	int64_t now_s = clock_now_s();

	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	pki_certificate(key, "Pebble", "IP:127.0.0.1", key, "Pebble", now_s - 60, now_s + 86400, &der);
	pki_pem(&der, &pem);
	write_file(s->certificate, pem.p, pem.len);
	buf_clear(&der);
	buf_clear(&pem);
	EVP_PKEY_free(key);
}

static void
pebble_start(struct stage *s)
{
	if ((s->pebble = fork()) == 0) {
		char log[128];

		snprintf(log, sizeof log, "%s/pebble.log", s->directory);
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fd, 1);
		dup2(fd, 2);
		prctl(PR_SET_PDEATHSIG, SIGKILL);	/* should the test be killed */
		setenv("PEBBLE_VA_NOSLEEP", "1", 1);
		setenv("PEBBLE_WFE_NONCEREJECT", s->nonce_reject, 1);
		setenv("PEBBLE_AUTHZREUSE", "50", 1);
		execl(PEBBLE, "pebble", "-strict", "-config", s->config, "-dnsserver", s->dns, (char *)NULL);
		_exit(127);
	}
	assert_true(s->pebble > 0);
}

static void
pebble_wait(const struct stage *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(s->port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 200; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int r = connect(fd, (struct sockaddr *)&a, sizeof a);

		close(fd);
		if (r == 0)
			return;
		nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
	}
	check(false, "Pebble listens after ten seconds");
}

static void
pebble_stop(struct stage *s)
{
	if (s->pebble > 0) {
		kill(s->pebble, SIGKILL);
		waitpid(s->pebble, NULL, 0);
	}
	s->pebble = 0;
}

/* Pebble 2.4 may wait for its own lock for good where orders are placed, read and issued at the same time: that is told by
 * the list of its goroutines, with which SIGQUIT ends it. */
static bool
pebble_locked_up(struct stage *s)
{
	char command[200];

	kill(s->pebble, SIGQUIT);
	waitpid(s->pebble, NULL, 0);
	s->pebble = 0;
	snprintf(command, sizeof command, "grep -A12 '^goroutine .*semacquire' %s/pebble.log | "
	    "grep -q 'MemoryStore..FindValidAuthorization'", s->directory);
	return system(command) == 0;
}

static void
engine_start(struct stage *s)
{
	static const struct acme_label_config label = { "_letsencrypt._tcp", NULL, NULL };
	struct acme_outside outside = world_outside(&s->world);
	struct fault f = { 0 };

	s->authority = (struct acme_authority_config){ .directory = s->url, .ca_certificates = s->certificate,
		.terms_agreed = true };
	s->acme = (struct acme_config){ .authorities = &s->authority, .nauthorities = 1, .labels = &label, .nlabels = 1,
		.challenge_ttl = 60, .state_directory = s->directory, .retry_first_s = 2, .retry_most_s = 4,
		.propagation_timeout_s = 5 };
	enum err err = acme_new(&s->acme, &outside, s->base, &s->engine, &f);
	check(err == ERR_OK, "the engine starts: %s", fault_str(&f, err));
	s->world.engine = s->engine;
}

static void
stage_init(struct stage *s, const char *nonce_reject)
{
	struct buf config = { 0 };

	*s = (struct stage){ .nonce_reject = nonce_reject, .port = port_choose() };
	strcpy(s->directory, "/tmp/certns-pebble-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	snprintf(s->config, sizeof s->config, "%s/pebble.json", s->directory);
	snprintf(s->key, sizeof s->key, "%s/tls.key", s->directory);
	snprintf(s->certificate, sizeof s->certificate, "%s/tls.pem", s->directory);
	snprintf(s->url, sizeof s->url, "https://127.0.0.1:%u/dir", s->port);
	make_tls(s);
	buf_printf(&config, "{\"pebble\":{\"listenAddress\":\"127.0.0.1:%u\",\"managementListenAddress\":\"\","
	    "\"certificate\":\"%s\",\"privateKey\":\"%s\",\"httpPort\":5002,\"tlsPort\":5001,\"ocspResponderURL\":\"\","
	    "\"externalAccountBindingRequired\":false}}\n", s->port, s->certificate, s->key);
	write_file(s->config, config.p, config.len);
	buf_clear(&config);
	s->base = event_base_new();
	world_init(&s->world, s->base);
	snprintf(s->dns, sizeof s->dns, "127.0.0.1:%u", s->world.port);
	engine_start(s);
}

static void
stage_clear(struct stage *s)
{
	char command[200];

	acme_free(s->engine);
	world_clear(&s->world);
	event_base_free(s->base);
	pebble_stop(s);
	snprintf(command, sizeof command, "rm -rf %s", s->directory);
	assert_int_equal(system(command), 0);
}

/* Run the loop, a little at least, until condition(s) holds. */
static bool
run_until(struct stage *s, bool (*condition)(struct stage *s), unsigned patience_s)
{
	int64_t end_ms = clock_mono_ms() + patience_s * 1000;

	do {
		struct timeval tv = { 0, 30000 };

		if (clock_mono_ms() > end_ms)
			return false;
		event_base_loopexit(s->base, &tv);
		event_base_dispatch(s->base);
	} while (!condition(s));
	return true;
}

struct tally {
	size_t n, valid, working, waiting, refused;
	char problem[1024], step[512], laggard[2048];
	int64_t next_s, expires_s;
	unsigned attempts;
};

static void
count_status(void *arg, const struct acme_status *st)
{
	struct tally *t = arg;

	t->n++;
	if (st->state != ACME_IDLE_VALID)	/* the one to be told about in a failed check */
		snprintf(t->laggard, sizeof t->laggard, "%s: %s %s", st->host, st->step, st->problem);
	t->valid += st->state == ACME_IDLE_VALID;
	t->working += st->state == ACME_WORKING;
	t->waiting += st->state == ACME_WAITING_RETRY;
	t->refused += st->state == ACME_REFUSED;
	snprintf(t->problem, sizeof t->problem, "%s", st->problem);
	snprintf(t->step, sizeof t->step, "%s", st->step);
	t->next_s = st->next_s;
	t->expires_s = st->expires_s;
	t->attempts = st->attempts;
}

static struct tally
tally(struct stage *s)
{
	struct tally t = { 0 };

	acme_each(s->engine, count_status, &t);
	return t;
}

static bool
all_valid(struct stage *s)
{
	struct tally t = tally(s);

	return t.n > 0 && t.valid == t.n;
}

static bool
none_left(struct stage *s)
{
	return tally(s).n == 0;
}

static bool
one_waits(struct stage *s)
{
	return tally(s).waiting > 0;
}

static bool
one_refused(struct stage *s)
{
	return tally(s).refused > 0;
}

static bool
txt_published(struct stage *s)
{
	return world_count(&s->world, NULL, TYPE_TXT) > 0;
}

/* san NULL: the host alone.  (Pebble, unlike Boulder, wants each name as SAN.) */
static void
put_csr(struct stage *s, const char *host, const char *san)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct buf der = { 0 };
	char owner[300], alone[300];

	snprintf(owner, sizeof owner, "_letsencrypt._tcp.%s", host);
	snprintf(alone, sizeof alone, "DNS:%s", host);
	pki_csr(key, host, san != NULL ? san : alone, &der);
	world_put_csr(&s->world, owner, der.p, der.len);
	buf_clear(&der);
	EVP_PKEY_free(key);
}

static void
check_issued(struct stage *s, const char *host)
{
	char owner[300];

	snprintf(owner, sizeof owner, "_letsencrypt._tcp.%s", host);
	size_t n = world_count(&s->world, owner, TYPE_TLSA);
	check(n >= 3, "%s has CSR, certificate and CA: %zu records", host, n);
}

static void
test_issue(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s, "5");
	pebble_start(&s);
	pebble_wait(&s);
	check(acme_account_url(s.engine) == NULL, "no account is made before it is needed");
	put_csr(&s, "host.example.test", NULL);
	check(run_until(&s, all_valid, PATIENCE_S), "it gets a certificate: %s", tally(&s).problem);
	put_csr(&s, "wild.example.test", "DNS:wild.example.test,DNS:*.wild.example.test,DNS:deep.wild.example.test");
	check(run_until(&s, all_valid, PATIENCE_S), "and so does another: %s", tally(&s).problem);
	check_issued(&s, "host.example.test");
	check_issued(&s, "wild.example.test");
	check(world_count(&s.world, NULL, TYPE_TXT) == 0, "no challenge record is left");
	check(acme_account_url(s.engine) != NULL, "the account is known");
	struct tally t = tally(&s);
	check(t.next_s > clock_now_s() + 86400 && t.next_s < t.expires_s, "the renewal is scheduled");

	/* A second engine over the same state: same account, nothing to order. */
	char account[256];
	snprintf(account, sizeof account, "%s", acme_account_url(s.engine));
	acme_free(s.engine);
	unsigned edits = s.world.edits;
	engine_start(&s);
	struct dname owner;
	assert_int_equal(dname_from_str("_letsencrypt._tcp.host.example.test", &owner), ERR_OK);
	acme_look(s.engine, owner.octets);
	check(run_until(&s, all_valid, PATIENCE_S), "what is valid stays");
	check(s.world.edits == edits, "and nothing was changed");
	struct dname host;
	assert_int_equal(dname_from_str("host.example.test", &host), ERR_OK);
	assert_int_equal(acme_renew(s.engine, host.octets), ERR_OK);
	run_until(&s, txt_published, 1);
	check(run_until(&s, all_valid, PATIENCE_S), "a forced renewal ends: %s", tally(&s).problem);
	check(s.world.edits > edits, "and changed the zone");
	check_issued(&s, "host.example.test");
	check(strcmp(acme_account_url(s.engine), account) == 0, "the same key finds the same account");
	assert_int_equal(dname_from_str("other.example.test", &host), ERR_OK);
	assert_int_equal(acme_renew(s.engine, host.octets), ERR_NOT_FOUND);
	stage_clear(&s);
}

/* Certificates for MANY hosts.  False: Pebble locked itself up. */
static bool
issue_many(void)
{
	struct stage s;
	char host[64], san[200];

	stage_init(&s, "20");
	s.world.edit_later = true;
	s.world.server = "ns2.example.test";
	s.world.lag_ms = 50;
	pebble_start(&s);
	pebble_wait(&s);
	for (int i = 0; i < MANY; i++) {
		snprintf(host, sizeof host, "h%d.example.test", i);
		snprintf(san, sizeof san, "DNS:h%d.example.test,DNS:*.h%d.example.test", i, i);
		put_csr(&s, host, i % 5 == 0 ? san : NULL);
	}
	int64_t start_ms = clock_mono_ms();
	if (!run_until(&s, all_valid, PATIENCE_S)) {
		check(pebble_locked_up(&s), "all hosts get certificates with a fifth of the nonces refused: %s",
		    tally(&s).laggard);
		stage_clear(&s);
		return false;
	}
	fprintf(stderr, "%d certificates in %lld ms\n", MANY, (long long)(clock_mono_ms() - start_ms));
	assert_int_equal(tally(&s).n, MANY);
	for (int i = 0; i < MANY; i++) {
		snprintf(host, sizeof host, "h%d.example.test", i);
		check_issued(&s, host);
	}
	check(world_count(&s.world, NULL, TYPE_TXT) == 0, "no challenge record is left");
	stage_clear(&s);
	return true;
}

static void
test_many(void **state)
{
	(void)state;
	for (int i = 0; !issue_many(); i++)
		check(i < 5, "Pebble does not lock itself up each time");
}

static void
test_ca_down(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s, "5");
	put_csr(&s, "host.example.test", NULL);
	check(run_until(&s, one_waits, PATIENCE_S), "without a CA the host waits");
	struct tally t = tally(&s);
	check(strstr(t.problem, "directory cannot be fetched") != NULL, "and says why: %s", t.problem);
	check(t.attempts == 1 && t.next_s > 0, "and when it goes on");
	pebble_start(&s);
	pebble_wait(&s);
	check(run_until(&s, all_valid, PATIENCE_S), "it gets its certificate once the CA is up: %s", tally(&s).problem);
	check(tally(&s).problem[0] == '\0' && tally(&s).attempts == 0, "the failure is forgotten");

	/* The CA comes back without its memory: the account is made anew. */
	pebble_stop(&s);
	pebble_start(&s);
	pebble_wait(&s);
	put_csr(&s, "second.example.test", NULL);
	check(run_until(&s, all_valid, PATIENCE_S), "a CA that forgot us gives a new account: %s", tally(&s).problem);
	check_issued(&s, "second.example.test");
	stage_clear(&s);
}

static void
test_silent_server(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s, "5");
	s.world.server = "ns2.example.test";
	s.world.silent = true;
	pebble_start(&s);
	pebble_wait(&s);
	put_csr(&s, "host.example.test", NULL);
	check(run_until(&s, txt_published, PATIENCE_S), "the challenge is published");
	run_until(&s, one_waits, 1);
	check(strstr(tally(&s).step, "waiting for ns2.example.test to show") != NULL, "the step names the server: %s",
	    tally(&s).step);
	check(run_until(&s, one_waits, PATIENCE_S), "the order is given up");
	struct tally t = tally(&s);
	check(strstr(t.problem, "ns2.example.test did not show the challenge for host.example.test") != NULL,
	    "the reason names the server: %s", t.problem);
	check(world_count(&s.world, NULL, TYPE_TXT) == 0, "the challenge is removed after a failure");
	s.world.silent = false;
	check(run_until(&s, all_valid, PATIENCE_S), "it succeeds once the server answers: %s", tally(&s).problem);
	stage_clear(&s);
}

static void
test_csr_changes(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s, "5");
	s.world.edit_later = true;
	s.world.server = "ns2.example.test";
	s.world.lag_ms = 300;
	pebble_start(&s);
	pebble_wait(&s);
	put_csr(&s, "host.example.test", NULL);
	check(run_until(&s, txt_published, PATIENCE_S), "an order runs");
	put_csr(&s, "host.example.test", NULL);
	check(run_until(&s, all_valid, PATIENCE_S), "the replaced CSR gets its certificate: %s", tally(&s).problem);
	check_issued(&s, "host.example.test");

	put_csr(&s, "gone.example.test", NULL);
	check(run_until(&s, txt_published, PATIENCE_S), "another order runs");
	world_remove_tlsa(&s.world, "_letsencrypt._tcp.gone.example.test");
	world_remove_tlsa(&s.world, "_letsencrypt._tcp.host.example.test");
	check(run_until(&s, none_left, PATIENCE_S), "hosts without CSR are forgotten");
	check(world_count(&s.world, NULL, TYPE_TXT) == 0, "with their challenges");

	/* The engine ends in the middle of an order. */
	put_csr(&s, "late.example.test", NULL);
	check(run_until(&s, txt_published, PATIENCE_S), "a third order runs");
	stage_clear(&s);
}

#define NOTE "order/_letsencrypt._tcp.host.example.test"

static bool
order_forgotten(struct stage *s)
{
	return all_valid(s) && world_note(&s->world, NOTE) == NULL;
}

/* The engine ends in the middle of an order, and another begins with what is remembered. */
static void
test_restart(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s, "5");
	s.world.server = "ns2.example.test";
	s.world.silent = true;
	pebble_start(&s);
	pebble_wait(&s);
	put_csr(&s, "host.example.test", NULL);
	check(run_until(&s, txt_published, PATIENCE_S), "the challenge is published");
	check(world_note(&s.world, NOTE) != NULL && strstr(world_note(&s.world, NOTE),
	    "_acme-challenge.host.example.test") != NULL, "and remembered before that");
	acme_free(s.engine);
	world_forget(&s.world);
	check(world_count(&s.world, NULL, TYPE_TXT) == 1, "it is still there");
	s.world.silent = false;
	engine_start(&s);
	check(run_until(&s, order_forgotten, PATIENCE_S), "the next engine brings it to its end: %s",
	    tally(&s).problem);
	check(world_count(&s.world, NULL, TYPE_TXT) == 0, "without leaving anything");
	check_issued(&s, "host.example.test");
	stage_clear(&s);
}

/* What could not be removed after a restart must not be published. */
static void
test_what_cannot_be_remembered(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s, "5");
	s.world.remember_err = ERR_NOSPACE;
	pebble_start(&s);
	pebble_wait(&s);
	put_csr(&s, "host.example.test", NULL);
	check(run_until(&s, one_waits, PATIENCE_S), "the order is given up");
	check(strstr(tally(&s).problem, "it cannot be remembered") != NULL, "for that reason: %s", tally(&s).problem);
	check(s.world.passing_edits == 0, "nothing was published");
	s.world.remember_err = ERR_OK;
	check(run_until(&s, order_forgotten, PATIENCE_S), "later it goes on: %s", tally(&s).problem);
	check(world_count(&s.world, NULL, TYPE_TXT) == 0, "without leaving anything");
	stage_clear(&s);
}

static void
test_refusals(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s, "5");
	s.world.zones[1] = "frozen.test";
	s.world.frozen = "frozen.test";
	put_csr(&s, "host.example.test", "DNS:host.example.test,DNS:elsewhere.example");
	check(run_until(&s, one_refused, PATIENCE_S), "a name of another's zone is refused");
	check(strstr(tally(&s).problem, "elsewhere.example is in none of the zones") != NULL, "with words: %s",
	    tally(&s).problem);
	put_csr(&s, "host.example.test", "DNS:a.frozen.test");
	run_until(&s, none_left, 1);
	check(strstr(tally(&s).problem, "the zone frozen.test may not be changed here") != NULL,
	    "so is a frozen zone: %s",
	    tally(&s).problem);
	world_put_csr(&s.world, "_letsencrypt._tcp.host.example.test", (const uint8_t *)"junk", 4);
	run_until(&s, none_left, 1);
	check(strstr(tally(&s).problem, "PKCS#10") != NULL, "and what is no CSR: %s", tally(&s).problem);
	check(s.world.edits == 0, "nothing was changed");

	acme_free(s.engine);
	engine_start(&s);
	s.authority.terms_agreed = false;
	put_csr(&s, "host.example.test", NULL);
	check(run_until(&s, one_refused, PATIENCE_S), "no account without agreement");
	check(strstr(tally(&s).problem, "terms-agreed: yes") != NULL, "with words: %s", tally(&s).problem);
	stage_clear(&s);
}

/* With an argument only the tests whose name matches it run: test_pebble 'test_m*' */
int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_issue),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_ca_down),
		cmocka_unit_test(test_silent_server),
		cmocka_unit_test(test_csr_changes),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_what_cannot_be_remembered),
		cmocka_unit_test(test_refusals),
	};

	if (access(PEBBLE, X_OK) != 0) {
		fprintf(stderr, "no %s: skipped\n", PEBBLE);
		return 77;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
