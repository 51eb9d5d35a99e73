/* server/plain.h -- the short way through: the answer that most queries get, in one go.
 *
 * A plain query has one question of class IN for an ordinary type, and at most an OPT record without options.  Where its
 * name is in a zone of ours with an RRset of the type, and the answer is that RRset (with DO its signatures too) and
 * nothing else, it is written here; octet for octet what server/answer.c would give.  Everything else goes the long way,
 * which takes over what was found out so far. */
#ifndef SERVER_PLAIN_H
#define SERVER_PLAIN_H

#include "server/answer.h"

struct plain {
	const struct zone_version *zone;	/* NULL: the query was not plain, or no zone is there to answer it */
	struct zone_lookup found;		/* the question's name in it */
};

/* room: of out, at least ANSWER_ROOM_MIN.  Returns the response's length; 0: the long way, with *p.  In an RCU read-side
 * section, in which *p stays good. */
size_t plain_answer(struct plain *p, const struct zoneset *zones, const struct answer_settings *settings,
    const uint8_t *msg, size_t n, bool tcp, uint8_t *out, size_t room);

#endif
