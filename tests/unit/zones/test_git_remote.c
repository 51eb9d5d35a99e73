/* Remotes over a network: ssh with a real sshd, https with git http-backend, and servers that never answer. */
#include <arpa/inet.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
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
	for (int i = 0; i < 5000; i++) {
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
	check(fetch_once("clone-refused", &(struct git_remote_config){ .url = path_of("r") },
	    &(struct fault){ 0 }) == ERR_OK, "a clone that has something, since the first fetch may take longer");
	for (size_t i = 0; i < 2; i++) {
		struct git_remote_config config = { .url = url, .deadline_s = 1 };
		int64_t start_ms = clock_mono_ms();

		snprintf(url, sizeof url, forms[i], port);
		refused("a silent server", &config, ERR_TIMEOUT, "1 s");
		check(clock_mono_ms() - start_ms < 20000, "%s is given up in time", url);
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
	for (int i = 0; i < 5000 && (child = child_of(parent)) == 0; i++)
		nanosleep(&pause, NULL);
	check(child != 0, "the child was started");
	nanosleep(&(struct timespec){ 0, 300 * 1000 * 1000 }, NULL);
	check(runs(child), "and waits for the server");
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	for (int i = 0; i < 5000 && runs(child); i++)
		nanosleep(&pause, NULL);
	check(!runs(child), "it is gone with its parent");
	close(fd);
}

static void
sshd_start(unsigned *port)
{
	struct passwd *me = getpwuid(geteuid());
	int fd;

	check(access("/usr/sbin/sshd", X_OK) == 0, "there is an sshd (Debian's openssh-server)");
	check(me != NULL && strstr(me->pw_shell, "nologin") == NULL, "the user who runs the tests has a shell for sshd "
	    "to start");
	fd = silent_server(port);
	close(fd);
	sh("ssh-keygen -q -t ed25519 -N '' -f host && ssh-keygen -q -t ecdsa -N '' -f host-ecdsa && "
	    "ssh-keygen -q -t ed25519 -N '' -f user && "
	    "ssh-keygen -q -t ed25519 -N '' -f other && ssh-keygen -q -t ed25519 -N secret -f locked && "
	    "echo %u >sshd.port && cp user.pub authorized && ssh-keygen -lf host.pub | cut -d' ' -f2 >pin", *port);
	sh("printf '%%s\\n' 'Port %u' 'ListenAddress 127.0.0.1' \"HostKey $PWD/host\" "
	    "\"HostKey $PWD/host-ecdsa\" 'PidFile none' 'UsePAM no' "
	    "'StrictModes no' 'PermitRootLogin yes' \"AuthorizedKeysFile $PWD/authorized\" >sshd_config", *port);
	sh("test $(id -u) != 0 || mkdir -p /run/sshd");
	sh("(/usr/sbin/sshd -D -e -f $PWD/sshd_config >sshd.log 2>&1 & echo $! >sshd.pid)");
	sh("for i in $(seq 100); do grep -q listening sshd.log && exit 0; sleep 0.05; done; cat sshd.log; exit 1");
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
	sshd_start(&port);
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

/* --- who we are for https --- */

static const struct {
	const char *why, *user;		/* in the URL, with its '@' */
	const char *file;		/* what credentials-file holds; HOST is the server */
	const char *helper;
	enum err err;			/* ERR_OK: fetched */
	const char *words;
} passwords[] = {
	{ "the right password", "", "https://user:right%20%25%3a%40secret@HOST\n", NULL, ERR_OK, NULL },
	{ "among others", "",
	    "# ours\n\nhttps://u:p@other.example\nhttps://user:right%20%25%3A%40secret@HOST/some/path\n", NULL,
	    ERR_OK, NULL },
	{ "of the user of the URL", "user@", "https://admin:no@HOST\nhttps://user:right%20%25%3a%40secret@HOST\n", NULL,
	    ERR_OK, NULL },
	{ "the first line that fits", "", "https://admin:no@HOST\nhttps://user:right%20%25%3a%40secret@HOST\n", NULL,
	    ERR_PEER, "does not accept the password of user admin from" },
	{ "a wrong password", "", "https://user:wrong@HOST\n", NULL, ERR_PEER,
	    "does not accept the password of user user from" },
	{ "no line for the host", "", "https://user:right@other.example\n", NULL, ERR_NOT_FOUND,
	    "no line for https://localhost:" },
	{ "no line for the port", "", "https://user:right@localhost\n", NULL, ERR_NOT_FOUND,
	    "no line for https://localhost:" },
	{ "a line that is none", "", "https://a:b@c\nuser:right@HOST\n", NULL, ERR_FORMAT,
	    ":2: expected https://USER:PASSWORD@HOST" },
	{ "a line without a password", "", "https://user@HOST\n", NULL, ERR_FORMAT, ":1: expected" },
	{ "a bad escape", "", "https://user:%4@HOST\n", NULL, ERR_FORMAT, ":1: expected" },
	{ "a zero", "", "https://user:a%00b@HOST\n", NULL, ERR_FORMAT, ":1: expected" },
	{ "a helper", "", NULL, "!f() { echo username=user; echo 'password=right %:@secret'; }; f", ERR_OK, NULL },
	{ "a helper that keeps the user", "user@", NULL, "!f() { cat >asked; echo 'password=right %:@secret'; }; f",
	    ERR_OK, NULL },
	{ "one of git's own", "", NULL, "store --file=stored", ERR_OK, NULL },
	{ "a path", "", NULL, "PLACE/helper", ERR_OK, NULL },
	{ "a helper that is wrong", "", NULL, "!f() { cat >asked.$1; echo username=user; echo password=wrong; }; f",
	    ERR_PEER, "does not accept the password of user user from the credential helper" },
	{ "a helper without a password", "", NULL, "!f() { echo username=user; }; f", ERR_NOT_FOUND,
	    "gives no password" },
	{ "a helper without a user", "", NULL, "!f() { echo password=x; }; f", ERR_NOT_FOUND, "names no user" },
	{ "a helper that fails", "", NULL, "!exit 7;", ERR_PEER, "the credential helper failed (exit status 7)" },
	{ "a helper that is not there", "", NULL, "/nonexistent/helper", ERR_PEER,
	    "the credential helper failed (exit status 127)" },
	{ "a helper that sleeps", "", NULL, "!sleep 60;", ERR_TIMEOUT, "2 s" },
	{ "neither", "", NULL, NULL, ERR_PEER, "neither credentials-file nor credential-helper" },
};

/* HOST and PLACE in text. */
static void
fill_in(const char *text, const char *host, char *out, size_t size)
{
	struct buf b = { 0 };

	for (const char *p = text; *p != '\0'; p++) {
		if (strncmp(p, "HOST", 4) == 0)
			buf_add_str(&b, host), p += 3;
		else if (strncmp(p, "PLACE", 5) == 0)
			buf_add_str(&b, place), p += 4;
		else
			buf_u8(&b, (uint8_t)*p);
	}
	snprintf(out, size, "%s", buf_str(&b));
	buf_clear(&b);
}

static void
test_passwords(void **state)
{
	char url[128], host[64], port[16], ca[PATH_MAX + 32], file[PATH_MAX + 32], text[1024], helper[PATH_MAX + 256];

	(void)state;
	line_of("https.port", port, sizeof port);
	snprintf(host, sizeof host, "localhost:%s", port);
	snprintf(ca, sizeof ca, "%s/ca.pem", place);
	snprintf(file, sizeof file, "%s/passwords", place);
	fill_in("https://user:right%20%25%3a%40secret@HOST\n", host, text, sizeof text);
	sh("printf '%%s' '%s' >stored && chmod 600 stored; git config --global x.y z; "
	    "printf '#!/bin/sh\necho username=user\necho \"password=right %%%%:@secret\"\n' >helper && chmod +x helper",
	    text);
	for (size_t i = 0; i < sizeof passwords / sizeof *passwords; i++) {
		struct git_remote_config config = { .url = url, .ca_file = ca,
		    .deadline_s = passwords[i].err == ERR_TIMEOUT ? 2 : 30 };
		struct fault f;
		enum err err;

		snprintf(url, sizeof url, "https://%s%s/private/r", passwords[i].user, host);
		if (passwords[i].file != NULL) {
			fill_in(passwords[i].file, host, text, sizeof text);
			check(file_write(file, text, strlen(text), 0600, NULL) == ERR_OK, "the file is written");
			config.credentials_file = file;
		}
		if (passwords[i].helper != NULL) {
			fill_in(passwords[i].helper, host, helper, sizeof helper);
			config.credential_helper = helper;
		}
		check(chdir(place) == 0, "helpers run there");
		err = fetch_once("clone-password", &config, &f);
		check(err == passwords[i].err && (passwords[i].words == NULL ||
		    strstr(f.text, passwords[i].words) != NULL), "%s: wanted '%s' and \"%s\", got '%s' and \"%s\"",
		    passwords[i].why, err_str(passwords[i].err), passwords[i].words == NULL ? "" : passwords[i].words,
		    err_str(err), f.text);
		check(strstr(f.text, "right") == NULL && strstr(f.text, "wrong") == NULL, "%s: no password is shown",
		    passwords[i].why);
	}
	sh("grep -q '^host=%s$' asked && grep -q '^username=user$' asked && grep -q '^protocol=https$' asked.get",
	    host);
	sh("grep -q '^password=wrong$' asked.erase");
	check(chmod(file, 0640) == 0, "others may read it");
	snprintf(url, sizeof url, "https://%s/private/r", host);
	refused("a file that others may read", &(struct git_remote_config){ .url = url, .ca_file = ca,
	    .credentials_file = file,
	    .deadline_s = 30 }, ERR_ACCESS, "mode 0640");
	check(chmod(file, 0600) == 0 && file_write(file, text, 0, 0600, NULL) == ERR_OK, "the file is empty");
	refused("an empty file", &(struct git_remote_config){ .url = url, .ca_file = ca, .credentials_file = file,
	    .deadline_s = 30 }, ERR_NOT_FOUND, "no line for");
	snprintf(file, sizeof file, "%s/stored", place);
	round_trip("clone-stored", &(struct git_remote_config){ .url = url, .ca_file = ca, .credentials_file = file,
	    .deadline_s = 30 });
}

/* --- known_hosts --- */

static const struct {
	const char *why, *line;		/* PORT, KEY (ed25519), OTHER (a key that is not the server's), HASHED */
	enum err err;
	const char *words;
} hosts[] = {
	{ "patterns", "*.example.org,!192.0.2.*,[127.0.0.?]:PORT KEY", ERR_OK, NULL },
	{ "the host with its port", "[127.0.0.1]:PORT KEY", ERR_OK, NULL },
	{ "several names", "git.example.org,[127.0.0.1]:PORT KEY", ERR_OK, NULL },
	{ "a hashed name", "HASHED", ERR_OK, NULL },
	{ "after other lines", "# mine\n\nother.example KEY\n[127.0.0.1]:PORT KEY a comment", ERR_OK, NULL },
	{ "the ecdsa key", "[127.0.0.1]:PORT ECDSA", ERR_OK, NULL },
	{ "another key: it was changed", "[127.0.0.1]:PORT OTHER", ERR_PEER, "known_hosts has another key of it" },
	{ "a hashed name with another key", "HASHOTHER", ERR_PEER, "known_hosts has another key of it" },
	{ "another host", "192.0.2.1 KEY", ERR_PEER, "which known_hosts does not have" },
	{ "another port", "[127.0.0.1]:1 KEY", ERR_PEER, "which known_hosts does not have" },
	{ "no line at all", "", ERR_PEER, "which known_hosts does not have" },
	{ "a revoked key", "@revoked [127.0.0.1]:PORT KEY\n[127.0.0.1]:PORT KEY", ERR_PEER,
	    "known_hosts marks as revoked" },
	{ "a revoked key, for any host", "[127.0.0.1]:PORT KEY\n@revoked * KEY", ERR_PEER,
	    "known_hosts marks as revoked" },
	{ "another revoked key", "@revoked * OTHER\n[127.0.0.1]:PORT KEY", ERR_OK, NULL },
};

/* KEY, OTHER and ECDSA become the keys; names are hashed as ssh-keygen -H does it. */
static void
known_hosts_write(const char *line, unsigned port)
{
	bool hashed = strncmp(line, "HASH", 4) == 0;

	if (hashed)
		line = strcmp(line, "HASHED") == 0 ? "[127.0.0.1]:PORT KEY" : "[127.0.0.1]:PORT OTHER";
	sh("mkdir -p .ssh; printf '%s\n' | sed \"s|PORT|%u|;s|KEY|$(cut -d' ' -f1,2 host.pub)|;s|OTHER|$(cut -d' ' "
	    "-f1,2 other.pub)|;s|ECDSA|$(cut -d' ' -f1,2 host-ecdsa.pub)|\" >.ssh/known_hosts; %s", line, port,
	    hashed ? "ssh-keygen -q -H -f .ssh/known_hosts 2>/dev/null" : "true");
}

static void
test_known_hosts(void **state)
{
	char url[PATH_MAX + 128], key[PATH_MAX + 32], line[32];
	struct git_remote_config config = { .url = url, .ssh_key = key, .deadline_s = 20 };
	unsigned port = 0;

	(void)state;
	check(try_sh("test -s sshd.pid") == 0, "an sshd runs here");
	line_of("sshd.port", line, sizeof line);
	port = (unsigned)atoi(line);
	snprintf(url, sizeof url, "ssh://127.0.0.1:%u%s/r", port, place);
	snprintf(key, sizeof key, "%s/user", place);
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		struct fault f;
		enum err err;

		known_hosts_write(hosts[i].line, port);
		err = fetch_once("clone-hosts", &config, &f);
		check(err == hosts[i].err && (hosts[i].words == NULL || strstr(f.text, hosts[i].words) != NULL),
		    "%s: wanted '%s' and \"%s\", got '%s' and \"%s\"", hosts[i].why, err_str(hosts[i].err),
		    hosts[i].words == NULL ? "" : hosts[i].words, err_str(err), f.text);
		check(err == ERR_OK || strstr(f.text, "SHA256:") != NULL, "%s: the key is shown: %s", hosts[i].why,
		    f.text);
	}
	sh("rm .ssh/known_hosts");
	refused("no known_hosts", &config, ERR_PEER, "which known_hosts does not have");
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
		cmocka_unit_test(test_known_hosts),
		cmocka_unit_test(test_https),
		cmocka_unit_test(test_passwords),
	};

	if (argc == 2 && strcmp(argv[1], GIT_CHILD_ARGUMENT) == 0)
		return git_child_main();
	return cmocka_run_group_tests(tests, place_make_with_repository, teardown);
}
