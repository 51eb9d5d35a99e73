noinst_LIBRARIES += zones/libzones.a
zones_libzones_a_SOURCES = \
	zones/changeset.c zones/changeset.h \
	zones/check.h \
	zones/commit.c zones/commit.h \
	zones/git.c zones/git.h \
	zones/git_child.c \
	zones/git_child_fetch.c \
	zones/git_child_net.c \
	zones/git_child_push.c \
	zones/git_commit.c \
	zones/git_exchange.c \
	zones/git_fault.c \
	zones/git_internal.h \
	zones/git_parent.c \
	zones/git_path.c \
	zones/git_tree.c \
	zones/journal.c zones/journal.h \
	zones/node.c zones/node.h \
	zones/pending.c zones/pending.h \
	zones/qp.c zones/qp.h \
	zones/qpbranch.h \
	zones/qpbuild.c \
	zones/qpkey.c \
	zones/qpstore.c zones/qpstore.h \
	zones/qpwrite.c \
	zones/rcu.h \
	zones/reader.h \
	zones/rr.c zones/rr.h \
	zones/rrmap.c zones/rrmap.h \
	zones/serial.c zones/serial.h \
	zones/store.c zones/store.h \
	zones/text.h \
	zones/version.c zones/version.h \
	zones/versionpriv.h \
	zones/zone.c zones/zone.h \
	zones/zoneset.c zones/zoneset.h
LIBZONES = zones/libzones.a $(LIBTSIG) $(LDNS_LIBS) $(LIBGIT2_LIBS) $(URCU_LIBS) $(SQLITE_LIBS)
