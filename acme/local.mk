noinst_LIBRARIES += acme/libacme.a
acme_libacme_a_SOURCES = \
	acme/account.c acme/account.h \
	acme/account_internal.h \
	acme/account_round.c \
	acme/accounts.c acme/accounts.h \
	acme/acme.c acme/acme.h \
	acme/ari.c acme/ari.h \
	acme/authority.c acme/authority.h \
	acme/authorization.c \
	acme/blame.c acme/blame.h \
	acme/bucket.c acme/bucket.h \
	acme/caa.c acme/caa.h \
	acme/ca_known.c acme/ca_known.h \
	acme/chain.c acme/chain.h \
	acme/challenge.c acme/challenge.h \
	acme/client.c acme/client.h \
	acme/client_account.c \
	acme/client_internal.h \
	acme/client_post.c \
	acme/client_prepare.c \
	acme/csr.c acme/csr.h \
	acme/delegation.c acme/delegation.h \
	acme/doh.c acme/doh.h \
	acme/doh_json.c \
	acme/host.c acme/host.h \
	acme/host_ari.c \
	acme/host_keep.c \
	acme/host_order.c \
	acme/http.c acme/http.h \
	acme/issue_value.c acme/issue_value.h \
	acme/judge.c \
	acme/jws.c acme/jws.h \
	acme/kept.c acme/kept.h \
	acme/key.c acme/key.h \
	acme/leftovers.c acme/leftovers.h \
	acme/link.c acme/link.h \
	acme/memory.c acme/memory.h \
	acme/order.c acme/order.h acme/order_internal.h \
	acme/order_result.c \
	acme/order_step.c \
	acme/persist.c acme/persist.h acme/persist_internal.h \
	acme/persist_memory.c \
	acme/persist_record.c acme/persist_record.h \
	acme/persist_review.c \
	acme/port.c acme/port.h \
	acme/preflight.c acme/preflight.h \
	acme/preflight_csr.c \
	acme/problem.c acme/problem.h \
	acme/probe.c acme/probe.h \
	acme/propagation.c acme/propagation.h \
	acme/proxy.h \
	acme/publication.c acme/publication.h \
	acme/punycode.c \
	acme/records.c acme/records.h \
	acme/queue.c acme/queue.h \
	acme/renewal.c acme/renewal.h \
	acme/reply.c acme/reply.h \
	acme/resolve.c acme/resolve.h \
	acme/revoke.c acme/revoke.h \
	acme/revoked.c acme/revoked.h \
	acme/schedule.c acme/schedule.h \
	acme/store.c acme/store.h \
	acme/task.c acme/task.h \
	acme/tlsa.c acme/tlsa.h \
	acme/txt_seen.c \
	acme/x509.c acme/x509.h
LIBACME = acme/libacme.a $(LIBZONES) $(CURL_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(LIBEVENT_LIBS)
