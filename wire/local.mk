noinst_LIBRARIES += wire/libwire.a
wire_libwire_a_SOURCES = \
	wire/dname.c wire/dname.h \
	wire/message.c wire/message.h \
	wire/rdata.c wire/rdata.h \
	wire/reader.c wire/reader.h \
	wire/rrtype.c wire/rrtype.h \
	wire/writer.c wire/writer.h
LIBWIRE = wire/libwire.a $(LIBBASE)
