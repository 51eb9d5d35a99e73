# The benchmark's own programs: "make bench-programs"; tests/bench/run says what they are for.
bench_programs = tests/bench/echo tests/bench/load tests/bench/load_update
EXTRA_PROGRAMS = $(bench_programs)
tests_bench_echo_SOURCES = tests/bench/echo.c
tests_bench_load_SOURCES = tests/bench/load.c tests/bench/load.h tests/bench/load_tcp.c tests/bench/load_udp.c
tests_bench_load_LDADD = $(LIBWIRE)
tests_bench_load_update_SOURCES = tests/bench/load_update.c
tests_bench_load_update_LDADD = $(LIBTSIG)
CLEANFILES += $(bench_programs)
EXTRA_DIST += tests/bench/lib tests/bench/run

.PHONY: bench-programs
bench-programs: $(bench_programs)
