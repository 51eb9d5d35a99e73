noinst_LIBRARIES += tsig/libtsig.a
tsig_libtsig_a_SOURCES = \
	tsig/client.c \
	tsig/key.c tsig/key.h \
	tsig/key_file.c \
	tsig/keyring.c tsig/keyring.h \
	tsig/mac.c tsig/mac.h \
	tsig/policy.c tsig/policy.h \
	tsig/record.c tsig/record.h \
	tsig/server.c \
	tsig/tsig.h
LIBTSIG = tsig/libtsig.a $(LIBWIRE) $(OPENSSL_LIBS)
