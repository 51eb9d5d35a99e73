/* server/control.h -- the control socket: one JSON request per connection line, one JSON reply.
 *
 *   {"command":"zones","arguments":["example.com"]}
 *   {"ok":true,"result":...}   or   {"ok":false,"error":"words"}
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

/* handle() must see to it that control_reply() is called exactly once for each call, in the same thread, now or
 * later; command and arguments live until then. */
enum err control_new(struct event_base *base, const char *path,
    void (*handle)(void *ctx, struct control_call *call, const char *command, const json_t *arguments), void *ctx,
    struct control **out, struct fault *f);

/* result is taken over; or result NULL and error words.  The client may have gone meanwhile: no harm. */
void control_reply(struct control_call *call, json_t *result, const char *error);

void control_free(struct control *c);	/* unlinks the socket */

#endif
