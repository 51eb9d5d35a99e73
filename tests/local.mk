# Unit tests mirror the rooms: tests/unit/wire/test_dname.c tests wire/dname.c.
EXTRA_DIST += tests/fuzz/corpus

# Fuzz targets: configure --enable-fuzzing CC=clang (best with --enable-sanitizers), then for one
#   ./tests/fuzz/fuzz_tsig -max_total_time=30 tests/fuzz/corpus/tsig
# Each is listed here with its room's libraries; its seeds are in tests/fuzz/corpus/NAME/.
if FUZZING
FUZZ_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer

# wire, tsig
noinst_PROGRAMS += tests/fuzz/fuzz_message tests/fuzz/fuzz_tsig
tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz_message.c
tests_fuzz_fuzz_message_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_message_LDADD = $(LIBWIRE)
tests_fuzz_fuzz_tsig_SOURCES = tests/fuzz/fuzz_tsig.c
tests_fuzz_fuzz_tsig_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_tsig_LDADD = $(LIBTSIG)
# end of wire, tsig
endif


# acme
check_PROGRAMS += tests/unit/acme/test_csr tests/unit/acme/test_jws tests/unit/acme/test_reply
tests_unit_acme_test_csr_SOURCES = tests/unit/check.h tests/unit/acme/pki.c tests/unit/acme/pki.h tests/unit/acme/test_csr.c
tests_unit_acme_test_csr_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_jws_SOURCES = tests/unit/check.h tests/unit/acme/test_jws.c
tests_unit_acme_test_jws_LDADD = $(LIBACME) $(CMOCKA_LIBS)
tests_unit_acme_test_reply_SOURCES = tests/unit/check.h tests/unit/acme/test_reply.c
tests_unit_acme_test_reply_LDADD = $(LIBACME) $(CMOCKA_LIBS)
# end of acme
