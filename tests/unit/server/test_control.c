/* server/control.c: a real socket; server and client take turns in one thread. */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "server/control.h"
#include "tests/unit/check.h"

struct fixture {
	char directory[40], path[60];
	struct event_base *base;
	struct control *control;
	struct control_call *waiting;	/* of the command "wait" */
	unsigned calls;
};

static void
handle(void *ctx, struct control_call *call, const char *command, const json_t *arguments)
{
	struct fixture *x = ctx;

	x->calls++;
	if (strcmp(command, "wait") == 0)
		x->waiting = call;
	else if (strcmp(command, "echo") == 0)
		control_reply(call, json_deep_copy(arguments), NULL);
	else if (strcmp(command, "nothing") == 0)
		control_reply(call, NULL, NULL);
	else
		control_reply(call, NULL, "no such command: \xff");
}

static int
set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);
	struct fault f = { 0 };

	signal(SIGPIPE, SIG_IGN);
	strcpy(x->directory, "/tmp/certns-test-XXXXXX");
	assert_non_null(mkdtemp(x->directory));
	snprintf(x->path, sizeof x->path, "%s/control.sock", x->directory);
	x->base = event_base_new();
	check(control_new(x->base, x->path, handle, x, &x->control, &f) == ERR_OK, "opened: %s", f.text);
	*state = x;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *x = *state;

	control_free(x->control);
	check(access(x->path, F_OK) != 0, "the socket is gone");
	event_base_free(x->base);
	rmdir(x->directory);
	free(x);
	return 0;
}

static void
pump(struct fixture *x)
{
	for (int i = 0; i < 50; i++)
		event_base_loop(x->base, EVLOOP_NONBLOCK);
}

static int
client(struct fixture *x)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(name.sun_path, x->path);
	check(connect(fd, (struct sockaddr *)&name, sizeof name) == 0, "connected");
	return fd;
}

/* Send text and give what comes back. */
static const char *
say(struct fixture *x, int fd, const char *text)
{
	static char reply[4096];

	check(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text), "sent");
	pump(x);
	ssize_t n = recv(fd, reply, sizeof reply - 1, MSG_DONTWAIT);
	reply[n > 0 ? n : 0] = '\0';
	return reply;
}

#define FORM "{\"ok\":false,\"error\":\"expected {\\\"command\\\": TEXT, \\\"arguments\\\": [TEXT, ...]}\"}\n"

static const struct { const char *why, *request, *reply; } requests[] = {
	{ "a call with arguments", "{\"command\":\"echo\",\"arguments\":[\"a\",\"b\"]}\n",
	    "{\"ok\":true,\"result\":[\"a\",\"b\"]}\n" },
	{ "a call without", "{\"command\":\"echo\"}\n", "{\"ok\":true,\"result\":[]}\n" },
	{ "a line that ends as in DOS", "{\"command\":\"echo\"}\r\n", "{\"ok\":true,\"result\":[]}\n" },
	{ "a reply of nothing", "{\"command\":\"nothing\"}\n", "{\"ok\":true,\"result\":null}\n" },
	{ "an error whose words are no UTF-8", "{\"command\":\"wat\"}\n",
	    "{\"ok\":false,\"error\":\"no such command: ?\"}\n" },
	{ "two calls at once", "{\"command\":\"nothing\"}\n{\"command\":\"echo\"}\n",
	    "{\"ok\":true,\"result\":null}\n{\"ok\":true,\"result\":[]}\n" },
	{ "an empty line", "\n", FORM },
	{ "what is no JSON", "status\n", FORM },
	{ "what is no object", "[\"status\"]\n", FORM },
	{ "a command that is a number", "{\"command\":1}\n", FORM },
	{ "arguments that are a map", "{\"command\":\"echo\",\"arguments\":{}}\n", FORM },
	{ "arguments that are numbers", "{\"command\":\"echo\",\"arguments\":[1]}\n", FORM },
	{ "a command twice", "{\"command\":\"echo\",\"command\":\"echo\"}\n", FORM },
	{ "half a call", "{\"command\":\"echo\"}", "" },
};

static void
test_requests(void **state)
{
	struct fixture *x = *state;

	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		int fd = client(x);
		const char *reply = say(x, fd, requests[i].request);

		check(strcmp(reply, requests[i].reply) == 0, "%s: %s", requests[i].why, reply);
		reply = say(x, fd, "\n{\"command\":\"nothing\"}\n");
		check(strstr(reply, "{\"ok\":true,\"result\":null}\n") != NULL, "%s: the next call is served",
		    requests[i].why);
		close(fd);
		pump(x);
	}
}

static void
test_socket_is_private(void **state)
{
	struct fixture *x = *state;
	struct stat st;

	assert_int_equal(lstat(x->path, &st), 0);
	check(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600, "mode is %o", st.st_mode);
}

static void
test_one_waits_and_others_are_served(void **state)
{
	struct fixture *x = *state;
	int slow = client(x), quick = client(x);

	check(*say(x, slow, "{\"command\":\"wait\"}\n{\"command\":\"nothing\"}\n") == '\0', "no reply yet");
	check(x->waiting != NULL && x->calls == 1, "the second call waits for the first");
	check(*say(x, quick, "{\"command\":\"nothing\"}\n") == '{', "others are served");
	control_reply(x->waiting, json_true(), NULL);
	assert_string_equal(say(x, slow, ""), "{\"ok\":true,\"result\":true}\n{\"ok\":true,\"result\":null}\n");
	close(slow);
	close(quick);
	pump(x);
}

static void
test_client_goes_before_the_reply(void **state)
{
	struct fixture *x = *state;
	int fd = client(x);

	say(x, fd, "{\"command\":\"wait\"}\n");
	close(fd);
	pump(x);
	control_reply(x->waiting, json_string("too late"), NULL);
	pump(x);
	fd = client(x);
	check(*say(x, fd, "{\"command\":\"nothing\"}\n") == '{', "the next is served");
	close(fd);
	pump(x);
}

static void
test_client_closes_its_side_only(void **state)
{
	struct fixture *x = *state;
	int fd = client(x);

	say(x, fd, "{\"command\":\"wait\"}\n");
	shutdown(fd, SHUT_WR);
	pump(x);
	control_reply(x->waiting, json_true(), NULL);
	pump(x);
	char reply[100];
	assert_int_equal(recv(fd, reply, sizeof reply, MSG_DONTWAIT), strlen("{\"ok\":true,\"result\":true}\n"));
	assert_int_equal(recv(fd, reply, sizeof reply, MSG_DONTWAIT), 0);
	close(fd);
}

static void
test_too_long(void **state)
{
	struct fixture *x = *state;
	int fd = client(x);
	char block[4096];

	memset(block, ' ', sizeof block);
	for (int i = 0; i < 17; i++) {
		if (send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		pump(x);
	}
	ssize_t n = recv(fd, block, sizeof block, MSG_DONTWAIT);
	check(n > 0 && memcmp(block, "{\"ok\":false,\"error\":\"the request is too long\"}\n", (size_t)n) == 0,
	    "refused");
	assert_int_equal(recv(fd, block, sizeof block, MSG_DONTWAIT), 0);
	close(fd);
}

static void
test_live_socket_is_refused_and_stale_replaced(void **state)
{
	struct fixture *x = *state;
	struct control *second = NULL;
	struct fault f = { 0 };
	char words[100];
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd;

	check(control_new(x->base, x->path, handle, x, &second, &f) == ERR_BUSY, "another one is there");
	snprintf(words, sizeof words, "%s: another certnsd uses it", x->path);
	assert_string_equal(f.text, words);
	pump(x);
	control_free(x->control);
	x->control = NULL;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(name.sun_path, x->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
	close(fd);			/* as a server that was killed leaves it */
	check(control_new(x->base, x->path, handle, x, &x->control, &f) == ERR_OK, "replaced: %s", f.text);

	snprintf(words, sizeof words, "%s/file", x->directory);
	fclose(fopen(words, "w"));
	check(control_new(x->base, words, handle, x, &second, &f) == ERR_EXISTS, "a file is not replaced");
	unlink(words);
	check(control_new(x->base, "/nonexistent/control.sock", handle, x, &second, &f) == ERR_NOT_FOUND,
	    "no directory");
}

static void
test_reply_to_stop_goes_out(void **state)
{
	struct fixture *x = *state;
	int fd = client(x);
	char reply[100];

	say(x, fd, "{\"command\":\"wait\"}\n");
	control_reply(x->waiting, NULL, NULL);
	control_free(x->control);		/* without another turn of the loop */
	x->control = NULL;
	check(recv(fd, reply, sizeof reply, MSG_DONTWAIT) > 0, "the reply is there");
	close(fd);
}

static void
test_reply_after_the_end(void **state)
{
	struct fixture *x = *state;
	int fd = client(x);

	say(x, fd, "{\"command\":\"wait\"}\n");
	control_free(x->control);
	x->control = NULL;
	control_reply(x->waiting, json_true(), NULL);
	close(fd);
}

static int allocations_left = -1;	/* libevent's, until one fails; less than 0: none does */

static bool
is_left(void)
{
	return allocations_left < 0 || allocations_left-- != 0;
}

static void *
event_malloc(size_t n)
{
	return is_left() ? malloc(n) : NULL;
}

static void *
event_realloc(void *p, size_t n)
{
	return is_left() ? realloc(p, n) : NULL;
}

/* Whichever allocation of libevent fails while a connection is taken: the connection may be lost, and no more. */
static void
test_no_memory_for_a_connection(void **state)
{
	struct fixture *x = *state;

	for (int i = 0; i < 8; i++) {
		int fd = client(x);

		allocations_left = i;
		pump(x);
		allocations_left = -1;
		close(fd);
		fd = client(x);
		check(strcmp(say(x, fd, "{\"command\":\"nothing\"}\n"), "{\"ok\":true,\"result\":null}\n") == 0,
		    "allocation %d failed, and the next connection is served", i);
		close(fd);
		pump(x);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_memory_for_a_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_socket_is_private, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_waits_and_others_are_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_client_goes_before_the_reply, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_client_closes_its_side_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_live_socket_is_refused_and_stale_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reply_to_stop_goes_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reply_after_the_end, set_up, tear_down),
	};

	event_set_mem_functions(event_malloc, event_realloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
