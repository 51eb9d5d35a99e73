noinst_LIBRARIES += zones/libzones.a
zones_libzones_a_SOURCES = \
	zones/changeset.c zones/changeset.h \
	zones/check.h \
	zones/commit.c zones/commit.h \
	zones/git.h \
	zones/journal.c zones/journal.h \
	zones/pending.c zones/pending.h \
	zones/rcu.h \
	zones/reader.h \
	zones/rr.c zones/rr.h \
	zones/rrmap.c zones/rrmap.h \
	zones/serial.c zones/serial.h \
	zones/store.h \
	zones/text.h \
	zones/version.h \
	zones/zone.c zones/zone.h \
	zones/zoneset.h
LIBZONES = zones/libzones.a $(LIBTSIG) $(LDNS_LIBS) $(LIBGIT2_LIBS) $(URCU_LIBS) $(SQLITE_LIBS)
