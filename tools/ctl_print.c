/* Results for people.  Columns are aligned by the width that a terminal gives to each character. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/buf.h"
#include "tools/ctl.h"

#define GAP 2				/* blanks between columns */

/* Copy text without what could upset a terminal: names and words may come from the network. */
static void
add_clean(struct buf *out, const char *text, bool lines)
{
	mbstate_t state = { 0 };
	const char *end = text + strlen(text);

	while (text < end) {
		wchar_t wide;
		size_t n = mbrtowc(&wide, text, (size_t)(end - text), &state);

		if (n == 0 || n > (size_t)(end - text)) {		/* malformed, or another locale's */
			memset(&state, 0, sizeof state);
			n = 1;
			buf_printf(out, "\\x%02x", (unsigned char)*text);
		} else if (lines && (wide == L'\n' || wide == L'\t')) {
			buf_add(out, text, n);
		} else if (iswcntrl((wint_t)wide) || wcwidth(wide) < 0) {
			for (size_t i = 0; i < n; i++)
				buf_printf(out, "\\x%02x", (unsigned char)text[i]);
		} else {
			buf_add(out, text, n);
		}
		text += n;
	}
}

static int
text_width(const char *text)
{
	mbstate_t state = { 0 };
	int width = 0;

	while (*text != '\0') {
		wchar_t wide;
		size_t n = mbrtowc(&wide, text, strlen(text), &state);

		if (n == 0 || n > strlen(text)) {
			memset(&state, 0, sizeof state);
			n = 1;
			width++;
		} else {
			int w = wcwidth(wide);
			width += w > 0 ? w : 0;
		}
		text += n;
	}
	return width;
}

static void add_value(struct buf *out, const json_t *value);

static void
add_list(struct buf *out, const json_t *list)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) {
		buf_add_str(out, i > 0 ? ", " : "");
		add_value(out, item);
	}
}

/* One cell, or what follows "key:"; "-" where there is nothing. */
static void
add_value(struct buf *out, const json_t *value)
{
	size_t start = out->len;

	switch (json_typeof(value)) {
	case JSON_STRING:
		add_clean(out, json_string_value(value), false);
		break;
	case JSON_INTEGER:
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		buf_printf(out, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
		buf_add_str(out, "yes");
		break;
	case JSON_FALSE:
		buf_add_str(out, "no");
		break;
	case JSON_ARRAY:
		add_list(out, value);
		break;
	case JSON_OBJECT: {
		char *text = json_dumps(value, JSON_COMPACT);
		add_clean(out, text != NULL ? text : "", false);
		free(text);
		break;
	}
	case JSON_NULL:
		break;
	}
	if (out->len == start)
		buf_add_str(out, "-");
}

/* Tables. */

struct table {
	size_t rows, columns;
	char **cells;			/* row after row, the header first */
};

static void
table_clear(struct table *t)
{
	for (size_t i = 0; t->cells != NULL && i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
}

static char *
upper_text(const char *key)
{
	struct buf out = { 0 };

	add_clean(&out, key, false);
	for (size_t i = 0; i < out.len; i++)
		if (out.p[i] >= 'a' && out.p[i] <= 'z')
			out.p[i] = (uint8_t)(out.p[i] - 'a' + 'A');
	return buf_take(&out, NULL);
}

static char *
cell_text(const json_t *value)
{
	struct buf out = { 0 };

	if (value != NULL)
		add_value(&out, value);
	else
		buf_add_str(&out, "-");
	return buf_take(&out, NULL);
}

static bool
table_fill(struct table *t, const json_t *list)
{
	const json_t *first = json_array_get(list, 0);
	const char *key;
	json_t *value;
	size_t column = 0;

	t->columns = json_object_size(first);
	t->rows = json_array_size(list) + 1;
	if ((t->cells = calloc(t->rows * t->columns + 1, sizeof *t->cells)) == NULL)
		return false;
	json_object_foreach((json_t *)(uintptr_t)first, key, value) {
		if ((t->cells[column] = upper_text(key)) == NULL)
			return false;
		for (size_t row = 1; row < t->rows; row++) {
			char *text = cell_text(json_object_get(json_array_get(list, row - 1), key));
			if ((t->cells[row * t->columns + column] = text) == NULL)
				return false;
		}
		column++;
	}
	return true;
}

static void
table_print(struct buf *out, const struct table *t, unsigned indent, const int *widths)
{
	for (size_t row = 0; row < t->rows; row++) {
		buf_printf(out, "%*s", (int)indent, "");
		for (size_t column = 0; column < t->columns; column++) {
			const char *text = t->cells[row * t->columns + column];
			int pad = column + 1 < t->columns ? widths[column] - text_width(text) + GAP : 0;

			buf_add_str(out, text);
			buf_printf(out, "%*s", pad, "");
		}
		buf_add_str(out, "\n");
	}
}

static void
print_table(struct buf *out, const json_t *list, unsigned indent)
{
	struct table t = { 0 };
	int *widths = NULL;

	if (!table_fill(&t, list) || (widths = calloc(t.columns + 1, sizeof *widths)) == NULL) {
		out->failed = true;
	} else {
		for (size_t i = 0; i < t.rows * t.columns; i++) {
			int width = text_width(t.cells[i]);
			if (width > widths[i % t.columns])
				widths[i % t.columns] = width;
		}
		table_print(out, &t, indent, widths);
	}
	free(widths);
	table_clear(&t);
}

/* Lines. */

static bool
is_list_of_objects(const json_t *value)
{
	size_t i;
	json_t *item;

	json_array_foreach(value, i, item)
		if (!json_is_object(item))
			return false;
	return json_array_size(value) > 0;
}

/* Sentences take a line each; words stand side by side. */
static bool
is_list_of_sentences(const json_t *value)
{
	size_t i;
	json_t *item;

	json_array_foreach(value, i, item)
		if (!json_is_string(item) || strchr(json_string_value(item), ' ') == NULL)
			return false;
	return json_array_size(value) > 0;
}

static void
print_sentences(struct buf *out, const json_t *list, unsigned indent)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) {
		buf_printf(out, "%*s", (int)indent, "");
		add_value(out, item);
		buf_add_str(out, "\n");
	}
}

static void
print_lines(struct buf *out, const json_t *object, unsigned indent)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		buf_printf(out, "%*s", (int)indent, "");
		add_clean(out, key, false);
		if (json_is_object(value) && json_object_size(value) > 0) {
			buf_add_str(out, ":\n");
			print_lines(out, value, indent + 2);
		} else if (is_list_of_objects(value)) {
			buf_add_str(out, ":\n");
			print_table(out, value, indent + 2);
		} else if (is_list_of_sentences(value)) {
			buf_add_str(out, ":\n");
			print_sentences(out, value, indent + 2);
		} else {
			buf_add_str(out, ": ");
			add_value(out, value);
			buf_add_str(out, "\n");
		}
	}
}

static void
print_details(struct buf *out, const json_t *list)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item) {
		buf_add_str(out, i > 0 ? "\n" : "");
		print_lines(out, item, 0);
	}
}

static void
print_result(struct buf *out, const json_t *result, bool details)
{
	if (json_is_null(result)) {
		buf_add_str(out, "ok\n");
	} else if (json_is_object(result)) {
		print_lines(out, result, 0);
	} else if (json_is_array(result) && json_array_size(result) == 0) {
		buf_add_str(out, "none\n");
	} else if (is_list_of_objects(result)) {
		if (details)
			print_details(out, result);
		else
			print_table(out, result, 0);
	} else if (json_is_string(result)) {
		add_clean(out, json_string_value(result), true);
		if (out->len == 0 || out->p[out->len - 1] != '\n')
			buf_add_str(out, "\n");
	} else {
		add_value(out, result);
		buf_add_str(out, "\n");
	}
}

/* A value that is empty or ends in blanks leaves none behind at the end of a line. */
static void
write_lines(FILE *to, const struct buf *text)
{
	const char *p = (const char *)text->p, *end = p + text->len;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p)), *last = newline != NULL ? newline : end;

		while (last > p && last[-1] == ' ')
			last--;
		fwrite(p, 1, (size_t)(last - p), to);
		putc('\n', to);
		p = newline != NULL ? newline + 1 : end;
	}
}

bool
ctl_print(FILE *to, const json_t *result, bool details)
{
	struct buf out = { 0 };

	setlocale(LC_CTYPE, "C.UTF-8");		/* JSON is UTF-8, whatever the user's locale */
	print_result(&out, result, details);
	bool good = !out.failed;
	if (good)
		write_lines(to, &out);
	else
		fputs("certnsctl: out of memory\n", stderr);
	buf_clear(&out);
	return good;
}
