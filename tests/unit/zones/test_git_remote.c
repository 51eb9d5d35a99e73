/* Remotes over a network: ssh with a real sshd, https with git http-backend, and servers that never answer. */
#include <arpa/inet.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "tests/unit/zones/git_place.h"

static const struct git_signature_text author = { "key.example.com", "key@certns", 1700000000 };

/* A listening socket of 127.0.0.1 on a port of its own; nobody ever accepts. */
static int
silent_server(unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 5) == 0, "a socket listens");
	check(getsockname(fd, (struct sockaddr *)&a, &n) == 0, "and has a port");
	*port = ntohs(a.sin_port);
	return fd;
}

/* The first line of a file, once there is one. */
static void
line_of(const char *name, char *line, int size)
{
	char path[PATH_MAX + 64];
	struct timespec pause = { 0, 20 * 1000 * 1000 };

	snprintf(path, sizeof path, "%s/%s", place, name);
	for (int i = 0; i < 500; i++) {
		FILE *f = fopen(path, "re");
		bool got = f != NULL && fgets(line, size, f) != NULL && strchr(line, '\n') != NULL;

		if (f != NULL)
			fclose(f);
		if (got) {
			line[strcspn(line, "\n")] = '\0';
			return;
		}
		nanosleep(&pause, NULL);
	}
	check(false, "%s gets a line", name);
}

static enum err
fetch_once(const char *clone, const struct git_remote_config *config, struct fault *f)
{
	struct git_source *s = source_open(clone, config);
	git_oid_text tip;
	enum err err;

	memset(f, 0, sizeof *f);
	err = git_source_fetch(s, tip, f);
	git_source_close(s);
	return err;
}

static void
refused(const char *why, const struct git_remote_config *config, enum err want, const char *words)
{
	struct fault f;
	enum err err = fetch_once("clone-refused", config, &f);

	check(err == want && strstr(f.text, words) != NULL, "%s: wanted '%s' and \"%s\", got '%s' and \"%s\"", why,
	    err_str(want), words, err_str(err), f.text);
}

static void
commit(struct git_source *s, const git_oid_text parent, const char *path, git_oid_text out)
{
	struct git_edit edit = { path, "text\n", 5 };
	struct fault f = { 0 };
	enum err err = git_source_commit(s, parent, &edit, 1, &author, "changed\n", out, &f);

	check(err == ERR_OK, "commit of %s: %s", path, fault_str(&f, err));
}

/* The round that every transport must go: fetch, push, a push too late, a push that a hook refuses. */
static void
round_trip(const char *clone, const struct git_remote_config *config)
{
	struct git_source *s = source_open(clone, config);
	struct fault f = { 0 };
	git_oid_text tip, a;
	enum err err;

	check((err = git_source_fetch(s, tip, &f)) == ERR_OK, "%s fetches: %s", clone, fault_str(&f, err));
	check((err = git_source_fetch(s, tip, &f)) == ERR_OK, "%s fetches again: %s", clone, fault_str(&f, err));
	commit(s, tip, "new", a);
	check((err = git_source_push(s, tip, a, &f)) == ERR_OK, "%s pushes: %s", clone, fault_str(&f, err));
	sh("test $(git -C r rev-parse main) = %s && git -C r fsck --strict", a);
	check(git_source_tip(s, tip, &f) == ERR_OK && strcmp(a, tip) == 0, "%s knows what it pushed", clone);

	sh("cd w && git pull -q && git commit -q --allow-empty -m other && git push -q");
	commit(s, tip, "late", a);
	check((err = git_source_push(s, tip, a, &f)) == ERR_CONFLICT, "%s comes late: %s", clone, fault_str(&f, err));

	check(git_source_fetch(s, tip, &f) == ERR_OK, "%s fetches the other's", clone);
	commit(s, tip, "hook", a);
	sh("printf '#!/bin/sh\\necho the moon is wrong >&2\\nexit 1\\n' >r/hooks/pre-receive && "
	    "chmod +x r/hooks/pre-receive");
	err = git_source_push(s, tip, a, &f);
	check(err == ERR_REFUSED && strstr(f.text, "hook declined") != NULL && strstr(f.text, "moon is wrong") != NULL,
	    "%s tells why the hook refuses: %s", clone, fault_str(&f, err));
	sh("rm r/hooks/pre-receive; test $(git -C r rev-parse main) = %s", tip);
	sh("test -z \"$(git --git-dir=%s for-each-ref refs/certns-push)\"", clone);
	git_source_close(s);
}

static void
test_silence_ends_at_the_deadline(void **state)
{
	static const char *const forms[] = { "ssh://git@127.0.0.1:%u/r", "https://localhost:%u/r" };
	unsigned port = 0;
	int fd = silent_server(&port);
	char url[64];

	(void)state;
	check(fetch_once("clone-refused", &(struct git_remote_config){ .url = path_of("r") }, &(struct fault){ 0 }) == ERR_OK,
	    "a clone that has something, since the first fetch may take longer");
	for (size_t i = 0; i < 2; i++) {
		struct git_remote_config config = { .url = url, .deadline_s = 1 };
		int64_t start_ms = clock_mono_ms();

		snprintf(url, sizeof url, forms[i], port);
		refused("a silent server", &config, ERR_TIMEOUT, "1 s");
		check(clock_mono_ms() - start_ms < 3000, "%s is given up in time", url);
	}
	close(fd);
	snprintf(url, sizeof url, forms[1], port);
	refused("no ssh server", &(struct git_remote_config){ .url = "ssh://git@127.0.0.1:1/r" }, ERR_NETWORK,
	    "refused");
	refused("no such host", &(struct git_remote_config){ .url = "ssh://git@host.invalid/r" }, ERR_NETWORK,
	    "resolve");
	refused("nobody listens", &(struct git_remote_config){ .url = url }, ERR_NETWORK, "");
}

static void *
cancel_soon(void *source)
{
	struct timespec pause = { 0, 200 * 1000 * 1000 };

	nanosleep(&pause, NULL);
	git_source_cancel(source);
	return NULL;
}

static void
test_cancel(void **state)
{
	struct git_remote_config config = { .deadline_s = 60 };
	unsigned port = 0;
	int fd = silent_server(&port);
	struct git_source *s;
	struct fault f = { 0 };
	git_oid_text tip;
	pthread_t thread;
	char url[64];

	(void)state;
	snprintf(url, sizeof url, "ssh://git@127.0.0.1:%u/r", port);
	config.url = url;
	s = source_open("clone-cancel", &config);
	check(pthread_create(&thread, NULL, cancel_soon, s) == 0, "a thread starts");
	check(git_source_fetch(s, tip, &f) == ERR_CANCELLED, "a fetch is cancelled: %s", f.text);
	pthread_join(thread, NULL);
	git_source_close(s);
	close(fd);
}

/* The first child of a process; 0: none. */
static pid_t
child_of(pid_t pid)
{
	char path[64];
	int child = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if ((f = fopen(path, "re")) != NULL) {
		if (fscanf(f, "%d", &child) != 1)
			child = 0;
		fclose(f);
	}
	return (pid_t)child;
}

static bool
runs(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return false;
	if (fscanf(f, "%*d %*s %c", &state) != 1)
		state = 'Z';
	fclose(f);
	return state != 'Z';
}

static void
test_the_child_ends_with_its_parent(void **state)
{
	struct git_remote_config config = { .deadline_s = 60 };
	struct timespec pause = { 0, 20 * 1000 * 1000 };
	unsigned port = 0;
	int fd = silent_server(&port);
	pid_t parent, child = 0;
	char url[64];

	(void)state;
	snprintf(url, sizeof url, "https://localhost:%u/r", port);
	config.url = url;
	if ((parent = fork()) == 0) {
		fetch_once("clone-orphan", &config, &(struct fault){ 0 });
		_exit(0);
	}
	for (int i = 0; i < 250 && (child = child_of(parent)) == 0; i++)
		nanosleep(&pause, NULL);
	check(child != 0, "the child was started");
	nanosleep(&(struct timespec){ 0, 300 * 1000 * 1000 }, NULL);
	check(runs(child), "and waits for the server");
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	for (int i = 0; i < 250 && runs(child); i++)
		nanosleep(&pause, NULL);
	check(!runs(child), "it is gone with its parent");
	close(fd);
}

static bool
sshd_start(unsigned *port)
{
	struct passwd *me = getpwuid(geteuid());
	int fd;

	if (access("/usr/sbin/sshd", X_OK) != 0 || me == NULL || strstr(me->pw_shell, "nologin") != NULL)
		return false;
	fd = silent_server(port);
	close(fd);
	sh("ssh-keygen -q -t ed25519 -N '' -f host && ssh-keygen -q -t ecdsa -N '' -f host-ecdsa && "
	    "ssh-keygen -q -t ed25519 -N '' -f user && "
	    "ssh-keygen -q -t ed25519 -N '' -f other && ssh-keygen -q -t ed25519 -N secret -f locked && "
	    "cp user.pub authorized && ssh-keygen -lf host.pub | cut -d' ' -f2 >pin");
	sh("printf '%%s\\n' 'Port %u' 'ListenAddress 127.0.0.1' \"HostKey $PWD/host\" "
	    "\"HostKey $PWD/host-ecdsa\" 'PidFile none' 'UsePAM no' "
	    "'StrictModes no' 'PermitRootLogin yes' \"AuthorizedKeysFile $PWD/authorized\" >sshd_config", *port);
	sh("test $(id -u) != 0 || mkdir -p /run/sshd");
	sh("(/usr/sbin/sshd -D -e -f $PWD/sshd_config >sshd.log 2>&1 & echo $! >sshd.pid)");
	sh("for i in $(seq 100); do grep -q listening sshd.log && exit 0; sleep 0.05; done; cat sshd.log; exit 1");
	return true;
}

static void
test_ssh(void **state)
{
	char url[PATH_MAX + 128], key[PATH_MAX + 32], pin[128];
	const char *good[] = { "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", pin, NULL };
	const char *bad[] = { "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL };
	struct git_remote_config config = { .url = url, .ssh_key = key, .host_keys = good, .deadline_s = 20 };
	unsigned port = 0;

	(void)state;
	if (!sshd_start(&port))
		skip();
	line_of("pin", pin, sizeof pin);
	snprintf(url, sizeof url, "ssh://127.0.0.1:%u%s/r", port, place);
	snprintf(key, sizeof key, "%s/user", place);
	round_trip("clone-ssh", &config);

	config.host_keys = bad;
	refused("a key that is not pinned", &config, ERR_PEER, "ecdsa-sha2-nistp256 SHA256:");
	refused("and another", &config, ERR_PEER, " and ssh-ed25519 SHA256:");
	refused("and its fingerprint", &config, ERR_PEER, pin);
	sh("ssh-keygen -lf host-ecdsa.pub | cut -d' ' -f2 >pin-ecdsa");
	line_of("pin-ecdsa", pin, sizeof pin);
	config.host_keys = good;
	check(fetch_once("clone-ecdsa", &config, &(struct fault){ 0 }) == ERR_OK, "either key may be pinned");
	config.host_keys = NULL;
	refused("no pin, no known_hosts", &config, ERR_PEER, pin);
	sh("mkdir -p .ssh && echo \"[127.0.0.1]:%u $(cut -d' ' -f1,2 host.pub)\" >.ssh/known_hosts", port);
	check(fetch_once("clone-known", &config, &(struct fault){ 0 }) == ERR_OK, "known_hosts knows it");
	config.host_keys = bad;
	refused("a pin goes before known_hosts", &config, ERR_PEER, "not among host-keys");

	config.host_keys = good;
	snprintf(key, sizeof key, "%s/other", place);
	refused("a foreign key", &config, ERR_PEER, "does not accept the key");
	snprintf(key, sizeof key, "%s/absent", place);
	refused("no key file", &config, ERR_ACCESS, "absent");
	snprintf(key, sizeof key, "%s/locked", place);
	refused("a key with a passphrase", &config, ERR_PEER, "locked)");
	config.ssh_key = NULL;
	refused("no key at all", &config, ERR_PEER, "neither ssh-key nor an ssh agent");
	snprintf(key, sizeof key, "%s/user", place);
	config.ssh_key = key;
	snprintf(url, sizeof url, "ssh://127.0.0.1:%u%s/nowhere", port, place);
	refused("no such repository", &config, ERR_PEER, "nowhere");
}

static void
https_start(char *port, int size)
{
	sh("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=test authority' -keyout ca.key -out ca.pem && "
	    "openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout tls.key -out tls.csr && "
	    "printf 'subjectAltName=DNS:localhost\\n' >ext && "
	    "openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out tls.pem");
	sh("git -C r config http.receivepack true");
	sh("(python3 '%s' . tls.pem tls.key >https.port 2>https.log & echo $! >https.pid)", GIT_HTTPS);
	line_of("https.port", port, size);
}

static void
test_https(void **state)
{
	char url[128], port[16], ca[PATH_MAX + 32];
	struct git_remote_config config = { .url = url, .ca_file = ca, .deadline_s = 20 };

	(void)state;
	https_start(port, sizeof port);
	snprintf(url, sizeof url, "https://localhost:%s/r", port);
	snprintf(ca, sizeof ca, "%s/ca.pem", place);
	round_trip("clone-https", &config);

	snprintf(url, sizeof url, "https://localhost:%s/nowhere", port);
	refused("no such repository", &config, ERR_PEER, "404");
	snprintf(url, sizeof url, "https://localhost:%s/private/r", port);
	refused("a password is wanted", &config, ERR_PEER, "authentication required");
	snprintf(url, sizeof url, "https://user:hunter2@localhost:%s/private/r", port);
	refused("the password is wrong", &config, ERR_PEER, "https://*");
	snprintf(url, sizeof url, "https://localhost:%s/r", port);
	config.ca_file = NULL;
	refused("an authority we do not know", &config, ERR_PEER, "certificate");
	config.ca_file = ca;
	snprintf(url, sizeof url, "https://127.0.0.1:%s/r", port);
	refused("a certificate for another name", &config, ERR_PEER, "certificate");
	config.ca_file = "/nonexistent/ca.pem";
	check(fetch_once("clone-refused", &config, &(struct fault){ 0 }) != ERR_OK, "no such file of authorities");
}

static int
setup(void **state)
{
	int rc = place_make(state);

	if (rc == 0)
		repository_make();
	return rc;
}

static int
teardown(void **state)
{
	(void)try_sh("for p in sshd.pid https.pid; do test ! -s $p || kill $(cat $p); done");
	return place_remove(state);
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence_ends_at_the_deadline),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_the_child_ends_with_its_parent),
		cmocka_unit_test(test_ssh),
		cmocka_unit_test(test_https),
	};

	if (argc == 2 && strcmp(argv[1], GIT_CHILD_ARGUMENT) == 0)
		return git_child_main();
	return cmocka_run_group_tests(tests, setup, teardown);
}
