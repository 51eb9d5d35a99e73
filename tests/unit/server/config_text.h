/* tests/unit/server/config_text.h -- configurations that tests write down. */
#ifndef TESTS_UNIT_SERVER_CONFIG_TEXT_H
#define TESTS_UNIT_SERVER_CONFIG_TEXT_H

#include "server/config.h"
#include "server/config_schema.h"
#include "tests/unit/check.h"

/* Which must be good; the caller's to free. */
struct config *config_of(const char *text);

/* Each error names the place of the value (or of the key, where the key is what is wrong); NULL: of line 2, in
 * libyaml's words. */
struct bad_config {
	const char *why, *text, *error;
};
void check_bad_configs(const struct bad_config *rows, size_t n);

#endif
