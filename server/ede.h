/* server/ede.h -- extended DNS errors (RFC 8914): why an answer is no other. */
#ifndef SERVER_EDE_H
#define SERVER_EDE_H

#include <stdint.h>

enum ede_code { EDE_OTHER = 0, EDE_NOT_READY = 14, EDE_PROHIBITED = 18, EDE_NOT_AUTHORITATIVE = 20,
	EDE_NOT_SUPPORTED = 21 };

struct ede {
	enum ede_code code;
	const char *text;		/* in English; "": the code says it all */
};

extern const struct ede ede_not_served;		/* no zone of ours has the name */
extern const struct ede ede_not_loaded;		/* ours, and not there yet */
extern const struct ede ede_transfer_refused, ede_transfer_tcp, ede_update_refused, ede_notify_refused;
extern const struct ede ede_queue_full, ede_transfers_full, ede_no_memory;

/* The code for words that explain an rcode. */
enum ede_code ede_code_for(unsigned rcode);

#endif
