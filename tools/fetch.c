/* certns-fetch: key, CSR and certificate for services on this machine (certns-fetch(1)). */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "tools/fetch_host.h"

#define FIRST_DELAY_MS 250
#define DELAY_MAX_MS 5000

static size_t
count_waiting(const struct fetch_host *hosts, size_t n)
{
	size_t waiting = 0;

	for (size_t i = 0; i < n; i++)
		waiting += hosts[i].phase != FETCH_END;
	return waiting;
}

/* All CSRs are uploaded before the first certificate is waited for: the server works on them at the same time. */
static void
work(struct fetch_host *hosts, size_t n, unsigned timeout_s)
{
	int64_t deadline_ms = clock_mono_ms() + (int64_t)timeout_s * 1000;
	int delay_ms = FIRST_DELAY_MS;

	for (;;) {
		for (size_t i = 0; i < n; i++)
			fetch_host_step(&hosts[i]);
		int64_t left_ms = deadline_ms - clock_mono_ms();
		if (count_waiting(hosts, n) == 0 || left_ms <= 0)
			break;
		poll(NULL, 0, left_ms < delay_ms ? (int)left_ms : delay_ms);
		delay_ms = delay_ms * 3 / 2 < DELAY_MAX_MS ? delay_ms * 3 / 2 : DELAY_MAX_MS;
	}
	for (size_t i = 0; i < n; i++)
		if (hosts[i].phase != FETCH_END)
			fetch_host_give_up(&hosts[i]);
}

static enum fetch_status
run_all(const struct fetch_run *run)
{
	struct fetch_host *hosts = calloc(run->nhosts, sizeof *hosts);
	enum fetch_status status = FETCH_FINE;

	if (hosts == NULL) {
		fputs("certns-fetch: out of memory\n", stderr);
		return FETCH_LOCAL;
	}
	for (size_t i = 0; i < run->nhosts; i++)
		fetch_host_init(&hosts[i], &run->hosts[i], run);
	work(hosts, run->nhosts, run->timeout_s);
	if (run->json)
		fetch_report_json(hosts, run->nhosts);
	for (size_t i = 0; i < run->nhosts; i++) {
		if (!run->json || hosts[i].status != FETCH_FINE)
			fetch_report(&hosts[i]);
		if (status == FETCH_FINE)
			status = hosts[i].status;
		fetch_host_clear(&hosts[i]);
	}
	free(hosts);
	return status;
}

int
main(int argc, char **argv)
{
	struct fetch_run run;
	struct fault f = { 0 };
	bool done;
	enum fetch_status status;

	file_take_standard();
	status = fetch_options(argc, argv, &run, &done, &f);
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	if (status != FETCH_FINE && f.text[0] != '\0')
		fprintf(stderr, "certns-fetch: %s\n", f.text);
	if (status == FETCH_FINE && !done)
		status = run_all(&run);
	fetch_run_clear(&run);
	return (int)status;
}
