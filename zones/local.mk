noinst_LIBRARIES += zones/libzones.a
zones_libzones_a_SOURCES = \
	zones/baseline.c zones/baseline.h \
	zones/catalog.c zones/catalog.h \
	zones/changeset.c zones/changeset.h \
	zones/check.c zones/check.h \
	zones/check_content.c \
	zones/check_internal.h \
	zones/check_target.c \
	zones/collect.c \
	zones/commit.c zones/commit.h \
	zones/commit_build.c zones/commit_build.h \
	zones/commit_internal.h \
	zones/commit_load.c \
	zones/complaint.c zones/complaint.h \
	zones/editor.c zones/editor.h \
	zones/editor_compare.c \
	zones/editor_entry.c \
	zones/editor_inline.c \
	zones/editor_internal.h \
	zones/editor_lines.c \
	zones/editor_place.c \
	zones/editor_style.c \
	zones/editor_write.c \
	zones/fields.h zones/fields_in.c zones/fields_out.c \
	zones/forms.c zones/forms.h \
	zones/forms_special.c \
	zones/generate.c zones/generate.h \
	zones/image.c zones/image.h \
	zones/git.c zones/git.h \
	zones/git_child.c \
	zones/git_child_compact.c \
	zones/git_child_copy.c \
	zones/git_child_fetch.c \
	zones/git_child_local.c \
	zones/git_child_net.c \
	zones/git_child_password.c \
	zones/git_child_pipe.c \
	zones/git_child_push.c \
	zones/git_child_ssh.c \
	zones/git_child_unpack.c \
	zones/git_commit.c \
	zones/git_compact.c \
	zones/git_credentials.c \
	zones/git_diff.c \
	zones/git_exchange.c \
	zones/git_fault.c \
	zones/git_files.c zones/git_files.h \
	zones/git_files_write.c zones/git_files_write.h \
	zones/git_history.c \
	zones/git_internal.h \
	zones/git_known_hosts.c \
	zones/git_loose.c \
	zones/git_loose_read.c \
	zones/git_loose_write.c \
	zones/git_pack.c zones/git_pack.h \
	zones/git_parent.c \
	zones/git_path.c \
	zones/git_reader.c \
	zones/git_repository.c \
	zones/git_sign.c \
	zones/git_tree.c \
	zones/gitzone.c zones/gitzone.h \
	zones/git_verify.c zones/git_verify.h \
	zones/journal.c zones/journal.h \
	zones/journal_backup.c \
	zones/journal_internal.h \
	zones/journal_mark.c \
	zones/journal_notes.c \
	zones/journal_prune.c \
	zones/journal_read.c \
	zones/journal_schema.c \
	zones/journal_sum.c \
	zones/keyfile.c zones/keyfile.h \
	zones/lexer.c zones/lexer.h \
	zones/load.c zones/load.h \
	zones/loc.c \
	zones/node.c zones/node.h \
	zones/nodeview.h \
	zones/negative.c \
	zones/notes.c zones/notes.h \
	zones/nsec3.c zones/nsec3.h \
	zones/pending.c zones/pending.h \
	zones/placed.c zones/placed.h \
	zones/qp.c zones/qp.h \
	zones/qpbag.c \
	zones/qpbranch.h \
	zones/qpbuild.c \
	zones/qpkey.c \
	zones/qplabel.c \
	zones/qpstore.c zones/qpstore.h \
	zones/qpwrite.c \
	zones/rcu.c zones/rcu.h \
	zones/rdata_tokens.h \
	zones/reader.c zones/reader.h \
	zones/reader_internal.h \
	zones/reader_part.c \
	zones/ready.c \
	zones/removal.c zones/removal.h \
	zones/review.c zones/review.h \
	zones/review_internal.h \
	zones/review_keys.c \
	zones/revoked.c \
	zones/rr.c zones/rr.h \
	zones/rrmap.c zones/rrmap.h \
	zones/rrsort.c zones/rrsort.h \
	zones/serial.c zones/serial.h \
	zones/signers.c zones/signers.h \
	zones/sshkey.c zones/sshkey.h \
	zones/sshprivate.c \
	zones/sshsig.c zones/sshsig.h \
	zones/sshverify.c \
	zones/store.c zones/store.h zones/store_internal.h \
	zones/store_fill.c \
	zones/svcb.c \
	zones/text.c zones/text.h \
	zones/version.c zones/version.h \
	zones/versionpriv.h \
	zones/writer.c zones/writer.h \
	zones/zone.c zones/zone.h \
	zones/zonetable.c zones/zonetable.h \
	zones/zoneset.c zones/zoneset.h
LIBZONES = zones/libzones.a $(LIBTSIG) $(LDNS_LIBS) $(LIBGIT2_LIBS) $(ZLIB_LIBS) $(URCU_LIBS) $(SQLITE_LIBS)
