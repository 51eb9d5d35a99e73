noinst_LIBRARIES += zones/libzones.a
zones_libzones_a_SOURCES = \
	zones/check.h \
	zones/git.h \
	zones/rcu.h \
	zones/reader.h \
	zones/rr.c zones/rr.h \
	zones/store.h \
	zones/text.h \
	zones/version.h \
	zones/zoneset.h
LIBZONES = zones/libzones.a $(LIBTSIG) $(LDNS_LIBS) $(LIBGIT2_LIBS) $(URCU_LIBS) $(SQLITE_LIBS)
