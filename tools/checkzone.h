/* tools/checkzone.h -- shared by the files of certns-checkzone. */
#ifndef TOOLS_CHECKZONE_H
#define TOOLS_CHECKZONE_H

#include <stdbool.h>
#include <stdio.h>

#include "zones/review.h"

enum { EXIT_SOUND = 0, EXIT_UNSOUND = 1, EXIT_USAGE = 2 };

struct arguments {
	const char *repository, *base, *path, *signers, *revoked;	/* NULL: not given */
	enum serial_policy policy;
	bool quiet, print, strict, json, all;
	char **operands;
	int noperands;
};

int check_repository(const struct arguments *a);

/* At most so many changes of a zone are listed, unless all are wanted. */
#define CHANGES_LISTED 1000

void report_text(FILE *to, const struct review *r, bool all);
void report_json(FILE *to, const struct review *r, bool sound, bool all);

#endif
