noinst_LIBRARIES += tsig/libtsig.a
tsig_libtsig_a_SOURCES = \
	tsig/key.h \
	tsig/keyring.h \
	tsig/tsig.h
LIBTSIG = tsig/libtsig.a $(LIBWIRE) $(OPENSSL_LIBS)
