/* server: dnstap: where records of queries and answers go, and which. */
#include <config.h>

#include "server/config_schema.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/dnstap_sink.h"

#define VERSION_TEXT "certnsd " PACKAGE_VERSION

/* Absolute, so that it does not matter where the server was started. */
static bool
valid_sink(const char *text)
{
	const size_t prefix = strlen(DNSTAP_SOCKET_PREFIX);

	if (strncmp(text, DNSTAP_SOCKET_PREFIX, prefix) == 0)
		return text[prefix] == '/' && strlen(text + prefix) < sizeof ((struct sockaddr_un *)NULL)->sun_path;
	return text[0] == '/' && text[strlen(text) - 1] != '/' && strlen(text) < PATH_MAX;
}

static bool
valid_text(const char *text)
{
	return *text != '\0' && strlen(text) <= 255;
}

static const struct option dnstap_options[] = {
	{ "sink", OPTION_TEXT, AT(config_dnstap, sink), .needed = true, .valid = valid_sink,
	    .expected = "unix:/SOCKET (of at most 107 octets) or /FILE" },
	{ "identity", OPTION_TEXT, AT(config_dnstap, identity), .valid = valid_text,
	    .expected = "a text of 1 to 255 octets" },
	{ "version", OPTION_TEXT, AT(config_dnstap, version), .valid = valid_text,
	    .expected = "a text of 1 to 255 octets" },
	{ "queries", OPTION_YESNO, AT(config_dnstap, queries), .fallback = "yes" },
	{ "responses", OPTION_YESNO, AT(config_dnstap, responses), .fallback = "yes" },
	{ "updates", OPTION_YESNO, AT(config_dnstap, updates), .fallback = "yes" },
};
const struct section config_dnstap_section = {
	.what = "dnstap", .options = dnstap_options, .noptions = COUNT(dnstap_options),
	.size = sizeof(struct config_dnstap),
};

/* What is written of *own: its text, or otherwise if there is none; "none": nothing. */
static enum err
settle(char **own, const char *otherwise)
{
	if (*own == NULL && (*own = strdup(otherwise)) == NULL)
		return ERR_NOMEM;
	if (strcmp(*own, "none") == 0) {
		free(*own);
		*own = NULL;
	}
	return ERR_OK;
}

enum err
config_dnstap_complete(struct config *c)
{
	bool is_named = c->identity != NULL && strcmp(c->identity, "none") != 0;
	char host[256] = "";
	enum err err;

	if (c->dnstap.sink == NULL)
		return ERR_OK;
	if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
		strcpy(host, "none");
	err = settle(&c->dnstap.identity, is_named ? c->identity : host);
	return err == ERR_OK ? settle(&c->dnstap.version, c->version != NULL ? c->version : VERSION_TEXT) : err;
}

void
config_dnstap_clear(struct config_dnstap *c)
{
	free(c->sink);
	free(c->identity);
	free(c->version);
}
