/* tools/fetch_config.c and fetch_settings.c: every allocation in the reading of a file fails once.  (Those inside of
 * libyaml do not.) */
#include <stdlib.h>

#include "tests/unit/check.h"
#include "tests/unit/zones/memory.h"
#include "tools/fetch.h"

static const char text[] =
	"server: 192.0.2.1\nresolver: 192.0.2.2\nhook: 'true'\nverify: /etc/root.pem\nowner: root\n"
	"hosts:\n  - a.example\n  - {name: '*.b.example', names: [c.example, d.example], "
	"verify: /etc/other.pem, hook: 'false'}\n";

static void
test_each_allocation_fails_once(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		struct fetch_config c;
		struct fault f = { 0 };
		long before = memory_live();

		memory_fail_nth(n);
		enum err err = fetch_config_parse("x", text, sizeof text - 1, &c, &f);
		bool fired = memory_fail_left() <= 0;
		memory_fail_nth(0);
		if (fired)
			check(err == ERR_NOMEM, "allocation %ld is an error: %s %s", n, err_str(err), f.text);
		else
			check(err == ERR_OK && n > 20, "after %ld allocations it is read: %s", n, f.text);
		fetch_config_clear(&c);
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
