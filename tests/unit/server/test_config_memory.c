/* server/config*.c: every allocation in the reading of a whole file fails once.  (Those inside of libyaml do not.) */
#include <stdlib.h>

#include "server/config.h"
#include "tests/unit/check.h"
#include "tests/unit/zones/memory.h"

static const char text[] =
	"server: {listen: [127.0.0.1], workers: 1, control-socket: /tmp/s, source: [192.0.2.1], identity: a, "
	"dnstap: {sink: /tmp/log}}\n"
	"git: [{remote: '/tmp/x#b', path: p, host-keys: [SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA]}]\n"
	"zones: [{name: a, notify: [192.0.2.1], allow-transfer: [key k], check-servers: [192.0.2.1]}, {name: b}]\n"
	"zone-defaults: {notify: [192.0.2.2], allow-transfer: [key l], catalog-group: g, "
	"update-policy: [deny * zonesub], acme: [letsencrypt]}\n"
	"keys: [{name: k, algorithm: hmac-sha256, secret: YWJj}, {name: l, algorithm: hmac-sha1, secret: YWJj}]\n"
	"acme: {authorities: [{directory: letsencrypt, contact: ['mailto:a@b'], terms-agreed: yes, "
	"key-type: es384, eab: {kid: k, hmac: QUJD}}], labels: [_a]}\n";

static void
test_each_allocation_fails_once(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		struct config *c = NULL;
		struct fault f = { 0 };
		long before = memory_live();

		memory_fail_nth(n);
		enum err err = config_parse("x", text, sizeof text - 1, &c, &f);
		bool fired = memory_fail_left() <= 0;
		memory_fail_nth(0);
		if (fired)
			check(err == ERR_NOMEM && c == NULL, "allocation %ld is an error: %s", n, err_str(err));
		else
			check(err == ERR_OK && n > 20, "after %ld allocations it is read: %s", n, f.text);
		config_free(c);
		check(memory_live() == before, "allocation %ld leaves %ld behind", n, memory_live() - before);
		if (!fired)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_allocation_fails_once) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
