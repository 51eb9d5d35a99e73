/* acme: the proxy, and its password. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/url.h"
#include "server/config_schema.h"

#define CREDENTIALS_MAX 4096

bool
config_valid_proxy(const char *text)
{
	static const char *const schemes[] = { "http", "https", "socks5", "socks5h" };
	struct url url;

	if (url_split(text, strlen(text), &url))
		for (size_t i = 0; i < COUNT(schemes); i++)
			if (url_has_scheme(&url, schemes[i]))
				return true;
	return false;
}

/* "user:password" on one line, which is never shown. */
static enum err
read_credentials(struct config_reader *r, const yaml_node_t *node, const char *path, char **out)
{
	struct buf text = { 0 };
	struct fault f = { 0 };
	const char *s;
	struct stat st;
	enum err err;

	if (stat(path, &st) != 0)
		return config_fault(r, node, err_from_errno(errno), "%s: %s", path, strerror(errno));
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return config_fault(r, node, ERR_ACCESS, "%s: others may read this password (mode %04o): chmod 600 it",
		    path, (unsigned)st.st_mode & 07777);
	buf_reserve(&text, CREDENTIALS_MAX + 32768);	/* so that no copy is left behind as it grows */
	err = file_read(path, CREDENTIALS_MAX, &text, &f);
	while (text.len > 0 && strchr("\r\n", text.p[text.len - 1]) != NULL)
		text.len--;
	s = buf_str(&text);
	if (err != ERR_OK)
		config_fault(r, node, err, "%s", f.text);
	else if (s == NULL)
		err = ERR_NOMEM;
	else if (strlen(s) != text.len || strpbrk(s, "\r\n") != NULL || strchr(s, ':') == NULL || *s == ':')
		err = config_fault(r, node, ERR_FORMAT, "expected a file with one line USER:PASSWORD");
	else if ((*out = strdup(s)) == NULL)
		err = ERR_NOMEM;
	buf_wipe(&text);
	return err;
}

enum err
config_check_proxy(struct config_reader *r, const yaml_node_t *node, struct config_acme *c)
{
	const yaml_node_t *credentials = config_value(r, node, "proxy-credentials-file");
	const yaml_node_t *trust = config_value(r, node, "proxy-ca-certificates");
	struct url url;

	if (c->proxy == NULL && (credentials != NULL || trust != NULL))
		return config_fault(r, credentials != NULL ? credentials : trust, ERR_FORMAT,
		    "%s is of no use without proxy",
		    credentials != NULL ? "proxy-credentials-file" : "proxy-ca-certificates");
	if (credentials == NULL)
		return ERR_OK;
	if (url_split(c->proxy, strlen(c->proxy), &url) && url.user.p != NULL)
		return config_fault(r, credentials, ERR_FORMAT,
		    "expected either a user in the URL of the proxy or proxy-credentials-file, found both");
	return read_credentials(r, credentials, c->proxy_credentials_file, &c->proxy_credentials);
}

void
config_proxy_clear(struct config_acme *c)
{
	free(c->proxy);
	free(c->proxy_certificates);
	free(c->proxy_credentials_file);
	if (c->proxy_credentials != NULL)
		explicit_bzero(c->proxy_credentials, strlen(c->proxy_credentials));
	free(c->proxy_credentials);
}
