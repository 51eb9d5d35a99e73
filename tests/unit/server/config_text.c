#include "tests/unit/server/config_text.h"

struct config *
config_of(const char *text)
{
	struct config *c = NULL;
	struct fault f = { 0 };
	enum err err = config_parse("x", text, strlen(text), &c, &f);

	check(err == ERR_OK, "this is read: %s", f.text);
	return c;
}

void
check_bad_configs(const struct bad_config *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct config *c = NULL;
		struct fault f = { 0 };
		enum err err = config_parse("x", rows[i].text, strlen(rows[i].text), &c, &f);

		check(err != ERR_OK && c == NULL, "%s is an error", rows[i].why);
		if (rows[i].error != NULL)
			check(strcmp(f.text, rows[i].error) == 0, "%s:\n  wanted: %s\n  said:   %s",
			    rows[i].why, rows[i].error, f.text);
		else
			check(strncmp(f.text, "x:2:", 4) == 0, "%s names line 2: %s", rows[i].why, f.text);
	}
}
