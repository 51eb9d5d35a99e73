/* Keys of the command line: --key, and --key-file with one NAME:ALGORITHM:BASE64 on a line. */
#include "server/config_schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define KEY_FILE_MAX (1u << 20)

static enum err
add_key(struct config *c, struct tsig_key *key, const char *where, struct fault *f)
{
	struct tsig_key **v;
	char name[DNAME_TEXT_MAX];

	for (size_t i = 0; i < c->nkeys; i++) {
		if (!dname_equal(c->keys[i]->name.octets, key->name.octets))
			continue;
		dname_print_host(key->name.octets, name);
		tsig_key_free(key);
		return fault_set(f, ERR_EXISTS, "%s: there is a key of the name %s already", where, name);
	}
	if ((v = realloc(c->keys, (c->nkeys + 2) * sizeof *v)) == NULL) {
		tsig_key_free(key);
		return ERR_NOMEM;
	}
	c->keys = v;
	c->keys[c->nkeys++] = key;
	return ERR_OK;
}

static enum err
add_text(struct config *c, const char *text, const char *where, struct fault *f)
{
	struct tsig_key *key;
	struct fault words = { 0 };
	enum err err = tsig_key_parse(text, &key, &words);

	if (err != ERR_OK)
		return fault_set(f, err, "%s: %s", where, fault_str(&words, err));
	return add_key(c, key, where, f);
}

/* One line, which is changed; blank ones and those that begin with # say nothing. */
static enum err
add_line(struct config *c, char *line, const char *path, unsigned number, struct fault *f)
{
	char where[300];
	size_t n;

	while (isspace((unsigned char)*line))
		line++;
	for (n = strlen(line); n > 0 && isspace((unsigned char)line[n - 1]); n--)
		line[n - 1] = '\0';
	snprintf(where, sizeof where, "%.250s:%u", path, number);
	return *line == '\0' || *line == '#' ? ERR_OK : add_text(c, line, where, f);
}

static enum err
add_file(struct config *c, const char *path, struct fault *f)
{
	struct buf text = { 0 };
	unsigned number = 1;
	struct stat st;
	enum err err;

	if (stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		log_warning("%s: the keys in it can be read by every user of this system", path);
	buf_reserve(&text, KEY_FILE_MAX + 1);		/* so that no copy is left behind as it grows */
	if ((err = file_read(path, KEY_FILE_MAX, &text, f)) == ERR_OK && buf_str(&text) == NULL)
		err = ERR_NOMEM;
	for (char *line = (char *)text.p, *end; err == ERR_OK && line != NULL; line = end, number++) {
		if ((end = strchr(line, '\n')) != NULL)
			*end++ = '\0';
		err = add_line(c, line, path, number, f);
	}
	buf_wipe(&text);
	return err;
}

enum err
config_add_keys(struct config *c, const struct config_arguments *arguments, struct fault *f)
{
	bool names_primary = false;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < arguments->nkey_files; i++)
		err = add_file(c, arguments->key_files[i], f);
	for (size_t i = 0; err == ERR_OK && i < arguments->nkeys; i++)
		err = add_text(c, arguments->keys[i], "--key", f);
	for (size_t i = 0; err == ERR_OK && i < c->nkeys; i++)
		names_primary |= c->keys[i]->has_primary;
	if (err == ERR_OK && c->secondary && !names_primary)
		return fault_set(f, ERR_FORMAT, "a secondary by its keys needs one whose name says where zones come "
		    "from, such as 192.0.2.1.192.0.2.2._transfer.example.com");
	return err;
}
