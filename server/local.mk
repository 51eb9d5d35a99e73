noinst_LIBRARIES += server/libserver.a
server_libserver_a_SOURCES = \
	server/accept.c \
	server/additional.c \
	server/answer.c server/answer.h \
	server/axfr.c server/axfr.h \
	server/backup.c \
	server/backup_tree.c server/backup_tree.h \
	server/cert_ask.c \
	server/cert_edit.c \
	server/cert_events.c \
	server/cert_notes.c \
	server/cert_record.c server/cert_record.h \
	server/cert_status.c \
	server/certs.c \
	server/catalogs.c \
	server/catchup.c \
	server/chaos.c \
	server/compact.c \
	server/config.c server/config.h \
	server/config_account.c \
	server/config_acme.c server/config_acme.h \
	server/config_address.c server/config_address.h \
	server/config_authorities.c \
	server/config_challenges.c \
	server/config_cookies.c \
	server/config_dnstap.c \
	server/config_document.c \
	server/config_git.c \
	server/config_key_files.c \
	server/config_peers.c \
	server/config_policy.c \
	server/config_primaries.c \
	server/config_proxy.c \
	server/config_schema.c server/config_schema.h \
	server/config_self_check.c \
	server/config_values.c \
	server/config_yaml.c \
	server/conflict.c \
	server/control.c server/control.h \
	server/control_acme.c \
	server/control_wait.c \
	server/control_zones.c \
	server/cookie.c server/cookie.h \
	server/counters.h \
	server/denial.c server/denial.h \
	server/dnstap.c server/dnstap.h \
	server/dnstap_encode.c server/dnstap_encode.h \
	server/dnstap_file.c \
	server/dnstap_internal.h \
	server/dnstap_ring.c server/dnstap_ring.h \
	server/dnstap_sink.c server/dnstap_sink.h \
	server/dnstap_tap.c \
	server/dnstap_thread.c \
	server/ede.c server/ede.h \
	server/edns.c \
	server/exchange.c server/exchange.h \
	server/fetch.c server/fetch.h \
	server/filezones.c \
	server/forward.c \
	server/frame.c server/frame.h \
	server/gather.c server/gather.h \
	server/handle.c server/handle.h \
	server/held.c \
	server/history.c \
	server/hooks.c server/hooks.h \
	server/history_out.c \
	server/images.c \
	server/inbound.c server/inbound.h \
	server/intake.c server/intake.h \
	server/ixfr.c server/ixfr.h \
	server/keeper.c server/keeper.h \
	server/keeper_internal.h \
	server/includes.c \
	server/links.c \
	server/listen.c server/listen.h \
	server/listeners.c \
	server/merge.c \
	server/message.c server/message.h \
	server/metrics.c \
	server/notify.c server/notify.h \
	server/options.c server/options.h \
	server/peers.c \
	server/plain.c server/plain.h \
	server/plain_internal.h \
	server/plain_proof.c \
	server/plain_referral.c \
	server/pull.c \
	server/pull_read.c \
	server/reimage.c \
	server/remote_edit.c \
	server/request.c \
	server/ratelimit.c server/ratelimit.h \
	server/records.c server/records.h \
	server/resend.c server/resend.h \
	server/restore.c \
	server/rewritten.c \
	server/response.c server/response.h \
	server/secondaries.c \
	server/secondary.c server/secondary.h \
	server/secondary_internal.h \
	server/secondary_take.c \
	server/shared.c server/shared.h \
	server/source.c \
	server/status.c \
	server/status_keys.c \
	server/steer.c server/steer.h \
	server/supervisor.c server/supervisor.h \
	server/tcp.c server/tcp.h \
	server/tcp_accept.c \
	server/tcp_internal.h \
	server/transfer.c \
	server/udp.c server/udp.h \
	server/unseen.c \
	server/update.c server/update.h \
	server/update_policy.c server/update_policy.h \
	server/updates.c \
	server/views.c \
	server/worker.c server/worker.h \
	server/writeback.c \
	server/xfrin.c server/xfrin.h
LIBSERVER = server/libserver.a $(LIBACME) $(LIBEVENT_LIBS) $(YAML_LIBS) $(FSTRM_LIBS) $(PROTOBUF_C_LIBS)

# What protoc-c makes of the schema.  It is no part of a distribution: it has to fit the library that is there.
nodist_server_libserver_a_SOURCES = server/dnstap.pb-c.c server/dnstap.pb-c.h
BUILT_SOURCES += server/dnstap.pb-c.h
CLEANFILES += server/dnstap.pb-c.c server/dnstap.pb-c.h
EXTRA_DIST += server/dnstap.proto
server/dnstap.pb-c.c: server/dnstap.proto
	$(AM_V_GEN)$(MKDIR_P) server && $(PROTOC_C) -I$(srcdir)/server --c_out=server $(srcdir)/server/dnstap.proto
server/dnstap.pb-c.h: server/dnstap.pb-c.c
	@test -f $@ || { rm -f server/dnstap.pb-c.c; $(MAKE) $(AM_MAKEFLAGS) server/dnstap.pb-c.c; }
server/dnstap_encode.$(OBJEXT): server/dnstap.pb-c.h

sbin_PROGRAMS += server/certnsd
server_certnsd_SOURCES = server/main.c
server_certnsd_LDADD = $(LIBSERVER)
