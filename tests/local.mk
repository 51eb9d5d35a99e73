# Unit tests mirror the rooms: tests/unit/wire/test_dname.c tests wire/dname.c.
# --- server: exchange and notify
check_PROGRAMS += tests/unit/server/test_exchange tests/unit/server/test_notify
tests_unit_server_test_exchange_SOURCES = tests/unit/server/test_exchange.c \
	tests/unit/check.h tests/unit/server/peer.c tests/unit/server/peer.h
tests_unit_server_test_exchange_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_notify_SOURCES = tests/unit/server/test_notify.c \
	tests/unit/check.h tests/unit/server/peer.c tests/unit/server/peer.h
tests_unit_server_test_notify_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
# --- end of server: exchange and notify


EXTRA_DIST += tests/fuzz/corpus tests/system tests/differential/peers.py tests/differential/run.py \
	tests/differential/signer.py tests/differential/zones.py

# Not in EXTRA_DIST: make would take its name for the target "check".
dist-hook:
	cp -p $(srcdir)/check $(distdir)/check
	find $(distdir) -name __pycache__ -type d -prune -exec rm -rf {} +

# What more than one thread takes part in; for a build with --enable-thread-sanitizer.
THREADED_TESTS = tests/unit/base/test_awake tests/unit/base/test_huge tests/unit/base/test_log \
	tests/unit/base/test_pool tests/unit/base/test_queue \
	tests/unit/server/test_dnstap tests/unit/server/test_dnstap_ring \
	tests/unit/server/test_handle tests/unit/server/test_plain tests/unit/server/test_tcp \
	tests/unit/server/test_worker tests/unit/zones/test_load tests/unit/zones/test_publish tests/unit/zones/test_qp \
	tests/unit/zones/test_store tests/unit/zones/test_zoneset
threaded: $(THREADED_TESTS) server/certnsd tools/certnsctl
check-threads: threaded
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS check_PROGRAMS="$(THREADED_TESTS)" TESTS="$(THREADED_TESTS)"
.PHONY: threaded check-threads

# base, wire, tsig
check_PROGRAMS += \
	tests/unit/base/test_buf \
	tests/unit/base/test_digest \
	tests/unit/base/test_encoding \
	tests/unit/base/test_file \
	tests/unit/base/test_log \
	tests/unit/base/test_queue \
	tests/unit/base/test_siphash
tests_unit_base_test_buf_SOURCES = tests/unit/check.h tests/unit/base/test_buf.c
tests_unit_base_test_buf_LDADD = $(LIBBASE) $(CMOCKA_LIBS)
tests_unit_base_test_digest_SOURCES = tests/unit/check.h tests/unit/base/test_digest.c
tests_unit_base_test_digest_LDADD = $(LIBBASE) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_encoding_SOURCES = tests/unit/check.h tests/unit/base/test_encoding.c
tests_unit_base_test_encoding_LDADD = $(LIBBASE) $(CMOCKA_LIBS)
tests_unit_base_test_file_SOURCES = tests/unit/check.h tests/unit/base/test_file.c
tests_unit_base_test_file_LDADD = $(LIBBASE) $(CMOCKA_LIBS)
tests_unit_base_test_log_SOURCES = tests/unit/check.h tests/unit/base/test_log.c
tests_unit_base_test_log_LDADD = $(LIBBASE) $(CMOCKA_LIBS) $(JANSSON_LIBS)
tests_unit_base_test_queue_SOURCES = tests/unit/check.h tests/unit/base/test_queue.c
tests_unit_base_test_queue_LDADD = $(LIBBASE) $(CMOCKA_LIBS)
tests_unit_base_test_siphash_LDADD = $(LIBBASE) $(CMOCKA_LIBS)
tests_unit_base_test_siphash_SOURCES = tests/unit/check.h tests/unit/base/test_siphash.c
check_PROGRAMS += \
	tests/unit/wire/test_dname \
	tests/unit/wire/test_message \
	tests/unit/wire/test_rdata \
	tests/unit/wire/test_reader \
	tests/unit/wire/test_rrtype \
	tests/unit/wire/test_writer
tests_unit_wire_test_dname_SOURCES = tests/unit/check.h tests/unit/wire/test_dname.c
tests_unit_wire_test_dname_LDADD = $(LIBWIRE) $(CMOCKA_LIBS)
tests_unit_wire_test_message_SOURCES = tests/unit/check.h tests/unit/wire/test_message.c
tests_unit_wire_test_message_LDADD = $(LIBWIRE) $(CMOCKA_LIBS)
tests_unit_wire_test_rdata_SOURCES = tests/unit/check.h tests/unit/wire/rdata_samples.h tests/unit/wire/test_rdata.c
tests_unit_wire_test_rdata_LDADD = $(LIBWIRE) $(CMOCKA_LIBS)
tests_unit_wire_test_reader_SOURCES = tests/unit/check.h tests/unit/wire/test_reader.c
tests_unit_wire_test_reader_LDADD = $(LIBWIRE) $(CMOCKA_LIBS)
tests_unit_wire_test_rrtype_SOURCES = tests/unit/check.h tests/unit/wire/test_rrtype.c
tests_unit_wire_test_rrtype_LDADD = $(LIBWIRE) $(CMOCKA_LIBS)
tests_unit_wire_test_writer_SOURCES = tests/unit/check.h tests/unit/wire/test_writer.c
tests_unit_wire_test_writer_LDADD = $(LIBWIRE) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/tsig/test_key tests/unit/tsig/test_nomem tests/unit/tsig/test_tsig
tests_unit_tsig_test_key_SOURCES = tests/unit/check.h tests/unit/tsig/test_key.c
tests_unit_tsig_test_key_LDADD = $(LIBTSIG) $(CMOCKA_LIBS)
tests_unit_tsig_test_nomem_SOURCES = tests/unit/check.h tests/unit/tsig/test_nomem.c
tests_unit_tsig_test_nomem_LDADD = $(LIBTSIG) $(CMOCKA_LIBS)
tests_unit_tsig_test_tsig_SOURCES = tests/unit/check.h tests/unit/tsig/oracle.h tests/unit/tsig/test_tsig.c
tests_unit_tsig_test_tsig_LDADD = $(LIBTSIG) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/tsig/test_policy
tests_unit_tsig_test_policy_SOURCES = tests/unit/check.h tests/unit/tsig/test_policy.c
tests_unit_tsig_test_policy_LDADD = $(LIBTSIG) $(CMOCKA_LIBS)
# end of base, wire, tsig

# Fuzz targets: configure --enable-fuzzing CC=clang (best with --enable-sanitizers), then for one
#   ./tests/fuzz/fuzz_tsig -max_total_time=30 tests/fuzz/corpus/tsig
# Each is listed here with its room's libraries; its seeds are in tests/fuzz/corpus/NAME/.  In an ordinary build the same
# targets, with replay.c as their main(), are tests that go through the seeds.
fuzz_targets =
if FUZZING
fuzz_link = $(AM_LDFLAGS) -fsanitize=fuzzer
FUZZ_MAIN =
noinst_PROGRAMS += $(fuzz_targets)
else
fuzz_link = $(AM_LDFLAGS)
FUZZ_MAIN = tests/fuzz/replay.c
check_PROGRAMS += $(fuzz_targets)
endif
fuzz-targets: $(fuzz_targets)
.PHONY: fuzz-targets

# wire, tsig
fuzz_targets += tests/fuzz/fuzz_message tests/fuzz/fuzz_tsig
tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz_message.c $(FUZZ_MAIN)
tests_fuzz_fuzz_message_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_message_LDADD = $(LIBWIRE)
tests_fuzz_fuzz_tsig_SOURCES = tests/fuzz/fuzz_tsig.c $(FUZZ_MAIN)
tests_fuzz_fuzz_tsig_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_tsig_LDADD = $(LIBTSIG)
# end of wire, tsig

# configuration, command line
check_PROGRAMS += \
	tests/unit/server/test_access \
	tests/unit/server/test_address \
	tests/unit/server/test_config \
	tests/unit/server/test_config_memory \
	tests/unit/server/test_control \
	tests/unit/server/test_options
tests_unit_server_test_access_SOURCES = tests/unit/server/test_access.c tests/unit/check.h
tests_unit_server_test_access_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_address_SOURCES = tests/unit/server/test_address.c tests/unit/check.h
tests_unit_server_test_address_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_config_SOURCES = tests/unit/server/test_config.c $(CONFIG_TEXT)
tests_unit_server_test_config_CPPFLAGS = $(AM_CPPFLAGS) -DEXAMPLE=\"$(abs_top_srcdir)/docs/examples/certns.yaml\"
tests_unit_server_test_config_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_config_memory_SOURCES = tests/unit/server/test_config_memory.c tests/unit/check.h \
	tests/unit/zones/memory.c tests/unit/zones/memory.h
tests_unit_server_test_config_memory_LDFLAGS = $(MEMORY_WRAP_ALL)
tests_unit_server_test_config_memory_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_control_SOURCES = tests/unit/server/test_control.c tests/unit/check.h
tests_unit_server_test_control_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_options_SOURCES = tests/unit/server/test_options.c tests/unit/check.h
tests_unit_server_test_options_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(FUZZ_MAIN)
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_config_LDADD = $(LIBSERVER)
# end of configuration, command line

# git
check_PROGRAMS += \
	tests/unit/server/test_message \
	tests/unit/zones/test_git \
	tests/unit/zones/test_git_compact \
	tests/unit/zones/test_git_copy \
	tests/unit/zones/test_git_damage \
	tests/unit/zones/test_git_local \
	tests/unit/zones/test_git_pack \
	tests/unit/zones/test_git_parts \
	tests/unit/zones/test_git_remote
tests_unit_server_test_message_SOURCES = tests/unit/server/test_message.c tests/unit/check.h
tests_unit_server_test_message_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_zones_test_git_SOURCES = tests/unit/zones/test_git.c tests/unit/zones/git_place.h tests/unit/check.h
tests_unit_zones_test_git_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_git_compact_SOURCES = tests/unit/zones/test_git_compact.c tests/unit/zones/git_place.h \
	tests/unit/check.h
tests_unit_zones_test_git_compact_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_git_copy_SOURCES = tests/unit/zones/test_git_copy.c tests/unit/zones/git_place.h tests/unit/check.h
tests_unit_zones_test_git_copy_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_git_damage_SOURCES = tests/unit/zones/test_git_damage.c tests/unit/zones/git_place.h \
	tests/unit/check.h
tests_unit_zones_test_git_damage_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_git_local_SOURCES = tests/unit/zones/test_git_local.c tests/unit/zones/git_place.h \
	tests/unit/check.h
tests_unit_zones_test_git_local_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_git_pack_SOURCES = tests/unit/zones/test_git_pack.c tests/unit/zones/git_place.h tests/unit/check.h
tests_unit_zones_test_git_pack_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_git_parts_SOURCES = tests/unit/zones/test_git_parts.c tests/unit/check.h
tests_unit_zones_test_git_parts_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_git_remote_SOURCES = tests/unit/zones/test_git_remote.c tests/unit/zones/git_place.h \
	tests/unit/check.h
tests_unit_zones_test_git_remote_CPPFLAGS = $(AM_CPPFLAGS) -DGIT_HTTPS=\"$(abs_top_srcdir)/tests/unit/zones/git_https.py\"
tests_unit_zones_test_git_remote_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
EXTRA_DIST += tests/unit/zones/git_https.py
fuzz_targets += tests/fuzz/fuzz_gitpack
tests_fuzz_fuzz_gitpack_SOURCES = tests/fuzz/fuzz_gitpack.c $(FUZZ_MAIN)
tests_fuzz_fuzz_gitpack_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_gitpack_LDADD = $(LIBZONES)
# end of git

# acme
check_PROGRAMS += tests/unit/acme/test_csr tests/unit/acme/test_http tests/unit/acme/test_jws tests/unit/acme/test_order \
	tests/unit/acme/test_pebble tests/unit/acme/test_propagation tests/unit/acme/test_reply \
	tests/unit/acme/test_schedule tests/unit/acme/test_tlsa
tests_unit_acme_test_csr_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_csr.c
tests_unit_acme_test_csr_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_http_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_http.c
tests_unit_acme_test_http_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_jws_SOURCES = tests/unit/check.h tests/unit/acme/test_jws.c
tests_unit_acme_test_jws_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_order_SOURCES = tests/unit/check.h tests/unit/acme/model.c tests/unit/acme/model.h \
	tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_order.c
tests_unit_acme_test_order_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_pebble_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h \
	tests/unit/acme/test_pebble.c tests/unit/acme/world.c tests/unit/acme/world.h tests/unit/port.h
tests_unit_acme_test_pebble_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_reply_SOURCES = tests/unit/check.h tests/unit/acme/test_reply.c
tests_unit_acme_test_reply_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_propagation_SOURCES = tests/unit/check.h tests/unit/acme/test_propagation.c tests/unit/acme/world.c \
	tests/unit/acme/world.h
tests_unit_acme_test_propagation_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_schedule_SOURCES = tests/unit/check.h tests/unit/acme/test_schedule.c
tests_unit_acme_test_schedule_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_tlsa_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_tlsa.c
tests_unit_acme_test_tlsa_LDADD = $(LIBACME) $(CMOCKA_LIBS)
# accounts at the CA
check_PROGRAMS += tests/unit/acme/test_account tests/unit/acme/test_kept tests/unit/acme/test_key tests/unit/acme/test_problem
tests_unit_acme_test_account_SOURCES = tests/unit/check.h tests/unit/acme/test_account.c tests/unit/zones/memory.c \
	tests/unit/zones/memory.h
tests_unit_acme_test_account_LDFLAGS = $(MEMORY_WRAP_ALL)
tests_unit_acme_test_account_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_kept_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_kept.c
tests_unit_acme_test_kept_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_key_SOURCES = tests/unit/check.h tests/unit/acme/test_key.c
tests_unit_acme_test_key_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_problem_SOURCES = tests/unit/check.h tests/unit/acme/test_problem.c
tests_unit_acme_test_problem_LDADD = $(LIBACME) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/acme/test_revoked
tests_unit_acme_test_revoked_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h \
	tests/unit/acme/test_revoked.c tests/unit/acme/world.c tests/unit/acme/world.h
tests_unit_acme_test_revoked_LDADD = $(LIBACME) $(CMOCKA_LIBS)
# end of accounts at the CA
fuzz_targets += tests/fuzz/fuzz_acme_json tests/fuzz/fuzz_csr
tests_fuzz_fuzz_acme_json_SOURCES = tests/fuzz/fuzz_acme_json.c $(FUZZ_MAIN)
tests_fuzz_fuzz_acme_json_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_acme_json_LDADD = $(LIBACME)
tests_fuzz_fuzz_csr_SOURCES = tests/fuzz/fuzz_csr.c $(FUZZ_MAIN)
tests_fuzz_fuzz_csr_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_csr_LDADD = $(LIBACME)
# end of acme
# acme: is the challenge visible
check_PROGRAMS += tests/unit/acme/test_doh tests/unit/acme/test_resolve tests/unit/acme/test_visible
tests_unit_acme_test_doh_SOURCES = tests/unit/check.h tests/unit/acme/test_doh.c
tests_unit_acme_test_doh_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_resolve_SOURCES = tests/unit/check.h tests/unit/acme/test_resolve.c
tests_unit_acme_test_resolve_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_visible_SOURCES = tests/unit/check.h tests/unit/acme/test_visible.c
tests_unit_acme_test_visible_LDADD = $(LIBACME) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_doh_json
tests_fuzz_fuzz_doh_json_SOURCES = tests/fuzz/fuzz_doh_json.c $(FUZZ_MAIN)
tests_fuzz_fuzz_doh_json_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_doh_json_LDADD = $(LIBACME)
# end of acme: is the challenge visible
# delegated challenges
check_PROGRAMS += tests/unit/acme/test_challenge tests/unit/acme/test_delegation tests/unit/acme/test_persist
tests_unit_acme_test_challenge_SOURCES = tests/unit/check.h tests/unit/acme/test_challenge.c
tests_unit_acme_test_challenge_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_delegation_SOURCES = tests/unit/check.h tests/unit/acme/test_delegation.c tests/unit/acme/world.c \
	tests/unit/acme/world.h
tests_unit_acme_test_delegation_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_persist_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h \
	tests/unit/acme/test_persist.c tests/unit/acme/world.c tests/unit/acme/world.h
tests_unit_acme_test_persist_LDADD = $(LIBACME) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_challenge
tests_fuzz_fuzz_challenge_SOURCES = tests/fuzz/fuzz_challenge.c $(FUZZ_MAIN)
tests_fuzz_fuzz_challenge_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_challenge_LDADD = $(LIBACME)
# end of delegated challenges

# acme: orders
check_PROGRAMS += tests/unit/acme/test_blame
tests_unit_acme_test_blame_SOURCES = tests/unit/check.h tests/unit/acme/blame_words.c tests/unit/acme/blame_words.h \
	tests/unit/acme/test_blame.c
tests_unit_acme_test_blame_LDADD = $(LIBACME) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/acme/test_store
tests_unit_acme_test_store_SOURCES = tests/unit/check.h tests/unit/acme/test_store.c tests/unit/acme/world.c \
	tests/unit/acme/world.h
tests_unit_acme_test_store_LDADD = $(LIBACME) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/acme/test_chain
tests_unit_acme_test_chain_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_chain.c
tests_unit_acme_test_chain_LDADD = $(LIBACME) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/acme/test_order_life
tests_unit_acme_test_order_life_SOURCES = tests/unit/check.h tests/unit/acme/model.c tests/unit/acme/model.h \
	tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_order_life.c \
	tests/unit/acme/blame_words.c tests/unit/acme/blame_words.h
tests_unit_acme_test_order_life_LDADD = $(LIBACME) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_memory tests/fuzz/fuzz_order
tests_fuzz_fuzz_memory_SOURCES = tests/fuzz/fuzz_memory.c $(FUZZ_MAIN)
tests_fuzz_fuzz_memory_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_memory_LDADD = $(LIBACME)
tests_fuzz_fuzz_order_SOURCES = tests/fuzz/fuzz_order.c tests/unit/acme/pki.c tests/unit/acme/pki.h $(FUZZ_MAIN)
tests_fuzz_fuzz_order_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_order_LDADD = $(LIBACME)
# end of acme: orders
# acme: when and whose turn
check_PROGRAMS += tests/unit/acme/test_ari tests/unit/acme/test_bucket
tests_unit_acme_test_ari_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_ari.c
tests_unit_acme_test_ari_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_bucket_SOURCES = tests/unit/check.h tests/unit/acme/test_bucket.c
tests_unit_acme_test_bucket_LDADD = $(LIBACME) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/acme/test_calendar
tests_unit_acme_test_calendar_SOURCES = tests/unit/check.h tests/unit/acme/calendar.c tests/unit/acme/calendar.h \
	tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_calendar.c tests/unit/acme/world.c tests/unit/acme/world.h
tests_unit_acme_test_calendar_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_calendar_LDFLAGS = -Wl,--wrap=acme_task_start,--wrap=acme_task_abort,--wrap=acme_task_free \
	-Wl,--wrap=acme_task_csr,--wrap=acme_task_step,--wrap=acme_client_prepare,--wrap=acme_client_get \
	-Wl,--wrap=acme_call_cancel,--wrap=acme_client_renewal_info
fuzz_targets += tests/fuzz/fuzz_renewal
tests_fuzz_fuzz_renewal_SOURCES = tests/fuzz/fuzz_renewal.c $(FUZZ_MAIN)
tests_fuzz_fuzz_renewal_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_renewal_LDADD = $(LIBACME)
# end of acme: when and whose turn
# cookies, EDNS and limits
check_PROGRAMS += tests/unit/server/test_cookie tests/unit/server/test_edns tests/unit/server/test_ratelimit
tests_unit_server_test_cookie_SOURCES = tests/unit/server/test_cookie.c tests/unit/check.h
tests_unit_server_test_cookie_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_edns_SOURCES = tests/unit/server/test_edns.c tests/unit/server/served.c \
	tests/unit/server/served.h tests/unit/server/zone_text.c tests/unit/server/zone_text.h tests/unit/check.h
tests_unit_server_test_edns_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_ratelimit_SOURCES = tests/unit/server/test_ratelimit.c tests/unit/check.h
tests_unit_server_test_ratelimit_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
# end of cookies, EDNS and limits
# answering and workers
# DNSSEC
check_PROGRAMS += tests/unit/server/test_dnssec
tests_unit_server_test_dnssec_SOURCES = tests/unit/server/test_dnssec.c tests/unit/server/signed_text.c \
	tests/unit/server/signed_text.h tests/unit/server/zone_text.c tests/unit/server/zone_text.h
tests_unit_server_test_dnssec_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
# end of DNSSEC
# the short way
check_PROGRAMS += tests/unit/server/test_plain tests/unit/server/test_plain_random
tests_unit_server_test_plain_SOURCES = tests/unit/server/test_plain.c tests/unit/server/plain_ways.c \
	tests/unit/server/plain_ways.h tests/unit/server/signed_text.c tests/unit/server/signed_text.h \
	tests/unit/server/zone_text.c tests/unit/server/zone_text.h tests/unit/check.h
tests_unit_server_test_plain_random_SOURCES = tests/unit/server/test_plain_random.c tests/unit/server/plain_ways.c \
	tests/unit/server/plain_ways.h tests/unit/server/signed_text.c tests/unit/server/signed_text.h \
	tests/unit/server/zone_text.c tests/unit/server/zone_text.h tests/unit/check.h
tests_unit_server_test_plain_random_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_plain_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
# end of the short way

check_PROGRAMS += tests/unit/server/test_answer tests/unit/server/test_answer_model tests/unit/server/test_frame \
	tests/unit/server/test_handle tests/unit/server/test_request tests/unit/server/test_tcp tests/unit/server/test_worker
tests_unit_server_test_answer_model_SOURCES = tests/unit/server/test_answer_model.c tests/unit/server/zone_text.c \
	tests/unit/server/zone_text.h tests/unit/check.h
tests_unit_server_test_answer_model_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_frame_SOURCES = tests/unit/server/test_frame.c tests/unit/check.h
tests_unit_server_test_frame_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_handle_SOURCES = tests/unit/server/test_handle.c tests/unit/server/served.c \
	tests/unit/server/served.h tests/unit/server/zone_text.c tests/unit/server/zone_text.h tests/unit/check.h \
	tests/unit/zones/memory.c tests/unit/zones/memory.h
tests_unit_server_test_handle_LDFLAGS = $(MEMORY_WRAP) -Wl,--wrap=digest_make_sha256
tests_unit_server_test_handle_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_request_SOURCES = tests/unit/server/test_request.c tests/unit/check.h
tests_unit_server_test_request_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_tcp_SOURCES = tests/unit/server/test_tcp.c tests/unit/server/served.c \
	tests/unit/server/served.h tests/unit/server/zone_text.c tests/unit/server/zone_text.h tests/unit/check.h
tests_unit_server_test_tcp_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_mono_ms
tests_unit_server_test_tcp_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_worker_SOURCES = tests/unit/server/test_worker.c tests/unit/server/served.c \
	tests/unit/server/served.h tests/unit/server/zone_text.c tests/unit/server/zone_text.h tests/unit/check.h \
	tests/unit/port.h
tests_unit_server_test_worker_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_answer_SOURCES = tests/unit/server/test_answer.c tests/unit/server/zone_text.c \
	tests/unit/server/zone_text.h tests/unit/check.h
tests_unit_server_test_answer_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_frame tests/fuzz/fuzz_query tests/fuzz/fuzz_tcp
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c $(FUZZ_MAIN)
tests_fuzz_fuzz_frame_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_frame_LDADD = $(LIBSERVER)
tests_fuzz_fuzz_tcp_SOURCES = tests/fuzz/fuzz_tcp.c tests/unit/server/served.c tests/unit/server/served.h \
	tests/unit/server/zone_text.c tests/unit/server/zone_text.h $(FUZZ_MAIN)
tests_fuzz_fuzz_tcp_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_tcp_LDADD = $(LIBSERVER)
tests_fuzz_fuzz_query_SOURCES = tests/fuzz/fuzz_query.c tests/unit/server/served.c tests/unit/server/served.h \
	tests/unit/server/signed_text.c tests/unit/server/signed_text.h tests/unit/server/zone_text.c \
	tests/unit/server/zone_text.h $(FUZZ_MAIN)
tests_fuzz_fuzz_query_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_query_LDADD = $(LIBSERVER)
# end of answering and workers

# zone tree
MEMORY_WRAP = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free
MEMORY_WRAP_ALL = $(MEMORY_WRAP) -Wl,--wrap=strdup -Wl,--wrap=strndup
check_PROGRAMS += tests/unit/zones/test_hashes tests/unit/zones/test_publish tests/unit/zones/test_qp \
	tests/unit/zones/test_store tests/unit/zones/test_zoneset
zone_tree_test = tests/unit/check.h tests/unit/zones/memory.c tests/unit/zones/memory.h tests/unit/zones/names.c \
	tests/unit/zones/names.h
tests_unit_zones_test_hashes_SOURCES = tests/unit/check.h tests/unit/rcu_thread.h tests/unit/zones/test_hashes.c \
	tests/unit/zones/names.c tests/unit/zones/names.h
tests_unit_zones_test_hashes_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_publish_SOURCES = tests/unit/rcu_thread.h tests/unit/zones/test_publish.c $(zone_tree_test)
tests_unit_zones_test_publish_LDFLAGS = $(MEMORY_WRAP)
tests_unit_zones_test_publish_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_qp_SOURCES = tests/unit/zones/test_qp.c $(zone_tree_test)
tests_unit_zones_test_qp_LDFLAGS = $(MEMORY_WRAP)
tests_unit_zones_test_qp_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_store_SOURCES = tests/unit/rcu_thread.h tests/unit/zones/test_store.c $(zone_tree_test) \
	tests/unit/zones/model.c tests/unit/zones/model.h
tests_unit_zones_test_store_LDFLAGS = $(MEMORY_WRAP)
tests_unit_zones_test_store_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_zoneset_SOURCES = tests/unit/zones/test_zoneset.c $(zone_tree_test)
tests_unit_zones_test_zoneset_LDFLAGS = $(MEMORY_WRAP)
tests_unit_zones_test_zoneset_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
# end of zone tree

# zone files: reader, text, check, load, writer
check_PROGRAMS += \
	tests/unit/zones/test_check \
	tests/unit/zones/test_load \
	tests/unit/zones/test_placed \
	tests/unit/zones/test_reader \
	tests/unit/zones/test_text \
	tests/unit/zones/test_writer
tests_unit_zones_test_check_SOURCES = tests/unit/zones/test_check.c tests/unit/check.h
tests_unit_zones_test_check_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_load_SOURCES = tests/unit/zones/test_load.c tests/unit/check.h tests/unit/zones/memory.c tests/unit/zones/memory.h
tests_unit_zones_test_load_LDFLAGS = $(MEMORY_WRAP)
tests_unit_zones_test_load_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_placed_SOURCES = tests/unit/zones/test_placed.c tests/unit/check.h tests/unit/zones/memory.c tests/unit/zones/memory.h \
	tests/unit/zones/names.c tests/unit/zones/names.h
tests_unit_zones_test_placed_LDFLAGS = $(MEMORY_WRAP)
tests_unit_zones_test_placed_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_reader_SOURCES = tests/unit/zones/test_reader.c tests/unit/check.h
tests_unit_zones_test_reader_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_text_SOURCES = tests/unit/zones/test_text.c tests/unit/check.h
tests_unit_zones_test_text_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_writer_SOURCES = tests/unit/zones/test_writer.c tests/unit/check.h
tests_unit_zones_test_writer_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_zonefile
tests_fuzz_fuzz_zonefile_SOURCES = tests/fuzz/fuzz_zonefile.c $(FUZZ_MAIN)
tests_fuzz_fuzz_zonefile_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_zonefile_LDADD = $(LIBZONES)
check_PROGRAMS += tests/unit/zones/test_complaint
tests_unit_zones_test_complaint_SOURCES = tests/unit/zones/test_complaint.c tests/unit/check.h \
	tests/unit/zones/memory.c tests/unit/zones/memory.h
tests_unit_zones_test_complaint_LDFLAGS = $(MEMORY_WRAP)
tests_unit_zones_test_complaint_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
# end of zone files

# --- server: transfers in
check_PROGRAMS += tests/unit/zones/test_catalog
tests_unit_zones_test_catalog_SOURCES = tests/unit/zones/test_catalog.c tests/unit/check.h \
	tests/unit/server/zone_text.c tests/unit/server/zone_text.h
tests_unit_zones_test_catalog_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/server/test_config_keys tests/unit/server/test_ixfr tests/unit/server/test_xfrin
tests_unit_server_test_ixfr_SOURCES = tests/unit/server/test_ixfr.c tests/unit/check.h
tests_unit_server_test_ixfr_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_config_keys_SOURCES = tests/unit/server/test_config_keys.c tests/unit/check.h
tests_unit_server_test_config_keys_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_xfrin_SOURCES = tests/unit/server/test_xfrin.c tests/unit/check.h
tests_unit_server_test_xfrin_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_xfrin
tests_fuzz_fuzz_xfrin_SOURCES = tests/fuzz/fuzz_xfrin.c $(FUZZ_MAIN)
tests_fuzz_fuzz_xfrin_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_xfrin_LDADD = $(LIBSERVER)
# --- end of server: transfers in

# the door: updates, changesets, journal, commit
check_PROGRAMS += tests/unit/server/test_update tests/unit/server/test_update_random
UPDATE_RUN = tests/unit/check.h tests/unit/server/update_run.c tests/unit/server/update_run.h \
	tests/unit/server/update_text.c tests/unit/server/update_text.h tests/unit/server/zone_text.c \
	tests/unit/server/zone_text.h
tests_unit_server_test_update_SOURCES = tests/unit/server/test_update.c $(UPDATE_RUN)
tests_unit_server_test_update_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_update_random_SOURCES = tests/unit/server/test_update_random.c $(UPDATE_RUN)
tests_unit_server_test_update_random_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
DOOR_WRAP = $(MEMORY_WRAP_ALL) -Wl,--wrap=journal_append -Wl,--wrap=journal_commit \
	-Wl,--wrap=journal_put_zone
check_PROGRAMS += tests/unit/zones/test_commit
tests_unit_zones_test_commit_SOURCES = tests/unit/zones/test_commit.c tests/unit/zones/door.c tests/unit/zones/door.h \
	tests/unit/zones/memory.c tests/unit/zones/memory.h tests/unit/check.h
tests_unit_zones_test_commit_LDFLAGS = $(DOOR_WRAP)
tests_unit_zones_test_commit_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/zones/test_journal_notes
tests_unit_zones_test_journal_notes_SOURCES = tests/unit/zones/test_journal_notes.c tests/unit/zones/door.c \
	tests/unit/zones/door.h tests/unit/zones/memory.c tests/unit/zones/memory.h tests/unit/check.h
tests_unit_zones_test_journal_notes_LDFLAGS = $(DOOR_WRAP)
tests_unit_zones_test_journal_notes_LDADD = $(LIBZONES) $(SQLITE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/zones/test_journal
JOURNAL_FILE = tests/unit/check.h tests/unit/zones/journal_file.c tests/unit/zones/journal_file.h
tests_unit_zones_test_journal_SOURCES = tests/unit/zones/test_journal.c $(JOURNAL_FILE)
tests_unit_zones_test_journal_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/zones/test_journal_damage tests/unit/zones/test_journal_mark \
	tests/unit/zones/test_journal_versions
tests_unit_zones_test_journal_damage_SOURCES = tests/unit/zones/test_journal_damage.c $(JOURNAL_FILE)
tests_unit_zones_test_journal_damage_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_journal_mark_SOURCES = tests/unit/zones/test_journal_mark.c $(JOURNAL_FILE)
tests_unit_zones_test_journal_mark_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_journal_versions_SOURCES = tests/unit/zones/test_journal_versions.c $(JOURNAL_FILE)
tests_unit_zones_test_journal_versions_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/zones/test_journal_power
tests_unit_zones_test_journal_power_SOURCES = tests/unit/zones/test_journal_power.c tests/unit/zones/disk.c \
	tests/unit/zones/disk.h tests/unit/check.h
tests_unit_zones_test_journal_power_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/base/test_awake
tests_unit_base_test_awake_SOURCES = tests/unit/base/test_awake.c tests/unit/check.h
tests_unit_base_test_awake_LDADD = $(LIBBASE) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/base/test_huge
tests_unit_base_test_huge_SOURCES = tests/unit/base/test_huge.c tests/unit/check.h
tests_unit_base_test_huge_LDADD = $(LIBBASE) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/base/test_pool
tests_unit_base_test_pool_SOURCES = tests/unit/base/test_pool.c tests/unit/check.h
tests_unit_base_test_pool_LDADD = $(LIBBASE) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/zones/test_changeset
tests_unit_zones_test_changeset_SOURCES = tests/unit/zones/test_changeset.c tests/unit/check.h
tests_unit_zones_test_changeset_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/zones/test_serial
tests_unit_zones_test_serial_SOURCES = tests/unit/zones/test_serial.c tests/unit/check.h
tests_unit_zones_test_serial_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/server/test_resend
tests_unit_server_test_resend_SOURCES = tests/unit/server/test_resend.c tests/unit/check.h
tests_unit_server_test_resend_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_changeset tests/fuzz/fuzz_update
tests_fuzz_fuzz_changeset_SOURCES = tests/fuzz/fuzz_changeset.c $(FUZZ_MAIN)
tests_fuzz_fuzz_changeset_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_changeset_LDADD = $(LIBZONES)
tests_fuzz_fuzz_update_SOURCES = tests/fuzz/fuzz_update.c tests/unit/server/zone_text.c tests/unit/server/zone_text.h $(FUZZ_MAIN)
tests_fuzz_fuzz_update_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_update_LDADD = $(LIBSERVER)
check_PROGRAMS += tests/unit/zones/test_rrmap
tests_unit_zones_test_rrmap_SOURCES = tests/unit/zones/test_rrmap.c tests/unit/check.h
tests_unit_zones_test_rrmap_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/zones/test_zone
tests_unit_zones_test_zone_SOURCES = tests/unit/zones/test_zone.c tests/unit/check.h
tests_unit_zones_test_zone_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
# end of the door

# editor
check_PROGRAMS += tests/unit/zones/test_editor tests/unit/zones/test_editor_random
tests_unit_zones_test_editor_SOURCES = tests/unit/zones/test_editor.c tests/unit/zones/edits.c tests/unit/zones/edits.h \
	tests/unit/check.h tests/unit/zones/memory.c tests/unit/zones/memory.h
tests_unit_zones_test_editor_LDFLAGS = $(MEMORY_WRAP)
tests_unit_zones_test_editor_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
tests_unit_zones_test_editor_random_SOURCES = tests/unit/zones/test_editor_random.c tests/unit/zones/edits.c \
	tests/unit/zones/edits.h tests/unit/check.h
tests_unit_zones_test_editor_random_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_editor
tests_fuzz_fuzz_editor_SOURCES = tests/fuzz/fuzz_editor.c $(FUZZ_MAIN)
tests_fuzz_fuzz_editor_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_editor_LDADD = $(LIBZONES)
# end of editor

# packet storms
noinst_PROGRAMS += tests/storm/storm
tests_storm_storm_SOURCES = tests/storm/packet.c tests/storm/packet.h tests/storm/storm.c tests/storm/storm.h tests/storm/stream.c
tests_storm_storm_LDADD = $(LIBTSIG)
# end of packet storms

# differential test: the same queries to certnsd, NSD, Knot DNS and BIND
noinst_PROGRAMS += tests/differential/compare
tests_differential_compare_SOURCES = \
	tests/differential/ask.c tests/differential/ask.h \
	tests/differential/classes.c tests/differential/classes.h \
	tests/differential/compare.c \
	tests/differential/facts.c tests/differential/facts.h \
	tests/differential/query.c tests/differential/query.h \
	tests/differential/reply.c tests/differential/reply.h \
	tests/differential/twin.c tests/differential/twin.h
tests_differential_compare_LDADD = $(LIBZONES)
# end of differential test

# signatures of commits
check_PROGRAMS += tests/unit/zones/test_signers
tests_unit_zones_test_signers_SOURCES = tests/unit/zones/test_signers.c tests/unit/zones/git_place.h tests/unit/check.h
tests_unit_zones_test_signers_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/zones/test_signers_memory
tests_unit_zones_test_signers_memory_SOURCES = tests/unit/zones/test_signers_memory.c tests/unit/zones/memory.c \
	tests/unit/zones/memory.h tests/unit/check.h
tests_unit_zones_test_signers_memory_LDFLAGS = $(MEMORY_WRAP_ALL)
tests_unit_zones_test_signers_memory_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/zones/test_git_verify
tests_unit_zones_test_git_verify_SOURCES = tests/unit/zones/test_git_verify.c tests/unit/zones/git_place.h tests/unit/check.h
tests_unit_zones_test_git_verify_LDADD = $(LIBZONES) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_sshsig
tests_fuzz_fuzz_sshsig_SOURCES = tests/fuzz/fuzz_sshsig.c $(FUZZ_MAIN)
tests_fuzz_fuzz_sshsig_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_sshsig_LDADD = $(LIBZONES)
# end of signatures

# certns-fetch
AUTHORITY = tests/unit/tools/authority.c tests/unit/tools/authority.h
check_PROGRAMS += \
	tests/unit/tools/test_fetch_chain \
	tests/unit/tools/test_fetch_config \
	tests/unit/tools/test_fetch_key \
	tests/unit/tools/test_fetch_memory \
	tests/unit/tools/test_fetch_place \
	tests/unit/tools/test_fetch_words
tests_unit_tools_test_fetch_chain_SOURCES = tests/unit/tools/test_fetch_chain.c $(AUTHORITY) tests/unit/check.h
tests_unit_tools_test_fetch_chain_LDADD = $(LIBFETCH) $(CMOCKA_LIBS)
tests_unit_tools_test_fetch_config_SOURCES = tests/unit/tools/test_fetch_config.c tests/unit/check.h
tests_unit_tools_test_fetch_config_CPPFLAGS = $(AM_CPPFLAGS) -DEXAMPLE=\"$(abs_top_srcdir)/docs/examples/fetch.yaml\"
tests_unit_tools_test_fetch_config_LDADD = $(LIBFETCH) $(CMOCKA_LIBS)
tests_unit_tools_test_fetch_key_SOURCES = tests/unit/tools/test_fetch_key.c tests/unit/check.h
tests_unit_tools_test_fetch_key_LDADD = $(LIBFETCH) $(CMOCKA_LIBS)
tests_unit_tools_test_fetch_memory_SOURCES = tests/unit/tools/test_fetch_memory.c tests/unit/check.h \
	tests/unit/zones/memory.c tests/unit/zones/memory.h
tests_unit_tools_test_fetch_memory_LDFLAGS = $(MEMORY_WRAP_ALL)
tests_unit_tools_test_fetch_memory_LDADD = $(LIBFETCH) $(CMOCKA_LIBS)
tests_unit_tools_test_fetch_place_SOURCES = tests/unit/tools/test_fetch_place.c $(AUTHORITY) tests/unit/check.h
tests_unit_tools_test_fetch_place_LDADD = $(LIBFETCH) $(CMOCKA_LIBS)
tests_unit_tools_test_fetch_words_SOURCES = tests/unit/tools/test_fetch_words.c tests/unit/check.h
tests_unit_tools_test_fetch_words_LDADD = $(LIBFETCH) $(CMOCKA_LIBS)
fuzz_targets += tests/fuzz/fuzz_fetch
tests_fuzz_fuzz_fetch_SOURCES = tests/fuzz/fuzz_fetch.c $(FUZZ_MAIN)
tests_fuzz_fuzz_fetch_LDFLAGS = $(fuzz_link)
tests_fuzz_fuzz_fetch_LDADD = $(LIBFETCH)
# end of certns-fetch

# what is found before an order
check_PROGRAMS += tests/unit/acme/test_caa tests/unit/acme/test_preflight_csr
tests_unit_acme_test_caa_SOURCES = tests/unit/check.h tests/unit/acme/test_caa.c
tests_unit_acme_test_caa_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_preflight_csr_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h \
	tests/unit/acme/test_preflight_csr.c
tests_unit_acme_test_preflight_csr_LDADD = $(LIBACME) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/acme/test_preflight
tests_unit_acme_test_preflight_SOURCES = tests/unit/check.h tests/unit/acme/test_preflight.c tests/unit/acme/world.c \
	tests/unit/acme/world.h
tests_unit_acme_test_preflight_LDADD = $(LIBACME) $(CMOCKA_LIBS)
# end of what is found before an order
# --- server: configurations
CONFIG_TEXT = tests/unit/check.h tests/unit/server/config_text.c tests/unit/server/config_text.h
check_PROGRAMS += tests/unit/server/test_config_acme tests/unit/server/test_config_bad
tests_unit_server_test_config_acme_SOURCES = tests/unit/server/test_config_acme.c $(CONFIG_TEXT)
tests_unit_server_test_config_acme_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_config_bad_SOURCES = tests/unit/server/test_config_bad.c $(CONFIG_TEXT)
tests_unit_server_test_config_bad_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
# --- end of server: configurations
# --- server: the status record
check_PROGRAMS += tests/unit/server/test_cert_record
tests_unit_server_test_cert_record_SOURCES = tests/unit/server/test_cert_record.c tests/unit/check.h
tests_unit_server_test_cert_record_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
# --- end of server: the status record
# --- base: other programs
check_PROGRAMS += tests/unit/base/test_child
tests_unit_base_test_child_SOURCES = tests/unit/base/test_child.c tests/unit/check.h
tests_unit_base_test_child_LDADD = $(LIBBASE) $(CMOCKA_LIBS)
# --- end of base: other programs
# --- base: URLs
check_PROGRAMS += tests/unit/base/test_url
tests_unit_base_test_url_SOURCES = tests/unit/base/test_url.c tests/unit/check.h
tests_unit_base_test_url_LDADD = $(LIBBASE) $(CURL_LIBS) $(CMOCKA_LIBS)
# --- end of base: URLs

# --- server: dnstap
check_PROGRAMS += tests/unit/server/test_dnstap tests/unit/server/test_dnstap_encode tests/unit/server/test_dnstap_ring
tests_unit_server_test_dnstap_SOURCES = tests/unit/check.h tests/unit/server/test_dnstap.c
tests_unit_server_test_dnstap_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_dnstap_encode_SOURCES = tests/unit/check.h tests/unit/server/test_dnstap_encode.c
tests_unit_server_test_dnstap_encode_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests_unit_server_test_dnstap_ring_SOURCES = tests/unit/check.h tests/unit/server/test_dnstap_ring.c
tests_unit_server_test_dnstap_ring_LDADD = $(LIBSERVER) $(CMOCKA_LIBS)
tests/unit/server/test_dnstap_encode.$(OBJEXT): server/dnstap.pb-c.h
# --- end of server: dnstap
