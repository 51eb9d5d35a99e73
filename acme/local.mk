noinst_LIBRARIES += acme/libacme.a
acme_libacme_a_SOURCES = \
	acme/acme.h
LIBACME = acme/libacme.a $(LIBZONES) $(CURL_LIBS) $(JANSSON_LIBS) $(LIBEVENT_LIBS)
