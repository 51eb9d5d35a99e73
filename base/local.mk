noinst_LIBRARIES += base/libbase.a
base_libbase_a_SOURCES = \
	base/awake.c base/awake.h \
	base/buf.c base/buf.h \
	base/child.c base/child.h \
	base/clock.c base/clock.h \
	base/digest.c base/digest.h \
	base/encoding.c base/encoding.h \
	base/err.c base/err.h \
	base/file.c base/file.h \
	base/huge.c base/huge.h \
	base/log.c base/log.h \
	base/parallel.c base/parallel.h \
	base/pool.c base/pool.h \
	base/queue.c base/queue.h \
	base/siphash.c base/siphash.h \
	base/url.c base/url.h
LIBBASE = base/libbase.a
