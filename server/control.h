/* server/control.h -- the control socket: one JSON request per connection line, one JSON reply.
 *
 *   {"command":"zones","arguments":["example.com"]}
 *   {"ok":true,"result":...}   or   {"ok":false,"error":"words"}
 *
 * Arguments may be left out.  A connection may send one request after the other; replies come in that order.
 * A request has at most 64 KiB.  The process must ignore SIGPIPE.
 *
 * The socket has mode 0600 (its file's owner is the server's user).  It runs on the main thread; handlers that need the
 * keeper answer later through control_reply(). */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

struct event_base;
struct control;
struct control_call;			/* one request that waits for its reply */

/* A socket at path that nobody answers at is replaced.  handle() must see to it that control_reply() is called exactly
 * once for each call, in the same thread, now or later; command and arguments (texts only) live until then.
 * ERR_BUSY: another server answers at path; ERR_EXISTS: what is there is no socket. */
enum err control_new(struct event_base *base, const char *path,
    void (*handle)(void *ctx, struct control_call *call, const char *command, const json_t *arguments), void *ctx,
    struct control **out, struct fault *f);

/* result is taken over (NULL: null); or error has words.  The client may have gone meanwhile, and control_free() may
 * have been called: no harm. */
void control_reply(struct control_call *call, json_t *result, const char *error);

/* Words for a reply, which may come from outside: what is not UTF-8 becomes question marks.  NULL or "": null. */
json_t *control_words(const char *text);

json_t *control_time(int64_t time_s);		/* 0: null */

/* NULL: there are not so many. */
const char *control_argument(const json_t *arguments, size_t i);

/* Unlinks the socket.  Replies that are written go out; calls that wait must still be replied to, into the void. */
void control_free(struct control *c);		/* takes NULL */

#endif
