/* server/notify.c -- one notice per zone and target, found by the zone's name.
 *
 * A notice is idle (answered, or given up), due (it waits in line for one of MAX_ACTIVE sockets), active (an exchange
 * runs) or resting until its next try. */
#include "server/notify.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/config.h"
#include "server/exchange.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#define MAX_ACTIVE 128	/* at a time: a reload may change every zone, and sockets and a target's buffer are few */
#define ANSWER_WAIT_MAX_S 15
#define TELL_AT_TRY 4			/* when the log first hears of a silent target: after some 7 seconds */

/* Seconds from one try to the next; the same as the MirageOS primary's.  RFC 1996, section 3.6, leaves them to us. */
static const unsigned rest_s[] = { 1, 1, 1, 4, 13, 20, 20, 120, 420, 900, 2100, 82800 };
#define NRESTS (sizeof rest_s / sizeof rest_s[0])

struct notice {				/* small: a server of very many zones has as many */
	struct notifier *notifier;
	struct notice *next;			/* in its bucket */
	TAILQ_ENTRY(notice) due;
	bool is_due, listed;			/* listed: among the targets of the last call */
	struct {
		const uint8_t *octets;		/* behind the struct */
	} zone;
	/* behind that the name of the key; the root: none.  See key_of() */
	struct sockaddr_in6 address, source;	/* or IPv4, for which there is room */
	socklen_t len;
	bool has_source;
	struct tsig_key *key;
	uint8_t *msg;
	size_t n;
	uint32_t sent, confirmed;
	bool any_confirmed;
	unsigned tries;
	int64_t tried_ms;			/* when the last try began */
	struct exchange *exchange;
	struct event *timer;			/* NULL: it never had to rest */
	char *problem;				/* NULL: none */
};

struct notifier {
	struct event_base *base;
	struct notice **buckets;
	size_t nbuckets, nnotices;		/* nbuckets is a power of two */
	TAILQ_HEAD(, notice) due;
	size_t ndue;
	unsigned active;
};

enum err
notifier_new(struct event_base *base, struct notifier **out)
{
	struct notifier *n = calloc(1, sizeof *n);

	if (n == NULL)
		return ERR_NOMEM;
	n->base = base;
	n->nbuckets = 64;
	TAILQ_INIT(&n->due);
	if ((n->buckets = calloc(n->nbuckets, sizeof(struct notice *))) == NULL) {
		free(n);
		return ERR_NOMEM;
	}
	*out = n;
	return ERR_OK;
}

static struct notice **
bucket(const struct notifier *n, const uint8_t *zone)
{
	return &n->buckets[dname_hash(zone) & (n->nbuckets - 1)];
}

static void
leave_line(struct notice *t)
{
	if (!t->is_due)
		return;
	TAILQ_REMOVE(&t->notifier->due, t, due);
	t->notifier->ndue--;
	t->is_due = false;
}

/* The name of the key that it is signed with; the root: it is not. */
static const uint8_t *
key_of(const struct notice *t)
{
	return t->zone.octets + dname_len(t->zone.octets);
}

/* Take a notice out of whatever it is doing. */
static void
notice_stop(struct notice *t)
{
	leave_line(t);
	if (t->exchange != NULL) {
		exchange_cancel(t->exchange);
		t->notifier->active--;
	}
	t->exchange = NULL;
	if (t->timer != NULL)
		event_del(t->timer);
}

static void
notice_free(struct notice *t)
{
	notice_stop(t);
	if (t->timer != NULL)
		event_free(t->timer);
	tsig_key_free(t->key);
	free(t->problem);
	free(t->msg);
	free(t);
}

static void
set_problem(struct notice *t, const char *format, const char *words)	/* format NULL: none */
{
	char text[160 + DNAME_TEXT_MAX];

	free(t->problem);
	t->problem = NULL;
	if (format == NULL)
		return;
	snprintf(text, sizeof text, format, words);
	t->problem = strdup(text);
}

void
notifier_free(struct notifier *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->nbuckets; i++) {
		while (n->buckets[i] != NULL) {
			struct notice *t = n->buckets[i];

			n->buckets[i] = t->next;
			notice_free(t);
		}
	}
	free(n->buckets);
	free(n);
}

/* What is needed for further tries, of which there are none.  There may be very many notices, and most are answered. */
static void
slim(struct notice *t)
{
	if (t->timer != NULL)
		event_free(t->timer);
	t->timer = NULL;
	tsig_key_free(t->key);
	t->key = NULL;
	free(t->msg);
	t->msg = NULL;
}

static void on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words);
static void on_timer(evutil_socket_t fd, short events, void *arg);
static void tell(const struct notice *t, const char *what);

/* Until the next try, counted from the start of the last. */
static void
rest(struct notice *t)
{
	int64_t ms = t->tried_ms + rest_s[t->tries - 1] * 1000 - clock_mono_ms();
	struct timeval wait = { 0, 0 };

	if (t->timer == NULL && (t->timer = evtimer_new(t->notifier->base, on_timer, t)) == NULL) {
		set_problem(t, "%s", err_str(ERR_NOMEM));
		tell(t, "; given up");
		return;
	}
	if (ms > 0) {
		wait.tv_sec = (time_t)(ms / 1000);
		wait.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	}
	evtimer_add(t->timer, &wait);
}

/* UDP first (RFC 1996, section 3.5); every other one of the late tries goes over TCP, in case a firewall is why nobody
 * answers. */
static enum err
try_now(struct notice *t)
{
	unsigned wait_s = t->tries < NRESTS && rest_s[t->tries] < ANSWER_WAIT_MAX_S ?
	    rest_s[t->tries] : ANSWER_WAIT_MAX_S;
	struct exchange_request request = {
		.to_len = t->len, .from = t->has_source ? (struct sockaddr *)&t->source : NULL,
		.msg = t->msg, .n = t->n, .key = t->key, .tcp = t->tries >= TELL_AT_TRY && t->tries % 2 == 0,
		.timeout_ms = wait_s * 1000, .tries = 1, .done = on_answer, .arg = t
	};

	memcpy(&request.to, &t->address, sizeof t->address);
	t->tries++;
	t->tried_ms = clock_mono_ms();
	return exchange_start(t->notifier->base, &request, &t->exchange);
}

/* Let those go that are due, as far as there are sockets. */
static void
pump(struct notifier *n)
{
	while (n->active < MAX_ACTIVE && !TAILQ_EMPTY(&n->due)) {
		struct notice *t = TAILQ_FIRST(&n->due);
		enum err err;

		leave_line(t);
		if ((err = try_now(t)) == ERR_OK) {
			n->active++;
		} else {
			set_problem(t, "%s", err_str(err));
			if (t->tries <= NRESTS)
				rest(t);
		}
	}
}

static void
make_due(struct notice *t)
{
	TAILQ_INSERT_TAIL(&t->notifier->due, t, due);
	t->notifier->ndue++;
	t->is_due = true;
	pump(t->notifier);
}

static void
on_timer(evutil_socket_t fd, short events, void *arg)
{
	(void)fd, (void)events;
	make_due(arg);
}

static const char *
problem_of(const struct notice *t)
{
	return t->problem == NULL ? "" : t->problem;
}

static void
tell(const struct notice *t, const char *what)
{
	char zone[DNAME_TEXT_MAX], address[CONFIG_ADDRESS_TEXT];

	log_warning("NOTIFY of %s with serial %u to %s: %s%s", dname_print_host(t->zone.octets, zone), t->sent,
	    config_address_print((const struct sockaddr *)&t->address, address), problem_of(t), what);
}

static void
on_silence(struct notice *t, const char *words)
{
	set_problem(t, "%s", words);
	if (t->tries > NRESTS) {
		tell(t, "; given up");
		slim(t);
		return;
	}
	if (t->tries == TELL_AT_TRY)
		tell(t, "; trying on");
	rest(t);
}

static void
on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct notice *t = arg;
	struct notifier *notifier = t->notifier;

	t->exchange = NULL;
	notifier->active--;
	if (err == ERR_OK && n >= MSG_HEADER_SIZE) {
		unsigned rcode = msg[3] & 15;

		/* Whatever it says, it has heard us: no more tries. */
		set_problem(t, NULL, NULL);
		if (rcode == RCODE_NOERROR) {
			t->confirmed = t->sent;
			t->any_confirmed = true;
		} else {
			set_problem(t, "answered %s", rcode_str(rcode));
			tell(t, "");
		}
		slim(t);
	} else {
		on_silence(t, words);
	}
	pump(notifier);
}

static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a, *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a, *b6 = (const struct sockaddr_in6 *)b;

	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET6)
		return a6->sin6_port == b6->sin6_port && a6->sin6_scope_id == b6->sin6_scope_id &&
		    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
	return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

/* Chains stay short when every zone of a large server has its notices here. */
static void
grow(struct notifier *n)
{
	struct notice **old = n->buckets;
	size_t nold = n->nbuckets;
	struct notice **bigger = calloc(nold * 2, sizeof(struct notice *));

	if (bigger == NULL)
		return;			/* slower, not wrong */
	n->buckets = bigger;
	n->nbuckets = nold * 2;
	for (size_t i = 0; i < nold; i++) {
		while (old[i] != NULL) {
			struct notice *t = old[i];
			struct notice **to = bucket(n, t->zone.octets);

			old[i] = t->next;
			t->next = *to;
			*to = t;
		}
	}
	free(old);
}

static struct notice *
notice_get(struct notifier *n, const uint8_t *zone, const struct notify_target *target)
{
	const uint8_t *key = target->key != NULL ? target->key->name.octets :
	    target->unknown_key != NULL ? target->unknown_key : (const uint8_t *)"";
	size_t len = dname_len(zone);
	struct notice *t;

	for (t = *bucket(n, zone); t != NULL; t = t->next)
		if (same_address((const struct sockaddr *)&t->address, (const struct sockaddr *)&target->address) &&
		    dname_equal(t->zone.octets, zone) && dname_equal(key_of(t), key))
			return t;
	if ((t = calloc(1, sizeof *t + len + dname_len(key))) == NULL)
		return NULL;
	t->notifier = n;
	t->zone.octets = memcpy(t + 1, zone, len);
	memcpy((uint8_t *)(t + 1) + len, key, dname_len(key));
	memcpy(&t->address, &target->address, sizeof t->address);
	t->len = target->len;
	if (n->nnotices++ >= n->nbuckets)
		grow(n);
	t->next = *bucket(n, zone);
	*bucket(n, zone) = t;
	return t;
}

/* Remove the notices of zone that no list names any more, or all. */
static void
forget(struct notifier *n, const uint8_t *zone, bool all)
{
	struct notice **at = bucket(n, zone);

	while (*at != NULL) {
		struct notice *t = *at;

		if (!dname_equal(t->zone.octets, zone) || (t->listed && !all)) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		n->nnotices--;
		notice_free(t);
	}
}

/* RFC 1996, section 3.7: the new SOA goes along as a hint. */
size_t
notify_write(const struct rr *soa, uint8_t *out, size_t room)
{
	struct msg_header h = { .flags = OPCODE_NOTIFY << 11 | FLAG_AA, .qdcount = 1, .ancount = 1 };
	struct question q = { .qtype = TYPE_SOA, .qclass = CLASS_IN };
	struct wr w;

	dname_copy(&q.qname, soa->owner);
	wr_init(&w, out, room);
	msg_header_write(&w, &h);
	question_write(&w, &q);
	msg_rr_write(&w, soa->owner, TYPE_SOA, CLASS_IN, soa->ttl, soa->rdata, soa->rdlen);
	return w.full ? 0 : wr_len(&w);
}

static enum err
write_message(struct notice *t, const struct rr *soa)
{
	uint8_t buffer[NOTIFY_MAX];
	size_t n = notify_write(soa, buffer, sizeof buffer);
	uint8_t *msg = malloc(n + 1);

	if (msg == NULL)
		return ERR_NOMEM;
	memcpy(msg, buffer, n);
	free(t->msg);
	t->msg = msg;
	t->n = n;
	return ERR_OK;
}

static enum err
copy_key(struct notice *t, const struct tsig_key *key)
{
	tsig_key_free(t->key);
	t->key = NULL;
	return key == NULL ? ERR_OK :
	    tsig_key_new(key->name.octets, key->algorithm, key->secret, key->secret_len, &t->key);
}

static void
send_to(struct notifier *n, const struct rr *soa, const struct notify_target *target,
    const struct sockaddr_storage *source, size_t nsource)
{
	struct notice *t = notice_get(n, soa->owner, target);
	char name[DNAME_TEXT_MAX];
	struct soa fields;

	if (t == NULL) {
		log_error("NOTIFY: %s", err_str(ERR_NOMEM));
		return;
	}
	t->listed = true;
	notice_stop(t);
	soa_read(soa->rdata, soa->rdlen, &fields);
	t->sent = fields.serial;
	t->tries = 0;
	set_problem(t, NULL, NULL);
	t->has_source = false;
	for (size_t i = 0; i < nsource && !t->has_source; i++) {
		memcpy(&t->source, &source[i], sizeof t->source);
		t->has_source = source[i].ss_family == target->address.ss_family;
	}
	if (target->unknown_key != NULL) {
		set_problem(t, "its key %s is not known here", dname_print_host(target->unknown_key, name));
		tell(t, "; not sent");
		return;
	}
	if (copy_key(t, target->key) != ERR_OK || write_message(t, soa) != ERR_OK) {
		set_problem(t, "%s", err_str(ERR_NOMEM));
		tell(t, "");
		return;
	}
	make_due(t);
}

void
notifier_send(struct notifier *n, const struct rr *soa, const struct notify_target *targets, size_t ntargets,
    const struct sockaddr_storage *source, size_t nsource)
{
	for (struct notice *t = *bucket(n, soa->owner); t != NULL; t = t->next)
		if (dname_equal(t->zone.octets, soa->owner))
			t->listed = false;
	for (size_t i = 0; i < ntargets; i++)
		send_to(n, soa, &targets[i], source, nsource);
	forget(n, soa->owner, false);
	pump(n);
}

size_t
notifier_waiting(const struct notifier *n)
{
	return n->ndue;
}

void
notifier_drop(struct notifier *n, const uint8_t *zone)
{
	forget(n, zone, true);
	pump(n);
}

void
notifier_each(const struct notifier *n, const uint8_t *zone, void (*each)(void *arg, const struct notify_status *s),
    void *arg)
{
	for (const struct notice *t = *bucket(n, zone); t != NULL; t = t->next) {
		struct notify_status s = {
			.address = (const struct sockaddr *)&t->address,
			.key = dname_is_root(key_of(t)) ? NULL : key_of(t), .sent = t->sent, .confirmed = t->confirmed,
			.is_confirmed = t->any_confirmed && !serial_lt(t->confirmed, t->sent), .tries = t->tries,
			.problem = problem_of(t)
		};

		if (dname_equal(t->zone.octets, zone))
			each(arg, &s);
	}
}
