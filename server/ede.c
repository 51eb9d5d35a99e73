#include "server/ede.h"

#include "wire/message.h"

const struct ede ede_not_served = { EDE_NOT_AUTHORITATIVE, "" };
const struct ede ede_not_loaded = { EDE_NOT_READY, "the zone is not loaded" };
const struct ede ede_transfer_refused = { EDE_PROHIBITED, "neither a key's right nor allow-transfer covers it" };
const struct ede ede_transfer_tcp = { EDE_NOT_SUPPORTED, "transfers are made over TCP only" };
const struct ede ede_update_refused = { EDE_PROHIBITED, "not signed with a key that may update the zone" };
const struct ede ede_notify_refused = { EDE_PROHIBITED, "the key may not notify here" };
const struct ede ede_queue_full = { EDE_NOT_READY, "too many changes are waiting" };
const struct ede ede_transfers_full = { EDE_NOT_READY, "too many transfers are running" };
const struct ede ede_no_memory = { EDE_OTHER, "out of memory" };

enum ede_code
ede_code_for(unsigned rcode)
{
	switch (rcode) {
	case RCODE_REFUSED:	return EDE_PROHIBITED;
	case RCODE_NOTAUTH:	return EDE_NOT_AUTHORITATIVE;
	default:		return EDE_OTHER;
	}
}
