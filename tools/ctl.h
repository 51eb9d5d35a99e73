/* tools/ctl.h -- the parts of certnsctl(8). */
#ifndef TOOLS_CTL_H
#define TOOLS_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

/* Exit statuses. */
#define CTL_FAILED 1
#define CTL_USAGE 2
#define CTL_NO_SERVER 3

/* Ask the server at socket.  ERR_OK: *result is the caller's.  ERR_REFUSED: the server's words are in f.
 * ERR_NOT_FOUND: nobody answers there.  Others: the connection broke, or took too long. */
enum err ctl_call(const char *socket, const char *command, char *const *arguments, size_t n, json_t **result,
    struct fault *f);

/* Print a result for people: an object as "key: value" lines, a list of objects as an aligned table (or, with details,
 * each as lines), a text as it is, null as "ok".  What could upset a terminal is escaped.  False: no memory. */
bool ctl_print(FILE *to, const json_t *result, bool details);

/* Make a key and print it in every form that somebody may need, or as JSON.  Returns the exit status. */
int ctl_keygen(FILE *to, const char *name, const char *algorithm, bool as_json);

#endif
