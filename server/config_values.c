/* Values that are scalars, and items of lists that are texts: the kinds of config_schema.h that stand in one place. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config_schema.h"
#include "wire/dname.h"

/* What stands in a name otherwise is served as the octets that are there, which nobody asks for. */
static bool
is_ascii(const char *text)
{
	while ((unsigned char)*text < 0x80 && *text != '\0')
		text++;
	return *text == '\0';
}

/* What a scalar of each kind is called when something else stands there. */
const char *
config_kind_words(const struct option *o)
{
	if (o->expected != NULL)
		return o->expected;
	switch (o->kind) {
	case OPTION_YESNO:	return "yes or no";
	case OPTION_NUMBER:	return "a number";
	case OPTION_DURATION:	return "a duration such as 30s, 5m or 1h";
	case OPTION_SIZE:	return "a size such as 500K, 100M or 2G";
	case OPTION_FILE:	return "the name of a file";
	case OPTION_NAME:	return "a domain name";
	case OPTION_ADDRESSES:	return o->max == 0 ? "ADDRESS" : "ADDRESS[@PORT]";
	case OPTION_ACCESS:	return "ADDRESS, ADDRESS/BITS, key NAME, or ADDRESS key NAME";
	default:		return "a text";
	}
}

/* Scalars.  text is what stands in the file, or the table's default (then node is NULL: it is right). */

static bool
parse_yesno(const char *text, bool *out)
{
	bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
	bool no = strcmp(text, "no") == 0 || strcmp(text, "false") == 0;

	*out = yes;
	return yes || no;
}

/* Digits with an upper bound that no caller's range exceeds; *end is what follows them. */
static bool
parse_digits(const char *text, const char **end, uint64_t *out)
{
	uint64_t v = 0;

	for (*end = text; **end >= '0' && **end <= '9'; ++*end)
		if ((v = v * 10 + (uint64_t)(**end - '0')) > UINT32_MAX)
			return false;
	*out = v;
	return *end > text;
}

static bool
parse_duration(const char *text, uint64_t *out)
{
	static const struct { char unit; unsigned seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 },
	};
	uint64_t number, sum = 0;
	unsigned last = UINT32_MAX;

	if (!parse_digits(text, &text, &number))
		return false;
	if (*text == '\0') {				/* without a unit: seconds */
		*out = number;
		return true;
	}
	for (;;) {
		unsigned seconds = 0;

		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (*text == units[i].unit)
				seconds = units[i].seconds;
		if (seconds == 0 || seconds >= last)	/* the larger unit comes first: 1h30m */
			return false;
		sum += number * seconds;
		last = seconds;
		if (*++text == '\0')
			break;
		if (!parse_digits(text, &text, &number))
			return false;
	}
	*out = sum;
	return true;
}

static enum err
read_quantity(struct config_reader *r, const struct option *o, const yaml_node_t *node, const char *text,
    unsigned *out)
{
	const char *end;
	uint64_t v;
	bool duration = o->kind == OPTION_DURATION;
	bool good = duration ? parse_duration(text, &v) : parse_digits(text, &end, &v) && *end == '\0';
	char what[120];

	if (!good || v < o->min || v > o->max) {
		snprintf(what, sizeof what, duration ? "a duration from %us to %us, such as 30s, 5m or 1h" :
		    "a number from %u to %u", o->min, o->max);
		return config_expected(r, node, what);
	}
	*out = (unsigned)v;
	return ERR_OK;
}

static enum err
read_size(struct config_reader *r, const struct option *o, const yaml_node_t *node, const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	const char *end, *unit;
	uint64_t v;
	bool good = parse_digits(text, &end, &v);

	if (good && *end != '\0' && (unit = strchr(units, *end)) != NULL && end[1] == '\0')
		v <<= 10 * (unit - units + 1);
	else
		good = good && *end == '\0';
	if (!good || v < (uint64_t)o->min << 10 || v > (uint64_t)o->max << 10)
		return config_expected(r, node, config_kind_words(o));
	*out = v;
	return ERR_OK;
}

static enum err
read_choice(struct config_reader *r, const struct option *o, const yaml_node_t *node, const char *text, int *out)
{
	char what[200] = "";

	for (int i = 0; o->choices[i] != NULL; i++) {
		size_t n = strlen(what);

		if (strcmp(o->choices[i], text) == 0) {
			*out = i;
			return ERR_OK;
		}
		snprintf(what + n, sizeof what - n, "%s%s", i == 0 ? "" : o->choices[i + 1] == NULL ? " or " : ", ",
		    o->choices[i]);
	}
	return config_expected(r, node, what);
}

enum err
config_copy_text(struct config_reader *r, const struct option *o, const yaml_node_t *node, const char *text, char **out)
{
	if (o->valid != NULL ? !o->valid(text) : *text == '\0') {
		if (o->kind == OPTION_SECRET)
			return config_fault(r, node, ERR_FORMAT, "expected %s", config_kind_words(o));
		return config_expected(r, node, config_kind_words(o));
	}
	*out = strdup(text);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

enum err
config_check_file(struct config_reader *r, const yaml_node_t *node, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);	/* nor wait for a pipe's other end */

	if (fd < 0)
		return config_fault(r, node, ERR_NOT_FOUND, "expected a file that can be read, found '%.200s': %m",
		    path);
	int failed = fstat(fd, &st);
	close(fd);
	if (failed != 0 || !S_ISREG(st.st_mode))
		return config_fault(r, node, ERR_FORMAT, "expected a file, found '%.200s', which is none", path);
	return ERR_OK;
}

enum err
config_read_scalar(struct config_reader *r, const struct option *o, const yaml_node_t *node, const char *text, void *to)
{
	enum err err;

	switch (o->kind) {
	case OPTION_YESNO:
		return parse_yesno(text, to) ? ERR_OK : config_expected(r, node, config_kind_words(o));
	case OPTION_NUMBER:
	case OPTION_DURATION:
		return read_quantity(r, o, node, text, to);
	case OPTION_SIZE:
		return read_size(r, o, node, text, to);
	case OPTION_CHOICE:
		return read_choice(r, o, node, text, to);
	case OPTION_NAME:
		if (!is_ascii(text))
			return config_expected(r, node, "a domain name in ASCII, as xn--... if it is internationalized");
		return dname_from_str(text, to) == ERR_OK ? ERR_OK : config_expected(r, node, config_kind_words(o));
	case OPTION_FILE:
		if ((err = config_check_file(r, node, text)) != ERR_OK)
			return err;
		/* fallthrough */
	default:
		return config_copy_text(r, o, node, text, to);
	}
}
