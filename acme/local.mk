noinst_LIBRARIES += acme/libacme.a
acme_libacme_a_SOURCES = \
	acme/acme.h \
	acme/csr.c acme/csr.h \
	acme/http.c acme/http.h \
	acme/jws.c acme/jws.h \
	acme/reply.c acme/reply.h \
	acme/tlsa.c acme/tlsa.h
LIBACME = acme/libacme.a $(LIBZONES) $(CURL_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(LIBEVENT_LIBS)
