#include "tests/unit/acme/blame_words.h"

const char *
blame_word(enum acme_blame blame)
{
	switch (blame) {
	case BLAME_NONE:	return "none";
	case BLAME_HOST:	return "host";
	case BLAME_CA:		return "CA";
	case BLAME_LOCAL:	return "local";
	case BLAME_LIMIT:	return "limit";
	}
	return "?";
}

const char *
again_word(enum acme_again again)
{
	switch (again) {
	case AGAIN_SOON:	return "soon";
	case AGAIN_LATER:	return "later";
	case AGAIN_NEVER:	return "never";
	}
	return "?";
}
